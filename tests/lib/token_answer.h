/* SPDX-License-Identifier: MIT */
/* A look-up of a client token, and what came of it. */
#ifndef LIB_TOKEN_ANSWER_H
#define LIB_TOKEN_ANSWER_H

#include <stdio.h>

#include "handler/token_source.h"

struct answer {
    struct token_lookup lookup;
    unsigned count;
    enum token_found found;
    char token[300], why[600];
};

static void on_done(struct token_lookup *l, enum token_found found, str token, const char *why)
{
    struct answer *a = (struct answer *)l;
    a->count++;
    a->found = found;
    snprintf(a->token, sizeof a->token, "%.*s", STR_ARG(token));
    snprintf(a->why, sizeof a->why, "%s", why);
}

#endif

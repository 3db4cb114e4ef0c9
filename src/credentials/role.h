/* SPDX-License-Identifier: MIT */
/* A role to assume, and the rules of STS for what describes one. Pure. */
#ifndef CREDENTIALS_ROLE_H
#define CREDENTIALS_ROLE_H

#include <stdint.h>

#include "base/str.h"

/* Empty members are left to STS, or to us: session_name. */
struct role {
    str arn, session_name, external_id;
    uint32_t duration_s; /* 0: 3600 */
};

enum { ROLE_CHAINED_DURATION_S = 3600 }; /* the longest with the credentials of another role */

/* How the members are called where they were written: each begins or continues a sentence. */
struct role_words {
    const char *subject; /* ends in a blank, or is empty */
    const char *arn, *session_name, *external_id, *duration;
};
/* Complain of the first member that breaks a rule of STS. 0 when none does, else status. */
int role_explain(const struct role *r, const struct role_words *w, int status,
                 struct pipepoll_error *why);

/* The account in a role's ARN, empty when there is none. */
str role_account(str arn);

/* Where STS is asked for it: the configured region, or that of a target, whichever is of the role's
 * partition, or else one of that partition's that every account has. Either may be empty; so is the
 * result when nobody knows one, which is the global endpoint. */
str role_region(const struct role *r, str configured, str target);

bool role_eq(const struct role *a, const struct role *b);

#endif

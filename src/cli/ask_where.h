/* SPDX-License-Identifier: MIT */
/* Whom a command asks how it stands: the `pipepoll run` whose file is named, at the address of its
 * [http], or whoever listens at an address. */
#ifndef CLI_ASK_WHERE_H
#define CLI_ASK_WHERE_H

#include "cli/command.h"
#include "config/http_config.h"

struct ask_where {
    const char *config, *at, *token_file; /* of the command line; NULL: not given */
    struct http_config http;              /* private: of the file */
};

/* From the command line to an address and a token: sets `at`, and token_file where the file has
 * one. What else the file says is not looked at. Returns EXIT_FINE, or what to exit with; the user
 * was told why. Deinit in any case. */
int ask_where_find(struct ask_where *w, const struct command *command);
void ask_where_deinit(struct ask_where *w);

#endif

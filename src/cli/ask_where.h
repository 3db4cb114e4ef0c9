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

/* The first flags of such a command: in its table, and its enum goes on from the count. */
enum { ASK_WHERE_CONFIG, ASK_WHERE_AT, ASK_WHERE_TOKEN_FILE, ASK_WHERE_FLAG_COUNT };
#define ASK_WHERE_FLAGS                                                                            \
    [ASK_WHERE_CONFIG] = { STR_INIT("--config"), "FILE",                                           \
                           "the file of `pipepoll run`, whose [http] says where it listens;\n"     \
                           "--config may be left out" },                                           \
    [ASK_WHERE_AT] = { STR_INIT("--at"), "ADDRESS",                                                \
                       "where it listens, instead: 127.0.0.1:9464, unix:/run/pipepoll/http,\n"     \
                       "or the URL that it shows" },                                               \
    [ASK_WHERE_TOKEN_FILE] = { STR_INIT("--token-file"), "FILE",                                   \
                               "the file of the token that it wants, instead of [http]'s" }

/* The value of one of them; it is borrowed. */
void ask_where_take(struct ask_where *w, int flag, str value);

/* From the command line to an address and a token: sets `at`, and token_file where the file has
 * one. What else the file says is not looked at. Returns EXIT_FINE, or what to exit with; the user
 * was told why. Deinit in any case. */
int ask_where_find(struct ask_where *w, const struct command *command);
void ask_where_deinit(struct ask_where *w);

#endif

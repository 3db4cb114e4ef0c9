/* SPDX-License-Identifier: MIT */
/* What a connection logs in with, read from files right before. */
#ifndef FLEET_NATS_LOGIN_H
#define FLEET_NATS_LOGIN_H

#include <sys/types.h>

#include "fleet/nats_engine.h"
#include "fleet/nats_greeting.h"

enum { NATS_NKEY_SIZE = 57, NATS_PASSWORD_MAX = 1024 };

struct nats_login {
    char nkey[NATS_NKEY_SIZE]; /* public, U...; empty: none */
    char password[NATS_PASSWORD_MAX];
};

/* Blocks, but not on a pipe. PIPEPOLL_ECREDENTIALS, with a line that names the file, and *out has
 * nothing. */
int nats_login_read(struct nats_login *out, const struct nats_options *o,
                    struct pipepoll_error *why);
void nats_login_wipe(struct nats_login *l);

/* May we try, by what the server says of itself? PIPEPOLL_ECREDENTIALS with what is missing;
 * ESYSTEM: it is too old. Pure. */
int nats_login_suits(const struct nats_options *o, const char *server,
                     const struct nats_greeting *g, struct pipepoll_error *why);

/* The beginning of a file: how much of it was read. -1: errno says why not, and nothing of it is
 * left. Blocks, but not on a pipe. */
ssize_t nats_login_read_file(char *out, size_t size, const char *path);
/* The next line that is not empty, without blanks at its ends; empty: there is none. */
str nats_login_next_line(str *text);

/* The public key of a user's seed, of 58 characters. false: it is none. */
bool nats_nkey_public(char out[NATS_NKEY_SIZE], str seed);

#endif

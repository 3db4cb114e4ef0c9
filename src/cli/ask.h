/* SPDX-License-Identifier: MIT */
/* Ask a running `pipepoll run` how it stands: one GET over TCP or a unix socket, with a deadline.
 * For commands that have nothing else to do meanwhile: these block. Whoever answers may be anybody:
 * what is told of it in `why` is fit for a terminal. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <stdint.h>

#include "base/socket_address.h"

enum {
    ASK_TIMEOUT_MS = 2000,
    ASK_BODY_MAX = 64 << 20 /* of an answer: /status.json has some hundred bytes for a target */
};

struct ask {
    const char *address;    /* of ask_address_read() */
    const char *token_file; /* what it holds goes along as a bearer token; NULL: nothing does */
    const char *path;       /* "/readyz", perhaps with a query */
    uint32_t timeout_ms;    /* from the call to the last byte; 0: ASK_TIMEOUT_MS */
};

struct ask_answer {
    unsigned status; /* of HTTP: 200, 401, 503, ... */
    char *body;      /* a NUL is behind it; to be freed */
    size_t len;
};

/* Whatever its status, an answer is PIPEPOLL_OK. Without a whole one: PIPEPOLL_EINVAL, the address
 * or the file of the token is of no use; PIPEPOLL_ETRANSPORT, nobody answers there;
 * PIPEPOLL_ETIMEDOUT; PIPEPOLL_EPROTO, it is not understood or too long; PIPEPOLL_ESYSTEM;
 * PIPEPOLL_ENOMEM. SIGPIPE may be at its default. */
int ask(struct ask_answer *out, const struct ask *a, struct pipepoll_error *why);

/* The body up to its first line end, as it came: see cli/screen.h. */
str ask_answer_line(const struct ask_answer *answer);

/* Of an answer that is not what was asked for: its status, the first line of its body, if it has
 * one, and what to do. Returns PIPEPOLL_EPROTO. */
int ask_refuse(const struct ask_answer *answer, const char *address, struct pipepoll_error *why);

/* Whom people mean: what base/socket_address.h reads, or the URL that `run` shows of it,
 * "http://127.0.0.1:9464/". PIPEPOLL_EINVAL, with `why`: it is none, or nobody can be there. */
int ask_address_read(struct socket_address *out, const char *text, struct pipepoll_error *why);

#endif

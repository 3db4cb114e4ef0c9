/* SPDX-License-Identifier: MIT */
/* A connection that speaks HTTP/1.1, idle or at work on one transfer. h1_connection.c makes and
 * ends them and chooses among them, h1_bytes.c moves their bytes. Private to those two. */
#ifndef IO_H1_CONNECTION_H
#define IO_H1_CONNECTION_H

#include "io/connection.h"
#include "io/transfer.h"

struct h1_connection {
    struct list idle_link; /* of the pool's */
    struct list rest_link; /* of the transport's */
    struct transfer *x;    /* NULL: idle */
    bool alone;            /* there was no other when it began to connect */
    bool malformed;        /* what came is not HTTP, or past a limit */
    bool broken;           /* the socket has an error: reading will meet it, or sending has */
    uint64_t used_ns;      /* began or ended a transfer */
    const char *problem;   /* in the start of x, or in sending: told unless there is an answer */
    struct connection connection;
};

void h1_connection_close(struct h1_connection *h1);
/* End the transfer: with a fault, which the connection does not outlive; or with a whole answer,
 * after which it rests unless the connection has ended. detail may be the connection's own. */
void h1_connection_fail(struct h1_connection *h1, enum fault fault, const char *detail);
void h1_connection_finish(struct h1_connection *h1, bool ended);

/* Send the request of the connection's transfer; what the socket does not take goes out by and by.
 * Returns the problem, or NULL. */
const char *h1_connection_send(struct h1_connection *h1);
/* What sending has met ends the transfer, unless there is an answer. */
void h1_connection_on_unsendable(struct h1_connection *h1, const char *problem);
void h1_connection_on_ready(struct connection *c, int bits);
/* The connection ended before its first answer, by error or without one: note why, and return that
 * or a better text in `text`. */
const char *h1_connection_blame(struct h1_connection *h1, const char *error,
                                char text[ROUTE_PROBLEM_SIZE]);

#endif

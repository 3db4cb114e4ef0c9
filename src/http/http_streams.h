/* SPDX-License-Identifier: MIT */
/* The streams of a server: replies that go on, each with what it has still to send. Private to the
 * server. */
#ifndef HTTP_HTTP_STREAMS_H
#define HTTP_HTTP_STREAMS_H

#include "base/list.h"
#include "http/http_server.h"

struct MHD_Connection;

struct http_streams {
    struct list list; /* of exchanges */
    uint32_t count;
    /* Of one: it has another piece to send from now on; it has sent all there is. */
    void (*works)(void *ctx, struct MHD_Connection *connection);
    void (*rests)(void *ctx, struct MHD_Connection *connection);
    void *ctx;
};

/* See http_server_push(). */
void http_streams_push(struct http_streams *streams, http_piece_fn *piece, void *ctx);
/* Each ends after what it has. */
void http_streams_end(struct http_streams *streams);

#endif

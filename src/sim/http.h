/* SPDX-License-Identifier: MIT */
/* The HTTP face: libmicrohttpd on a libuv loop, with requests that take their time, there and
 * back, and answers that can be slow, cut or reset. libmicrohttpd lives behind these lines and
 * nowhere else. */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include "sim/http_message.h"

struct uv_loop_s;
struct http;

struct http_options {
    struct uv_loop_s *loop;
    int fd;                         /* listening; taken, also on failure */
    bool ipv6;                      /* of the socket */
    const char *cert_pem, *key_pem; /* NULL: no TLS */
    /* A request is complete: the latency of its round trip, in ms. Half of it passes before
     * answer() is called, half before what that says is sent. */
    uint32_t (*receive)(void *ctx, const struct request *rq);
    /* Fill the zeroed reply, as of `when`. The request dies on return. May call http_close(). */
    void (*answer)(void *ctx, const struct request *rq, struct instant when, struct reply *reply);
    void *ctx;
};

/* PIPEPOLL_ENOMEM, PIPEPOLL_ESYSTEM. */
int http_open(struct http **out, const struct http_options *o, struct pipepoll_error *why);
/* No receive() or answer() any more; connections end; then `closed`, from the loop, and h is
 * gone. */
void http_close(struct http *h, void (*closed)(void *ctx), void *ctx);

/* Connections accepted so far. */
uint64_t http_connections(const struct http *h);

#endif

/* SPDX-License-Identifier: MIT */
/* A small HTTP/1.1 server on a libuv loop, for what the daemon is asked: credentials, call-backs,
 * metrics. It neither blocks the loop nor starts a thread, and whatever its clients do costs a
 * bounded amount of memory, time, and work in one turn of the loop. libmicrohttpd is behind these
 * lines and nowhere else.
 *
 * All on the loop's thread. */
#ifndef HTTP_HTTP_SERVER_H
#define HTTP_HTTP_SERVER_H

#include <stdint.h>

#include "base/str.h"

struct uv_loop_s;
struct http_body;
struct http_server;

/* Complete; it dies, and is wiped, when answer() returns. */
struct http_request {
    str method;
    str path;         /* as it was sent, nothing unescaped; without the '?' and what follows it */
    str query;        /* what follows it; may be empty */
    str body;         /* any bytes */
    void *connection; /* private */
};

/* The first header of that name, in any case, without blanks around; empty if there is none. */
str http_request_header(const struct http_request *request, const char *name);

struct http_header {
    const char *name, *value;
};

/* Zero when answer() gets it, but for the status, 500. */
struct http_reply {
    unsigned status;                   /* 200..599 */
    const char *content_type;          /* static, as are the next two; NULL: no such header */
    const char *allow;                 /* of a 405 */
    const struct http_header *headers; /* others */
    size_t header_count;
    char *body; /* from malloc(), taken: it is wiped (but for a stream's) and freed; may be NULL */
    size_t len; /* of it */
    /* Instead of the two: one reference, taken. Others may send it too; it is not wiped. */
    struct http_body *shared;
    bool close; /* the connection ends with this reply */
    /* It goes on after the body, which is its first piece: with what http_server_push() gives, as
     * long as the client takes it. Not to a HEAD. */
    bool is_stream;
};

/* Zero means the default. Copied. */
struct http_server_options {
    const char *address;      /* where to listen: see http_listen.h */
    uint32_t max_connections; /* 0: 64; others wait in the backlog until one ends */
    uint32_t max_head_bytes;  /* of request line and headers, roughly; 0: 16384; longer ones get
                               * 414 or 431 */
    uint32_t max_body_bytes;  /* 0: no body is taken; longer ones get 413, or are cut off */
    uint32_t max_streams;     /* at once; 0: 16; others get 503 */
    /* How long a connection may have no request line, and how long it may take from there to the
     * last byte of the reply, even if it is never silent; then it is cut. Of a stream, how long one
     * piece may take. 0: 10000 */
    uint32_t timeout_ms;
    /* Answer it, at once. May call http_server_close(). */
    void (*answer)(void *ctx, const struct http_request *request, struct http_reply *reply);
    void *ctx;
};

/* PIPEPOLL_EINVAL, PIPEPOLL_ESYSTEM: the address, see http_listen.h; PIPEPOLL_ENOMEM. */
int http_server_open(struct http_server **out, struct uv_loop_s *loop,
                     const struct http_server_options *o, struct pipepoll_error *why);

/* Where it listens: "http://127.0.0.1:8080"; "unix:PATH". As long as the server lives. */
const char *http_server_url(const struct http_server *server);

/* How many streams there are now. */
uint32_t http_server_streams(const struct http_server *server);

/* Send every stream one more piece: what piece() gives for the query of its request, a reference
 * that is taken (streams of equal queries had better get the same body); NULL: nothing. A stream
 * that still has to send the piece before gets it after that; if another one is pushed meanwhile,
 * that one alone: whoever reads slowly misses some. */
typedef struct http_body *http_piece_fn(void *ctx, str query);
void http_server_push(struct http_server *server, http_piece_fn *piece, void *ctx);

/* Every stream ends after the pieces that it has. */
void http_server_end_streams(struct http_server *server);

/* No connection is accepted and answer() is not called any more. Streams end after the pieces that
 * they have; replies under way have until the deadline (0: none); all other connections end at
 * once. Then closed() (may be NULL), from the loop, and the server is gone. A second call does
 * nothing. */
void http_server_close(struct http_server *server, uint32_t deadline_ms, void (*closed)(void *ctx),
                       void *ctx);

#endif

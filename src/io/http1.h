/* Framing of HTTP/1.1 (RFC 9112): a request to bytes, bytes to an answer. llhttp, the parser of
 * Node.js, lives behind these lines. No I/O. Private to io/. */
#ifndef IO_HTTP1_H
#define IO_HTTP1_H

#include <llhttp.h>

#include "base/buf.h"
#include "io/transport.h"

enum http1_result {
    HTTP1_MORE = 0, /* the answer goes on */
    HTTP1_DONE,     /* it is whole */
    HTTP1_CUT,      /* the connection ended in the middle of it */
    HTTP1_BAD       /* not HTTP, or past a limit of the transfer */
};

enum { HTTP1_NAME_MAX = 40 };

/* One connection's parser. */
struct http1 {
    llhttp_t parser;
    struct transfer *x;
    struct wanted_header *wanted; /* whose value is coming */
    size_t name_len;
    char name[HTTP1_NAME_MAX]; /* of the header that is coming; a longer one is not wanted */
    bool done, any;            /* any: something came at all */
};

/* "POST path HTTP/1.1", the head, Content-Length where there is to be one, and the body, as one.
 * path: for a transfer without its own. Sets out->overflow. */
void http1_put_request(struct buf *out, const struct transfer *x, str path);

/* Before each answer. */
void http1_begin(struct http1 *h, struct transfer *x);
/* More came; after HTTP1_DONE, *used says how much of it belonged to the answer. */
enum http1_result http1_feed(struct http1 *h, str bytes, size_t *used);
/* The connection ended: HTTP1_DONE for an answer that ends with it, else HTTP1_CUT. */
enum http1_result http1_feed_end(struct http1 *h);
/* After HTTP1_DONE: may the connection be used again? */
bool http1_keeps_alive(const struct http1 *h);
/* What was wrong, after HTTP1_BAD; static text. */
const char *http1_problem(const struct http1 *h);

#endif

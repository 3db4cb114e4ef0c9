/* SPDX-License-Identifier: MIT */
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

enum {
    HTTP1_HELD_MAX = 96, /* bytes of a line or value that are looked at; no good one is longer */
    HTTP1_PROBLEM_SIZE = 192
};

/* One answer's parser. */
struct http1 {
    llhttp_t parser;
    struct transfer *x;
    enum {
        HTTP1_STATUS,
        HTTP1_LINE,
        HTTP1_NAME,
        HTTP1_VALUE,
        HTTP1_DATA,
        HTTP1_CHUNK_SIZE,
        HTTP1_CHUNK_END,
        HTTP1_TRAILER
    } at;
    enum http1_header { HTTP1_OTHER, HTTP1_LENGTH, HTTP1_CODING, HTTP1_CONNECTION } header;
    size_t wanted; /* whose value is coming; WANTED_HEADERS_MAX: nobody wants it */
    size_t held_len;
    char held[HTTP1_HELD_MAX]; /* of the line or value that is coming */
    bool held_cut;             /* it was longer */
    bool after_cr;             /* the line may have ended: its LF is to come */
    bool after_fold;           /* blanks that begin a continued line may still come */
    bool has_length, is_chunked;
    uint64_t length;
    uint64_t left; /* bytes of body that may follow before the next line */
    bool must_close;
    bool done;
    char problem[HTTP1_PROBLEM_SIZE];
};

/* "POST path HTTP/1.1", the head, Content-Length where there is to be one, and the body, as one.
 * path: for a transfer without its own. Sets out->overflow. */
void http1_put_request(struct buf *out, const struct transfer *x, str path);

/* At most so many bytes does it put. */
size_t http1_request_max(const struct transfer *x, str path);

/* Before each answer: it is x's. */
void http1_begin(struct http1 *h, struct transfer *x);
/* More came; after HTTP1_DONE, *used says how much of it belonged to the answer.
 *
 * Taken as curl and botocore take it: lines that end with LF alone, folded header values, header
 * names and values of any characters, blanks and extensions behind a chunk's size, equal
 * Content-Lengths, Transfer-Encoding beside Content-Length (chunked wins), and no body ever with
 * 1xx, 204 and 304. Refused, since two readers could read it in two ways: different lengths, a
 * length or size that is not plain digits, a blank before the colon of what frames the body,
 * another coding than chunked or identity, CR without LF and NUL in a head, and a header line
 * without a colon. Trailers are dropped: they override no header. */
enum http1_result http1_feed(struct http1 *h, str bytes, size_t *used);
/* The connection ended: HTTP1_DONE for an answer that ends with it, else HTTP1_CUT. */
enum http1_result http1_feed_end(struct http1 *h);
/* After HTTP1_DONE: may the connection be used again? Not after an answer whose framing another
 * reader could have understood otherwise. */
bool http1_keeps_alive(const struct http1 *h);
/* Wipe what it holds of the answer's text; begin anew then. */
void http1_wipe(struct http1 *h);
/* What was wrong, after HTTP1_BAD, with what was found; h's, one plain line. */
const char *http1_problem(const struct http1 *h);

#endif

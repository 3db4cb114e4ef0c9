/* SPDX-License-Identifier: MIT */
/* A reply that goes on: what is to be sent of it, piece by piece. Pieces are bodies that streams
 * share; each keeps the one that it is sending, and the newest behind that. Pure, but for memory.
 * Private to http/. */
#ifndef HTTP_HTTP_STREAM_H
#define HTTP_HTTP_STREAM_H

#include "base/str.h"
#include "http/http_body.h"

struct http_stream {
    struct http_body *current, *next; /* NULL: none */
    size_t sent;                      /* of the current one */
    bool has_ended;                   /* nothing comes after the current one */
};

/* One more piece, in place of one that waits. Takes no reference from its caller. */
void http_stream_put(struct http_stream *s, struct http_body *piece);

/* So many bytes of it into room; 0: there is none now. */
size_t http_stream_take(struct http_stream *s, char *room, size_t size);

void http_stream_deinit(struct http_stream *s); /* fine on a zeroed one */

#endif

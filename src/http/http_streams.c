/* SPDX-License-Identifier: MIT */
/* Each is asked for by its query; that equal ones are the same body is their maker's business. */
#include "http/http_streams.h"

#include "http/http_exchange.h"

static struct http_exchange *stream_at(struct list *l)
{
    return CONTAINER_OF(l, struct http_exchange, link);
}

void http_streams_push(struct http_streams *streams, http_piece_fn *fn, void *ctx)
{
    for (struct list *l = streams->list.next; l != &streams->list; l = l->next) {
        struct http_exchange *x = stream_at(l);
        struct http_body *piece = fn(ctx, http_exchange_query(x));
        if (piece)
            http_exchange_push(x, piece);
        http_body_unref(piece);
    }
}

void http_streams_end(struct http_streams *streams)
{
    for (struct list *l = streams->list.next; l != &streams->list; l = l->next)
        http_exchange_push(stream_at(l), NULL);
}

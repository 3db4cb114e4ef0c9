/* Those that asked for the same get the same piece: what it is made of is looked at once. */
#include "http/http_streams.h"

#include "http/http_exchange.h"

static struct http_exchange *stream_at(struct list *l)
{
    return CONTAINER_OF(l, struct http_exchange, link);
}

/* What a stream before x with the same query got; NULL: there is none. */
static struct http_piece *find_piece(const struct http_streams *streams, struct http_exchange *x)
{
    for (struct list *l = streams->list.next; l != &x->link; l = l->next)
        if (str_eq(http_exchange_query(stream_at(l)), http_exchange_query(x)))
            return stream_at(l)->stream.next;
    return NULL;
}

static void push_anew(struct http_exchange *x, http_piece_fn *fn, void *ctx)
{
    size_t len;
    char *bytes = fn(ctx, http_exchange_query(x), &len);
    struct http_piece *piece = bytes ? http_piece_new(bytes, len) : NULL;
    if (piece)
        http_exchange_push(x, piece);
    http_piece_unref(piece);
}

void http_streams_push(struct http_streams *streams, http_piece_fn *fn, void *ctx)
{
    for (struct list *l = streams->list.next; l != &streams->list; l = l->next) {
        struct http_piece *piece = find_piece(streams, stream_at(l));
        if (piece)
            http_exchange_push(stream_at(l), piece);
        else
            push_anew(stream_at(l), fn, ctx);
    }
}

void http_streams_end(struct http_streams *streams)
{
    for (struct list *l = streams->list.next; l != &streams->list; l = l->next)
        http_exchange_push(stream_at(l), NULL);
}

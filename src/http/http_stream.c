/* A slow reader costs two references, however slow it is. */
#include "http/http_stream.h"

#include <stdlib.h>
#include <string.h>

struct http_piece *http_piece_new(char *bytes, size_t len)
{
    struct http_piece *piece = malloc(sizeof *piece);
    if (piece)
        *piece = (struct http_piece) { 1, len, bytes };
    else
        free(bytes);
    return piece;
}

void http_piece_unref(struct http_piece *piece)
{
    if (!piece || --piece->references)
        return;
    free(piece->bytes);
    free(piece);
}

void http_stream_put(struct http_stream *s, struct http_piece *piece)
{
    if (s->has_ended)
        return;
    piece->references++;
    http_piece_unref(s->next);
    s->next = piece;
}

static bool find_current(struct http_stream *s)
{
    if (s->current && s->sent < s->current->len)
        return true;
    http_piece_unref(s->current);
    s->current = s->next;
    s->next = NULL;
    s->sent = 0;
    return s->current && s->current->len;
}

size_t http_stream_take(struct http_stream *s, char *room, size_t size)
{
    if (!find_current(s))
        return 0;
    size_t len = s->current->len - s->sent;
    len = len < size ? len : size;
    memcpy(room, s->current->bytes + s->sent, len);
    s->sent += len;
    return len;
}

void http_stream_deinit(struct http_stream *s)
{
    http_piece_unref(s->current);
    http_piece_unref(s->next);
    *s = (struct http_stream) { .sent = 0 };
}

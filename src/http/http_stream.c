/* SPDX-License-Identifier: MIT */
/* A slow reader costs two references, however slow it is. */
#include "http/http_stream.h"

#include <string.h>

void http_stream_put(struct http_stream *s, struct http_body *piece)
{
    if (s->has_ended)
        return;
    http_body_unref(s->next);
    s->next = http_body_ref(piece);
}

static bool find_current(struct http_stream *s)
{
    if (s->current && s->sent < s->current->len)
        return true;
    http_body_unref(s->current);
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
    http_body_unref(s->current);
    http_body_unref(s->next);
    *s = (struct http_stream) { .sent = 0 };
}

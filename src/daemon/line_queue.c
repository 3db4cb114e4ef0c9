/* Two buffers, as in the output: one fills while the other drains, and the mutex is held for one
 * copy of a line or one exchange of the two, never while a line is written. */
#include "daemon/line_queue.h"

#include <stdlib.h>

int line_queue_init(struct line_queue *r, size_t size, size_t extra_size)
{
    size_t whole = size + extra_size;
    *r = (struct line_queue) { .size = size, .extra_size = extra_size };
    r->filling = (struct buf) { .at = malloc(whole), .cap = whole };
    r->draining = (struct buf) { .at = malloc(whole), .cap = whole };
    if (r->filling.at && r->draining.at && uv_mutex_init(&r->mutex) == 0)
        return PIPEPOLL_OK;
    free(r->filling.at);
    free(r->draining.at);
    *r = (struct line_queue) { 0 };
    return PIPEPOLL_ENOMEM;
}

void line_queue_deinit(struct line_queue *r)
{
    if (!r->filling.at)
        return;
    uv_mutex_destroy(&r->mutex);
    free(r->filling.at);
    free(r->draining.at);
    *r = (struct line_queue) { 0 };
}

static size_t room(const struct line_queue *r)
{
    return r->size - (r->filling.len - r->extra);
}

size_t line_queue_room(struct line_queue *r)
{
    uv_mutex_lock(&r->mutex);
    size_t bytes = room(r);
    uv_mutex_unlock(&r->mutex);
    return bytes;
}

size_t line_queue_backlog(struct line_queue *r)
{
    uv_mutex_lock(&r->mutex);
    size_t bytes = r->held;
    uv_mutex_unlock(&r->mutex);
    return bytes;
}

static void put(struct line_queue *r, str line)
{
    r->held += line.len + 1;
    buf_put(&r->filling, line);
    buf_put_char(&r->filling, '\n');
}

bool line_queue_put(struct line_queue *r, str line)
{
    uv_mutex_lock(&r->mutex);
    bool fits = line.len + 1 <= room(r);
    if (fits)
        put(r, line);
    uv_mutex_unlock(&r->mutex);
    return fits;
}

bool line_queue_put_extra(struct line_queue *r, str line)
{
    uv_mutex_lock(&r->mutex);
    bool fits = line.len + 1 <= r->extra_size - r->extra;
    if (fits) {
        put(r, line);
        r->extra += line.len + 1;
    }
    uv_mutex_unlock(&r->mutex);
    return fits;
}

static bool exchange(struct line_queue *r)
{
    buf_reset(&r->draining);
    r->drained = 0;
    uv_mutex_lock(&r->mutex);
    struct buf full = r->filling;
    r->filling = r->draining;
    r->draining = full;
    r->extra = 0;
    uv_mutex_unlock(&r->mutex);
    return r->draining.len > 0;
}

static bool hand_over(struct line_queue *r, bool (*take)(void *ctx, str line), void *ctx)
{
    while (r->drained < r->draining.len) {
        str rest = str_skip(buf_str(&r->draining), r->drained);
        str line = { rest.ptr, str_find(rest, '\n') };
        if (!take(ctx, line))
            return false;
        r->drained += line.len + 1;
    }
    return true;
}

bool line_queue_drain(struct line_queue *r, bool (*take)(void *ctx, str line), void *ctx)
{
    size_t taken = 0;
    bool grown = false, more;
    do {
        size_t before = r->drained;
        more = hand_over(r, take, ctx);
        taken += r->drained - before;
        more = more && exchange(r);
        grown = grown || more;
    } while (more);
    uv_mutex_lock(&r->mutex);
    r->held -= taken;
    uv_mutex_unlock(&r->mutex);
    return grown || taken > 0;
}

bool line_queue_is_empty(struct line_queue *r)
{
    uv_mutex_lock(&r->mutex);
    bool empty = r->filling.len == 0;
    uv_mutex_unlock(&r->mutex);
    return empty && r->drained == r->draining.len;
}

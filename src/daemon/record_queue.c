/* SPDX-License-Identifier: MIT */
/* Two buffers: one fills while the other drains, and the mutex is held for one copy of a record
 * or one exchange of the two, never while a sink takes one. Records stand in them one behind the
 * other, each with its texts; a buffer never moves while there is a record in it, so that their
 * slices hold good on either thread. */
#include "daemon/record_queue.h"

#include <stdlib.h>

int record_queue_init(struct record_queue *q, size_t jobs, size_t others)
{
    *q = (struct record_queue) { .job_size = jobs * RECORD_SIZE_MAX,
                                 .other_size = others * RECORD_SIZE_MAX };
    size_t whole = q->job_size + q->other_size;
    q->filling = (struct buf) { .at = malloc(whole), .cap = whole };
    q->draining = (struct buf) { .at = malloc(whole), .cap = whole };
    if (q->filling.at && q->draining.at && uv_mutex_init(&q->mutex) == 0)
        return PIPEPOLL_OK;
    free(q->filling.at);
    free(q->draining.at);
    *q = (struct record_queue) { 0 };
    return PIPEPOLL_ENOMEM;
}

void record_queue_deinit(struct record_queue *q)
{
    if (!q->filling.at)
        return;
    uv_mutex_destroy(&q->mutex);
    buf_wipe(&q->filling);
    buf_wipe(&q->draining);
    free(q->filling.at);
    free(q->draining.at);
    *q = (struct record_queue) { 0 };
}

static size_t writable(const struct record_queue *q, enum record_kind kind)
{
    return kind == RECORD_JOB ? q->job_size - (q->filling.len - q->others)
                              : q->other_size - q->others;
}

size_t record_queue_credit(struct record_queue *q)
{
    uv_mutex_lock(&q->mutex);
    size_t jobs = writable(q, RECORD_JOB) / RECORD_SIZE_MAX;
    uv_mutex_unlock(&q->mutex);
    return jobs;
}

size_t record_queue_backlog(struct record_queue *q)
{
    uv_mutex_lock(&q->mutex);
    size_t bytes = q->held;
    uv_mutex_unlock(&q->mutex);
    return bytes;
}

bool record_queue_put(struct record_queue *q, const struct record *r)
{
    size_t size = record_size(r);
    uv_mutex_lock(&q->mutex);
    bool fits = size <= writable(q, r->kind);
    if (fits) {
        record_copy(q->filling.at + q->filling.len, r);
        q->filling.len += size;
        q->held += size;
        q->others += r->kind == RECORD_JOB ? 0 : size;
    }
    uv_mutex_unlock(&q->mutex);
    return fits;
}

static bool exchange(struct record_queue *q)
{
    buf_wipe(&q->draining); /* nonces may be in there */
    q->drained = 0;
    uv_mutex_lock(&q->mutex);
    struct buf full = q->filling;
    q->filling = q->draining;
    q->draining = full;
    q->others = 0;
    uv_mutex_unlock(&q->mutex);
    return q->draining.len > 0;
}

static bool hand_over(struct record_queue *q, bool (*take)(void *ctx, const struct record *r),
                      void *ctx)
{
    while (q->drained < q->draining.len) {
        const struct record *r = (const void *)(q->draining.at + q->drained);
        if (!take(ctx, r))
            return false;
        q->drained += record_size(r);
    }
    return true;
}

bool record_queue_drain(struct record_queue *q, bool (*take)(void *ctx, const struct record *r),
                        void *ctx)
{
    size_t taken = 0;
    bool grown = false, more;
    do {
        size_t before = q->drained;
        more = hand_over(q, take, ctx);
        taken += q->drained - before;
        more = more && exchange(q);
        grown = grown || more;
    } while (more);
    uv_mutex_lock(&q->mutex);
    q->held -= taken;
    uv_mutex_unlock(&q->mutex);
    return grown || taken > 0;
}

bool record_queue_is_empty(struct record_queue *q)
{
    uv_mutex_lock(&q->mutex);
    bool empty = q->filling.len == 0;
    uv_mutex_unlock(&q->mutex);
    return empty && q->drained == q->draining.len;
}

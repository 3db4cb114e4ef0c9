/* SPDX-License-Identifier: MIT */
/* The spool of store/spool.h as a sink of a queue sees it. */
#include "daemon/queue_spool.h"

#include <stdlib.h>

#include "base/list.h"
#include "daemon/leave.h"
#include "store/spool.h"

enum { CLOSE_MS = 5000 }; /* as the journal */

struct disk_spool {
    struct queue_spool spool;
    struct spool *disk;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static struct disk_spool *of(struct queue_spool *s)
{
    return CONTAINER_OF(s, struct disk_spool, spool);
}

static void on_durable(void *ctx, uint64_t up_to)
{
    struct disk_spool *s = ctx;
    if (s->spool.listener)
        s->spool.listener->durable(s->spool.listener, up_to);
}

static void on_room(void *ctx)
{
    struct disk_spool *s = ctx;
    if (s->spool.listener)
        s->spool.listener->room(s->spool.listener);
}

static bool is_well(struct queue_spool *self)
{
    return spool_is_well(of(self)->disk);
}

static bool put(struct queue_spool *self, const struct spooled_job *job)
{
    const struct spool_job j = { .number = job->number,
                                 .found_ms = job->found_ms,
                                 .id = job->id,
                                 .key = job->key,
                                 .body = job->body };
    return spool_put(of(self)->disk, &j);
}

static void forget(struct queue_spool *self, uint64_t number)
{
    spool_forget(of(self)->disk, number);
}

static void on_closed(void *ctx, bool is_gone)
{
    struct disk_spool *s = ctx;
    if (!is_gone)
        leave_behind();
    void (*closed)(void *ctx) = s->closed;
    void *closed_ctx = s->closed_ctx;
    free(s);
    closed(closed_ctx);
}

static void close_spool(struct queue_spool *self, void (*closed)(void *ctx), void *ctx)
{
    struct disk_spool *s = of(self);
    s->closed = closed;
    s->closed_ctx = ctx;
    spool_close(s->disk, CLOSE_MS, on_closed, s);
}

int queue_spool_start(struct queue_spool **out, struct spool *disk, struct uv_loop_s *loop,
                      struct pipepoll_error *why)
{
    struct disk_spool *s = calloc(1, sizeof *s);
    if (!s)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    *s = (struct disk_spool) {
        .spool = { .is_well = is_well, .put = put, .forget = forget, .close = close_spool },
        .disk = disk,
    };
    const struct spool_events events = { on_durable, on_room, s };
    int r = spool_start(disk, loop, &events, why);
    if (r)
        free(s);
    else
        *out = &s->spool;
    return r;
}

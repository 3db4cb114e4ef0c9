/* SPDX-License-Identifier: MIT */
/* What polls and what ends knows a sink by daemon/sink.h alone; which one it is is settled here. */
#include "daemon/sinks.h"

#include <unistd.h>

#include "base/log.h"
#include "daemon/line_sink.h"
#include "daemon/queue_sink.h"
#include "store/spool.h"

static void ignore(void *ctx)
{
}

static void give_up(struct sink *s)
{
    s->close(s, ignore, NULL);
}

/* --- the spool of a queue --- */

struct walk {
    struct sink *queue;
    int result;
};

static void on_held(void *ctx, const struct spool_job *job)
{
    struct walk *w = ctx;
    const struct spooled_job held = { .number = job->number,
                                      .found_ms = job->found_ms,
                                      .id = job->id,
                                      .key = job->key,
                                      .body = job->body };
    if (!w->result)
        w->result = queue_sink_add_held(w->queue, &held);
}

static int use_spool(struct sink *queue, struct spool *disk, struct uv_loop_s *loop,
                     struct pipepoll_error *why)
{
    struct queue_spool *spool;
    struct walk w = { .queue = queue };
    int r = spool_walk(disk, on_held, &w, why);
    if (!r && w.result)
        r = explain(why, w.result, "out of memory for the jobs of the spool");
    if (!r)
        r = queue_spool_start(&spool, disk, loop, why);
    if (!r)
        queue_sink_set_spool(queue, spool);
    return r;
}

static int open_spool(struct sink *queue, const struct sinks_options *o, struct pipepoll_error *why)
{
    size_t most = o->queue->most < UINT32_MAX ? o->queue->most : UINT32_MAX;
    const struct spool_options of_disk = { .state_dir = o->spool_dir,
                                           .max_jobs = (uint32_t)most,
                                           .retry_ms = SPOOL_RETRY_MS,
                                           .log = o->queue->log };
    struct spool *disk;
    int r = spool_open(&disk, &of_disk, why);
    if (r)
        return r;
    r = use_spool(queue, disk, o->loop, why);
    if (r)
        spool_close(disk, 0, NULL, NULL);
    return r;
}

static int open_queue(struct sink **out, const struct sinks_options *o, struct sink *lines,
                      struct pipepoll_error *why)
{
    struct queue_sink_options of_queue = *o->queue;
    struct sink *queue;
    of_queue.lines = lines;
    int r = queue_sink_open(&queue, &of_queue);
    if (r) {
        give_up(lines);
        return r;
    }
    if (o->spool_dir)
        r = open_spool(queue, o, why);
    if (r) {
        queue->give_up(queue); /* what it read is in the spool */
        give_up(queue);
    } else {
        *out = queue;
    }
    return r;
}

/* --- */

int sinks_open(struct sink **out, const struct sinks_options *o, struct pipepoll_error *why)
{
    struct sink *lines;
    int r = line_sink_open(&lines, o->loop, STDOUT_FILENO, "stdout", o->queue ? 1 : o->jobs);
    if (r)
        return r == PIPEPOLL_EINVAL ? explain(why, r, "stdout is not open for writing") : r;
    if (o->queue)
        return open_queue(out, o, lines, why);
    *out = lines;
    return PIPEPOLL_OK;
}

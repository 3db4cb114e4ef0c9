/* SPDX-License-Identifier: MIT */
/* A job is counted as unsettled from before it is put until the sink is done with it; a queue gives
 * credit for what it has room for, within the shard's share of what the sink takes at once. */
#include "daemon/shard_slot.h"

/* A shard of several has no credit from so many bytes on that wait to get home; other records than
 * jobs that there is room for. */
enum { BACKLOG_MAX = 65536, OTHERS = 64 };

/* 1 at least. */
static size_t share_of(const struct shards *s, size_t all, uint32_t i)
{
    uint32_t loops = s->options.loops;
    size_t share = all / loops + (i < all % loops);
    return share ? share : 1;
}

/* --- the sink itself --- */

static size_t direct_credit(void *ctx)
{
    struct sink *sink = ((struct shard_slot *)ctx)->all->handover.sink;
    return sink->credit(sink);
}

/* A job is counted before it is put, for it may be settled inside. */
static bool put(struct shard_slot *p, const struct record *what,
                bool (*to)(struct shard_slot *p, const struct record *what))
{
    bool is_job = what->kind == RECORD_JOB;
    p->unsettled += is_job;
    if (to(p, what))
        return true;
    if (is_job) {
        p->unsettled--;
        handover_lose(&p->all->handover, &p->shard.logger, what);
    }
    return is_job;
}

bool shard_slot_put_to_sink(struct shard_slot *p, const struct record *what)
{
    return handover_put(&p->all->handover, what, p->index);
}

static bool direct_put(void *ctx, const struct record *what)
{
    return put(ctx, what, shard_slot_put_to_sink);
}

static size_t queued_credit(void *ctx)
{
    struct shard_slot *p = ctx;
    size_t capacity = p->all->options.sink->capacity, unsettled = p->unsettled;
    if (record_queue_backlog(&p->queue) >= BACKLOG_MAX)
        return 0;
    size_t credit = record_queue_credit(&p->queue);
    if (capacity == SIZE_MAX)
        return credit;
    size_t share = share_of(p->all, capacity, p->index);
    size_t left = share > unsettled ? share - unsettled : 0;
    return left < credit ? left : credit;
}

static bool to_queue(struct shard_slot *p, const struct record *what)
{
    bool taken = record_queue_put(&p->queue, what);
    loop_threads_report(p->all->loop_threads);
    return taken;
}

static bool queued_put(void *ctx, const struct record *what)
{
    return put(ctx, what, to_queue);
}

/* --- the beginning --- */

struct shard_share shard_slot_share(const struct shards *s, uint32_t i)
{
    const struct job_world *world = s->options.world;
    size_t jobs = world ? world->config->max_jobs : 0;
    return (struct shard_share) { (uint32_t)share_of(s, s->options.config->max_in_flight, i),
                                  (uint32_t)share_of(s, jobs, i) };
}

int shard_slot_init(struct shards *s, uint32_t i)
{
    struct shard_slot *p = &s->slots[i];
    p->all = s;
    p->index = i;
    p->shard.intake =
        (struct intake) { .credit = shards_is_alone(s) ? direct_credit : queued_credit,
                          .put = shards_is_alone(s) ? direct_put : queued_put,
                          .ctx = p };
    p->shard.logger = *s->options.logger;
    p->shard.board = &s->board;
    p->shard.world = s->options.world;
    p->shard.fleet = s->options.fleet;
    p->shard.pulls = s->options.pulls;
    if (shards_is_alone(s))
        return PIPEPOLL_OK;
    return record_queue_init(&p->queue, shard_jobs(shard_slot_share(s, i).max_in_flight), OTHERS);
}

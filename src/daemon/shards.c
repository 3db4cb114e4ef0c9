/* SPDX-License-Identifier: MIT */
/* A lone shard shares the home loop and hands its records to the sink itself. Several have a
 * thread each, and queues by which their records get home, where they are put into the sink as
 * it has room. Either way a shard's credit is that of what it hands its records to; where the
 * sink's capacity is limited, each of several shards has its share of it, which jobs take up
 * until they are settled. */
#include "daemon/shards.h"

#include <stdlib.h>

#include "base/log.h"
#include "daemon/record_queue.h"
#include "daemon/shard_slot.h"

/* A loop that has not turned for so long is not waited for, and others so long. */
enum { SILENT_MS = 3 * LOOP_THREADS_BEAT_MS, BEGIN_MS = 1000 };

static void end_change(struct shards *s);

/* --- from the queues to the sink --- */

static bool take_record(void *ctx, const struct record *what)
{
    return shard_slot_put_to_sink(ctx, what);
}

/* Its share may have held a shard back. */
static void on_settled(void *ctx, uint32_t giver)
{
    struct shards *s = ctx;
    s->slots[giver].unsettled--;
    if (!shards_is_alone(s) && s->options.sink->capacity != SIZE_MAX && !s->done)
        loop_threads_nudge(s->loop_threads, giver);
}

static void finish(struct shards *s)
{
    s->done = true;
    if (s->loop_threads)
        loop_threads_close(s->loop_threads);
    s->closed(s->closed_ctx);
}

/* Each queue in turn is the first, for one could take all the room. */
static void pump(void *ctx)
{
    struct shards *s = ctx;
    uint32_t count = shards_is_alone(s) || s->done ? 0 : s->options.loops;
    bool empty = true;
    end_change(s);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t i = (s->first_pumped + n) % count;
        if (record_queue_drain(&s->slots[i].queue, take_record, &s->slots[i]))
            loop_threads_nudge(s->loop_threads, i);
        empty = record_queue_is_empty(&s->slots[i].queue) && empty;
    }
    s->first_pumped++;
    if (s->left && empty && !s->done)
        finish(s);
}

static void on_room(void *ctx)
{
    struct shards *s = ctx;
    if (shards_is_alone(s))
        shard_wake(&s->slots[0].shard);
    else
        pump(s);
}

/* What the queues hold is lost then; not at once, for the sink is in the middle of telling so. */
static void on_broken(void *ctx, const char *why)
{
    struct shards *s = ctx;
    s->options.broken(s->options.ctx, why);
    if (s->loop_threads && !s->done)
        loop_threads_report(s->loop_threads);
}

static void close_slot(struct shard_slot *p);

static void on_nudged(void *ctx, uint32_t i)
{
    struct shards *s = ctx;
    if (s->closing)
        close_slot(&s->slots[i]);
    shard_wake(&s->slots[i].shard);
}

/* --- the beginning --- */

size_t shards_jobs(uint32_t loops, uint32_t max_in_flight)
{
    return loops == 1 ? shard_jobs(max_in_flight) : SHARD_BATCH;
}

static void on_shard_closed(void *ctx)
{
    struct shard_slot *p = ctx;
    loop_threads_leave(p->all->loop_threads, p->index);
}

static void on_shard_changed(void *ctx)
{
    struct shard_slot *p = ctx;
    p->all->to_change--;
    if (shards_is_alone(p->all))
        end_change(p->all);
    else
        loop_threads_report(p->all->loop_threads);
}

static int init_slot(struct shards *s, uint32_t i)
{
    struct shard_slot *p = &s->slots[i];
    p->shard.changed = on_shard_changed;
    p->shard.closed = on_shard_closed;
    p->shard.ctx = p;
    return shard_slot_init(s, i);
}

static void open_slot(void *ctx, uint32_t i)
{
    struct shards *s = ctx;
    struct shard_slot *p = &s->slots[i];
    p->result = shard_open(&p->shard, loop_threads_loop(s->loop_threads, i), s->options.config,
                           shard_slot_share(s, i), &p->why);
}

static void on_left(void *ctx)
{
    struct shards *s = ctx;
    s->left = true;
    pump(s);
}

int shards_open(struct shards *s, const struct shards_options *o, struct pipepoll_error *why)
{
    *s = (struct shards) {
        .options = *o,
        .handover = { .room = on_room, .broken = on_broken, .settled = on_settled, .ctx = s }
    };
    handover_open(&s->handover, o->sink, o->logger);
    const struct loop_threads_options loop_threads = { .home = o->home,
                                                       .loops = o->loops,
                                                       .nudged = on_nudged,
                                                       .reported = pump,
                                                       .left = on_left,
                                                       .ctx = s };
    s->slots = calloc(o->loops, sizeof *s->slots);
    int r = s->slots ? health_board_init(&s->board, o->config->ca_bundle) : PIPEPOLL_ENOMEM;
    for (uint32_t i = 0; !r && i < o->loops; i++)
        r = init_slot(s, i);
    if (r)
        return explain(why, r, "out of memory");
    r = loop_threads_open(&s->loop_threads, &loop_threads, why);
    if (r)
        return r;
    loop_threads_each(s->loop_threads, open_slot);
    for (uint32_t i = 0; !r && i < o->loops; i++) {
        r = s->slots[i].result;
        if (r && why)
            *why = s->slots[i].why;
    }
    return r;
}

/* --- change --- */

static void change_slot(void *ctx, uint32_t i)
{
    struct shards *s = ctx;
    struct shard *shard = &s->slots[i].shard;
    shard->logger = *s->options.logger;
    shard_change(shard, &s->shares[i], &s->next[i]);
}

int shards_split(struct shards *s, struct plan *plan)
{
    return split_plan(&s->split, plan, s->next, s->options.loops);
}

void shards_change(struct shards *s)
{
    s->is_changing = true;
    s->to_change = s->options.loops;
    loop_threads_each(s->loop_threads, change_slot);
}

/* Where all shards have done their part, which the last of them reported. */
static void end_change(struct shards *s)
{
    struct shards_change sum = { .added = 0 };
    if (!s->is_changing || s->to_change || s->closing)
        return;
    s->is_changing = false;
    for (uint32_t i = 0; i < s->options.loops; i++) {
        const struct target_change *c = &s->slots[i].shard.change;
        sum.added += c->added;
        sum.removed += c->removed;
        sum.kept += c->kept;
        sum.idle += s->next[i].count == 0;
        s->shares[i] = s->next[i];
    }
    s->options.changed(s->options.ctx, &sum);
}

static void refresh_slot(void *ctx, uint32_t i)
{
    struct shards *s = ctx;
    shard_refresh(&s->slots[i].shard);
}

void shards_refresh(struct shards *s)
{
    loop_threads_each(s->loop_threads, refresh_slot);
}

/* --- the end --- */

static void close_slot(struct shard_slot *p)
{
    if (p->is_closing)
        return;
    p->is_closing = true;
    if (p->shard.target_set.poller || p->shard.runner)
        shard_close(&p->shard);
    else
        on_shard_closed(p);
}

/* A loop that hangs is not waited for: it closes when it turns again, if ever. */
void shards_close(struct shards *s, void (*closed)(void *ctx), void *ctx)
{
    s->closing = true;
    s->closed = closed;
    s->closed_ctx = ctx;
    if (!s->loop_threads)
        finish(s);
    else if (shards_is_alone(s))
        close_slot(&s->slots[0]);
    else
        for (uint32_t i = 0; i < s->options.loops; i++)
            loop_threads_nudge(s->loop_threads, i);
}

struct job_count shards_job_count(const struct shards *s)
{
    struct job_count sum = { 0, 0 };
    for (uint32_t i = 0; s->slots && i < s->options.loops; i++) {
        const struct job_count one = shard_job_count(&s->slots[i].shard);
        sum.in_hand += one.in_hand;
        sum.running += one.running;
    }
    return sum;
}

void shards_hand_back(struct shards *s)
{
    if (s->done)
        return; /* the sink alone is waited for */
    for (uint32_t i = 0; s->slots && i < s->options.loops; i++) {
        shard_hand_back(&s->slots[i].shard);
        if (shards_is_alone(s))
            shard_wake(&s->slots[i].shard);
        else
            loop_threads_nudge(s->loop_threads, i);
    }
}

uint32_t shards_in_flight(const struct shards *s)
{
    uint32_t in_flight = 0;
    for (uint32_t i = 0; s->slots && i < s->options.loops; i++)
        in_flight += s->slots[i].shard.in_flight;
    return in_flight;
}

struct shards_unsettled shards_unsettled(const struct shards *s)
{
    struct shards_unsettled sum = { .jobs = 0 };
    for (uint32_t i = 0; s->slots && i < s->options.loops; i++) {
        sum.jobs += s->slots[i].unsettled;
        if (!shards_is_alone(s))
            sum.bytes += record_queue_backlog(&s->slots[i].queue);
    }
    return sum;
}

size_t shards_lost(const struct shards *s)
{
    return s->handover.lost;
}

struct shards_work shards_work(const struct shards *s)
{
    struct shards_work all = { 0 };
    for (uint32_t i = 0; s->slots && i < s->options.loops; i++) {
        const struct pipepoll_stats *one = &s->slots[i].shard.last;
        all.polls += one->polls;
        all.jobs += one->jobs;
        all.failures += one->failures;
        all.targets += one->targets;
        all.unhealthy += s->slots[i].unhealthy;
        all.throttled += s->slots[i].throttled;
        all.in_flight += one->in_flight;
        all.parked += one->parked;
        if (one->max_lateness_ms > all.max_lateness_ms)
            all.max_lateness_ms = one->max_lateness_ms;
    }
    return all;
}

static void note_slot(void *ctx, uint32_t i)
{
    struct shards *s = ctx;
    shard_note(&s->slots[i].shard);
    s->slots[i].unhealthy = s->slots[i].shard.target_set.count[HEALTH_ILL];
    s->slots[i].throttled = s->slots[i].shard.target_set.count[HEALTH_THROTTLED];
}

void shards_note(struct shards *s)
{
    loop_threads_try_each(s->loop_threads, note_slot, BEGIN_MS);
}

uint32_t shards_loops(const struct shards *s)
{
    return s->loop_threads ? s->options.loops : 0;
}

static void call_each(void *ctx, uint32_t i)
{
    struct shards *s = ctx;
    s->each(s->each_ctx, i, &s->slots[i].shard);
}

bool shards_each(struct shards *s, void (*fn)(void *ctx, uint32_t i, struct shard *shard),
                 void *ctx)
{
    if (!s->loop_threads || s->closing)
        return false;
    for (uint32_t i = 0; i < s->options.loops; i++)
        if (shards_silent_ms(s, i) > SILENT_MS)
            return false;
    s->each = fn;
    s->each_ctx = ctx;
    return loop_threads_try_each(s->loop_threads, call_each, BEGIN_MS);
}

int64_t shards_silent_ms(const struct shards *s, uint32_t i)
{
    return s->loop_threads && !s->done ? loop_threads_silent_ms(s->loop_threads, i) : 0;
}

uint32_t shards_give_up(struct shards *s)
{
    if (s->handover.sink)
        handover_give_up(&s->handover);
    for (uint32_t i = 0; s->slots && !shards_is_alone(s) && i < s->options.loops; i++)
        record_queue_drain(&s->slots[i].queue, take_record, &s->slots[i]);
    return shards_in_flight(s);
}

void shards_tell_health(struct shards *s, const struct logger *log, bool last)
{
    health_board_tell(&s->board, log, last);
}

void shards_deinit(struct shards *s)
{
    health_board_deinit(&s->board);
    handover_deinit(&s->handover);
    for (uint32_t i = 0; s->slots && i < s->options.loops; i++)
        record_queue_deinit(&s->slots[i].queue);
    free(s->slots);
    split_deinit(&s->split);
    *s = (struct shards) { .left = false };
}

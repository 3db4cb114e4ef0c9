/* A lone shard shares the home loop and hands its records to the sink itself. Several have a
 * thread each, and queues by which their records get home, where they are put into the sink as
 * it has room. Either way a shard's credit is that of what it hands its records to; where the
 * sink's capacity is limited, each of several shards has its share of it, which jobs take up
 * until they are settled. */
#include "daemon/shards.h"

#include <stdlib.h>

#include "base/log.h"
#include "daemon/record_queue.h"

/* A shard of several has no credit from so many bytes on that wait to get home; other records than
 * jobs that there is room for. */
enum { BACKLOG_MAX = 65536, OTHERS = 64, BATCH = 10 };

/* A loop and what it has. */
struct slot {
    struct shards *all;
    uint32_t index;
    struct shard shard;
    struct record_queue queue; /* unused by a lone shard */
    _Atomic size_t unsettled;  /* jobs that it put, and that the sink is not done with */
    struct pipepoll_error why;
    int result; /* of the opening of the shard */
    size_t unhealthy, throttled;
};

static void end_change(struct shards *s);

static bool is_alone(const struct shards *s)
{
    return s->options.loops == 1;
}

/* --- the two intakes of a shard: the sink itself, or a queue to it --- */

static size_t direct_credit(void *ctx)
{
    struct sink *sink = ((struct slot *)ctx)->all->handover.sink;
    return sink->credit(sink);
}

/* A job is counted before it is put, for it may be settled inside. */
static bool put(struct slot *p, const struct record *what,
                bool (*to)(struct slot *p, const struct record *what))
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

static bool to_sink(struct slot *p, const struct record *what)
{
    return handover_put(&p->all->handover, what, p->index);
}

static bool direct_put(void *ctx, const struct record *what)
{
    return put(ctx, what, to_sink);
}

static size_t share_of(const struct shards *s, size_t capacity, uint32_t i)
{
    uint32_t loops = s->options.loops;
    size_t share = capacity / loops + (i < capacity % loops);
    return share ? share : 1;
}

static size_t queued_credit(void *ctx)
{
    struct slot *p = ctx;
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

static bool to_queue(struct slot *p, const struct record *what)
{
    bool taken = record_queue_put(&p->queue, what);
    loop_threads_report(p->all->loop_threads);
    return taken;
}

static bool queued_put(void *ctx, const struct record *what)
{
    return put(ctx, what, to_queue);
}

/* --- from the queues to the sink --- */

static bool take_record(void *ctx, const struct record *what)
{
    return to_sink(ctx, what);
}

/* Its share may have held a shard back. */
static void on_settled(void *ctx, uint32_t giver)
{
    struct shards *s = ctx;
    s->slots[giver].unsettled--;
    if (!is_alone(s) && s->options.sink->capacity != SIZE_MAX && !s->done)
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
    uint32_t count = is_alone(s) || s->done ? 0 : s->options.loops;
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
    if (is_alone(s))
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

static void on_nudged(void *ctx, uint32_t i)
{
    shard_wake(&((struct shards *)ctx)->slots[i].shard);
}

/* --- the beginning --- */

size_t shards_jobs(uint32_t loops, uint32_t max_in_flight)
{
    return loops == 1 ? shard_jobs(max_in_flight) : BATCH;
}

static uint32_t in_flight_of(const struct shards *s, uint32_t i)
{
    uint32_t all = s->options.config->max_in_flight, loops = s->options.loops;
    return all / loops + (i < all % loops);
}

static void on_shard_closed(void *ctx)
{
    struct slot *p = ctx;
    loop_threads_leave(p->all->loop_threads, p->index);
}

static void on_shard_changed(void *ctx)
{
    struct slot *p = ctx;
    p->all->to_change--;
    if (is_alone(p->all))
        end_change(p->all);
    else
        loop_threads_report(p->all->loop_threads);
}

static int init_slot(struct shards *s, uint32_t i)
{
    struct slot *p = &s->slots[i];
    p->all = s;
    p->index = i;
    p->shard.intake = (struct intake) { .credit = is_alone(s) ? direct_credit : queued_credit,
                                        .put = is_alone(s) ? direct_put : queued_put,
                                        .ctx = p };
    p->shard.changed = on_shard_changed;
    p->shard.closed = on_shard_closed;
    p->shard.ctx = p;
    p->shard.logger = *s->options.logger;
    p->shard.board = &s->board;
    if (is_alone(s))
        return PIPEPOLL_OK;
    return record_queue_init(&p->queue, shard_jobs(in_flight_of(s, i)), OTHERS);
}

static void open_slot(void *ctx, uint32_t i)
{
    struct shards *s = ctx;
    struct slot *p = &s->slots[i];
    p->result = shard_open(&p->shard, loop_threads_loop(s->loop_threads, i), s->options.config,
                           in_flight_of(s, i), &p->why);
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

static void close_slot(void *ctx, uint32_t i)
{
    struct slot *p = &((struct shards *)ctx)->slots[i];
    if (p->shard.target_set.poller)
        shard_close(&p->shard);
    else
        on_shard_closed(p);
}

void shards_close(struct shards *s, void (*closed)(void *ctx), void *ctx)
{
    s->closing = true;
    s->closed = closed;
    s->closed_ctx = ctx;
    if (s->loop_threads)
        loop_threads_each(s->loop_threads, close_slot);
    else
        finish(s);
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
        if (!is_alone(s))
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
    loop_threads_each(s->loop_threads, note_slot);
}

uint32_t shards_give_up(struct shards *s)
{
    if (s->handover.sink)
        handover_give_up(&s->handover);
    for (uint32_t i = 0; s->slots && !is_alone(s) && i < s->options.loops; i++)
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

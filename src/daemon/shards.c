/* A lone shard shares the home loop and writes straight to the output. Several have a thread each
 * and hand their lines over by line queues, which are pumped into the output as it has room. Either
 * way a shard's credit is the room of what it puts its lines into. */
#include "daemon/shards.h"

#include <stdlib.h>

#include "base/log.h"
#include "daemon/event.h"
#include "daemon/line_queue.h"

/* A loop and what it has. */
struct post {
    struct shards *all;
    uint32_t index;
    struct shard shard;
    struct line_queue line_queue; /* unused by a lone shard */
    struct pipepoll_error why;
    int result; /* of the opening of the shard */
    size_t unhealthy, throttled;
};

static void end_change(struct shards *s);

static bool is_alone(const struct shards *s)
{
    return s->options.loops == 1;
}

/* --- the two outlets of a shard: the output itself, or a line queue to it --- */

static size_t direct_room(void *ctx)
{
    return output_room(((struct post *)ctx)->all->options.output);
}

static size_t direct_backlog(void *ctx)
{
    return output_backlog(((struct post *)ctx)->all->options.output);
}

static bool direct_put(void *ctx, str line)
{
    return output_put(((struct post *)ctx)->all->options.output, line);
}

static bool direct_put_extra(void *ctx, str line)
{
    return output_put_extra(((struct post *)ctx)->all->options.output, line);
}

static size_t relayed_room(void *ctx)
{
    return line_queue_room(&((struct post *)ctx)->line_queue);
}

static size_t relayed_backlog(void *ctx)
{
    return line_queue_backlog(&((struct post *)ctx)->line_queue);
}

static bool relayed_put(void *ctx, str line)
{
    struct post *p = ctx;
    bool taken = line_queue_put(&p->line_queue, line);
    loop_threads_report(p->all->loop_threads);
    return taken;
}

static bool relayed_put_extra(void *ctx, str line)
{
    struct post *p = ctx;
    bool taken = line_queue_put_extra(&p->line_queue, line);
    loop_threads_report(p->all->loop_threads);
    return taken;
}

/* --- from the line queues to the output --- */

static bool put_line(void *ctx, str line)
{
    return output_put(((struct shards *)ctx)->options.output, line);
}

static void finish(struct shards *s)
{
    s->done = true;
    if (s->loop_threads)
        loop_threads_close(s->loop_threads);
    s->closed(s->closed_ctx);
}

/* Each line queue in turn is the first, lest one takes all the room there is. */
static void pump(void *ctx)
{
    struct shards *s = ctx;
    uint32_t count = is_alone(s) || s->done ? 0 : s->options.loops;
    bool empty = true;
    end_change(s);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t i = (s->first_pumped + n) % count;
        if (line_queue_drain(&s->posts[i].line_queue, put_line, s))
            loop_threads_nudge(s->loop_threads, i);
        empty = line_queue_is_empty(&s->posts[i].line_queue) && empty;
    }
    s->first_pumped++;
    if (s->left && empty && !s->done)
        finish(s);
}

void shards_on_room(struct shards *s)
{
    if (is_alone(s))
        shard_wake(&s->posts[0].shard);
    else
        pump(s);
}

/* Not at once: the output may be in the middle of telling so. */
void shards_on_broken(struct shards *s)
{
    if (s->loop_threads && !s->done)
        loop_threads_report(s->loop_threads);
}

static void on_nudged(void *ctx, uint32_t i)
{
    shard_wake(&((struct shards *)ctx)->posts[i].shard);
}

/* --- the beginning --- */

size_t shards_outlet_size(uint32_t loops, uint32_t max_in_flight)
{
    return loops == 1 ? shard_outlet_size(max_in_flight) : SHARD_BACKLOG_MAX + EVENT_LINE_MAX + 1;
}

static uint32_t in_flight_of(const struct shards *s, uint32_t i)
{
    uint32_t all = s->options.config->max_in_flight, loops = s->options.loops;
    return all / loops + (i < all % loops);
}

static void on_shard_closed(void *ctx)
{
    struct post *p = ctx;
    loop_threads_leave(p->all->loop_threads, p->index);
}

static void on_shard_changed(void *ctx)
{
    struct post *p = ctx;
    p->all->to_change--;
    if (is_alone(p->all))
        end_change(p->all);
    else
        loop_threads_report(p->all->loop_threads);
}

static int init_post(struct shards *s, uint32_t i)
{
    static const struct outlet direct = { direct_room, direct_backlog, direct_put, direct_put_extra,
                                          NULL };
    static const struct outlet relayed = { relayed_room, relayed_backlog, relayed_put,
                                           relayed_put_extra, NULL };
    struct post *p = &s->posts[i];
    p->all = s;
    p->index = i;
    p->shard.outlet = is_alone(s) ? direct : relayed;
    p->shard.outlet.ctx = p;
    p->shard.changed = on_shard_changed;
    p->shard.closed = on_shard_closed;
    p->shard.ctx = p;
    p->shard.logger = *s->options.logger;
    p->shard.board = &s->board;
    if (is_alone(s))
        return PIPEPOLL_OK;
    return line_queue_init(&p->line_queue, shard_outlet_size(in_flight_of(s, i)),
                           shard_outlet_extra_size());
}

static void open_post(void *ctx, uint32_t i)
{
    struct shards *s = ctx;
    struct post *p = &s->posts[i];
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
    *s = (struct shards) { .options = *o };
    const struct loop_threads_options loop_threads = { .home = o->home,
                                                       .loops = o->loops,
                                                       .nudged = on_nudged,
                                                       .reported = pump,
                                                       .left = on_left,
                                                       .ctx = s };
    s->posts = calloc(o->loops, sizeof *s->posts);
    int r = s->posts ? health_board_init(&s->board, o->config->ca_bundle) : PIPEPOLL_ENOMEM;
    for (uint32_t i = 0; !r && i < o->loops; i++)
        r = init_post(s, i);
    if (r)
        return explain(why, r, "out of memory");
    r = loop_threads_open(&s->loop_threads, &loop_threads, why);
    if (r)
        return r;
    loop_threads_each(s->loop_threads, open_post);
    for (uint32_t i = 0; !r && i < o->loops; i++) {
        r = s->posts[i].result;
        if (r && why)
            *why = s->posts[i].why;
    }
    return r;
}

/* --- change --- */

static void change_post(void *ctx, uint32_t i)
{
    struct shards *s = ctx;
    struct shard *shard = &s->posts[i].shard;
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
    loop_threads_each(s->loop_threads, change_post);
}

/* Where all shards have done their part, which the last of them reported. */
static void end_change(struct shards *s)
{
    struct shards_change sum = { .added = 0 };
    if (!s->is_changing || s->to_change || s->closing)
        return;
    s->is_changing = false;
    for (uint32_t i = 0; i < s->options.loops; i++) {
        const struct target_change *c = &s->posts[i].shard.change;
        sum.added += c->added;
        sum.removed += c->removed;
        sum.kept += c->kept;
        sum.idle += s->next[i].count == 0;
        s->shares[i] = s->next[i];
    }
    s->options.changed(s->options.ctx, &sum);
}

static void refresh_post(void *ctx, uint32_t i)
{
    struct shards *s = ctx;
    shard_refresh(&s->posts[i].shard);
}

void shards_refresh(struct shards *s)
{
    loop_threads_each(s->loop_threads, refresh_post);
}

/* --- the end --- */

static void close_post(void *ctx, uint32_t i)
{
    struct post *p = &((struct shards *)ctx)->posts[i];
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
        loop_threads_each(s->loop_threads, close_post);
    else
        finish(s);
}

uint32_t shards_in_flight(const struct shards *s)
{
    uint32_t in_flight = 0;
    for (uint32_t i = 0; s->posts && i < s->options.loops; i++)
        in_flight += s->posts[i].shard.in_flight;
    return in_flight;
}

size_t shards_backlog(const struct shards *s)
{
    size_t bytes = 0;
    for (uint32_t i = 0; s->posts && !is_alone(s) && i < s->options.loops; i++)
        bytes += line_queue_backlog(&s->posts[i].line_queue);
    return bytes;
}

struct shards_work shards_work(const struct shards *s)
{
    struct shards_work all = { 0 };
    for (uint32_t i = 0; s->posts && i < s->options.loops; i++) {
        const struct pipepoll_stats *one = &s->posts[i].shard.last;
        all.polls += one->polls;
        all.jobs += one->jobs;
        all.failures += one->failures;
        all.targets += one->targets;
        all.unhealthy += s->posts[i].unhealthy;
        all.throttled += s->posts[i].throttled;
        all.in_flight += one->in_flight;
        all.parked += one->parked;
        if (one->max_lateness_ms > all.max_lateness_ms)
            all.max_lateness_ms = one->max_lateness_ms;
    }
    return all;
}

static void note_post(void *ctx, uint32_t i)
{
    struct shards *s = ctx;
    shard_note(&s->posts[i].shard);
    s->posts[i].unhealthy = s->posts[i].shard.target_set.count[HEALTH_ILL];
    s->posts[i].throttled = s->posts[i].shard.target_set.count[HEALTH_THROTTLED];
}

void shards_note(struct shards *s)
{
    loop_threads_each(s->loop_threads, note_post);
}

uint32_t shards_give_up(struct shards *s)
{
    for (uint32_t i = 0; s->posts && !is_alone(s) && i < s->options.loops; i++)
        line_queue_drain(&s->posts[i].line_queue, put_line, s);
    return shards_in_flight(s);
}

void shards_tell_health(struct shards *s, const struct logger *log, bool last)
{
    health_board_tell(&s->board, log, last);
}

void shards_deinit(struct shards *s)
{
    health_board_deinit(&s->board);
    for (uint32_t i = 0; s->posts && i < s->options.loops; i++)
        line_queue_deinit(&s->posts[i].line_queue);
    free(s->posts);
    split_deinit(&s->split);
    *s = (struct shards) { .left = false };
}

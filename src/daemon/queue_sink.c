/* SPDX-License-Identifier: MIT */
/* A job is one block with its texts, in two lists: of the publishing, until the engine has it, and
 * of those whose ticket is open, until it is durable somewhere. Both keep the order in which jobs
 * came, so "durable up to this number" takes from the head. Whatever happened, pump() gives the
 * engine what it may have and sets the one timer. */
#include "daemon/queue_sink.h"

#include <stdlib.h>
#include <uv.h>

#include "base/plural.h"
#include "base/rng.h"
#include "base/wall_clock.h"
#include "daemon/held_job.h"
#include "daemon/queue_trouble.h"
#include "fleet/job_message.h"

enum { BODY_MAX = 4096, LOGGED_MAX = 128 };

struct queue_sink {
    struct sink sink;
    struct sink_listener of_lines;
    struct queue_spool_listener of_spool;
    struct queue_sink_options options;
    struct queue_spool *spool; /* NULL: jobs are in memory alone */
    struct publishing publishing;
    struct list all, open;
    size_t open_count;
    uint64_t last_number;
    uint64_t published, duplicates, failures;
    struct rng rng;
    struct queue_trouble trouble;
    bool is_asked_again; /* when there is room */
    uv_timer_t timer;
    bool gave_up, closing, ending;
    uint64_t close_by_ms;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static struct queue_sink *queue_of(struct sink *s)
{
    return CONTAINER_OF(s, struct queue_sink, sink);
}

static int64_t unix_ms(const struct queue_sink *q)
{
    return q->options.unix_ms ? q->options.unix_ms() : wall_clock_ms();
}

/* --- jobs --- */

static void add(struct queue_sink *q, struct held_job *h)
{
    list_put_last(&q->all, &h->all);
    publishing_add(&q->publishing, &h->publishing, h->job.found_ms);
    if (h->job.number > q->last_number)
        q->last_number = h->job.number;
}

/* Its giver need not care for it any more. */
static void settle(struct queue_sink *q, struct held_job *h, void (*how)(struct sink *, uint64_t))
{
    uint64_t ticket = h->ticket;
    if (!ticket)
        return;
    h->ticket = 0;
    list_remove(&h->open);
    q->open_count--;
    how(&q->sink, ticket);
}

static size_t room(const struct queue_sink *q)
{
    struct queue_spool *spool = q->spool;
    if (q->publishing.count >= q->options.most || (spool && !spool->is_well(spool)))
        return 0;
    return q->options.most - q->publishing.count;
}

/* To whom there was none when he asked. */
static void tell_room(struct queue_sink *q)
{
    if (!q->is_asked_again || !room(q))
        return;
    q->is_asked_again = false;
    sink_tell_room(&q->sink);
}

/* --- to the engine --- */

/* It can never be written, as what is broken in a spool: it must not hold up the others. */
static void drop(struct queue_sink *q, struct held_job *h, uint64_t ticket)
{
    publishing_drop(&q->publishing, ticket);
    log_line(&q->options.log, PIPEPOLL_WARNING,
             "job %.*s is none that the fleet's queue can take: it is dropped",
             STR_ARG(str_cut(h->job.id, LOGGED_MAX)));
    if (q->spool)
        q->spool->forget(q->spool, h->job.number);
    settle(q, h, sink_lose);
    held_job_free(h);
    tell_room(q);
}

static void publish(struct queue_sink *q, struct held_job *h, uint64_t ticket, uint64_t now_ms)
{
    char text[JOB_MESSAGE_ONCE_MAX + 1];
    struct buf once = BUF_ON(text);
    held_job_put_once(&once, h);
    const struct engine_message m = { .log = ENGINE_JOBS,
                                      .key = h->job.key,
                                      .body = h->job.body,
                                      .once = buf_str(&once),
                                      .ticket = ticket };
    if (!engine_can_write(&m))
        drop(q, h, ticket);
    else if (!q->options.engine->write(q->options.engine, &m))
        publishing_put_back(&q->publishing, ticket, now_ms);
}

static void check_closed(struct queue_sink *q);

static void pump(struct queue_sink *q);

static void on_timer(uv_timer_t *timer)
{
    struct queue_sink *q = timer->data;
    pump(q);
    check_closed(q);
}

static void arm(struct queue_sink *q, uint64_t now_ms)
{
    uint64_t due_ms = publishing_due_ms(&q->publishing);
    if (q->closing && q->close_by_ms > now_ms && q->close_by_ms < due_ms)
        due_ms = q->close_by_ms;
    if (due_ms == PUBLISHING_NEVER)
        uv_timer_stop(&q->timer);
    else
        uv_timer_start(&q->timer, on_timer, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

static void pump(struct queue_sink *q)
{
    uint64_t ticket, now_ms = uv_now(q->options.loop);
    struct publishing_job *job;
    if (q->ending)
        return;
    while ((job = publishing_take(&q->publishing, now_ms, unix_ms(q), &ticket)))
        publish(q, CONTAINER_OF(job, struct held_job, publishing), ticket, now_ms);
    arm(q, now_ms);
}

static void on_published(struct queue_sink *q, struct held_job *h)
{
    q->published++;
    if (q->spool)
        q->spool->forget(q->spool, h->job.number);
    settle(q, h, sink_confirm);
    held_job_free(h);
    queue_trouble_on_success(&q->trouble, &q->publishing);
    tell_room(q);
}

bool queue_sink_on_written(struct sink *s, uint64_t ticket, enum engine_result result)
{
    struct queue_sink *q = queue_of(s);
    if (!publishing_is_ours(ticket))
        return false;
    struct publishing_job *job = publishing_answered(&q->publishing, ticket, result,
                                                     uv_now(q->options.loop), rng_next(&q->rng));
    q->duplicates += job && result == ENGINE_DUPLICATE;
    if (job) {
        on_published(q, CONTAINER_OF(job, struct held_job, publishing));
    } else if (!q->ending) {
        q->failures++;
        queue_trouble_on_failure(&q->trouble, &q->publishing, result, unix_ms(q));
    }
    pump(q);
    check_closed(q);
    return true;
}

void queue_sink_on_state(struct sink *s, enum engine_state state)
{
    struct queue_sink *q = queue_of(s);
    publishing_set_ready(&q->publishing, state == ENGINE_READY);
    pump(q);
    check_closed(q);
}

/* --- of the spool and of the lines --- */

static void on_durable(struct queue_spool_listener *self, uint64_t up_to)
{
    struct queue_sink *q = CONTAINER_OF(self, struct queue_sink, of_spool);
    while (!list_empty(&q->open)) {
        struct held_job *h = CONTAINER_OF(q->open.next, struct held_job, open);
        if (h->job.number > up_to)
            break;
        settle(q, h, sink_confirm);
    }
    check_closed(q);
}

static void on_spool_room(struct queue_spool_listener *self)
{
    tell_room(CONTAINER_OF(self, struct queue_sink, of_spool));
}

static void on_lines_room(struct sink_listener *self)
{
    sink_tell_room(&CONTAINER_OF(self, struct queue_sink, of_lines)->sink);
}

static void on_lines_broken(struct sink_listener *self, const char *why)
{
    sink_tell_broken(&CONTAINER_OF(self, struct queue_sink, of_lines)->sink, why);
}

/* It has no jobs. */
static void on_no_ticket(struct sink_listener *self, uint64_t ticket)
{
}

/* --- the sink --- */

static size_t credit(struct sink *self)
{
    struct queue_sink *q = queue_of(self);
    size_t most = room(q);
    q->is_asked_again = q->is_asked_again || !most;
    return most;
}

/* false: there is no room for it. */
static bool hold(struct queue_sink *q, const struct spooled_job *job, uint64_t ticket)
{
    struct queue_spool *spool = q->spool;
    struct held_job *h = held_job_new(job);
    if (!h)
        return false;
    if (spool && !spool->put(spool, &h->job)) {
        held_job_free(h);
        return false;
    }
    h->ticket = ticket;
    list_put_last(&q->open, &h->open);
    q->open_count++;
    add(q, h);
    pump(q);
    return true;
}

static bool put_encoded(struct queue_sink *q, const struct record *what, uint64_t ticket,
                        struct buf body)
{
    char text[ENGINE_KEY_MAX];
    struct buf key = BUF_ON(text);
    bool right = what->job.job_id.len && q->options.encode(q->options.ctx, &key, &body, what) &&
                 !key.overflow && !body.overflow;
    if (!right || q->gave_up) {
        sink_lose(&q->sink, ticket);
        return true;
    }
    const struct spooled_job job = { .number = q->last_number + 1,
                                     .found_ms = what->unix_ms,
                                     .id = what->job.job_id,
                                     .key = buf_str(&key),
                                     .body = buf_str(&body) };
    bool taken = room(q) && hold(q, &job, ticket);
    q->is_asked_again = q->is_asked_again || !taken;
    return taken;
}

static bool put_job(struct queue_sink *q, const struct record *what, uint64_t ticket)
{
    char text[BODY_MAX];
    bool taken = put_encoded(q, what, ticket, BUF_ON(text));
    explicit_bzero(text, sizeof text);
    return taken;
}

static bool put(struct sink *self, const struct record *what, uint64_t ticket)
{
    struct queue_sink *q = queue_of(self);
    if (what->kind == RECORD_JOB)
        return put_job(q, what, ticket);
    return q->options.lines->put(q->options.lines, what, ticket);
}

static size_t backlog(struct sink *self)
{
    struct sink *lines = queue_of(self)->options.lines;
    return lines->backlog ? lines->backlog(lines) : 0;
}

static bool is_worth_waiting(const struct queue_sink *q)
{
    return !q->spool || (q->publishing.is_ready && !q->publishing.failures &&
                         (!q->closing || uv_now(q->options.loop) < q->close_by_ms));
}

static void put_awaited(struct sink *self, struct buf *out)
{
    struct queue_sink *q = queue_of(self);
    struct sink *lines = q->options.lines;
    char text[128];
    struct buf of_lines = BUF_ON(text);
    bool is_queue = is_worth_waiting(q);
    size_t jobs = is_queue ? q->publishing.count : q->open_count;
    lines->put_awaited(lines, &of_lines);
    if (jobs)
        buf_printf(out, "%s to take %zu job%s", is_queue ? "the fleet's queue" : "the spool's disk",
                   jobs, plural(jobs));
    if (of_lines.len)
        buf_printf(out, "%s%.*s", jobs ? " and " : "", STR_ARG(buf_str(&of_lines)));
}

static void give_up(struct sink *self)
{
    struct queue_sink *q = queue_of(self);
    q->gave_up = true;
    while (!list_empty(&q->open))
        settle(q, CONTAINER_OF(q->open.next, struct held_job, open), sink_lose);
    q->options.lines->give_up(q->options.lines);
    check_closed(q);
}

/* --- the end: the queue, the timer, the spool, the lines --- */

static void on_lines_closed(void *ctx)
{
    struct queue_sink *q = ctx;
    void (*closed)(void *ctx) = q->closed;
    void *closed_ctx = q->closed_ctx;
    free(q);
    closed(closed_ctx);
}

static void on_spool_closed(void *ctx)
{
    struct queue_sink *q = ctx;
    q->options.lines->close(q->options.lines, on_lines_closed, q);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct queue_sink *q = timer->data;
    struct queue_spool *spool = q->spool;
    struct publishing_job *job;
    while ((job = publishing_pop(&q->publishing)))
        held_job_free(CONTAINER_OF(job, struct held_job, publishing));
    if (spool)
        spool->close(spool, on_spool_closed, q);
    else
        on_spool_closed(q);
}

static bool is_finished(const struct queue_sink *q)
{
    bool all_published = !q->publishing.count;
    return all_published || (!q->open_count && (q->gave_up || !is_worth_waiting(q)));
}

static void check_closed(struct queue_sink *q)
{
    if (!q->closing || q->ending || !is_finished(q))
        return;
    q->ending = true;
    uv_close((uv_handle_t *)&q->timer, on_timer_closed);
}

static void close_sink(struct sink *self, void (*closed)(void *ctx), void *ctx)
{
    struct queue_sink *q = queue_of(self);
    q->closed = closed;
    q->closed_ctx = ctx;
    q->closing = true;
    q->close_by_ms = uv_now(q->options.loop) + QUEUE_SINK_LAST_MS;
    pump(q);
    check_closed(q);
}

/* --- */

int queue_sink_open(struct sink **out, const struct queue_sink_options *o)
{
    struct queue_sink *q = calloc(1, sizeof *q);
    if (!q)
        return PIPEPOLL_ENOMEM;
    *q = (struct queue_sink) { .options = *o,
                               .rng = { o->seed },
                               .trouble = { .log = o->log },
                               .of_lines = { .room = on_lines_room,
                                             .broken = on_lines_broken,
                                             .confirmed = on_no_ticket,
                                             .lost = on_no_ticket },
                               .of_spool = { .durable = on_durable, .room = on_spool_room } };
    q->sink = (struct sink) { .undone = "not in the fleet's queue",
                              .capacity = SIZE_MAX,
                              .credit = credit,
                              .put = put,
                              .backlog = backlog,
                              .put_awaited = put_awaited,
                              .give_up = give_up,
                              .close = close_sink };
    publishing_init(&q->publishing);
    list_init(&q->all);
    list_init(&q->open);
    uv_timer_init(o->loop, &q->timer);
    q->timer.data = q;
    q->options.lines->listener = &q->of_lines;
    *out = &q->sink;
    return PIPEPOLL_OK;
}

int queue_sink_add_held(struct sink *s, const struct spooled_job *job)
{
    struct held_job *h = held_job_new(job);
    if (!h)
        return PIPEPOLL_ENOMEM;
    add(queue_of(s), h);
    return PIPEPOLL_OK;
}

void queue_sink_set_spool(struct sink *s, struct queue_spool *spool)
{
    struct queue_sink *q = queue_of(s);
    q->spool = spool;
    spool->listener = &q->of_spool;
}

void queue_sink_figures(struct sink *s, struct queue_sink_figures *out)
{
    struct queue_sink *q = queue_of(s);
    *out = (struct queue_sink_figures) { .held = q->publishing.count,
                                         .published = q->published,
                                         .duplicates = q->duplicates,
                                         .failures = q->failures,
                                         .trouble = q->publishing.trouble };
    if (!list_empty(&q->all))
        out->oldest_found_ms = CONTAINER_OF(q->all.next, struct held_job, all)->job.found_ms;
}

/* SPDX-License-Identifier: MIT */
/* The worker is its poller's sink: it takes found jobs while it has slots, gives each to work.c,
 * and wakes the poller when a slot is free again. Jobs that the handler does not want it passes on
 * to the embedder's sink, which is told of all but the jobs that the worker takes. Jobs use the
 * poller's timers, so a closing poller waits for the last of them (poller_hold). */
#include "aws/input.h"
#include "base/sized.h"
#include "client/options.h"
#include "client/work.h"

enum { MAX_JOBS = 16, MAX_JOBS_MOST = 65536, RENEW_MS = 900000, RENEW_MOST_MS = 86400000 };

static const uint64_t ns_per_ms = 1000000;

/* --- the poller's sink --- */

static struct pipepoll_worker *of_sink(struct pipepoll_sink *self)
{
    return CONTAINER_OF(self, struct pipepoll_worker, sink);
}

static size_t on_credit(struct pipepoll_sink *self)
{
    return job_worker_credit(of_sink(self));
}

/* A job that is not taken is found again when its lease has ended. */
static void take_job(struct pipepoll_worker *w, struct pipepoll_target *from,
                     const struct pipepoll_job *job)
{
    struct pipepoll_work *k;
    if (work_find(w, from->client, job->job_id))
        w->stats.repeated++;
    else if (w->is_draining || w->count >= w->max_jobs ||
             work_new(&k, w, from, job, &from->action_type))
        w->stats.overflowed++;
    else {
        w->stats.found++;
        if (w->handler.found)
            w->handler.found(w->handler_self, k, from);
        work_begin(k, from);
    }
}

/* Who takes jobs; the numbers are the poller's. */
enum { WORKER_TAKES, SINK_TAKES };

static uint8_t pick(struct pipepoll_sink *self, struct pipepoll_target *t)
{
    struct pipepoll_worker *w = of_sink(self);
    return w->handler.wants(w->handler_self, t) ? WORKER_TAKES : SINK_TAKES;
}

static void pass_on(struct pipepoll_worker *w, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    if (w->next.deliver)
        w->next.deliver(w->next_self, from, answer);
}

static void on_deliver(struct pipepoll_sink *self, struct pipepoll_target *from,
                       const struct pipepoll_answer *answer)
{
    struct pipepoll_worker *w = of_sink(self);
    if (from->schedule.taker == SINK_TAKES) {
        pass_on(w, from, answer);
        return;
    }
    struct pipepoll_answer without_jobs = *answer;
    without_jobs.jobs = NULL;
    without_jobs.job_count = 0;
    pass_on(w, from, &without_jobs);
    for (size_t i = 0; i < answer->job_count; i++)
        take_job(w, from, pipepoll_job_at(answer, i));
}

static void on_failed(struct pipepoll_sink *self, struct pipepoll_target *from,
                      const struct pipepoll_failure *failure)
{
    struct pipepoll_worker *w = of_sink(self);
    if (w->next.failed)
        w->next.failed(w->next_self, from, failure);
}

static void on_polled(struct pipepoll_sink *self, struct pipepoll_target *from,
                      const struct pipepoll_poll *poll)
{
    struct pipepoll_worker *w = of_sink(self);
    w->next.polled(w->next_self, from, poll);
}

static void on_removed(struct pipepoll_sink *self, struct pipepoll_target *from)
{
    struct pipepoll_worker *w = of_sink(self);
    job_worker_leave_taken(w, from);
    if (w->next.removed)
        w->next.removed(w->next_self, from);
}

static void on_paused(struct pipepoll_sink *self, struct pipepoll_target *from)
{
    struct pipepoll_worker *w = of_sink(self);
    w->next.paused(w->next_self, from);
}

static void on_credentials(struct pipepoll_sink *self, const struct pipepoll_identity *identity)
{
    struct pipepoll_worker *w = of_sink(self);
    if (w->next.credentials)
        w->next.credentials(w->next_self, identity);
}

/* --- options --- */

static int read_handler(struct pipepoll_handler *out, const struct pipepoll_handler *in,
                        struct pipepoll_error *why)
{
    int r = in ? sized_read(out, sizeof *out, in, "handler", why) : PIPEPOLL_OK;
    if (!r && !(in && out->token && out->start && out->ended))
        r = explain(why, PIPEPOLL_EINVAL, "handler is missing, or its token, start or ended()");
    return r;
}

static int read_journal(struct pipepoll_journal *out, const struct pipepoll_journal *in,
                        struct pipepoll_error *why)
{
    int r = in ? sized_read(out, sizeof *out, in, "journal", why) : PIPEPOLL_OK;
    if (!r && in && !(out->note && out->forget))
        r = explain(why, PIPEPOLL_EINVAL, "journal lacks its note or forget()");
    return r;
}

static int read_number(uint32_t *value, const char *name, uint32_t usual, uint32_t most,
                       struct pipepoll_error *why)
{
    if (*value > most)
        return explain(why, PIPEPOLL_EINVAL, "%s %u is out of range: at most %u", name, *value,
                       most);
    if (!*value)
        *value = usual;
    return 0;
}

/* What the embedder's sink lacks is NULL. */
static int read_next(struct pipepoll_worker *w, const struct pipepoll_options *o,
                     struct pipepoll_error *why)
{
    w->next_self = o->sink;
    int r = o->sink ? sized_read(&w->next, sizeof w->next, o->sink, "sink", why) : PIPEPOLL_OK;
    if (!r && w->handler.wants && !w->next.deliver)
        r = explain(why, PIPEPOLL_EINVAL,
                    "the handler has wants(), and there is no sink with deliver() for the rest");
    return r;
}

static int read_options(struct pipepoll_worker *w, const struct pipepoll_worker_options *in,
                        struct pipepoll_error *why)
{
    struct pipepoll_worker_options o;
    int r = sized_read(&o, sizeof o, in, "worker options", why);
    if (!r)
        r = read_handler(&w->handler, o.handler, why);
    if (!r)
        r = read_journal(&w->journal, o.journal, why);
    if (!r)
        r = read_number(&o.max_jobs, "max_jobs", MAX_JOBS, MAX_JOBS_MOST, why);
    if (!r)
        r = read_number(&o.renew_ms, "renew_ms", RENEW_MS, RENEW_MOST_MS, why);
    if (r)
        return r;
    w->handler_self = o.handler;
    w->journal_self = o.journal;
    w->max_jobs = o.max_jobs;
    w->renew_ns = o.renew_ms * ns_per_ms;
    return 0;
}

/* --- open and close --- */

static int open_poller(struct pipepoll_worker *w, struct uv_loop_s *loop,
                       struct pipepoll_options *o, struct pipepoll_error *why)
{
    w->sink = (struct pipepoll_sink) {
        .size = sizeof w->sink,
        .credit = on_credit,
        .deliver = on_deliver,
        .failed = on_failed,
        .removed = on_removed,
        .credentials = on_credentials,
        .polled = w->next.polled ? on_polled : NULL,
        .paused = w->next.paused ? on_paused : NULL,
    };
    o->size = sizeof *o;
    o->sink = &w->sink;
    int r = pipepoll_open(&w->poller, loop, o, why);
    if (r || !w->handler.wants)
        return r;
    w->poller->pick = pick;
    w->poller->takers[SINK_TAKES] = (struct taker) { w->next_self, w->next.credit, 0 };
    return 0;
}

int pipepoll_worker_open(struct pipepoll_worker **out, struct uv_loop_s *loop,
                         const struct pipepoll_options *options,
                         const struct pipepoll_worker_options *worker_options,
                         struct pipepoll_error *why)
{
    struct pipepoll_options o;
    int r = options_read(&o, options, why);
    if (r)
        return r;
    const struct alloc alloc = { o.resize, o.resize_ctx };
    struct pipepoll_worker *w = alloc_new(&alloc, sizeof *w);
    if (!w)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    w->alloc = alloc;
    list_init(&w->in_hand);
    list_init(&w->noting);
    list_init(&w->line);
    list_init(&w->taken);
    r = read_options(w, worker_options, why);
    if (!r)
        r = read_next(w, &o, why);
    if (!r)
        r = open_poller(w, loop, &o, why);
    if (r) {
        alloc_free(&alloc, w, sizeof *w);
        return r;
    }
    table_init(&w->works, alloc, rng_next(&w->poller->rng));
    *out = w;
    return 0;
}

struct pipepoll *pipepoll_worker_poller(const struct pipepoll_worker *w)
{
    return w->poller;
}

/* Ends come later, by the jobs' timers, so the list stays as it is meanwhile. */
static void let_go(struct pipepoll_worker *w, bool closes)
{
    w->is_draining = true;
    for (struct list *l = w->in_hand.next; l != &w->in_hand; l = l->next)
        work_let_go(CONTAINER_OF(l, struct pipepoll_work, link), closes);
}

void pipepoll_worker_drain(struct pipepoll_worker *w)
{
    if (!w->is_draining)
        let_go(w, false);
}

void pipepoll_worker_ask_wants(struct pipepoll_worker *w, struct pipepoll_target *target)
{
    schedule_recall(&w->poller->schedule, &target->schedule);
    pipepoll_wake(w->poller);
}

static void on_poller_closed(void *ctx)
{
    struct pipepoll_worker *w = ctx;
    const struct alloc alloc = w->alloc;
    void (*closed)(void *ctx) = w->closed;
    void *closed_ctx = w->closed_ctx;
    table_deinit(&w->works);
    alloc_free(&alloc, w, sizeof *w);
    if (closed)
        closed(closed_ctx);
}

void pipepoll_worker_close(struct pipepoll_worker *w, void (*closed)(void *ctx), void *ctx)
{
    if (w->is_closing)
        return;
    w->is_closing = true;
    w->closed = closed;
    w->closed_ctx = ctx;
    let_go(w, true);
    pipepoll_close(w->poller, on_poller_closed, w);
}

/* A slot is free, and one thing less holds the poller. */
void job_worker_on_end(struct pipepoll_worker *w)
{
    struct pipepoll *p = w->poller;
    p->holders--;
    poller_hold_loop(p);
    if (p->closing)
        poller_tick_soon(p);
    else if (!w->is_draining)
        pipepoll_wake(p);
}

/* --- the journal --- */

void pipepoll_worker_noted(struct pipepoll_worker *w, uint64_t up_to_ticket, int status)
{
    while (!list_empty(&w->noting)) {
        struct pipepoll_work *k = CONTAINER_OF(w->noting.next, struct pipepoll_work, noting_link);
        if (k->ticket > up_to_ticket)
            return;
        work_noted(k, status);
    }
}

static int check_entry(struct pipepoll_worker *w, const struct pipepoll_journal_entry *e,
                       const struct pipepoll_target *target, struct pipepoll_error *why)
{
    const struct client *client = target->client;
    bool has_result = e->success || e->failure;
    if (w->is_closing)
        return explain(why, PIPEPOLL_ECLOSING, "the worker is closing");
    if (target->poller != w->poller)
        return explain(why, PIPEPOLL_EINVAL, "the target is another poller's");
    if (input_check_text("job id", e->job_id, 512, why))
        return PIPEPOLL_EINVAL;
    if (e->state < PIPEPOLL_JOURNAL_CLAIMING || e->state > PIPEPOLL_JOURNAL_REPORTING ||
        has_result != (e->state == PIPEPOLL_JOURNAL_REPORTING))
        return explain(why, PIPEPOLL_EINVAL, "the entry lacks its state or its result");
    if (!str_eq(e->region, client_name(client)))
        return explain(why, PIPEPOLL_EINVAL, "the entry is of region %.*s, and the target of %.*s",
                       STR_ARG(e->region), STR_ARG(client_name(client)));
    if (work_find(w, client, e->job_id))
        return explain(why, PIPEPOLL_EINVAL, "job %.*s is in hand", STR_ARG(e->job_id));
    return 0;
}

/* What is to be reported for it; NULL: it is claimed or run again. */
static int result_of(struct work_result **out, struct pipepoll_worker *w,
                     const struct pipepoll_journal_entry *e,
                     const struct pipepoll_job_failure *failure, struct pipepoll_error *why)
{
    const struct work_result_kind kind = { str_eq(e->action_type.owner, STR("Custom")),
                                           e->continuation_token };
    if (e->success)
        return work_result_success(out, &w->alloc, e->success, &kind, why);
    if (e->failure)
        failure = e->failure;
    if (failure && e->state >= PIPEPOLL_JOURNAL_RUNNING)
        return work_result_failure(out, &w->alloc, failure, why);
    return 0;
}

int pipepoll_worker_resume(struct pipepoll_worker *w, struct pipepoll_target *target,
                           const struct pipepoll_journal_entry *entry,
                           const struct pipepoll_job_failure *failure, struct pipepoll_error *why)
{
    struct pipepoll_journal_entry e;
    struct work_result *result = NULL;
    struct pipepoll_work *k;
    int r = sized_read(&e, sizeof e, entry, "journal entry", why);
    if (!r)
        r = check_entry(w, &e, target, why);
    if (!r && !e.action_type.category.len)
        e.action_type = target->action_type;
    if (!r)
        r = result_of(&result, w, &e, failure, why);
    if (r)
        return r;
    const struct pipepoll_job job = { .client_id = e.client_id, .job_id = e.job_id };
    r = work_new(&k, w, target, &job, &e.action_type);
    if (r) {
        work_result_free(result, &w->alloc);
        return explain(why, r, "out of memory");
    }
    work_resume(k, &e, result);
    w->stats.resumed++;
    work_begin_in_turn(k);
    return 0;
}

/* --- numbers --- */

static void count_states(const struct pipepoll_worker *w, struct pipepoll_worker_stats *out)
{
    for (struct list *l = w->in_hand.next; l != &w->in_hand; l = l->next)
        switch (CONTAINER_OF(l, struct pipepoll_work, link)->life.state) {
        case WORK_FOUND:
        case WORK_DETAILED:
        case WORK_CLAIMING:
            out->claiming++;
            break;
        case WORK_RUNNING:
            out->running++;
            break;
        case WORK_REPORTING:
        case WORK_OVER:
            out->reporting++;
            break;
        }
}

void pipepoll_worker_stats(const struct pipepoll_worker *w, struct pipepoll_worker_stats *out)
{
    struct pipepoll_worker_stats now = w->stats;
    count_states(w, &now);
    sized_write(out, &now, sizeof now);
}

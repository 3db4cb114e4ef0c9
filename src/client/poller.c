/* The poller: due -> call -> deliver -> due. poll_begin() and poll_finish() tell the story; all
 * below is called downward and returns. What is no poll (request.c) gets its slots here too.
 * Answers come from the transport on a clean stack, and the sink is called from there. What a
 * callback may end (a target, the poller) is only marked; the next tick of the timer ends it.
 *
 * Whatever can be much at once (targets due, removed, or left when the poller closes; identities
 * with news, and their clients) is done in slices of a millisecond, one a turn of the loop: the
 * loop is the embedder's, and has other work. */
#include "client/poller.h"

#include <limits.h>

#include "aws/job.h"
#include "client/request.h"
#include "client/verdict.h"

/* What a sink with a limit asks for when the target names no batch size: the number must be known,
 * for it is set aside from the credit while the poll is out. */
enum { BATCH_DEFAULT = 10 };

/* The work of one tick, and the polls that may start when one has ended: its own slot and one that
 * was free before. */
static const uint64_t slice_ns = 1000000;
enum { STARTS_AT_END = 2 };

static bool is_over(uint64_t since_ns)
{
    return timers_now_ns() - since_ns > slice_ns;
}

void poller_hold_loop(struct pipepoll *p)
{
    timers_hold_loop(p->timers, p->keeps_loop || p->schedule.in_flight || p->closing ||
                                    !list_empty(&p->gone) || !list_empty(&p->requests));
}

void poller_tick_soon(struct pipepoll *p)
{
    poller_hold_loop(p);
    timer_set(&p->tick, timers_now_ns());
}

/* --- one poll --- */

struct call *poller_take_call(struct pipepoll *p)
{
    struct list *l = list_pop_first(&p->free_calls);
    return l ? CONTAINER_OF(l, struct call, free_link) : call_new(&p->calls);
}

void poller_give_call(struct pipepoll *p, struct call *c)
{
    if (!c)
        return;
    call_forget(c, &p->calls);
    list_put_first(&p->free_calls, &c->free_link);
}

/* The poll of t is over; the next is at due_ns, or never when t was removed meanwhile. */
static void target_wait(struct pipepoll_target *t, uint64_t due_ns)
{
    struct pipepoll *p = t->poller;
    bool removed = t->schedule.state == TARGET_REMOVED;
    schedule_give(&p->schedule, &t->schedule, due_ns);
    if (!removed)
        return;
    list_remove(&t->link);
    list_put_last(&p->gone, &t->link);
}

/* An answer to a poll. */
struct answered {
    const struct call *call;
    struct outcome got;
    struct job_list jobs;
};

static void tell_answer(struct pipepoll_target *t, const struct answered *a)
{
    struct pipepoll *p = t->poller;
    list_remove(&t->credentials_link);
    struct pipepoll_answer answer = {
        .size = sizeof answer,
        .request_id = a->got.request_id,
        .jobs = a->jobs.jobs,
        .job_count = a->jobs.count,
        .job_size = sizeof *a->jobs.jobs,
        .attempt = t->schedule.failures + 1,
        .latency_us = (timers_now_ns() - a->call->started_ns) / 1000,
    };
    p->stats.answers++;
    p->stats.jobs += a->jobs.count;
    p->stats.latency_us_sum += answer.latency_us;
    p->sink.deliver(p->o.sink, t, &answer);
}

static uint64_t poll_answered(struct pipepoll_target *t, const struct answered *a)
{
    tell_answer(t, a);
    struct poll_end end = {
        .started_ns = a->call->started_ns,
        .now_ns = timers_now_ns(),
        .roll = rng_next(&t->poller->rng),
        .jobs = (uint32_t)a->jobs.count,
        .full = a->jobs.count > 0 && a->jobs.count >= t->batch,
    };
    return target_on_end(&t->schedule, t->schedule.share->budget, &end);
}

static void note_trouble(struct pipepoll_target *t, enum fault fault)
{
    list_remove(&t->credentials_link);
    if (verdict_waits_for_credentials(fault) && t->schedule.state != TARGET_REMOVED)
        list_put_last(&t->client->waiting, &t->credentials_link);
}

static uint64_t poll_failed(struct pipepoll_target *t, const struct call *c,
                            const struct outcome *got, enum fault fault)
{
    struct pipepoll *p = t->poller;
    uint64_t now_ns = timers_now_ns();
    struct poll_end end = {
        .started_ns = c ? c->started_ns : now_ns,
        .now_ns = now_ns,
        .roll = rng_next(&p->rng),
        .fault = fault,
        .hint_ms = got->retry_after_ms,
    };
    struct pipepoll_error room;
    note_trouble(t, end.fault);
    enum pipepoll_cause cause = verdict_cause(fault, got);
    bool is_news = target_is_news(&t->schedule, end.fault, cause, got->code);
    uint64_t due_ns = target_on_end(&t->schedule, t->schedule.share->budget, &end);
    struct pipepoll_failure failure = {
        .size = sizeof failure,
        .status = fault_status(end.fault),
        .http_status = got->http_status,
        .attempt = t->schedule.failures,
        .retry_in_ms = due_ns == TARGET_NEVER ? 0 : (uint32_t)((due_ns - now_ns) / 1000000),
        .code = got->code,
        .message = verdict_message(t->client, end.fault, got, &room),
        .request_id = got->request_id,
        .cause = cause,
        .subject = got->subject,
    };
    p->stats.failures++;
    p->stats.throttled += end.fault == FAULT_THROTTLED;
    if (is_news && p->sink.failed)
        p->sink.failed(p->o.sink, t, &failure);
    /* The sink may have removed the target. */
    return t->schedule.state == TARGET_REMOVED ? TARGET_NEVER : due_ns;
}

static void poll_finish(struct transfer *x)
{
    struct call *c = CONTAINER_OF(x, struct call, transfer);
    struct pipepoll_target *t = c->owner;
    struct pipepoll *p = t->poller;
    struct answered a = { .call = c };
    call_read(c, &p->calls, &a.jobs, &a.got);
    enum fault fault = verdict_of(&p->clients, t->client, t->schedule.failures, &a.got);
    p->jobs_on_order -= t->on_order;
    uint64_t due_ns = fault ? poll_failed(t, c, &a.got, fault) : poll_answered(t, &a);
    poller_give_call(p, c);
    target_wait(t, due_ns);
    poller_tick_at_end(p);
}

static uint32_t batch_size(const struct pipepoll_target *t, uint64_t credit)
{
    if (credit == UINT64_MAX)
        return t->max_batch_size;
    uint32_t batch = t->max_batch_size ? t->max_batch_size : BATCH_DEFAULT;
    return batch < credit ? batch : (uint32_t)credit;
}

static void poll_begin(struct pipepoll_target *t, uint64_t now_ns, uint64_t credit)
{
    struct pipepoll *p = t->poller;
    if (now_ns - t->schedule.due_ns > p->max_lateness_ns)
        p->max_lateness_ns = now_ns - t->schedule.due_ns;
    p->stats.polls++;
    struct call *c = poller_take_call(p);
    struct outcome got = { .fault = FAULT_OUT_OF_MEMORY };
    t->batch = batch_size(t, credit);
    if (c) {
        const struct poll_input input = { &t->action_type, t->batch };
        c->owner = t;
        c->transfer.on_done = poll_finish;
        got.fault =
            call_start(c, &p->calls, t->client, &operation_poll_for_third_party_jobs, &input);
    }
    if (!got.fault) {
        t->on_order = credit == UINT64_MAX ? 0 : t->batch;
        p->jobs_on_order += t->on_order;
        return;
    }
    poller_give_call(p, c);
    target_wait(t, poll_failed(t, NULL, &got, got.fault));
}

/* UINT64_MAX: no limit. */
static uint64_t credit_left(const struct pipepoll *p)
{
    if (!p->sink.credit)
        return UINT64_MAX;
    uint64_t credit = p->sink.credit(p->o.sink);
    if (credit == SIZE_MAX)
        return UINT64_MAX;
    return credit > p->jobs_on_order ? credit - p->jobs_on_order : 0;
}

static bool has_news(const struct pipepoll *p)
{
    return !list_empty(&p->clients.principals.news) || !list_empty(&p->clients.lagging);
}

static void tell_identity(struct pipepoll *p, struct principal *principal)
{
    const struct pipepoll_identity *now = principal_report(principal);
    clients_follow(&p->clients, principal);
    if (principal_is_news(principal, now) && p->sink.credentials)
        p->sink.credentials(p->o.sink, now);
}

/* Regions follow before anything starts, so that none is polled without credentials. */
static void follow_identities(struct pipepoll *p, uint64_t since_ns)
{
    while (has_news(p) && !is_over(since_ns)) {
        if (!clients_catch_up(&p->clients, &p->woken))
            continue;
        struct principal *principal = principal_next_changed(&p->clients.principals);
        if (principal)
            tell_identity(p, principal);
    }
}

/* Not all at the same instant, and not too many in one turn of the loop. */
enum { WOKEN_WITHIN_MS = 500, WOKEN_AT_ONCE = 1000 };

static void wake_some(struct pipepoll *p, uint64_t now_ns)
{
    struct list *l = NULL;
    for (int i = 0; i < WOKEN_AT_ONCE && (l = list_pop_first(&p->woken)) != NULL; i++) {
        struct pipepoll_target *t = CONTAINER_OF(l, struct pipepoll_target, credentials_link);
        uint64_t after_ms = rng_next(&p->rng) % WOKEN_WITHIN_MS;
        schedule_hurry(&p->schedule, &t->schedule, now_ns + after_ms * 1000000);
        target_scatter(&t->schedule, rng_next(&p->rng));
    }
}

/* false: there is no credit. */
static bool start_poll(struct pipepoll *p, uint64_t now_ns)
{
    uint64_t credit = credit_left(p); /* the sink may have removed targets in there */
    if (!credit) {
        schedule_park(&p->schedule, now_ns);
        return false;
    }
    schedule_resume(&p->schedule, now_ns);
    struct target *next = schedule_take(&p->schedule, now_ns);
    if (next)
        poll_begin(CONTAINER_OF(next, struct pipepoll_target, schedule), now_ns, credit);
    return true;
}

/* true: no more can start now. */
static bool start_due(struct pipepoll *p, uint64_t now_ns, unsigned most)
{
    bool has_credit = true;
    for (;;) {
        bool is_call = schedule_call_is_next(&p->schedule, has_credit, now_ns);
        if (!is_call && !(has_credit && schedule_has_next(&p->schedule, now_ns)))
            return true;
        if (!most--)
            return false;
        if (is_call)
            request_begin(schedule_take_call(&p->schedule), now_ns);
        else
            has_credit = start_poll(p, now_ns);
        if (is_over(now_ns))
            return false;
    }
}

static void tick_again_at(struct pipepoll *p, uint64_t due_ns)
{
    poller_hold_loop(p);
    timer_set(&p->tick, due_ns);
}

/* The rest is the timer's. */
void poller_tick_at_end(struct pipepoll *p)
{
    uint64_t now_ns = timers_now_ns();
    bool is_busy = has_news(p) || !list_empty(&p->gone) || !list_empty(&p->woken) || p->closing;
    if (!is_busy) {
        schedule_advance(&p->schedule, now_ns);
        is_busy = !start_due(p, now_ns, STARTS_AT_END);
    }
    tick_again_at(p, is_busy ? now_ns : schedule_next_due(&p->schedule));
}

/* Start what is due while there are credentials, slots and credit; come back when more is due. */
static void tick(struct pipepoll *p, uint64_t now_ns)
{
    wake_some(p, now_ns);
    do
        schedule_advance(&p->schedule, now_ns);
    while (schedule_next_due(&p->schedule) <= now_ns && !is_over(now_ns));
    bool is_busy = !start_due(p, now_ns, UINT_MAX) || !list_empty(&p->gone) ||
                   !list_empty(&p->woken) || has_news(p) || p->closing; /* by the sink */
    tick_again_at(p, is_busy ? now_ns : schedule_next_due(&p->schedule));
}

/* --- the end --- */

void poller_remove(struct pipepoll_target *t)
{
    struct pipepoll *p = t->poller;
    if (t->schedule.state == TARGET_REMOVED)
        return;
    bool is_gone = schedule_remove(&p->schedule, &t->schedule); /* or its poll is out */
    list_remove(&t->link);
    list_put_last(is_gone ? &p->gone : &p->leaving, &t->link);
}

void target_free(struct pipepoll_target *t)
{
    struct pipepoll *p = t->poller;
    list_remove(&t->credentials_link);
    client_leave(&p->clients, t->client);
    p->stats.targets--;
    alloc_free(&p->alloc, t, t->size);
}

static void on_timers_closed(void *ctx)
{
    struct pipepoll *p = ctx;
    void (*closed)(void *ctx) = p->closed;
    void *closed_ctx = p->closed_ctx;
    struct alloc alloc = p->alloc;
    trust_store_free(p->trust_store);
    pipepoll_credentials_unref(p->credentials);
    alloc_free(&alloc, p, sizeof *p);
    if (closed)
        closed(closed_ctx);
}

static void on_transport_closed(void *ctx)
{
    struct pipepoll *p = ctx;
    timers_close(p->timers, on_timers_closed, p);
}

static void poller_end(struct pipepoll *p)
{
    call_context_deinit(&p->calls);
    schedule_deinit(&p->schedule);
    table_deinit(&p->clients.all);
    table_deinit(&p->clients.limiters.all);
    table_deinit(&p->clients.principals.used);
    timer_deinit(&p->tick);
    p->stats.connections = transport_counts(p->transport).made;
    struct transport *ended = p->transport;
    p->transport = NULL;
    transport_close(ended, on_transport_closed, p);
}

static void tell_removed(struct pipepoll *p, uint64_t since_ns)
{
    const struct list *last = p->gone.prev; /* what removed() removes in turn waits */
    for (struct list *l = NULL; l != last && !is_over(since_ns);) {
        l = list_pop_first(&p->gone);
        if (!l)
            break;
        struct pipepoll_target *t = CONTAINER_OF(l, struct pipepoll_target, link);
        if (p->sink.removed)
            p->sink.removed(p->o.sink, t);
        target_free(t);
    }
}

static bool has_targets(const struct pipepoll *p)
{
    return !list_empty(&p->targets) || !list_empty(&p->leaving) || !list_empty(&p->gone);
}

/* The last target is gone, and slots come back no more. true: they are gone too. */
static bool free_calls(struct pipepoll *p, uint64_t since_ns)
{
    struct list *l;
    while (!is_over(since_ns) && (l = list_pop_first(&p->free_calls)) != NULL)
        call_free(CONTAINER_OF(l, struct call, free_link), &p->calls);
    return list_empty(&p->free_calls);
}

/* Principals end by themselves, and set the timer; so do calls in flight. */
static void end_some(struct pipepoll *p, uint64_t since_ns)
{
    while (!list_empty(&p->targets) && !is_over(since_ns))
        poller_remove(CONTAINER_OF(p->targets.next, struct pipepoll_target, link));
    bool any_waits = true;
    while (any_waits && !is_over(since_ns))
        any_waits = requests_end_one(p);
    tell_removed(p, since_ns);
    bool is_idle = !has_targets(p) && list_empty(&p->requests);
    bool is_empty = is_idle && free_calls(p, since_ns);
    if (is_empty && !p->clients.principals.open)
        poller_end(p);
    else if (has_news(p) || !list_empty(&p->targets) || !list_empty(&p->gone) || any_waits ||
             (is_idle && !is_empty))
        poller_tick_soon(p);
}

void poller_on_tick(struct timer *timer)
{
    struct pipepoll *p = CONTAINER_OF(timer, struct pipepoll, tick);
    uint64_t now_ns = timers_now_ns();
    tell_removed(p, now_ns);
    follow_identities(p, now_ns);
    if (p->closing)
        end_some(p, now_ns);
    else if (has_news(p))
        poller_tick_soon(p);
    else
        tick(p, now_ns);
}

void poller_abandon(struct pipepoll *p)
{
    timer_deinit(&p->tick);
    if (p->timers)
        timers_close(p->timers, on_timers_closed, p);
    else
        on_timers_closed(p);
}

/* SPDX-License-Identifier: MIT */
/* The poller: due -> call -> deliver -> due. poll_begin() and poll_finish() tell the story; all
 * below is called downward and returns. What is no poll (request.c) gets its slots here too.
 * Answers come from the transport on a clean stack, and the sink is called from there. What a
 * callback may end (a target, the poller) is only marked; the next tick of the timer ends it
 * (poller_end.c).
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

/* The polls that may start when one has ended: its own slot and one that was free before. */
enum { STARTS_AT_END = 2, STARTS_A_LOOK = 4, RETURNED_AT_ONCE = 64 };

void poller_hold_loop(struct pipepoll *p)
{
    timers_hold_loop(p->timers, p->keeps_loop || p->schedule.in_flight || p->closing ||
                                    !list_empty(&p->gone) || !list_empty(&p->requests) ||
                                    p->holders);
}

void poller_tick_soon(struct pipepoll *p)
{
    poller_hold_loop(p);
    timer_set(&p->tick, timers_now_ns());
}

/* --- one poll --- */

void poller_give_call(struct pipepoll *p, struct call *c)
{
    call_forget(c, &p->calls);
    list_put_first(&p->free_calls, &c->free_link);
}

enum fault poller_start_call(struct pipepoll *p, const struct call_order *order)
{
    struct list *l = list_pop_first(&p->free_calls);
    struct call *c = l ? CONTAINER_OF(l, struct call, free_link) : call_new(&p->calls);
    if (!c)
        return FAULT_OUT_OF_MEMORY;
    c->owner = order->owner;
    c->transfer.on_done = order->on_done;
    enum fault fault = call_start(c, &p->calls, order->client, order->operation, order->input);
    if (fault)
        poller_give_call(p, c);
    return fault;
}

/* The poll of t is over; the next is at due_ns, or never when t was removed meanwhile. Last of all,
 * for t may be gone afterwards. */
static void target_wait(struct pipepoll_target *t, uint64_t due_ns)
{
    struct pipepoll *p = t->poller;
    bool removed = t->schedule.state == TARGET_REMOVED, tells_pause = t->tells_pause;
    schedule_give(&p->schedule, &t->schedule, due_ns);
    t->is_polling = t->tells_pause = false;
    if (removed) {
        list_remove(&t->link);
        list_put_last(&p->gone, &t->link);
    } else if (tells_pause && t->schedule.is_paused && p->sink.paused) {
        p->sink.paused(p->o.sink, t);
    }
}

/* An answer to a poll. */
struct answered {
    const struct call *call;
    struct outcome got;
    struct job_list jobs;
    uint64_t came_ns;
};

static uint64_t latency_ns(const struct answered *a)
{
    return a->came_ns - a->call->started_ns;
}

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
        .latency_us = latency_ns(a) / 1000,
    };
    p->stats.answers++;
    p->stats.jobs += a->jobs.count;
    p->stats.latency_us_sum += answer.latency_us;
    p->sink.deliver(p->o.sink, t, &answer);
}

static void tell_end(struct pipepoll_target *t, enum fault fault, uint32_t jobs,
                     uint64_t latency_ns)
{
    struct pipepoll *p = t->poller;
    const struct pipepoll_poll poll = { .size = sizeof poll,
                                        .status = fault_status(fault),
                                        .jobs = jobs,
                                        .asked = t->batch,
                                        .attempt = t->schedule.failures + 1,
                                        .latency_us = latency_ns / 1000,
                                        .late_us = t->late_us };
    if (p->sink.polled)
        p->sink.polled(p->o.sink, t, &poll);
}

static uint64_t poll_answered(struct pipepoll_target *t, const struct answered *a)
{
    struct poll_end end = {
        .started_ns = a->call->started_ns,
        .now_ns = a->came_ns,
        .roll = rng_next(&t->rng),
        .jobs = (uint32_t)a->jobs.count,
        .full = a->jobs.count > 0 && a->jobs.count >= t->batch,
    };
    tell_end(t, FAULT_NONE, end.jobs, latency_ns(a));
    tell_answer(t, a);
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
        .roll = rng_next(&t->rng),
        .fault = fault,
        .hint_ms = got->retry_after_ms,
    };
    struct pipepoll_error room;
    tell_end(t, fault, 0, now_ns - end.started_ns);
    note_trouble(t, end.fault);
    enum pipepoll_cause cause = verdict_cause(fault, got);
    bool is_news = target_is_news(&t->schedule, end.fault, cause, got->code);
    uint64_t due_ns = target_on_end(&t->schedule, t->schedule.share->budget, &end);
    struct pipepoll_failure failure = {
        .size = sizeof failure,
        .status = fault_status(end.fault),
        .http_status = got->http_status,
        .attempt = t->schedule.failures,
        .retry_in_ms = due_ns == TARGET_NEVER || t->schedule.is_paused
                           ? 0
                           : (uint32_t)((due_ns - now_ns) / 1000000),
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
    struct answered a = { .call = c, .came_ns = timers_now_ns() };
    call_read(c, &p->calls, a.came_ns, &a.jobs, &a.got);
    enum fault fault = verdict_of(&p->clients, t->client, &t->clock_refusals, &a.got);
    p->takers[t->schedule.taker].jobs_on_order -= t->on_order;
    uint64_t due_ns = fault ? poll_failed(t, c, &a.got, fault) : poll_answered(t, &a);
    poller_give_call(p, c);
    target_wait(t, due_ns);
    poller_tick_at_end(p);
}

/* Of little credit each target that is due gets a part, for what one poll may bring is set aside
 * until it has been answered. */
static uint32_t batch_size(const struct pipepoll_target *t, uint64_t credit)
{
    if (credit == UINT64_MAX)
        return t->max_batch_size;
    uint32_t batch = t->max_batch_size ? t->max_batch_size : BATCH_DEFAULT;
    const struct schedule *s = &t->poller->schedule;
    uint64_t part = credit / (s->ready + s->aside[t->schedule.taker].count + 1);
    if (part < 1)
        part = 1;
    return batch < part ? batch : (uint32_t)part;
}

static void poll_begin(struct pipepoll_target *t, uint64_t now_ns, uint64_t credit)
{
    struct pipepoll *p = t->poller;
    uint64_t late_ns = now_ns - t->schedule.due_ns;
    if (late_ns > p->max_lateness_ns)
        p->max_lateness_ns = late_ns;
    t->late_us = late_ns / 1000;
    t->is_polling = true;
    p->stats.polls++;
    t->batch = batch_size(t, credit);
    const struct poll_input input = { &t->action_type, t->batch, t->query_param.key,
                                      t->query_param.value };
    const struct call_order order = { t, poll_finish, t->client, t->poll, &input };
    const struct outcome got = { .fault = poller_start_call(p, &order) };
    if (got.fault) {
        target_wait(t, poll_failed(t, NULL, &got, got.fault));
        return;
    }
    t->on_order = credit == UINT64_MAX ? 0 : t->batch;
    p->takers[t->schedule.taker].jobs_on_order += t->on_order;
}

/* UINT64_MAX: no limit. The sink may remove targets in there, or close. */
static uint64_t credit_left(const struct taker *taker)
{
    if (!taker->credit)
        return UINT64_MAX;
    uint64_t credit = taker->credit(taker->self);
    if (credit == SIZE_MAX)
        return UINT64_MAX;
    return credit > taker->jobs_on_order ? credit - taker->jobs_on_order : 0;
}

static void tell_identity(struct pipepoll *p, struct principal *principal)
{
    const struct pipepoll_identity *now = principal_report(principal);
    clients_follow(&p->clients, principal);
    if (!now->usable && !now->reason.len)
        return; /* nothing is known yet, or not any more, since nobody needed them */
    if (principal_is_news(principal, now) && p->sink.credentials)
        p->sink.credentials(p->o.sink, now);
}

/* Regions follow before anything starts, so that none is polled without credentials. */
static void follow_identities(struct pipepoll *p, uint64_t since_ns)
{
    while (poller_has_news(p) && !poller_slice_is_over(since_ns)) {
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
        uint64_t after_ms = rng_next(&t->rng) % WOKEN_WITHIN_MS;
        schedule_hurry(&p->schedule, &t->schedule, now_ns + after_ms * 1000000);
        target_scatter(&t->schedule, rng_next(&t->rng));
    }
}

/* By the credit of the one who takes its jobs; without any it waits aside. */
static void start_first(struct pipepoll *p, uint64_t now_ns, const uint64_t *credit)
{
    struct target *first = schedule_first(&p->schedule, now_ns);
    if (!first)
        return;
    uint8_t taker = p->pick(p->o.sink, CONTAINER_OF(first, struct pipepoll_target, schedule));
    if (first->state != TARGET_READY || p->closing)
        return; /* by pick() */
    if (!credit[taker]) {
        schedule_set_aside(&p->schedule, first, taker, now_ns);
        return;
    }
    struct target *next = schedule_take(&p->schedule, now_ns);
    if (next == first) {
        next->taker = taker;
        poll_begin(CONTAINER_OF(next, struct pipepoll_target, schedule), now_ns, credit[taker]);
    } else if (next) { /* pick() added a target, and slots are shared by more */
        schedule_give(&p->schedule, next, now_ns);
    }
}

/* false: there is no credit. */
static bool start_picked(struct pipepoll *p, uint64_t now_ns)
{
    uint64_t credit[SCHEDULE_TAKERS], any = 0;
    for (size_t i = 0; i < SCHEDULE_TAKERS; i++)
        any |= credit[i] = credit_left(&p->takers[i]);
    if (!any || p->closing) {
        schedule_park(&p->schedule, now_ns);
        return false;
    }
    schedule_resume(&p->schedule, now_ns);
    start_first(p, now_ns, credit);
    return true;
}

/* The same where one takes all. */
static bool start_poll(struct pipepoll *p, uint64_t now_ns)
{
    if (p->pick)
        return start_picked(p, now_ns);
    uint64_t credit = credit_left(&p->takers[0]);
    if (!credit || p->closing) {
        schedule_park(&p->schedule, now_ns);
        return false;
    }
    schedule_resume(&p->schedule, now_ns);
    struct target *next = schedule_take(&p->schedule, now_ns);
    if (next)
        poll_begin(CONTAINER_OF(next, struct pipepoll_target, schedule), now_ns, credit);
    return true;
}

/* Those that were set aside are due longest: with credit they go before others. One for each poll,
 * or more where that has no slot, or was put off. */
static void return_some(struct pipepoll *p, uint64_t now_ns)
{
    for (uint8_t i = 0; i < SCHEDULE_TAKERS; i++) {
        unsigned most = RETURNED_AT_ONCE;
        if (!p->schedule.aside[i].count || !credit_left(&p->takers[i]) || p->closing)
            continue;
        while (most-- && schedule_return(&p->schedule, i, now_ns))
            if (schedule_has_next(&p->schedule, now_ns))
                break;
    }
}

static bool has_poll(struct pipepoll *p, uint64_t now_ns)
{
    if (p->schedule.aside_count)
        return_some(p, now_ns);
    return schedule_has_next(&p->schedule, now_ns);
}

/* true: no more can start now. */
static bool start_due(struct pipepoll *p, uint64_t now_ns, unsigned most)
{
    bool has_credit = true;
    for (;;) {
        bool is_call = schedule_call_is_next(&p->schedule, has_credit, now_ns);
        if (!is_call && !(has_credit && has_poll(p, now_ns)))
            return true;
        if (!most--)
            return false;
        if (is_call)
            request_begin(schedule_take_call(&p->schedule), now_ns);
        else
            has_credit = start_poll(p, now_ns);
        if (p->closing || (most % STARTS_A_LOOK == 0 && poller_slice_is_over(now_ns)))
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
    bool is_busy =
        poller_has_news(p) || !list_empty(&p->gone) || !list_empty(&p->woken) || p->closing;
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
    while (schedule_next_due(&p->schedule) <= now_ns && !poller_slice_is_over(now_ns));
    bool is_busy = !start_due(p, now_ns, UINT_MAX) || !list_empty(&p->gone) ||
                   !list_empty(&p->woken) || poller_has_news(p);
    tick_again_at(p, is_busy ? now_ns : schedule_next_due(&p->schedule));
}

void poller_on_tick(struct timer *timer)
{
    struct pipepoll *p = CONTAINER_OF(timer, struct pipepoll, tick);
    uint64_t now_ns = timers_now_ns();
    poller_tell_removed(p, now_ns);
    follow_identities(p, now_ns);
    if (p->closing)
        poller_end_some(p, now_ns);
    else if (poller_has_news(p))
        poller_tick_soon(p);
    else
        tick(p, now_ns);
}

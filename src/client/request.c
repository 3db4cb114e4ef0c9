/* SPDX-License-Identifier: MIT */
/* One function for each event: started, a slot, answered, the timer, the poller closes. Between two
 * of them a request stands in one place: in the line for slots, in the list of the timer, or in
 * flight. Whether an attempt's end is the request's too is decided in one place (after_attempt),
 * from the rules of poll/retry.c and the row's own: an operation that may not be repeated is not
 * sent again once an attempt may have had its effect.
 *
 * The client is kept from start to end, for the target that it came by may be removed meanwhile. */
#include "client/request.h"

#include "base/log.h"
#include "client/poller.h"
#include "client/verdict.h"

static const uint64_t ns_per_ms = 1000000;

/* --- the end --- */

/* Nothing of the request is touched after on_done(). */
static void end(struct request *rq, struct request_end *e)
{
    struct pipepoll *p = rq->poller;
    struct client *client = rq->client;
    timer_deinit(&rq->timer);
    list_remove(&rq->link);
    e->attempts = rq->begun;
    e->http_status = rq->http_status;
    e->is_uncertain = e->status && rq->is_uncertain;
    rq->on_done(rq, e);
    principal_unwant(client->principal);
    client_leave(&p->clients, client);
}

/* It stands in no line. */
static void end_unsent(struct request *rq, int status, const char *message)
{
    struct request_end e = {
        .status = status,
        .message = str_of(message),
        .code = STR(""),
        .request_id = STR(""),
        .subject = STR(""),
        .cause = rq->fault ? fault_cause(rq->fault) : PIPEPOLL_CAUSE_UNKNOWN,
    };
    end(rq, &e);
}

static void end_answered(struct request *rq, const struct outcome *got)
{
    enum fault fault = rq->fault;
    struct pipepoll_error room;
    struct request_end e = {
        .status = fault_status(fault),
        .meaning = got->meaning,
        .code = got->code,
        .message = fault ? verdict_message(rq->client, fault, got, &room) : STR(""),
        .request_id = got->request_id,
        .cause = fault ? verdict_cause(fault, got) : PIPEPOLL_CAUSE_UNKNOWN,
        .subject = got->subject,
    };
    end(rq, &e);
}

/* --- the attempts --- */

/* In front of those in flight, so that the first of the list tells whether any waits. */
static void stand(struct request *rq, enum request_state state)
{
    list_remove(&rq->link);
    if (state == REQUEST_IN_FLIGHT)
        list_put_last(&rq->poller->requests, &rq->link);
    else
        list_put_first(&rq->poller->requests, &rq->link);
    rq->state = state;
}

static void queue(struct request *rq)
{
    stand(rq, REQUEST_READY);
    schedule_queue_call(&rq->poller->schedule, &rq->turn, &rq->client->share);
    timer_set(&rq->timer, rq->end_ns);
}

/* true: it waits for the next attempt. */
static bool after_attempt(struct request *rq, const struct outcome *got)
{
    struct pipepoll *p = rq->poller;
    const struct attempt_end attempt = { timers_now_ns(), rng_next(&p->rng), rq->fault,
                                         got->retry_after_ms };
    uint64_t due_ns = attempts_on_end(&rq->attempts, &rq->client->limiter->budget, &attempt);
    bool may_repeat = !rq->is_uncertain || rq->operation->repeat == OPERATION_MAY_REPEAT;
    if (due_ns == RETRY_NEVER || due_ns >= rq->end_ns || !may_repeat || p->closing)
        return false;
    stand(rq, REQUEST_WAITING);
    timer_set(&rq->timer, due_ns);
    return true;
}

static void on_answer(struct transfer *x)
{
    struct call *c = CONTAINER_OF(x, struct call, transfer);
    struct request *rq = c->owner;
    struct pipepoll *p = rq->poller;
    struct outcome got;
    call_read(c, &p->calls, timers_now_ns(), rq->result, &got);
    rq->fault = verdict_of(&p->clients, rq->client, &rq->clock_refusals, &got);
    rq->is_uncertain = rq->is_uncertain || got.is_uncertain;
    if (got.http_status)
        rq->http_status = got.http_status;
    schedule_give_call(&p->schedule, &rq->turn);
    if (!after_attempt(rq, &got))
        end_answered(rq, &got);
    poller_give_call(p, c);
    poller_tick_at_end(p);
}

/* Nothing was sent: from the timer, as all ends come from the loop. */
static void failed_to_begin(struct request *rq, enum fault fault)
{
    rq->fault = fault;
    schedule_give_call(&rq->poller->schedule, &rq->turn);
    stand(rq, REQUEST_WAITING);
    if (!after_attempt(rq, &(struct outcome) { .fault = fault }))
        timer_set(&rq->timer, rq->end_ns = timers_now_ns());
}

void request_begin(struct schedule_call *turn, uint64_t now_ns)
{
    struct request *rq = CONTAINER_OF(turn, struct request, turn);
    struct pipepoll *p = rq->poller;
    const struct call_order order = { rq, on_answer, rq->client, rq->operation, rq->input };
    stand(rq, REQUEST_IN_FLIGHT);
    budget_take(&rq->client->limiter->budget, BUDGET_LIFECYCLE, now_ns);
    enum fault fault = poller_start_call(p, &order);
    if (fault) {
        failed_to_begin(rq, fault);
        return;
    }
    rq->begun++;
    timer_set(&rq->timer, TIMER_OFF);
}

/* --- the deadline --- */

/* What it waited for in vain. */
static void end_late(struct request *rq)
{
    if (rq->fault) {
        end_unsent(rq, fault_status(rq->fault), fault_text(rq->fault));
    } else if (rq->client->share.held) {
        rq->fault = FAULT_NO_CREDENTIALS;
        end_unsent(rq, PIPEPOLL_ECREDENTIALS, "no credentials came in time");
    } else {
        rq->fault = FAULT_TIMED_OUT;
        end_unsent(rq, PIPEPOLL_ETIMEDOUT,
                   "no slot was free in time: max_in_flight calls were under way");
    }
}

static void on_timer(struct timer *timer)
{
    struct request *rq = CONTAINER_OF(timer, struct request, timer);
    struct pipepoll *p = rq->poller;
    switch (rq->state) {
    case REQUEST_WAITING:
        if (timers_now_ns() < rq->end_ns)
            queue(rq);
        else
            end_late(rq);
        break;
    case REQUEST_READY:
        schedule_drop_call(&p->schedule, &rq->turn);
        end_late(rq);
        break;
    case REQUEST_IN_FLIGHT:
        break; /* its transfer has a deadline of its own */
    }
    poller_tick_at_end(p);
}

bool requests_end_one(struct pipepoll *p)
{
    struct request *rq = CONTAINER_OF(p->requests.next, struct request, link);
    if (list_empty(&p->requests) || rq->state == REQUEST_IN_FLIGHT)
        return false;
    if (rq->state == REQUEST_READY)
        schedule_drop_call(&p->schedule, &rq->turn);
    end_unsent(rq, PIPEPOLL_ECLOSING, pipepoll_strerror(PIPEPOLL_ECLOSING));
    return true;
}

/* --- the start --- */

int request_start(struct request *rq, struct pipepoll *p, struct client *client,
                  struct pipepoll_error *why)
{
    int r = rq->operation->check ? rq->operation->check(rq->input, why) : 0;
    if (r)
        return r;
    if (p->closing)
        return explain(why, PIPEPOLL_ECLOSING, "the poller is closing: nothing can be asked");
    r = timer_init(&rq->timer, p->timers, on_timer);
    if (r)
        return explain(why, r, "out of memory");
    uint32_t deadline_ms = rq->deadline_ms ? rq->deadline_ms : REQUEST_DEADLINE_MS;
    rq->poller = p;
    rq->client = client_ref(client);
    principal_want(client->principal);
    rq->attempts = (struct attempts) { .max_retries = p->o.max_attempts - 1 };
    rq->end_ns = timers_now_ns() + deadline_ms * ns_per_ms;
    rq->begun = 0;
    rq->clock_refusals = 0;
    rq->http_status = 0;
    rq->is_uncertain = false;
    rq->fault = FAULT_NONE;
    list_init(&rq->link);
    queue(rq);
    poller_tick_soon(p);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* A run ends by a timer that is due at once: on_done() always comes from the loop, on a clean
 * stack, even if begin() itself ends the run. Order and outcome are copied out before the run is
 * wiped and freed, so that on_done() may do what it likes, such as start the next run. */
#include "credentials/provider_base.h"

#include "aws/digest.h"

const struct alloc provider_lasting_alloc = { NULL, NULL };

static void run_free(struct provider_base *r)
{
    struct alloc alloc = r->order.host->alloc;
    size_t size = r->kind->size;
    timer_deinit(&r->timer);
    if (r->kind->close)
        r->kind->close(r);
    digest_wipe(r, size);
    alloc_free(&alloc, r, size);
}

static void on_timer(struct timer *timer)
{
    struct provider_base *r = CONTAINER_OF(timer, struct provider_base, timer);
    struct provider_order order = r->order;
    struct provider_outcome outcome = r->outcome;
    run_free(r);
    order.on_done(order.ctx, &outcome);
}

struct provider_run *provider_start(const struct provider_kind *kind,
                                    const struct provider_order *order)
{
    const struct provider_host *host = order->host;
    struct provider_base *r = alloc_new(&host->alloc, kind->size);
    if (!r)
        return NULL;
    r->order = *order;
    r->kind = kind;
    if (!timer_init(&r->timer, host->timers, on_timer) && !kind->begin(r))
        return (struct provider_run *)(void *)r;
    run_free(r);
    return NULL;
}

/* Passing troubles are the few: a status of later years counts as one for people to look at. */
static bool is_lasting(int status)
{
    switch (status) {
    case 0:
    case PIPEPOLL_ENOMEM:
    case PIPEPOLL_ECLOSING:
    case PIPEPOLL_ETRANSPORT:
    case PIPEPOLL_ETIMEDOUT:
    case PIPEPOLL_ETHROTTLED:
    case PIPEPOLL_ESERVICE:
    case PIPEPOLL_EPROTO:
        return false;
    default:
        return true;
    }
}

void provider_base_end(struct provider_base *r, int status)
{
    if (r->ended)
        return;
    r->ended = true;
    if (status == PIPEPOLL_ENOMEM && r->outcome.why.cause != PIPEPOLL_CAUSE_MEMORY)
        explain(&r->outcome.why, status, "out of memory");
    r->outcome.lasting = is_lasting(status);
    if (!r->outcome.dated_s)
        r->outcome.dated_s = provider_base_now_s(r);
    timer_set(&r->timer, timers_now_ns());
}

void provider_base_end_stopped(struct provider_base *r)
{
    if (!r->ended)
        provider_base_end(r, explain(&r->outcome.why, PIPEPOLL_ECLOSING, "it was stopped"));
}

int64_t provider_base_now_s(const struct provider_base *r)
{
    const struct provider_host *host = r->order.host;
    return host->now_s(host->now_ctx);
}

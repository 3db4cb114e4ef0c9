/* SPDX-License-Identifier: MIT */
/* How targets and pollers end, and what is told of it. A poller ends step by step, a slice a turn:
 * its targets, the requests that wait, the targets' removed(), and last its slots; then its
 * transport and its timers, which close on the loop. */
#include "client/poller.h"

#include "client/request.h"

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
    if (t->schedule.is_paused)
        p->stats.paused--;
    else
        principal_unwant(t->client->principal);
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

void poller_note_connections(const struct pipepoll *p, struct pipepoll_stats *out)
{
    const struct transport_counts counts = transport_counts(p->transport);
    out->connections = counts.made;
    out->connections_open = counts.open;
    out->handshakes = counts.handshakes;
    out->resumed = counts.resumed;
}

static void poller_end(struct pipepoll *p)
{
    call_context_deinit(&p->calls);
    schedule_deinit(&p->schedule);
    table_deinit(&p->clients.all);
    table_deinit(&p->clients.limiters.all);
    table_deinit(&p->clients.principals.used);
    timer_deinit(&p->tick);
    poller_note_connections(p, &p->stats);
    struct transport *ended = p->transport;
    p->transport = NULL;
    transport_close(ended, on_transport_closed, p);
}

void poller_tell_removed(struct pipepoll *p, uint64_t since_ns)
{
    const struct list *last = p->gone.prev; /* what removed() removes in turn waits */
    for (struct list *l = NULL; l != last && !poller_slice_is_over(since_ns);) {
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
    while (!poller_slice_is_over(since_ns) && (l = list_pop_first(&p->free_calls)) != NULL)
        call_free(CONTAINER_OF(l, struct call, free_link), &p->calls);
    return list_empty(&p->free_calls);
}

/* Principals end by themselves, and set the timer; so do calls in flight. */
void poller_end_some(struct pipepoll *p, uint64_t since_ns)
{
    while (!list_empty(&p->targets) && !poller_slice_is_over(since_ns))
        poller_remove(CONTAINER_OF(p->targets.next, struct pipepoll_target, link));
    bool any_waits = true;
    while (any_waits && !poller_slice_is_over(since_ns))
        any_waits = requests_end_one(p);
    poller_tell_removed(p, since_ns);
    bool is_idle = !has_targets(p) && list_empty(&p->requests) && !p->holders;
    bool is_empty = is_idle && free_calls(p, since_ns);
    if (is_empty && !p->clients.principals.open)
        poller_end(p);
    else if (poller_has_news(p) || !list_empty(&p->targets) || !list_empty(&p->gone) || any_waits ||
             (is_idle && !is_empty))
        poller_tick_soon(p);
}

void poller_abandon(struct pipepoll *p)
{
    timer_deinit(&p->tick);
    if (p->timers)
        timers_close(p->timers, on_timers_closed, p);
    else
        on_timers_closed(p);
}

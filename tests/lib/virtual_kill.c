/* SPDX-License-Identifier: MIT */
/* A process that is killed: its timers never fire, its answers are never told, and nothing of it is
 * touched again. But what it had sent is on its way still, and arrives: a copy of each such request
 * waits for that, and its answer goes nowhere. */
#include <stdlib.h>

#include "lib/virtual_connection.h"

struct orphan {
    struct list link;
    struct timer timer;
    struct virtual_request rq;
    char text[];
};

static void forget(struct orphan *o)
{
    timer_deinit(&o->timer);
    list_remove(&o->link);
    free(o);
}

static void on_arrived(struct timer *timer)
{
    struct orphan *o = CONTAINER_OF(timer, struct orphan, timer);
    struct virtual_answer answer = { .status = 200 };
    network.service->answer(network.service, &o->rq, &answer);
    forget(o);
}

static void send_on(const struct h1_connection *c)
{
    struct orphan *o = calloc(1, sizeof *o + virtual_request_size(&c->rq));
    if (!o || timer_init(&o->timer, virtual_timers(), on_arrived))
        abort();
    o->rq = c->rq;
    virtual_request_keep(&o->rq, o->text);
    list_put_last(&network.orphans, &o->link);
    timer_set(&o->timer, c->arrives_ns);
}

void virtual_kill(struct timers *timers, struct transport *tp)
{
    for (struct list *l = network.in_flight.next, *next; l != &network.in_flight; l = next) {
        struct h1_connection *c = CONTAINER_OF(l, struct h1_connection, link);
        next = l->next;
        if (c->pool->transport != tp)
            continue;
        if (c->arrives_ns != TIMER_OFF)
            send_on(c);
        list_remove(&c->link);
        network.flying--;
    }
    network.pools -= tp->pools;
    virtual_forget_timers(timers);
}

void virtual_forget_orphans(void)
{
    while (!list_empty(&network.orphans))
        forget(CONTAINER_OF(network.orphans.next, struct orphan, link));
}

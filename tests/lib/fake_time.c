/* SPDX-License-Identifier: MIT */
/* The queue of events and the processes that they belong to. */
#include <assert.h>
#include <stdlib.h>

#include "lib/fake_time.h"

static bool comes_before(const struct fake_event *a, const struct fake_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->serial < b->serial;
}

static void push(struct fake *f, struct fake_event *e)
{
    if (f->queued == f->room) {
        f->room = f->room ? 2 * f->room : 256;
        f->queue = realloc(f->queue, f->room * sizeof *f->queue);
        assert(f->queue);
    }
    size_t i = f->queued++;
    for (; i && comes_before(e, f->queue[(i - 1) / 2]); i = (i - 1) / 2)
        f->queue[i] = f->queue[(i - 1) / 2];
    f->queue[i] = e;
}

static struct fake_event *pop(struct fake *f)
{
    struct fake_event *first = f->queue[0], *last = f->queue[--f->queued];
    size_t i = 0;
    for (size_t child = 1; child < f->queued; child = 2 * i + 1) {
        if (child + 1 < f->queued && comes_before(f->queue[child + 1], f->queue[child]))
            child++;
        if (comes_before(last, f->queue[child]))
            break;
        f->queue[i] = f->queue[child];
        i = child;
    }
    f->queue[i] = last;
    return first;
}

static struct fake_event *event_new(struct fake *f)
{
    struct list *link = list_pop_first(&f->free_events);
    struct fake_event *e =
        link ? CONTAINER_OF(link, struct fake_event, link) : malloc(sizeof(struct fake_event));
    assert(e);
    return e;
}

void fake_at(struct fake *f, uint64_t at_ns, struct fake_owner *owner,
             void (*fn)(void *ctx, const void *data), void *ctx, const void *data, size_t size)
{
    struct fake_event *e = event_new(f);
    assert(size <= FAKE_DATA);
    *e = (struct fake_event) {
        .serial = f->serial++, .at_ns = at_ns, .owner = owner, .fn = fn, .ctx = ctx
    };
    list_init(&e->link);
    if (size)
        memcpy(e->data, data, size);
    push(f, e);
}

static void fire(struct fake *f, struct fake_event *e)
{
    struct fake_owner *o = e->owner;
    if (o && o->is_stopped && !o->is_dead) {
        list_put_last(&o->waiting, &e->link);
        return;
    }
    if (!o || !o->is_dead)
        e->fn(e->ctx, e->data);
    list_put_last(&f->free_events, &e->link);
}

void fake_run(struct fake *f, uint64_t until_ns)
{
    while (f->queued && f->queue[0]->at_ns <= until_ns) {
        struct fake_event *e = pop(f);
        if (e->at_ns > f->now_ns)
            f->now_ns = e->at_ns;
        fire(f, e);
    }
    if (until_ns > f->now_ns)
        f->now_ns = until_ns;
}

uint64_t fake_now(const struct fake *f)
{
    return f->now_ns;
}

struct rng *fake_rng(struct fake *f)
{
    return &f->rng;
}

/* --- processes --- */

struct fake_owner *fake_owner_new(struct fake *f)
{
    struct fake_owner *o = calloc(1, sizeof *o);
    assert(o);
    list_init(&o->waiting);
    list_put_last(&f->owners, &o->link);
    return o;
}

void fake_stop(struct fake *f, struct fake_owner *o)
{
    o->is_stopped = true;
}

void fake_cont(struct fake *f, struct fake_owner *o)
{
    struct list *link;
    o->is_stopped = false;
    while ((link = list_pop_first(&o->waiting))) {
        struct fake_event *e = CONTAINER_OF(link, struct fake_event, link);
        e->at_ns = f->now_ns;
        e->serial = f->serial++;
        push(f, e);
    }
}

void fake_kill_owner(struct fake *f, struct fake_owner *o)
{
    o->is_dead = true;
    fake_cont(f, o); /* to be thrown away */
}

void fake_time_close(struct fake *f)
{
    struct list *link;
    while ((link = list_pop_first(&f->owners))) {
        struct fake_owner *o = CONTAINER_OF(link, struct fake_owner, link);
        while ((link = list_pop_first(&o->waiting)))
            free(CONTAINER_OF(link, struct fake_event, link));
        free(o);
    }
    while (f->queued)
        free(pop(f));
    free(f->queue);
    while ((link = list_pop_first(&f->free_events)))
        free(CONTAINER_OF(link, struct fake_event, link));
}

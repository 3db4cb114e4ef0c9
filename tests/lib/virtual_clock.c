/* SPDX-License-Identifier: MIT */
/* io/timers.h over a clock that jumps: one heap of timers for all, and whoever is first in it says
 * what time it is. What is set for now, or for an instant past, fires at the present instant, but
 * later, as if the loop had turned. */
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "lib/virtual_connection.h"

enum { AT_ONE_INSTANT = 5000000 }; /* more events than that are a loop without an end */

struct timers {
    struct alloc alloc;
    struct timer closing;
    unsigned count; /* of timers */
    void (*closed)(void *ctx);
    void *ctx;
};

static struct {
    struct heap heap;
    uint64_t now_ns;
    int64_t wall_ms; /* at the instant 0 */
    struct rng rng;
    struct timers own;
    unsigned others; /* timers that are not the test's */
    bool is_stopped;
} clock;

static const uint64_t begin_ns = 1000000000;

uint64_t virtual_s(double seconds)
{
    return begin_ns + (uint64_t)(seconds * 1e9);
}

void virtual_begin(uint64_t seed)
{
    heap_init(&clock.heap, (struct alloc) { 0 });
    clock.now_ns = begin_ns;
    clock.rng.state = seed;
    clock.is_stopped = false;
    clock.others = 0;
    virtual_set_wall_ms(VIRTUAL_WALL_MS);
    virtual_network_begin();
}

unsigned virtual_end(void)
{
    unsigned left = virtual_network_end();
    heap_deinit(&clock.heap);
    return clock.others + left;
}

struct timers *virtual_timers(void)
{
    return &clock.own;
}

static void fire_first(void)
{
    uint64_t due_ns = heap_min_key(&clock.heap);
    if (due_ns > clock.now_ns)
        clock.now_ns = due_ns;
    struct timer *timer = CONTAINER_OF(heap_pop(&clock.heap), struct timer, node);
    timer->fire(timer);
}

void virtual_run(uint64_t until_ns)
{
    uint64_t at_ns = clock.now_ns;
    clock.is_stopped = false;
    for (int n = 0; heap_min_key(&clock.heap) <= until_ns && !clock.is_stopped; n++) {
        if (!clock.heap.count)
            return; /* until VIRTUAL_NEVER */
        fire_first();
        if (at_ns != clock.now_ns) {
            at_ns = clock.now_ns;
            n = 0;
        } else if (n > AT_ONE_INSTANT) {
            fprintf(stderr, "virtual: at %.9f s things happen without end\n",
                    (double)(clock.now_ns - begin_ns) / 1e9);
            abort();
        }
    }
    if (!clock.is_stopped && until_ns != VIRTUAL_NEVER && until_ns > clock.now_ns)
        clock.now_ns = until_ns;
}

void virtual_stop(void)
{
    clock.is_stopped = true;
}

void virtual_stall(uint64_t ns)
{
    clock.now_ns += ns;
}

static struct timer *first_of(const struct timers *timers)
{
    for (size_t i = 0; i < clock.heap.count; i++) {
        struct timer *timer = CONTAINER_OF(clock.heap.entries[i].node, struct timer, node);
        if (timer->timers == timers)
            return timer;
    }
    return NULL;
}

void virtual_forget_timers(struct timers *timers)
{
    for (struct timer *timer; (timer = first_of(timers)) != NULL;)
        timer_deinit(timer);
    for (; timers->count; timers->count--) {
        heap_unreserve(&clock.heap);
        clock.others--;
    }
}

void virtual_set_wall_ms(int64_t wall_ms)
{
    clock.wall_ms = wall_ms - (int64_t)(clock.now_ns / 1000000);
}

/* --- io/timers.h --- */

uint64_t timers_now_ns(void)
{
    return clock.now_ns;
}

uint64_t timers_age_ns(void)
{
    return clock.now_ns;
}

int64_t timers_wall_ms(void)
{
    return clock.wall_ms + (int64_t)(clock.now_ns / 1000000);
}

uint64_t timers_random_seed(void)
{
    return rng_next(&clock.rng);
}

int timers_open(struct timers **out, struct uv_loop_s *loop, const struct alloc *alloc)
{
    *out = alloc_new(alloc, sizeof **out);
    if (!*out)
        return PIPEPOLL_ENOMEM;
    (*out)->alloc = *alloc;
    return 0;
}

static void on_closing(struct timer *timer)
{
    struct timers *timers = CONTAINER_OF(timer, struct timers, closing);
    void (*closed)(void *ctx) = timers->closed;
    void *ctx = timers->ctx;
    struct alloc alloc = timers->alloc;
    timer_deinit(timer);
    if (timers->count) {
        fprintf(stderr, "virtual: %u timers are left when all are closed\n", timers->count);
        abort();
    }
    alloc_free(&alloc, timers, sizeof *timers);
    if (closed)
        closed(ctx);
}

void timers_close(struct timers *timers, void (*closed)(void *ctx), void *ctx)
{
    timers->closed = closed;
    timers->ctx = ctx;
    if (timer_init(&timers->closing, timers, on_closing))
        abort();
    timer_set(&timers->closing, clock.now_ns);
}

void timers_hold_loop(struct timers *timers, bool hold)
{
}

int timer_init(struct timer *timer, struct timers *timers, void (*fire)(struct timer *timer))
{
    int r = heap_reserve(&clock.heap);
    if (r)
        return r;
    *timer = (struct timer) { .timers = timers, .fire = fire };
    timers->count++;
    clock.others += timers != &clock.own;
    return 0;
}

void timer_deinit(struct timer *timer)
{
    if (!timer->timers)
        return;
    heap_remove(&clock.heap, &timer->node);
    heap_unreserve(&clock.heap);
    timer->timers->count--;
    clock.others -= timer->timers != &clock.own;
    timer->timers = NULL;
}

void timer_set(struct timer *timer, uint64_t due_ns)
{
    if (due_ns == TIMER_OFF)
        heap_remove(&clock.heap, &timer->node);
    else
        heap_put(&clock.heap, &timer->node, due_ns > clock.now_ns ? due_ns : clock.now_ns);
}

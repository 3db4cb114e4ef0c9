/* SPDX-License-Identifier: MIT */
/* libuv 1.44 runs a 0 ms timer that is re-armed in its own callback again within the same turn, and
 * I/O starves. So timers set while timers fire are not fired in the same pass, and the timer is
 * armed once, after the pass, for at least 1 ms. */
#include "io/timers.h"

#include <time.h>

#include <uv.h>

#include "base/list.h"
#include "base/wall_clock.h"
#include "pipepoll.h"

static const uint64_t ns_per_ms = 1000000;
static const uint64_t slice_ns = 1500000; /* then the loop turns, though more timers are due */
static const uint64_t day_ns = 86400ull * 1000000000;

struct timers {
    uv_timer_t uv;
    struct heap heap;
    struct alloc alloc;
    uint64_t armed_ns;    /* when libuv fires; it may be earlier than the first timer */
    uint64_t firing_ns;   /* 0, or the instant up to which timers are being fired */
    bool holds, was_told; /* timers_hold_loop() */
    void (*closed)(void *ctx);
    void *ctx;
};

static void on_timer(uv_timer_t *uv);

/* A timer that holds the loop is always armed, if only for tomorrow. */
static uint64_t next_due(const struct timers *timers, uint64_t now_ns)
{
    uint64_t due_ns = heap_min_key(&timers->heap), tomorrow_ns = now_ns + day_ns;
    return timers->holds && due_ns > tomorrow_ns ? tomorrow_ns : due_ns;
}

static void arm(struct timers *timers, uint64_t least_ms)
{
    uint64_t now_ns = timers_now_ns(), due_ns = next_due(timers, now_ns);
    /* Firing early is harmless, and re-arming for each later timer would cost more. */
    if (due_ns >= timers->armed_ns)
        return;
    uint64_t ms = due_ns > now_ns ? (due_ns - now_ns + ns_per_ms - 1) / ns_per_ms : 0;
    uv_update_time(timers->uv.loop); /* timers count from the loop's cached time */
    uv_timer_start(&timers->uv, on_timer, ms > least_ms ? ms : least_ms, 0);
    timers->armed_ns = due_ns;
}

static void on_timer(uv_timer_t *uv)
{
    struct timers *timers = CONTAINER_OF(uv, struct timers, uv);
    timers->firing_ns = timers_now_ns();
    while (heap_min_key(&timers->heap) <= timers->firing_ns) {
        struct timer *timer = CONTAINER_OF(heap_pop(&timers->heap), struct timer, node);
        timer->fire(timer);
        if (heap_min_key(&timers->heap) <= timers->firing_ns &&
            timers_now_ns() - timers->firing_ns > slice_ns)
            break;
    }
    timers->firing_ns = 0;
    timers->armed_ns = TIMER_OFF;
    arm(timers, 1);
}

int timers_open(struct timers **out, struct uv_loop_s *loop, const struct alloc *alloc)
{
    struct timers *timers = alloc_new(alloc, sizeof *timers);
    if (!timers)
        return PIPEPOLL_ENOMEM;
    timers->alloc = *alloc;
    timers->armed_ns = TIMER_OFF;
    heap_init(&timers->heap, *alloc);
    uv_timer_init(loop, &timers->uv); /* cannot fail */
    *out = timers;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct timers *timers = CONTAINER_OF((uv_timer_t *)handle, struct timers, uv);
    void (*closed)(void *ctx) = timers->closed;
    void *ctx = timers->ctx;
    struct alloc alloc = timers->alloc;
    heap_deinit(&timers->heap);
    alloc_free(&alloc, timers, sizeof *timers);
    if (closed)
        closed(ctx);
}

void timers_close(struct timers *timers, void (*closed)(void *ctx), void *ctx)
{
    timers->closed = closed;
    timers->ctx = ctx;
    uv_close((uv_handle_t *)&timers->uv, on_closed);
}

void timers_hold_loop(struct timers *timers, bool hold)
{
    if (hold == timers->holds && timers->was_told)
        return;
    timers->holds = hold;
    timers->was_told = true;
    if (hold)
        uv_ref((uv_handle_t *)&timers->uv);
    else
        uv_unref((uv_handle_t *)&timers->uv);
    if (!timers->firing_ns)
        arm(timers, 0);
}

uint64_t timers_now_ns(void)
{
    return uv_hrtime();
}

uint64_t timers_age_ns(void)
{
#ifdef CLOCK_BOOTTIME
    static const clockid_t clock = CLOCK_BOOTTIME;
#else
    static const clockid_t clock = CLOCK_MONOTONIC; /* elsewhere it counts sleep by itself */
#endif
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int64_t timers_wall_ms(void)
{
    return wall_clock_ms();
}

uint64_t timers_random_seed(void)
{
    uint64_t seed;
    if (uv_random(NULL, NULL, &seed, sizeof seed, 0, NULL))
        seed = uv_hrtime() ^ (uint64_t)uv_os_getpid() << 32;
    return seed;
}

int timer_init(struct timer *timer, struct timers *timers, void (*fire)(struct timer *timer))
{
    int r = heap_reserve(&timers->heap);
    if (r)
        return r;
    *timer = (struct timer) { .timers = timers, .fire = fire };
    return 0;
}

void timer_deinit(struct timer *timer)
{
    if (!timer->timers)
        return;
    heap_remove(&timer->timers->heap, &timer->node);
    heap_unreserve(&timer->timers->heap);
    timer->timers = NULL;
}

void timer_set(struct timer *timer, uint64_t due_ns)
{
    struct timers *timers = timer->timers;
    if (due_ns == TIMER_OFF) {
        heap_remove(&timers->heap, &timer->node);
        return;
    }
    if (due_ns <= timers->firing_ns)
        due_ns = timers->firing_ns + 1;
    heap_put(&timers->heap, &timer->node, due_ns);
    if (!timers->firing_ns && due_ns < timers->armed_ns)
        arm(timers, 0);
}

/* libuv 1.44 runs a 0 ms timer that is re-armed in its own callback again within the same turn, and
 * I/O starves. So alarms set while alarms ring are not rung in the same pass, and the timer is
 * armed once, after the pass, for at least 1 ms. */
#include "io/timers.h"

#include <time.h>

#include <uv.h>

#include "base/list.h"
#include "pipepoll.h"

static const uint64_t ns_per_ms = 1000000;
static const uint64_t slice_ns = 2000000; /* then the loop turns, though more alarms are due */
static const uint64_t day_ns = 86400ull * 1000000000;

struct wake {
    uv_timer_t timer;
    struct heap alarms;
    struct alloc alloc;
    uint64_t armed_ns;    /* when the timer fires; it may be earlier than the first alarm */
    uint64_t ringing_ns;  /* 0, or the instant up to which alarms are being rung */
    bool holds, was_told; /* wake_hold_loop() */
    void (*closed)(void *ctx);
    void *ctx;
};

static void on_timer(uv_timer_t *timer);

/* A timer that holds the loop is always armed, if only for tomorrow. */
static uint64_t next_due(const struct wake *w, uint64_t now_ns)
{
    uint64_t due_ns = heap_min_key(&w->alarms), tomorrow_ns = now_ns + day_ns;
    return w->holds && due_ns > tomorrow_ns ? tomorrow_ns : due_ns;
}

static void arm(struct wake *w, uint64_t least_ms)
{
    uint64_t now_ns = wake_now_ns(), due_ns = next_due(w, now_ns);
    /* Firing early is harmless, and re-arming for each later alarm would cost more. */
    if (due_ns >= w->armed_ns)
        return;
    uint64_t ms = due_ns > now_ns ? (due_ns - now_ns + ns_per_ms - 1) / ns_per_ms : 0;
    uv_update_time(w->timer.loop); /* timers count from the loop's cached time */
    uv_timer_start(&w->timer, on_timer, ms > least_ms ? ms : least_ms, 0);
    w->armed_ns = due_ns;
}

static void on_timer(uv_timer_t *timer)
{
    struct wake *w = CONTAINER_OF(timer, struct wake, timer);
    w->ringing_ns = wake_now_ns();
    while (heap_min_key(&w->alarms) <= w->ringing_ns) {
        struct alarm *a = CONTAINER_OF(heap_pop(&w->alarms), struct alarm, node);
        a->ring(a);
        if (heap_min_key(&w->alarms) <= w->ringing_ns && wake_now_ns() - w->ringing_ns > slice_ns)
            break;
    }
    w->ringing_ns = 0;
    w->armed_ns = ALARM_OFF;
    arm(w, 1);
}

int wake_open(struct wake **out, struct uv_loop_s *loop, const struct alloc *alloc)
{
    struct wake *w = alloc_new(alloc, sizeof *w);
    if (!w)
        return PIPEPOLL_ENOMEM;
    w->alloc = *alloc;
    w->armed_ns = ALARM_OFF;
    heap_init(&w->alarms, *alloc);
    uv_timer_init(loop, &w->timer); /* cannot fail */
    *out = w;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct wake *w = CONTAINER_OF((uv_timer_t *)handle, struct wake, timer);
    void (*closed)(void *ctx) = w->closed;
    void *ctx = w->ctx;
    struct alloc alloc = w->alloc;
    heap_deinit(&w->alarms);
    alloc_free(&alloc, w, sizeof *w);
    if (closed)
        closed(ctx);
}

void wake_close(struct wake *w, void (*closed)(void *ctx), void *ctx)
{
    w->closed = closed;
    w->ctx = ctx;
    uv_close((uv_handle_t *)&w->timer, on_closed);
}

void wake_hold_loop(struct wake *w, bool hold)
{
    if (hold == w->holds && w->was_told)
        return;
    w->holds = hold;
    w->was_told = true;
    if (hold)
        uv_ref((uv_handle_t *)&w->timer);
    else
        uv_unref((uv_handle_t *)&w->timer);
    if (!w->ringing_ns)
        arm(w, 0);
}

uint64_t wake_now_ns(void)
{
    return uv_hrtime();
}

uint64_t wake_age_ns(void)
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

int64_t wake_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t wake_random_seed(void)
{
    uint64_t seed;
    if (uv_random(NULL, NULL, &seed, sizeof seed, 0, NULL))
        seed = uv_hrtime() ^ (uint64_t)uv_os_getpid() << 32;
    return seed;
}

int alarm_init(struct alarm *a, struct wake *w, void (*ring)(struct alarm *a))
{
    int r = heap_reserve(&w->alarms);
    if (r)
        return r;
    *a = (struct alarm) { .wake = w, .ring = ring };
    return 0;
}

void alarm_deinit(struct alarm *a)
{
    if (!a->wake)
        return;
    heap_remove(&a->wake->alarms, &a->node);
    heap_unreserve(&a->wake->alarms);
    a->wake = NULL;
}

void alarm_set(struct alarm *a, uint64_t due_ns)
{
    struct wake *w = a->wake;
    if (due_ns == ALARM_OFF) {
        heap_remove(&w->alarms, &a->node);
        return;
    }
    if (due_ns <= w->ringing_ns)
        due_ns = w->ringing_ns + 1;
    heap_put(&w->alarms, &a->node, due_ns);
    if (!w->ringing_ns)
        arm(w, 0);
}

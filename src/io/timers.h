/* SPDX-License-Identifier: MIT */
/* Timers: any number of "call me at", on one uv_timer. */
#ifndef IO_TIMERS_H
#define IO_TIMERS_H

#include <stdint.h>

#include "base/heap.h"

#define TIMER_OFF UINT64_MAX

struct uv_loop_s;
struct timers;

struct timer {
    struct heap_node node;
    struct timers *timers;
    void (*fire)(struct timer *a); /* from the loop, never from within timer_set() */
};

/* PIPEPOLL_ENOMEM, PIPEPOLL_ESYSTEM. */
int timers_open(struct timers **out, struct uv_loop_s *loop, const struct alloc *alloc);
/* No timer may be left. `closed` comes from the loop; timers are gone then. */
void timers_close(struct timers *timers, void (*closed)(void *ctx), void *ctx);
/* Keep the loop alive whether or not a timer is set, or let it end in spite of timers. At first the
 * timers that are set keep it. Cheap when nothing changes. */
void timers_hold_loop(struct timers *timers, bool hold);

/* Nanoseconds of a clock that never steps. */
uint64_t timers_now_ns(void);
/* The same, but it goes on while the machine sleeps: for how old a thing is. Timers don't. */
uint64_t timers_age_ns(void);
/* Unix time of the machine's calendar clock, milliseconds: for signing only. */
int64_t timers_wall_ms(void);
/* A seed that differs from run to run. */
uint64_t timers_random_seed(void);

/* PIPEPOLL_ENOMEM. */
int timer_init(struct timer *timer, struct timers *timers, void (*fire)(struct timer *timer));
void timer_deinit(struct timer *timer); /* fine on a zeroed one, and inside its own fire() */
/* Fire once at due_ns (an instant past: as soon as the loop turns), or TIMER_OFF. Replaces what was
 * set. Precision is libuv's millisecond; never early. */
void timer_set(struct timer *timer, uint64_t due_ns);

#endif

/* Alarms: any number of "call me at", on one uv_timer. */
#ifndef IO_TIMERS_H
#define IO_TIMERS_H

#include <stdint.h>

#include "base/heap.h"

#define ALARM_OFF UINT64_MAX

struct uv_loop_s;
struct wake;

struct alarm {
    struct heap_node node;
    struct wake *wake;
    void (*ring)(struct alarm *a); /* from the loop, never from within alarm_set() */
};

/* PIPEPOLL_ENOMEM, PIPEPOLL_ESYSTEM. */
int wake_open(struct wake **out, struct uv_loop_s *loop, const struct alloc *alloc);
/* No alarm may be left. `closed` comes from the loop; w is gone then. */
void wake_close(struct wake *w, void (*closed)(void *ctx), void *ctx);
/* Keep the loop alive, be an alarm set or not; or let it end in spite of alarms. At first the
 * alarms that are set keep it. Cheap when nothing changes. */
void wake_hold_loop(struct wake *w, bool hold);

/* Nanoseconds of a clock that never steps. */
uint64_t wake_now_ns(void);
/* The same, but it goes on while the machine sleeps: for how old a thing is. Timers don't. */
uint64_t wake_age_ns(void);
/* Unix time of the machine's calendar clock, milliseconds: for signing only. */
int64_t wake_wall_ms(void);
/* A seed that differs from run to run. */
uint64_t wake_random_seed(void);

/* PIPEPOLL_ENOMEM. */
int alarm_init(struct alarm *a, struct wake *w, void (*ring)(struct alarm *a));
void alarm_deinit(struct alarm *a); /* fine on a zeroed one, and inside its own ring() */
/* Ring once at due_ns (an instant past: as soon as the loop turns), or ALARM_OFF. Replaces what was
 * set. Precision is libuv's millisecond; never early. */
void alarm_set(struct alarm *a, uint64_t due_ns);

#endif

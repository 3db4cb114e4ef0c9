/* SPDX-License-Identifier: MIT */
/* How often a target that has a goal instead of an interval is polled: a job shall be picked up
 * within the goal in 95 of 100 cases, with as few polls as that takes. After jobs came the pace is
 * brisk; each empty answer slows it down, towards a slowest interval. That one is learnt: each job
 * tells by the gap in which it must have appeared how likely it was late, and the slowest interval
 * gives way until no more than one in twenty is. So jobs that come alone are looked for as often as
 * the goal demands, and those that come in bursts cost far fewer polls. Pure. */
#ifndef POLL_PACE_H
#define POLL_PACE_H

#include <stdint.h>

struct pace {
    uint32_t goal_ms, slowest_ms; /* slowest: a bound for what is learnt */
    float quiet_ms;               /* learnt: the interval when nothing happens */
    float now_ms;                 /* the interval at present */
    uint32_t found, found_gap_ms; /* by the last poll: what the next one tells more of */
};

/* goal_ms at least 1; slowest_ms 0: 12 goals. */
void pace_init(struct pace *p, uint32_t goal_ms, uint32_t slowest_ms);

/* A poll was answered, with jobs or with none: what it could find appeared in the gap_ms before (0:
 * unknown, which teaches nothing). pace_interval_ms() tells what follows. */
void pace_on_jobs(struct pace *p, uint64_t gap_ms, uint32_t jobs);
void pace_on_empty(struct pace *p, uint64_t gap_ms);

/* The interval at present, at least 1 ms. */
uint32_t pace_interval_ms(const struct pace *p);

/* The interval at which a goal is held whatever the arrivals: for plans. */
uint32_t pace_interval_of_goal_ms(uint32_t goal_ms);

#endif

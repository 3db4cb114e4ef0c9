/* SPDX-License-Identifier: MIT */
/* The learning is a controller of one number, the logarithm of the quiet interval. Each job moves
 * it by gain * (share allowed - probability that it was late): the only place where that can rest
 * is where the mean over all jobs is the share allowed. Probabilities instead of yes and no make
 * for little noise, and nobody need know when a job really appeared (the service does not tell).
 *
 * A job found in a gap g appeared at any instant of it, so it was late with probability p = max(0,
 * 1 - goal / g). When several are found, that is true of the first. If the others came with it, it
 * is true of them too; if they dropped in one by one after it, the mean is p * p. The brisk poll
 * that follows tells the two apart: jobs that drop in go on doing so, at a rate r, and explain r *
 * g / 2 of those that were found. What is not explained came at once.
 *
 * In a burst, all jobs but the first few find a brisk pace and are on time: they earn the wait
 * that the first of the next burst may have. Jobs that come alone earn nothing, and the interval
 * stays where it began: at the goal. */
#include "poll/pace.h"

#include <math.h>

static const float allowed_late = 0.0475f; /* of 1; the twentieth, less a reserve for noise */
static const float gain = 0.1f;
static const float slowdown = 1.1f; /* per empty answer */
static const float brisk = 0.7f;  /* of the goal: what is late in a burst is missed between them */
static const float least = 0.25f; /* of the goal: if answers take long */
/* Jobs of one answer that count. More would overshoot: an answer of n late ones multiplies the
 * interval by exp(-gain * n) at worst, and past gain * n = 2 such steps swing and do not settle. */
enum { JOBS_COUNTED = 10, SLOWEST_GOALS = 12 };

static float bounded(const struct pace *p, float quiet_ms)
{
    return fminf(fmaxf(quiet_ms, least * (float)p->goal_ms), (float)p->slowest_ms);
}

void pace_init(struct pace *p, uint32_t goal_ms, uint32_t slowest_ms)
{
    uint32_t most_ms = goal_ms < UINT32_MAX / SLOWEST_GOALS ? goal_ms * SLOWEST_GOALS : UINT32_MAX;
    *p = (struct pace) { .goal_ms = goal_ms, .slowest_ms = slowest_ms ? slowest_ms : most_ms };
    p->quiet_ms = bounded(p, (float)goal_ms);
    p->now_ms = p->quiet_ms;
}

/* How many of the jobs found before dropped in one by one, as the poll after it makes believe. */
static float explained(const struct pace *p, uint64_t gap_ms, uint32_t jobs)
{
    if (!gap_ms || gap_ms > p->goal_ms) /* not brisk */
        return 0;
    return (float)jobs / (float)gap_ms * (float)p->found_gap_ms / 2;
}

/* Learn from the jobs found before, now that there is another answer. */
static void learn(struct pace *p, uint64_t gap_ms, uint32_t jobs)
{
    if (!p->found)
        return;
    float goal_ms = (float)p->goal_ms, found = (float)p->found;
    float first_late = 1 - fminf(goal_ms / (float)p->found_gap_ms, 1);
    float one_by_one = fminf(explained(p, gap_ms, jobs), found - 1);
    float late = first_late * (found - one_by_one) + first_late * first_late * one_by_one;
    p->quiet_ms = bounded(p, p->quiet_ms * expf(gain * (allowed_late * found - late)));
    p->found = 0;
}

void pace_on_jobs(struct pace *p, uint64_t gap_ms, uint32_t jobs)
{
    learn(p, gap_ms, jobs);
    if (gap_ms) {
        p->found = jobs < JOBS_COUNTED ? jobs : JOBS_COUNTED;
        p->found_gap_ms = gap_ms < UINT32_MAX ? (uint32_t)gap_ms : UINT32_MAX;
    }
    p->now_ms = fminf(brisk * (float)p->goal_ms, p->quiet_ms);
}

void pace_on_empty(struct pace *p, uint64_t gap_ms)
{
    learn(p, gap_ms, 0);
    p->now_ms = fminf(p->now_ms * slowdown, p->quiet_ms);
}

uint32_t pace_interval_ms(const struct pace *p)
{
    if (p->now_ms >= 0x1p32f) /* what UINT32_MAX is rounded to */
        return UINT32_MAX;
    return p->now_ms < 1 ? 1 : (uint32_t)p->now_ms;
}

/* A fixed interval i that is dealt evenly from 0.9 i to 1.1 i leaves (1.1 i - goal)^2 / (0.4 i^2)
 * of all jobs late; that is a twentieth at 1.043 goals. */
uint32_t pace_interval_of_goal_ms(uint32_t goal_ms)
{
    uint64_t ms = goal_ms + (uint64_t)goal_ms / 25;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* SPDX-License-Identifier: MIT */
/* The schedule moves a target from state to state; here is decided when it is due. Every end of a
 * poll goes through target_on_end(): an answer sets pace and phase, a fault goes by its reaction.
 * Phases count from start to start, so that slow answers slow nobody down. What is owed to the past
 * is in few fields: early_ns is spent once, after an answer; retry_cost is given back by an answer
 * and lost by a fault; emptied_ns tells how long jobs may have waited, which stalls and failures
 * make unknown. */
#include "poll/target.h"

#include <assert.h>

#include "base/rng.h"
#include "poll/retry.h"

static const uint64_t ns_per_ms = 1000000;

enum { LATE_MS = 100 };

void target_init(struct target *t, struct share *share, uint32_t interval_ms)
{
    *t = (struct target) { .share = share,
                           .interval_ms = interval_ms,
                           .max_retries = RETRY_MAX,
                           .emptied_ns = TARGET_NEVER };
    list_init(&t->ready_link);
}

void target_init_goal(struct target *t, struct share *share, uint32_t goal_ms, uint32_t slowest_ms)
{
    target_init(t, share, 0);
    pace_init(&t->pace, goal_ms, slowest_ms);
}

uint32_t target_interval_ms(const struct target *t)
{
    return t->interval_ms ? t->interval_ms : pace_interval_ms(&t->pace);
}

/* Ten per cent either way: enough to keep targets from marching in step, too little to notice. */
static uint64_t around_ns(uint32_t ms, uint64_t roll)
{
    uint64_t ns = ms * ns_per_ms;
    return ns - ns / 10 + roll % (ns / 5 + 1);
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Dice from an instant whose nanoseconds came from dice: the schedule has none of its own. */
static uint64_t roll_of(uint64_t due_ns)
{
    struct rng rng = { due_ns };
    return rng_next(&rng);
}

/* A share of ns: 0 to 1 as 0 to 65536. */
static uint64_t part_of(uint64_t ns, uint64_t share)
{
    return (ns >> 16) * share + (((ns & 0xffff) * share) >> 16);
}

bool target_missed(const struct target *t, const struct stall *stall)
{
    uint32_t late_ms = target_interval_ms(t) / 50; /* so few are no herd */
    uint64_t late_ns = (late_ms < LATE_MS ? late_ms : LATE_MS) * ns_per_ms;
    return !t->keeps_due && stall->end_ns > late_ns && t->due_ns < stall->end_ns - late_ns;
}

/* A short stall leaves most of the others in their phases, so this one goes back to its own. After
 * a long one all are put off: over the first part of an interval by `share`, and then over the next
 * whole one, which takes gaps between that part and an interval. */
uint64_t target_after_stall(struct target *t, const struct stall *stall)
{
    uint64_t interval_ns = target_interval_ms(t) * ns_per_ms, share = roll_of(t->due_ns) & 0xffff;
    uint64_t part_ns = stall->length_ns < interval_ns / 2 ? stall->length_ns : interval_ns / 2;
    uint64_t due_ns = stall->end_ns + part_of(part_ns, share);
    t->keeps_due = true;
    t->emptied_ns = TARGET_NEVER;
    t->early_ns = stall->length_ns < interval_ns / 3
                      ? due_ns - t->due_ns
                      : part_of(interval_ns - part_ns, 65536 - share);
    return due_ns;
}

void target_scatter(struct target *t, uint64_t roll)
{
    t->early_ns = part_of(target_interval_ms(t) * ns_per_ms, roll & 0xffff);
}

/* The second poll is in the phase of its own: so many firsts within a short time are a herd. */
uint64_t target_first_due(struct target *t, uint64_t now_ns, uint64_t roll)
{
    if (!t->first_ms)
        return now_ns + roll % (target_interval_ms(t) * ns_per_ms);
    target_scatter(t, roll >> 48);
    return now_ns + (roll & 0xffffffffffff) % (t->first_ms * ns_per_ms);
}

uint64_t target_after_pause(struct target *t, uint64_t now_ns, uint64_t roll)
{
    if (t->due_ns > now_ns && !t->failures)
        return t->due_ns;
    t->failures = 0;
    t->reported_hash = 0;
    t->keeps_due = false;
    t->early_ns = 0;
    t->emptied_ns = TARGET_NEVER;
    return target_first_due(t, now_ns, roll);
}

static bool may_poll_again(const struct target *t)
{
    switch (t->state) {
    case TARGET_IN_FLIGHT:
        return true;
    case TARGET_REMOVED: /* the answer outlived the target */
        return false;
    case TARGET_WAITING:
    case TARGET_READY:
    case TARGET_ASIDE:
    case TARGET_PAUSED:
        break; /* no poll was out */
    }
    assert(0 && "an answer without a poll");
    return false;
}

/* How long the jobs of this answer waited at most; 0: unknown. A gap that failures made teaches
 * nothing: a service that is down is not to be asked more often for having been down. */
static uint64_t gap_ms(const struct target *t, const struct poll_end *end)
{
    if (t->failures || t->emptied_ns == TARGET_NEVER)
        return 0;
    return (end->now_ns - t->emptied_ns) / ns_per_ms;
}

static uint64_t after_answer(struct target *t, struct budget *budget, const struct poll_end *end)
{
    if (budget)
        budget_give_retry(budget, t->retry_cost);
    if (!t->interval_ms && end->jobs)
        pace_on_jobs(&t->pace, gap_ms(t, end), end->jobs);
    else if (!t->interval_ms)
        pace_on_empty(&t->pace, gap_ms(t, end));
    t->failures = 0;
    t->reported_hash = 0;
    t->retry_cost = 0;
    t->keeps_due = end->full;
    if (end->full)
        return end->now_ns;
    uint64_t wait_ns = around_ns(target_interval_ms(t), end->roll), early_ns = t->early_ns;
    t->early_ns = 0;
    t->emptied_ns = end->started_ns;
    return end->started_ns + (early_ns < wait_ns ? wait_ns - early_ns : 0);
}

static bool may_retry(struct target *t, struct budget *budget, enum fault fault)
{
    uint32_t cost = retry_cost(fault);
    if (t->failures > t->max_retries)
        return false;
    if (budget && !budget_take_retry(budget, cost))
        return false;
    t->retry_cost = cost;
    return true;
}

/* After the fault that made t->failures what they are. */
static uint64_t after_backoff(struct target *t, struct budget *budget, const struct poll_end *end)
{
    uint64_t ms = retry_delay_ms(end->fault, t->failures, end->hint_ms, end->roll);
    uint64_t backed_off_ns = end->now_ns + ms * ns_per_ms;
    uint64_t planned_ns = end->started_ns + around_ns(target_interval_ms(t), end->roll);
    /* Memory is ours to lack: to try again costs the service nothing. */
    if (backed_off_ns >= planned_ns || end->fault == FAULT_OUT_OF_MEMORY ||
        may_retry(t, budget, end->fault))
        return backed_off_ns;
    return planned_ns;
}

static uint32_t look_again_ms(enum fault fault, uint32_t interval_ms)
{
    uint32_t ms = fault == FAULT_NOT_ENABLED ? TARGET_LOOK_SLOWLY_MS : TARGET_LOOK_AGAIN_MS;
    return interval_ms > ms ? interval_ms : ms;
}

static uint64_t after_fault(struct target *t, struct budget *budget, const struct poll_end *end)
{
    uint32_t wait_ms = target_interval_ms(t);
    switch (fault_reaction(end->fault)) {
    case REACTION_RETRY:
    case REACTION_REFRESH:
    case REACTION_SLOW_DOWN:
        return after_backoff(t, budget, end);
    case REACTION_WAIT:
        wait_ms = look_again_ms(end->fault, wait_ms);
        return end->now_ns + around_ns(wait_ms, end->roll);
    case REACTION_NONE:
        break;
    }
    assert(0 && "a fault without a reaction");
    return end->now_ns + around_ns(wait_ms, end->roll);
}

uint64_t target_on_end(struct target *t, struct budget *budget, const struct poll_end *end)
{
    bool again = may_poll_again(t);
    uint64_t due_ns = TARGET_NEVER;
    if (budget)
        budget_on_answer(budget, end->fault == FAULT_THROTTLED, end->now_ns);
    if (!end->fault) {
        due_ns = after_answer(t, budget, end);
    } else {
        t->retry_cost = 0; /* what the quota does not get back */
        if (t->failures < UINT32_MAX)
            t->failures++;
        if (again)
            due_ns = after_fault(t, budget, end);
    }
    return again ? later_of(due_ns, end->now_ns) : TARGET_NEVER;
}

bool target_is_news(struct target *t, enum fault fault, enum pipepoll_cause cause,
                    struct pipepoll_str code)
{
    if (fault_reaction(fault) != REACTION_WAIT) {
        t->reported_hash = 0;
        return true;
    }
    uint32_t hash = 2166136261u ^ (uint32_t)fault; /* FNV-1a */
    hash = (hash * 16777619u ^ (uint32_t)cause) * 16777619u;
    for (size_t i = 0; i < code.len; i++)
        hash = (hash ^ (unsigned char)code.ptr[i]) * 16777619u;
    hash |= 1; /* 0 means none */
    bool news = hash != t->reported_hash;
    t->reported_hash = hash;
    return news;
}

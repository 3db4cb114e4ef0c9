/* SPDX-License-Identifier: MIT */
/* The rules of AWS's retry behaviour 2.1: full jitter over 50 ms or, when the service asked for
 * fewer calls, 1 s, doubled with each failure; a hint is honoured; and a quota that answers fill
 * keeps retries of a service that is down from being a storm. */
#include "poll/retry.h"

#include "base/backoff.h"

static const uint64_t ns_per_ms = 1000000;

uint64_t retry_delay_ms(enum fault fault, uint32_t failures, uint32_t hint_ms, uint64_t roll)
{
    enum reaction reaction = fault_reaction(fault);
    uint64_t base_ms = reaction == REACTION_SLOW_DOWN ? BACKOFF_THROTTLED_BASE_MS : BACKOFF_BASE_MS;
    uint64_t ms = backoff_with_hint_ms(backoff_delay_ms(failures - 1, base_ms, roll), hint_ms);
    return reaction == REACTION_REFRESH && ms < RETRY_REFRESH_MS ? RETRY_REFRESH_MS : ms;
}

uint32_t retry_cost(enum fault fault)
{
    return fault == FAULT_THROTTLED ? BUDGET_THROTTLED_COST : BUDGET_RETRY_COST;
}

static bool may_retry(struct attempts *a, struct budget *budget, enum fault fault)
{
    enum reaction reaction = fault_reaction(fault);
    if (fault == FAULT_OUT_OF_MEMORY)
        return true;
    if (reaction == REACTION_WAIT || ++a->failures > a->max_retries ||
        !budget_take_retry(budget, retry_cost(fault)))
        return false;
    a->cost = retry_cost(fault);
    return true;
}

uint64_t attempts_on_end(struct attempts *a, struct budget *budget, const struct attempt_end *end)
{
    budget_on_answer(budget, end->fault == FAULT_THROTTLED, end->now_ns);
    if (!end->fault)
        budget_give_retry(budget, a->cost);
    a->cost = 0; /* what the quota does not get back */
    if (!end->fault || !may_retry(a, budget, end->fault))
        return RETRY_NEVER;
    uint32_t failures = a->failures ? a->failures : 1;
    return end->now_ns + ns_per_ms * retry_delay_ms(end->fault, failures, end->hint_ms, end->roll);
}

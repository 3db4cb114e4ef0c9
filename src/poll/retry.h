/* SPDX-License-Identifier: MIT */
/* When what failed is tried again, and what that costs: for polls and all other calls. Pure. */
#ifndef POLL_RETRY_H
#define POLL_RETRY_H

#include "base/fault.h"
#include "poll/budget.h"

#define RETRY_NEVER UINT64_MAX

enum {
    RETRY_MAX = 2,          /* three attempts in all, unless the owner says another number */
    RETRY_REFRESH_MS = 1000 /* new credentials are given this long to arrive */
};

/* The back-off after so many failures in a row (at least 1), by the fault's reaction; hint_ms is
 * the service's wish, 0 for none. */
uint64_t retry_delay_ms(enum fault fault, uint32_t failures, uint32_t hint_ms, uint64_t roll);

/* What a retry takes from the quota. Want of memory is not asked for: it is ours. */
uint32_t retry_cost(enum fault fault);

/* One call that nobody plans again: it is tried until it is answered, or cannot be. */
struct attempts {
    uint32_t failures;    /* in a row */
    uint32_t max_retries; /* RETRY_MAX, or the owner's */
    uint32_t cost;        /* of the retry under way; 0: it is the first attempt */
};

struct attempt_end {
    uint64_t now_ns;
    uint64_t roll;    /* a random number the caller drew */
    enum fault fault; /* FAULT_NONE: answered */
    uint32_t hint_ms;
};

/* An attempt ended; the budget learns from it. The instant of the next one, or RETRY_NEVER: it was
 * answered, will not pass by itself, or failed too often. Want of memory is ours, costs nothing and
 * does not count. */
uint64_t attempts_on_end(struct attempts *a, struct budget *budget, const struct attempt_end *end);

#endif

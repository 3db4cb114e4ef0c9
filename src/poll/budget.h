/* SPDX-License-Identifier: MIT */
/* What one account may ask of the service in one region, shared by all its targets and calls:
 *  - a ceiling that the operator sets (a token bucket of polls a second). Where other processes
 *    call there too, each has a part of it; and a cap that they agree on may be lower still;
 *  - the adaptive rate of AWS's retry mode "adaptive": unlimited until the service throttles, then
 *    cut to 0.7 and grown back along a cubic;
 *  - the retry quota of retry behaviour 2.1: what polls that come sooner than planned may cost.
 * Pure: the time is an argument, and from a clock that never steps. */
#ifndef POLL_BUDGET_H
#define POLL_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"

enum { BUDGET_QUOTA = 500, BUDGET_RETRY_COST = 14, BUDGET_THROTTLED_COST = 5 };

/* Instants are seconds since the budget's epoch. Tokens below zero are a debt, of one capacity at
 * most. */
struct token_bucket {
    double per_s, capacity, tokens, last_s;
};

/* The constants and the order of steps are those that all AWS SDKs share. */
struct adaptive_rate {
    bool enabled; /* by the first throttle; the bucket is kept before that, but not asked */
    struct token_bucket bucket;
    double measured_per_s, window_s, counted; /* what is really sent, in windows of 0.5 s */
    double w_max_per_s, throttled_s;          /* the cubic: where it was cut, and when */
};

struct budget {
    /* private */
    uint64_t epoch_ns;
    struct adaptive_rate adaptive;
    struct token_bucket ceiling; /* per_s 0: none */
    double ceiling_per_s;        /* as it was set, of which this is a part */
    struct budget_share {
        double part;      /* of the ceiling, 0 to 1 */
        double cap_per_s; /* 0: none */
    } share;
    uint32_t quota;
    /* the schedule's */
    struct list line;           /* shares that have work, in the order of their turns */
    struct list ring_link;      /* in schedule.ring: has a line, and is not known to be empty */
    struct heap_node wait_node; /* in schedule.waiting: has a line, and no token */
};

/* ceiling_per_s: 0 for none. The ceiling's bucket holds one second's polls, at least 1, and is full
 * at the start. A budget must not move while a share uses it. */
void budget_init(struct budget *b, double ceiling_per_s, uint64_t now_ns);

/* Other processes share the ceiling; at first part is 1, and there is no cap. What was saved up is
 * kept as far as the new rate's bucket holds it; a limit where there was none lets one poll pass at
 * once. */
void budget_set_share(struct budget *b, const struct budget_share *share, uint64_t now_ns);

/* The earliest instant a poll may be sent: now or later. */
uint64_t budget_ready_at(const struct budget *b, uint64_t now_ns);

enum budget_rank {
    BUDGET_POLL, /* only when budget_ready_at() says now */
    /* A result or an acknowledgement: at once. Polls wait till the debt is paid, a second and one
     * poll's time at most, however many such calls there were. */
    BUDGET_LIFECYCLE
};
/* A call is sent now. */
void budget_take(struct budget *b, enum budget_rank rank, uint64_t now_ns);

/* A call that was sent ended: throttled, or in any other way, a fault included. */
void budget_on_answer(struct budget *b, bool throttled, uint64_t now_ns);

/* May a call come sooner than planned, as a retry? false: the quota does not allow it. */
bool budget_take_retry(struct budget *b, uint32_t cost);
/* A call was answered: give back what its last retry cost (0: it needed none, which earns 1). */
void budget_give_retry(struct budget *b, uint32_t cost);

/* Calls a second now allowed: 0 for no limit. */
double budget_rate(const struct budget *b);
/* Of these the adaptive rate; 0: the service never throttled. */
double budget_adaptive_rate(const struct budget *b);
/* Since when it has not throttled; UINT64_MAX: it never did. */
uint64_t budget_unthrottled_ns(const struct budget *b, uint64_t now_ns);

#endif

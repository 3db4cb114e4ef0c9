/* SPDX-License-Identifier: MIT */
/* What a plan will come to: how often each target is really polled when an account and region has
 * a ceiling, how long a job waits to be found, how many calls and connections that takes. All
 * figures are of quiet targets: a full answer is followed at once, and after jobs a goal makes for
 * more polls than without. Pure. */
#ifndef CONFIG_ESTIMATE_H
#define CONFIG_ESTIMATE_H

#include "config/plan.h"

struct estimate_limits {
    double max_polls_per_s;                           /* of each account and region; 0: none */
    uint32_t max_in_flight, max_in_flight_per_region; /* the latter 0: a fair share */
    uint32_t max_connections;                         /* idle ones included; 0: any number */
};

/* From a job's appearance to the poll that finds it, without the round trip: milliseconds that one
 * in two and 19 in 20 do not exceed. */
struct estimate_pickup {
    double p50_ms, p95_ms;
};

/* One section of the file; figures of its slowest target. */
struct estimate_row {
    const struct plan_target *first;
    size_t regions;
    double interval_ms; /* between polls, as the ceiling allows */
    struct estimate_pickup pickup;
    const struct plan_target *late; /* whose pickup goal does not hold, the slowest; NULL: none */
    double needed_per_s;            /* the ceiling that it takes to hold that */
};

/* The targets that share an account and region, which is what the service counts calls of. */
struct estimate_budget {
    const struct plan_target *first; /* its identity and region are those of all */
    size_t targets, connections;
    double wanted_per_s;           /* polls a second by interval, goal and slowest interval */
    double polls_per_s;            /* the same under the ceiling */
    struct estimate_pickup pickup; /* of the slowest target */
};

struct estimate {
    struct estimate_row *rows; /* by section, in the order of the file */
    size_t row_count;
    struct estimate_budget *budgets; /* the busiest first */
    size_t budget_count;
    size_t targets, regions; /* of all; regions: different ones */
    size_t in_flight;        /* polls at once */
    /* Open at once, idle ones included: each account and region keeps as many as it polls by. */
    size_t connections, connections_wanted; /* the latter without max_connections */
    double polls_per_s;
};

/* Of a plan without errors, which must outlive it. PIPEPOLL_ENOMEM; deinit in either case. */
int estimate_make(struct estimate *out, const struct plan *plan,
                  const struct estimate_limits *limits);
void estimate_deinit(struct estimate *estimate); /* fine on a zeroed one */

/* A warning at each section with a pickup goal that will not hold, by how much, and what it takes;
 * and one at the location of max-in-flight (line 0: not given) where so few polls at once cannot be
 * as many a second. */
void estimate_complain(const struct estimate *estimate, const struct estimate_limits *limits,
                       struct location max_in_flight, struct diagnostics *diagnostics);

#endif

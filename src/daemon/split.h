/* SPDX-License-Identifier: MIT */
/* Which loop polls which region. A region stays on its loop for good, so that a reload moves no
 * target; a new one goes to the loop with the fewest polls a second. Pure. */
#ifndef DAEMON_SPLIT_H
#define DAEMON_SPLIT_H

#include "config/plan.h"

enum { SPLIT_REGION_MAX = 63 };

struct split_region {
    char name[SPLIT_REGION_MAX + 1];
    double polls_per_s; /* by the last plan */
    uint32_t loop;
    bool assigned;
};

struct split {
    struct split_region *regions;
    size_t count, cap;
};

void split_deinit(struct split *s); /* fine on a zeroed one */

/* Order the plan's targets by loop, otherwise as they were, and make shares[i] the part of the plan
 * that is loop i's: a window on its targets, not to be freed. PIPEPOLL_ENOMEM: nothing is changed.
 * One loop has it all, without any work. */
int split_plan(struct split *s, struct plan *plan, struct plan *shares, uint32_t loops);

#endif

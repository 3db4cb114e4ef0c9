/* SPDX-License-Identifier: MIT */
/* How a lease sees one of its targets, which are in the order of their hashes. */
#ifndef TESTS_LEASE_LOOK_H
#define TESTS_LEASE_LOOK_H

#include "fleet/lease.h"

static inline bool lease_find(const struct lease *l, uint64_t target, struct lease_target_view *out)
{
    size_t low = 0, high = 1;
    while (lease_target(l, high - 1, out) && out->target < target)
        high *= 2;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lease_target(l, middle, out) && out->target < target)
            low = middle + 1;
        else
            high = middle;
    }
    return lease_target(l, low, out) && out->target == target;
}

#endif

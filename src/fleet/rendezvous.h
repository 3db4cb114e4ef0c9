/* SPDX-License-Identifier: MIT */
/* Which of some members a target belongs to: the one whose weight with it is highest. When a member
 * comes or goes only its own targets move. All versions of the program must agree on this. Pure. */
#ifndef FLEET_RENDEZVOUS_H
#define FLEET_RENDEZVOUS_H

#include "base/rng.h"

/* member, target: hashes. Members with different hashes never have equal weights. */
static inline uint64_t rendezvous_weight(uint64_t member, uint64_t target)
{
    struct rng mix = { member ^ target };
    return rng_next(&mix);
}

#endif

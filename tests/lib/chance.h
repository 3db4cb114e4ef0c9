/* SPDX-License-Identifier: MIT */
/* Chances of a simulated world, from its seeded dice. */
#ifndef TESTS_CHANCE_H
#define TESTS_CHANCE_H

#include <math.h>
#include <stdbool.h>

#include "base/rng.h"

/* 0 <= x < 1 */
static inline double dice(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

/* Between two events of a Poisson process. */
static inline uint64_t gap_ns(struct rng *rng, double mean_s)
{
    return (uint64_t)(-log(1 - dice(rng)) * mean_s * 1e9);
}

static inline double between(struct rng *rng, double least, double most)
{
    return least + (most - least) * dice(rng);
}

static inline bool one_in(struct rng *rng, uint64_t n)
{
    return rng_next(rng) % n == 0;
}

#endif

/* SPDX-License-Identifier: MIT */
/* Lower-case UUIDs of version 4 from a seed: the shape of every id that CodePipeline hands out. */
#ifndef SIM_UUID_H
#define SIM_UUID_H

#include "base/rng.h"
#include "base/str.h"

struct uuid {
    char text[36]; /* no NUL */
};

static inline str uuid_str(const struct uuid *u)
{
    return (str) { u->text, sizeof u->text };
}

static inline struct uuid uuid_next(struct rng *r)
{
    static const char digits[] = "0123456789abcdef";
    static const char shape[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    struct uuid u;
    uint64_t bits = 0;
    unsigned left = 0;
    for (size_t i = 0; i < sizeof u.text; i++) {
        if (left == 0) {
            bits = rng_next(r);
            left = 16;
        }
        u.text[i] = shape[i];
        if (shape[i] == 'x' || shape[i] == 'y') {
            u.text[i] = digits[shape[i] == 'x' ? bits & 15 : 8 | (bits & 3)];
            bits >>= 4;
            left--;
        }
    }
    return u;
}

#endif

/* SPDX-License-Identifier: MIT */
/* How often values of any size occurred, in a fixed 15 KiB: 32 buckets for each doubling, so that a
 * value read back is at most 1/32 (3.1 %) above what went in, and exact below 64. Pure. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_PER_OCTAVE = 32, HISTOGRAM_BUCKETS = 60 * HISTOGRAM_PER_OCTAVE };

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count, max;
};

void histogram_add(struct histogram *h, uint64_t value);

/* All of `from` too. */
void histogram_merge(struct histogram *h, const struct histogram *from);

/* What this share (0 to 1) of all values did not exceed: the end of its bucket, or the largest
 * value of all where that is less. 0 without any. */
uint64_t histogram_at(const struct histogram *h, double share);

/* The least and the most value that a bucket counts; buckets are in ascending order. */
uint64_t histogram_least(size_t bucket);
uint64_t histogram_most(size_t bucket);

#endif

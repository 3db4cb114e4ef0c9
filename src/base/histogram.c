/* SPDX-License-Identifier: MIT */
/* Below 32 a value is its own bucket. Above, a bucket is named by the exponent of the value and the
 * five bits after its leading one; that numbering goes on where the first 32 end. */
#include "base/histogram.h"

enum { SUB_BITS = 5 };

_Static_assert(HISTOGRAM_PER_OCTAVE == 1 << SUB_BITS, "sub-buckets are bits of the value");

static size_t bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_PER_OCTAVE)
        return (size_t)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - SUB_BITS;
    return shift * HISTOGRAM_PER_OCTAVE + (size_t)(value >> shift);
}

uint64_t histogram_least(size_t bucket)
{
    if (bucket < HISTOGRAM_PER_OCTAVE)
        return bucket;
    size_t shift = bucket / HISTOGRAM_PER_OCTAVE - 1;
    return (uint64_t)(HISTOGRAM_PER_OCTAVE + bucket % HISTOGRAM_PER_OCTAVE) << shift;
}

uint64_t histogram_most(size_t bucket)
{
    return bucket + 1 < HISTOGRAM_BUCKETS ? histogram_least(bucket + 1) - 1 : UINT64_MAX;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    h->counts[bucket_of(value)]++;
    h->count++;
    if (value > h->max)
        h->max = value;
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        h->counts[i] += from->counts[i];
    h->count += from->count;
    if (from->max > h->max)
        h->max = from->max;
}

uint64_t histogram_at(const struct histogram *h, double share)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen && (double)seen >= share * (double)h->count)
            return histogram_most(i) < h->max ? histogram_most(i) : h->max;
    }
    return 0;
}

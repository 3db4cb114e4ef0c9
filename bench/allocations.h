/* SPDX-License-Identifier: MIT */
/* How often this process has asked for memory, the libraries below included. */
#ifndef BENCH_ALLOCATIONS_H
#define BENCH_ALLOCATIONS_H

#include <stdint.h>

/* 0 where it can't be counted: under a sanitizer, which has an allocator of its own. */
uint64_t allocations_so_far(void);

#endif

/* SPDX-License-Identifier: MIT */
/* These stand before the C library's functions of the same names, for every library as well; glibc
 * keeps its own under second names. One thread counts. */
#include "allocations.h"

#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *at, size_t size);
__attribute__((visibility("default"))) void *malloc(size_t size);
__attribute__((visibility("default"))) void *calloc(size_t count, size_t size);
__attribute__((visibility("default"))) void *realloc(void *at, size_t size);

static uint64_t count;

void *malloc(size_t size)
{
    count++;
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    count++;
    return __libc_calloc(number, size);
}

void *realloc(void *at, size_t size)
{
    count++;
    return __libc_realloc(at, size);
}

uint64_t allocations_so_far(void)
{
    return count;
}

/* SPDX-License-Identifier: MIT */
/* In place of allocations.c where the allocator is not the C library's. */
#include "allocations.h"

uint64_t allocations_so_far(void)
{
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* Which of two comes first, for sorting and for walks along two sorted lists: negative, 0 or
 * positive. Pure. */
#ifndef BASE_ORDER_H
#define BASE_ORDER_H

#include "base/str.h"

/* By bytes; a prefix comes before what it begins. */
static inline int order_str(str a, str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int r = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return r ? r : (a.len > b.len) - (a.len < b.len);
}

static inline int order_size(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static inline int order_real(double a, double b)
{
    return (a > b) - (a < b);
}

#endif

/* SPDX-License-Identifier: MIT */
/* What the fuzz targets share. Each is one function over any bytes: libFuzzer's, or replay.c's as a
 * plain test over the seeds. Inputs lie in blocks of their exact size, so that a sanitizer sees
 * every step outside. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void check(bool holds)
{
    if (!holds)
        abort();
}

static inline char *copy_of(const void *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    check(copy != NULL);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static inline void check_inside(str part, str whole)
{
    check(part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

#endif

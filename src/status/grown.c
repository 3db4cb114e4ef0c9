/* SPDX-License-Identifier: MIT */
/* A buffer that was too small is thrown away, and all is put again into one of twice its size: what
 * is put must be the same each time. */
#include "status/grown.h"

#include <stdint.h>
#include <stdlib.h>

char *grown(void (*put)(struct buf *out, const void *from), const void *from, size_t size,
            size_t *len)
{
    for (; size <= SIZE_MAX / 4; size *= 2) {
        struct buf b = { .at = malloc(size), .cap = size };
        if (!b.at)
            return NULL;
        put(&b, from);
        buf_cstr(&b);
        if (!b.overflow) {
            *len = b.len;
            return b.at;
        }
        free(b.at);
    }
    return NULL;
}

/* SPDX-License-Identifier: MIT */
/* realloc() and free() stand in where the embedder gave no allocator. Zeroing is done here, so that
 * an embedder's function needs to know nothing but sizes. */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

void *alloc_resize(const struct alloc *a, void *ptr, size_t old_size, size_t new_size)
{
    return a->resize ? a->resize(a->ctx, ptr, old_size, new_size) : realloc(ptr, new_size);
}

void *alloc_new(const struct alloc *a, size_t size)
{
    void *ptr = alloc_resize(a, NULL, 0, size);
    return ptr ? memset(ptr, 0, size) : NULL;
}

void *alloc_free(const struct alloc *a, void *ptr, size_t size)
{
    if (ptr && a->resize)
        a->resize(a->ctx, ptr, size, 0);
    else
        free(ptr);
    return NULL;
}

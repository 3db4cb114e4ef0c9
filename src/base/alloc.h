/* SPDX-License-Identifier: MIT */
/* The embedder's allocator, handed down to whoever allocates: one function, size 0 frees. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

struct alloc {
    void *(*resize)(void *ctx, void *ptr, size_t old_size, size_t new_size); /* NULL: realloc() */
    void *ctx;
};

/* Zeroed memory, or NULL. */
void *alloc_new(const struct alloc *a, size_t size);
/* New bytes are not zeroed. NULL on failure, and ptr is as it was. new_size > 0. */
void *alloc_resize(const struct alloc *a, void *ptr, size_t old_size, size_t new_size);
/* size: what was asked for. NULL is fine. Returns NULL. */
void *alloc_free(const struct alloc *a, void *ptr, size_t size);

#endif

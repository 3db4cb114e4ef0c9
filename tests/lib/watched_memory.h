/* SPDX-License-Identifier: MIT */
/* The library's memory, by its hook resize(): what it holds can be searched, and what it gives back
 * is, for secrets that nobody may find there. */
#ifndef TESTS_WATCHED_MEMORY_H
#define TESTS_WATCHED_MEMORY_H

#include <stdlib.h>
#include <string.h>

#include "lib/check.h"

enum { WATCHED_BLOCKS_MAX = 4096 };

struct watched_block {
    char *at; /* NULL: none */
    size_t size;
};

struct watched_memory {
    struct watched_block blocks[WATCHED_BLOCKS_MAX];
    const char *const *secrets; /* none of which may be in what it gives back; NULL-terminated */
    unsigned leaks;             /* so many blocks had some */
};

/* Is it valgrind that runs this test? It says so when the padding of structs, which is nobody's, is
 * searched. */
static inline bool under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
}

static inline bool watched_has_secret(const void *at, size_t size, const char *const *secrets)
{
    for (size_t i = 0; at && secrets && secrets[i] && !under_valgrind(); i++)
        if (memmem(at, size, secrets[i], strlen(secrets[i])))
            return true;
    return false;
}

/* For the options: resize_ctx is the struct watched_memory. */
static inline void *watched_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct watched_memory *m = ctx;
    size_t i = 0; /* of ptr, or a free one */
    while (i < WATCHED_BLOCKS_MAX && m->blocks[i].at != ptr)
        i++;
    assert_true(i < WATCHED_BLOCKS_MAX);
    char *at = new_size ? calloc(1, new_size) : NULL;
    if (ptr && at)
        memcpy(at, ptr, old_size < new_size ? old_size : new_size);
    m->leaks += watched_has_secret(ptr, m->blocks[i].size, m->secrets);
    free(ptr);
    m->blocks[i] = (struct watched_block) { at, new_size };
    return at;
}

/* Bytes that it holds. */
static inline size_t watched_held(const struct watched_memory *m)
{
    size_t bytes = 0;
    for (size_t i = 0; i < WATCHED_BLOCKS_MAX; i++)
        bytes += m->blocks[i].size;
    return bytes;
}

/* Blocks of these that have one of the secrets. */
static inline unsigned watched_blocks_with(const struct watched_memory *m,
                                           const char *const *secrets)
{
    unsigned count = 0;
    for (size_t i = 0; i < WATCHED_BLOCKS_MAX; i++)
        count += watched_has_secret(m->blocks[i].at, m->blocks[i].size, secrets);
    return count;
}

#endif

/* SPDX-License-Identifier: MIT */
/* A list of blocks: texts go into the first while it has space, an array has one of its own. */
#include "status/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t len, cap;
    _Alignas(max_align_t) char bytes[];
};

enum { BLOCK_BYTES = 65536 };

static void *take(struct arena *a, size_t size)
{
    struct arena_block *b = a->first;
    if (!b || size > b->cap - b->len) {
        size_t cap = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        b = malloc(sizeof *b + cap);
        if (!b)
            return NULL;
        *b = (struct arena_block) { .next = a->first, .cap = cap };
        a->first = b;
    }
    void *at = b->bytes + b->len;
    b->len += size;
    return at;
}

str arena_text(struct arena *a, str text)
{
    char *at = text.len ? take(a, text.len) : NULL;
    if (!at)
        return (str) { "", 0 };
    memcpy(at, text.ptr, text.len);
    return (str) { at, text.len };
}

/* In a block of its own, behind the present one, which may have room yet. */
void *arena_array(struct arena *a, size_t count, size_t size)
{
    struct arena_block *first = a->first, *b;
    if (!count || count > (SIZE_MAX - sizeof *b) / size)
        return NULL;
    b = calloc(1, sizeof *b + count * size);
    if (!b)
        return NULL;
    b->len = b->cap = count * size;
    b->next = first ? first->next : NULL;
    if (first)
        first->next = b;
    else
        a->first = b;
    return b->bytes;
}

void arena_adopt(struct arena *a, struct arena *other)
{
    struct arena_block **end = &a->first;
    while (*end)
        end = &(*end)->next;
    *end = other->first;
    other->first = NULL;
}

void arena_deinit(struct arena *a)
{
    while (a->first) {
        struct arena_block *next = a->first->next;
        free(a->first);
        a->first = next;
    }
}

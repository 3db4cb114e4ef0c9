/* SPDX-License-Identifier: MIT */
/* Min-heap of intrusive nodes ordered by a 64-bit key (an instant). Room is reserved when a node's
 * owner is made, so that put never fails. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

struct heap_node {
    size_t position; /* 1 + index in the heap; 0: in no heap */
};

struct heap {
    struct heap_entry {
        uint64_t key; /* kept beside the pointer: sifting touches no node but the moved ones */
        struct heap_node *node;
    } * entries;
    size_t count, cap, reserved;
    struct alloc alloc;
};

void heap_init(struct heap *h, struct alloc alloc);
void heap_deinit(struct heap *h); /* fine on a zeroed one */

/* Room for one more node, or give such a room back. 0 or PIPEPOLL_ENOMEM. */
int heap_reserve(struct heap *h);
void heap_unreserve(struct heap *h);

/* Insert, or move to a new key when it is in h already. O(log n). The room must be reserved. */
void heap_put(struct heap *h, struct heap_node *node, uint64_t key);
/* Fine on a node in no heap. */
void heap_remove(struct heap *h, struct heap_node *node);

static inline bool heap_contains(const struct heap_node *node)
{
    return node->position != 0;
}

/* The smallest key, or UINT64_MAX when empty. */
static inline uint64_t heap_min_key(const struct heap *h)
{
    return h->count ? h->entries[0].key : UINT64_MAX;
}

/* Take the node with the smallest key out; NULL when empty. Equal keys come out in any order. */
struct heap_node *heap_pop(struct heap *h);

#endif

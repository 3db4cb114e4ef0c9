/* SPDX-License-Identifier: MIT */
/* Four children a node: half the levels of a binary heap, and the four keys lie side by side. */
#include "base/heap.h"

#include <assert.h>
#include <string.h>

#include "pipepoll.h"

enum { CHILDREN = 4 };

void heap_init(struct heap *h, struct alloc alloc)
{
    *h = (struct heap) { .alloc = alloc };
}

void heap_deinit(struct heap *h)
{
    alloc_free(&h->alloc, h->entries, h->cap * sizeof *h->entries);
    *h = (struct heap) { .alloc = h->alloc };
}

int heap_reserve(struct heap *h)
{
    if (h->reserved == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : 16;
        void *more = alloc_resize(&h->alloc, h->entries, h->cap * sizeof *h->entries,
                                  cap * sizeof *h->entries);
        if (!more)
            return PIPEPOLL_ENOMEM;
        h->entries = more;
        h->cap = cap;
    }
    h->reserved++;
    return 0;
}

void heap_unreserve(struct heap *h)
{
    assert(h->reserved > h->count);
    h->reserved--;
}

static void put_at(struct heap *h, size_t i, struct heap_entry e)
{
    h->entries[i] = e;
    e.node->position = i + 1;
}

static void sift_up(struct heap *h, size_t i, struct heap_entry e)
{
    while (i > 0) {
        size_t parent = (i - 1) / CHILDREN;
        if (h->entries[parent].key <= e.key)
            break;
        put_at(h, i, h->entries[parent]);
        i = parent;
    }
    put_at(h, i, e);
}

static void sift_down(struct heap *h, size_t i, struct heap_entry e)
{
    for (;;) {
        size_t first = i * CHILDREN + 1, least = first;
        if (first >= h->count)
            break;
        size_t end = first + CHILDREN < h->count ? first + CHILDREN : h->count;
        for (size_t c = first + 1; c < end; c++)
            if (h->entries[c].key < h->entries[least].key)
                least = c;
        if (h->entries[least].key >= e.key)
            break;
        put_at(h, i, h->entries[least]);
        i = least;
    }
    put_at(h, i, e);
}

/* Let e find its position, starting from the hole at i. */
static void settle(struct heap *h, size_t i, struct heap_entry e)
{
    if (i > 0 && h->entries[(i - 1) / CHILDREN].key > e.key)
        sift_up(h, i, e);
    else
        sift_down(h, i, e);
}

void heap_put(struct heap *h, struct heap_node *node, uint64_t key)
{
    struct heap_entry e = { key, node };
    if (node->position) {
        settle(h, node->position - 1, e);
        return;
    }
    assert(h->count < h->reserved);
    h->count++;
    sift_up(h, h->count - 1, e);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    if (!node->position)
        return;
    size_t i = node->position - 1;
    node->position = 0;
    struct heap_entry last = h->entries[--h->count];
    if (i < h->count)
        settle(h, i, last);
}

struct heap_node *heap_pop(struct heap *h)
{
    if (!h->count)
        return NULL;
    struct heap_node *node = h->entries[0].node;
    heap_remove(h, node);
    return node;
}

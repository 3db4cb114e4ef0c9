#include "sim/table.h"

#include <stdlib.h>

int table_init(struct table *t, size_t expected)
{
    size_t size = 16;
    while (size < expected && size < (size_t)1 << 24)
        size *= 2;
    struct table_node **buckets = calloc(size, sizeof *buckets);
    if (!buckets)
        return PIPEPOLL_ENOMEM;
    *t = (struct table) { .buckets = buckets, .mask = size - 1 };
    return 0;
}

void table_deinit(struct table *t)
{
    free(t->buckets);
    *t = (struct table) { 0 };
}

void table_put(struct table *t, struct table_node *node, uint64_t hash)
{
    struct table_node **bucket = &t->buckets[hash & t->mask];
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
}

void table_remove(struct table *t, struct table_node *node)
{
    struct table_node **at = &t->buckets[node->hash & t->mask];
    while (*at && *at != node)
        at = &(*at)->next;
    if (*at)
        *at = node->next;
}

static struct table_node *same_hash(struct table_node *node, uint64_t hash)
{
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

struct table_node *table_first(const struct table *t, uint64_t hash)
{
    return same_hash(t->buckets[hash & t->mask], hash);
}

struct table_node *table_next(const struct table_node *node)
{
    return same_hash(node->next, node->hash);
}

uint64_t table_hash(uint64_t hash, str s)
{
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    /* The length closes the string, so that "ab","c" and "a","bc" differ. */
    return (hash ^ s.len) * UINT64_C(0x100000001b3);
}

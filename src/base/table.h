/* SPDX-License-Identifier: MIT */
/* Hash table of intrusive nodes, for whatever is looked up by name, identity or id. The owner
 * compares; the table keeps each node's hash. It grows and shrinks a few buckets a call, so no call
 * takes long, however many nodes there are; without memory to grow it only becomes slower. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/str.h"

struct table_node {
    struct table_node *next;
    uint64_t hash;
};

struct table {
    struct table_node **buckets; /* NULL: `only` is all there is */
    struct table_node **old;     /* those before; from `moved` on they still hold their nodes */
    struct table_node *only;
    size_t mask, old_mask, moved, count;
    uint64_t seed;
    struct alloc alloc;
};

/* The seed should be one that whoever chooses the keys cannot know. An all-zero table is one with
 * realloc() and seed 0. */
void table_init(struct table *t, struct alloc alloc, uint64_t seed);
void table_deinit(struct table *t); /* the nodes are their owner's; fine on a zeroed one */

/* Not a node that is in a table already; equal hashes are fine. Never fails. */
void table_put(struct table *t, struct table_node *node, uint64_t hash);
/* Fine on a zeroed node that is in no table. */
void table_remove(struct table *t, struct table_node *node);

/* The nodes of one hash, in no order; NULL ends the walk. */
struct table_node *table_first(const struct table *t, uint64_t hash);
struct table_node *table_next(const struct table_node *node);

/* All nodes, in no order: start with a zeroed walk; NULL ends it. Until then the node that was
 * given last may be removed, and nothing else be put or removed. */
struct table_walk {
    struct table_node *next;
    size_t bucket;
};
struct table_node *table_each(const struct table *t, struct table_walk *walk);

/* SipHash-1-3 keyed with `hash`, to be chained: start with t->seed, so that nobody who chooses the
 * keys can choose them to collide. "ab","c" differs from "a","bc". */
uint64_t table_hash(uint64_t hash, str s);

#endif

/* Hash table of intrusive nodes with a fixed number of buckets: what is counted in advance needs no
 * growing. The owner hashes and compares. */
#ifndef SIM_TABLE_H
#define SIM_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct table_node {
    struct table_node *next;
    uint64_t hash;
};

struct table {
    struct table_node **buckets;
    size_t mask;
};

/* About as many buckets as nodes are expected. 0 or PIPEPOLL_ENOMEM. */
int table_init(struct table *t, size_t expected);
void table_deinit(struct table *t); /* the nodes are their owner's; fine on a zeroed one */

void table_put(struct table *t, struct table_node *node, uint64_t hash);
void table_remove(struct table *t, struct table_node *node);

/* The nodes of one hash, in no order; NULL ends the walk. */
struct table_node *table_first(const struct table *t, uint64_t hash);
struct table_node *table_next(const struct table_node *node);

/* FNV-1a, to be chained: start with TABLE_HASH. */
#define TABLE_HASH UINT64_C(0xcbf29ce484222325)
uint64_t table_hash(uint64_t hash, str s);

#endif

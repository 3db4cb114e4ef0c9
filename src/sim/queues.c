/* SPDX-License-Identifier: MIT */
/* A table finds the queue of a scope, and an array gives those that jobs may arrive at a number
 * each. Queues are never taken away: clients make one by polling a new scope, up to QUEUES_MAX. */
#include "sim/queues.h"

#include <stdlib.h>

#include "base/log.h"
#include "sim/scope.h"

/* A bound on what clients can make us remember by polling ever new scopes. */
enum { QUEUES_MAX = 65536 };

void queues_init(struct queues *q, uint64_t seed)
{
    *q = (struct queues) { 0 };
    table_init(&q->table, (struct alloc) { 0 }, seed);
}

void queues_deinit(struct queues *q)
{
    for (size_t i = 0; i < q->seen_count; i++) {
        free(q->seen[i]->queryable);
        free(q->seen[i]);
    }
    free(q->seen);
    table_deinit(&q->table);
}

static struct queue *queue_find(const struct queues *q, const struct sim_scope *scope)
{
    struct table_node *n = table_first(&q->table, scope_hash(q->table.seed, scope));
    for (; n; n = table_next(n)) {
        struct queue *queue = CONTAINER_OF(n, struct queue, node);
        if (scope_eq(&queue->scope, scope))
            return queue;
    }
    return NULL;
}

static bool seen_reserve(struct queues *q)
{
    if (q->seen_count == QUEUES_MAX)
        return false;
    if (q->seen_count < q->seen_cap)
        return true;
    size_t cap = q->seen_cap ? 2 * q->seen_cap : 64;
    struct queue **seen = realloc(q->seen, cap * sizeof(struct queue *));
    if (!seen)
        return false;
    q->seen = seen;
    q->seen_cap = cap;
    return true;
}

struct queue *queues_at(struct queues *q, const struct sim_scope *scope)
{
    struct queue *queue = queue_find(q, scope);
    if (queue)
        return queue;
    if (!seen_reserve(q) || !(queue = calloc(1, sizeof *queue + scope_size(scope))))
        return NULL;
    queue->scope = scope_copy(scope, queue->text);
    list_init(&queue->waiting);
    table_put(&q->table, &queue->node, scope_hash(q->table.seed, scope));
    q->seen[q->seen_count++] = queue;
    if (scope->region.len == 0) {
        q->seen[q->seen_count - 1] = q->seen[q->regionless];
        q->seen[q->regionless++] = queue;
    }
    return queue;
}

size_t queues_count(const struct queues *q)
{
    return q->seen_count - q->regionless;
}

struct queue *queues_nth(const struct queues *q, size_t i)
{
    return q->seen[q->regionless + i];
}

/* What was said of a scope by name, and what of its action type in every region; NULL: nothing. */
struct said {
    const struct queue *here, *everywhere;
};

static struct said said_of(const struct queues *q, const struct sim_scope *scope)
{
    struct sim_scope anywhere = *scope;
    anywhere.region.len = 0;
    return (struct said) { queue_find(q, scope), queue_find(q, &anywhere) };
}

bool queues_know(const struct queues *q, const struct sim_scope *scope)
{
    struct said said = said_of(q, scope);
    return (said.here && said.here->known) || (said.everywhere && said.everywhere->known);
}

str queues_queryable(const struct queues *q, const struct sim_scope *scope)
{
    struct said said = said_of(q, scope);
    const struct queue *queue = said.here && said.here->queryable ? said.here : said.everywhere;
    return queue && queue->queryable ? str_of(queue->queryable) : (str) { 0 };
}

int queues_add(struct queues *q, const struct sim_scope *scope, str queryable,
               struct pipepoll_error *why)
{
    struct sim_scope full = scope_default(scope);
    int r = scope_check(&full, false, why);
    if (r)
        return r;
    full.region = scope->region;
    struct queue *queue = queues_at(q, &full);
    if (!queue)
        return explain(why, PIPEPOLL_ENOMEM, "no room for one more action type");
    queue->known = true;
    free(queue->queryable);
    queue->queryable = queryable.len ? strndup(queryable.ptr, queryable.len) : NULL;
    return queryable.len && !queue->queryable ? explain(why, PIPEPOLL_ENOMEM, "out of memory") : 0;
}

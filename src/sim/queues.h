/* SPDX-License-Identifier: MIT */
/* The scopes that were seen, each with the queue of the jobs that wait there. Pure. */
#ifndef SIM_QUEUES_H
#define SIM_QUEUES_H

#include "base/list.h"
#include "base/table.h"
#include "sim/sim.h"

struct queue {
    struct table_node node;
    struct sim_scope scope; /* in `text` */
    struct list waiting;    /* of jobs, in the order in which they became available */
    bool known;             /* was added, and not only polled */
    char *queryable;        /* the property that custom jobs are polled by; NULL: none */
    char text[];
};

struct queues {
    struct table table;
    struct queue **seen; /* all queues: first those of no region, which only say what is known */
    size_t seen_count, seen_cap, regionless;
};

void queues_init(struct queues *q, uint64_t seed);
/* All queues are gone; the jobs that wait in them are their owner's. */
void queues_deinit(struct queues *q);

/* The queue of a scope, made if there is none; it lives as long as the queues. NULL: no memory, or
 * there are too many already. */
struct queue *queues_at(struct queues *q, const struct sim_scope *scope);
/* How many queues there are for jobs to arrive at, and the i-th of them. */
size_t queues_count(const struct queues *q);
struct queue *queues_nth(const struct queues *q, size_t i);

/* Was the scope added, or its action type in every region? */
bool queues_know(const struct queues *q, const struct sim_scope *scope);
/* The property that its jobs are polled by; empty: none. Lives until it is set again. */
str queues_queryable(const struct queues *q, const struct sim_scope *scope);

/* As service_action_type_add(). */
int queues_add(struct queues *q, const struct sim_scope *scope, str queryable,
               struct pipepoll_error *why);

#endif

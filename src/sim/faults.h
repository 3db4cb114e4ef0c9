/* SPDX-License-Identifier: MIT */
/* The table of faults: who gets which misbehaviour, and the throttle window of each. Chance and
 * time are arguments. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "base/list.h"
#include "base/rng.h"
#include "sim/sim.h"

struct faults_rule {
    struct list link;
    struct sim_scope where;   /* in `text`; empty members match anything */
    struct sim_faults faults; /* its operation, too */
    uint64_t window_start_ns; /* of the second that is being counted */
    uint32_t window_count;
    char text[];
};

struct faults_table {
    struct list rules;
    size_t count;
};

enum faults_outcome {
    FAULTS_NONE,
    FAULTS_RESET,
    FAULTS_ERROR,
    FAULTS_GARBAGE,
    FAULTS_TRUNCATE,
    FAULTS_LOSE
};

void faults_init(struct faults_table *table);
void faults_clear(struct faults_table *table); /* everybody is well-behaved again */

/* EINVAL, ENOMEM as sim_faults_set(). */
int faults_set(struct faults_table *table, const struct sim_scope *where,
               const struct sim_faults *faults, struct pipepoll_error *why);
/* The rule with the most members given, the operation among them, that takes in a request; of two
 * such, the newer. NULL: none. */
struct faults_rule *faults_find(const struct faults_table *table, const struct sim_scope *scope,
                                str operation);

/* One more request under this rule: is it above the rate? */
bool faults_throttles(struct faults_rule *rule, uint64_t now_ns);
/* Exclusive, so that each rate is the share it says; with rates above 1 in all, the first ones
 * win. */
enum faults_outcome faults_outcome(const struct sim_faults *faults, struct rng *chance);

/* Whether any rule has a latency: else nobody need be told apart before the answer. */
bool faults_any_latency(const struct faults_table *table);
/* Of one round trip, both ways. */
uint32_t faults_latency_ms(const struct sim_faults *faults, struct rng *chance);

/* As sim_faults_operation(), sim_faults_field() and sim_faults_name(). */
int faults_operation(struct sim_faults *faults, str name, struct pipepoll_error *why);
int faults_field(struct sim_faults *faults, str name, double value, str given,
                 struct pipepoll_error *why);
const char *faults_name(size_t i);
/* The member of that name. */
double faults_value(const struct sim_faults *faults, size_t i);

#endif

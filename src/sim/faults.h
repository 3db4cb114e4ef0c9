/* The trouble table: who gets which misbehaviour, and the throttle window of each. Chance and time
 * are arguments. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "base/list.h"
#include "base/rng.h"
#include "sim/sim.h"

struct trouble_rule {
    struct list link;
    struct sim_place where; /* in `text`; empty members match anything */
    struct sim_trouble trouble;
    uint64_t window_start_ns; /* of the second that is being counted */
    uint32_t window_count;
    char text[];
};

struct trouble_table {
    struct list rules;
    size_t count;
};

enum trouble_outcome {
    TROUBLE_NONE,
    TROUBLE_RESET,
    TROUBLE_ERROR,
    TROUBLE_GARBAGE,
    TROUBLE_TRUNCATE
};

void trouble_init(struct trouble_table *t);
void trouble_clear(struct trouble_table *t); /* everybody is well-behaved again */

/* EINVAL, ENOMEM as sim_trouble_set(). */
int trouble_set(struct trouble_table *t, const struct sim_place *where,
                const struct sim_trouble *trouble, struct pipepoll_error *why);
/* The rule with the most members given that takes in the place; of two such, the newer. NULL:
 * none. */
struct trouble_rule *trouble_find(const struct trouble_table *t, const struct sim_place *place);

/* One more request under this rule: is it above the rate? */
bool trouble_throttles(struct trouble_rule *rule, uint64_t now_ns);
/* Exclusive, so that each rate is the share it says; with rates above 1 in all, the first ones
 * win. */
enum trouble_outcome trouble_outcome(const struct sim_trouble *trouble, struct rng *chance);

/* Whether any rule has a latency: else nobody need be told apart before the answer. */
bool trouble_any_latency(const struct trouble_table *t);
/* Of one round trip, both ways. */
uint32_t trouble_latency_ms(const struct sim_trouble *trouble, struct rng *chance);

/* As sim_trouble_field() and sim_trouble_name(). */
int trouble_field(struct sim_trouble *trouble, str name, double value, struct pipepoll_error *why);
const char *trouble_name(size_t i);
/* The member of that name. */
double trouble_value(const struct sim_trouble *trouble, size_t i);

#endif

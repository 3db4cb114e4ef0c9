/* Places: a region and an action type. One table of their members serves the model's rules, the
 * command line and the control API. */
#ifndef SIM_SCOPE_H
#define SIM_SCOPE_H

#include "sim/sim.h"

enum { PLACE_REGION, PLACE_CATEGORY, PLACE_OWNER, PLACE_PROVIDER, PLACE_VERSION, PLACE_MEMBERS };

struct place_rule {
    const char *name;
    size_t max;            /* bytes; at least 1 is always asked for */
    const char *pattern;   /* as the model spells it; NULL where values are listed */
    const char *values[8]; /* NULL after the last */
};

/* By PLACE_REGION ... PLACE_VERSION. */
extern const struct place_rule place_rules[PLACE_MEMBERS];

str *place_at(struct sim_place *place, size_t member);
str place_get(const struct sim_place *place, size_t member);

/* Does the text use only what the rule's pattern or values allow? Length is not looked at. */
bool place_rule_allows(const struct place_rule *rule, str text);

/* Empty members become us-east-1, Build, ThirdParty, Acme, 1. */
struct sim_place place_default(const struct sim_place *place);
/* EINVAL with one sentence: a member breaks its rule; an empty one does unless any_if_empty. */
int place_check(const struct sim_place *place, bool any_if_empty, struct pipepoll_error *why);

bool place_eq(const struct sim_place *a, const struct sim_place *b);
uint64_t place_hash(uint64_t seed, const struct sim_place *place);
/* Does `rule`, whose empty members match anything, take in `place`? */
bool place_matches(const struct sim_place *rule, const struct sim_place *place);
/* How many members are given: the more, the more particular. */
unsigned place_weight(const struct sim_place *rule);

/* Bytes of all members, and a copy of them in memory of that size, which the copy borrows. */
size_t place_size(const struct sim_place *place);
struct sim_place place_copy(const struct sim_place *place, char *memory);

#endif

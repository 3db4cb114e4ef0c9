/* SPDX-License-Identifier: MIT */
/* Scopes: a region and an action type. One table of their members serves the model's rules, the
 * command line and the control API. */
#ifndef SIM_SCOPE_H
#define SIM_SCOPE_H

#include "sim/sim.h"

enum { SCOPE_REGION, SCOPE_CATEGORY, SCOPE_OWNER, SCOPE_PROVIDER, SCOPE_VERSION, SCOPE_MEMBERS };

struct scope_rule {
    const char *name;
    size_t max;            /* bytes; at least 1 is always asked for */
    const char *pattern;   /* as the model spells it; NULL where values are listed */
    const char *values[8]; /* NULL after the last */
};

/* By SCOPE_REGION ... SCOPE_VERSION. */
extern const struct scope_rule scope_rules[SCOPE_MEMBERS];

str *scope_at(struct sim_scope *scope, size_t member);
str scope_get(const struct sim_scope *scope, size_t member);

/* Does the text use only what the rule's pattern or values allow? Length is not looked at. */
bool scope_rule_allows(const struct scope_rule *rule, str text);

/* Empty members become us-east-1, Build, ThirdParty, Acme, 1. */
struct sim_scope scope_default(const struct sim_scope *scope);
/* EINVAL with one sentence: a member breaks its rule; an empty one does unless any_if_empty. */
int scope_check(const struct sim_scope *scope, bool any_if_empty, struct pipepoll_error *why);

bool scope_eq(const struct sim_scope *a, const struct sim_scope *b);
uint64_t scope_hash(uint64_t seed, const struct sim_scope *scope);
/* Does `rule`, whose empty members match anything, take in `scope`? */
bool scope_matches(const struct sim_scope *rule, const struct sim_scope *scope);
/* How many members are given: the more, the more particular. */
unsigned scope_weight(const struct sim_scope *rule);

/* Bytes of all members, and a copy of them in memory of that size, which the copy borrows. */
size_t scope_size(const struct sim_scope *scope);
struct sim_scope scope_copy(const struct sim_scope *scope, char *memory);

#endif

/* SPDX-License-Identifier: MIT */
/* Regions are assigned greedily: of those without a loop always the busiest, on the loop with the
 * least to do. The table of regions is sorted by name; there are some dozens. */
#include "daemon/split.h"

#include <stdlib.h>

void split_deinit(struct split *s)
{
    free(s->regions);
    *s = (struct split) { 0 };
}

/* Where the region is in the table, or where it belongs. */
static size_t find(const struct split *s, str name, bool *found)
{
    size_t least = 0, most = s->count;
    *found = false;
    while (least < most && !*found) {
        size_t middle = least + (most - least) / 2;
        const char *there = s->regions[middle].name;
        int order = strncmp(there, name.ptr, name.len);
        order = order ? order : there[name.len] != '\0';
        *found = order == 0;
        if (order < 0)
            least = middle + 1;
        else
            most = middle;
    }
    return most;
}

static struct split_region *find_or_add(struct split *s, str name)
{
    bool found;
    size_t i = find(s, name, &found);
    if (found)
        return &s->regions[i];
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct split_region *grown = realloc(s->regions, cap * sizeof *grown);
        if (!grown)
            return NULL;
        s->regions = grown;
        s->cap = cap;
    }
    struct split_region *r = &s->regions[i];
    memmove(r + 1, r, (s->count++ - i) * sizeof *r);
    *r = (struct split_region) { .loop = 0 };
    memcpy(r->name, name.ptr, name.len < SPLIT_REGION_MAX ? name.len : SPLIT_REGION_MAX);
    return r;
}

static int weigh(struct split *s, const struct plan *plan)
{
    for (size_t i = 0; i < s->count; i++)
        s->regions[i].polls_per_s = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct pipepoll_target_options *o = &plan->targets[i].options;
        struct split_region *r = find_or_add(s, o->region);
        if (!r)
            return PIPEPOLL_ENOMEM;
        uint32_t ms =
            o->pickup_goal_ms ? pipepoll_goal_interval_ms(o->pickup_goal_ms) : o->interval_ms;
        r->polls_per_s += 1000.0 / (ms ? ms : 1);
    }
    return PIPEPOLL_OK;
}

static struct split_region *busiest_unplaced(struct split *s)
{
    struct split_region *most = NULL;
    for (size_t i = 0; i < s->count; i++) {
        struct split_region *r = &s->regions[i];
        if (!r->assigned && (!most || r->polls_per_s > most->polls_per_s))
            most = r;
    }
    return most;
}

static void assign(struct split *s, uint32_t loops, double *polls_per_s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->regions[i].assigned)
            polls_per_s[s->regions[i].loop] += s->regions[i].polls_per_s;
    for (struct split_region *r; (r = busiest_unplaced(s)) != NULL;) {
        uint32_t least = 0;
        for (uint32_t i = 1; i < loops; i++)
            if (polls_per_s[i] < polls_per_s[least])
                least = i;
        r->loop = least;
        r->assigned = true;
        polls_per_s[least] += r->polls_per_s;
    }
}

static uint32_t loop_of(const struct split *s, const struct plan_target *t)
{
    bool found;
    return s->regions[find(s, t->options.region, &found)].loop;
}

static void regroup(const struct split *s, struct plan *plan, struct plan_target *into,
                    struct plan *shares, uint32_t loops)
{
    for (size_t i = 0; i < plan->count; i++)
        shares[loop_of(s, &plan->targets[i])].count++;
    for (uint32_t i = 0; i < loops; i++) {
        shares[i].targets = into;
        into += shares[i].count;
        shares[i].count = 0;
    }
    for (size_t i = 0; i < plan->count; i++) {
        struct plan *share = &shares[loop_of(s, &plan->targets[i])];
        share->targets[share->count++] = plan->targets[i];
    }
}

int split_plan(struct split *s, struct plan *plan, struct plan *shares, uint32_t loops)
{
    if (loops == 1) {
        shares[0] = *plan;
        return PIPEPOLL_OK;
    }
    struct plan_target *targets = malloc((plan->count + 1) * sizeof *targets);
    double *polls_per_s = calloc(loops, sizeof *polls_per_s);
    int r = targets && polls_per_s ? weigh(s, plan) : PIPEPOLL_ENOMEM;
    if (!r) {
        assign(s, loops, polls_per_s);
        memset(shares, 0, loops * sizeof *shares);
        regroup(s, plan, targets, shares, loops);
        struct plan_target *old = plan->targets;
        plan->targets = targets;
        plan->cap = plan->count + 1;
        targets = old;
    }
    free(targets);
    free(polls_per_s);
    return r;
}

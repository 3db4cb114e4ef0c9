/* SPDX-License-Identifier: MIT */
/* The targets of this member's config, found by what they are: held, and polled; or paused. A
 * target that is to be stopped is paused, and the lease hears of its end in its own next turn, for
 * it asks for stops from inside one. What budgets they have is fleet_budget.c's. */
#include <stdlib.h>

#include "base/log.h"
#include "base/wall_clock.h"
#include "daemon/fleet_parts.h"

static struct fleet_target *of_node(struct table_node *n)
{
    return CONTAINER_OF(n, struct fleet_target, node);
}

struct fleet_target *fleet_find(struct fleet *f, uint64_t hash)
{
    struct table_node *n = table_first(&f->targets, hash);
    return n ? of_node(n) : NULL;
}

/* --- what the lease asks for --- */

static void end_gone(struct fleet *f, uint64_t hash)
{
    f->gone[f->gone_count++] = hash;
    fleet_kick(f);
}

static void end(struct fleet *f, struct fleet_target *t)
{
    t->is_stopping = false;
    list_remove(&t->ending);
    list_put_last(&f->ending, &t->ending);
    if (f->let_go)
        f->let_go(f->let_go_ctx, t);
    fleet_kick(f);
}

void fleet_on_let_go(struct fleet *f, void (*let_go)(void *ctx, struct fleet_target *t), void *ctx)
{
    f->let_go = let_go;
    f->let_go_ctx = ctx;
}

void fleet_wait_for(struct fleet *f, const struct fleet_target *t, bool is_waiting)
{
    lease_wait_for(f->lease, t->node.hash, is_waiting);
    fleet_kick(f);
}

void fleet_start_target(struct fleet *f, uint64_t hash, uint64_t epoch)
{
    struct fleet_target *t = fleet_find(f, hash);
    if (!t)
        return; /* it is gone from the poller, and the lease hears so soon */
    t->epoch = epoch;
    t->is_held = true;
    t->changed_ms = wall_clock_ms();
    pipepoll_target_resume(t->live);
}

void fleet_stop_target(struct fleet *f, uint64_t hash)
{
    struct fleet_target *t = fleet_find(f, hash);
    if (!t) {
        end_gone(f, hash);
        return;
    }
    t->is_held = false;
    t->changed_ms = wall_clock_ms();
    t->is_stopping = true;
    if (pipepoll_target_pause(t->live))
        end(f, t);
}

void fleet_tell_ended(struct fleet *f)
{
    for (struct list *l; (l = list_pop_first(&f->ending));)
        lease_ended(f->lease, CONTAINER_OF(l, struct fleet_target, ending)->node.hash,
                    fleet_now_ns());
    while (f->gone_count)
        lease_ended(f->lease, f->gone[--f->gone_count], fleet_now_ns());
}

/* --- what happens in the poller --- */

/* Each target may be gone once before the lease hears of the next set of them. */
static bool reserve(struct fleet *f)
{
    size_t cap = 2 * f->gone_cap + 64;
    if (f->gone_count + f->targets.count < f->gone_cap)
        return true;
    uint64_t *gone = realloc(f->gone, cap * sizeof *gone);
    if (!gone)
        return false;
    f->gone = gone;
    f->gone_cap = cap;
    return true;
}

/* A reload replaces a target that has changed in what others need not know: the one before may
 * still have a poll in flight. */
static void take_over(struct fleet *f, struct fleet_target *before, struct fleet_target *t)
{
    t->epoch = before->epoch;
    t->is_held = before->is_held;
    t->changed_ms = before->changed_ms;
    bool is_to_end = before->is_stopping || !list_empty(&before->ending);
    table_remove(&f->targets, &before->node);
    list_remove(&before->ending);
    pipepoll_target_pause(before->live); /* where a handler's run waits it has stayed */
    before->live = NULL;
    if (t->is_held)
        pipepoll_target_resume(t->live);
    else if (is_to_end)
        end(f, t);
}

int fleet_target_added(struct fleet *f, struct fleet_target *t, struct pipepoll_target *live,
                       uint64_t hash, uint64_t group)
{
    struct fleet_target *before = fleet_find(f, hash);
    if (!reserve(f))
        return PIPEPOLL_ENOMEM;
    *t = (struct fleet_target) { .live = live,
                                 .group = fleet_budget_group(f, group),
                                 .changed_ms = wall_clock_ms() };
    list_init(&t->ending);
    if (before)
        take_over(f, before, t);
    table_put(&f->targets, &t->node, hash);
    return PIPEPOLL_OK;
}

void fleet_each_target(struct fleet *f, void (*fn)(void *ctx, struct fleet_target *t), void *ctx)
{
    struct table_walk walk = { 0 };
    for (struct table_node *n; (n = table_each(&f->targets, &walk));)
        fn(ctx, of_node(n));
}

void fleet_target_paused(struct fleet *f, struct fleet_target *t)
{
    if (t->live && t->is_stopping)
        end(f, t);
}

void fleet_target_removed(struct fleet *f, struct fleet_target *t)
{
    if (!t->live)
        return;
    bool is_to_end = t->is_stopping || !list_empty(&t->ending);
    uint64_t hash = t->node.hash;
    table_remove(&f->targets, &t->node);
    list_remove(&t->ending);
    t->live = NULL;
    if (is_to_end)
        end_gone(f, hash);
}

void fleet_targets_settled(struct fleet *f)
{
    struct table_walk walk = { 0 };
    uint64_t *all = malloc((f->targets.count + 1) * sizeof *all);
    size_t count = 0;
    for (struct table_node *n; all && (n = table_each(&f->targets, &walk));)
        all[count++] = n->hash;
    if (!f->o.config->polls)
        count = 0;
    if (!all || lease_set_targets(f->lease, all, count, fleet_now_ns()))
        log_line(&f->log, PIPEPOLL_ERROR,
                 "fleet %s: out of memory for the targets: they stay as they were before",
                 f->o.config->name);
    free(all);
    fleet_kick(f);
}

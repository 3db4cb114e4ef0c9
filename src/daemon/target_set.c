/* SPDX-License-Identifier: MIT */
/* Entries hang on the library's targets and die when those have ended, which a poll in flight may
 * delay: until then an entry stands without a plan, and is not counted any more.
 *
 * A handler that runs on without a job is given the follow-up job by a poll of the same target. So
 * what a reload takes away is polled on while one waits; other jobs of it are not claimed then, and
 * the service hands them out again.
 *
 * A failure of the status, cause and code that the target has already is no change of its
 * health: whoever is told of changes hears a cause once, however long it lasts. */
#include "daemon/target_set.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/wall_clock.h"
#include "daemon/failure.h"
#include "daemon/fleet_plan.h"

struct target_set_entry *target_set_of(const struct pipepoll_target *t)
{
    return pipepoll_target_user(t);
}

struct record_target target_set_describe(const struct pipepoll_target *t)
{
    return (struct record_target) { .name = str_of(target_set_of(t)->name),
                                    .region = pipepoll_target_region(t),
                                    .action_type = pipepoll_target_action_type(t),
                                    .hash = target_set_of(t)->lease.node.hash,
                                    .epoch = target_set_of(t)->lease.epoch };
}

struct target_set_entry *target_set_hold(struct target_set_entry *t)
{
    t->holds++;
    return t;
}

void target_set_release(struct target_set_entry *t)
{
    if (--t->holds)
        return;
    free(t->name);
    free(t);
}

void target_set_removed(struct target_set_entry *t)
{
    t->live = NULL;
    if (t->set->fleet)
        fleet_target_removed(t->set->fleet, &t->lease);
    if (t->set->fleet && t->has_outlived)
        fleet_targets_settled(t->set->fleet);
    target_set_release(t);
}

static struct job_handler *handler_of(const struct target_set *set, const struct plan_target *plan)
{
    return set->runner ? job_runner_handler(set->runner, plan->handler) : NULL;
}

static struct target_set_entry *new_entry(struct target_set *set, struct plan_target *plan)
{
    struct target_set_entry *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->set = set;
    t->holds = 1;
    t->plan = plan;
    t->handler = handler_of(set, plan);
    t->name = strndup(plan->name.ptr, plan->name.len);
    if (t->name)
        return t;
    free(t);
    return NULL;
}

/* --- in a fleet --- */

/* One that we take over has been without polls for a while. */
enum { FIRST_POLL_WITHIN_MS = 100 };

static void pause_at_first(const struct target_set *set, struct pipepoll_target_options *o)
{
    if (!set->fleet)
        return;
    o->paused = 1;
    o->first_poll_within_ms = FIRST_POLL_WITHIN_MS;
}

static int join_fleet(const struct target_set *set, struct target_set_entry *t,
                      struct pipepoll_error *why)
{
    if (!set->fleet)
        return PIPEPOLL_OK;
    int r = fleet_target_added(set->fleet, &t->lease, t->live, fleet_plan_hash(t->plan),
                               fleet_plan_group(t->plan));
    return r ? explain(why, r, "out of memory") : r;
}

struct target_set_entry *target_set_find(const struct target_set *set, uint64_t hash)
{
    struct fleet_target *t = set->fleet ? fleet_find(set->fleet, hash) : NULL;
    return t ? CONTAINER_OF(t, struct target_set_entry, lease) : NULL;
}

/* --- coming and going --- */

static int add(struct target_set *set, struct plan_target *new, struct credentials_cache *cache,
               struct pipepoll_error *why)
{
    struct target_set_entry *t = new_entry(set, new);
    struct pipepoll_target *live;
    if (!t)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    if (new->handler && !t->handler) {
        target_set_removed(t);
        return explain(why, PIPEPOLL_ENOTFOUND, "[handler %s] needs a restart", new->handler->name);
    }
    struct pipepoll_target_options o = new->options;
    o.user = t;
    pause_at_first(set, &o);
    int result = credentials_cache_get(cache, &new->identity, &o.credentials, why);
    if (!result)
        result = pipepoll_target_add(set->poller, &o, &live, why);
    if (result) {
        target_set_removed(t);
        return result;
    }
    new->live = t->live = live;
    set->count[HEALTH_WELL]++;
    if (set->tally && tally_add(set->tally, &t->tally, live, new->options.region, &new->identity,
                                wall_clock_ms()))
        logger_printf(set->log, PIPEPOLL_WARNING, NULL, "[target %s] is not counted: out of memory",
                      t->name);
    result = join_fleet(set, t, why);
    if (set->runner)
        job_runner_added(set->runner, live); /* its results name the target as the fleet does */
    return result;
}

bool target_set_add(struct target_set *set, struct plan_target *new,
                    struct credentials_cache *cache)
{
    struct pipepoll_error why;
    if (!add(set, new, cache, &why))
        return true;
    logger_printf(set->log, PIPEPOLL_ERROR,
                  &(struct subject) { .target = new->name, .region = new->options.region },
                  "[target %.*s] in %.*s is not polled: %s", STR_ARG(new->name),
                  STR_ARG(new->options.region), why.text);
    return false;
}

static void end_polls(struct target_set_entry *t)
{
    struct pipepoll_target *live = t->live;
    t->live = NULL;
    pipepoll_target_remove(live);
}

void target_set_remove(struct target_set *set, struct plan_target *old)
{
    struct target_set_entry *t = target_set_of(old->live);
    set->count[t->health]--;
    t->plan = NULL;
    tally_remove(&t->tally);
    if (t->waits)
        t->handler = NULL;
    else
        end_polls(t);
}

/* One that was not there at the start is not in force: it is as it was. What the journal holds of a
 * target that has its first handler now can be taken up. */
static void set_handler(struct target_set_entry *t, struct pipepoll_target *live)
{
    struct job_handler *handler = handler_of(t->set, t->plan), *before = t->handler;
    if (handler == before || (t->plan->handler && !handler))
        return;
    t->handler = handler;
    job_runner_has_other_handler(t->set->runner, live);
    if (handler && !before)
        job_runner_added(t->set->runner, live);
}

void target_set_keep(struct plan_target *old, struct plan_target *new)
{
    struct target_set_entry *t = target_set_of(old->live);
    new->live = old->live;
    t->plan = new;
    set_handler(t, old->live);
    if (str_eq(str_of(t->name), new->name))
        return;
    char *name = strndup(new->name.ptr, new->name.len);
    if (!name)
        return; /* the old label will do */
    free(t->name);
    t->name = name;
}

/* --- handlers that wait --- */

bool target_set_is_worked(const struct target_set_entry *t)
{
    return t->handler || t->waits;
}

void target_set_wait_began(struct target_set_entry *t)
{
    if (t->set->fleet)
        fleet_wait_for(t->set->fleet, &t->lease, true);
    if (!t->waits++ && !t->handler && t->live)
        job_runner_has_other_handler(t->set->runner, t->live);
}

void target_set_wait_ended(struct target_set_entry *t)
{
    if (t->set->fleet)
        fleet_wait_for(t->set->fleet, &t->lease, false);
    if (--t->waits || t->handler || !t->live)
        return;
    t->has_outlived = !t->plan;
    if (t->plan)
        job_runner_has_other_handler(t->set->runner, t->live);
    else
        end_polls(t);
}

/* --- health --- */

static void set_health(struct target_set_entry *t, enum health health)
{
    if (t->plan) {
        t->set->count[t->health]--;
        t->set->count[health]++;
    }
    t->health = health;
}

/* What may pass is polled again soon, and often has passed by then. Not so refused credentials:
 * without others no poll may follow that would tell. */
static bool may_pass_yet(const struct target_set_entry *t, const struct pipepoll_failure *f,
                         int64_t now_ms)
{
    return f->status != PIPEPOLL_ECREDENTIALS && failure_may_pass(f) &&
           f->retry_in_ms <= FAILURE_BACKOFF_MAX_MS && t->failures < TARGET_SET_FAILURES &&
           now_ms - t->failing_since_ms < TARGET_SET_FAILING_MS;
}

bool target_set_failed(struct target_set_entry *t, const struct pipepoll_failure *failure,
                       int64_t now_ms)
{
    char code[sizeof t->code];
    snprintf(code, sizeof code, "%.*s", STR_ARG(failure->code));
    if (t->failures++ == 0)
        t->failing_since_ms = now_ms;
    t->answers = 0;
    if (t->health == HEALTH_WELL && may_pass_yet(t, failure, now_ms))
        return false;
    if (t->status == failure->status && t->cause == failure->cause && strcmp(t->code, code) == 0)
        return false;
    set_health(t, failure->status == PIPEPOLL_ETHROTTLED ? HEALTH_THROTTLED : HEALTH_ILL);
    t->status = failure->status;
    t->cause = failure->cause;
    memcpy(t->code, code, sizeof code);
    return true;
}

void target_set_let_go(struct target_set_entry *t)
{
    t->failures = 0;
    t->answers = 0;
    set_health(t, HEALTH_WELL);
    t->status = PIPEPOLL_OK;
    t->cause = PIPEPOLL_CAUSE_UNKNOWN;
    t->code[0] = '\0';
}

bool target_set_answered(struct target_set_entry *t)
{
    t->failures = 0;
    if (t->health == HEALTH_WELL)
        return false;
    if (t->health == HEALTH_THROTTLED && ++t->answers < TARGET_SET_ANSWERS)
        return false;
    target_set_let_go(t);
    return true;
}

/* The plans' difference drives the poller: each entry is added, removed or handed on. Entries hang
 * on the library's targets and die when those have ended, which a poll in flight may delay: until
 * then an entry stands without a plan. What failed to be added has no live target, and is added
 * again when the next plan keeps it.
 *
 * A failure of the status and code that the target has already is no change of its health: whoever
 * is told of changes hears a cause once, however long it lasts. */
#include "daemon/target_set.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/failure.h"

struct target_set_entry *target_set_of(const struct pipepoll_target *t)
{
    return pipepoll_target_user(t);
}

void target_set_removed(struct target_set_entry *t)
{
    list_remove(&t->owed_link);
    free(t->owed);
    free(t->name);
    free(t);
}

static struct target_set_entry *new_target(str name)
{
    struct target_set_entry *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    list_init(&t->owed_link);
    t->name = strndup(name.ptr, name.len);
    if (t->name)
        return t;
    free(t);
    return NULL;
}

static int add(struct target_set *r, struct plan_target *new, struct pipepoll_error *why)
{
    struct target_set_entry *t = new_target(new->name);
    struct pipepoll_target *live;
    if (!t)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    struct pipepoll_target_options o = new->options;
    o.user = t;
    t->plan = new;
    int result = credentials_cache_get(&r->keys, &new->identity, &o.credentials, why);
    if (!result)
        result = pipepoll_target_add(r->poller, &o, &live, why);
    if (result)
        target_set_removed(t);
    else
        new->live = live;
    return result;
}

static void on_added(void *ctx, struct plan_target *new)
{
    struct target_set *r = ctx;
    struct pipepoll_error why;
    if (!add(r, new, &why))
        r->added++;
    else
        logger_printf(r->log, PIPEPOLL_ERROR,
                      &(struct subject) { .target = new->name, .region = new->options.region },
                      "[target %.*s] in %.*s is not polled: %s", STR_ARG(new->name),
                      STR_ARG(new->options.region), why.text);
}

static void on_removed(void *ctx, struct plan_target *old)
{
    struct target_set *r = ctx;
    if (!old->live)
        return;
    target_set_of(old->live)->plan = NULL;
    pipepoll_target_remove(old->live);
    r->removed++;
}

static void on_kept(void *ctx, struct plan_target *old, struct plan_target *new)
{
    struct target_set *r = ctx;
    if (!old->live) {
        on_added(ctx, new);
        return;
    }
    new->live = old->live;
    r->kept++;
    struct target_set_entry *t = target_set_of(new->live);
    t->plan = new;
    char *name = strndup(new->name.ptr, new->name.len);
    if (!name)
        return; /* the old label will do */
    free(t->name);
    t->name = name;
}

void target_set_change(struct target_set *r, struct plan *old, struct plan *new)
{
    const struct plan_change change = {
        .removed = on_removed, .added = on_added, .kept = on_kept, .ctx = r
    };
    r->added = r->removed = r->kept = 0;
    plan_diff(old, new, &change);
    credentials_cache_deinit(&r->keys);
}

/* What may pass is polled again soon, and often has passed by then. Not so refused keys: without
 * others no poll may follow that would tell. */
static bool may_pass_yet(const struct target_set_entry *t, const struct pipepoll_failure *f,
                         int64_t now_ms)
{
    enum { LONG_MS = 20000 };
    return f->status != PIPEPOLL_ECREDENTIALS && failure_may_pass(f) && f->retry_in_ms <= LONG_MS &&
           t->failures < TARGET_SET_FAILURES &&
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
    if (t->status == failure->status && strcmp(t->code, code) == 0)
        return false;
    t->health = failure->status == PIPEPOLL_ETHROTTLED ? HEALTH_THROTTLED : HEALTH_ILL;
    t->status = failure->status;
    memcpy(t->code, code, sizeof code);
    return true;
}

bool target_set_answered(struct target_set_entry *t)
{
    t->failures = 0;
    if (t->health == HEALTH_WELL)
        return false;
    if (t->health == HEALTH_THROTTLED && ++t->answers < TARGET_SET_ANSWERS)
        return false;
    t->health = HEALTH_WELL;
    t->status = PIPEPOLL_OK;
    t->code[0] = '\0';
    return true;
}

size_t target_set_count(const struct plan *p, enum health health)
{
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct pipepoll_target *live = p->targets[i].live;
        count += live && target_set_of(live)->health == health;
    }
    return count;
}

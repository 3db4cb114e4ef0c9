#include "cli/roster.h"

#include <stdio.h>
#include <stdlib.h>

struct roster_target *roster_of(const struct pipepoll_target *t)
{
    return pipepoll_target_user(t);
}

void roster_removed(struct roster_target *t)
{
    free(t->name);
    free(t);
}

static struct roster_target *new_target(str name)
{
    struct roster_target *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->name = strndup(name.ptr, name.len);
    if (t->name)
        return t;
    free(t);
    return NULL;
}

static void on_added(void *ctx, struct plan_target *new)
{
    struct roster *r = ctx;
    struct pipepoll_error why = { "out of memory" };
    struct roster_target *t = new_target(new->name);
    struct pipepoll_target *live = NULL;
    if (t) {
        new->options.user = t;
        if (pipepoll_target_add(r->poller, &new->options, &live, &why))
            roster_removed(t);
    }
    new->live = live;
    if (live)
        r->added++;
    else
        log_line(&r->log, PIPEPOLL_ERROR, "[target %.*s] in %.*s is not polled: %s",
                 STR_ARG(new->name), STR_ARG(new->options.region), why.text);
}

static void on_removed(void *ctx, struct plan_target *old)
{
    struct roster *r = ctx;
    if (!old->live)
        return;
    pipepoll_target_remove(old->live);
    r->removed++;
}

static void on_kept(void *ctx, struct plan_target *old, struct plan_target *new)
{
    struct roster *r = ctx;
    if (!old->live) {
        on_added(ctx, new);
        return;
    }
    new->live = old->live;
    r->kept++;
    struct roster_target *t = roster_of(new->live);
    char *name = strndup(new->name.ptr, new->name.len);
    if (!name)
        return; /* the old label will do */
    free(t->name);
    t->name = name;
}

void roster_change(struct roster *r, struct plan *old, struct plan *new)
{
    const struct plan_change change = {
        .removed = on_removed, .added = on_added, .kept = on_kept, .ctx = r
    };
    r->added = r->removed = r->kept = 0;
    plan_diff(old, new, &change);
}

bool roster_failed(struct roster_target *t, const struct pipepoll_failure *failure)
{
    char code[sizeof t->code];
    snprintf(code, sizeof code, "%.*s", STR_ARG(failure->code));
    if (t->status == failure->status && strcmp(t->code, code) == 0)
        return false;
    t->status = failure->status;
    memcpy(t->code, code, sizeof code);
    return true;
}

bool roster_answered(struct roster_target *t)
{
    if (t->status == PIPEPOLL_OK)
        return false;
    t->status = PIPEPOLL_OK;
    t->code[0] = '\0';
    return true;
}

/* SPDX-License-Identifier: MIT */
/* What a record is about follows from its own texts, so that one outlives its target and the
 * credentials that it is of. All that waits is in one list: a record never overtakes an older one,
 * and whoever reads the events sees a target removed after it failed. */
#include "daemon/pending.h"

#include <stdlib.h>

struct pending_record {
    struct list link;
    struct table_node node;
    struct record *what; /* from malloc() */
};

void pending_init(struct pending *p, const struct intake *intake, const struct logger *log)
{
    *p = (struct pending) { .intake = intake, .log = log };
    list_init(&p->waiting);
}

/* --- what a record is about --- */

/* Without a source it is the reason that tells two apart. */
static str subject_of(const struct record_credentials *c)
{
    return c->source.len ? c->source : c->reason;
}

static uint64_t hash_of(uint64_t hash, const struct record *r)
{
    const struct record_target *t = &r->health.from;
    if (r->kind == RECORD_CREDENTIALS)
        return table_hash(hash, subject_of(&r->credentials));
    const str texts[] = { t->name, t->region, t->action_type.category, t->action_type.provider };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        hash = table_hash(hash, texts[i]);
    return hash;
}

static bool is_same_target(const struct record_target *a, const struct record_target *b)
{
    const struct pipepoll_action_type *x = &a->action_type, *y = &b->action_type;
    return str_eq(a->name, b->name) && str_eq(a->region, b->region) &&
           str_eq(x->category, y->category) && str_eq(x->owner, y->owner) &&
           str_eq(x->provider, y->provider) && str_eq(x->version, y->version);
}

static bool is_about_the_same(const struct record *a, const struct record *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == RECORD_CREDENTIALS
               ? str_eq(subject_of(&a->credentials), subject_of(&b->credentials))
               : is_same_target(&a->health.from, &b->health.from);
}

/* Does no live target bound how many there are? */
static bool is_other(const struct record *r)
{
    return r->kind != RECORD_HEALTH || r->health.removed;
}

/* --- what waits --- */

static void forget(struct pending *p, struct pending_record *w)
{
    list_remove(&w->link);
    table_remove(&p->by_subject, &w->node);
    p->count--;
    p->others -= is_other(w->what);
    record_free(w->what);
    free(w);
}

static struct pending_record *find(struct pending *p, const struct record *what, uint64_t hash)
{
    struct table_node *n = table_first(&p->by_subject, hash);
    for (; n; n = table_next(n)) {
        struct pending_record *w = CONTAINER_OF(n, struct pending_record, node);
        if (is_about_the_same(w->what, what))
            return w;
    }
    return NULL;
}

/* Its texts are those of the copy, which are cut. */
static void keep(struct pending *p, const struct record *what)
{
    struct pending_record *new = calloc(1, sizeof *new);
    struct record *copy = new ? record_dup(what) : NULL;
    if (!copy) {
        free(new);
        p->dropped++;
        return;
    }
    uint64_t hash = hash_of(p->by_subject.seed, copy);
    struct pending_record *old = find(p, copy, hash);
    if (old)
        forget(p, old);
    if (is_other(copy) && p->others == PENDING_OTHERS_MAX) {
        record_free(copy);
        free(new);
        p->dropped++;
        return;
    }
    new->what = copy;
    list_put_last(&p->waiting, &new->link);
    table_put(&p->by_subject, &new->node, hash);
    p->count++;
    p->others += is_other(copy);
}

void pending_put(struct pending *p, const struct record *what)
{
    if (!list_empty(&p->waiting) || !p->intake->put(p->intake->ctx, what))
        keep(p, what);
}

static void tell_dropped(struct pending *p)
{
    if (p->dropped)
        logger_printf(p->log, PIPEPOLL_WARNING, NULL,
                      "events of health and credentials that are left out: %zu; whoever takes "
                      "events is too slow",
                      p->dropped);
    p->dropped = 0;
}

void pending_on_room(struct pending *p)
{
    while (!list_empty(&p->waiting)) {
        struct pending_record *w = CONTAINER_OF(p->waiting.next, struct pending_record, link);
        if (!p->intake->put(p->intake->ctx, w->what))
            return;
        forget(p, w);
    }
    tell_dropped(p);
}

void pending_give_up(struct pending *p)
{
    if (!p->intake)
        return;
    pending_on_room(p);
    p->dropped += p->count;
    while (!list_empty(&p->waiting))
        forget(p, CONTAINER_OF(p->waiting.next, struct pending_record, link));
    table_deinit(&p->by_subject);
    tell_dropped(p);
}

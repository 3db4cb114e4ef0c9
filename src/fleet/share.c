/* SPDX-License-Identifier: MIT */
/* A group keeps two pairs of counts, one that holds and one that is being made. Of the throttled
 * rates heard it keeps the lowest, with when it was heard last: a higher one replaces it only once
 * it was not heard for keep_ns. */
#include "fleet/share.h"

#include "base/list.h"
#include "base/table.h"

struct counts {
    size_t held, ours;
};

struct group {
    struct table_node node;
    struct counts now, next;
    int index;
    double per_target; /* the lowest that was heard; 0: none */
    uint64_t heard_ns;
    char name[BEAT_GROUP_MAX + 1];
};

struct share {
    struct alloc alloc;
    struct table names;
    struct group **groups;
    size_t count, cap;
    uint64_t keep_ns;
};

int share_open(struct share **out, struct alloc alloc, uint64_t keep_ns)
{
    struct share *s = alloc_new(&alloc, sizeof *s);
    if (!s)
        return PIPEPOLL_ENOMEM;
    s->alloc = alloc;
    s->keep_ns = keep_ns;
    table_init(&s->names, alloc, 0);
    *out = s;
    return 0;
}

void share_close(struct share *s)
{
    if (!s)
        return;
    struct alloc alloc = s->alloc;
    for (size_t i = 0; i < s->count; i++)
        alloc_free(&alloc, s->groups[i], sizeof **s->groups);
    alloc_free(&alloc, s->groups, s->cap * sizeof *s->groups);
    table_deinit(&s->names);
    alloc_free(&alloc, s, sizeof *s);
}

/* --- groups --- */

static str cut(str name)
{
    return str_cut(name, BEAT_GROUP_MAX);
}

static struct group *find(const struct share *s, str name)
{
    struct table_node *node = table_first(&s->names, table_hash(s->names.seed, name));
    for (; node; node = table_next(node)) {
        struct group *g = CONTAINER_OF(node, struct group, node);
        if (str_eq(str_of(g->name), name))
            return g;
    }
    return NULL;
}

static bool make_room(struct share *s)
{
    size_t cap = s->cap ? 2 * s->cap : 16;
    if (s->count < s->cap)
        return true;
    struct group **groups =
        alloc_resize(&s->alloc, s->groups, s->cap * sizeof *s->groups, cap * sizeof *s->groups);
    if (!groups)
        return false;
    s->groups = groups;
    s->cap = cap;
    return true;
}

static struct group *add(struct share *s, str name)
{
    struct group *g = make_room(s) ? alloc_new(&s->alloc, sizeof *g) : NULL;
    if (!g)
        return NULL;
    str_copy(g->name, sizeof g->name, name);
    g->index = (int)s->count;
    s->groups[s->count++] = g;
    table_put(&s->names, &g->node, table_hash(s->names.seed, name));
    return g;
}

int share_group(struct share *s, str name)
{
    struct group *g = find(s, cut(name));
    if (!g)
        g = add(s, cut(name));
    return g ? g->index : SHARE_NONE;
}

size_t share_count(const struct share *s)
{
    return s->count;
}

str share_name(const struct share *s, int group)
{
    return str_of(s->groups[group]->name);
}

/* --- what is held --- */

void share_begin(struct share *s)
{
    for (size_t i = 0; i < s->count; i++)
        s->groups[i]->next = (struct counts) { 0 };
}

void share_target(struct share *s, int group, bool is_held, bool is_ours)
{
    struct group *g = s->groups[group];
    g->next.held += is_held || is_ours;
    g->next.ours += is_ours;
}

void share_end(struct share *s)
{
    for (size_t i = 0; i < s->count; i++)
        s->groups[i]->now = s->groups[i]->next;
}

/* --- what is throttled --- */

static bool is_heard(const struct share *s, const struct group *g, uint64_t now_ns)
{
    return g->per_target > 0 && now_ns - g->heard_ns < s->keep_ns;
}

void share_heard(struct share *s, const struct beat_figures *figures, uint64_t now_ns)
{
    for (uint32_t i = 0; i < figures->group_count; i++) {
        const struct beat_group *said = &figures->groups[i];
        struct group *g = find(s, str_of(said->name));
        double per_target = (double)said->per_target_micro / 1e6;
        if (!g || per_target <= 0 || (is_heard(s, g, now_ns) && per_target > g->per_target))
            continue;
        g->per_target = per_target;
        g->heard_ns = now_ns;
    }
}

double share_throttled(const struct share *s, int group, uint64_t now_ns)
{
    const struct group *g = s->groups[group];
    return is_heard(s, g, now_ns) ? g->per_target : 0;
}

/* --- what we may --- */

double share_part(const struct share *s, int group)
{
    const struct counts *c = &s->groups[group]->now;
    return c->ours ? (double)c->ours / (double)c->held : 0;
}

/* Who holds nothing polls nothing; its few other calls need a limit that is not "none". */
static double ceiling_of(const struct share *s, int group, double ceiling_per_s)
{
    const struct counts *c = &s->groups[group]->now;
    return c->ours ? ceiling_per_s * share_part(s, group) : ceiling_per_s / (double)(c->held + 1);
}

double share_rate(const struct share *s, int group, double ceiling_per_s, uint64_t now_ns)
{
    size_t ours = s->groups[group]->now.ours;
    double throttled = share_throttled(s, group, now_ns) * (double)(ours ? ours : 1);
    double ceiling = ceiling_per_s > 0 ? ceiling_of(s, group, ceiling_per_s) : 0;
    if (throttled <= 0 || (ceiling > 0 && ceiling < throttled))
        return ceiling;
    return throttled;
}

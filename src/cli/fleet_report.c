/* SPDX-License-Identifier: MIT */
/* Members in the order of their ids; targets in the order of the config, then those that it does
 * not know, which are other members'. */
#include "cli/fleet_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"
#include "cli/screen.h"
#include "daemon/fleet_plan.h"

/* --- members --- */

static const char *state_of(const struct roster_member *m)
{
    if (!m->is_alive)
        return "silent";
    switch (m->state) {
    case BEAT_WAIT:
        return "waiting";
    case BEAT_HI:
        return "active";
    case BEAT_BYE:
        return "left";
    case BEAT_DRAINED:
        break;
    }
    return m->held || m->figures.jobs ? "draining" : "drained";
}

static int by_id(const void *a, const void *b)
{
    const struct roster_member *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

/* To be freed. NULL: out of memory. */
static const struct roster_member **members_of(const struct roster *r, size_t *count)
{
    const struct roster_member **all = calloc(r->count + 1, sizeof *all);
    *count = 0;
    for (size_t i = 0; all && i < r->count; i++)
        if (roster_is_there(&r->members[i]))
            all[(*count)++] = &r->members[i];
    if (*count)
        qsort(all, *count, sizeof *all, by_id);
    return all;
}

void fleet_report_put_members(struct buf *out, const struct roster *r)
{
    size_t count;
    const struct roster_member **all = members_of(r, &count);
    for (size_t i = 0; all && i < count; i++) {
        str id = str_of(all[i]->id);
        if (out->len + id.len + STR(", ...").len > out->cap) {
            buf_put(out, STR("..."));
            break;
        }
        buf_printf(out, "%s%.*s", i ? ", " : "", STR_ARG(id));
    }
    free(all);
}

/* How long it has said nothing, at least: before we looked nobody knows. */
static uint64_t silent_ms(const struct fleet_report *r, const struct roster_member *m)
{
    uint64_t from_ns = m->is_alive ? m->seen_ns : r->watch->began_ns;
    return (r->watch->now_ns - from_ns) / 1000000;
}

/* --- targets --- */

struct target {
    uint64_t hash;
    const struct plan_target *plan; /* NULL: the config knows it not */
    const struct roster_claim *claim;
    const struct roster_member *holder;
};

static void fill(const struct fleet_report *r, struct target *t)
{
    t->claim = roster_claim(&r->watch->roster, t->hash);
    t->holder = t->claim ? roster_holder(&r->watch->roster, t->claim) : NULL;
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The hashes that the config knows, sorted, to be freed. */
static uint64_t *known_of(const struct plan *p)
{
    uint64_t *known = malloc((p->count + 1) * sizeof *known);
    for (size_t i = 0; known && i < p->count; i++)
        known[i] = fleet_plan_hash(&p->targets[i]);
    if (known && p->count)
        qsort(known, p->count, sizeof *known, by_hash);
    return known;
}

static int each_target(const struct fleet_report *r,
                       void (*show)(void *ctx, const struct target *t), void *ctx)
{
    const struct plan *p = r->plan;
    uint64_t *known = known_of(p);
    if (!known)
        return PIPEPOLL_ENOMEM;
    for (size_t i = 0; i < p->count; i++) {
        struct target t = { .hash = fleet_plan_hash(&p->targets[i]), .plan = &p->targets[i] };
        fill(r, &t);
        show(ctx, &t);
    }
    struct table_walk walk = { .next = NULL };
    for (struct table_node *n; (n = table_each(&r->watch->roster.claims, &walk));) {
        struct target t = { .hash = n->hash };
        fill(r, &t);
        if (!t.holder || bsearch(&n->hash, known, p->count, sizeof *known, by_hash))
            continue;
        show(ctx, &t);
    }
    free(known);
    return PIPEPOLL_OK;
}

/* --- for people --- */

static void print_member(const struct fleet_report *r, const struct roster_member *m, size_t width)
{
    const struct beat_figures *f = &m->figures;
    screen_print_cell(str_of(m->id), width);
    printf("%-8s  %7" PRIu64 "  %7" PRIu64 ".%" PRIu64 "  %6" PRIu32 "  %6" PRIu32 "  ",
           state_of(m), m->held, f->polls_milli / 1000, f->polls_milli / 100 % 10, f->jobs,
           f->free_slots);
    screen_print_cell(str_of(f->version), 8);
    if (m->is_alive)
        putchar('-');
    else
        printf("%.1fs or longer", (double)silent_ms(r, m) / 1000);
    putchar('\n');
}

static void print_members(const struct fleet_report *r, const struct roster_member *const *all,
                          size_t count)
{
    size_t width = STR("MEMBER").len;
    for (size_t i = 0; i < count; i++)
        width = strlen(all[i]->id) > width ? strlen(all[i]->id) : width;
    screen_print_cell(STR("MEMBER"), width);
    printf("%-8s  %7s  %9s  %6s  %6s  %-8s  %s\n", "STATE", "TARGETS", "POLLS/S", "JOBS", "FREE",
           "VERSION", "SILENT");
    for (size_t i = 0; i < count; i++)
        print_member(r, all[i], width);
}

static void print_target(void *ctx, const struct target *t)
{
    bool *has_heading = ctx;
    enum { NAME = 24, REGION = 16, HOLDER = 24 };
    if (!*has_heading)
        printf("\n%-*s  %-*s  %-16s  %-*s  %s\n", NAME, "TARGET", REGION, "REGION", "HASH", HOLDER,
               "HOLDER", "EPOCH");
    *has_heading = true;
    screen_print_cell(t->plan ? t->plan->name : STR("-"), NAME);
    screen_print_cell(t->plan ? t->plan->options.region : STR("-"), REGION);
    printf("%016" PRIx64 "  %-*s  ", t->hash, HOLDER, t->holder ? t->holder->id : "nobody");
    if (t->claim)
        printf("%" PRIu64 "\n", t->claim->epoch);
    else
        printf("-\n");
}

/* A key without its region. */
static const char *type_of(const char *key)
{
    const char *dot = strchr(key, '.');
    return dot ? dot + 1 : key;
}

int fleet_report_table(const struct fleet_report *r)
{
    const struct engine_stats *s = &r->watch->stats;
    size_t count;
    bool has_heading = false;
    const struct roster_member **all = members_of(&r->watch->roster, &count);
    if (!all)
        return PIPEPOLL_ENOMEM;
    printf("fleet %s at %s (version %s)\n", r->config->name, s->server, s->version);
    if (s->jobs_known)
        printf("queue: %" PRIu64 " job%s, %" PRIu64 " %s with members\n", s->jobs_waiting,
               s->jobs_waiting == 1 ? " waits" : "s wait", s->jobs_out,
               s->jobs_out == 1 ? "is" : "are");
    else
        printf("queue: not known: its log does not answer\n");
    if (s->jobs_unworked)
        printf("no worker: %" PRIu64 " of those that wait %s of action types that nobody ever "
               "worked, such as %s: give a member a handler for them\n",
               s->jobs_unworked, s->jobs_unworked == 1 ? "is" : "are", type_of(s->unworked_key));
    putchar('\n');
    if (count)
        print_members(r, all, count);
    else
        printf("no members\n");
    free(all);
    return r->plan ? each_target(r, print_target, &has_heading) : PIPEPOLL_OK;
}

/* --- JSON --- */

static void put_member(struct buf *out, const struct fleet_report *r, const struct roster_member *m)
{
    const struct beat_figures *f = &m->figures;
    jsontext_element(out, '{');
    jsontext_member(out, "member", str_of(m->id));
    jsontext_member(out, "state", str_of(state_of(m)));
    jsontext_count(out, "targets", m->held);
    jsontext_rate(out, "pollsPerSecond", (double)f->polls_milli / 1000);
    jsontext_count(out, "jobs", f->jobs);
    jsontext_count(out, "freeSlots", f->free_slots);
    jsontext_member(out, "version", str_of(f->version));
    if (m->is_alive)
        jsontext_null(out, "silentMs");
    else
        jsontext_count(out, "silentMs", silent_ms(r, m));
    buf_put_char(out, '}');
}

static void put_target(void *ctx, const struct target *t)
{
    struct buf *out = ctx;
    jsontext_element(out, '{');
    jsontext_name(out, STR("hash"));
    buf_printf(out, "\"%016" PRIx64 "\"", t->hash);
    if (t->plan) {
        jsontext_member(out, "target", t->plan->name);
        jsontext_member(out, "region", t->plan->options.region);
    }
    if (t->holder)
        jsontext_member(out, "holder", str_of(t->holder->id));
    else
        jsontext_null(out, "holder");
    jsontext_count(out, "epoch", t->claim ? t->claim->epoch : 0);
    buf_put_char(out, '}');
}

static void put_engine(struct buf *out, const struct fleet_report *r)
{
    const struct engine_stats *s = &r->watch->stats;
    jsontext_member(out, "fleet", str_of(r->config->name));
    jsontext_member(out, "server", str_of(s->server));
    jsontext_member(out, "serverVersion", str_of(s->version));
    if (s->jobs_known) {
        jsontext_open(out, "queue", '{');
        jsontext_count(out, "waiting", s->jobs_waiting);
        jsontext_count(out, "delivered", s->jobs_out);
        jsontext_count(out, "unworked", s->jobs_unworked);
        buf_put_char(out, '}');
    } else {
        jsontext_null(out, "queue");
    }
}

int fleet_report_json(struct buf *out, const struct fleet_report *r)
{
    size_t count;
    const struct roster_member **all = members_of(&r->watch->roster, &count);
    int result = PIPEPOLL_OK;
    if (!all)
        return PIPEPOLL_ENOMEM;
    buf_put_char(out, '{');
    put_engine(out, r);
    jsontext_open(out, "members", '[');
    for (size_t i = 0; i < count; i++)
        put_member(out, r, all[i]);
    buf_put_char(out, ']');
    free(all);
    if (r->plan) {
        jsontext_open(out, "targets", '[');
        result = each_target(r, put_target, out);
        buf_put_char(out, ']');
    }
    buf_put_char(out, '}');
    return result;
}

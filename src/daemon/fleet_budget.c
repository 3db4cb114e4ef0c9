/* SPDX-License-Identifier: MIT */
/* The budget of each account and region among the members that poll its targets there.
 *
 * What is held is counted again and again, some thousand targets at a time, so that no turn takes
 * long. The first target of each account and region (a group) that a count meets is where the
 * group's budget is reached: it gets our part by the last whole count, and tells what throttling
 * has left of the rate, which our beats say to the others. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/fleet_parts.h"

enum { COUNT_EACH = 5000, COUNT_EVERY_MS = 250, KEEP_S = 10, THROTTLED_LATELY_MS = 10000 };

/* Of one group. */
struct fleet_group {
    uint32_t met; /* in the count of this number */
    uint32_t counted, held;
    double rate; /* that throttling left, for each target; 0: it does not throttle us */
};

static const uint64_t ns_per_s = 1000000000;

/* Beats name it by its digits: what a config calls a profile or a role may be of any length, and
 * have characters that a beat must not. */
int fleet_budget_group(struct fleet *f, uint64_t hash)
{
    char name[BEAT_GROUP_MAX + 1];
    snprintf(name, sizeof name, "%016" PRIx64, hash);
    int group = share_group(f->share, str_of(name));
    if (group < (int)f->group_count)
        return group;
    struct fleet_group *groups = realloc(f->groups, (2 * (size_t)group + 8) * sizeof *groups);
    if (!groups)
        return SHARE_NONE;
    f->groups = groups;
    size_t count = 2 * (size_t)group + 8;
    memset(groups + f->group_count, 0, (count - f->group_count) * sizeof *groups);
    f->group_count = count;
    return group;
}

/* --- a group's budget --- */

static void give_part(struct fleet *f, const struct fleet_target *t)
{
    double cap = share_rate(f->share, t->group, f->o.max_polls_per_s, fleet_now_ns());
    pipepoll_target_share_budget(t->live, 1, cap, NULL);
}

static void note_throttling(struct fleet_group *g, const struct fleet_target *t)
{
    struct pipepoll_report report = PIPEPOLL_REPORT_INIT;
    pipepoll_target_report(t->live, &report);
    bool is_throttled =
        report.adaptive_polls_per_s > 0 && report.throttled_ms < THROTTLED_LATELY_MS && g->held;
    g->rate = is_throttled ? report.adaptive_polls_per_s / g->held : 0;
}

static void tell_throttled(struct fleet *f)
{
    struct beat_figures *to = &f->figures;
    to->group_count = 0;
    for (size_t i = 0; i < f->group_count && to->group_count < BEAT_GROUPS_MAX; i++) {
        if (f->groups[i].met != f->counts) /* it has no target any more */
            f->groups[i].rate = 0;
        if (f->groups[i].rate <= 0)
            continue;
        struct beat_group *g = &to->groups[to->group_count++];
        snprintf(g->name, sizeof g->name, "%.*s", STR_ARG(share_name(f->share, (int)i)));
        g->per_target_micro = (uint64_t)(f->groups[i].rate * 1e6);
    }
    share_heard(f->share, to, fleet_now_ns());
    lease_set_figures(f->lease, to);
}

/* --- the count --- */

static void count(struct fleet *f, const struct lease_target_view *view)
{
    const struct fleet_target *t = fleet_find(f, view->target);
    if (!t || t->group == SHARE_NONE)
        return;
    struct fleet_group *g = &f->groups[t->group];
    if (g->met != f->counts) {
        g->met = f->counts;
        g->held = g->counted;
        g->counted = 0;
        give_part(f, t);
        note_throttling(g, t);
    }
    g->counted += view->is_ours;
    share_target(f->share, t->group, view->holder.len, view->is_ours);
}

static void on_timer(uv_timer_t *timer)
{
    struct fleet *f = timer->data;
    struct lease_target_view view;
    size_t i = f->counted, end = i + COUNT_EACH;
    if (!i) {
        f->counts++;
        share_begin(f->share);
    }
    while (i < end && lease_target(f->lease, i, &view)) {
        count(f, &view);
        i++;
    }
    f->counted = i < end ? 0 : i;
    if (i < end) {
        share_end(f->share);
        tell_throttled(f);
    }
}

void fleet_budget_hear(struct fleet *f, str key, str body)
{
    struct beat b;
    if (beat_key_read(key).kind == BEAT_KIND_BEAT && beat_read(&b, body) == BEAT_OK)
        share_heard(f->share, &b.figures, fleet_now_ns());
}

int fleet_budget_open(struct fleet *f)
{
    uv_timer_start(&f->budget, on_timer, COUNT_EVERY_MS, COUNT_EVERY_MS);
    return share_open(&f->share, (struct alloc) { 0 }, KEEP_S * ns_per_s);
}

void fleet_budget_close(struct fleet *f)
{
    share_close(f->share);
    free(f->groups);
}

/* SPDX-License-Identifier: MIT */
/* Under a ceiling the library gives each target its turn, so that targets that want little get all
 * of it and the others an equal rest: water that fills vessels of different heights. The level is
 * the rate that no target of the budget exceeds. */
#include "config/estimate.h"

#include <math.h>
#include <stdlib.h>

#include "base/order.h"

/* For want of better knowledge: a region across an ocean. */
enum { TYPICAL_ANSWER_MS = 100 };

/* With intervals spread evenly over 0.9 to 1.1 of their mean, a job that appears at any instant
 * waits for the next poll for: the remaining life of a renewal process. */
static const double WAIT_P50 = 0.5, WAIT_P95 = 0.9586;

/* A target on its way through the arithmetic. */
struct flow {
    const struct plan_target *target;
    double wanted_per_s, polls_per_s, needed_per_s;
};

static double wanted_per_s(const struct plan_target *t)
{
    const struct pipepoll_target_options *o = &t->options;
    uint32_t ms = o->pickup_goal_ms ? pipepoll_goal_interval_ms(o->pickup_goal_ms) : o->interval_ms;
    if (o->slowest_interval_ms && o->slowest_interval_ms < ms)
        ms = o->slowest_interval_ms;
    return 1000.0 / (ms ? ms : 1);
}

/* A goal that holds is the P95: the library polls no more often than it takes, unless a slowest
 * interval makes it. */
static double least_p95_ms(const struct pipepoll_target_options *o)
{
    double slowest_ms = o->slowest_interval_ms * WAIT_P95;
    return slowest_ms > 0 && slowest_ms < o->pickup_goal_ms ? slowest_ms : o->pickup_goal_ms;
}

static struct estimate_pickup pickup_of(const struct flow *f)
{
    double interval_ms = 1000.0 / f->polls_per_s;
    return (struct estimate_pickup) { .p50_ms = interval_ms * WAIT_P50,
                                      .p95_ms = fmax(interval_ms * WAIT_P95,
                                                     least_p95_ms(&f->target->options)) };
}

static bool is_late(const struct flow *f, const struct estimate_pickup *p)
{
    double goal_ms = f->target->options.pickup_goal_ms;
    return goal_ms > 0 && p->p95_ms > goal_ms;
}

/* --- one budget --- */

static int compare_budgets(const struct plan_target *a, const struct plan_target *b)
{
    int r = identity_config_compare(&a->identity, &b->identity);
    return r ? r : order_str(a->options.region, b->options.region);
}

static int compare_flows(const void *a, const void *b)
{
    const struct flow *x = a, *y = b;
    int r = compare_budgets(x->target, y->target);
    r = r ? r : order_real(x->wanted_per_s, y->wanted_per_s);
    return r ? r : order_size(x->target->section, y->target->section);
}

/* The rate that the rest shares after those that want less; flows come with the least first. */
static double level_of(const struct flow *flows, size_t count, double ceiling_per_s)
{
    for (size_t i = 0; ceiling_per_s > 0 && i < count; i++) {
        double share = ceiling_per_s / (double)(count - i);
        if (flows[i].wanted_per_s > share)
            return share;
        ceiling_per_s -= flows[i].wanted_per_s;
    }
    return INFINITY;
}

/* What the ceiling must be for flow i to have all that it wants. */
static void set_needs(struct flow *flows, size_t count)
{
    double below = 0;
    for (size_t i = 0; i < count; i++) {
        flows[i].needed_per_s = below + flows[i].wanted_per_s * (double)(count - i);
        below += flows[i].wanted_per_s;
    }
}

static size_t bounded(size_t n, size_t most)
{
    return most && most < n ? most : n;
}

static size_t connections_of(size_t targets, size_t regions, const struct estimate_limits *limits)
{
    size_t fair = limits->max_in_flight / regions;
    size_t most = limits->max_in_flight_per_region ? limits->max_in_flight_per_region : fair;
    return bounded(targets, most ? most : 1);
}

static struct estimate_budget budget_of(struct flow *flows, size_t count,
                                        const struct estimate_limits *limits)
{
    struct estimate_budget b = { .first = flows->target, .targets = count };
    double level = level_of(flows, count, limits->max_polls_per_s);
    set_needs(flows, count);
    for (size_t i = 0; i < count; i++) {
        struct flow *f = &flows[i];
        f->polls_per_s = f->wanted_per_s < level ? f->wanted_per_s : level;
        b.wanted_per_s += f->wanted_per_s;
        b.polls_per_s += f->polls_per_s;
        struct estimate_pickup p = pickup_of(f);
        b.pickup = p.p95_ms > b.pickup.p95_ms ? p : b.pickup;
    }
    return b;
}

/* --- the whole --- */

static void add_to_row(struct estimate_row *row, const struct flow *f)
{
    struct estimate_pickup p = pickup_of(f);
    if (!row->first)
        row->first = f->target;
    row->regions++;
    if (p.p95_ms > row->pickup.p95_ms) {
        row->pickup = p;
        row->interval_ms = 1000.0 / f->polls_per_s;
        row->late = is_late(f, &p) ? f->target : NULL;
        row->needed_per_s = f->needed_per_s;
    }
}

/* The busiest first. */
static int compare_loads(const void *a, const void *b)
{
    const struct estimate_budget *x = a, *y = b;
    int r = order_real(y->polls_per_s, x->polls_per_s);
    r = r ? r : order_size(y->targets, x->targets);
    return r ? r : compare_budgets(x->first, y->first);
}

static int compare_regions(const void *a, const void *b)
{
    const struct flow *x = a, *y = b;
    return order_str(x->target->options.region, y->target->options.region);
}

static size_t count_regions(struct flow *flows, size_t count)
{
    size_t n = count > 0;
    qsort(flows, count, sizeof *flows, compare_regions);
    for (size_t i = 1; i < count; i++)
        n += compare_regions(&flows[i - 1], &flows[i]) != 0;
    return n;
}

static void sum(struct estimate *estimate, struct flow *flows, size_t count,
                const struct estimate_limits *limits)
{
    size_t end;
    estimate->targets = count;
    estimate->regions = count_regions(flows, count);
    qsort(flows, count, sizeof *flows, compare_flows);
    for (size_t i = 0; i < count; i = end) {
        for (end = i + 1; end < count; end++)
            if (compare_budgets(flows[i].target, flows[end].target))
                break;
        struct estimate_budget *b = &estimate->budgets[estimate->budget_count++];
        *b = budget_of(&flows[i], end - i, limits);
        estimate->polls_per_s += b->polls_per_s;
    }
    for (size_t i = 0; i < count; i++)
        add_to_row(&estimate->rows[flows[i].target->section], &flows[i]);
    for (size_t i = 0; i < estimate->budget_count; i++) {
        struct estimate_budget *b = &estimate->budgets[i];
        b->connections = connections_of(b->targets, estimate->budget_count, limits);
        estimate->connections_wanted += b->connections;
    }
    estimate->connections = bounded(estimate->connections_wanted, limits->max_connections);
    estimate->in_flight = bounded(estimate->connections, limits->max_in_flight);
    qsort(estimate->budgets, estimate->budget_count, sizeof *estimate->budgets, compare_loads);
}

int estimate_make(struct estimate *out, const struct plan *plan,
                  const struct estimate_limits *limits)
{
    *out = (struct estimate) { .row_count = plan->section_count };
    struct flow *flows = calloc(plan->count + 1, sizeof *flows);
    out->rows = calloc(plan->section_count + 1, sizeof *out->rows);
    out->budgets = calloc(plan->count + 1, sizeof *out->budgets);
    int r = flows && out->rows && out->budgets ? PIPEPOLL_OK : PIPEPOLL_ENOMEM;
    for (size_t i = 0; !r && i < plan->count; i++)
        flows[i] = (struct flow) { .target = &plan->targets[i],
                                   .wanted_per_s = wanted_per_s(&plan->targets[i]) };
    if (!r)
        sum(out, flows, plan->count, limits);
    free(flows);
    return r;
}

void estimate_deinit(struct estimate *estimate)
{
    free(estimate->rows);
    free(estimate->budgets);
    *estimate = (struct estimate) { 0 };
}

static void complain_of_load(const struct estimate *estimate, const struct estimate_limits *limits,
                             struct location at, struct diagnostics *diagnostics)
{
    size_t most = bounded(limits->max_in_flight, limits->max_connections);
    const char *key = most < limits->max_in_flight ? "max-connections" : "max-in-flight";
    double most_per_s = (double)most * 1000 / TYPICAL_ANSWER_MS;
    if (estimate->polls_per_s <= most_per_s)
        return;
    complain(diagnostics, PIPEPOLL_WARNING, at,
             "%s = %zu is too low for the %.4g polls a second that the targets ask for: with "
             "answers after %d ms it allows %.4g; it takes %s = %.0f",
             key, most, estimate->polls_per_s, TYPICAL_ANSWER_MS, most_per_s, key,
             ceil(estimate->polls_per_s * TYPICAL_ANSWER_MS / 1000));
}

/* Upwards, so that the advice holds when it is taken: in tenths of a second, in whole ones from ten
 * on. */
static double advised_goal_s(double p95_ms)
{
    return p95_ms < 10000 ? ceil(p95_ms / 100) / 10 : ceil(p95_ms / 1000);
}

static void complain_of_goals(const struct estimate *estimate, const struct estimate_limits *limits,
                              struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < estimate->row_count; i++) {
        const struct estimate_row *row = &estimate->rows[i];
        const struct plan_target *t = row->late;
        if (!t)
            continue;
        complain(diagnostics, PIPEPOLL_WARNING, t->at,
                 "[target %.*s]: its pickup goal of %.10g s will not hold in %.*s: "
                 "max-polls-per-second = %.4g leaves it a poll every %.3g s; it takes "
                 "max-polls-per-second = %.10g, or a goal of %.10g s",
                 STR_ARG(t->name), t->options.pickup_goal_ms / 1000.0, STR_ARG(t->options.region),
                 limits->max_polls_per_s, row->interval_ms / 1000,
                 ceil(row->needed_per_s * 1000) / 1000, advised_goal_s(row->pickup.p95_ms));
    }
}

void estimate_complain(const struct estimate *estimate, const struct estimate_limits *limits,
                       struct location max_in_flight, struct diagnostics *diagnostics)
{
    complain_of_goals(estimate, limits, diagnostics);
    complain_of_load(estimate, limits, max_in_flight, diagnostics);
}

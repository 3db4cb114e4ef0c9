/* SPDX-License-Identifier: MIT */
/* Text is for people: of many rows or budgets, those in a row that are alike are told by the first
 * and a count, so that a file of thousands of sections that are much the same still fits a screen.
 * JSON lists every one. Both print the same estimate; nothing is computed here but the bound of
 * memory, which is what all targets and connections take when all are in use. */
#include "cli/estimate_report.h"

#include <stdio.h>
#include <string.h>

#include "base/jsontext.h"
#include "base/plural.h"
#include "cli/fleet_estimate.h"
#include "cli/worker_report.h"
#include "config/limits.h"
#include "config/quantity.h"
#include "daemon/event.h"

/* More budgets or rows than these are not listed one by one where they are alike. */
enum { BUDGETS_LISTED = 8, ROWS_LISTED = 16, SECONDS_OF_DAY = 86400 };

int estimate_report_make(struct estimate_report *out, const struct config *config)
{
    const struct estimate_limits limits = config_limits(config);
    struct pipepoll_footprint each = PIPEPOLL_FOOTPRINT_INIT;
    pipepoll_footprint(&each);
    *out = (struct estimate_report) { .config = config, .footprint = each };
    int r = estimate_make(&out->estimate, &config->plan, &limits);
    if (!r)
        r = plan_routes_of(&out->plan_routes, config);
    if (r)
        return r;
    /* An idle connection keeps its TLS state, which is most of a slot. */
    out->memory_bytes = each.fixed_bytes + out->estimate.targets * each.target_bytes +
                        out->estimate.connections * each.slot_bytes;
    return PIPEPOLL_OK;
}

void estimate_report_deinit(struct estimate_report *r)
{
    estimate_deinit(&r->estimate);
}

static const char *identity_of(const struct plan_target *t, char *text, size_t size)
{
    struct buf b = { .at = text, .cap = size };
    identity_config_put(&b, &t->identity);
    return buf_cstr(&b);
}

/* --- text --- */

/* But for the name and the action type, which is what sections are for. */
static bool same_terms(const struct estimate_row *a, const struct estimate_row *b)
{
    const struct pipepoll_target_options *o = &a->first->options, *other = &b->first->options;
    char endpoint[PLAN_ROUTE_URL_MAX], second[PLAN_ROUTE_URL_MAX];
    return a->regions == b->regions && a->first->handler == b->first->handler &&
           o->interval_ms == other->interval_ms && o->pickup_goal_ms == other->pickup_goal_ms &&
           o->slowest_interval_ms == other->slowest_interval_ms &&
           o->max_batch_size == other->max_batch_size &&
           identity_config_compare(&a->first->identity, &b->first->identity) == 0 &&
           strcmp(plan_route_endpoint(a->first, endpoint, sizeof endpoint),
                  plan_route_endpoint(b->first, second, sizeof second)) == 0;
}

static bool same_pickup(const struct estimate_row *a, const struct estimate_row *b)
{
    return a->pickup.p50_ms == b->pickup.p50_ms && a->pickup.p95_ms == b->pickup.p95_ms &&
           a->interval_ms == b->interval_ms && same_terms(a, b);
}

/* How many rows of many, from this one on, are alike; of few, 1: each is listed. */
static size_t count_rows(const struct estimate *estimate, const struct estimate_row *first,
                         bool (*alike)(const struct estimate_row *, const struct estimate_row *))
{
    const struct estimate_row *end = estimate->rows + estimate->row_count;
    size_t n = 1;
    while (estimate->row_count > ROWS_LISTED && first + n < end && alike(first, first + n))
        n++;
    return n > 2 ? n : 1;
}

/* Nothing where no target has one. */
static void print_handler_of(const struct estimate_report *r, const char *name)
{
    if (r->config->worker.in_use)
        printf("%-16s ", name);
}

static void print_row(const struct estimate_report *r, const struct estimate_row *row)
{
    const struct plan_target *t = row->first;
    const struct pipepoll_target_options *o = &t->options;
    const struct pipepoll_action_type *a = &o->action_type;
    char type[128], pace[24], endpoint[PLAN_ROUTE_URL_MAX], identity[IDENTITY_CONFIG_NAME_MAX + 1];
    struct buf b = BUF_ON(pace);
    snprintf(type, sizeof type, "%.*s/%.*s/%.*s/%.*s", STR_ARG(a->category), STR_ARG(a->owner),
             STR_ARG(a->provider), STR_ARG(a->version));
    buf_put(&b, o->pickup_goal_ms ? STR("goal ") : STR(""));
    quantity_put_duration(&b, o->pickup_goal_ms ? o->pickup_goal_ms : o->interval_ms);
    printf("%-16.*s %7zu  %-28s %9s %6u  ", STR_ARG(t->name), row->regions, type, buf_cstr(&b),
           o->max_batch_size);
    print_handler_of(r, worker_report_handler(r->config, t));
    printf("%-24s %s%s\n", identity_of(t, identity, sizeof identity),
           plan_route_endpoint(t, endpoint, sizeof endpoint),
           row->regions > 1 && !o->endpoint_url.len ? ", ..." : "");
}

static bool has_goals(const struct estimate *estimate)
{
    for (size_t i = 0; i < estimate->row_count; i++)
        if (estimate->rows[i].first->options.pickup_goal_ms)
            return true;
    return false;
}

static void print_descriptor_limit(void)
{
    uint64_t most = limits_descriptors();
    if (most == UINT64_MAX)
        putchar('\n');
    else
        printf(", and this process may have %llu\n", (unsigned long long)most);
}

static void print_totals(const struct estimate_report *r)
{
    const struct estimate *estimate = &r->estimate;
    const struct config *c = r->config;
    printf("\n%-16s %zu in %zu region%s\n", "targets", estimate->targets, estimate->regions,
           plural(estimate->regions));
    printf("%-16s %.4g while little is found, more %s\n", "polls/s", estimate->polls_per_s,
           has_goals(estimate) ? "while jobs come" : "after full answers");
    if (c->max_polls_per_s > 0)
        printf("%-16s %.4g polls/s for each account and region\n", "ceiling", c->max_polls_per_s);
    printf("%-16s %.0f at that rate\n", "calls a day", estimate->polls_per_s * SECONDS_OF_DAY);
    printf("%-16s %zu at most, ", "in flight", estimate->in_flight);
    if (c->max_in_flight_per_region)
        printf("%u a region\n", c->max_in_flight_per_region);
    else
        printf("a fair share a region\n");
    printf("%-16s %zu at most, idle ones included", "connections", estimate->connections);
    if (estimate->connections < estimate->connections_wanted)
        printf(", of %zu that the targets could keep", estimate->connections_wanted);
    printf("\n%-16s %llu at most", "descriptors",
           (unsigned long long)limits_descriptors_needed(estimate->connections, 1));
    print_descriptor_limit();
    printf("%-16s %.1f MB at most (%zu B a target, %zu kB a poll in flight, %.1f MB fixed)\n",
           "memory", (double)r->memory_bytes / 1e6, r->footprint.target_bytes,
           r->footprint.slot_bytes / 1000, (double)r->footprint.fixed_bytes / 1e6);
}

static void print_http(const struct http_config *h)
{
    if (h->listen)
        printf("%-16s %s%s\n", "http", h->listen, h->token_file ? ", to who sends the token" : "");
}

static void print_routes(const struct plan_routes *r)
{
    for (size_t i = 0; i < r->setting_count; i++) {
        const struct plan_route_setting *s = &r->settings[i];
        printf("%-16s %.*s (%.*s)\n", s->name, STR_ARG(s->value), STR_ARG(s->from));
    }
    for (size_t i = 0; i < r->proxy_count; i++) {
        const struct plan_route_proxy *p = &r->proxies[i];
        if (r->has_proxy)
            printf("%-16s %s for %s%s\n", "proxy", p->proxy[0] ? p->proxy : "none", p->example,
                   p->endpoints > 1 ? ", ..." : "");
    }
}

static bool same_load(const struct estimate_budget *a, const struct estimate_budget *b)
{
    return a->targets == b->targets && a->polls_per_s == b->polls_per_s &&
           a->pickup.p95_ms == b->pickup.p95_ms && a->connections == b->connections &&
           identity_config_compare(&a->first->identity, &b->first->identity) == 0;
}

/* How many budgets, from this one on, are alike but for the region. */
static size_t count_alike(const struct estimate_budget *first, const struct estimate_budget *end)
{
    size_t n = 1;
    while (first + n < end && same_load(first, first + n))
        n++;
    return n;
}

static void print_load(const struct estimate_budget *b)
{
    char identity[IDENTITY_CONFIG_NAME_MAX + 1];
    printf(" %7zu %9.4g %8.3gs %8.3gs %12.0f %8zu  %s\n", b->targets, b->polls_per_s,
           b->pickup.p50_ms / 1000, b->pickup.p95_ms / 1000, b->polls_per_s * SECONDS_OF_DAY,
           b->connections, identity_of(b->first, identity, sizeof identity));
}

static void print_budgets(const struct estimate *estimate)
{
    const struct estimate_budget *at = estimate->budgets, *end = at + estimate->budget_count;
    printf("\n%-20s %7s %9s %9s %9s %12s %8s  %s\n", "REGION", "TARGETS", "POLLS/S", "P50", "P95",
           "CALLS/DAY", "SOCKETS", "CREDENTIALS (P50, P95: of the slowest target)");
    while (at < end) {
        size_t more = count_alike(at, end) - 1;
        printf("%-20.*s", STR_ARG(at->first->options.region));
        print_load(at++);
        if (estimate->budget_count > BUDGETS_LISTED && more > 1) {
            char text[32];
            snprintf(text, sizeof text, "%zu more, each", more);
            printf("%-20s", text);
            print_load(at);
            at += more;
        }
    }
}

static void print_pickup(const struct estimate_row *row)
{
    const struct estimate_pickup *p = &row->pickup;
    const struct pipepoll_target_options *o = &row->first->options;
    printf("%-16.*s half of the jobs within %.3g s, 95 %% within %.3g s, and one round trip",
           STR_ARG(row->first->name), p->p50_ms / 1000, p->p95_ms / 1000);
    if (!o->pickup_goal_ms && row->interval_ms > o->interval_ms * 1.001)
        printf("\n%-16s (the ceiling makes it a poll every %.3g s)", "", row->interval_ms / 1000);
    putchar('\n');
}

void estimate_report_text(const struct estimate_report *r)
{
    const struct estimate *estimate = &r->estimate;
    printf("%-16s %7s  %-28s %9s %6s  ", "TARGET", "REGIONS", "ACTION TYPE", "INTERVAL", "BATCH");
    print_handler_of(r, "HANDLER");
    printf("%-24s %s\n", "CREDENTIALS", "ENDPOINT");
    for (size_t i = 0, n; i < estimate->row_count; i += n) {
        n = count_rows(estimate, &estimate->rows[i], same_terms);
        print_row(r, &estimate->rows[i]);
        if (n > 1)
            printf("%zu more up to %.*s, each with an action type of its own and all else alike\n",
                   n - 1, STR_ARG(estimate->rows[i + n - 1].first->name));
    }
    print_totals(r);
    print_http(&r->config->http);
    fleet_estimate_text(r->config, estimate);
    print_routes(&r->plan_routes);
    worker_report_text(r->config);
    print_budgets(estimate);
    printf("\nA job is found after\n");
    for (size_t i = 0, n; i < estimate->row_count; i += n) {
        n = count_rows(estimate, &estimate->rows[i], same_pickup);
        print_pickup(&estimate->rows[i]);
        if (n > 1)
            printf("%-16s the same, up to %.*s\n", "",
                   STR_ARG(estimate->rows[i + n - 1].first->name));
    }
}

/* --- JSON --- */

static uint64_t whole(double n)
{
    return n > 0 ? (uint64_t)(n + 0.5) : 0;
}

static void put_pickup(struct buf *out, const struct estimate_pickup *p)
{
    jsontext_count(out, "pickupMsP50", whole(p->p50_ms));
    jsontext_count(out, "pickupMsP95", whole(p->p95_ms));
}

static void put_row(struct buf *out, const struct estimate_row *row)
{
    const struct plan_target *t = row->first;
    const struct pipepoll_target_options *o = &t->options;
    char endpoint[PLAN_ROUTE_URL_MAX], identity[IDENTITY_CONFIG_NAME_MAX + 1];
    jsontext_element(out, '{');
    jsontext_member(out, "name", t->name);
    jsontext_count(out, "regions", row->regions);
    event_put_action_type(out, &o->action_type);
    if (t->handler)
        jsontext_member(out, "handler", str_of(t->handler->name));
    else
        jsontext_null(out, "handler");
    jsontext_member(out, "credentials", str_of(identity_of(t, identity, sizeof identity)));
    if (o->pickup_goal_ms) {
        jsontext_count(out, "pickupGoalMs", o->pickup_goal_ms);
        jsontext_flag(out, "goalHolds", !row->late);
    } else {
        jsontext_count(out, "intervalMs", o->interval_ms);
    }
    jsontext_count(out, "pollEveryMs", whole(row->interval_ms));
    jsontext_count(out, "maxBatchSize", o->max_batch_size);
    jsontext_member(out, "endpoint", str_of(plan_route_endpoint(t, endpoint, sizeof endpoint)));
    put_pickup(out, &row->pickup);
    buf_put_char(out, '}');
}

static void put_budget(struct buf *out, const struct estimate_budget *b)
{
    char identity[IDENTITY_CONFIG_NAME_MAX + 1];
    jsontext_element(out, '{');
    jsontext_member(out, "credentials", str_of(identity_of(b->first, identity, sizeof identity)));
    jsontext_member(out, "region", b->first->options.region);
    jsontext_count(out, "targets", b->targets);
    jsontext_number(out, "pollsPerSecond", b->polls_per_s);
    put_pickup(out, &b->pickup);
    jsontext_count(out, "callsPerDay", whole(b->polls_per_s * SECONDS_OF_DAY));
    jsontext_count(out, "sockets", b->connections);
    buf_put_char(out, '}');
}

static void put_routes(struct buf *out, const struct plan_routes *r)
{
    jsontext_open(out, "settings", '[');
    for (size_t i = 0; i < r->setting_count; i++) {
        jsontext_element(out, '{');
        jsontext_member(out, "setting", str_of(r->settings[i].name));
        jsontext_member(out, "value", r->settings[i].value);
        jsontext_member(out, "from", r->settings[i].from);
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
    jsontext_open(out, "proxies", '[');
    for (size_t i = 0; i < r->proxy_count; i++) {
        jsontext_element(out, '{');
        jsontext_member(out, "proxy", str_of(r->proxies[i].proxy));
        jsontext_member(out, "endpoint", str_of(r->proxies[i].example));
        jsontext_count(out, "endpoints", r->proxies[i].endpoints);
        buf_put_char(out, '}');
    }
    buf_put_char(out, ']');
}

static void put_sum(struct buf *out, const struct estimate_report *r)
{
    const struct estimate *e = &r->estimate;
    jsontext_count(out, "targetCount", e->targets);
    jsontext_number(out, "pollsPerSecond", e->polls_per_s);
    jsontext_count(out, "callsPerDay", whole(e->polls_per_s * SECONDS_OF_DAY));
    jsontext_count(out, "maxInFlight", e->in_flight);
    jsontext_count(out, "maxSockets", e->connections);
    jsontext_count(out, "maxDescriptors", limits_descriptors_needed(e->connections, 1));
    jsontext_count(out, "maxMemoryBytes", r->memory_bytes);
}

void estimate_report_json(struct buf *out, const struct estimate_report *r)
{
    const struct estimate *e = &r->estimate;
    buf_put_char(out, '{');
    jsontext_open(out, "targets", '[');
    for (size_t i = 0; i < e->row_count; i++)
        put_row(out, &e->rows[i]);
    buf_put_char(out, ']');
    jsontext_open(out, "budgets", '[');
    for (size_t i = 0; i < e->budget_count; i++)
        put_budget(out, &e->budgets[i]);
    buf_put_char(out, ']');
    worker_report_json(out, r->config);
    fleet_estimate_json(out, r->config, e);
    put_routes(out, &r->plan_routes);
    put_sum(out, r);
    buf_put_char(out, '}');
}

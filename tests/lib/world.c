#include "lib/world.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static const uint64_t ns_per_ms = 1000000;

/* --- chance --- */

/* 0 <= x < 1 */
static double dice(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

/* Between two events of a Poisson process. */
static uint64_t gap_ns(struct rng *rng, double mean_s)
{
    return (uint64_t)(-log(1 - dice(rng)) * mean_s * 1e9);
}

static uint64_t latency_ns(struct region *r)
{
    double ms = r->plan.latency_ms * (0.75 + 0.5 * dice(&r->rng));
    return (uint64_t)((dice(&r->rng) < 0.05 ? 3 * ms : ms) * 1e6);
}

static void note(struct region *r, uint64_t what)
{
    r->hash = (r->hash ^ what) * 1099511628211u; /* FNV-1a, a word at a time */
}

static void happen_at(struct world *w, struct happening *h, uint64_t at_ns)
{
    if (at_ns == TARGET_NEVER)
        heap_remove(&w->happenings, &h->node);
    else
        heap_put(&w->happenings, &h->node, at_ns > w->now_ns ? at_ns : w->now_ns);
}

static void happening_init(struct world *w, struct happening *h,
                           void (*happen)(struct world *, struct happening *))
{
    *h = (struct happening) { .happen = happen };
    int r = heap_reserve(&w->happenings);
    assert(!r);
    (void)r;
}

/* --- jobs --- */

static void site_on_arrival(struct world *w, struct happening *h)
{
    struct site *site = CONTAINER_OF(h, struct site, arrival);
    assert(site->queued < WORLD_MAX_QUEUED);
    site->queued_ns[(site->first + site->queued++) % WORLD_MAX_QUEUED] = w->now_ns;
    site->arrived++;
    bool in_burst = --site->burst_left > 0;
    if (!in_burst)
        site->burst_left = site->plan.burst_jobs;
    double mean_s = in_burst ? site->plan.job_every_s : site->plan.burst_every_s;
    happen_at(w, h, w->now_ns + gap_ns(&site->region->rng, mean_s));
}

static void keep_pickup(struct world *w, uint64_t waited_ns)
{
    if (w->pickups == w->pickups_cap) {
        w->pickups_cap = w->pickups_cap ? 2 * w->pickups_cap : 1024;
        w->pickup_s = realloc(w->pickup_s, w->pickups_cap * sizeof *w->pickup_s);
        assert(w->pickup_s);
    }
    w->pickup_s[w->pickups++] = (float)((double)waited_ns / 1e9);
}

/* The jobs that were there when the request came to the service, half-way. */
static uint32_t hand_out(struct world *w, struct site *site)
{
    uint64_t asked_ns = site->started_ns + (w->now_ns - site->started_ns) / 2;
    uint32_t n = 0;
    while (n < WORLD_BATCH && site->queued && site->queued_ns[site->first] <= asked_ns) {
        keep_pickup(w, w->now_ns - site->queued_ns[site->first]);
        site->first = (site->first + 1) % WORLD_MAX_QUEUED;
        site->queued--;
        n++;
    }
    site->picked_up += n;
    return n;
}

/* --- the service and the network --- */

static bool service_throttles(struct region *r, uint64_t now_ns)
{
    double passed_s = (double)(now_ns - r->tokens_ns) / 1e9;
    if (r->plan.limit_per_s <= 0)
        return false;
    r->tokens = fmin(r->plan.burst, r->tokens + passed_s * r->plan.limit_per_s);
    r->tokens_ns = now_ns;
    if (r->tokens < 1)
        return true;
    r->tokens--;
    return false;
}

/* How a poll that starts now will end, and after how long. */
static enum fault fate(struct region *r, uint64_t now_ns, uint64_t *after_ns)
{
    *after_ns = latency_ns(r);
    switch (r->trouble) {
    case REFUSES:
        *after_ns /= 2;
        return FAULT_UNREACHABLE;
    case RESETS:
        *after_ns = (uint64_t)((double)*after_ns * dice(&r->rng));
        return FAULT_UNREACHABLE;
    case HANGS:
        *after_ns = WORLD_TIMEOUT_MS * ns_per_ms;
        return FAULT_TIMED_OUT;
    case FAILS:
        return FAULT_SERVICE;
    case THROTTLES:
        return FAULT_THROTTLED;
    case CALM:
    case TROUBLE_COUNT:
        break;
    }
    if (service_throttles(r, now_ns))
        return FAULT_THROTTLED;
    return dice(&r->rng) < r->plan.error_share ? FAULT_SERVICE : FAULT_NONE;
}

/* Whatever is in flight in the region breaks. */
static void break_all(struct world *w, const struct region *r)
{
    for (uint32_t i = 0; i < w->site_count; i++) {
        struct site *site = &w->sites[i];
        if (site->region != r || !heap_contains(&site->end.node))
            continue;
        site->verdict.fault = FAULT_UNREACHABLE;
        happen_at(w, &site->end, w->now_ns + ns_per_ms);
    }
}

static void region_on_change(struct world *w, struct happening *h)
{
    struct region *r = CONTAINER_OF(h, struct region, change);
    watch_trouble(w, r);
    if (r->trouble == CALM)
        r->trouble = REFUSES + (enum trouble)(rng_next(&r->rng) % (TROUBLE_COUNT - REFUSES));
    else
        r->trouble = CALM;
    if (r->trouble == RESETS)
        break_all(w, r);
    double mean_s = r->trouble == CALM ? 90 : 20;
    happen_at(w, h, w->now_ns + gap_ns(&r->rng, mean_s));
}

/* --- the client, as src/poller.c --- */

static void poll_begin(struct world *w, struct site *site)
{
    struct region *r = site->region;
    uint64_t after_ns;
    watch_start(w, site);
    w->polls++;
    site->started_ns = w->now_ns;
    enum fault fault = fate(r, w->now_ns, &after_ns);
    site->verdict = (struct poll_end) {
        .started_ns = w->now_ns,
        .fault = fault,
        .hint_ms = fault ? r->plan.hint_ms : 0,
        .roll = rng_next(&r->rng),
    };
    note(r, w->now_ns);
    note(r, (uint64_t)(site - w->sites));
    happen_at(w, &site->end, w->now_ns + after_ns);
}

static void world_on_tick(struct world *w, struct happening *tick)
{
    schedule_advance(&w->schedule, w->now_ns);
    for (struct target *t; (t = schedule_take(&w->schedule, w->now_ns)) != NULL;)
        poll_begin(w, CONTAINER_OF(t, struct site, target));
    happen_at(w, tick, schedule_next_due(&w->schedule));
}

static void site_on_end(struct world *w, struct happening *h)
{
    struct site *site = CONTAINER_OF(h, struct site, end);
    struct poll_end *end = &site->verdict;
    end->now_ns = w->now_ns;
    if (!end->fault)
        end->jobs = hand_out(w, site);
    end->full = end->jobs == WORLD_BATCH;
    watch_flow(site->region, w->now_ns);
    uint64_t due_ns = target_on_end(&site->target, site->target.share->budget, end);
    note(site->region, w->now_ns);
    note(site->region, (uint64_t)end->fault << 32 | end->jobs);
    watch_end(w, site);
    schedule_give(&w->schedule, &site->target, due_ns);
    world_on_tick(w, &w->tick);
}

/* --- the world --- */

void world_init(struct world *w, uint32_t regions, uint32_t sites, uint32_t max_in_flight)
{
    *w = (struct world) { 0 };
    w->regions = calloc(regions, sizeof *w->regions);
    w->sites = calloc(sites, sizeof *w->sites);
    assert(w->regions && w->sites);
    heap_init(&w->happenings, (struct alloc) { 0 });
    schedule_init(&w->schedule, (struct alloc) { 0 }, max_in_flight, 0);
    happening_init(w, &w->tick, world_on_tick);
}

void world_deinit(struct world *w)
{
    for (uint32_t i = 0; i < w->region_count; i++)
        schedule_share_remove(&w->schedule, &w->regions[i].share);
    schedule_deinit(&w->schedule);
    heap_deinit(&w->happenings);
    free(w->pickup_s);
    free(w->sites);
    free(w->regions);
}

struct region *world_add_region(struct world *w, const struct region_plan *plan, uint64_t seed)
{
    struct region *r = &w->regions[w->region_count++];
    r->plan = *plan;
    r->rng.state = seed;
    r->tokens = plan->burst;
    budget_init(&r->budget, plan->ceiling_per_s, w->now_ns);
    int failed = schedule_share_add(&w->schedule, &r->share, &r->budget);
    assert(!failed);
    (void)failed;
    happening_init(w, &r->change, region_on_change);
    if (plan->has_trouble)
        happen_at(w, &r->change, gap_ns(&r->rng, 60));
    watch_region(r);
    return r;
}

struct site *world_add_site(struct world *w, struct region *r, const struct site_plan *plan)
{
    struct site *site = &w->sites[w->site_count++];
    site->plan = *plan;
    site->region = r;
    site->burst_left = plan->burst_jobs;
    happening_init(w, &site->end, site_on_end);
    happening_init(w, &site->arrival, site_on_arrival);
    if (plan->burst_every_s > 0)
        happen_at(w, &site->arrival, gap_ns(&r->rng, plan->burst_every_s));
    if (plan->interval_ms)
        target_init(&site->target, &r->share, plan->interval_ms);
    else
        target_init_goal(&site->target, &r->share, plan->goal_ms, plan->slowest_ms);
    uint64_t due_ns = target_first_due(&site->target, w->now_ns, rng_next(&r->rng));
    int failed = schedule_add(&w->schedule, &site->target, due_ns);
    assert(!failed);
    (void)failed;
    watch_site(site, w->now_ns);
    happen_at(w, &w->tick, schedule_next_due(&w->schedule));
    return site;
}

static void world_run_until(struct world *w, uint64_t until_ns)
{
    while (heap_min_key(&w->happenings) <= until_ns && !w->watch.broken[0]) {
        w->now_ns = heap_min_key(&w->happenings);
        struct heap_node *node = heap_pop(&w->happenings);
        struct happening *h = CONTAINER_OF(node, struct happening, node);
        h->happen(w, h);
    }
}

void world_run(struct world *w, double seconds)
{
    world_run_until(w, (uint64_t)(seconds * 1e9));
}

void world_drain(struct world *w)
{
    watch_before_drain(w);
    for (uint32_t i = 0; i < w->site_count; i++) {
        happen_at(w, &w->sites[i].arrival, TARGET_NEVER);
        schedule_remove(&w->schedule, &w->sites[i].target);
    }
    for (uint32_t i = 0; i < w->region_count; i++)
        happen_at(w, &w->regions[i].change, TARGET_NEVER);
    w->drained = true;
    world_run_until(w, UINT64_MAX - 1);
    watch_after_drain(w);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

double world_pickup_s(struct world *w, double share)
{
    assert(w->pickups);
    qsort(w->pickup_s, w->pickups, sizeof *w->pickup_s, compare);
    return (double)w->pickup_s[(size_t)((double)(w->pickups - 1) * share)];
}

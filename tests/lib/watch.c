#include "lib/watch.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/world.h"

static const double rounding = 1e-6;
static const double longest_backoff_s = 20;
static const double least_per_s = 0.5; /* the adaptive rate never allows less */

__attribute__((format(printf, 2, 3))) static void broke(struct world *w, const char *format, ...)
{
    va_list args;
    if (w->watch.broken[0])
        return;
    va_start(args, format);
    vsnprintf(w->watch.broken, sizeof w->watch.broken, format, args);
    va_end(args);
    w->watch.broken_ns = w->now_ns;
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* --- rates --- */

/* Let polls be numbered. For each window from poll i to poll j:
 *   j - i + 1 <= capacity_i + flowed_j - flowed_i
 * which is j - flowed_j <= (i - 1 + capacity_i - flowed_i), for the least of all i up to j. */
static bool window_holds(struct window *v, double capacity)
{
    v->bound = fmin(v->bound, v->polls + capacity - v->flowed);
    v->polls++;
    return v->polls - v->flowed <= v->bound + rounding;
}

static void window_init(struct window *v)
{
    *v = (struct window) { .bound = INFINITY };
}

void watch_flow(struct region *r, uint64_t now_ns)
{
    struct region_watch *seen = &r->watch;
    const struct adaptive_rate *a = &r->budget.adaptive;
    double passed_s = seconds(now_ns - seen->flowed_ns);
    if (a->enabled && !seen->was_enabled)
        window_init(&seen->adaptive);
    seen->was_enabled = a->enabled;
    seen->adaptive.flowed += passed_s * a->bucket.per_s;
    seen->ceiling.flowed += passed_s * r->plan.ceiling_per_s;
    seen->flowed_ns = now_ns;
}

static void watch_rates(struct world *w, struct region *r)
{
    watch_flow(r, w->now_ns);
    if (r->plan.ceiling_per_s > 0 &&
        !window_holds(&r->watch.ceiling, fmax(1, r->plan.ceiling_per_s)))
        broke(w, "no window holds more polls than the ceiling of %g/s", r->plan.ceiling_per_s);
    double capacity = r->budget.adaptive.bucket.capacity;
    if (r->budget.adaptive.enabled && !window_holds(&r->watch.adaptive, capacity))
        broke(w, "no window holds more polls than the adaptive rate, now %g/s",
              budget_rate(&r->budget));
}

/* --- nobody starves, and polling resumes --- */

/* How long the targets of a region may wait for tokens when all are due. */
static double queue_s(const struct region *r)
{
    double per_s = r->plan.ceiling_per_s;
    if (r->budget.adaptive.enabled)
        per_s = per_s > 0 ? fmin(per_s, least_per_s) : least_per_s;
    return per_s > 0 ? r->watch.sites / per_s : 0;
}

/* From the end of a trouble to the next poll, or to the first answer: the longest back-off, what
 * still hangs, and the queue. Intervals are shorter than the back-off. */
static double resume_s(const struct region *r, double trips)
{
    double hang_s = r->watch.did_hang ? WORLD_TIMEOUT_MS / 1e3 : 0;
    double trip_s = 3.75 * r->plan.latency_ms / 1e3;
    return longest_backoff_s + hang_s + queue_s(r) + trips * trip_s;
}

static double planned_s(const struct site *site)
{
    const struct pace *pace = &site->target.pace;
    return 1.1 / 1e3 * (site->plan.interval_ms ? site->plan.interval_ms : pace->slowest_ms);
}

static void watch_wait(struct world *w, const struct site *site)
{
    const struct region *r = site->region;
    double waited_s = seconds(w->now_ns - later_of(site->watch.last_ns, r->watch.calm_ns));
    if (r->trouble == CALM && waited_s > planned_s(site) + resume_s(r, 1))
        broke(w, "no target starves: target %d was not polled for %.1f s", (int)(site - w->sites),
              waited_s);
}

void watch_start(struct world *w, struct site *site)
{
    struct region *r = site->region;
    if (w->drained)
        broke(w, "nothing starts after the drain: target %d", (int)(site - w->sites));
    watch_rates(w, r);
    watch_wait(w, site);
    double passed_s = seconds(w->now_ns - site->watch.over_ns);
    if (site->watch.over_ns && passed_s > resume_s(r, 1))
        broke(w, "a target is polled again soon after a trouble: target %d after %.1f s",
              (int)(site - w->sites), passed_s);
    site->watch.over_ns = 0;
    site->watch.last_ns = w->now_ns;
    site->watch.polls++;
}

void watch_end(struct world *w, struct site *site)
{
    struct region *r = site->region;
    if (r->budget.quota > BUDGET_QUOTA)
        broke(w, "the quota is between 0 and %d: %u", BUDGET_QUOTA, r->budget.quota);
    if (site->verdict.fault == FAULT_THROTTLED)
        r->watch.calm_ns = w->now_ns;
    if (site->verdict.fault || !r->watch.over_ns)
        return;
    double passed_s = seconds(w->now_ns - r->watch.over_ns);
    if (passed_s > resume_s(r, 2))
        broke(w, "a region answers again soon after a trouble: it took %.1f s", passed_s);
    r->watch.over_ns = 0;
}

void watch_trouble(struct world *w, struct region *r)
{
    uint64_t over_ns = r->trouble == CALM ? 0 : w->now_ns; /* else it begins: none to judge */
    r->watch.calm_ns = w->now_ns;
    r->watch.over_ns = over_ns;
    r->watch.did_hang = r->trouble == HANGS;
    for (uint32_t i = 0; i < w->site_count; i++)
        if (w->sites[i].region == r)
            w->sites[i].watch.over_ns = over_ns;
}

/* --- the beginning and the end --- */

void watch_region(struct region *r)
{
    window_init(&r->watch.ceiling);
    window_init(&r->watch.adaptive);
}

void watch_site(struct site *site, uint64_t now_ns)
{
    site->watch.last_ns = now_ns;
    site->region->watch.sites++;
}

void watch_before_drain(struct world *w)
{
    for (uint32_t i = 0; i < w->site_count; i++)
        watch_wait(w, &w->sites[i]);
    for (uint32_t i = 0; i < w->region_count; i++) {
        const struct region *r = &w->regions[i];
        double passed_s = seconds(w->now_ns - r->watch.over_ns);
        if (r->watch.over_ns && passed_s > resume_s(r, 2))
            broke(w, "a region answers again soon after a trouble: not for %.1f s", passed_s);
    }
}

void watch_after_drain(struct world *w)
{
    const struct schedule *s = &w->schedule;
    if (s->in_flight || s->ready || schedule_next_due(s) != TARGET_NEVER)
        broke(w, "after the drain nothing is left: %u in flight, %u ready", s->in_flight, s->ready);
    for (uint32_t i = 0; i < w->site_count; i++) {
        const struct site *site = &w->sites[i];
        if (site->arrived != site->picked_up + site->queued)
            broke(w, "no job is lost: target %u", i);
    }
}

/* SPDX-License-Identifier: MIT */
/* See tests/lib/watch.h. Bounds are those that the headers state, or follow from what they do. */
#include "lib/watch.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "client/poller.h"
#include "lib/simulation.h"

static const double rounding = 1e-6;
static const double longest_backoff_s = 20;
static const double least_per_s = 0.5; /* the adaptive rate never allows less */
/* A target whose credentials are not accepted looks again after a minute, give or take a tenth, and
 * others are fetched after a minute at most. */
static const double keys_s = 66 + 10;
static const double refused_within_s = 50;

void watch_broke(struct simulation *sim, const char *format, ...)
{
    va_list args;
    if (sim->watch.broken[0])
        return;
    va_start(args, format);
    vsnprintf(sim->watch.broken, sizeof sim->watch.broken, format, args);
    va_end(args);
    sim->watch.broken_ns = timers_now_ns();
    virtual_stop();
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static int number_of(const struct simulation *sim, const struct site *s)
{
    return (int)(s - sim->sites);
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

/* The limiter is another one once the account is known, and when all targets were gone. */
static void watch_flow(struct simulation *sim, struct region *r, const struct budget *b)
{
    struct region_watch *seen = &r->watch;
    const struct adaptive_rate *a = &b->adaptive;
    double passed_s = seconds(timers_now_ns() - seen->flowed_ns);
    if (b != seen->budget)
        watch_region(r);
    if (a->enabled && !seen->was_enabled)
        window_init(&seen->adaptive);
    seen->budget = b;
    seen->was_enabled = a->enabled;
    seen->adaptive.flowed += passed_s * a->bucket.per_s;
    seen->ceiling.flowed += passed_s * sim->plan.ceiling_per_s;
    seen->flowed_ns = timers_now_ns();
}

static const struct budget *budget_of(const struct site *s)
{
    return &s->target->client->limiter->budget;
}

static void watch_rates(struct simulation *sim, struct site *s)
{
    struct region *r = s->region;
    const struct budget *b = budget_of(s);
    double ceiling_per_s = sim->plan.ceiling_per_s;
    watch_flow(sim, r, b);
    if (ceiling_per_s > 0 && !window_holds(&r->watch.ceiling, fmax(1, ceiling_per_s)))
        watch_broke(sim, "no window holds more polls than the ceiling of %g/s", ceiling_per_s);
    if (b->adaptive.enabled && !window_holds(&r->watch.adaptive, b->adaptive.bucket.capacity))
        watch_broke(sim, "no window holds more polls than the adaptive rate, now %g/s",
                    budget_rate(b));
}

/* --- nobody starves, and polling resumes --- */

/* How long the targets of a region may wait for tokens when all are due. */
static double queue_s(const struct region *r)
{
    double per_s = r->simulation->plan.ceiling_per_s;
    if (r->watch.was_enabled)
        per_s = per_s > 0 ? fmin(per_s, least_per_s) : least_per_s;
    return per_s > 0 ? r->watch.sites / per_s : 0;
}

/* One poll may hold all the credit there is, and hang, whichever region's; then the next one. */
static double credit_s(const struct simulation *sim)
{
    return sim->plan.credit ? sim->site_count * REGION_TIMEOUT_MS / 1e3 : 0;
}

/* From the end of a trouble to the next poll, or to the first answer: the longest back-off, what
 * still hangs, and the queues. Intervals are shorter than the back-off. */
static double resume_s(const struct region *r, double trips)
{
    double hang_s = r->watch.did_hang ? REGION_TIMEOUT_MS / 1e3 : 0;
    double trip_s = 3.75 * r->plan.latency_ms / 1e3;
    return longest_backoff_s + hang_s + (r->watch.were_keys ? keys_s : 0) + queue_s(r) +
           credit_s(r->simulation) + trips * trip_s;
}

static double planned_s(const struct site *s)
{
    uint32_t slowest_ms = s->plan.slowest_ms ? s->plan.slowest_ms : 12 * s->plan.goal_ms;
    return 1.1 / 1e3 * (s->plan.interval_ms ? s->plan.interval_ms : slowest_ms);
}

static void watch_wait(struct simulation *sim, const struct site *s)
{
    const struct region *r = s->region;
    double waited_s = seconds(timers_now_ns() - later_of(s->watch.last_ns, r->watch.calm_ns));
    if (r->trouble == CALM && waited_s > planned_s(s) + resume_s(r, 1))
        watch_broke(sim, "no target starves: target %d was not polled for %.1f s",
                    number_of(sim, s), waited_s);
}

/* --- credentials --- */

void watch_refused(struct site *s, uint32_t set)
{
    if (!s->watch.knows_refused || s->watch.refused_set != set)
        s->watch.refused_polls = 0;
    s->watch.was_refused = true;
    s->watch.refused_set = set;
}

/* Others are fetched at once, and perhaps not to be had: then it looks again with the ones it has,
 * once it sees that, and once a minute. */
static void watch_refused_again(struct simulation *sim, struct site *s)
{
    struct site_watch *seen = &s->watch;
    uint64_t *third_ns = &seen->refused_ns[seen->refused_polls++ % WATCH_REFUSED];
    uint64_t passed_ns = timers_now_ns() - *third_ns;
    sim->watch.refused_polls++;
    if (seen->refused_polls > WATCH_REFUSED && seconds(passed_ns) < refused_within_s)
        watch_broke(sim, "refused credentials are tried again each minute: target %d, %d in %.1f s",
                    number_of(sim, s), WATCH_REFUSED + 1, seconds(passed_ns));
    *third_ns = timers_now_ns();
}

/* Expiry is told in seconds, and dated when the answer came. */
static void watch_set(struct simulation *sim, struct site *s, uint32_t set)
{
    const struct region *r = s->region;
    enum { LATE_MS = 1500 };
    if (set == UINT32_MAX)
        watch_broke(sim, "every poll is signed: target %d", number_of(sim, s));
    else if (r->plan.keys == KEYS_ROLE &&
             timers_wall_ms() > r->expires_ms[set % REGION_SETS] + LATE_MS)
        watch_broke(sim, "no poll is signed with what has expired: target %d", number_of(sim, s));
    if (s->watch.knows_refused && s->watch.refused_set == set)
        watch_refused_again(sim, s);
}

/* --- one poll --- */

static void watch_may_start(struct simulation *sim, struct site *s)
{
    if (sim->closing_ns)
        watch_broke(sim, "no poll starts after the close: target %d", number_of(sim, s));
    if (!s->target || s->is_leaving)
        watch_broke(sim, "no poll starts after the target was removed: target %d",
                    number_of(sim, s));
    if (s->in_flight)
        watch_broke(sim, "one poll at a time: target %d", number_of(sim, s));
}

void watch_start(struct simulation *sim, struct site *s, uint32_t set)
{
    struct region *r = s->region;
    watch_may_start(sim, s);
    if (sim->watch.broken[0])
        return;
    watch_set(sim, s, set);
    watch_rates(sim, s);
    watch_wait(sim, s);
    double passed_s = seconds(timers_now_ns() - s->watch.over_ns);
    if (s->watch.over_ns && passed_s > resume_s(r, 1))
        watch_broke(sim, "a target is polled again soon after a trouble: target %d after %.1f s",
                    number_of(sim, s), passed_s);
    s->watch.over_ns = 0;
    s->watch.was_refused = false;
    s->watch.last_ns = timers_now_ns();
    s->watch.polls++;
    s->in_flight = true;
    sim->polls++;
}

void watch_arrived(struct simulation *sim, struct site *s)
{
    if (!s->in_flight)
        watch_broke(sim, "a poll ends once: target %d", number_of(sim, s));
    s->in_flight = false;
    s->watch.knows_refused = s->watch.was_refused;
    watch_flow(sim, s->region, budget_of(s));
}

static void watch_end(struct simulation *sim, struct site *s)
{
    uint32_t quota = budget_of(s)->quota;
    if (quota > BUDGET_QUOTA)
        watch_broke(sim, "the quota is between 0 and %d: %u", BUDGET_QUOTA, quota);
}

void watch_answer(struct simulation *sim, struct site *s)
{
    struct region *r = s->region;
    watch_end(sim, s);
    double passed_s = seconds(timers_now_ns() - r->watch.over_ns);
    if (r->watch.over_ns && passed_s > resume_s(r, 2))
        watch_broke(sim, "a region answers again soon after a trouble: it took %.1f s", passed_s);
    r->watch.over_ns = 0;
    r->watch.answers++;
}

void watch_failure(struct simulation *sim, struct site *s, const struct pipepoll_failure *failure)
{
    watch_end(sim, s);
    if (failure->status == PIPEPOLL_ETHROTTLED)
        s->region->watch.calm_ns = timers_now_ns();
}

static bool is_of_keys(enum trouble trouble)
{
    return trouble >= KEYS_REFUSED;
}

void watch_trouble(struct simulation *sim, struct region *r)
{
    uint64_t now_ns = timers_now_ns();
    uint64_t over_ns = r->trouble == CALM ? 0 : now_ns; /* else it begins: none to judge */
    r->watch.calm_ns = now_ns;
    r->watch.over_ns = over_ns;
    r->watch.did_hang = r->trouble == HANGS || r->trouble == LOOKS_UP;
    if (is_of_keys(r->trouble))
        r->watch.keys_ns = now_ns;
    r->watch.were_keys = r->watch.keys_ns && seconds(now_ns - r->watch.keys_ns) < keys_s;
    for (uint32_t i = 0; i < sim->site_count; i++)
        if (sim->sites[i].region == r)
            sim->sites[i].watch.over_ns = sim->sites[i].target ? over_ns : 0;
}

/* Who waited for credit was not waiting for the service. */
void watch_credit(struct simulation *sim)
{
    uint64_t now_ns = timers_now_ns();
    for (uint32_t i = 0; i < sim->region_count; i++) {
        struct region_watch *seen = &sim->regions[i].watch;
        seen->calm_ns = now_ns;
        seen->over_ns = seen->over_ns ? now_ns : 0;
    }
    for (uint32_t i = 0; i < sim->site_count; i++) {
        struct site_watch *seen = &sim->sites[i].watch;
        seen->over_ns = seen->over_ns ? now_ns : 0;
    }
}

/* --- targets that come and go --- */

void watch_region(struct region *r)
{
    window_init(&r->watch.ceiling);
    window_init(&r->watch.adaptive);
    r->watch.was_enabled = false;
}

void watch_added(struct site *s)
{
    s->watch = (struct site_watch) { .last_ns = timers_now_ns(), .polls = s->watch.polls };
    s->region->watch.sites++;
    s->region->simulation->watch.added++;
}

void watch_removed(struct simulation *sim, struct site *s, const struct pipepoll_target *from)
{
    if (s->target != from || s->in_flight || !(s->is_leaving || sim->closing_ns))
        watch_broke(sim, "a removed target is told so once, and last: target %d",
                    number_of(sim, s));
    if (sim->closed)
        watch_broke(sim, "nothing is told after closed()");
    if (!--s->region->watch.sites)
        s->region->watch.budget = NULL;
    sim->watch.removed++;
}

/* --- the end --- */

void watch_before_end(struct simulation *sim)
{
    for (uint32_t i = 0; i < sim->site_count; i++)
        if (sim->sites[i].target && !sim->sites[i].is_leaving)
            watch_wait(sim, &sim->sites[i]);
    for (uint32_t i = 0; i < sim->region_count; i++) {
        const struct region *r = &sim->regions[i];
        double passed_s = seconds(timers_now_ns() - r->watch.over_ns);
        if (r->watch.over_ns && r->watch.sites && passed_s > resume_s(r, 2))
            watch_broke(sim, "a region answers again soon after a trouble: not for %.1f s",
                        passed_s);
    }
}

void watch_all_removed(struct simulation *sim)
{
    struct pipepoll_stats stats = PIPEPOLL_STATS_INIT;
    pipepoll_stats(sim->poller, &stats);
    if (sim->watch.broken[0])
        return;
    if (stats.targets || stats.in_flight || stats.parked)
        watch_broke(sim,
                    "once all are removed nothing is left: %u targets, %u in flight, %u parked",
                    stats.targets, stats.in_flight, stats.parked);
}

void watch_closed(struct simulation *sim)
{
    for (uint32_t i = 0; i < sim->site_count; i++)
        if (sim->sites[i].in_flight || sim->sites[i].target)
            watch_broke(sim, "closed() comes after all else: target %u is left", i);
}

void watch_after_end(struct simulation *sim)
{
    if (!sim->closed)
        watch_broke(sim, "closed() comes within %d ms and a second", REGION_TIMEOUT_MS);
    if (sim->watch.added != sim->watch.removed)
        watch_broke(sim, "each target is told that it is gone: %u of %u", sim->watch.removed,
                    sim->watch.added);
    for (uint32_t i = 0; i < sim->site_count; i++) {
        const struct site *s = &sim->sites[i];
        if (s->arrived != s->picked_up + s->queued)
            watch_broke(sim, "no job is lost: target %u", i);
    }
}

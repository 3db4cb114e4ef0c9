/* SPDX-License-Identifier: MIT */
/* Everything that an embedder may do is done from here: from timers, and from within callbacks. The
 * dice for it are the region's that it concerns, so that regions stay apart. */
#include "lib/simulation.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/virtual_poller.h"

/* --- targets --- */

static struct pipepoll_credentials *credentials_of(const struct region *r)
{
    struct pipepoll_credentials *fixed = NULL, *role = NULL;
    struct region_names names;
    char id[24];
    int failed;
    region_names(r, &names);
    snprintf(id, sizeof id, "AKIDR%uS0", r->index);
    if (r->plan.keys == KEYS_NONE)
        failed = pipepoll_credentials_anonymous(&fixed, NULL);
    else
        failed = pipepoll_credentials_static(&fixed, str_of(id), STR("secret"), STR(""), NULL);
    assert(!failed);
    if (r->plan.keys != KEYS_ROLE)
        return fixed;
    struct pipepoll_role o = PIPEPOLL_ROLE_INIT;
    o.arn = str_of(names.role);
    failed = pipepoll_credentials_role(&role, fixed, &o, NULL);
    assert(!failed);
    pipepoll_credentials_unref(fixed);
    return role;
}

static int add(struct simulation *sim, struct site *s)
{
    struct region_names names;
    char provider[16];
    snprintf(provider, sizeof provider, "P%u", (unsigned)(s - sim->sites));
    region_names(s->region, &names);
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    o.action_type = (struct pipepoll_action_type) { STR("Test"), STR("ThirdParty"),
                                                    str_of(provider), STR("1") };
    o.region = str_of(names.name);
    o.endpoint_url = str_of(names.url);
    o.interval_ms = s->plan.interval_ms;
    if (!s->plan.interval_ms) {
        o.pickup_goal_ms = s->plan.goal_ms;
        o.slowest_interval_ms = s->plan.slowest_ms;
    }
    o.max_batch_size = s->plan.batch;
    o.credentials = credentials_of(s->region);
    o.user = s;
    int r = pipepoll_target_add(sim->poller, &o, &s->target, NULL);
    pipepoll_credentials_unref(o.credentials);
    if (!r)
        watch_added(s);
    return r;
}

static void leave(struct site *s)
{
    if (!s->target || s->is_leaving)
        return;
    s->is_leaving = true;
    pipepoll_target_remove(s->target);
}

static bool is_over(const struct simulation *sim)
{
    return sim->closing_ns || sim->removes_all;
}

static bool may_join(const struct simulation *sim)
{
    return sim->plan.has_joins && !is_over(sim);
}

static void site_on_join(struct timer *timer)
{
    struct site *s = CONTAINER_OF(timer, struct site, join);
    struct simulation *sim = s->region->simulation;
    if (!may_join(sim))
        return;
    if (s->target)
        leave(s);
    else
        add(sim, s);
    timer_set(timer, timers_now_ns() + gap_ns(&s->region->rng, s->target ? 20 : 120));
}

/* In a callback: this one goes, or another one of its region. */
static void change_by_chance(struct site *s)
{
    struct simulation *sim = s->region->simulation;
    if (!may_join(sim))
        return;
    uint64_t roll = rng_next(&s->region->rng), other = rng_next(&s->region->rng);
    if (roll % 64 == 0)
        leave(s);
    struct site *o = &sim->sites[other % sim->site_count];
    if (roll % 64 == 1 && o->region == s->region && !o->target)
        add(sim, o);
    else if (roll % 64 == 1 && o->region == s->region)
        leave(o);
}

/* --- the end --- */

static void on_closed(void *ctx)
{
    struct simulation *sim = ctx;
    sim->closed = true;
    sim->poller = NULL;
    watch_closed(sim);
}

static void close_now(struct simulation *sim)
{
    if (sim->closing_ns)
        return;
    sim->closing_ns = timers_now_ns();
    watch_before_end(sim);
    pipepoll_close(sim->poller, on_closed, sim);
    pipepoll_close(sim->poller, NULL, NULL); /* does nothing */
    if (sim->site_count && !sim->sites[0].target && add(sim, &sim->sites[0]) != PIPEPOLL_ECLOSING)
        watch_broke(sim, "no target can be added to a closing poller");
}

static bool is_time_to_close(const struct simulation *sim)
{
    return sim->plan.close_s > 0 && timers_now_ns() >= virtual_s(sim->plan.close_s);
}

static void on_close_due(struct timer *timer)
{
    struct simulation *sim = CONTAINER_OF(timer, struct simulation, close);
    if (!sim->plan.closes_in_callback)
        close_now(sim);
}

static void close_by_chance(struct simulation *sim)
{
    if (sim->plan.closes_in_callback && is_time_to_close(sim))
        close_now(sim);
}

/* --- the sink --- */

static struct simulation *simulation_of(struct pipepoll_sink *sink)
{
    return CONTAINER_OF(sink, struct simulation, sink);
}

static size_t sink_credit(struct pipepoll_sink *sink)
{
    return simulation_of(sink)->credit_left;
}

/* A job is done each 0.2 s or so. */
static void on_work(struct timer *timer)
{
    struct simulation *sim = CONTAINER_OF(timer, struct simulation, work);
    if (sim->closing_ns)
        return;
    sim->credit_left++;
    watch_credit(sim);
    pipepoll_wake(sim->poller);
    if (sim->credit_left < sim->plan.credit)
        timer_set(timer, timers_now_ns() + 200000000);
}

static void spend_credit(struct simulation *sim, size_t jobs)
{
    if (!sim->plan.credit || !jobs)
        return;
    if (jobs > sim->credit_left)
        watch_broke(sim, "no more jobs come than there is credit for");
    sim->credit_left -= (uint32_t)jobs;
    if (!heap_contains(&sim->work.node))
        timer_set(&sim->work, timers_now_ns() + 200000000);
}

/* These very jobs were in the answer. */
static void check_jobs(struct simulation *sim, const struct site *s,
                       const struct pipepoll_answer *answer)
{
    if (answer->job_count != s->shown)
        watch_broke(sim, "all jobs of an answer come");
    for (size_t i = 0; i < answer->job_count; i++) {
        char id[48];
        snprintf(id, sizeof id, "%u-%llu", (unsigned)(s - sim->sites),
                 (unsigned long long)(s->picked_up + i));
        if (!str_eq(pipepoll_job_at(answer, i)->job_id, str_of(id)))
            watch_broke(sim, "each job is the one that was sent");
    }
}

static void sink_deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                         const struct pipepoll_answer *answer)
{
    struct simulation *sim = simulation_of(sink);
    struct site *s = pipepoll_target_user(from);
    check_jobs(sim, s, answer);
    spend_credit(sim, answer->job_count);
    site_take(s, (uint32_t)answer->job_count);
    region_note(s->region, timers_now_ns());
    region_note(s->region, answer->job_count);
    watch_answer(sim, s);
    change_by_chance(s);
    close_by_chance(sim);
}

static void sink_failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                        const struct pipepoll_failure *failure)
{
    struct simulation *sim = simulation_of(sink);
    struct site *s = pipepoll_target_user(from);
    region_note(s->region, timers_now_ns());
    region_note(s->region, (uint64_t)(uint32_t)failure->status << 32);
    watch_failure(sim, s, failure);
    change_by_chance(s);
    close_by_chance(sim);
}

static void sink_removed(struct pipepoll_sink *sink, struct pipepoll_target *from)
{
    struct simulation *sim = simulation_of(sink);
    struct site *s = pipepoll_target_user(from);
    watch_removed(sim, s, from);
    s->target = NULL;
    s->is_leaving = false;
    if (may_join(sim) && rng_next(&s->region->rng) % 4 == 0)
        add(sim, s);
    close_by_chance(sim);
}

static void sink_credentials(struct pipepoll_sink *sink, const struct pipepoll_identity *identity)
{
    close_by_chance(simulation_of(sink));
}

/* --- from open to end --- */

static void open_poller(struct simulation *sim)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_error why = { .text = "" };
    o.sink = &sim->sink;
    o.max_in_flight = sim->plan.max_in_flight;
    o.max_connections = 65536;
    o.max_polls_per_s = sim->plan.ceiling_per_s;
    o.request_timeout_ms = REGION_TIMEOUT_MS;
    o.seed = sim->plan.seed;
    pipepoll_credentials_anonymous(&o.credentials, NULL);
    int failed = pipepoll_open(&sim->poller, NULL, &o, &why);
    pipepoll_credentials_unref(o.credentials);
    if (failed)
        fprintf(stderr, "pipepoll_open: %s\n", why.text);
    assert(!failed);
}

void simulation_open(struct simulation *sim, const struct simulation_plan *plan)
{
    *sim = (struct simulation) { .plan = *plan, .sink = PIPEPOLL_SINK_INIT };
    sim->sink.credit = plan->credit ? sink_credit : NULL;
    sim->sink.deliver = sink_deliver;
    sim->sink.failed = sink_failed;
    sim->sink.removed = sink_removed;
    sim->sink.credentials = sink_credentials;
    sim->credit_left = plan->credit;
    sim->regions = calloc(plan->regions, sizeof *sim->regions);
    sim->sites = calloc(plan->sites, sizeof *sim->sites);
    assert(sim->regions && sim->sites);
    virtual_alone();
    virtual_begin(plan->seed);
    region_service_of(sim);
    int failed = timer_init(&sim->work, virtual_timers(), on_work) ||
                 timer_init(&sim->close, virtual_timers(), on_close_due);
    assert(!failed);
    open_poller(sim);
    if (plan->close_s > 0)
        timer_set(&sim->close, virtual_s(plan->close_s));
}

struct region *simulation_add_region(struct simulation *sim, const struct region_plan *plan,
                                     uint64_t seed)
{
    struct region *r = &sim->regions[sim->region_count];
    r->plan = *plan;
    r->simulation = sim;
    r->index = sim->region_count++;
    r->rng.state = seed;
    region_begin(r);
    watch_region(r);
    return r;
}

struct site *simulation_add_site(struct simulation *sim, struct region *r,
                                 const struct site_plan *plan)
{
    struct site *s = &sim->sites[sim->site_count++];
    s->plan = *plan;
    s->region = r;
    site_begin(s);
    int failed = timer_init(&s->join, virtual_timers(), site_on_join) || add(sim, s);
    assert(!failed);
    if (sim->plan.has_joins)
        timer_set(&s->join, timers_now_ns() + gap_ns(&r->rng, 120));
    return s;
}

static void run_until(struct simulation *sim, uint64_t until_ns)
{
    if (!sim->watch.broken[0])
        virtual_run(until_ns);
}

void simulation_run(struct simulation *sim, double seconds)
{
    run_until(sim, virtual_s(seconds));
}

static void remove_all(struct simulation *sim)
{
    watch_before_end(sim);
    sim->removes_all = true;
    for (uint32_t i = 0; i < sim->site_count; i++)
        leave(&sim->sites[i]);
    run_until(sim, timers_now_ns() + REGION_TIMEOUT_MS * 1000000ull);
    watch_all_removed(sim);
}

void simulation_end(struct simulation *sim, bool removes_first)
{
    for (uint32_t i = 0; i < sim->site_count; i++)
        timer_set(&sim->sites[i].arrival, TIMER_OFF);
    for (uint32_t i = 0; i < sim->region_count; i++)
        timer_set(&sim->regions[i].change, TIMER_OFF);
    if (removes_first && !sim->closing_ns)
        remove_all(sim);
    close_now(sim);
    run_until(sim, sim->closing_ns + (REGION_TIMEOUT_MS + 1000) * 1000000ull);
    watch_after_end(sim);
}

void simulation_deinit(struct simulation *sim)
{
    for (uint32_t i = 0; i < sim->site_count; i++) {
        timer_deinit(&sim->sites[i].join);
        site_end(&sim->sites[i]);
    }
    for (uint32_t i = 0; i < sim->region_count; i++)
        region_end(&sim->regions[i]);
    timer_deinit(&sim->work);
    timer_deinit(&sim->close);
    virtual_end();
    free(sim->pickup_s);
    free(sim->sites);
    free(sim->regions);
}

/* --- pickups --- */

void simulation_keep_pickup(struct simulation *sim, uint64_t waited_ns)
{
    if (sim->pickups == sim->pickups_cap) {
        sim->pickups_cap = sim->pickups_cap ? 2 * sim->pickups_cap : 1024;
        sim->pickup_s = realloc(sim->pickup_s, sim->pickups_cap * sizeof *sim->pickup_s);
        assert(sim->pickup_s);
    }
    sim->pickup_s[sim->pickups++] = (float)((double)waited_ns / 1e9);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

double simulation_pickup_s(struct simulation *sim, double share)
{
    assert(sim->pickups);
    qsort(sim->pickup_s, sim->pickups, sizeof *sim->pickup_s, compare);
    return (double)sim->pickup_s[(size_t)((double)(sim->pickups - 1) * share)];
}

/* SPDX-License-Identifier: MIT */
/* The real poller, in a world that misbehaves, at many seeds; and the proof that a goal is held
 * with fewer polls than an interval needs. The clock, the network and the service are simulated,
 * the rest is the library: see tests/lib/virtual.h.
 *
 *   test_simulation                 120 seeds and the proofs
 *   test_simulation --seed N        one seed, and what came of it
 *   test_simulation --seeds A B     from A to B */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/check.h"
#include "lib/simulation.h"
#include "poll/pace.h"

enum { SEEDS = 120, REGIONS = 3, SITES = 8, MINUTES = 20 };

/* --- a world at random --- */

static struct region_plan any_region(struct rng *rng, bool has_trouble)
{
    struct region_plan plan = { .latency_ms = (uint32_t)between(rng, 10, 300) };
    double limit_per_s = between(rng, 2, 6), clock_s = between(rng, -7200, 7200);
    plan.limit_per_s = one_in(rng, 2) ? limit_per_s : 0;
    plan.burst = between(rng, 1, 10);
    plan.error_share = one_in(rng, 2) ? 0.03 : 0;
    plan.hint_ms = one_in(rng, 3) ? (uint32_t)between(rng, 50, 2000) : 0;
    plan.clock_ms = one_in(rng, 3) ? (int64_t)(clock_s * 1000) : 0;
    plan.keys = (enum keys)(rng_next(rng) % 3);
    plan.has_trouble = has_trouble;
    return plan;
}

static struct site_plan any_site(struct rng *rng)
{
    struct site_plan plan = {
        .goal_ms = (uint32_t)between(rng, 500, 10000),
        .slowest_ms = 18000,
        .burst_every_s = between(rng, 20, 200),
        .burst_jobs = (uint32_t)between(rng, 1, 40),
        .job_every_s = between(rng, 0.2, 3),
    };
    uint32_t interval_ms = (uint32_t)between(rng, 500, 18000),
             batch = (uint32_t)between(rng, 1, 11);
    plan.batch = one_in(rng, 2) ? batch : 0;
    plan.interval_ms = one_in(rng, 2) ? interval_ms : 0;
    return plan;
}

static struct simulation_plan any_embedder(struct rng *rng)
{
    struct simulation_plan plan = {
        .seed = rng_next(rng),
        .regions = REGIONS,
        .sites = REGIONS * SITES,
        .max_in_flight = REGIONS * SITES / 2,
        .has_joins = one_in(rng, 2),
        .closes_in_callback = one_in(rng, 2),
    };
    double ceiling_per_s = between(rng, 1, 8), close_s = between(rng, 1, MINUTES * 60);
    plan.ceiling_per_s = one_in(rng, 2) ? ceiling_per_s : 0;
    plan.credit = one_in(rng, 4) ? (uint32_t)between(rng, 1, 40) : 0;
    plan.close_s = one_in(rng, 3) ? close_s : 0;
    return plan;
}

static void add_any_region(struct simulation *sim, struct rng *rng, bool has_trouble)
{
    struct region_plan plan = any_region(rng, has_trouble);
    struct region *r = simulation_add_region(sim, &plan, rng_next(rng));
    for (int k = 0; k < SITES; k++) {
        struct site_plan site = any_site(rng);
        simulation_add_site(sim, r, &site);
    }
}

static void any_world(struct simulation *sim, uint64_t seed)
{
    struct rng rng = { seed };
    struct simulation_plan plan = any_embedder(&rng);
    simulation_open(sim, &plan);
    for (int i = 0; i < REGIONS; i++)
        add_any_region(sim, &rng, i);
    simulation_run(sim, MINUTES * 60);
    simulation_end(sim, one_in(&rng, 2));
}

static uint64_t hash_of(const struct simulation *sim)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < sim->region_count; i++)
        hash = hash * 31 + sim->regions[i].hash;
    return hash;
}

static bool seed_holds(uint64_t seed, bool is_told)
{
    struct simulation sim;
    any_world(&sim, seed);
    bool holds = !sim.watch.broken[0];
    if (!holds)
        print_error("seed %" PRIu64 ": invariant \"%s\" at t=%.9f s\n"
                    "again: test_simulation --seed %" PRIu64 "\n",
                    seed, sim.watch.broken, (double)sim.watch.broken_ns / 1e9 - 1, seed);
    else if (is_told)
        printf("seed %" PRIu64 ": all holds, %" PRIu64 " polls, %zu jobs, %u targets, %" PRIu64
               " polls with refused credentials, trace %016" PRIx64 "\n",
               seed, sim.polls, sim.pickups, sim.watch.added, sim.watch.refused_polls,
               hash_of(&sim));
    if (holds)
        simulation_deinit(&sim);
    return holds;
}

static bool seeds_hold(uint64_t first, uint64_t last, bool is_told)
{
    uint64_t broken = 0;
    for (uint64_t seed = first; seed <= last; seed++)
        broken += !seed_holds(seed, is_told);
    return !broken;
}

static void every_invariant_holds_at_every_seed(void **state)
{
    assert_true(seeds_hold(1, SEEDS, false));
}

static void the_same_seed_gives_the_same_trace(void **state)
{
    uint64_t last = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        uint64_t hash[2];
        for (int i = 0; i < 2; i++) {
            struct simulation sim;
            any_world(&sim, seed);
            hash[i] = hash_of(&sim);
            simulation_deinit(&sim);
        }
        assert_int_equal(hash[0], hash[1]);
        assert_int_not_equal(hash[0], last);
        last = hash[0];
    }
}

/* Targets that stay, of credentials that need nobody to ask: all that regions share is the poller.
 * Hashes of regions 0 and 1. */
static void regions_apart(uint64_t seed, bool has_trouble, uint64_t hash[2])
{
    struct rng rng = { seed };
    struct simulation sim;
    struct simulation_plan plan = any_embedder(&rng);
    plan.has_joins = false;
    plan.credit = 0;
    plan.close_s = 0;
    simulation_open(&sim, &plan);
    for (int i = 0; i < REGIONS; i++)
        add_any_region(&sim, &rng, i && has_trouble);
    simulation_run(&sim, MINUTES * 60);
    simulation_end(&sim, true);
    assert_string_equal(sim.watch.broken, "");
    hash[0] = sim.regions[0].hash;
    hash[1] = sim.regions[1].hash;
    simulation_deinit(&sim);
}

static void other_regions_notice_nothing_of_a_trouble(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t calm[2], troubled[2];
        regions_apart(seed, false, calm);
        regions_apart(seed, true, troubled);
        assert_int_equal(calm[0], troubled[0]);
        assert_int_not_equal(calm[1], troubled[1]);
    }
}

/* --- the clock, stalls, credentials --- */

static struct region *open_one(struct simulation *sim, const struct region_plan *region, int sites,
                               const struct site_plan *site)
{
    const struct simulation_plan plan = { 7, 1, (uint32_t)sites, 1000 };
    simulation_open(sim, &plan);
    struct region *r = simulation_add_region(sim, region, 7);
    for (int i = 0; i < sites; i++)
        simulation_add_site(sim, r, site);
    return r;
}

static void end_one(struct simulation *sim)
{
    simulation_end(sim, true);
    assert_string_equal(sim->watch.broken, "");
    simulation_deinit(sim);
}

static void run_on(struct simulation *sim, double seconds)
{
    simulation_run(sim, (double)(timers_now_ns() - virtual_s(0)) / 1e9 + seconds);
}

/* A machine that starts without a network and with a wrong clock. */
static void a_wrong_clock_is_found_out_after_an_outage_too(void **state)
{
    const struct region_plan region = { .latency_ms = 50, .clock_ms = 3600000, .keys = KEYS_FIXED };
    const struct site_plan site = { .interval_ms = 2000 };
    struct simulation sim;
    struct region *r = open_one(&sim, &region, 1, &site);
    r->trouble = REFUSES;
    run_on(&sim, 30);
    assert_true(sim.polls > 3);
    uint64_t polls = sim.polls;
    r->trouble = CALM;
    run_on(&sim, 30); /* none is put off by a minute, as if the credentials were wrong */
    assert_in_range(sim.polls - polls, 8, 20);
    assert_int_equal(r->watch.answers, sim.polls - polls - 1);
    end_one(&sim);
}

/* What 200 targets did within a tenth of a second at most, while a clock runs for so long. */
static uint64_t busiest_tenth(struct simulation *sim, double seconds)
{
    uint64_t most = 0;
    for (int i = 0; i < seconds * 10; i++) {
        uint64_t polls = sim->polls;
        run_on(sim, 0.1);
        most = sim->polls - polls > most ? sim->polls - polls : most;
    }
    return most;
}

static void after_a_stall_nobody_polls_in_a_herd(void **state)
{
    const struct region_plan region = { .latency_ms = 30 };
    const struct site_plan site = { .interval_ms = 5000 };
    static const double stalls_s[] = { 1, 4, 20, 3600 };
    for (size_t i = 0; i < sizeof stalls_s / sizeof *stalls_s; i++) {
        struct simulation sim;
        struct region *r = open_one(&sim, &region, 200, &site);
        run_on(&sim, 60);
        uint64_t usual = busiest_tenth(&sim, 20);
        virtual_stall((uint64_t)(stalls_s[i] * 1e9));
        r->watch.calm_ns = timers_now_ns();
        assert_true(busiest_tenth(&sim, 20) <= 3 * usual);
        end_one(&sim);
    }
}

/* Refused credentials: each target asks once more at once, as others may be on their way, and then
 * each minute. New ones: all targets are back within a second. */
static void refused_credentials_are_tried_each_minute_and_new_ones_at_once(void **state)
{
    const struct region_plan region = { .latency_ms = 30, .keys = KEYS_ROLE };
    const struct site_plan site = { .interval_ms = 5000 };
    struct simulation sim;
    struct region *r = open_one(&sim, &region, 10, &site);
    run_on(&sim, 30);
    r->trouble = KEYS_REFUSED;
    watch_trouble(&sim, r);
    uint64_t polls = sim.polls, answers = r->watch.answers;
    run_on(&sim, 600);
    assert_in_range(sim.polls - polls, 10 * 9, 10 * 22);
    assert_int_equal(r->watch.answers, answers);
    watch_trouble(&sim, r);
    r->trouble = CALM;
    pipepoll_refresh_credentials(sim.poller);
    run_on(&sim, 2);
    assert_true(r->watch.answers >= answers + 10);
    end_one(&sim);
}

/* --- fair shares --- */

/* Ten targets that want ten polls a second in all, for ten minutes: the fewest and the most polls
 * that one of them had. */
static void crowd(const struct region_plan *region, const struct simulation_plan *plan,
                  uint64_t *least, uint64_t *most)
{
    struct simulation w;
    const struct site_plan site = { .interval_ms = 1000 };
    simulation_open(&w, plan);
    struct region *r = simulation_add_region(&w, region, plan->seed);
    for (int i = 0; i < 10; i++)
        simulation_add_site(&w, r, &site);
    simulation_run(&w, 600);
    *least = UINT64_MAX, *most = 0;
    for (uint32_t i = 0; i < w.site_count; i++) {
        uint64_t polls = w.sites[i].watch.polls;
        *least = polls < *least ? polls : *least;
        *most = polls > *most ? polls : *most;
    }
    simulation_end(&w, true);
    assert_string_equal(w.watch.broken, "");
    simulation_deinit(&w);
}

static void targets_share_a_ceiling_evenly(void **state)
{
    const struct region_plan region = { .latency_ms = 50 };
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const struct simulation_plan plan = { seed, 1, 10, 100, .ceiling_per_s = 3 };
        uint64_t least, most;
        crowd(&region, &plan, &least, &most);
        assert_in_range(least, 178, 181);
        assert_in_range(most, least, least + 3);
    }
}

static void targets_of_a_throttled_budget_share_what_is_left(void **state)
{
    const struct region_plan region = { .latency_ms = 50, .limit_per_s = 3, .burst = 5 };
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const struct simulation_plan plan = { seed, 1, 10, 100 };
        uint64_t least, most;
        crowd(&region, &plan, &least, &most);
        assert_in_range(least, 90, 250); /* not far from the 180 that the service allows each */
        assert_true(most * 10 <= least * 13);
    }
}

/* --- a goal instead of an interval --- */

enum { GOAL_MS = 5000, LATENCY_MS = 80, DAY_S = 86400 };

struct pickup {
    double p50_s, p95_s, polls_a_day;
};

/* Five targets; the answers take their time too. interval_ms 0: by goal, which must be learnt. */
static struct pickup measure(const struct site_plan *arrivals, uint32_t interval_ms, unsigned days)
{
    enum { TARGETS = 5 };
    const struct simulation_plan plan = { 42, 1, TARGETS, 100 };
    const struct region_plan region = { .latency_ms = LATENCY_MS };
    struct site_plan site = *arrivals;
    struct simulation w;
    site.interval_ms = interval_ms;
    site.goal_ms = GOAL_MS;
    site.batch = REGION_BATCH; /* else each answer with a job counts as full */
    simulation_open(&w, &plan);
    struct region *r = simulation_add_region(&w, &region, 42);
    for (int i = 0; i < TARGETS; i++)
        simulation_add_site(&w, r, &site);
    simulation_run(&w, days * DAY_S);
    assert_string_equal(w.watch.broken, "");
    struct pickup got = {
        .p50_s = simulation_pickup_s(&w, 0.5),
        .p95_s = simulation_pickup_s(&w, 0.95),
        .polls_a_day = (double)w.polls / TARGETS / days,
    };
    simulation_end(&w, false);
    assert_string_equal(w.watch.broken, "");
    simulation_deinit(&w);
    return got;
}

/* The longest interval that holds the goal, whatever the arrivals. */
static struct pickup measure_fixed(const struct site_plan *arrivals)
{
    return measure(arrivals, pace_interval_of_goal_ms(GOAL_MS - LATENCY_MS), 3);
}

static void tell(const char *arrivals, struct pickup fixed, struct pickup paced)
{
    printf("%s, goal %.1f s: interval p50 %.2f s p95 %.2f s, %.0f polls a day; "
           "goal p50 %.2f s p95 %.2f s, %.0f polls a day (%.0f %%)\n",
           arrivals, GOAL_MS / 1e3, fixed.p50_s, fixed.p95_s, fixed.polls_a_day, paced.p50_s,
           paced.p95_s, paced.polls_a_day, 100 * paced.polls_a_day / fixed.polls_a_day);
}

static void jobs_in_bursts_are_picked_up_as_soon_with_fewer_polls(void **state)
{
    static const struct {
        struct site_plan arrivals;
        double share; /* of the polls of a fixed interval: less the rarer and longer bursts are */
    } shapes[] = {
        { { .burst_every_s = 1800, .burst_jobs = 40, .job_every_s = 3 }, 0.5 },
        { { .burst_every_s = 3600, .burst_jobs = 60, .job_every_s = 2 }, 0.45 },
        { { .burst_every_s = 7200, .burst_jobs = 100, .job_every_s = 6 }, 0.3 },
        /* Where one job in fifteen or twenty begins a burst, there is little to be earned. */
        { { .burst_every_s = 900, .burst_jobs = 20, .job_every_s = 5 }, 0.7 },
        { { .burst_every_s = 3600, .burst_jobs = 15, .job_every_s = 3 }, 0.75 },
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char name[80];
        const struct site_plan *jobs = &shapes[i].arrivals;
        struct pickup fixed = measure_fixed(jobs), paced = measure(jobs, 0, 4);
        snprintf(name, sizeof name, "bursts of %u jobs, one each %g s, every %g min",
                 jobs->burst_jobs, jobs->job_every_s, jobs->burst_every_s / 60);
        tell(name, fixed, paced);
        assert_true(fixed.p95_s <= GOAL_MS / 1e3);
        assert_true(paced.p95_s <= fixed.p95_s);
        assert_true(paced.p50_s <= fixed.p50_s);
        assert_true(paced.polls_a_day <= fixed.polls_a_day * shapes[i].share);
    }
}

static void jobs_that_come_alone_are_in_time_as_well(void **state)
{
    static const double every_s[] = { 60, 600, 3600 };
    for (size_t i = 0; i < sizeof every_s / sizeof *every_s; i++) {
        char name[40];
        struct site_plan alone = { .burst_every_s = every_s[i], .burst_jobs = 1 };
        struct pickup fixed = measure_fixed(&alone), paced = measure(&alone, 0, 2);
        snprintf(name, sizeof name, "jobs alone, every %g min", every_s[i] / 60);
        tell(name, fixed, paced);
        assert_true(paced.p95_s <= GOAL_MS / 1e3 * 1.01);
        assert_true(paced.polls_a_day <= fixed.polls_a_day * 1.3);
    }
}

static void jobs_that_come_many_at_once_are_in_time_as_well(void **state)
{
    const struct site_plan at_once = { .burst_every_s = 1800, .burst_jobs = 8 };
    struct pickup fixed = measure_fixed(&at_once), paced = measure(&at_once, 0, 2);
    tell("8 jobs at once, every 30 min", fixed, paced);
    assert_true(paced.p95_s <= GOAL_MS / 1e3 * 1.01);
    assert_true(paced.polls_a_day <= fixed.polls_a_day * 1.1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_invariant_holds_at_every_seed),
        cmocka_unit_test(the_same_seed_gives_the_same_trace),
        cmocka_unit_test(other_regions_notice_nothing_of_a_trouble),
        cmocka_unit_test(a_wrong_clock_is_found_out_after_an_outage_too),
        cmocka_unit_test(after_a_stall_nobody_polls_in_a_herd),
        cmocka_unit_test(refused_credentials_are_tried_each_minute_and_new_ones_at_once),
        cmocka_unit_test(targets_share_a_ceiling_evenly),
        cmocka_unit_test(targets_of_a_throttled_budget_share_what_is_left),
        cmocka_unit_test(jobs_in_bursts_are_picked_up_as_soon_with_fewer_polls),
        cmocka_unit_test(jobs_that_come_alone_are_in_time_as_well),
        cmocka_unit_test(jobs_that_come_many_at_once_are_in_time_as_well),
    };
    if (argc == 3 && !strcmp(argv[1], "--seed"))
        return !seeds_hold(strtoull(argv[2], NULL, 10), strtoull(argv[2], NULL, 10), true);
    if (argc == 4 && !strcmp(argv[1], "--seeds"))
        return !seeds_hold(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), true);
    if (argc > 1) {
        fprintf(stderr, "usage: test_simulation [--seed N | --seeds FIRST LAST]\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

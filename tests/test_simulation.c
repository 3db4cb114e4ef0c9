/* The poller's policy in a world that misbehaves, at many seeds; and the proof that a goal is held
 * with fewer polls than an interval needs.
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
#include "lib/world.h"

enum { SEEDS = 120, REGIONS = 3, SITES = 8, MINUTES = 20 };

/* --- a world at random --- */

static double between(struct rng *rng, double least, double most)
{
    return least + (most - least) * (double)(rng_next(rng) >> 11) * 0x1p-53;
}

static bool one_in(struct rng *rng, uint64_t n)
{
    return rng_next(rng) % n == 0;
}

static struct region_plan any_region(struct rng *rng, bool has_trouble)
{
    struct region_plan plan = { .latency_ms = (uint32_t)between(rng, 10, 300) };
    double ceiling_per_s = between(rng, 1, 8), limit_per_s = between(rng, 2, 6);
    plan.ceiling_per_s = one_in(rng, 2) ? ceiling_per_s : 0;
    plan.limit_per_s = one_in(rng, 2) ? limit_per_s : 0;
    plan.burst = between(rng, 1, 10);
    plan.error_share = one_in(rng, 2) ? 0.03 : 0;
    plan.hint_ms = one_in(rng, 3) ? (uint32_t)between(rng, 50, 2000) : 0;
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
    uint32_t interval_ms = (uint32_t)between(rng, 500, 18000);
    plan.interval_ms = one_in(rng, 2) ? interval_ms : 0;
    return plan;
}

/* Region 0 never has trouble; the others do, if asked for. */
static void any_world(struct world *w, uint64_t seed, bool has_trouble)
{
    struct rng rng = { seed };
    world_init(w, REGIONS, REGIONS * SITES, REGIONS * SITES / 2);
    for (int i = 0; i < REGIONS; i++) {
        struct region_plan plan = any_region(&rng, i && has_trouble);
        struct region *r = world_add_region(w, &plan, rng_next(&rng));
        for (int k = 0; k < SITES; k++) {
            struct site_plan site = any_site(&rng);
            world_add_site(w, r, &site);
        }
    }
    world_run(w, MINUTES * 60);
    world_drain(w);
}

static uint64_t world_hash(const struct world *w)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < w->region_count; i++)
        hash = hash * 31 + w->regions[i].hash;
    return hash;
}

static bool seed_holds(uint64_t seed, bool is_told)
{
    struct world w;
    any_world(&w, seed, true);
    bool holds = !w.watch.broken[0];
    if (!holds)
        print_error("seed %" PRIu64 ": invariant \"%s\" at t=%.9f s\n"
                    "again: test_simulation --seed %" PRIu64 "\n",
                    seed, w.watch.broken, (double)w.watch.broken_ns / 1e9, seed);
    else if (is_told)
        printf("seed %" PRIu64 ": all holds, %" PRIu64 " polls, %zu jobs, trace %016" PRIx64 "\n",
               seed, w.polls, w.pickups, world_hash(&w));
    if (holds)
        world_deinit(&w);
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
        struct world a, b;
        any_world(&a, seed, true);
        any_world(&b, seed, true);
        assert_int_equal(world_hash(&a), world_hash(&b));
        assert_int_not_equal(world_hash(&a), last);
        last = world_hash(&a);
        world_deinit(&a);
        world_deinit(&b);
    }
}

static void other_regions_notice_nothing_of_a_trouble(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world calm, troubled;
        any_world(&calm, seed, false);
        any_world(&troubled, seed, true);
        assert_int_equal(calm.regions[0].hash, troubled.regions[0].hash);
        assert_int_not_equal(calm.regions[1].hash, troubled.regions[1].hash);
        world_deinit(&calm);
        world_deinit(&troubled);
    }
}

/* --- fair shares --- */

/* Ten targets that want ten polls a second in all, for ten minutes: the fewest and the most polls
 * that one of them had. */
static void crowd(const struct region_plan *plan, uint64_t seed, uint64_t *least, uint64_t *most)
{
    struct world w;
    const struct site_plan site = { .interval_ms = 1000 };
    world_init(&w, 1, 10, 100);
    struct region *r = world_add_region(&w, plan, seed);
    for (int i = 0; i < 10; i++)
        world_add_site(&w, r, &site);
    world_run(&w, 600);
    *least = UINT64_MAX, *most = 0;
    for (uint32_t i = 0; i < w.site_count; i++) {
        uint64_t polls = w.sites[i].watch.polls;
        *least = polls < *least ? polls : *least;
        *most = polls > *most ? polls : *most;
    }
    world_drain(&w);
    assert_string_equal(w.watch.broken, "");
    world_deinit(&w);
}

static void targets_share_a_ceiling_evenly(void **state)
{
    const struct region_plan plan = { .latency_ms = 50, .ceiling_per_s = 3 };
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t least, most;
        crowd(&plan, seed, &least, &most);
        assert_in_range(least, 178, 181);
        assert_in_range(most, least, least + 3);
    }
}

static void targets_of_a_throttled_budget_share_what_is_left(void **state)
{
    const struct region_plan plan = { .latency_ms = 50, .limit_per_s = 3, .burst = 5 };
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t least, most;
        crowd(&plan, seed, &least, &most);
        assert_in_range(least, 90, 250); /* not far from the 180 that the service allows each */
        assert_true(most * 10 <= least * 13);
    }
}

/* --- a goal instead of an interval --- */

enum { GOAL_MS = 5000, LATENCY_MS = 80, DAY_S = 86400 };

struct pickup {
    double p50_s, p95_s, polls_a_day;
};

/* Ten targets, four days; the answers take their time too. interval_ms 0: by goal. */
static struct pickup measure(const struct site_plan *arrivals, uint32_t interval_ms)
{
    enum { TARGETS = 10, DAYS = 4 };
    const struct region_plan plan = { .latency_ms = LATENCY_MS };
    struct site_plan site = *arrivals;
    struct world w;
    site.interval_ms = interval_ms;
    site.goal_ms = GOAL_MS;
    world_init(&w, 1, TARGETS, 100);
    struct region *r = world_add_region(&w, &plan, 42);
    for (int i = 0; i < TARGETS; i++)
        world_add_site(&w, r, &site);
    world_run(&w, DAYS * DAY_S);
    assert_string_equal(w.watch.broken, "");
    struct pickup got = {
        .p50_s = world_pickup_s(&w, 0.5),
        .p95_s = world_pickup_s(&w, 0.95),
        .polls_a_day = (double)w.polls / TARGETS / DAYS,
    };
    world_drain(&w);
    world_deinit(&w);
    return got;
}

/* The longest interval that holds the goal, whatever the arrivals. */
static struct pickup measure_fixed(const struct site_plan *arrivals)
{
    return measure(arrivals, pace_interval_of_goal_ms(GOAL_MS - LATENCY_MS));
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
        struct pickup fixed = measure_fixed(jobs), paced = measure(jobs, 0);
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
        struct pickup fixed = measure_fixed(&alone), paced = measure(&alone, 0);
        snprintf(name, sizeof name, "jobs alone, every %g min", every_s[i] / 60);
        tell(name, fixed, paced);
        assert_true(paced.p95_s <= GOAL_MS / 1e3 * 1.01);
        assert_true(paced.polls_a_day <= fixed.polls_a_day * 1.3);
    }
}

static void jobs_that_come_many_at_once_are_in_time_as_well(void **state)
{
    const struct site_plan at_once = { .burst_every_s = 1800, .burst_jobs = 8 };
    struct pickup fixed = measure_fixed(&at_once), paced = measure(&at_once, 0);
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

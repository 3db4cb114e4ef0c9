/* SPDX-License-Identifier: MIT */
/* Job workers in virtual time, at many seeds: several of them race for the jobs of a service that
 * misbehaves, are killed and started again, and no job may be lost, claimed twice or reported by
 * the wrong one. See tests/lib/life.h; what must hold is in tests/lib/life_watch.c.
 *
 *   test_life_simulation                      300 seeds, and what they come to
 *   test_life_simulation --seed N             one seed
 *   test_life_simulation --seeds FIRST COUNT  so many of them */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/check.h"
#include "lib/life.h"

enum { SEEDS = 300 };

/* --- a world at random --- */

static struct life_plan any_plan(struct rng *rng)
{
    struct life_plan plan = {
        .is_calm = one_in(rng, 5),
        .shares_jobs = one_in(rng, 2),
        .tells_status = one_in(rng, 2),
        .workers = 2 + (uint32_t)(rng_next(rng) % (LIFE_WORKERS - 1)),
        .run_s = between(rng, 150, 600),
        .job_every_s = between(rng, 3, 12),
        .work_s = between(rng, 1, 15),
        .lease_s = one_in(rng, 3) ? between(rng, 1, 8) : between(rng, 10, 60),
        .timeout_s = one_in(rng, 4) ? between(rng, 20, 60) : between(rng, 90, 400),
        .loss = between(rng, 0, 0.05),
        .seed = rng_next(rng),
    };
    double limit_per_s = between(rng, 6, 20), clock_s = between(rng, -7200, 7200);
    plan.limit_per_s = one_in(rng, 3) && !plan.is_calm ? limit_per_s : 0;
    plan.clock_ms = one_in(rng, 3) ? (int64_t)(clock_s * 1000) : 0;
    if (plan.is_calm)
        plan.loss = 0;
    return plan;
}

static struct life_worker_plan any_worker(struct rng *rng, bool is_calm)
{
    struct life_worker_plan plan = {
        .max_jobs = 1 + (uint32_t)(rng_next(rng) % 12),
        .has_journal = !one_in(rng, 8),
        .fails_interrupted = one_in(rng, 2),
    };
    double ceiling_per_s = between(rng, 1, 8), commit_s = between(rng, 0.001, 0.3);
    double failures = between(rng, 0, 0.1), fate_every_s = between(rng, 30, 300);
    plan.renew_s = one_in(rng, 2) ? 2 : 0;
    plan.ceiling_per_s = one_in(rng, 2) ? ceiling_per_s : 0;
    plan.commit_s = one_in(rng, 6) ? 0 : commit_s;
    plan.commit_failures = one_in(rng, 2) && !is_calm ? failures : 0;
    plan.fate_every_s = one_in(rng, 4) || is_calm ? 0 : fate_every_s;
    return plan;
}

static void any_world(struct life *life, uint64_t seed)
{
    struct rng rng = { seed };
    const struct life_plan plan = any_plan(&rng);
    struct life_worker_plan workers[LIFE_WORKERS];
    for (int i = 0; i < LIFE_WORKERS; i++)
        workers[i] = any_worker(&rng, plan.is_calm);
    life_run(life, &plan, workers);
}

static void tell(const struct life_numbers *n)
{
    printf("%" PRIu64 " calls, %" PRIu64 " jobs, %" PRIu64 " results, %" PRIu64
           " timed out (%" PRIu64 " confirmed late), %" PRIu64 " kills, %" PRIu64
           " closes, %" PRIu64 " reruns, %" PRIu64 " renewals, %" PRIu64 " stopped, %" PRIu64
           " answers lost",
           n->calls, n->jobs, n->results, n->timed_out, n->late, n->kills, n->closes, n->reruns,
           n->renewals, n->stopped, n->lost);
    for (int i = 0; i <= PIPEPOLL_WORK_UNREPORTED; i++)
        printf(", %" PRIu64 " %s", n->ended[i],
               pipepoll_work_outcome_name((enum pipepoll_work_outcome)i));
}

static void add(struct life_numbers *sum, const struct life_numbers *n)
{
    sum->calls += n->calls;
    sum->jobs += n->jobs;
    sum->results += n->results;
    sum->timed_out += n->timed_out;
    sum->late += n->late;
    sum->kills += n->kills;
    sum->closes += n->closes;
    sum->reruns += n->reruns;
    sum->renewals += n->renewals;
    sum->stopped += n->stopped;
    sum->lost += n->lost;
    for (int i = 0; i <= PIPEPOLL_WORK_UNREPORTED; i++)
        sum->ended[i] += n->ended[i];
}

/* A broken world is left as it is, for what it holds cannot be trusted. */
static bool seed_holds(uint64_t seed, bool is_told, struct life_numbers *sum)
{
    static struct life life;
    any_world(&life, seed);
    add(sum, &life.numbers);
    if (life.broken[0]) {
        print_error("seed %" PRIu64 ": invariant \"%s\" at t=%.3f s\n"
                    "again: test_life_simulation --seed %" PRIu64 "\n",
                    seed, life.broken, (double)(life.broken_ns - virtual_s(0)) / 1e9, seed);
        life_print_story(&life);
        return false;
    }
    if (is_told) {
        printf("seed %" PRIu64 ": all holds, ", seed);
        tell(&life.numbers);
        printf(", trace %016" PRIx64 "\n", life.hash);
    }
    life_deinit(&life);
    return true;
}

static bool seeds_hold(uint64_t first, uint64_t count, bool is_told, struct life_numbers *sum)
{
    uint64_t broken = 0;
    for (uint64_t i = 0; i < count; i++)
        broken += !seed_holds(first + i, is_told, sum);
    return !broken;
}

static int by_hand(uint64_t first, uint64_t count)
{
    struct life_numbers sum = { 0 };
    bool holds = seeds_hold(first, count, count <= 20, &sum);
    tell(&sum);
    printf("\n");
    return !holds;
}

/* --- tests --- */

/* All that these worlds are for has happened in them. Of the jobs without a result most were asked
 * for once more by their winner, and got InvalidNonce. */
static void check_numbers(const struct life_numbers *n)
{
    assert_true(n->results + n->timed_out == n->jobs);
    assert_true(n->timed_out * 100 < n->jobs * 7);
    assert_true(n->late * 100 < n->jobs);
    for (int i = 0; i <= PIPEPOLL_WORK_UNREPORTED; i++)
        assert_true(n->ended[i] > 0 || i == PIPEPOLL_WORK_REJECTED);
    assert_true(n->kills && n->closes && n->reruns && n->renewals && n->stopped && n->late);
}

static void every_invariant_holds_at_every_seed(void **state)
{
    struct life_numbers sum = { 0 };
    assert_true(seeds_hold(1, SEEDS, false, &sum));
    tell(&sum);
    printf("\n");
    check_numbers(&sum);
}

static void the_same_seed_gives_the_same_trace(void **state)
{
    static struct life life;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        any_world(&life, seed);
        uint64_t hash = life.hash;
        life_deinit(&life);
        any_world(&life, seed);
        assert_true(life.hash == hash);
        life_deinit(&life);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_invariant_holds_at_every_seed),
        cmocka_unit_test(the_same_seed_gives_the_same_trace),
    };
    if (argc == 3 && !strcmp(argv[1], "--seed"))
        return by_hand(strtoull(argv[2], NULL, 10), 1);
    if (argc == 4 && !strcmp(argv[1], "--seeds"))
        return by_hand(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (argc > 1) {
        fprintf(stderr, "usage: test_life_simulation [--seed N | --seeds FIRST COUNT]\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

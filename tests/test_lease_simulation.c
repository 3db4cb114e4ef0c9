/* SPDX-License-Identifier: MIT */
/* The leases of a whole fleet in virtual time, at many seeds: members join, leave, crash, stand
 * still, are cut off, drained and configured anew, the engine goes away, lines lose and delay; and
 * no target may be polled by two, or by none for longer than stated. See tests/lib/fleet_sim.h.
 *
 *   test_lease_simulation                      1 200 seeds, and what they come to
 *   test_lease_simulation --seed N             one seed
 *   test_lease_simulation --seeds FIRST COUNT  so many of them */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/chance.h"
#include "lib/check.h"
#include "lib/fleet_sim.h"

enum { SEEDS = 1200 };

static struct fleet_plan any_plan(uint64_t seed)
{
    struct rng rng = { seed };
    struct fleet_plan plan = { .seed = rng_next(&rng) };
    plan.is_mixed = one_in(&rng, 3);
    plan.is_fast = !plan.is_mixed && one_in(&rng, 2);
    plan.is_gentle = one_in(&rng, 2);
    plan.members = 2 + (uint32_t)(rng_next(&rng) % (FLEET_MEMBERS - 1));
    plan.targets = 1 + (uint32_t)(rng_next(&rng) % 24);
    plan.rounds = plan.is_gentle ? 6 : 2;
    return plan;
}

static void tell(const struct fleet_numbers *n)
{
    printf("%" PRIu64 " polls, %" PRIu64 " happenings, %" PRIu64 " claims (%" PRIu64
           " lost), %" PRIu64 " fences, %" PRIu64 " overlapping polls, moved at joins %" PRIu64
           " of %" PRIu64 "; longest unpolled after a change %.3f s, a crash %.3f s, a heal %.3f s,"
           " steady %.3f s",
           n->polls, n->happened, n->claims, n->lost_claims, n->fences, n->overlaps, n->moved,
           n->could_move, (double)n->gap_ns[FLEET_CHANGE] / 1e9,
           (double)n->gap_ns[FLEET_CRASH] / 1e9, (double)n->gap_ns[FLEET_HEALED] / 1e9,
           (double)n->gap_ns[FLEET_STEADY] / 1e9);
}

static void add(struct fleet_numbers *sum, const struct fleet_numbers *n)
{
    sum->polls += n->polls;
    sum->happened += n->happened;
    sum->moved += n->moved;
    sum->losses += n->losses;
    sum->could_move += n->could_move;
    sum->overlaps += n->overlaps;
    sum->fences += n->fences;
    sum->claims += n->claims;
    sum->lost_claims += n->lost_claims;
    for (int i = 0; i <= FLEET_STEADY; i++)
        if (n->gap_ns[i] > sum->gap_ns[i])
            sum->gap_ns[i] = n->gap_ns[i];
}

static bool seed_holds(uint64_t seed, bool is_told, struct fleet_numbers *sum)
{
    static struct fleet_sim sim;
    struct fleet_plan plan = any_plan(seed);
    plan.is_told = is_told;
    fleet_sim_run(&sim, &plan);
    fleet_sim_end(&sim);
    add(sum, &sim.numbers);
    if (sim.broken[0])
        print_error("seed %" PRIu64 " (%s, %s): %s\n"
                    "again: test_lease_simulation --seed %" PRIu64 "\n",
                    seed,
                    plan.is_mixed  ? "mixed"
                    : plan.is_fast ? "fast"
                                   : "default",
                    plan.is_gentle ? "gentle" : "wild", sim.broken, seed);
    if (is_told) {
        printf("seed %" PRIu64 ": ", seed);
        tell(&sim.numbers);
        printf("\n");
    }
    return !sim.broken[0];
}

static bool seeds_hold(uint64_t first, uint64_t count, bool is_told, struct fleet_numbers *sum)
{
    uint64_t broken = 0;
    for (uint64_t i = 0; i < count; i++)
        broken += !seed_holds(first + i, is_told, sum);
    return !broken;
}

static int by_hand(uint64_t first, uint64_t count)
{
    struct fleet_numbers sum = { 0 };
    bool holds = seeds_hold(first, count, count <= 20, &sum);
    tell(&sum);
    printf("\n");
    return !holds;
}

/* All that these fleets are for has happened in them. */
static void check_numbers(const struct fleet_numbers *n)
{
    assert_true(n->polls && n->happened > SEEDS && n->fences && n->overlaps && n->lost_claims &&
                n->losses);
    assert_true(n->moved && n->moved < n->could_move / 2);
    for (int i = 0; i <= FLEET_STEADY; i++)
        assert_true(n->gap_ns[i]);
}

static void every_invariant_holds_at_every_seed(void **state)
{
    struct fleet_numbers sum = { 0 };
    assert_true(seeds_hold(1, SEEDS, false, &sum));
    tell(&sum);
    printf("\n");
    check_numbers(&sum);
}

static void the_same_seed_gives_the_same_run(void **state)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct fleet_numbers a = { 0 }, b = { 0 };
        assert_true(seed_holds(seed, false, &a) && seed_holds(seed, false, &b));
        assert_memory_equal(&a, &b, sizeof a);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_invariant_holds_at_every_seed),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
    };
    if (argc == 3 && !strcmp(argv[1], "--seed"))
        return by_hand(strtoull(argv[2], NULL, 10), 1);
    if (argc == 4 && !strcmp(argv[1], "--seeds"))
        return by_hand(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (argc > 1) {
        fprintf(stderr, "usage: test_lease_simulation [--seed N | --seeds FIRST COUNT]\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "lib/check.h"
#include "poll/schedule.h"

enum { REGIONS = 3, TARGETS = 8 };

/* A schedule of three regions with eight targets each, all due at 1, 2, 3, ... */
struct world {
    struct schedule s;
    struct share shares[REGIONS];
    struct target targets[REGIONS][TARGETS];
};

static void world_init(struct world *w, uint32_t slots, uint32_t per_share)
{
    schedule_init(&w->s, (struct alloc) { 0 }, slots, per_share);
    uint64_t due_ns = 1;
    for (int r = 0; r < REGIONS; r++)
        assert_int_equal(schedule_share_add(&w->s, &w->shares[r], NULL), 0);
    for (int i = 0; i < TARGETS; i++)
        for (int r = 0; r < REGIONS; r++) {
            target_init(&w->targets[r][i], &w->shares[r], 1000);
            assert_int_equal(schedule_add(&w->s, &w->targets[r][i], due_ns++), 0);
        }
}

static void world_deinit(struct world *w)
{
    for (int r = 0; r < REGIONS; r++) {
        for (int i = 0; i < TARGETS; i++)
            if (!schedule_remove(&w->s, &w->targets[r][i]) && w->shares[r].in_flight)
                schedule_give(&w->s, &w->targets[r][i], TARGET_NEVER);
        schedule_share_remove(&w->s, &w->shares[r]);
    }
    schedule_deinit(&w->s);
}

/* Of a world without targets. */
static void world_end(struct world *w)
{
    for (int r = 0; r < REGIONS; r++)
        schedule_share_remove(&w->s, &w->shares[r]);
    schedule_deinit(&w->s);
}

static int region_of(const struct world *w, const struct target *t)
{
    return (int)(t->share - w->shares);
}

static void targets_become_ready_when_they_are_due_and_not_before(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    assert_int_equal(schedule_next_due(&w.s), 1);
    assert_null(schedule_take(&w.s, 1000));
    schedule_advance(&w.s, 2);
    assert_ptr_equal(schedule_take(&w.s, 1000), &w.targets[0][0]);
    assert_ptr_equal(schedule_take(&w.s, 1000), &w.targets[1][0]);
    assert_null(schedule_take(&w.s, 1000));
    assert_int_equal(schedule_next_due(&w.s), 3);
    world_deinit(&w);
}

static void slots_in_all_are_bounded(void **state)
{
    struct world w;
    world_init(&w, 5, 100);
    schedule_advance(&w.s, 1000);
    for (int i = 0; i < 5; i++)
        assert_non_null(schedule_take(&w.s, 1000));
    assert_null(schedule_take(&w.s, 1000));
    assert_int_equal(w.s.in_flight, 5);
    world_deinit(&w);
}

static void a_region_that_hangs_fills_its_own_share_and_no_other(void **state)
{
    struct world w;
    world_init(&w, 9, 0); /* fair: three each */
    schedule_advance(&w.s, 1000);
    int taken[REGIONS] = { 0 };
    for (struct target *t; (t = schedule_take(&w.s, 1000)) != NULL;)
        taken[region_of(&w, t)]++;
    for (int r = 0; r < REGIONS; r++)
        assert_int_equal(taken[r], 3);
    /* Region 0 never answers; the others go on and on. */
    for (int i = 0; i < 50; i++)
        for (int r = 1; r < REGIONS; r++) {
            struct target *t = NULL;
            for (int k = 0; k < TARGETS && !t; k++)
                if (w.targets[r][k].state == TARGET_IN_FLIGHT)
                    t = &w.targets[r][k];
            schedule_give(&w.s, t, 1000);
            schedule_advance(&w.s, 1000);
            t = schedule_take(&w.s, 1000);
            assert_non_null(t);
            assert_int_equal(region_of(&w, t), r);
        }
    assert_int_equal(w.shares[0].in_flight, 3);
    world_deinit(&w);
}

static void regions_take_loop_stats_and_targets_of_one_are_first_come_first_served(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    schedule_advance(&w.s, 1000);
    for (int i = 0; i < TARGETS; i++)
        for (int r = 0; r < REGIONS; r++)
            assert_ptr_equal(schedule_take(&w.s, 1000), &w.targets[r][i]);
    world_deinit(&w);
}

static void fair_limits_follow_the_number_of_regions(void **state)
{
    struct schedule s;
    struct share a, b, c;
    schedule_init(&s, (struct alloc) { 0 }, 8, 0);
    schedule_share_add(&s, &a, NULL);
    assert_int_equal(s.limit, 8);
    schedule_share_add(&s, &b, NULL);
    schedule_share_add(&s, &c, NULL);
    assert_int_equal(s.limit, 2);
    schedule_share_remove(&s, &b);
    assert_int_equal(s.limit, 4);
    schedule_share_remove(&s, &a);
    schedule_share_remove(&s, &c);
    schedule_deinit(&s);
}

/* How many polls a share has out after it took all it could. */
static uint32_t fill(struct world *w, int share)
{
    while (schedule_take(&w->s, 1000))
        ;
    return w->shares[share].in_flight;
}

static void a_limit_that_rises_or_falls_holds_for_shares_with_work(void **state)
{
    struct world w;
    struct share extra[6];
    world_init(&w, 12, 0);
    schedule_advance(&w.s, 1000);
    assert_int_equal(fill(&w, 0), 4);
    for (int i = 0; i < 6; i++)
        schedule_share_add(&w.s, &extra[i], NULL);
    assert_int_equal(w.s.limit, 1);
    schedule_give(&w.s, &w.targets[0][0], 5000); /* three are out, and one is allowed */
    assert_false(schedule_has_next(&w.s, 1000));
    for (int i = 0; i < 6; i++)
        schedule_share_remove(&w.s, &extra[i]); /* back to four, without a word of theirs */
    assert_true(schedule_has_next(&w.s, 1000));
    assert_int_equal(fill(&w, 0), 4);
    for (int i = 0; i < TARGETS; i++) /* a line that stands when the limit falls */
        for (int r = 0; r < REGIONS; r++)
            if (w.targets[r][i].state == TARGET_IN_FLIGHT && r == 1)
                schedule_give(&w.s, &w.targets[r][i], 5000);
    assert_int_equal(w.shares[1].place, SHARE_IN_LINE);
    for (int i = 0; i < 6; i++)
        schedule_share_add(&w.s, &extra[i], NULL);
    assert_int_equal(fill(&w, 1), 1);
    assert_int_equal(w.shares[0].in_flight, 4);
    for (int i = 0; i < 6; i++)
        schedule_share_remove(&w.s, &extra[i]);
    for (int r = 0; r < REGIONS; r++)
        for (int i = 0; i < TARGETS; i++)
            if (!schedule_remove(&w.s, &w.targets[r][i]))
                schedule_give(&w.s, &w.targets[r][i], TARGET_NEVER);
    world_end(&w);
}

static void many_that_are_due_at_once_become_ready_in_slices(void **state)
{
    struct schedule s;
    struct share share;
    static struct target targets[3 * SCHEDULE_SLICE];
    schedule_init(&s, (struct alloc) { 0 }, 1000, 0);
    schedule_share_add(&s, &share, NULL);
    for (int i = 0; i < 3 * SCHEDULE_SLICE; i++) {
        target_init(&targets[i], &share, 1000);
        schedule_add(&s, &targets[i], 5);
    }
    for (int slice = 1; slice <= 3; slice++) {
        assert_int_equal(schedule_next_due(&s), 5);
        schedule_advance(&s, 5);
        assert_int_equal(s.ready, slice * SCHEDULE_SLICE);
    }
    assert_true(schedule_next_due(&s) == TARGET_NEVER);
    for (int i = 0; i < 3 * SCHEDULE_SLICE; i++)
        schedule_remove(&s, &targets[i]);
    schedule_share_remove(&s, &share);
    schedule_deinit(&s);
}

static void a_region_always_has_one_slot(void **state)
{
    struct world w;
    world_init(&w, 2, 0); /* two slots for three regions */
    assert_int_equal(w.s.limit, 1);
    world_deinit(&w);
}

static void a_target_can_be_removed_in_every_state(void **state)
{
    struct world w;
    world_init(&w, 1, 0);
    assert_true(schedule_remove(&w.s, &w.targets[0][0])); /* waiting */
    assert_false(schedule_remove(&w.s, &w.targets[0][0]));
    schedule_advance(&w.s, 3);
    struct target *out = schedule_take(&w.s, 1000);
    assert_ptr_equal(out, &w.targets[1][0]);
    assert_true(schedule_remove(&w.s, &w.targets[2][0])); /* ready */
    assert_false(schedule_remove(&w.s, out));             /* in flight */
    schedule_give(&w.s, out, 9);
    assert_int_equal(out->state, TARGET_REMOVED);
    assert_int_equal(schedule_next_due(&w.s), 4); /* it does not wait again */
    assert_int_equal(w.s.in_flight, 0);
    assert_int_equal(w.s.ready, 0);
    world_deinit(&w);
}

static void a_given_back_target_waits_for_its_next_instant(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    schedule_advance(&w.s, 1);
    struct target *t = schedule_take(&w.s, 1000);
    schedule_give(&w.s, t, 500);
    schedule_advance(&w.s, 499);
    while (schedule_take(&w.s, 1000))
        ;
    assert_int_equal(t->state, TARGET_WAITING);
    schedule_advance(&w.s, 500);
    assert_ptr_equal(schedule_take(&w.s, 1000), t);
    world_deinit(&w);
}

/* Targets that now have a token and a slot, by region. */
static void take_all(struct world *w, uint64_t now_ns, int taken[REGIONS])
{
    schedule_advance(&w->s, now_ns);
    for (struct target *t; (t = schedule_take(&w->s, now_ns)) != NULL;)
        taken[region_of(w, t)]++;
}

static void a_region_without_a_token_waits_for_it_and_no_other_does(void **state)
{
    struct world w;
    struct budget b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&b, 2, 0);
    schedule_share_use(&w.s, &w.shares[1], &b);
    take_all(&w, 1000, taken);
    assert_int_equal(taken[0], TARGETS);
    assert_int_equal(taken[1], 2);
    assert_int_equal(taken[2], TARGETS);
    assert_false(schedule_has_next(&w.s, 1000));
    uint64_t token_ns = schedule_next_due(&w.s);
    assert_in_range(token_ns, 500000000, 500001000);
    take_all(&w, token_ns - 1000, taken);
    assert_int_equal(taken[1], 2);
    take_all(&w, token_ns, taken);
    assert_int_equal(taken[1], 3);
    world_deinit(&w);
}

static void shares_of_one_budget_take_loop_stats_at_its_tokens(void **state)
{
    struct world w;
    struct budget b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&b, 1, 0);
    for (int r = 0; r < REGIONS; r++)
        schedule_share_use(&w.s, &w.shares[r], &b);
    uint64_t now_ns = 1000;
    for (int tokens = 1; tokens <= REGIONS * TARGETS; tokens++) {
        take_all(&w, now_ns, taken);
        for (int r = 0; r < REGIONS; r++)
            assert_in_range(taken[r], tokens / REGIONS, (tokens + REGIONS - 1) / REGIONS);
        assert_int_equal(taken[0] + taken[1] + taken[2], tokens);
        now_ns = schedule_next_due(&w.s);
    }
    assert_true(now_ns == TARGET_NEVER); /* all are in flight */
    world_deinit(&w);
}

static void a_rate_that_rose_is_noticed_within_a_second(void **state)
{
    struct world w;
    struct budget b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&b, 0.01, 0);
    schedule_share_use(&w.s, &w.shares[0], &b);
    take_all(&w, 1000, taken);
    assert_int_equal(schedule_next_due(&w.s), 1000000000 + 1000);
    world_deinit(&w);
}

static void a_share_changes_its_budget_at_any_time(void **state)
{
    struct world w;
    struct budget a, b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&a, 1, 0);
    budget_init(&b, 3, 0);
    schedule_share_use(&w.s, &w.shares[0], &a);
    take_all(&w, 1000, taken);
    assert_int_equal(taken[0], 1);
    schedule_share_use(&w.s, &w.shares[0], &b); /* while it waits at a */
    memset(&a, 0xee, sizeof a);                 /* which may end */
    take_all(&w, 1000, taken);
    assert_int_equal(taken[0], 4);
    schedule_share_use(&w.s, &w.shares[0], NULL);
    take_all(&w, 1000, taken);
    assert_int_equal(taken[0], TARGETS);
    world_deinit(&w);
}

static void a_held_share_uses_no_slot_and_loses_no_target(void **state)
{
    struct world w;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    schedule_share_hold(&w.s, &w.shares[2], true, 1000);
    take_all(&w, 1000, taken);
    assert_int_equal(taken[0], TARGETS);
    assert_int_equal(taken[2], 0);
    assert_int_equal(w.s.ready, TARGETS);
    assert_true(schedule_next_due(&w.s) == TARGET_NEVER);
    schedule_share_hold(&w.s, &w.shares[2], false, 1000);
    take_all(&w, 1000, taken);
    assert_int_equal(taken[2], TARGETS);
    world_deinit(&w);
}

static void a_held_share_can_be_held_back_from_the_midst_of_its_work(void **state)
{
    struct world w;
    struct budget b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&b, 1, 0);
    schedule_share_use(&w.s, &w.shares[0], &b);
    take_all(&w, 1000, taken);
    schedule_share_hold(&w.s, &w.shares[0], true, 1000); /* while its budget waits for a token */
    assert_true(schedule_next_due(&w.s) == TARGET_NEVER);
    take_all(&w, 10000000000, taken);
    assert_int_equal(taken[0], 1);
    world_deinit(&w);
}

static void a_target_that_waits_for_a_token_can_be_removed(void **state)
{
    struct world w;
    struct budget b;
    int taken[REGIONS] = { 0 };
    world_init(&w, 100, 100);
    budget_init(&b, 1, 0);
    schedule_share_use(&w.s, &w.shares[0], &b);
    take_all(&w, 1000, taken);
    for (int i = 0; i < TARGETS; i++)
        schedule_remove(&w.s, &w.targets[0][i]);
    assert_true(schedule_next_due(&w.s) == TARGET_NEVER); /* nobody waits for it any more */
    schedule_give(&w.s, &w.targets[0][0], TARGET_NEVER);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_become_ready_when_they_are_due_and_not_before),
        cmocka_unit_test(slots_in_all_are_bounded),
        cmocka_unit_test(a_region_that_hangs_fills_its_own_share_and_no_other),
        cmocka_unit_test(regions_take_loop_stats_and_targets_of_one_are_first_come_first_served),
        cmocka_unit_test(fair_limits_follow_the_number_of_regions),
        cmocka_unit_test(a_limit_that_rises_or_falls_holds_for_shares_with_work),
        cmocka_unit_test(many_that_are_due_at_once_become_ready_in_slices),
        cmocka_unit_test(a_region_always_has_one_slot),
        cmocka_unit_test(a_target_can_be_removed_in_every_state),
        cmocka_unit_test(a_given_back_target_waits_for_its_next_instant),
        cmocka_unit_test(a_region_without_a_token_waits_for_it_and_no_other_does),
        cmocka_unit_test(shares_of_one_budget_take_loop_stats_at_its_tokens),
        cmocka_unit_test(a_rate_that_rose_is_noticed_within_a_second),
        cmocka_unit_test(a_share_changes_its_budget_at_any_time),
        cmocka_unit_test(a_held_share_uses_no_slot_and_loses_no_target),
        cmocka_unit_test(a_held_share_can_be_held_back_from_the_midst_of_its_work),
        cmocka_unit_test(a_target_that_waits_for_a_token_can_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
        schedule_share_add(&w->s, &w->shares[r]);
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

static int region_of(const struct world *w, const struct target *t)
{
    return (int)(t->share - w->shares);
}

static void targets_become_ready_when_they_are_due_and_not_before(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    assert_int_equal(schedule_next_due(&w.s), 1);
    assert_null(schedule_take(&w.s));
    schedule_advance(&w.s, 2);
    assert_ptr_equal(schedule_take(&w.s), &w.targets[0][0]);
    assert_ptr_equal(schedule_take(&w.s), &w.targets[1][0]);
    assert_null(schedule_take(&w.s));
    assert_int_equal(schedule_next_due(&w.s), 3);
    world_deinit(&w);
}

static void slots_in_all_are_bounded(void **state)
{
    struct world w;
    world_init(&w, 5, 100);
    schedule_advance(&w.s, 1000);
    for (int i = 0; i < 5; i++)
        assert_non_null(schedule_take(&w.s));
    assert_null(schedule_take(&w.s));
    assert_int_equal(w.s.in_flight, 5);
    world_deinit(&w);
}

static void a_region_that_hangs_fills_its_own_share_and_no_other(void **state)
{
    struct world w;
    world_init(&w, 9, 0); /* fair: three each */
    schedule_advance(&w.s, 1000);
    int taken[REGIONS] = { 0 };
    for (struct target *t; (t = schedule_take(&w.s)) != NULL;)
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
            t = schedule_take(&w.s);
            assert_non_null(t);
            assert_int_equal(region_of(&w, t), r);
        }
    assert_int_equal(w.shares[0].in_flight, 3);
    world_deinit(&w);
}

static void regions_take_turns_and_targets_of_one_are_first_come_first_served(void **state)
{
    struct world w;
    world_init(&w, 100, 100);
    schedule_advance(&w.s, 1000);
    for (int i = 0; i < TARGETS; i++)
        for (int r = 0; r < REGIONS; r++)
            assert_ptr_equal(schedule_take(&w.s), &w.targets[r][i]);
    world_deinit(&w);
}

static void fair_limits_follow_the_number_of_regions(void **state)
{
    struct schedule s;
    struct share a, b, c;
    schedule_init(&s, (struct alloc) { 0 }, 8, 0);
    schedule_share_add(&s, &a);
    assert_int_equal(a.limit, 8);
    schedule_share_add(&s, &b);
    schedule_share_add(&s, &c);
    assert_int_equal(a.limit, 2);
    schedule_share_remove(&s, &b);
    assert_int_equal(c.limit, 4);
    schedule_share_remove(&s, &a);
    schedule_share_remove(&s, &c);
    schedule_deinit(&s);
}

static void a_region_always_has_one_slot(void **state)
{
    struct world w;
    world_init(&w, 2, 0); /* two slots for three regions */
    for (int r = 0; r < REGIONS; r++)
        assert_int_equal(w.shares[r].limit, 1);
    world_deinit(&w);
}

static void a_target_can_be_removed_in_every_state(void **state)
{
    struct world w;
    world_init(&w, 1, 0);
    assert_true(schedule_remove(&w.s, &w.targets[0][0])); /* waiting */
    assert_false(schedule_remove(&w.s, &w.targets[0][0]));
    schedule_advance(&w.s, 3);
    struct target *out = schedule_take(&w.s);
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
    struct target *t = schedule_take(&w.s);
    schedule_give(&w.s, t, 500);
    schedule_advance(&w.s, 499);
    while (schedule_take(&w.s))
        ;
    assert_int_equal(t->state, TARGET_WAITING);
    schedule_advance(&w.s, 500);
    assert_ptr_equal(schedule_take(&w.s), t);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_become_ready_when_they_are_due_and_not_before),
        cmocka_unit_test(slots_in_all_are_bounded),
        cmocka_unit_test(a_region_that_hangs_fills_its_own_share_and_no_other),
        cmocka_unit_test(regions_take_turns_and_targets_of_one_are_first_come_first_served),
        cmocka_unit_test(fair_limits_follow_the_number_of_regions),
        cmocka_unit_test(a_region_always_has_one_slot),
        cmocka_unit_test(a_target_can_be_removed_in_every_state),
        cmocka_unit_test(a_given_back_target_waits_for_its_next_instant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

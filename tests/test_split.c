/* SPDX-License-Identifier: MIT */
/* Which loop polls which region. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "daemon/split.h"

enum { LOOPS = 3 };

struct given {
    const char *region;
    uint32_t interval_ms;
};

/* With the index of each target as its section, so that it is known again. */
static struct plan plan_of(const struct given *given, size_t count)
{
    struct plan plan = { .targets = calloc(count, sizeof *plan.targets), .count = count };
    assert_non_null(plan.targets);
    for (size_t i = 0; i < count; i++) {
        plan.targets[i].options.region = str_of(given[i].region);
        plan.targets[i].options.interval_ms = given[i].interval_ms;
        plan.targets[i].section = i;
    }
    return plan;
}

#define PLAN(...)                                                                                  \
    plan_of((const struct given[]) { __VA_ARGS__ },                                                \
            sizeof((const struct given[]) { __VA_ARGS__ }) / sizeof(struct given))

/* The loop that has the region's targets; they must all be on one. */
static uint32_t loop_of(const struct plan *shares, const char *region)
{
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < LOOPS; i++)
        for (size_t j = 0; j < shares[i].count; j++)
            if (str_eq(shares[i].targets[j].options.region, str_of(region))) {
                assert_true(found == UINT32_MAX || found == i);
                found = i;
            }
    return found;
}

static void one_loop_has_all_as_it_was(void **state)
{
    struct split s = { .count = 0 };
    struct plan share, plan = PLAN({ "b", 10 }, { "a", 10 });
    struct plan_target *before = plan.targets;
    assert_int_equal(split_plan(&s, &plan, &share, 1), 0);
    assert_ptr_equal(share.targets, before);
    assert_ptr_equal(plan.targets, before);
    assert_int_equal(share.count, 2);
    assert_int_equal(s.count, 0);
    plan_deinit(&plan);
}

static void a_region_is_on_one_loop_and_every_target_once(void **state)
{
    struct split s = { .count = 0 };
    struct plan shares[LOOPS];
    struct plan plan = PLAN({ "a", 10 }, { "b", 10 }, { "c", 10 }, { "d", 10 }, { "a", 20 },
                            { "b", 20 }, { "ab", 10 });
    assert_int_equal(split_plan(&s, &plan, shares, LOOPS), 0);
    assert_int_equal(shares[0].count + shares[1].count + shares[2].count, plan.count);
    const char *const regions[] = { "a", "b", "c", "d", "ab" };
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++)
        assert_true(loop_of(shares, regions[i]) < LOOPS);
    unsigned seen = 0;
    for (size_t i = 0; i < plan.count; i++)
        seen |= 1u << plan.targets[i].section;
    assert_int_equal(seen, 0x7f);
    plan_deinit(&plan);
    split_deinit(&s);
}

static void targets_of_a_loop_keep_their_order(void **state)
{
    struct split s = { .count = 0 };
    struct plan shares[LOOPS];
    struct plan plan = PLAN({ "a", 10 }, { "b", 10 }, { "a", 10 }, { "b", 10 }, { "a", 10 });
    assert_int_equal(split_plan(&s, &plan, shares, LOOPS), 0);
    for (uint32_t i = 0; i < LOOPS; i++)
        for (size_t j = 1; j < shares[i].count; j++)
            assert_true(shares[i].targets[j - 1].section < shares[i].targets[j].section);
    plan_deinit(&plan);
    split_deinit(&s);
}

static void the_busiest_region_has_a_loop_to_itself(void **state)
{
    struct split s = { .count = 0 };
    struct plan shares[LOOPS];
    struct plan plan = PLAN({ "a", 100 }, { "b", 100 }, { "c", 100 }, { "busy", 10 }, { "d", 100 });
    assert_int_equal(split_plan(&s, &plan, shares, LOOPS), 0);
    uint32_t busy = loop_of(shares, "busy");
    assert_int_equal(shares[busy].count, 1);
    for (uint32_t i = 0; i < LOOPS; i++)
        assert_true(i == busy || shares[i].count == 2);
    plan_deinit(&plan);
    split_deinit(&s);
}

static void a_goal_counts_as_the_interval_that_holds_it(void **state)
{
    struct split s = { .count = 0 };
    struct plan shares[LOOPS];
    struct plan plan = PLAN({ "a", 100 }, { "b", 100 }, { "busy", 0 }, { "calm", 0 });
    plan.targets[2].options.pickup_goal_ms = 10;
    plan.targets[3].options.pickup_goal_ms = 60000;
    assert_int_equal(split_plan(&s, &plan, shares, LOOPS), 0);
    assert_int_equal(shares[loop_of(shares, "busy")].count, 1);
    assert_int_equal(shares[loop_of(shares, "calm")].count, 2);
    plan_deinit(&plan);
    split_deinit(&s);
}

static void a_region_stays_when_the_plan_changes(void **state)
{
    struct split s = { .count = 0 };
    struct plan shares[LOOPS];
    struct plan before = PLAN({ "b", 10 }, { "c", 10 }, { "d", 10 });
    assert_int_equal(split_plan(&s, &before, shares, LOOPS), 0);
    uint32_t b = loop_of(shares, "b"), c = loop_of(shares, "c"), d = loop_of(shares, "d");
    struct plan after = PLAN({ "a", 1 }, { "d", 5000 }, { "b", 20 }, { "c", 10 });
    assert_int_equal(split_plan(&s, &after, shares, LOOPS), 0);
    assert_int_equal(loop_of(shares, "b"), b);
    assert_int_equal(loop_of(shares, "c"), c);
    assert_int_equal(loop_of(shares, "d"), d);
    assert_int_equal(loop_of(shares, "a"), d); /* which has the least to do */
    plan_deinit(&before);
    plan_deinit(&after);
    split_deinit(&s);
}

static void fewer_regions_than_loops_leave_some_idle(void **state)
{
    struct split s = { .count = 0 };
    struct plan shares[LOOPS];
    struct plan plan = PLAN({ "a", 10 });
    assert_int_equal(split_plan(&s, &plan, shares, LOOPS), 0);
    assert_int_equal(shares[0].count + shares[1].count + shares[2].count, 1);
    plan_deinit(&plan);
    split_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_loop_has_all_as_it_was),
        cmocka_unit_test(a_region_is_on_one_loop_and_every_target_once),
        cmocka_unit_test(targets_of_a_loop_keep_their_order),
        cmocka_unit_test(the_busiest_region_has_a_loop_to_itself),
        cmocka_unit_test(a_goal_counts_as_the_interval_that_holds_it),
        cmocka_unit_test(a_region_stays_when_the_plan_changes),
        cmocka_unit_test(fewer_regions_than_loops_leave_some_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

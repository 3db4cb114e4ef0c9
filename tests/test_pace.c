/* SPDX-License-Identifier: MIT */
#include "lib/check.h"
#include "poll/pace.h"

static struct pace with_goal(uint32_t goal_ms)
{
    struct pace p;
    pace_init(&p, goal_ms, 0);
    return p;
}

/* Empty answers until the pace is as slow as it gets. */
static uint32_t settle(struct pace *p)
{
    for (int i = 0; i < 100; i++)
        pace_on_empty(p, pace_interval_ms(p));
    return pace_interval_ms(p);
}

/* Bursts of forty jobs: the first is found after the quiet interval, the others in time. */
static void see_bursts(struct pace *p, int bursts)
{
    for (int i = 0; i < bursts; i++) {
        pace_on_jobs(p, settle(p), 1);
        for (int k = 1; k < 40; k++)
            pace_on_jobs(p, pace_interval_ms(p), 1);
    }
}

static void it_holds_the_goal_from_the_first_job(void **state)
{
    struct pace p = with_goal(5000);
    assert_int_equal(pace_interval_ms(&p), 5000);
    assert_int_equal(settle(&p), 5000);
}

static void jobs_make_it_brisk_and_silence_calms_it_down(void **state)
{
    struct pace p = with_goal(5000);
    pace_on_jobs(&p, 5000, 1);
    assert_int_equal(pace_interval_ms(&p), 3500);
    uint32_t before_ms = 3500, ms;
    for (int i = 0; i < 3; i++, before_ms = ms) {
        pace_on_empty(&p, 3000);
        ms = pace_interval_ms(&p);
        assert_true(ms > before_ms);
    }
    assert_in_range(settle(&p), 5000, 5200);
}

static void bursts_earn_a_slower_quiet_interval(void **state)
{
    struct pace p = with_goal(1000);
    see_bursts(&p, 50);
    assert_in_range(settle(&p), 5000, 12000);
}

static void jobs_that_come_alone_do_not(void **state)
{
    struct pace p = with_goal(1000);
    for (int i = 0; i < 5000; i++)
        pace_on_jobs(&p, settle(&p), 1);
    assert_in_range(settle(&p), 1000, 1060);
}

static void only_a_brisk_poll_tells_how_jobs_came(void **state)
{
    struct pace at_once = with_goal(1000), slow = with_goal(1000), unknown = with_goal(1000);
    pace_on_jobs(&at_once, 2000, 4);
    pace_on_jobs(&slow, 2000, 4);
    pace_on_jobs(&unknown, 2000, 4);
    pace_on_empty(&at_once, 700);
    pace_on_jobs(&slow, 2500, 10); /* the rest of a full batch */
    pace_on_jobs(&unknown, 0, 10);
    assert_memory_equal(&slow.quiet_ms, &at_once.quiet_ms, sizeof at_once.quiet_ms);
    assert_memory_equal(&unknown.quiet_ms, &at_once.quiet_ms, sizeof at_once.quiet_ms);
}

/* Bursts whose first 4 jobs are found after two goals, and two more in each of some brisk polls. */
static float quiet_after_bursts(int brisk_polls)
{
    struct pace p = with_goal(1000);
    for (int i = 0; i < 50; i++) {
        pace_on_jobs(&p, 2000, 4);
        for (int k = 0; k < brisk_polls; k++)
            pace_on_jobs(&p, 700, 2);
        settle(&p);
    }
    return p.quiet_ms;
}

static void jobs_that_drop_in_were_late_more_seldom_than_those_that_came_at_once(void **state)
{
    struct pace at_once = with_goal(1000), one_by_one = with_goal(1000);
    pace_on_jobs(&at_once, 2000, 4);
    pace_on_jobs(&one_by_one, 2000, 4);
    pace_on_empty(&at_once, 700);
    pace_on_jobs(&one_by_one, 700, 4);
    assert_true(one_by_one.quiet_ms > at_once.quiet_ms);
    assert_true(quiet_after_bursts(0) < 1000);
    assert_true(quiet_after_bursts(10) < 1000);
    assert_true(quiet_after_bursts(15) > 2000 /* not so if all 4 had come at once */);
}

static void when_bursts_stop_it_goes_back_to_the_goal(void **state)
{
    struct pace p = with_goal(1000);
    see_bursts(&p, 50);
    for (int i = 0; i < 100; i++)
        pace_on_jobs(&p, settle(&p), 1);
    assert_in_range(settle(&p), 1000, 1100);
}

static void a_slow_service_is_asked_sooner_so_that_jobs_are_in_time(void **state)
{
    struct pace p = with_goal(1000);
    for (int i = 0; i < 5000; i++)
        pace_on_jobs(&p, settle(&p) + 300, 1); /* answers take 300 ms */
    assert_in_range(settle(&p), 700, 760);
}

static void what_is_learnt_stays_within_its_bounds(void **state)
{
    struct pace p = with_goal(1000);
    for (int i = 0; i < 10000; i++)
        pace_on_jobs(&p, 100, 10);
    assert_int_equal(settle(&p), 12000);
    pace_init(&p, 1000, 3000);
    for (int i = 0; i < 10000; i++)
        pace_on_jobs(&p, 100, 10);
    assert_int_equal(settle(&p), 3000);
    for (int i = 0; i < 10000; i++)
        pace_on_jobs(&p, 1000000, UINT32_MAX);
    assert_int_equal(settle(&p), 250);
}

static void a_gap_of_unknown_length_teaches_nothing(void **state)
{
    struct pace p = with_goal(1000);
    for (int i = 0; i < 1000; i++)
        pace_on_jobs(&p, 0, 10);
    assert_int_equal(settle(&p), 1000);
}

static void extreme_goals_work(void **state)
{
    struct pace p = with_goal(1);
    pace_on_jobs(&p, 1, 1);
    assert_int_equal(pace_interval_ms(&p), 1);
    p = with_goal(UINT32_MAX / 2);
    assert_true(settle(&p) >= UINT32_MAX / 2 - 1000);
    p = with_goal(UINT32_MAX);
    assert_int_equal(settle(&p), UINT32_MAX);
    pace_init(&p, 60000, 1000); /* never slower than told */
    assert_int_equal(settle(&p), 1000);
    assert_int_equal(pace_interval_of_goal_ms(5000), 5200);
    assert_int_equal(pace_interval_of_goal_ms(UINT32_MAX), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_the_goal_from_the_first_job),
        cmocka_unit_test(jobs_make_it_brisk_and_silence_calms_it_down),
        cmocka_unit_test(bursts_earn_a_slower_quiet_interval),
        cmocka_unit_test(jobs_that_come_alone_do_not),
        cmocka_unit_test(jobs_that_drop_in_were_late_more_seldom_than_those_that_came_at_once),
        cmocka_unit_test(only_a_brisk_poll_tells_how_jobs_came),
        cmocka_unit_test(when_bursts_stop_it_goes_back_to_the_goal),
        cmocka_unit_test(a_slow_service_is_asked_sooner_so_that_jobs_are_in_time),
        cmocka_unit_test(what_is_learnt_stays_within_its_bounds),
        cmocka_unit_test(a_gap_of_unknown_length_teaches_nothing),
        cmocka_unit_test(extreme_goals_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

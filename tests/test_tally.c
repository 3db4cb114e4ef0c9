/* SPDX-License-Identifier: MIT */
/* Polls are counted by target and by region, and a region's counts stay when its targets go. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/tally.h"
#include "lib/check.h"

static const struct identity_config nobody = { .profile = { 0 } };
static const struct identity_config acme = { .profile = STR_INIT("acme") };

static void poll_with(struct tally *t, struct tally_target *target, int status, uint32_t jobs,
                      int64_t now_ms)
{
    const struct pipepoll_poll poll = {
        .status = status, .jobs = jobs, .latency_us = 20000, .late_us = 300, .asked = 10
    };
    tally_poll(t, target, &poll, now_ms);
}

static void targets_of_one_account_and_region_share_its_counts(void **state)
{
    struct tally t;
    struct tally_target a, b, c, d;
    tally_init(&t);
    assert_int_equal(tally_add(&t, &a, NULL, STR("eu-west-1"), &nobody, 1000), 0);
    assert_int_equal(tally_add(&t, &b, NULL, STR("eu-west-1"), &nobody, 1000), 0);
    assert_int_equal(tally_add(&t, &c, NULL, STR("eu-west-1"), &acme, 1000), 0);
    assert_int_equal(tally_add(&t, &d, NULL, STR("us-east-1"), &acme, 1000), 0);
    assert_ptr_equal(a.region, b.region);
    assert_ptr_not_equal(b.region, c.region);
    assert_ptr_not_equal(c.region, d.region);
    assert_string_equal(d.region->identity, "profile acme");
    poll_with(&t, &a, 0, 0, 2000);
    poll_with(&t, &b, 0, 3, 2100);
    poll_with(&t, &b, PIPEPOLL_ETHROTTLED, 0, 2200);
    tally_remove(&b);
    poll_with(&t, &b, 0, 1, 2300); /* the one that was in flight */
    assert_int_equal(a.region->polls[STATUS_EMPTY], 1);
    assert_int_equal(a.region->polls[STATUS_JOBS], 2);
    assert_int_equal(a.region->polls[STATUS_THROTTLED], 1);
    assert_int_equal(a.region->jobs, 4);
    assert_int_equal(a.region->poll_time.count, 3);
    assert_int_equal(a.polls[STATUS_JOBS], 0);
    assert_int_equal(a.good_ms, 2000);
    assert_int_equal(a.job_ms, 0);
    assert_int_equal(t.late_us_sum, 1200);
    assert_int_equal(t.late_us_max, 300);
    tally_remove(&a);
    assert_int_equal(c.region->jobs, 0);
    tally_deinit(&t);
}

static void a_job_has_waited_since_the_last_poll_that_left_none_at_most(void **state)
{
    struct tally t;
    struct tally_target a;
    tally_init(&t);
    tally_add(&t, &a, NULL, STR("eu-west-1"), &nobody, 0);
    poll_with(&t, &a, 0, 10, 1000); /* who knows since when, and whether there are more */
    poll_with(&t, &a, 0, 10, 1100);
    assert_int_equal(t.pickup.count, 0);
    poll_with(&t, &a, 0, 0, 2020); /* began at 2000 */
    poll_with(&t, &a, PIPEPOLL_ETIMEDOUT, 0, 2500);
    poll_with(&t, &a, 0, 2, 5000);
    assert_int_equal(t.pickup.count, 2);
    assert_in_range(histogram_at(&t.pickup, 0.5), 3000000, 3000000 * 33 / 32);
    assert_int_equal(t.pickup_time.sum_us, 6000000);
    poll_with(&t, &a, 0, 3, 6000); /* since 4980: the one before had asked for more than it got */
    assert_int_equal(t.pickup.count, 5);
    assert_int_equal(t.pickup_time.sum_us, 6000000 + 3 * 1020000);
    poll_with(&t, &a, 0, 1, 1500); /* the clock was set back */
    assert_int_equal(t.pickup.count, 5);
    tally_deinit(&t);
}

static void what_is_not_in_it_is_counted_nowhere(void **state)
{
    struct tally t;
    struct tally_target a = { .live = NULL };
    tally_init(&t);
    poll_with(&t, &a, 0, 1, 1000);
    tally_remove(&a);
    assert_int_equal(a.jobs, 0);
    tally_deinit(&t);
    struct tally never = { .late_us_max = 0 };
    tally_deinit(&never);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_of_one_account_and_region_share_its_counts),
        cmocka_unit_test(a_job_has_waited_since_the_last_poll_that_left_none_at_most),
        cmocka_unit_test(what_is_not_in_it_is_counted_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

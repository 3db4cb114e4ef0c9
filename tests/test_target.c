/* SPDX-License-Identifier: MIT */
#include "base/backoff.h"
#include "lib/check.h"
#include "poll/retry.h"
#include "poll/target.h"

static const uint64_t ms = 1000000;
static const str no_code = { NULL, 0 };

static struct target in_flight(uint32_t interval_ms)
{
    struct target t;
    target_init(&t, NULL, interval_ms);
    t.state = TARGET_IN_FLIGHT;
    return t;
}

static struct target with_goal(uint32_t goal_ms)
{
    struct target t;
    target_init_goal(&t, NULL, goal_ms, 0);
    t.state = TARGET_IN_FLIGHT;
    return t;
}

static struct budget fresh_budget(void)
{
    struct budget b;
    budget_init(&b, 0, 0);
    return b;
}

static struct budget spent_budget(void)
{
    struct budget b = fresh_budget();
    while (budget_take_retry(&b, 1))
        ;
    return b;
}

/* A poll that started at 0 and was answered at now. */
static uint64_t answered(struct target *t, uint32_t jobs, uint64_t now_ns, uint64_t roll)
{
    struct poll_end end = { .now_ns = now_ns, .roll = roll, .jobs = jobs };
    return target_on_end(t, NULL, &end);
}

/* A poll that started and failed at 0. */
static uint64_t failed(struct target *t, struct budget *b, enum fault fault, uint64_t roll)
{
    struct poll_end end = { .fault = fault, .roll = roll };
    return target_on_end(t, b, &end);
}

static void the_first_poll_falls_anywhere_in_the_first_interval(void **state)
{
    struct target t = in_flight(1000);
    assert_int_equal(target_first_due(&t, 7, 0), 7);
    assert_int_equal(target_first_due(&t, 7, 999 * ms), 7 + 999 * ms);
    assert_int_equal(target_first_due(&t, 7, 1000 * ms), 7);
    target_init_goal(&t, NULL, 1000, 0);
    assert_int_equal(target_first_due(&t, 7, 1000 * ms), 7);
}

static void an_answer_waits_for_the_interval_give_or_take_a_tenth(void **state)
{
    struct target t = in_flight(1000);
    uint64_t least = UINT64_MAX, most = 0;
    for (uint64_t roll = 0; roll <= 200 * ms; roll += ms / 7) {
        uint64_t due_ns = answered(&t, 0, 0, roll);
        least = due_ns < least ? due_ns : least;
        most = due_ns > most ? due_ns : most;
    }
    assert_int_equal(least, 900 * ms);
    assert_in_range(most, 1099 * ms, 1100 * ms);
}

static void intervals_count_from_start_to_start(void **state)
{
    struct target t = in_flight(1000);
    struct poll_end end = { .started_ns = 5000 * ms, .now_ns = 5300 * ms };
    assert_int_equal(target_on_end(&t, NULL, &end), 5900 * ms);
    end.now_ns = 9000 * ms; /* it took longer than the interval */
    assert_int_equal(target_on_end(&t, NULL, &end), 9000 * ms);
}

static void a_full_batch_is_followed_by_a_poll_at_once(void **state)
{
    struct target t = in_flight(1000);
    struct poll_end end = { .now_ns = 5 * ms, .jobs = 3, .full = true };
    assert_int_equal(target_on_end(&t, NULL, &end), 5 * ms);
    assert_int_equal(answered(&t, 3, 5 * ms, 0), 900 * ms);
}

static void passing_faults_are_retried_after_a_back_off_that_doubles(void **state)
{
    struct target t = in_flight(60000);
    struct budget b = fresh_budget();
    assert_int_equal(failed(&t, &b, FAULT_UNREACHABLE, 50), 50 * ms);
    assert_int_equal(failed(&t, &b, FAULT_SERVICE, 100), 100 * ms);
    assert_int_equal(t.failures, 2);
    assert_int_equal(b.quota, BUDGET_QUOTA - 2 * BUDGET_RETRY_COST);
}

static void after_three_attempts_the_next_poll_comes_by_plan(void **state)
{
    static const enum fault faults[] = { FAULT_SERVICE, FAULT_THROTTLED, FAULT_EXPIRED };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct target t = in_flight(60000);
        struct budget b = fresh_budget();
        assert_true(failed(&t, &b, faults[i], 1) < 54000 * ms);
        assert_true(failed(&t, &b, faults[i], 1) < 54000 * ms);
        uint32_t quota = b.quota;
        for (int k = 0; k < 20; k++)
            assert_in_range(failed(&t, &b, faults[i], 1), 54000 * ms, 66000 * ms);
        assert_int_equal(b.quota, quota);
    }
}

static void without_quota_no_poll_comes_sooner_than_planned(void **state)
{
    struct target t = in_flight(60000);
    struct budget b = spent_budget();
    assert_in_range(failed(&t, &b, FAULT_SERVICE, 1), 54000 * ms, 66000 * ms);
    assert_int_equal(b.quota, 0);
}

static void without_quota_the_back_off_still_grows_past_a_short_interval(void **state)
{
    struct target t = in_flight(10);
    struct budget b = spent_budget();
    uint64_t longest_ns = 0;
    for (unsigned k = 0; k < 40; k++) {
        uint64_t due_ns = failed(&t, &b, FAULT_SERVICE, k < 9 ? (50u << k) : 20000);
        longest_ns = due_ns > longest_ns ? due_ns : longest_ns;
    }
    assert_int_equal(longest_ns, 20000 * ms);
}

static void only_what_comes_sooner_than_planned_costs_quota(void **state)
{
    struct target t = in_flight(5);
    struct budget b = fresh_budget();
    assert_int_equal(failed(&t, &b, FAULT_SERVICE, 50), 50 * ms);
    assert_int_equal(b.quota, BUDGET_QUOTA);
}

static void planned_polls_count_from_the_start_of_the_one_that_failed(void **state)
{
    struct target t = in_flight(10000);
    struct budget b = spent_budget();
    struct poll_end end = { .started_ns = 1000 * ms,
                            .now_ns = 6000 * ms,
                            .fault = FAULT_TIMED_OUT };
    assert_int_equal(target_on_end(&t, &b, &end), 10000 * ms);
}

static void an_answer_gives_back_what_its_retry_cost_and_else_earns_one(void **state)
{
    struct target t = in_flight(60000);
    struct budget b = fresh_budget();
    struct poll_end fine = { 0 };
    failed(&t, &b, FAULT_SERVICE, 1);
    failed(&t, &b, FAULT_THROTTLED, 1);
    assert_int_equal(b.quota, BUDGET_QUOTA - BUDGET_RETRY_COST - BUDGET_THROTTLED_COST);
    target_on_end(&t, &b, &fine);
    assert_int_equal(b.quota, BUDGET_QUOTA - BUDGET_RETRY_COST);
    target_on_end(&t, &b, &fine);
    assert_int_equal(b.quota, BUDGET_QUOTA - BUDGET_RETRY_COST + 1);
}

static void what_failed_retries_cost_is_gone(void **state)
{
    struct target t = in_flight(60000);
    struct budget b = fresh_budget();
    struct poll_end fine = { 0 };
    for (int i = 0; i <= RETRY_MAX; i++)
        failed(&t, &b, FAULT_SERVICE, 1);
    target_on_end(&t, &b, &fine); /* came by plan */
    assert_int_equal(b.quota, BUDGET_QUOTA - RETRY_MAX * BUDGET_RETRY_COST + 1);
}

static void the_owner_may_allow_other_retries_or_none(void **state)
{
    for (uint16_t most = 0; most < 5; most += 4) {
        struct target t = in_flight(60000);
        struct budget b = fresh_budget();
        t.max_retries = most;
        for (int i = 0; i < 9; i++)
            failed(&t, &b, FAULT_SERVICE, 1);
        assert_int_equal(b.quota, BUDGET_QUOTA - most * BUDGET_RETRY_COST);
    }
}

static void an_answer_ends_the_row_of_failures(void **state)
{
    struct target t = in_flight(60000);
    for (int i = 0; i < 5; i++)
        failed(&t, NULL, FAULT_MALFORMED, 0);
    answered(&t, 0, 0, 0);
    assert_int_equal(t.failures, 0);
    assert_int_equal(failed(&t, NULL, FAULT_TIMED_OUT, 50), 50 * ms);
}

static void a_throttled_target_waits_longer_than_an_idle_one(void **state)
{
    struct target idle = in_flight(5), hot = in_flight(5);
    assert_true(failed(&hot, NULL, FAULT_THROTTLED, 900) > answered(&idle, 0, 0, 0));
}

static void want_of_memory_is_tried_again_soon_and_costs_no_quota(void **state)
{
    struct target t = in_flight(86400000);
    struct budget b = fresh_budget();
    for (int i = 0; i < 20; i++)
        assert_in_range(failed(&t, &b, FAULT_OUT_OF_MEMORY, 900), 1, 20000 * ms);
    assert_int_equal(b.quota, BUDGET_QUOTA);
}

static void new_credentials_are_given_a_second_to_arrive(void **state)
{
    struct target t = in_flight(60000);
    assert_int_equal(failed(&t, NULL, FAULT_EXPIRED, 0), RETRY_REFRESH_MS * ms);
}

static void a_wrong_clock_is_retried_at_once(void **state)
{
    struct target t = in_flight(60000);
    assert_int_equal(failed(&t, NULL, FAULT_SKEWED, 50), 50 * ms);
}

static void the_services_hint_sets_the_delay(void **state)
{
    struct target t = in_flight(10);
    struct poll_end end = { .fault = FAULT_THROTTLED, .hint_ms = 1500, .roll = 100 };
    assert_int_equal(target_on_end(&t, NULL, &end), 1500 * ms);
    t = in_flight(10);
    end = (struct poll_end) { .fault = FAULT_SERVICE, .hint_ms = 4000, .roll = 7 };
    assert_int_equal(target_on_end(&t, NULL, &end), 4000 * ms);
}

static void what_needs_a_new_set_up_is_looked_at_slowly(void **state)
{
    static const enum fault faults[] = { FAULT_DENIED,    FAULT_NOT_FOUND,      FAULT_REFUSED,
                                         FAULT_UNTRUSTED, FAULT_NO_CREDENTIALS, FAULT_BROKEN };
    struct budget b = fresh_budget();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct target t = in_flight(1000);
        assert_in_range(failed(&t, &b, faults[i], 12345), 54000 * ms, 66000 * ms);
    }
    struct target slow = in_flight(600000);
    assert_true(failed(&slow, &b, FAULT_DENIED, 0) >= 540000 * ms);
    assert_int_equal(b.quota, BUDGET_QUOTA);
}

static void every_end_tells_the_budget(void **state)
{
    struct target t = in_flight(1000);
    struct budget b = fresh_budget();
    failed(&t, &b, FAULT_SERVICE, 0);
    assert_true(budget_rate(&b) <= 0);
    failed(&t, &b, FAULT_THROTTLED, 0);
    assert_true(budget_rate(&b) > 0);
}

static void a_target_with_a_goal_follows_its_pace(void **state)
{
    struct target t = with_goal(10000);
    assert_int_equal(target_interval_ms(&t), 10000);
    assert_int_equal(answered(&t, 1, 0, 0), 6300 * ms); /* brisk */
    assert_int_equal(answered(&t, 0, 0, 0), 6930 * ms);
    assert_int_equal(failed(&t, NULL, FAULT_SERVICE, 50), 50 * ms);
    assert_int_equal(target_interval_ms(&t), 7700); /* a fault changes nothing */
}

/* A poll at that instant ended at once, like this. */
static void poll_at(struct target *t, uint64_t at_ms, struct poll_end end)
{
    end.started_ns = end.now_ns = at_ms * ms;
    target_on_end(t, NULL, &end);
}

static void late_jobs_teach_the_pace_but_not_those_that_failures_delayed(void **state)
{
    struct target taught = with_goal(1000), spared = with_goal(1000);
    poll_at(&taught, 1000, (struct poll_end) { 0 });
    poll_at(&spared, 1000, (struct poll_end) { 0 });
    poll_at(&spared, 2000, (struct poll_end) { .fault = FAULT_SERVICE });
    poll_at(&taught, 3000, (struct poll_end) { .jobs = 10 });
    poll_at(&spared, 3000, (struct poll_end) { .jobs = 10 });
    poll_at(&taught, 3700, (struct poll_end) { 0 });
    poll_at(&spared, 3700, (struct poll_end) { 0 });
    assert_true(taught.pace.quiet_ms < 700);
    assert_true(spared.pace.quiet_ms >= 1000);
}

static void jobs_left_behind_by_a_full_batch_count_from_the_poll_before_it(void **state)
{
    struct target t = with_goal(1000);
    poll_at(&t, 0, (struct poll_end) { 0 });
    poll_at(&t, 900, (struct poll_end) { .jobs = 1, .full = true });
    poll_at(&t, 1500, (struct poll_end) { .jobs = 1 });
    poll_at(&t, 2200, (struct poll_end) { 0 });
    assert_true(t.pace.quiet_ms < 1000);
}

static void a_removed_target_is_never_due_and_pays_for_no_retry(void **state)
{
    struct target t = in_flight(1000);
    struct budget b = fresh_budget();
    t.state = TARGET_REMOVED;
    assert_int_equal(answered(&t, 0, 5, 5), TARGET_NEVER);
    assert_int_equal(answered(&t, 7, 5, 5), TARGET_NEVER);
    assert_int_equal(failed(&t, &b, FAULT_SERVICE, 5), TARGET_NEVER);
    assert_int_equal(b.quota, BUDGET_QUOTA);
}

static void passing_faults_are_always_news(void **state)
{
    struct target t = in_flight(1000);
    assert_true(target_is_news(&t, FAULT_SERVICE, PIPEPOLL_CAUSE_SERVICE, no_code));
    assert_true(target_is_news(&t, FAULT_SERVICE, PIPEPOLL_CAUSE_SERVICE, no_code));
}

static void lasting_faults_are_news_once_per_change(void **state)
{
    struct target t = in_flight(1000);
    assert_true(target_is_news(&t, FAULT_DENIED, PIPEPOLL_CAUSE_DENIED, STR("AccessDenied")));
    assert_false(target_is_news(&t, FAULT_DENIED, PIPEPOLL_CAUSE_DENIED, STR("AccessDenied")));
    assert_true(target_is_news(&t, FAULT_DENIED, PIPEPOLL_CAUSE_DENIED, STR("NotAuthorized")));
    assert_true(target_is_news(&t, FAULT_DENIED, PIPEPOLL_CAUSE_OPT_IN, STR("NotAuthorized")));
    assert_true(
        target_is_news(&t, FAULT_NOT_FOUND, PIPEPOLL_CAUSE_NO_ACTION_TYPE, STR("NotAuthorized")));
    assert_false(
        target_is_news(&t, FAULT_NOT_FOUND, PIPEPOLL_CAUSE_NO_ACTION_TYPE, STR("NotAuthorized")));
    answered(&t, 0, 0, 0); /* it worked in between */
    assert_true(
        target_is_news(&t, FAULT_NOT_FOUND, PIPEPOLL_CAUSE_NO_ACTION_TYPE, STR("NotAuthorized")));
    assert_true(target_is_news(&t, FAULT_SERVICE, PIPEPOLL_CAUSE_SERVICE,
                               no_code)); /* or failed in another way */
    assert_true(
        target_is_news(&t, FAULT_NOT_FOUND, PIPEPOLL_CAUSE_NO_ACTION_TYPE, STR("NotAuthorized")));
}

static void an_idle_target_stays_small(void **state)
{
    assert_true(sizeof(struct target) <= 112); /* there may be a hundred thousand */
}

static void a_short_pause_keeps_the_plan_and_a_long_one_begins_anew(void **state)
{
    struct target t = in_flight(1000);
    t.state = TARGET_PAUSED;
    t.due_ns = 500 * ms;
    t.emptied_ns = 1;
    assert_int_equal(target_after_pause(&t, 499 * ms, 7 * ms), 500 * ms);
    assert_int_equal(t.emptied_ns, 1);
    assert_int_equal(target_after_pause(&t, 600 * ms, 7 * ms), 607 * ms);
    assert_int_equal(t.emptied_ns, TARGET_NEVER);
    t.due_ns = 60000 * ms; /* of one that somebody must set right */
    t.failures = 3;
    t.reported_hash = 1;
    assert_int_equal(target_after_pause(&t, 600 * ms, 999 * ms), 1599 * ms);
    assert_int_equal(t.failures + t.reported_hash, 0);
}

static void first_polls_may_come_soon_and_part_afterwards(void **state)
{
    struct target t = in_flight(60000);
    t.first_ms = 100;
    assert_int_equal(target_first_due(&t, 7, 99 * ms), 7 + 99 * ms);
    assert_int_equal(t.early_ns, 0);
    assert_int_equal(target_first_due(&t, 7, UINT64_C(0x8000) << 48 | 100 * ms), 7);
    assert_int_equal(t.early_ns, 30000 * ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_pause_keeps_the_plan_and_a_long_one_begins_anew),
        cmocka_unit_test(first_polls_may_come_soon_and_part_afterwards),
        cmocka_unit_test(the_first_poll_falls_anywhere_in_the_first_interval),
        cmocka_unit_test(an_answer_waits_for_the_interval_give_or_take_a_tenth),
        cmocka_unit_test(intervals_count_from_start_to_start),
        cmocka_unit_test(a_full_batch_is_followed_by_a_poll_at_once),
        cmocka_unit_test(passing_faults_are_retried_after_a_back_off_that_doubles),
        cmocka_unit_test(after_three_attempts_the_next_poll_comes_by_plan),
        cmocka_unit_test(without_quota_no_poll_comes_sooner_than_planned),
        cmocka_unit_test(without_quota_the_back_off_still_grows_past_a_short_interval),
        cmocka_unit_test(only_what_comes_sooner_than_planned_costs_quota),
        cmocka_unit_test(planned_polls_count_from_the_start_of_the_one_that_failed),
        cmocka_unit_test(an_answer_gives_back_what_its_retry_cost_and_else_earns_one),
        cmocka_unit_test(what_failed_retries_cost_is_gone),
        cmocka_unit_test(the_owner_may_allow_other_retries_or_none),
        cmocka_unit_test(an_answer_ends_the_row_of_failures),
        cmocka_unit_test(a_throttled_target_waits_longer_than_an_idle_one),
        cmocka_unit_test(want_of_memory_is_tried_again_soon_and_costs_no_quota),
        cmocka_unit_test(new_credentials_are_given_a_second_to_arrive),
        cmocka_unit_test(a_wrong_clock_is_retried_at_once),
        cmocka_unit_test(the_services_hint_sets_the_delay),
        cmocka_unit_test(what_needs_a_new_set_up_is_looked_at_slowly),
        cmocka_unit_test(every_end_tells_the_budget),
        cmocka_unit_test(a_target_with_a_goal_follows_its_pace),
        cmocka_unit_test(late_jobs_teach_the_pace_but_not_those_that_failures_delayed),
        cmocka_unit_test(jobs_left_behind_by_a_full_batch_count_from_the_poll_before_it),
        cmocka_unit_test(a_removed_target_is_never_due_and_pays_for_no_retry),
        cmocka_unit_test(passing_faults_are_always_news),
        cmocka_unit_test(lasting_faults_are_news_once_per_change),
        cmocka_unit_test(an_idle_target_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

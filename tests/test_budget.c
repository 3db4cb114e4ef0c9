/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "lib/check.h"
#include "poll/budget.h"

static const uint64_t s_ns = 1000000000;
static const uint64_t ms = 1000000;

/* Takes as many polls as are allowed from `from` to `until`, and returns how many. The budget's
 * rates do not change meanwhile, so no window may hold more than its burst and its rate allow. */
static int polls_between(struct budget *b, uint64_t from, uint64_t until, double burst)
{
    static uint64_t sent[10000];
    int n = 0;
    double per_s = budget_rate(b);
    for (uint64_t now = budget_ready_at(b, from); now <= until; now = budget_ready_at(b, now)) {
        assert_true(n < 10000);
        budget_take(b, BUDGET_POLL, now);
        sent[n++] = now;
    }
    for (int i = 0; i < n; i++)
        for (int k = i; k < n; k++) {
            double window_s = (double)(sent[k] - sent[i]) / 1e9;
            assert_true(k - i + 1 <= burst + per_s * window_s + 1e-6);
        }
    return n;
}

/* A client that sent 100 calls a second for two seconds, then was throttled. */
static struct budget throttled_at(uint64_t *now)
{
    struct budget b;
    budget_init(&b, 0, 7 * s_ns);
    *now = 7 * s_ns;
    for (int i = 0; i < 200; i++) {
        budget_on_answer(&b, false, *now);
        *now += 10 * ms;
    }
    budget_on_answer(&b, true, *now);
    return b;
}

static void a_new_budget_lets_all_pass(void **state)
{
    struct budget b;
    budget_init(&b, 0, 5);
    for (uint64_t now = 5; now < 10000; now++) {
        assert_int_equal(budget_ready_at(&b, now), now);
        budget_take(&b, BUDGET_POLL, now);
        budget_on_answer(&b, false, now);
    }
    assert_true(budget_rate(&b) <= 0);
}

static void no_window_holds_more_polls_than_the_ceiling_allows(void **state)
{
    struct budget b;
    budget_init(&b, 20, 3);
    assert_in_range(polls_between(&b, 3, 10 * s_ns, 20), 219, 220);
    /* An idle hour saves up no more than one second's polls. */
    assert_in_range(polls_between(&b, 3600 * s_ns, 3601 * s_ns, 20), 39, 40);
}

static void a_ceiling_below_one_poll_a_second_still_lets_one_pass(void **state)
{
    struct budget b;
    budget_init(&b, 0.1, 0);
    assert_int_equal(polls_between(&b, 0, 95 * s_ns, 1), 10);
}

static void a_throttle_cuts_the_rate_to_seven_tenths_of_what_was_sent(void **state)
{
    uint64_t now;
    struct budget b = throttled_at(&now);
    double sent_per_s = b.adaptive.measured_per_s;
    assert_true(fabs(sent_per_s - 100) < 5);
    assert_true(fabs(budget_rate(&b) - 0.7 * sent_per_s) < 1e-9);
}

static void no_window_holds_more_polls_than_the_adaptive_rate_allows(void **state)
{
    uint64_t now;
    struct budget b = throttled_at(&now);
    double burst = b.adaptive.bucket.capacity;
    int n = polls_between(&b, now, now + 10 * s_ns, burst);
    assert_in_range(n, (int)(10 * budget_rate(&b)) - 1, (int)(10 * budget_rate(&b) + burst) + 1);
}

static void the_rate_comes_back_along_the_cubic(void **state)
{
    uint64_t now;
    struct budget b = throttled_at(&now);
    uint64_t cut_ns = now;
    double cut_at = b.adaptive.w_max_per_s, back_s = cbrt(cut_at * 0.3 / 0.4);
    while ((double)(now - cut_ns) / 1e9 < back_s) {
        now += (uint64_t)(1e9 / cut_at); /* as many calls as before, all fine */
        budget_on_answer(&b, false, now);
    }
    assert_true(fabs(budget_rate(&b) - cut_at) < 0.01 * cut_at);
    for (int i = 0; i < 3000; i++) {
        now += (uint64_t)(1e9 / cut_at);
        budget_on_answer(&b, false, now);
    }
    assert_true(budget_rate(&b) > 1.5 * cut_at && budget_rate(&b) <= 2.1 * cut_at);
}

static void the_rate_never_falls_below_one_poll_in_two_seconds(void **state)
{
    uint64_t now;
    struct budget b = throttled_at(&now);
    for (int i = 0; i < 50; i++)
        budget_on_answer(&b, true, now += s_ns);
    assert_true(fabs(budget_rate(&b) - 0.5) < 1e-12);
    assert_true(budget_ready_at(&b, now + 2 * s_ns) == now + 2 * s_ns);
}

static void the_lower_of_the_two_rates_counts(void **state)
{
    struct budget b;
    budget_init(&b, 3, 0);
    for (uint64_t now = 0; now < 4 * s_ns; now += 10 * ms)
        budget_on_answer(&b, now == 3 * s_ns, now);
    assert_true(b.adaptive.bucket.per_s > 3);
    assert_true(fabs(budget_rate(&b) - 3) < 1e-12);
}

static void lifecycle_calls_go_at_once_and_polls_pay_their_debt(void **state)
{
    struct budget b;
    budget_init(&b, 2, 0);
    for (int i = 0; i < 3; i++)
        budget_take(&b, BUDGET_LIFECYCLE, 0);
    /* Two tokens were there; the debt of one and the poll's own take 2 tokens. */
    assert_int_equal(budget_ready_at(&b, 0), 1000 * ms);
    assert_int_equal(budget_ready_at(&b, 1000 * ms), 1000 * ms);
}

static void however_many_lifecycle_calls_there_were_polls_come_back_soon(void **state)
{
    uint64_t now;
    struct budget ceiling, adaptive = throttled_at(&now);
    double per_s = budget_rate(&adaptive);
    budget_init(&ceiling, 20, now);
    for (int i = 0; i < 100000; i++) {
        budget_take(&ceiling, BUDGET_LIFECYCLE, now);
        budget_take(&adaptive, BUDGET_LIFECYCLE, now);
    }
    uint64_t most_ns = (uint64_t)(1e9 + 1e9 / per_s) + 1;
    assert_in_range(budget_ready_at(&ceiling, now) - now, s_ns, s_ns + s_ns / 20);
    assert_in_range(budget_ready_at(&adaptive, now) - now, s_ns, most_ns);
    /* And then as many as ever. */
    assert_in_range(polls_between(&ceiling, now + 2 * s_ns, now + 12 * s_ns, 20), 218, 220);
}

/* What is asked for at the instant that was named must be granted: else the timer spins. */
static void an_instant_once_named_is_kept(void **state)
{
    for (int i = 1; i < 2000; i++) {
        struct budget b;
        budget_init(&b, 1 + i * 0.377, (uint64_t)i * 123456789);
        uint64_t now = (uint64_t)i * 123456789;
        for (int k = 0; k < 40; k++) {
            now = budget_ready_at(&b, now);
            assert_int_equal(budget_ready_at(&b, now), now);
            budget_take(&b, BUDGET_POLL, now + 1000);
        }
    }
}

static void asking_changes_nothing(void **state)
{
    uint64_t now;
    struct budget b = throttled_at(&now), before = b;
    for (int i = 0; i < 100; i++)
        budget_ready_at(&b, now + (uint64_t)i * s_ns);
    assert_memory_equal(&b.adaptive, &before.adaptive, sizeof b.adaptive);
}

static void the_quota_pays_for_35_retries_or_100_throttled_ones(void **state)
{
    struct budget b;
    int paid = 0;
    budget_init(&b, 0, 0);
    while (budget_take_retry(&b, BUDGET_RETRY_COST))
        paid++;
    assert_int_equal(paid, 35);
    assert_int_equal(b.quota, 10); /* a refusal costs nothing */
    budget_init(&b, 0, 0);
    for (paid = 0; budget_take_retry(&b, BUDGET_THROTTLED_COST); paid++)
        ;
    assert_int_equal(paid, 100);
}

static void answers_fill_the_quota_again_and_never_past_the_brim(void **state)
{
    struct budget b;
    budget_init(&b, 0, 0);
    budget_take_retry(&b, BUDGET_RETRY_COST);
    budget_take_retry(&b, BUDGET_RETRY_COST);
    budget_give_retry(&b, 0);
    assert_int_equal(b.quota, 473);
    budget_give_retry(&b, BUDGET_RETRY_COST);
    assert_int_equal(b.quota, 487);
    budget_give_retry(&b, BUDGET_RETRY_COST);
    assert_int_equal(b.quota, 500);
}

static void the_smallest_ceiling_is_a_long_wait_and_no_overflow(void **state)
{
    static const double ceilings[] = { 1e-9, 1e-12, 1e-300 };
    for (size_t i = 0; i < sizeof ceilings / sizeof *ceilings; i++) {
        struct budget b;
        budget_init(&b, ceilings[i], s_ns);
        budget_take(&b, BUDGET_POLL, s_ns);
        uint64_t wait_ns = budget_ready_at(&b, s_ns) - s_ns;
        assert_true(wait_ns > 86400 * s_ns && wait_ns <= 1000000000 * s_ns);
    }
}

/* --- shared with other processes --- */

static void a_part_of_the_ceiling_is_all_that_is_taken(void **state)
{
    struct budget b;
    budget_init(&b, 20, 0);
    budget_set_share(&b, &(struct budget_share) { 0.25, 0 }, 0);
    assert_in_range(polls_between(&b, 0, 10 * s_ns, 5), 54, 55);
    budget_set_share(&b, &(struct budget_share) { 0.25, 2 }, 10 * s_ns);
    assert_in_range(polls_between(&b, 11 * s_ns, 20 * s_ns, 2), 19, 21);
    budget_set_share(&b, &(struct budget_share) { 1, 0 }, 20 * s_ns);
    assert_in_range(polls_between(&b, 21 * s_ns, 30 * s_ns, 20), 195, 201);
}

static void a_cap_binds_where_there_is_no_ceiling_and_goes_again(void **state)
{
    struct budget b;
    budget_init(&b, 0, 0);
    budget_set_share(&b, &(struct budget_share) { 0.5, 4 }, s_ns);
    assert_int_equal(polls_between(&b, s_ns, s_ns, 4), 1); /* no burst comes of it */
    assert_in_range(polls_between(&b, s_ns, 11 * s_ns, 4), 40, 41);
    budget_set_share(&b, &(struct budget_share) { 0.5, 0 }, 11 * s_ns);
    assert_true(budget_rate(&b) <= 0);
    assert_int_equal(budget_ready_at(&b, 11 * s_ns), 11 * s_ns);
}

static void no_part_at_all_is_a_long_wait_and_no_lack_of_limits(void **state)
{
    struct budget b;
    budget_init(&b, 20, 0);
    budget_set_share(&b, &(struct budget_share) { 0, 0 }, 0);
    budget_take(&b, BUDGET_POLL, 0);
    assert_true(budget_ready_at(&b, 0) > 3600 * s_ns);
    budget_set_share(&b, &(struct budget_share) { 1, 0 }, 3600 * s_ns);
    assert_int_equal(budget_ready_at(&b, 3601 * s_ns), 3601 * s_ns);
}

static void a_share_that_is_set_again_and_again_saves_up_no_more(void **state)
{
    struct budget b;
    int n = 0;
    budget_init(&b, 10, 0);
    for (uint64_t now = 0; now < 10 * s_ns; now += s_ns / 10) {
        budget_set_share(&b, &(struct budget_share) { 0.5, now / s_ns % 2 ? 3 : 5 }, now);
        if (budget_ready_at(&b, now) == now) {
            budget_take(&b, BUDGET_POLL, now);
            n++;
        }
    }
    assert_in_range(n, 38, 46);
}

static void others_are_told_what_throttling_left(void **state)
{
    struct budget b;
    uint64_t now;
    budget_init(&b, 20, 0);
    assert_true(budget_adaptive_rate(&b) <= 0);
    assert_true(budget_unthrottled_ns(&b, s_ns) == UINT64_MAX);
    b = throttled_at(&now);
    assert_true(budget_adaptive_rate(&b) > 60 && budget_adaptive_rate(&b) < 75);
    assert_in_range(budget_unthrottled_ns(&b, now + 5 * s_ns), 4999 * ms, 5001 * ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_budget_lets_all_pass),
        cmocka_unit_test(no_window_holds_more_polls_than_the_ceiling_allows),
        cmocka_unit_test(a_ceiling_below_one_poll_a_second_still_lets_one_pass),
        cmocka_unit_test(a_throttle_cuts_the_rate_to_seven_tenths_of_what_was_sent),
        cmocka_unit_test(no_window_holds_more_polls_than_the_adaptive_rate_allows),
        cmocka_unit_test(the_rate_comes_back_along_the_cubic),
        cmocka_unit_test(the_rate_never_falls_below_one_poll_in_two_seconds),
        cmocka_unit_test(the_lower_of_the_two_rates_counts),
        cmocka_unit_test(lifecycle_calls_go_at_once_and_polls_pay_their_debt),
        cmocka_unit_test(however_many_lifecycle_calls_there_were_polls_come_back_soon),
        cmocka_unit_test(an_instant_once_named_is_kept),
        cmocka_unit_test(asking_changes_nothing),
        cmocka_unit_test(the_quota_pays_for_35_retries_or_100_throttled_ones),
        cmocka_unit_test(answers_fill_the_quota_again_and_never_past_the_brim),
        cmocka_unit_test(the_smallest_ceiling_is_a_long_wait_and_no_overflow),
        cmocka_unit_test(a_part_of_the_ceiling_is_all_that_is_taken),
        cmocka_unit_test(a_cap_binds_where_there_is_no_ceiling_and_goes_again),
        cmocka_unit_test(no_part_at_all_is_a_long_wait_and_no_lack_of_limits),
        cmocka_unit_test(a_share_that_is_set_again_and_again_saves_up_no_more),
        cmocka_unit_test(others_are_told_what_throttling_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* poll/retry: when a call that failed is tried again, and when not any more. */
#include "poll/retry.h"

#include "lib/check.h"

static const uint64_t ms = 1000000, now_ns = 5000000000;

static uint64_t end(struct attempts *a, struct budget *b, enum fault fault, uint64_t roll)
{
    const struct attempt_end e = { now_ns, roll, fault, 0 };
    uint64_t due_ns = attempts_on_end(a, b, &e);
    return due_ns == RETRY_NEVER ? RETRY_NEVER : due_ns - now_ns;
}

static void fresh(struct attempts *a, struct budget *b)
{
    *a = (struct attempts) { .max_retries = RETRY_MAX };
    budget_init(b, 0, now_ns);
}

static void what_passes_is_tried_three_times_in_all(void **state)
{
    struct attempts a;
    struct budget b;
    fresh(&a, &b);
    assert_int_equal(end(&a, &b, FAULT_SERVICE, 50), 50 * ms);   /* of 0 to 50 ms */
    assert_int_equal(end(&a, &b, FAULT_SERVICE, 100), 100 * ms); /* of 0 to 100 ms */
    assert_true(end(&a, &b, FAULT_SERVICE, 0) == RETRY_NEVER);
    assert_int_equal(a.failures, 3);
}

static void throttling_backs_off_from_a_second_and_new_keys_get_one(void **state)
{
    struct attempts a;
    struct budget b;
    fresh(&a, &b);
    assert_int_equal(end(&a, &b, FAULT_THROTTLED, 1000), 1000 * ms);
    fresh(&a, &b);
    assert_int_equal(end(&a, &b, FAULT_EXPIRED, 0), RETRY_REFRESH_MS * ms);
}

static void what_does_not_pass_is_not_tried_again(void **state)
{
    static const enum fault lasting[] = { FAULT_DENIED, FAULT_REFUSED, FAULT_NO_CREDENTIALS,
                                          FAULT_UNTRUSTED, FAULT_NOT_ENABLED };
    struct attempts a;
    struct budget b;
    for (size_t i = 0; i < sizeof lasting / sizeof *lasting; i++) {
        fresh(&a, &b);
        assert_true(end(&a, &b, lasting[i], 0) == RETRY_NEVER);
        assert_int_equal(b.quota, BUDGET_QUOTA);
    }
}

static void an_answer_gives_back_what_its_retry_cost_and_failures_do_not(void **state)
{
    struct attempts a;
    struct budget b;
    fresh(&a, &b);
    end(&a, &b, FAULT_SERVICE, 0);
    assert_int_equal(b.quota, BUDGET_QUOTA - BUDGET_RETRY_COST);
    assert_true(end(&a, &b, FAULT_NONE, 0) == RETRY_NEVER);
    assert_int_equal(b.quota, BUDGET_QUOTA);
    fresh(&a, &b);
    for (int i = 0; i < 3; i++)
        end(&a, &b, FAULT_TIMED_OUT, 0);
    assert_int_equal(b.quota, BUDGET_QUOTA - 2 * BUDGET_RETRY_COST);
}

static void an_empty_quota_ends_it_and_want_of_memory_is_free(void **state)
{
    struct attempts a;
    struct budget b;
    fresh(&a, &b);
    b.quota = BUDGET_RETRY_COST - 1;
    assert_true(end(&a, &b, FAULT_SERVICE, 0) == RETRY_NEVER);
    fresh(&a, &b);
    b.quota = 0;
    for (int i = 0; i < 10; i++)
        assert_int_equal(end(&a, &b, FAULT_OUT_OF_MEMORY, 7), 7 * ms);
}

static void a_hint_of_the_service_is_honoured(void **state)
{
    assert_int_equal(retry_delay_ms(FAULT_THROTTLED, 1, 1500, 0), 1500);
    assert_int_equal(retry_delay_ms(FAULT_SERVICE, 1, 0, 50), 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes_is_tried_three_times_in_all),
        cmocka_unit_test(throttling_backs_off_from_a_second_and_new_keys_get_one),
        cmocka_unit_test(what_does_not_pass_is_not_tried_again),
        cmocka_unit_test(an_answer_gives_back_what_its_retry_cost_and_failures_do_not),
        cmocka_unit_test(an_empty_quota_ends_it_and_want_of_memory_is_free),
        cmocka_unit_test(a_hint_of_the_service_is_honoured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

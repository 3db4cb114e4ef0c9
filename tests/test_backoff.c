/* SPDX-License-Identifier: MIT */
#include "base/backoff.h"
#include "lib/check.h"

static void the_ceiling_doubles_up_to_the_cap(void **state)
{
    static const uint64_t ceilings[] = { 50,   100,  200,   400,   800,   1600,
                                         3200, 6400, 12800, 20000, 20000, 20000 };
    for (unsigned i = 0; i < sizeof ceilings / sizeof *ceilings; i++)
        assert_int_equal(backoff_delay_ms(i, BACKOFF_BASE_MS, ceilings[i]), ceilings[i]);
    assert_int_equal(backoff_delay_ms(9, BACKOFF_BASE_MS, 20001), 0); /* past it the roll wraps */
    assert_int_equal(backoff_delay_ms(4, BACKOFF_THROTTLED_BASE_MS, 16000), 16000);
    assert_int_equal(backoff_delay_ms(5, BACKOFF_THROTTLED_BASE_MS, 20000), 20000);
}

static void jitter_is_full(void **state)
{
    assert_int_equal(backoff_delay_ms(3, 50, 0), 0);
    assert_int_equal(backoff_delay_ms(3, 50, 401), 0); /* rolls wrap at the ceiling */
    assert_int_equal(backoff_delay_ms(3, 50, 402), 1);
}

static void many_failures_do_not_overflow(void **state)
{
    for (unsigned failures = 0; failures < 200; failures++)
        assert_true(backoff_delay_ms(failures, 1000, UINT64_MAX) <= BACKOFF_CAP_MS);
    assert_true(backoff_delay_ms(UINT32_MAX, 1000, UINT64_MAX - 7) <= BACKOFF_CAP_MS);
}

static void a_hint_is_believed_within_five_seconds(void **state)
{
    assert_int_equal(backoff_with_hint_ms(300, 0), 300);
    assert_int_equal(backoff_with_hint_ms(300, 200), 300);
    assert_int_equal(backoff_with_hint_ms(300, 1500), 1500);
    assert_int_equal(backoff_with_hint_ms(300, 3600000), 5300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ceiling_doubles_up_to_the_cap),
        cmocka_unit_test(jitter_is_full),
        cmocka_unit_test(many_failures_do_not_overflow),
        cmocka_unit_test(a_hint_is_believed_within_five_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

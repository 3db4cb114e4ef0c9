#include "lib/check.h"
#include "poll/backoff.h"
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

static void the_first_poll_falls_anywhere_in_the_first_interval(void **state)
{
    struct target t = in_flight(1000);
    assert_int_equal(target_first_due(&t, 7, 0), 7);
    assert_int_equal(target_first_due(&t, 7, 999 * ms), 7 + 999 * ms);
    assert_int_equal(target_first_due(&t, 7, 1000 * ms), 7);
}

static void an_empty_answer_waits_for_the_interval_give_or_take_a_tenth(void **state)
{
    struct target t = in_flight(1000);
    uint64_t least = UINT64_MAX, most = 0;
    for (uint64_t roll = 0; roll <= 200 * ms; roll += ms / 7) {
        uint64_t due_ns = target_on_empty(&t, 0, roll);
        least = due_ns < least ? due_ns : least;
        most = due_ns > most ? due_ns : most;
    }
    assert_int_equal(least, 900 * ms);
    assert_in_range(most, 1099 * ms, 1100 * ms);
}

static void a_full_batch_is_followed_by_a_poll_at_once(void **state)
{
    struct target t = in_flight(1000);
    assert_int_equal(target_on_jobs(&t, true, 5 * ms, 3), 5 * ms);
    assert_true(target_on_jobs(&t, false, 5 * ms, 3) >= 905 * ms);
}

static void passing_faults_back_off_from_50_ms_and_count_up(void **state)
{
    struct target t = in_flight(60000);
    assert_int_equal(target_on_fault(&t, FAULT_UNREACHABLE, 0, 0, 50), 50 * ms);
    assert_int_equal(target_on_fault(&t, FAULT_SERVICE, 0, 0, 100), 100 * ms);
    assert_int_equal(target_on_fault(&t, FAULT_GARBLED, 0, 0, 200), 200 * ms);
    assert_int_equal(t.failures, 3);
    target_on_empty(&t, 0, 0);
    assert_int_equal(t.failures, 0);
    assert_int_equal(target_on_fault(&t, FAULT_TIMED_OUT, 0, 0, 50), 50 * ms);
}

static void a_throttled_target_waits_longer_than_an_idle_one(void **state)
{
    struct target idle = in_flight(5), hot = in_flight(5);
    assert_true(target_on_fault(&hot, FAULT_THROTTLED, 0, 0, 900) > target_on_empty(&idle, 0, 0));
    struct target slow = in_flight(30000);
    assert_int_equal(target_on_fault(&slow, FAULT_THROTTLED, 0, 0, 3), 30000 * ms);
}

static void the_services_hint_sets_the_delay(void **state)
{
    struct target t = in_flight(10);
    assert_int_equal(target_on_fault(&t, FAULT_THROTTLED, 1500, 0, 100), 1500 * ms);
    t = in_flight(10);
    assert_int_equal(target_on_fault(&t, FAULT_SERVICE, 4000, 0, 7), 4000 * ms);
}

static void what_needs_a_new_set_up_is_looked_at_slowly(void **state)
{
    static const enum fault faults[] = { FAULT_DENIED,    FAULT_NOT_FOUND,      FAULT_REFUSED,
                                         FAULT_UNTRUSTED, FAULT_NO_CREDENTIALS, FAULT_BROKEN };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct target t = in_flight(1000);
        uint64_t due_ns = target_on_fault(&t, faults[i], 0, 0, 12345);
        assert_in_range(due_ns, 54000 * ms, 66000 * ms);
    }
    struct target slow = in_flight(600000);
    assert_true(target_on_fault(&slow, FAULT_DENIED, 0, 0, 0) >= 540000 * ms);
}

static void a_removed_target_is_never_due(void **state)
{
    struct target t = in_flight(1000);
    t.state = TARGET_REMOVED;
    assert_int_equal(target_on_empty(&t, 5, 5), TARGET_NEVER);
    assert_int_equal(target_on_jobs(&t, true, 5, 5), TARGET_NEVER);
    assert_int_equal(target_on_fault(&t, FAULT_SERVICE, 0, 5, 5), TARGET_NEVER);
}

static void passing_faults_are_always_news(void **state)
{
    struct target t = in_flight(1000);
    assert_true(target_is_news(&t, FAULT_SERVICE, no_code));
    assert_true(target_is_news(&t, FAULT_SERVICE, no_code));
}

static void lasting_faults_are_news_once_per_change(void **state)
{
    struct target t = in_flight(1000);
    assert_true(target_is_news(&t, FAULT_DENIED, STR("AccessDenied")));
    assert_false(target_is_news(&t, FAULT_DENIED, STR("AccessDenied")));
    assert_true(target_is_news(&t, FAULT_DENIED, STR("NotAuthorized")));
    assert_true(target_is_news(&t, FAULT_NOT_FOUND, STR("NotAuthorized")));
    assert_false(target_is_news(&t, FAULT_NOT_FOUND, STR("NotAuthorized")));
    target_on_empty(&t, 0, 0); /* it worked in between */
    assert_true(target_is_news(&t, FAULT_NOT_FOUND, STR("NotAuthorized")));
    assert_true(target_is_news(&t, FAULT_SERVICE, no_code)); /* or failed in another way */
    assert_true(target_is_news(&t, FAULT_NOT_FOUND, STR("NotAuthorized")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_poll_falls_anywhere_in_the_first_interval),
        cmocka_unit_test(an_empty_answer_waits_for_the_interval_give_or_take_a_tenth),
        cmocka_unit_test(a_full_batch_is_followed_by_a_poll_at_once),
        cmocka_unit_test(passing_faults_back_off_from_50_ms_and_count_up),
        cmocka_unit_test(a_throttled_target_waits_longer_than_an_idle_one),
        cmocka_unit_test(the_services_hint_sets_the_delay),
        cmocka_unit_test(what_needs_a_new_set_up_is_looked_at_slowly),
        cmocka_unit_test(a_removed_target_is_never_due),
        cmocka_unit_test(passing_faults_are_always_news),
        cmocka_unit_test(lasting_faults_are_news_once_per_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

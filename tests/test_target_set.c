/* SPDX-License-Identifier: MIT */
/* The health of a target: what is news about it, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "daemon/target_set.h"

enum { NOW_MS = 100000, LATER_MS = NOW_MS + TARGET_SET_FAILING_MS };

static bool fail_at(struct target_set_entry *t, int status, str code, int64_t now_ms)
{
    const struct pipepoll_failure failure = { .status = status, .code = code };
    return target_set_failed(t, &failure, now_ms);
}

/* Once, and again so much later that it is news if it ever is. */
static bool fail_with(struct target_set_entry *t, int status, str code)
{
    bool at_once = fail_at(t, status, code, NOW_MS);
    return fail_at(t, status, code, LATER_MS) || at_once;
}

static void a_failure_is_news_once_and_the_first_answer_ends_it(void **state)
{
    struct target_set_entry t = { 0 };
    assert_false(target_set_answered(&t));
    assert_true(fail_with(&t, PIPEPOLL_EDENIED, STR("AccessDenied")));
    assert_false(fail_with(&t, PIPEPOLL_EDENIED, STR("AccessDenied")));
    assert_true(fail_with(&t, PIPEPOLL_EDENIED, STR("ExplicitDeny")));
    assert_true(target_set_answered(&t));
    assert_false(target_set_answered(&t));
}

static void answers_between_throttled_polls_are_no_recovery(void **state)
{
    struct target_set_entry t = { 0 };
    assert_true(fail_with(&t, PIPEPOLL_ETHROTTLED, STR("ThrottlingException")));
    for (int round = 0; round < 5; round++) {
        for (int i = 1; i < TARGET_SET_ANSWERS; i++)
            assert_false(target_set_answered(&t));
        assert_false(fail_with(&t, PIPEPOLL_ETHROTTLED, STR("ThrottlingException")));
    }
}

static void a_throttled_target_recovers_after_answers_in_a_row(void **state)
{
    struct target_set_entry t = { 0 };
    assert_true(fail_with(&t, PIPEPOLL_ETHROTTLED, STR("ThrottlingException")));
    for (int i = 1; i < TARGET_SET_ANSWERS; i++)
        assert_false(target_set_answered(&t));
    assert_true(target_set_answered(&t));
    assert_false(target_set_answered(&t));
}

static void what_passes_soon_is_no_news(void **state)
{
    struct target_set_entry t = { 0 };
    for (int round = 0; round < 100; round++) {
        for (int i = 1; i < TARGET_SET_FAILURES; i++)
            assert_false(fail_at(&t, PIPEPOLL_ESERVICE, STR("ServiceUnavailable"), NOW_MS));
        assert_false(target_set_answered(&t));
    }
    assert_int_equal(t.health, HEALTH_WELL);
}

static void what_does_not_pass_is_news_by_count_or_by_time(void **state)
{
    struct target_set_entry a = { 0 }, b = { 0 };
    for (int i = 1; i < TARGET_SET_FAILURES; i++)
        assert_false(fail_at(&a, PIPEPOLL_ETRANSPORT, STR(""), NOW_MS));
    assert_true(fail_at(&a, PIPEPOLL_ETRANSPORT, STR(""), NOW_MS));
    assert_false(fail_at(&b, PIPEPOLL_ETIMEDOUT, STR(""), NOW_MS));
    assert_false(fail_at(&b, PIPEPOLL_ETIMEDOUT, STR(""), LATER_MS - 1));
    assert_true(fail_at(&b, PIPEPOLL_ETIMEDOUT, STR(""), LATER_MS));
    assert_int_equal(b.health, HEALTH_ILL);
}

static void what_waits_for_a_change_is_news_at_once(void **state)
{
    static const int statuses[] = { PIPEPOLL_EDENIED, PIPEPOLL_ENOTFOUND, PIPEPOLL_EREFUSED,
                                    PIPEPOLL_EUNTRUSTED };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct target_set_entry t = { 0 };
        assert_true(fail_at(&t, statuses[i], STR("Code"), NOW_MS));
    }
    /* Passing by its kind, but looked at again in a minute: no other report may come. */
    struct target_set_entry t = { 0 };
    const struct pipepoll_failure slow = { .status = PIPEPOLL_EPROTO, .retry_in_ms = 60000 };
    assert_true(target_set_failed(&t, &slow, NOW_MS));
}

static void throttled_is_not_ill(void **state)
{
    struct target_set_entry t = { 0 };
    assert_true(fail_with(&t, PIPEPOLL_ETHROTTLED, STR("ThrottlingException")));
    assert_int_equal(t.health, HEALTH_THROTTLED);
    assert_true(fail_at(&t, PIPEPOLL_ESERVICE, STR("InternalFailure"), LATER_MS));
    assert_int_equal(t.health, HEALTH_ILL);
    assert_true(target_set_answered(&t));
    assert_int_equal(t.health, HEALTH_WELL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_news_once_and_the_first_answer_ends_it),
        cmocka_unit_test(answers_between_throttled_polls_are_no_recovery),
        cmocka_unit_test(a_throttled_target_recovers_after_answers_in_a_row),
        cmocka_unit_test(what_passes_soon_is_no_news),
        cmocka_unit_test(what_does_not_pass_is_news_by_count_or_by_time),
        cmocka_unit_test(what_waits_for_a_change_is_news_at_once),
        cmocka_unit_test(throttled_is_not_ill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

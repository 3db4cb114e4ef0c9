/* The health of a target: what is news about it, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "cli/roster.h"

static bool fail_with(struct roster_target *t, int status, str code)
{
    const struct pipepoll_failure failure = { .status = status, .code = code };
    return roster_failed(t, &failure);
}

static void a_failure_is_news_once_and_the_first_answer_ends_it(void **state)
{
    (void)state;
    struct roster_target t = { 0 };
    assert_false(roster_answered(&t));
    assert_true(fail_with(&t, PIPEPOLL_EDENIED, STR("AccessDenied")));
    assert_false(fail_with(&t, PIPEPOLL_EDENIED, STR("AccessDenied")));
    assert_true(fail_with(&t, PIPEPOLL_EDENIED, STR("ExplicitDeny")));
    assert_true(roster_answered(&t));
    assert_false(roster_answered(&t));
}

static void answers_between_throttled_polls_are_no_recovery(void **state)
{
    (void)state;
    struct roster_target t = { 0 };
    assert_true(fail_with(&t, PIPEPOLL_ETHROTTLED, STR("ThrottlingException")));
    for (int round = 0; round < 5; round++) {
        for (int i = 1; i < ROSTER_ANSWERS; i++)
            assert_false(roster_answered(&t));
        assert_false(fail_with(&t, PIPEPOLL_ETHROTTLED, STR("ThrottlingException")));
    }
}

static void a_throttled_target_recovers_after_answers_in_a_row(void **state)
{
    (void)state;
    struct roster_target t = { 0 };
    assert_true(fail_with(&t, PIPEPOLL_ETHROTTLED, STR("ThrottlingException")));
    for (int i = 1; i < ROSTER_ANSWERS; i++)
        assert_false(roster_answered(&t));
    assert_true(roster_answered(&t));
    assert_false(roster_answered(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_news_once_and_the_first_answer_ends_it),
        cmocka_unit_test(answers_between_throttled_polls_are_no_recovery),
        cmocka_unit_test(a_throttled_target_recovers_after_answers_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

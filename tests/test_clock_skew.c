/* SPDX-License-Identifier: MIT */
#include "aws/clock_skew.h"

#include "lib/check.h"

enum { NOON_S = 784123200, MINUTE_MS = 60000 }; /* of the day of RFC 9110's example */

#define NOON       STR("Sun, 06 Nov 1994 12:00:00 GMT")
#define NOON_MS    ((int64_t)NOON_S * 1000)
#define NOTHING    ((str) { NULL, 0 })
#define UNMEASURED INT64_C(4711)

static void skew_counts_from_the_middle_of_the_round_trip(void **state)
{
    static const struct {
        int64_t sent_ms, received_ms, skew_ms;
    } rows[] = {
        { 0, 0, 0 },
        { -1000, 1000, 0 },
        { 0, 3000, -1500 },
        { -300000, -298000, 299000 },
        { 86400000, 86400100, -86400050 },
        { -86400100, -86400000, 86400050 },
        { 0, 15 * MINUTE_MS, -450000 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t skew_ms = UNMEASURED;
        assert_true(clock_skew_measure(&skew_ms, NOON, NOTHING, NOON_MS + rows[i].sent_ms,
                                       NOON_MS + rows[i].received_ms));
        assert_int_equal(skew_ms, rows[i].skew_ms);
    }
}

static void an_answer_that_cannot_be_trusted_tells_nothing(void **state)
{
    static const struct {
        str date, age;
        int64_t round_trip_ms;
    } rows[] = {
        { STR_INIT("Sun, 06 Nov 1994 12:00:00 GMT"), STR_INIT("0"), 100 },
        { STR_INIT("Sun, 06 Nov 1994 12:00:00 GMT"), STR_INIT("17280"), 100 },
        { STR_INIT("Sun, 06 Nov 1994 12:00:00 GMT"), { NULL, 0 }, 15 * MINUTE_MS + 1 },
        { STR_INIT("Sun, 06 Nov 1994 12:00:00 GMT"), { NULL, 0 }, -1 },
        { { NULL, 0 }, { NULL, 0 }, 100 },
        { STR_INIT("noon"), { NULL, 0 }, 100 },
        { STR_INIT("Sun, 31 Nov 1994 12:00:00 GMT"), { NULL, 0 }, 100 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t skew_ms = UNMEASURED;
        assert_false(clock_skew_measure(&skew_ms, rows[i].date, rows[i].age, NOON_MS,
                                        NOON_MS + rows[i].round_trip_ms));
        assert_int_equal(skew_ms, UNMEASURED);
    }
}

static void blanks_around_a_date_do_no_harm(void **state)
{
    int64_t skew_ms = UNMEASURED;
    assert_true(clock_skew_measure(&skew_ms, STR(" Sun, 06 Nov 1994 12:00:00 GMT\r\n"), NOTHING,
                                   NOON_MS, NOON_MS));
    assert_int_equal(skew_ms, 0);
}

static const int64_t day_ms = 86400000, now_ms = INT64_C(1795310000000); /* 2026 */

static void a_day_is_believed_at_once_and_more_when_a_second_answer_agrees(void **state)
{
    struct clock_skew s = { 0 };
    assert_true(clock_skew_hear(&s, day_ms, now_ms));
    assert_int_equal(s.ms, day_ms);
    assert_true(clock_skew_hear(&s, -day_ms, now_ms));
    assert_int_equal(s.ms, -day_ms);
    assert_false(clock_skew_hear(&s, 2 * day_ms, now_ms));
    assert_int_equal(s.ms, -day_ms);
    assert_true(clock_skew_hear(&s, 2 * day_ms - 900, now_ms + 3000));
    assert_int_equal(s.ms, 2 * day_ms - 900);
    /* From now on it is known, and may drift. */
    assert_true(clock_skew_hear(&s, 2 * day_ms + 60000, now_ms + 3000));
    assert_true(clock_skew_hear(&s, 0, now_ms + 3000));
    assert_false(clock_skew_hear(&s, 2 * day_ms, now_ms + 6000));
}

static void answers_that_do_not_agree_are_not_believed(void **state)
{
    static const struct {
        int64_t skew_ms, later_ms;
    } rows[] = {
        { 2 * day_ms + 2001, 5000 },    /* another clock */
        { 2 * day_ms - 5000, 5000 },    /* a Date that stands still */
        { 2 * day_ms, 2999 },           /* too soon to tell */
        { 2 * day_ms, 10 * 60000 + 1 }, /* and too late */
        { 2 * day_ms, -1 },             /* our clock was set back */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct clock_skew s = { 0 };
        assert_false(clock_skew_hear(&s, 2 * day_ms, now_ms));
        assert_false(clock_skew_hear(&s, rows[i].skew_ms, now_ms + rows[i].later_ms));
        assert_int_equal(s.ms, 0);
    }
    struct clock_skew s = { 0 };
    assert_false(clock_skew_hear(&s, 2 * day_ms, now_ms));
    assert_true(clock_skew_hear(&s, 0, now_ms + 1000)); /* contradicts it */
    assert_false(clock_skew_hear(&s, 2 * day_ms, now_ms + 4000));
}

static void no_date_of_another_century_is_ever_believed(void **state)
{
    static const int64_t dates_s[] = { 0, 784111777, 1577836799, 7258118401, 253402300799 };
    for (size_t i = 0; i < sizeof dates_s / sizeof *dates_s; i++)
        for (int64_t later_ms = 0; later_ms <= 10000; later_ms += 5000) {
            struct clock_skew s = { 0 };
            int64_t skew_ms = dates_s[i] * 1000 - now_ms;
            assert_false(clock_skew_hear(&s, skew_ms, now_ms));
            assert_false(clock_skew_hear(&s, skew_ms, now_ms + later_ms));
            assert_int_equal(s.ms, 0);
        }
}

static void only_more_than_four_minutes_explain_a_refusal(void **state)
{
    static const char *const codes[] = {
        "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure",
        "RequestTimeTooSkewed",      "RequestExpired",        "RequestInTheFuture",
        "AccessDeniedException"
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        str code = str_of(codes[i]);
        assert_false(clock_skew_explains(code, 0));
        assert_false(clock_skew_explains(code, 4 * MINUTE_MS));
        assert_false(clock_skew_explains(code, -4 * MINUTE_MS));
        assert_true(clock_skew_explains(code, 4 * MINUTE_MS + 1));
        assert_true(clock_skew_explains(code, -4 * MINUTE_MS - 1));
        assert_true(clock_skew_explains(code, INT64_MIN));
    }
}

static void no_clock_explains_other_refusals(void **state)
{
    static const char *const codes[] = { "",
                                         "ThrottlingException",
                                         "ExpiredTokenException",
                                         "UnrecognizedClientException",
                                         "ValidationException",
                                         "AccessDenied",
                                         "accessdeniedexception",
                                         "InvalidSignatureException2" };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        assert_false(clock_skew_explains(str_of(codes[i]), 60 * MINUTE_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skew_counts_from_the_middle_of_the_round_trip),
        cmocka_unit_test(an_answer_that_cannot_be_trusted_tells_nothing),
        cmocka_unit_test(blanks_around_a_date_do_no_harm),
        cmocka_unit_test(a_day_is_believed_at_once_and_more_when_a_second_answer_agrees),
        cmocka_unit_test(answers_that_do_not_agree_are_not_believed),
        cmocka_unit_test(no_date_of_another_century_is_ever_believed),
        cmocka_unit_test(only_more_than_four_minutes_explain_a_refusal),
        cmocka_unit_test(no_clock_explains_other_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

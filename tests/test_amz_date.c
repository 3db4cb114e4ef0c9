/* SPDX-License-Identifier: MIT */
#include "aws/amz_date.h"

#include "lib/check.h"

#include <time.h>

static void assert_date(int64_t unix_s, const char *text)
{
    struct amz_date d = { 0 };
    amz_date_set(&d, unix_s);
    assert_int_equal(amz_date_str(&d).len, 16);
    assert_memory_equal(d.text, text, sizeof d.text);
}

static void assert_like_gmtime(int64_t unix_s)
{
    char text[40];
    struct tm tm;
    time_t t = (time_t)unix_s;
    assert_non_null(gmtime_r(&t, &tm));
    assert_int_equal(strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm), 16);
    assert_date(unix_s, text);
}

static void known_instants_come_out_right(void **state)
{
    assert_date(1440938160, "20150830T123600Z");
    assert_date(951782400, "20000229T000000Z");  /* a leap day of a century */
    assert_date(2147483648, "20380119T031408Z"); /* past 32 bits */
    assert_date(4107542400, "21000301T000000Z"); /* no leap day in 2100 */
    assert_date(1798761599, "20261231T235959Z");
}

static void every_day_of_a_calendar_cycle_agrees_with_gmtime(void **state)
{
    for (int64_t day = 0; day < 146097 + 366; day++)
        assert_like_gmtime(day * 86400 + day % 86400);
}

static void any_second_up_to_the_year_9999_agrees_with_gmtime(void **state)
{
    for (int64_t s = 0; s <= 253402300799; s += 2000003)
        assert_like_gmtime(s);
    assert_like_gmtime(253402300799);
}

static void a_time_outside_becomes_the_nearest_inside(void **state)
{
    assert_date(-1, "19700101T000000Z");
    assert_date(INT64_MIN, "19700101T000000Z");
    assert_date(253402300800, "99991231T235959Z");
    assert_date(INT64_MAX, "99991231T235959Z");
}

static void the_text_is_made_once_a_second(void **state)
{
    struct amz_date d = { 0 };
    amz_date_set(&d, 1440938160);
    d.text[15] = '?';
    amz_date_set(&d, 1440938160);
    assert_int_equal(d.text[15], '?');
    amz_date_set(&d, 1440938161);
    assert_memory_equal(d.text, "20150830T123601Z", 16);
    amz_date_set(&d, 1440938160);
    assert_memory_equal(d.text, "20150830T123600Z", 16);
}

static void the_day_is_the_first_eight(void **state)
{
    struct amz_date d = { 0 };
    amz_date_set(&d, 1440938160);
    assert_true(str_eq(amz_date_day(&d), STR("20150830")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_instants_come_out_right),
        cmocka_unit_test(every_day_of_a_calendar_cycle_agrees_with_gmtime),
        cmocka_unit_test(any_second_up_to_the_year_9999_agrees_with_gmtime),
        cmocka_unit_test(a_time_outside_becomes_the_nearest_inside),
        cmocka_unit_test(the_text_is_made_once_a_second),
        cmocka_unit_test(the_day_is_the_first_eight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* A fleet that starts opens its connections a few at a time, and a long way does not slow it down
 * for ever. */
#include "io/opening.h"
#include "lib/check.h"

static const uint64_t start_ns = 1000000000;

/* How many begin now. */
static unsigned begin_all(struct opening *o, uint64_t now_ns)
{
    unsigned count = 0;
    uint64_t again_ns;
    while (opening_may_begin(o, now_ns, &again_ns)) {
        opening_begin(o);
        count++;
    }
    assert_true(again_ns > now_ns);
    return count;
}

static void a_few_begin_at_once_however_long_nothing_was_opened(void **state)
{
    struct opening o = { 0 };
    assert_int_equal(begin_all(&o, start_ns), OPENING_AT_ONCE);
    assert_int_equal(begin_all(&o, start_ns), 0);
    assert_int_equal(begin_all(&o, start_ns + 3600 * start_ns), OPENING_AT_ONCE);
}

static void the_rest_follow_as_time_passes(void **state)
{
    struct opening o = { 0 };
    uint64_t again_ns;
    begin_all(&o, start_ns);
    assert_false(opening_may_begin(&o, start_ns + OPENING_EACH_NS - 1, &again_ns));
    assert_int_equal(again_ns, start_ns + OPENING_EACH_NS);
    assert_int_equal(begin_all(&o, again_ns), 1);
    assert_int_equal(begin_all(&o, again_ns + 3 * OPENING_EACH_NS), 3);
}

/* Asked at odd moments, no time is lost. */
static void what_is_left_of_a_pause_counts_for_the_next(void **state)
{
    struct opening o = { 0 };
    unsigned count = 0;
    begin_all(&o, start_ns);
    for (uint64_t passed_ns = 0; passed_ns <= 30 * OPENING_EACH_NS; passed_ns += 70001)
        count += begin_all(&o, start_ns + passed_ns);
    assert_in_range(count, 29, 30);
}

static void while_many_are_under_way_few_begin_but_some_do(void **state)
{
    struct opening o = { .under_way = OPENING_UNDER_WAY };
    begin_all(&o, start_ns);
    assert_int_equal(begin_all(&o, start_ns + OPENING_EACH_BEYOND_NS - 1), 0);
    assert_int_equal(begin_all(&o, start_ns + 2 * OPENING_EACH_BEYOND_NS), 2);
}

static void those_that_are_open_make_way(void **state)
{
    struct opening o = { .under_way = OPENING_UNDER_WAY };
    begin_all(&o, start_ns);
    while (o.under_way)
        opening_end(&o);
    assert_int_equal(begin_all(&o, start_ns + OPENING_EACH_NS), 1);
}

/* By a connection that was made room for. */
static void one_that_does_not_ask_takes_no_more_than_there_is(void **state)
{
    struct opening o = { 0 };
    begin_all(&o, start_ns);
    opening_begin(&o);
    assert_int_equal(begin_all(&o, start_ns + OPENING_EACH_NS), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_begin_at_once_however_long_nothing_was_opened),
        cmocka_unit_test(the_rest_follow_as_time_passes),
        cmocka_unit_test(what_is_left_of_a_pause_counts_for_the_next),
        cmocka_unit_test(while_many_are_under_way_few_begin_but_some_do),
        cmocka_unit_test(those_that_are_open_make_way),
        cmocka_unit_test(one_that_does_not_ask_takes_no_more_than_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

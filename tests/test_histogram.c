/* SPDX-License-Identifier: MIT */
/* Log-linear buckets: what goes in is read back within 1/32, whatever its size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/histogram.h"
#include "base/rng.h"

static uint64_t read_back(uint64_t value)
{
    struct histogram h = { .count = 0 };
    histogram_add(&h, value);
    h.max = UINT64_MAX; /* so that the end of the bucket is told */
    return histogram_at(&h, 1);
}

static void small_values_are_exact(void **state)
{
    for (uint64_t value = 0; value < 64; value++)
        assert_int_equal(read_back(value), value);
}

static void every_value_is_read_back_within_a_thirty_second(void **state)
{
    struct rng rng = { 7 };
    for (int i = 0; i < 10000; i++) {
        uint64_t value = rng_next(&rng) >> (rng_next(&rng) % 64);
        uint64_t got = read_back(value);
        assert_true(got >= value);
        assert_true(got - value <= value / 32);
    }
    assert_int_equal(read_back(UINT64_MAX), UINT64_MAX);
}

static void buckets_follow_each_other_without_a_gap(void **state)
{
    assert_int_equal(histogram_least(0), 0);
    for (size_t i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        assert_true(histogram_least(i) <= histogram_most(i));
        assert_true(histogram_most(i) + 1 == histogram_least(i + 1));
    }
    assert_true(histogram_most(HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
}

static void a_value_is_counted_between_the_ends_of_its_bucket(void **state)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        struct histogram h = { .count = 0 };
        histogram_add(&h, histogram_least(i));
        histogram_add(&h, histogram_most(i));
        assert_int_equal(h.counts[i], 2);
    }
}

static void shares_are_those_of_a_sorted_list(void **state)
{
    struct histogram h = { .count = 0 };
    for (uint64_t value = 1; value <= 60; value++)
        histogram_add(&h, value);
    assert_int_equal(histogram_at(&h, 0), 1);
    assert_int_equal(histogram_at(&h, 0.5), 30);
    assert_int_equal(histogram_at(&h, 0.9), 54);
    assert_int_equal(histogram_at(&h, 1), 60);
}

static void no_share_is_beyond_the_largest_value(void **state)
{
    struct histogram h = { .count = 0 };
    histogram_add(&h, 1000001);
    assert_int_equal(histogram_at(&h, 0.5), 1000001);
}

static void an_empty_one_answers_zero(void **state)
{
    struct histogram h = { .count = 0 };
    assert_int_equal(histogram_at(&h, 0.99), 0);
}

static void merging_is_as_if_all_had_been_added_to_one(void **state)
{
    struct histogram one = { .count = 0 }, a = one, b = one;
    struct rng rng = { 3 };
    for (int i = 0; i < 1000; i++) {
        uint64_t value = rng_next(&rng) % 100000;
        histogram_add(&one, value);
        histogram_add(i % 3 ? &a : &b, value);
    }
    histogram_merge(&a, &b);
    assert_memory_equal(&a, &one, sizeof one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(every_value_is_read_back_within_a_thirty_second),
        cmocka_unit_test(buckets_follow_each_other_without_a_gap),
        cmocka_unit_test(a_value_is_counted_between_the_ends_of_its_bucket),
        cmocka_unit_test(shares_are_those_of_a_sorted_list),
        cmocka_unit_test(no_share_is_beyond_the_largest_value),
        cmocka_unit_test(an_empty_one_answers_zero),
        cmocka_unit_test(merging_is_as_if_all_had_been_added_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

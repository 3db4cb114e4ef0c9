/* SPDX-License-Identifier: MIT */
/* The members of a fleet together make no more polls in an account and region than one may. */
#include "fleet/share.h"

#include "lib/check.h"

#define S UINT64_C(1000000000)
enum { KEEP_S = 5 };

static struct share *opened(void)
{
    struct share *s;
    assert_int_equal(share_open(&s, (struct alloc) { 0 }, KEEP_S * S), 0);
    return s;
}

static void count(struct share *s, int group, size_t ours, size_t others, size_t unheld)
{
    share_begin(s);
    for (size_t i = 0; i < ours; i++)
        share_target(s, group, true, true);
    for (size_t i = 0; i < others; i++)
        share_target(s, group, true, false);
    for (size_t i = 0; i < unheld; i++)
        share_target(s, group, false, false);
    share_end(s);
}

static struct beat_figures throttled(const char *group, double per_target)
{
    struct beat_figures f = { .group_count = 1 };
    str_copy(f.groups[0].name, sizeof f.groups[0].name, str_of(group));
    f.groups[0].per_target_micro = (uint64_t)(per_target * 1e6 + 0.5);
    return f;
}

static bool is_near(double a, double b)
{
    return a - b < 1e-6 && b - a < 1e-6;
}

static void a_name_is_one_group(void **state)
{
    struct share *s = opened();
    for (int i = 0; i < 100; i++) {
        char name[] = { 'g', (char)('0' + i / 10), (char)('0' + i % 10), 0 };
        assert_int_equal(share_group(s, str_of(name)), i);
        assert_int_equal(share_group(s, str_of(name)), i);
        assert_str_equal(share_name(s, i), name);
    }
    assert_int_equal(share_group(s, STR("g42")), 42);
    assert_int_equal(share_count(s), 100);
    share_close(s);
}

static void a_ceiling_is_divided_by_what_each_holds(void **state)
{
    struct share *s = opened();
    int g = share_group(s, STR("a/eu"));
    count(s, g, 3, 9, 5);
    assert_true(is_near(share_part(s, g), 0.25));
    assert_true(is_near(share_rate(s, g, 20, S), 5));
    assert_true(share_rate(s, g, 0, S) == 0);
    count(s, g, 3, 0, 9); /* the others are gone: their part returns */
    assert_true(is_near(share_rate(s, g, 20, S), 20));
    share_close(s);
}

static void all_parts_make_one(void **state)
{
    struct share *s = opened();
    int g = share_group(s, STR("a/eu"));
    double sum = 0;
    for (size_t ours = 0; ours <= 4; ours++) {
        count(s, g, ours, 10 - ours, 0); /* members that hold 0, 1, 2, 3 and 4 of 10 */
        sum += share_part(s, g);
    }
    assert_true(is_near(sum, 1));
    share_close(s);
}

/* Of every group, not of the first alone. */
static void each_count_begins_anew(void **state)
{
    struct share *s = opened();
    int a = share_group(s, STR("a/eu")), b = share_group(s, STR("b/eu"));
    count(s, b, 4, 0, 0);
    assert_true(is_near(share_part(s, b), 1));
    count(s, b, 1, 3, 0);
    assert_true(is_near(share_part(s, b), 0.25));
    assert_true(share_part(s, a) == 0);
    share_close(s);
}

static void who_holds_nothing_has_no_part_but_a_limit(void **state)
{
    struct share *s = opened();
    int g = share_group(s, STR("a/eu"));
    assert_true(share_part(s, g) == 0);
    assert_true(share_rate(s, g, 20, S) > 0);
    count(s, g, 0, 9, 0);
    assert_true(share_part(s, g) == 0);
    assert_true(is_near(share_rate(s, g, 20, S), 2));
    share_close(s);
}

static void the_lowest_throttled_rate_holds_for_all(void **state)
{
    struct share *s = opened();
    int g = share_group(s, STR("a/eu")), other = share_group(s, STR("b/eu"));
    struct beat_figures slow = throttled("a/eu", 0.5), fast = throttled("a/eu", 2);
    count(s, g, 4, 4, 0);
    share_heard(s, &fast, 10 * S);
    assert_true(is_near(share_rate(s, g, 0, 10 * S), 8));
    share_heard(s, &slow, 11 * S);
    share_heard(s, &fast, 12 * S);
    assert_true(is_near(share_throttled(s, g, 12 * S), 0.5));
    assert_true(is_near(share_rate(s, g, 0, 12 * S), 2));
    assert_true(is_near(share_rate(s, g, 1, 12 * S), 0.5)); /* the ceiling is lower still */
    assert_true(share_rate(s, other, 0, 12 * S) == 0);
    share_close(s);
}

static void a_throttled_rate_is_forgotten_when_it_is_not_heard(void **state)
{
    struct share *s = opened();
    int g = share_group(s, STR("a/eu"));
    struct beat_figures slow = throttled("a/eu", 0.5), fast = throttled("a/eu", 2);
    share_heard(s, &slow, 10 * S);
    assert_true(is_near(share_throttled(s, g, (10 + KEEP_S) * S - 1), 0.5));
    share_heard(s, &fast, (10 + KEEP_S) * S);
    assert_true(is_near(share_throttled(s, g, (10 + KEEP_S) * S), 2));
    assert_true(share_throttled(s, g, (10 + 2 * KEEP_S) * S) == 0);
    share_heard(s, &slow, 100 * S);
    share_heard(s, &slow, 101 * S); /* the same again: it still holds */
    assert_true(is_near(share_throttled(s, g, (101 + KEEP_S) * S - 1), 0.5));
    share_close(s);
}

static void groups_of_others_are_ignored(void **state)
{
    struct share *s = opened();
    struct beat_figures f = throttled("unknown", 0.5);
    share_heard(s, &f, S);
    assert_int_equal(share_count(s), 0);
    share_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_one_group),
        cmocka_unit_test(a_ceiling_is_divided_by_what_each_holds),
        cmocka_unit_test(all_parts_make_one),
        cmocka_unit_test(each_count_begins_anew),
        cmocka_unit_test(who_holds_nothing_has_no_part_but_a_limit),
        cmocka_unit_test(the_lowest_throttled_rate_holds_for_all),
        cmocka_unit_test(a_throttled_rate_is_forgotten_when_it_is_not_heard),
        cmocka_unit_test(groups_of_others_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

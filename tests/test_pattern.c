/* SPDX-License-Identifier: MIT */
/* The patterns of the model. */
#include "sim/pattern.h"

#include "lib/check.h"

static void a_class_takes_its_characters_and_ranges_and_no_others(void **state)
{
    assert_true(pattern_matches("[0-9A-Za-z_-]+", STR("Acme_1-x")));
    assert_false(pattern_matches("[0-9A-Za-z_-]+", STR("Acme 1")));
    assert_false(pattern_matches("[0-9A-Za-z_-]+", STR("Acme/")));
    assert_false(pattern_matches("[0-9A-Za-z_-]+", STR("\xc3\xa9")));
    assert_false(pattern_matches("[0-9A-Za-z_-]+", STR("a\0b")));
    assert_true(pattern_matches("[A-Za-z0-9@\\-_]+", STR("a@-_Z9")));
    assert_false(pattern_matches("[A-Za-z0-9@\\-_]+", STR("a\\b")));
    assert_false(pattern_matches("[A-Za-z0-9@\\-_]+", STR("a.b"))); /* no range from @ to _ */
    assert_false(pattern_matches("[0-9a-z-]+", STR("EU")));
}

static void the_whole_text_must_match(void **state)
{
    assert_false(pattern_matches("[a-z]+", STR("")));
    assert_false(pattern_matches("[a-z]+", STR("a1")));
    assert_true(pattern_matches("", STR("")));
    assert_false(pattern_matches("", STR("a")));
    assert_true(pattern_matches("a[0-9]{2}b", STR("a12b")));
    assert_false(pattern_matches("a[0-9]{2}b", STR("a1b")));
    assert_false(pattern_matches("a[0-9]{2}b", STR("a123b")));
    assert_false(pattern_matches("a[0-9]{2}b", STR("a12")));
}

static void a_pattern_that_ends_early_does_no_harm(void **state)
{
    static const char *const broken[] = { "[", "[a", "[a-", "[\\", "a{", "a{9", "+" };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        (void)pattern_matches(broken[i], STR("aaaa"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_takes_its_characters_and_ranges_and_no_others),
        cmocka_unit_test(the_whole_text_must_match),
        cmocka_unit_test(a_pattern_that_ends_early_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

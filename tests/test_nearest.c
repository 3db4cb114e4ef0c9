/* SPDX-License-Identifier: MIT */
/* Suggestions for mistyped words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/nearest.h"

static void assert_nearest(const char *word, const char *want)
{
    static const char *const known[] = { "region", "regions", "interval", "fips", "max-in-flight" };
    struct nearest n = nearest_to(str_of(word));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        nearest_try(&n, str_of(known[i]));
    if (!str_eq(n.best, str_of(want)))
        fail_msg("\"%s\" gave \"%.*s\"", word, STR_ARG(n.best));
}

static void the_nearest_word_is_suggested(void **state)
{
    assert_nearest("itnervla", "interval");
    assert_nearest("regoin", "region");    /* swapped */
    assert_nearest("regionss", "regions"); /* one too many */
    assert_nearest("inteval", "interval"); /* one missing */
    assert_nearest("FIPS", "fips");        /* case does not count */
    assert_nearest("max_in_flight", "max-in-flight");
}

static void nothing_is_suggested_for_what_resembles_nothing(void **state)
{
    assert_nearest("colour", "");
    assert_nearest("", "");
    assert_nearest("zz", "");
    str longest = STR("regionregionregionregionregionregionregionregionregionregionregion");
    struct nearest n = nearest_to(longest);
    nearest_try(&n, longest);
    assert_int_equal(n.best.len, 0);
}

static void the_hint_is_a_clause_or_nothing(void **state)
{
    char text[64];
    struct nearest n = nearest_to(STR("pol"));
    assert_string_equal(nearest_hint(&n, text, sizeof text), "");
    nearest_try(&n, STR("poll"));
    assert_string_equal(nearest_hint(&n, text, sizeof text), " (did you mean \"poll\"?)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_word_is_suggested),
        cmocka_unit_test(nothing_is_suggested_for_what_resembles_nothing),
        cmocka_unit_test(the_hint_is_a_clause_or_nothing),
    };
    return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* base/str: slices, empty and NULL ones included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/control.h"
#include "base/str.h"

static const str nothing = { NULL, 0 };

static void equal_means_the_same_bytes(void **state)
{
    assert_true(str_eq(STR("a\0b"), (str) { "a\0bc", 3 }));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_true(str_eq(nothing, STR("")));
}

static void case_is_folded_for_ascii_letters_only(void **state)
{
    assert_true(str_eq_nocase(STR("X-Amzn-RequestId"), STR("x-aMZN-requestid")));
    assert_false(str_eq_nocase(STR("ab"), STR("ac")));
    assert_false(str_eq_nocase(STR("ab"), STR("abc")));
    assert_false(str_eq_nocase(STR("["), STR("{"))); /* 0x20 apart, as letters are */
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_false(str_eq_nocase(STR("\xc9"), STR("\xe9")));
    assert_true(str_eq_nocase(nothing, STR("")));
}

static void a_prefix_is_at_the_start_and_not_longer(void **state)
{
    assert_true(str_starts(STR("https://host"), STR("https://")));
    assert_true(str_starts(STR("abc"), STR("abc")));
    assert_true(str_starts(nothing, STR("")));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_false(str_starts(STR("xabc"), STR("abc")));
}

static void find_gives_the_first_place_or_the_length(void **state)
{
    assert_int_equal(str_find(STR("a:b:c"), ':'), 1);
    assert_int_equal(str_find(STR("abc"), ':'), 3);
    assert_int_equal(str_find((str) { "ab:", 2 }, ':'), 2);
    assert_int_equal(str_find(nothing, ':'), 0);
    assert_true(str_eq(str_skip(STR("a:b"), 2), STR("b")));
    assert_int_equal(str_skip(STR("a:b"), 4).len, 0);
}

static void trim_takes_blanks_off_both_ends(void **state)
{
    assert_true(str_eq(str_trim(STR(" \t\r\n a b \t\r\n ")), STR("a b")));
    assert_true(str_eq(str_trim(STR(" \t\r\n ")), STR("")));
    assert_true(str_eq(str_trim(STR("\0 ")), STR("\0")));
    assert_int_equal(str_trim(nothing).len, 0);
}

static void a_c_string_becomes_a_slice_without_its_nul(void **state)
{
    assert_true(str_eq(str_of("abc"), STR("abc")));
    assert_int_equal(str_of("").len, 0);
    assert_int_equal(str_of(NULL).len, 0);
}

static size_t cut_len(const char *text, size_t most)
{
    str cut = str_cut(str_of(text), most);
    assert_true(cut.ptr == text);
    return cut.len;
}

static void a_cut_leaves_whole_characters(void **state)
{
    assert_int_equal(cut_len("abc", 3), 3);
    assert_int_equal(cut_len("abc", 2), 2);
    assert_int_equal(cut_len("abc", 0), 0);
    assert_int_equal(cut_len("a\xc3\xa9", 3), 3);
    assert_int_equal(cut_len("a\xc3\xa9", 2), 1);
    assert_int_equal(cut_len("a\xc3\xa9z", 3), 3);
    assert_int_equal(cut_len("\xe2\x82\xac", 2), 0);
    assert_int_equal(cut_len("a\xf0\x9f\x98\x80", 4), 1);
    assert_int_equal(cut_len("a\xf0\x9f\x98\x80z", 5), 5);
    assert_int_equal(str_cut(nothing, 5).len, 0);
}

static void what_is_no_utf_8_loses_no_more_than_a_character_could(void **state)
{
    assert_int_equal(cut_len("\x80\x80\x80\x80\x80\x80\x80\x80", 6), 3);
    assert_int_equal(cut_len("\x80\x80\x80", 2), 0);
}

static void a_copy_is_cut_to_its_array_and_ends_with_a_nul(void **state)
{
    char out[4] = "zzz";
    str_copy(out, sizeof out, STR("ab\xc3\xa9"));
    assert_string_equal(out, "ab");
    str_copy(out, sizeof out, STR("abcdef"));
    assert_memory_equal(out, "abc", 4);
    str_copy(out, 1, STR("z"));
    assert_memory_equal(out, "\0bc", 4);
    str_copy(out, sizeof out, nothing);
    assert_string_equal(out, "");
}

static const char *masked(str text)
{
    static char out[64];
    str_copy(out, sizeof out, text);
    control_mask(out, text.len);
    return out;
}

static void what_a_terminal_obeys_is_found_and_masked(void **state)
{
    assert_string_equal(masked(STR("a\x1b[2J\n\x7f")), "a?[2J??");
    assert_string_equal(masked(STR("\xc2\x80z\xc2\x9f\xc2\xa0")), "??z??\xc2\xa0");
    assert_string_equal(masked(STR("caf\xc3\xa9 \xe2\x82\xac \xc3\x80\xc2")),
                        "caf\xc3\xa9 \xe2\x82\xac \xc3\x80\xc2");
    assert_int_equal(control_find(STR("ab\xc2\x9b")), 2);
    assert_int_equal(control_find(STR("ab")), 2);
    assert_int_equal(control_find(nothing), 0);
    assert_int_equal(control_len(STR("\xc2\x9b")), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_means_the_same_bytes),
        cmocka_unit_test(case_is_folded_for_ascii_letters_only),
        cmocka_unit_test(a_prefix_is_at_the_start_and_not_longer),
        cmocka_unit_test(find_gives_the_first_place_or_the_length),
        cmocka_unit_test(trim_takes_blanks_off_both_ends),
        cmocka_unit_test(a_c_string_becomes_a_slice_without_its_nul),
        cmocka_unit_test(a_cut_leaves_whole_characters),
        cmocka_unit_test(what_a_terminal_obeys_is_found_and_masked),
        cmocka_unit_test(what_is_no_utf_8_loses_no_more_than_a_character_could),
        cmocka_unit_test(a_copy_is_cut_to_its_array_and_ends_with_a_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

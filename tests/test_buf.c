/* SPDX-License-Identifier: MIT */
/* base/buf: what fits, what does not, and that overflow sticks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void appends_follow_one_another(void **state)
{
    char memory[32];
    struct buf b = BUF_ON(memory);
    buf_put(&b, STR("ab"));
    buf_put(&b, (str) { NULL, 0 });
    buf_put_char(&b, '-');
    buf_put_u64(&b, 10);
    buf_printf(&b, "%s%d", "=", -7);
    assert_true(str_eq(buf_str(&b), STR("ab-10=-7")));
    assert_false(b.overflow);
    buf_reset(&b);
    assert_true(str_eq(buf_str(&b), STR("")));
}

static void numbers_are_put_in_decimal(void **state)
{
    static const struct {
        uint64_t n;
        str text;
    } rows[] = {
        { 0, STR_INIT("0") },
        { 9, STR_INIT("9") },
        { 10, STR_INIT("10") },
        { UINT64_MAX, STR_INIT("18446744073709551615") },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char memory[20];
        struct buf b = BUF_ON(memory);
        buf_put_u64(&b, rows[i].n);
        assert_false(b.overflow);
        assert_true(str_eq(buf_str(&b), rows[i].text));
    }
}

static void fractions_end_without_zeros(void **state)
{
    char memory[64];
    struct buf b = BUF_ON(memory);
    buf_put_decimal(&b, 1500, 1000);
    buf_put(&b, STR(" "));
    buf_put_decimal(&b, 7, 1000000);
    buf_put(&b, STR(" "));
    buf_put_decimal(&b, UINT64_MAX, 10);
    buf_put(&b, STR(" "));
    buf_put_decimal(&b, 3000, 1000);
    assert_true(str_eq(buf_str(&b), STR("1.5 0.000007 1844674407370955161.5 3")));
}

static void a_buffer_can_be_filled_to_its_last_byte(void **state)
{
    char memory[4];
    struct buf b = BUF_ON(memory);
    buf_put(&b, STR("abcd"));
    assert_false(b.overflow);
    assert_true(str_eq(buf_str(&b), STR("abcd")));
}

static void what_does_not_fit_is_left_out_and_so_is_all_that_follows(void **state)
{
    char memory[4];
    struct buf b = BUF_ON(memory);
    buf_put(&b, STR("abc"));
    buf_put(&b, STR("de"));
    assert_true(b.overflow);
    buf_put_char(&b, 'x');
    buf_put_u64(&b, 1);
    buf_printf(&b, "y");
    assert_true(b.overflow);
    assert_true(str_eq(buf_str(&b), STR("abc")));
    buf_reset(&b);
    assert_false(b.overflow);
}

static void printf_wants_room_for_its_nul(void **state)
{
    char memory[4];
    struct buf b = BUF_ON(memory);
    buf_printf(&b, "%s", "abc");
    assert_false(b.overflow);
    buf_reset(&b);
    buf_printf(&b, "%s", "abcd");
    assert_true(b.overflow);
    assert_int_equal(b.len, 0);
}

static void a_c_string_is_terminated_or_overflows(void **state)
{
    char memory[3] = { 'x', 'x', 'x' };
    struct buf b = BUF_ON(memory);
    buf_put(&b, STR("ab"));
    assert_string_equal(buf_cstr(&b), "ab");
    assert_int_equal(b.len, 2);
    buf_put_char(&b, 'c');
    assert_string_equal(buf_cstr(&b), "");
    assert_true(b.overflow);
}

static void one_that_grows_takes_what_comes(void **state)
{
    static char much[10000];
    struct buf b = BUF_GROWING;
    assert_string_equal(buf_cstr(&b), "");
    for (size_t i = 0; i < sizeof much; i++)
        buf_put_char(&b, 'a');
    memset(much, 'b', sizeof much - 1);
    buf_put(&b, (str) { much, sizeof much - 1 });
    buf_printf(&b, "%s.", much);
    assert_false(b.overflow);
    assert_int_equal(b.len, 3 * sizeof much - 1);
    assert_int_equal(strspn(b.at, "a"), sizeof much);
    assert_int_equal(strspn(b.at + sizeof much, "b"), 2 * (sizeof much - 1));
    buf_free(&b);
    buf_put(&b, STR("again"));
    assert_string_equal(buf_cstr(&b), "again");
    buf_free(&b);
}

/* At each size, so that the last byte and the NUL meet the end of the memory. */
static void one_that_grows_does_so_at_any_length(void **state)
{
    struct buf put = BUF_GROWING, printed = BUF_GROWING;
    for (size_t i = 0; i < 20000; i++) {
        buf_put_char(&put, 'x');
        assert_int_equal(strlen(buf_cstr(&put)), i + 1);
        buf_printf(&printed, "%c", 'x');
        assert_int_equal(printed.len, i + 1);
    }
    buf_free(&put);
    buf_free(&printed);
}

static void one_that_cannot_grow_overflows(void **state)
{
    struct buf b = BUF_GROWING;
    buf_put(&b, STR("kept"));
    assert_false(buf_make_room(&b, SIZE_MAX));
    assert_true(b.overflow);
    buf_put(&b, STR("left out"));
    buf_printf(&b, "%s", "left out");
    assert_string_equal(buf_cstr(&b), "kept");
    assert_true(b.overflow);
    buf_free(&b);
    assert_false(b.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_follow_one_another),
        cmocka_unit_test(numbers_are_put_in_decimal),
        cmocka_unit_test(fractions_end_without_zeros),
        cmocka_unit_test(a_buffer_can_be_filled_to_its_last_byte),
        cmocka_unit_test(what_does_not_fit_is_left_out_and_so_is_all_that_follows),
        cmocka_unit_test(printf_wants_room_for_its_nul),
        cmocka_unit_test(a_c_string_is_terminated_or_overflows),
        cmocka_unit_test(one_that_grows_takes_what_comes),
        cmocka_unit_test(one_that_grows_does_so_at_any_length),
        cmocka_unit_test(one_that_cannot_grow_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

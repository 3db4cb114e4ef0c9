/* SPDX-License-Identifier: MIT */
/* Numbers, durations and switches as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/quantity.h"

static void a_duration_has_a_unit_or_is_seconds(void **state)
{
    static const struct {
        const char *text;
        uint32_t ms;
    } rows[] = { { "500ms", 500 },  { "5s", 5000 },   { "2m", 120000 },  { "1h", 3600000 },
                 { "3", 3000 },     { "0.5", 500 },   { "1.25s", 1250 }, { "5 s", 5000 },
                 { "0.0004m", 24 }, { "0.0016s", 2 }, { "1ms", 1 },      { "24h", 86400000 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t ms = 0;
        assert_true(quantity_duration_ms(str_of(rows[i].text), 1, 86400000, &ms));
        assert_int_equal(ms, rows[i].ms);
    }
}

static void what_is_no_duration_leaves_the_value_alone(void **state)
{
    static const char *const texts[] = {
        "",      "s",  "-1",  "+1", "1x", "1e3", "0.1ms", "1.",   ".",
        "1.2.3", " 1", "25h", "0",  "0s", "nan", "inf",   "0x10", "9999999999999999999999"
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint32_t ms = 77;
        if (quantity_duration_ms(str_of(texts[i]), 1, 86400000, &ms))
            fail_msg("\"%s\" was taken as %u ms", texts[i], ms);
        assert_int_equal(ms, 77);
    }
}

static void a_count_is_whole_and_in_range(void **state)
{
    uint32_t n = 7;
    assert_false(quantity_count(STR("1.0"), 1, 9, &n));
    assert_false(quantity_count(STR("0"), 1, 9, &n));
    assert_false(quantity_count(STR("10"), 1, 9, &n));
    assert_false(quantity_count(STR("4294967296"), 0, UINT32_MAX, &n));
    assert_int_equal(n, 7);
    assert_true(quantity_count(STR("4294967295"), 0, UINT32_MAX, &n));
    assert_int_equal(n, UINT32_MAX);
    assert_true(quantity_count(STR("9"), 1, 9, &n));
    assert_int_equal(n, 9);
}

static void a_switch_has_three_pairs_of_words(void **state)
{
    bool on = false;
    assert_true(quantity_switch(STR("Yes"), &on) && on);
    assert_true(quantity_switch(STR("off"), &on) && !on);
    assert_true(quantity_switch(STR("true"), &on) && on);
    assert_false(quantity_switch(STR("1"), &on));
    assert_true(on);
}

static void a_duration_is_put_in_its_largest_whole_unit(void **state)
{
    char text[64];
    struct buf b = BUF_ON(text);
    static const uint32_t ms[] = { 0, 1, 999, 1000, 1500, 60000, 90000, 3600000 };
    for (size_t i = 0; i < sizeof ms / sizeof *ms; i++) {
        quantity_put_duration(&b, ms[i]);
        buf_put_char(&b, ' ');
    }
    assert_string_equal(buf_cstr(&b), "0s 1ms 999ms 1s 1500ms 1m 90s 1h ");
}

static void a_size_has_a_binary_unit_or_is_bytes(void **state)
{
    const struct {
        const char *text;
        uint64_t bytes; /* 0: none */
    } rows[] = { { "1", 1 },
                 { "512", 512 },
                 { "64KiB", 65536 },
                 { "2 mib", 2097152 },
                 { "1.5GiB", 3 << 29 },
                 { "1024GiB", UINT64_C(1) << 40 },
                 { "", 0 },
                 { "GiB", 0 },
                 { "2GB", 0 },
                 { "1025GiB", 0 },
                 { "0", 0 },
                 { "-1", 0 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t bytes = 0;
        bool right = quantity_bytes(str_of(rows[i].text), 1, UINT64_C(1) << 40, &bytes);
        assert_int_equal(right, rows[i].bytes > 0);
        assert_int_equal(bytes, rows[i].bytes);
    }
}

static void a_size_is_put_in_its_largest_whole_unit(void **state)
{
    const uint64_t bytes[] = { 0, 1000, 1024, 1536, 3 << 29, UINT64_C(5) << 30 };
    const char *const want[] = { "0", "1000", "1KiB", "1536", "1536MiB", "5GiB" };
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        char text[32];
        struct buf b = BUF_ON(text);
        quantity_put_bytes(&b, bytes[i]);
        assert_string_equal(buf_cstr(&b), want[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_duration_has_a_unit_or_is_seconds),
        cmocka_unit_test(what_is_no_duration_leaves_the_value_alone),
        cmocka_unit_test(a_count_is_whole_and_in_range),
        cmocka_unit_test(a_switch_has_three_pairs_of_words),
        cmocka_unit_test(a_duration_is_put_in_its_largest_whole_unit),
        cmocka_unit_test(a_size_has_a_binary_unit_or_is_bytes),
        cmocka_unit_test(a_size_is_put_in_its_largest_whole_unit),
    };
    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}

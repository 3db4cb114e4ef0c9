/* SPDX-License-Identifier: MIT */
#include "aws/timestamp.h"

#include "lib/check.h"

#include "aws/amz_date.h"
#include "base/rng.h"

#include <stdio.h>
#include <stdlib.h>

typedef bool reader(str text, int64_t *unix_s);

struct good {
    const char *text;
    int64_t unix_s;
};

/* The text goes in without a byte behind it, so that a sanitizer sees a look too far. */
static bool read_exactly(reader *read, const char *text, size_t len, int64_t *unix_s)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    bool ok = read((str) { copy, len }, unix_s);
    free(copy);
    return ok;
}

static void assert_all_read(reader *read, const struct good *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t unix_s = -1;
        if (!read_exactly(read, rows[i].text, strlen(rows[i].text), &unix_s))
            fail_msg("\"%s\" was not read", rows[i].text);
        if (unix_s != rows[i].unix_s)
            fail_msg("\"%s\" became %lld", rows[i].text, (long long)unix_s);
    }
}

static void assert_none_read(reader *read, const char *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t unix_s = 77;
        if (read_exactly(read, rows[i], strlen(rows[i]), &unix_s))
            fail_msg("\"%s\" was read", rows[i]);
        assert_int_equal(unix_s, 77);
    }
}

/* A text that was cut, or goes on, is no date. */
static void assert_all_of_it_counts(reader *read, const char *text)
{
    char longer[64];
    int64_t unix_s;
    for (size_t len = 0; len < strlen(text); len++)
        if (read_exactly(read, text, len, &unix_s))
            fail_msg("\"%.*s\" was read", (int)len, text);
    snprintf(longer, sizeof longer, "%s ", text);
    assert_false(read_exactly(read, longer, strlen(longer), &unix_s));
    snprintf(longer, sizeof longer, " %s", text);
    assert_false(read_exactly(read, longer, strlen(longer), &unix_s));
}

static void an_http_date_has_three_forms(void **state)
{
    static const struct good rows[] = {
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994", 784111777 },
        { "Wed, 16 Nov 1994 00:00:00 GMT", 784944000 },
        { "Wednesday, 16-Nov-94 00:00:00 GMT", 784944000 },
        { "Wed Nov 16 00:00:00 1994", 784944000 },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Thu, 29 Feb 2024 23:59:59 GMT", 1709251199 },
        { "Tue, 29 Feb 2000 12:00:00 GMT", 951825600 },
        { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 },
        { "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
        { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
        { "Thursday, 01-Jan-70 00:00:00 GMT", 0 },
        { "Tuesday, 31-Dec-69 23:59:59 GMT", 3155759999 },
        { "Mon, 06 Nov 1994 08:49:37 GMT", 784111777 }, /* a Sunday, in truth */
        { "Sun, 06 Nov 1994 08:49:37 UTC", 784111777 },
        { "Sun, 06 Nov 1994 08:49:37 +0000", 784111777 },
        { "Sun, 06 Nov 1994 08:49:37 -0000", 784111777 },
        { "Sun, 06 Nov 1994 09:49:37 +0100", 784111777 },
        { "sun, 06 nov 1994 08:49:37 gmt", 784111777 },
        { "Sun, 6 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sun 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "06 Nov 1994 08:49:37 GMT", 784111777 },
        { "06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sunday, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sunday, 06-Nov-1994 08:49:37 UTC", 784111777 },
        { "Sun, 06-Nov-94 08:49:37 Z", 784111777 },
        { "Nov  6 08:49:37 1994", 784111777 },
        { "Sun Nov 6 08:49:37 1994", 784111777 },
    };
    assert_all_read(timestamp_http_date, rows, sizeof rows / sizeof *rows);
    for (size_t i = 0; i < 3; i++)
        assert_all_of_it_counts(timestamp_http_date, rows[i].text);
}

static void what_only_looks_like_an_http_date_is_none(void **state)
{
    static const char *const rows[] = {
        "",
        ",",
        "Sun,",
        "784111777",
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 2023 00:00:00 GMT",
        "Mon, 29 Feb 2100 00:00:00 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 -8:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994  8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 +00",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun Nov   6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
    };
    assert_none_read(timestamp_http_date, rows, sizeof rows / sizeof *rows);
}

static void an_iso_8601_time_may_have_a_fraction_and_an_offset(void **state)
{
    static const struct good rows[] = {
        { "2026-11-22T01:02:03Z", 1795309323 },
        { "2026-11-22t01:02:03z", 1795309323 },
        { "2026-11-22T01:02:03UTC", 1795309323 },
        { "2026-11-22 01:02:03+00:00", 1795309323 },
        { "2026-11-22T01:02:03.9Z", 1795309323 },
        { "2026-11-22T01:02:03.123456789Z", 1795309323 },
        { "2026-11-22T02:02:03+01:00", 1795309323 },
        { "2026-11-22T02:02:03+0100", 1795309323 },
        { "2026-11-21T19:32:03.5-05:30", 1795309323 },
        { "1970-01-01T00:00:00Z", 0 },
        { "1969-12-31T23:59:59.9Z", -1 },
        { "2016-12-31T23:59:60Z", 1483228800 },
        { "0001-01-01T00:00:00Z", -62135596800 },
    };
    assert_all_read(timestamp_iso8601, rows, sizeof rows / sizeof *rows);
    assert_all_of_it_counts(timestamp_iso8601, "2026-11-22T01:02:03Z");
    assert_all_of_it_counts(timestamp_iso8601, "2026-11-22T01:02:03UTC");
    assert_all_of_it_counts(timestamp_iso8601, "2026-11-22T01:02:03.5+01:00");
}

static void what_only_looks_like_an_iso_8601_time_is_none(void **state)
{
    static const char *const rows[] = {
        "",
        "2026-11-22",
        "2026-11-22T01:02:03", /* of which place? */
        "2026-11-22T01:02Z",
        "20261122T010203Z",
        "2026-11-22T01:02:03.Z",
        "2026-11-22T01:02:03,5Z",
        "2026-11-22T01:02:03 Z",
        "2026-11-22T01:02:03GMT",
        "2026-11-22T01:02:03+1:00",
        "2026-11-22T01:02:03+01",
        "2026-11-22T01:02:03+24:00",
        "2026-11-22T01:02:03+01:60",
        "2026-11-22_01:02:03Z",
        "2026-13-22T01:02:03Z",
        "2026-00-22T01:02:03Z",
        "2026-11-31T01:02:03Z",
        "2025-02-29T01:02:03Z",
        "2026-11-22T24:00:00Z",
        "26-11-22T01:02:03Z",
        "-026-11-22T01:02:03Z",
        "never",
    };
    assert_none_read(timestamp_iso8601, rows, sizeof rows / sizeof *rows);
}

static void it_reads_back_what_amz_date_writes_on_any_day(void **state)
{
    struct rng rng = { 4 };
    for (int i = 0; i < 20000; i++) {
        struct amz_date date = { .text = "" };
        char text[32];
        int64_t unix_s = (int64_t)(rng_next(&rng) % 253402300800), got;
        amz_date_set(&date, unix_s);
        const char *t = date.text;
        snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", t, t + 4, t + 6, t + 9,
                 t + 11, t + 13);
        if (!timestamp_iso8601(str_of(text), &got) || got != unix_s)
            fail_msg("%s for %lld", text, (long long)unix_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_http_date_has_three_forms),
        cmocka_unit_test(what_only_looks_like_an_http_date_is_none),
        cmocka_unit_test(an_iso_8601_time_may_have_a_fraction_and_an_offset),
        cmocka_unit_test(what_only_looks_like_an_iso_8601_time_is_none),
        cmocka_unit_test(it_reads_back_what_amz_date_writes_on_any_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

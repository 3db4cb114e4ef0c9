/* SPDX-License-Identifier: MIT */
/* Any bytes as a Date or an expiration, and what such a Date does to the clock. */
#include "aws/clock_skew.h"
#include "aws/timestamp.h"
#include "fuzz/fuzz.h"

static const int64_t year_0_s = INT64_C(-62167392000), year_10000_s = INT64_C(253402387200);
static const int64_t now_ms = INT64_C(1795310000000);

static void check_time(bool is_one, int64_t unix_s)
{
    check(is_one ? unix_s >= year_0_s && unix_s <= year_10000_s : unix_s == 7);
}

static void check_clock(str text)
{
    struct clock_skew clock = { 0 };
    int64_t skew_ms;
    if (!clock_skew_measure(&skew_ms, text, STR(""), now_ms, now_ms + 10))
        return;
    bool is_believed = clock_skew_hear(&clock, skew_ms, now_ms + 10);
    check(!is_believed || clock_skew_is_credible(clock.ms));
    check(is_believed || clock.ms == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = copy_of(data, size);
    str text = { copy, size };
    int64_t unix_s = 7;
    check_time(timestamp_http_date(text, &unix_s), unix_s);
    unix_s = 7;
    check_time(timestamp_iso8601(text, &unix_s), unix_s);
    check_clock(text);
    free(copy);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* A Date is what any box on the way may write, and all signatures would follow it: so one answer
 * moves the clock by a day at most, and more is believed only when time is seen to pass there. */
#include "aws/clock_skew.h"

#include "aws/timestamp.h"

enum {
    ROUND_TRIP_MAX_MS = 15 * 60 * 1000,
    EXPLAINS_MS = 4 * 60 * 1000,
    KNOWN_MS = 15 * 60 * 1000, /* from what was believed before: the same clock, drifting */
    AGREES_MS = 2000,
    SECOND_AT_FIRST_MS = 3000,
    SECOND_AT_LAST_MS = 10 * 60 * 1000
};

static const int64_t year_2020_ms = INT64_C(1577836800000), year_2200_ms = INT64_C(7258118400000);

bool clock_skew_measure(int64_t *skew_ms, str date, str age, int64_t sent_ms, int64_t received_ms)
{
    int64_t date_s, round_trip_ms = received_ms - sent_ms;
    if (age.len || !timestamp_http_date(str_trim(date), &date_s))
        return false;
    if (round_trip_ms < 0 || round_trip_ms > ROUND_TRIP_MAX_MS)
        return false;
    *skew_ms = date_s * 1000 - (sent_ms + round_trip_ms / 2);
    return true;
}

bool clock_skew_is_credible(int64_t skew_ms)
{
    return skew_ms <= CLOCK_SKEW_MAX_MS && skew_ms >= -CLOCK_SKEW_MAX_MS;
}

static bool is_within(int64_t n, int64_t from, int64_t to)
{
    return n >= from && n <= to;
}

static bool confirms(const struct clock_skew *s, int64_t skew_ms, int64_t received_ms)
{
    return s->is_doubted && is_within(skew_ms - s->doubted_ms, -AGREES_MS, AGREES_MS) &&
           is_within(received_ms - s->doubted_at_ms, 0, SECOND_AT_LAST_MS);
}

bool clock_skew_hear(struct clock_skew *s, int64_t skew_ms, int64_t received_ms)
{
    if (!is_within(received_ms + skew_ms, year_2020_ms, year_2200_ms))
        return false;
    bool is_known = is_within(skew_ms - s->ms, -KNOWN_MS, KNOWN_MS);
    if (!is_known && !clock_skew_is_credible(skew_ms)) {
        if (!confirms(s, skew_ms, received_ms)) {
            s->is_doubted = true;
            s->doubted_ms = skew_ms;
            s->doubted_at_ms = received_ms;
            return false;
        }
        if (received_ms - s->doubted_at_ms < SECOND_AT_FIRST_MS)
            return false;
    }
    s->ms = skew_ms;
    s->is_doubted = false;
    return true;
}

bool clock_skew_explains(str code, int64_t off_ms)
{
    static const str codes[] = {
        STR_INIT("InvalidSignatureException"),
        STR_INIT("SignatureDoesNotMatch"),
        STR_INIT("AuthFailure"),
        STR_INIT("RequestTimeTooSkewed"),
        STR_INIT("RequestExpired"),
        STR_INIT("RequestInTheFuture"),
        STR_INIT("AccessDeniedException"),
    };
    if (off_ms <= EXPLAINS_MS && off_ms >= -EXPLAINS_MS)
        return false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (str_eq(code, codes[i]))
            return true;
    return false;
}

#include "aws/clock_skew.h"

#include "aws/timestamp.h"

enum { ROUND_TRIP_MAX_MS = 15 * 60 * 1000, EXPLAINS_MS = 4 * 60 * 1000 };

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

bool clock_skew_explains(str code, int64_t skew_ms)
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
    if (skew_ms <= EXPLAINS_MS && skew_ms >= -EXPLAINS_MS)
        return false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (str_eq(code, codes[i]))
            return true;
    return false;
}

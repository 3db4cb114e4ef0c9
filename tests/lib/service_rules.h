/* SPDX-License-Identifier: MIT */
/* What the services of both simulations hold requests to. */
#ifndef LIB_SERVICE_RULES_H
#define LIB_SERVICE_RULES_H

#include <math.h>

#include "aws/amz_date.h"
#include "io/timers.h"
#include "lib/virtual.h"

/* So many tokens a second, which are kept up to a number. */
struct token_rate {
    double per_s, most; /* 0 a second: no limit */
    double tokens;
    uint64_t as_of_ns;
};

/* One request more: true, it is one too many. */
static inline bool token_rate_throttles(struct token_rate *r, uint64_t now_ns)
{
    double passed_s = (double)(now_ns - r->as_of_ns) / 1e9;
    if (r->per_s <= 0)
        return false;
    r->tokens = fmin(r->most, r->tokens + passed_s * r->per_s);
    r->as_of_ns = now_ns;
    if (r->tokens < 1)
        return true;
    r->tokens--;
    return false;
}

/* Within five minutes of the service's clock, which is clock_ms wrong. Texts of that form sort as
 * their times do. */
static inline bool is_signed_in_time(const struct virtual_request *rq, int64_t clock_ms)
{
    enum { MOST_S = 300 };
    int64_t now_s = (timers_wall_ms() + clock_ms) / 1000;
    struct amz_date first = { 0 }, last = { 0 };
    str sent = virtual_header(rq, STR("X-Amz-Date"));
    amz_date_set(&first, now_s - MOST_S);
    amz_date_set(&last, now_s + MOST_S);
    str from = amz_date_str(&first), to = amz_date_str(&last);
    return sent.len == from.len && memcmp(sent.ptr, from.ptr, sent.len) >= 0 &&
           memcmp(sent.ptr, to.ptr, sent.len) <= 0;
}

#endif

/* SPDX-License-Identifier: MIT */
/* Numbers become digits without printf: of 10 000 targets each has some, and most are small. */
#include "status/member.h"

void member_text(struct buf *out, const char *name, str value)
{
    jsontext_member(out, name, value);
}

void member_count(struct buf *out, const char *name, uint64_t n)
{
    jsontext_name(out, str_of(name));
    buf_put_u64(out, n);
}

void member_signed(struct buf *out, const char *name, int64_t n)
{
    jsontext_name(out, str_of(name));
    if (n < 0)
        buf_put_char(out, '-');
    buf_put_u64(out, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void member_flag(struct buf *out, const char *name, bool value)
{
    jsontext_name(out, str_of(name));
    buf_put(out, value ? STR("true") : STR("false"));
}

void member_time(struct buf *out, const char *name, int64_t unix_ms)
{
    jsontext_name(out, str_of(name));
    if (unix_ms <= 0) {
        buf_put(out, STR("null"));
        return;
    }
    buf_put_char(out, '"');
    jsontext_time(out, unix_ms);
    buf_put_char(out, '"');
}

void member_seconds(struct buf *out, const char *name, uint64_t us)
{
    jsontext_name(out, str_of(name));
    buf_put_decimal(out, us, 1000000);
}

void member_rate(struct buf *out, const char *name, double per_s)
{
    bool is_told = per_s > 0 && per_s < 1e15;
    jsontext_name(out, str_of(name));
    buf_put_decimal(out, is_told ? (uint64_t)(per_s * 1000 + 0.5) : 0, 1000);
}

void member_open(struct buf *out, const char *name, char bracket)
{
    jsontext_name(out, str_of(name));
    buf_put_char(out, bracket);
}

void member_element(struct buf *out, char bracket)
{
    char before = out->len ? out->at[out->len - 1] : '[';
    if (before != '[')
        buf_put_char(out, ',');
    buf_put_char(out, bracket);
}

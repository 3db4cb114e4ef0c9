/* SPDX-License-Identifier: MIT */
/* Strings are walked sequence by sequence: what is UTF-8 is copied, and of what is not each byte
 * becomes one U+FFFD. Plain ASCII, which is nearly all there is, goes in one piece. A member finds
 * out from the last byte put whether it needs a comma, since a value never ends in '{': its caller
 * keeps no state for that. Numbers become digits without printf: of 10 000 targets each has some,
 * and most are small. */
#include "base/jsontext.h"

#include <math.h>
#include <time.h>

/* The length of the UTF-8 sequence s begins with; 0 when it is none (overlong, surrogate, cut). */
static size_t utf8_length(str s)
{
    const unsigned char *u = (const unsigned char *)s.ptr;
    size_t n = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (n == 0 || u[0] > 0xf4 || n > s.len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    bool bad = (u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
               (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f);
    return bad ? 0 : n;
}

size_t jsontext_characters(str s)
{
    size_t count = 0;
    for (size_t n; s.len; s = str_skip(s, n), count++) {
        n = utf8_length(s);
        if (!n)
            return SIZE_MAX;
    }
    return count;
}

/* How many bytes at the start are ASCII that stands for itself. */
static size_t plain_length(str s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] >= 0x20 && s.ptr[n] < 0x7f && s.ptr[n] != '"' && s.ptr[n] != '\\')
        n++;
    return n;
}

void jsontext_string(struct buf *out, str s)
{
    buf_put_char(out, '"');
    for (size_t n; s.len; s = str_skip(s, n ? n : 1)) {
        n = plain_length(s);
        if (n) {
            buf_put(out, (str) { s.ptr, n });
            continue;
        }
        n = utf8_length(s);
        unsigned char c = (unsigned char)s.ptr[0];
        if (n == 0)
            buf_put(out, STR("\\ufffd"));
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else
            buf_put(out, (str) { s.ptr, n });
    }
    buf_put_char(out, '"');
}

size_t jsontext_size(str s)
{
    size_t size = 2;
    while (s.len) {
        size_t n = utf8_length(s);
        unsigned char c = (unsigned char)s.ptr[0];
        bool is_escaped = n == 0 || c < 0x20 || c == 0x7f;
        size += is_escaped ? 6 : c == '"' || c == '\\' ? 2 : n;
        s = str_skip(s, n ? n : 1);
    }
    return size;
}

/* --- time --- */

/* So many digits, then what follows them; without printf, for a status has thousands of times. */
static void put_digits(struct buf *out, int n, int width, char after)
{
    char digits[5];
    for (int i = width; i-- > 0; n /= 10)
        digits[i] = (char)('0' + n % 10);
    digits[width] = after;
    buf_put(out, (str) { digits, (size_t)width + 1 });
}

void jsontext_time(struct buf *out, int64_t unix_ms)
{
    time_t s = (time_t)(unix_ms / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    put_digits(out, tm.tm_year + 1900, 4, '-');
    put_digits(out, tm.tm_mon + 1, 2, '-');
    put_digits(out, tm.tm_mday, 2, 'T');
    put_digits(out, tm.tm_hour, 2, ':');
    put_digits(out, tm.tm_min, 2, ':');
    put_digits(out, tm.tm_sec, 2, '.');
    put_digits(out, (int)(unix_ms % 1000), 3, 'Z');
}

enum { YEAR_MAX = 9999 };

/* INT64_MAX seconds are no year that fits a struct tm. */
static bool read_expiry(int64_t unix_s, struct tm *tm)
{
    time_t s = (time_t)unix_s;
    return gmtime_r(&s, tm) && tm->tm_year + 1900 <= YEAR_MAX;
}

void jsontext_put_expiry(struct buf *out, int64_t unix_s)
{
    struct tm tm;
    if (read_expiry(unix_s, &tm))
        buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    else
        buf_put(out, STR("never"));
}

/* --- members --- */

void jsontext_name(struct buf *out, str name)
{
    if (out->len && out->at[out->len - 1] != '{')
        buf_put_char(out, ',');
    jsontext_string(out, name);
    buf_put_char(out, ':');
}

void jsontext_member(struct buf *out, const char *name, str value)
{
    jsontext_name(out, str_of(name));
    jsontext_string(out, value);
}

void jsontext_member_if(struct buf *out, const char *name, str value)
{
    if (value.len)
        jsontext_member(out, name, value);
}

void jsontext_null(struct buf *out, const char *name)
{
    jsontext_name(out, str_of(name));
    buf_put(out, STR("null"));
}

void jsontext_count(struct buf *out, const char *name, uint64_t n)
{
    jsontext_name(out, str_of(name));
    buf_put_u64(out, n);
}

void jsontext_signed(struct buf *out, const char *name, int64_t n)
{
    jsontext_name(out, str_of(name));
    if (n < 0)
        buf_put_char(out, '-');
    buf_put_u64(out, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void jsontext_flag(struct buf *out, const char *name, bool value)
{
    jsontext_name(out, str_of(name));
    buf_put(out, value ? STR("true") : STR("false"));
}

void jsontext_instant(struct buf *out, const char *name, int64_t unix_ms)
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

void jsontext_expiry(struct buf *out, const char *name, int64_t unix_s)
{
    struct tm tm;
    if (!read_expiry(unix_s, &tm)) {
        jsontext_null(out, name);
        return;
    }
    jsontext_name(out, str_of(name));
    buf_put_char(out, '"');
    jsontext_put_expiry(out, unix_s);
    buf_put_char(out, '"');
}

void jsontext_seconds(struct buf *out, const char *name, uint64_t us)
{
    jsontext_name(out, str_of(name));
    buf_put_decimal(out, us, 1000000);
}

void jsontext_rate(struct buf *out, const char *name, double per_s)
{
    bool is_told = per_s > 0 && per_s < 1e15;
    jsontext_name(out, str_of(name));
    buf_put_decimal(out, is_told ? (uint64_t)(per_s * 1000 + 0.5) : 0, 1000);
}

void jsontext_number(struct buf *out, const char *name, double n)
{
    jsontext_name(out, str_of(name));
    if (isfinite(n))
        buf_printf(out, "%.6g", n);
    else
        buf_put(out, STR("null"));
}

void jsontext_open(struct buf *out, const char *name, char bracket)
{
    jsontext_name(out, str_of(name));
    buf_put_char(out, bracket);
}

void jsontext_element(struct buf *out, char bracket)
{
    char before = out->len ? out->at[out->len - 1] : '[';
    if (before != '[')
        buf_put_char(out, ',');
    buf_put_char(out, bracket);
}

/* SPDX-License-Identifier: MIT */
/* The parts of the builder that are too long to be inline. A number becomes digits without printf's
 * machinery, for every request has some. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_wipe(struct buf *b)
{
    if (b->len)
        explicit_bzero(b->at, b->len);
    buf_reset(b);
}

void buf_put_u64(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    buf_put(b, (str) { digits + at, sizeof digits - at });
}

void buf_put_decimal(struct buf *b, uint64_t n, uint64_t parts)
{
    buf_put_u64(b, n / parts);
    n %= parts;
    if (n)
        buf_put_char(b, '.');
    for (; n; n %= parts) {
        parts /= 10;
        buf_put_char(b, (char)('0' + n / parts));
    }
}

void buf_printf(struct buf *b, const char *format, ...)
{
    if (b->overflow)
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(b->at + b->len, b->cap - b->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= b->cap - b->len)
        b->overflow = true;
    else
        b->len += (size_t)n;
}

const char *buf_cstr(struct buf *b)
{
    if (b->len >= b->cap) {
        b->overflow = true;
        return "";
    }
    b->at[b->len] = '\0';
    return b->at;
}

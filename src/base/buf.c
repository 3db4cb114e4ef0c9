/* SPDX-License-Identifier: MIT */
/* The parts of the builder that are too long to be inline. A number becomes digits without printf's
 * machinery, for every request has some. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 4096 };

void buf_free(struct buf *b)
{
    free(b->at);
    *b = (struct buf) { .grows = b->grows };
}

/* Twice as much, or what is needed. */
static bool grow(struct buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : FIRST_SIZE;
    while (cap - b->len < more && cap <= SIZE_MAX / 2)
        cap *= 2;
    char *at = cap - b->len < more ? NULL : realloc(b->at, cap);
    if (!at)
        return false;
    b->at = at;
    b->cap = cap;
    return true;
}

bool buf_make_room(struct buf *b, size_t more)
{
    if (!b->overflow && more > b->cap - b->len)
        b->overflow = !b->grows || !grow(b, more);
    return !b->overflow;
}

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
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = b->cap - b->len;
    int n = vsnprintf(room ? b->at + b->len : NULL, room, format, args);
    if (n >= 0 && (size_t)n >= room && buf_make_room(b, (size_t)n + 1)) {
        room = b->cap - b->len;
        n = vsnprintf(b->at + b->len, room, format, again);
    }
    if (n < 0 || (size_t)n >= room)
        b->overflow = true;
    else
        b->len += (size_t)n;
    va_end(again);
    va_end(args);
}

const char *buf_cstr(struct buf *b)
{
    if (b->len >= b->cap && !buf_make_room(b, 1)) {
        b->overflow = true;
        return "";
    }
    b->at[b->len] = '\0';
    return b->at;
}

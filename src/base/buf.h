/* SPDX-License-Identifier: MIT */
/* A builder over bounded memory, or over memory that grows: append freely, look at `overflow` once
 * at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf {
    char *at; /* borrowed, the owner frees; of one that grows: its own */
    size_t len, cap;
    bool overflow; /* sticky: something did not fit, and nothing was put since */
    bool grows;
};

#define BUF_ON(array) ((struct buf) { .at = (array), .cap = sizeof(array) })

/* Without a limit: for what is bounded by other means, as a report of what is in memory is. It
 * overflows when there is no memory. For buf_free(). */
#define BUF_GROWING ((struct buf) { .grows = true })
void buf_free(struct buf *b);

static inline void buf_reset(struct buf *b)
{
    b->len = 0;
    b->overflow = false;
}

/* The same, and no trace of the text is left. */
void buf_wipe(struct buf *b);

static inline str buf_str(const struct buf *b)
{
    return (str) { b->at, b->len };
}

/* Is there room for so many more bytes now? For functions that put. */
bool buf_make_room(struct buf *b, size_t more);

/* Inline: a request is some 40 appends of a few bytes each. */
static inline void buf_put(struct buf *b, str s)
{
    if ((b->overflow || s.len > b->cap - b->len) && !buf_make_room(b, s.len))
        return;
    if (s.len)
        memcpy(b->at + b->len, s.ptr, s.len);
    b->len += s.len;
}

static inline void buf_put_char(struct buf *b, char c)
{
    buf_put(b, (str) { &c, 1 });
}

/* In decimal. */
void buf_put_u64(struct buf *b, uint64_t n);

/* n parts of so many that make one, which are a power of ten, without zeros at its end: 1500 of
 * 1000 parts is 1.5. */
void buf_put_decimal(struct buf *b, uint64_t n, uint64_t parts);

/* printf into the buffer; what does not fit, a NUL included, sets `overflow` and leaves b->len as
 * it was. The NUL is not counted in len. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void buf_printf(struct buf *b, const char *format, ...);

/* NUL after the text, not counted in len; sets `overflow` when there is no room for it. */
const char *buf_cstr(struct buf *b);

#endif

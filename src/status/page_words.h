/* SPDX-License-Identifier: MIT */
/* Figures as people read them. Pure; the same whatever the locale. */
#ifndef STATUS_PAGE_WORDS_H
#define STATUS_PAGE_WORDS_H

#include "base/buf.h"

/* "9999", "10 000": with a narrow blank that breaks no line. */
void words_count(struct buf *out, uint64_t n);
/* "0", "0.25", "34.5", "9 120": fewer decimals the larger it is. */
void words_rate(struct buf *out, double per_s);
/* "0.3 ms", "41 ms", "0.56 s", "12.3 s", then as words_span(). */
void words_duration(struct buf *out, uint64_t us);
/* "3 s", "2 min 5 s", "1 h 12 min", "3 d 4 h". Below 0 it is 0. */
void words_span(struct buf *out, int64_t ms);
/* How long ago; "never" for 0. */
void words_ago(struct buf *out, int64_t unix_ms, int64_t now_ms);
/* "512 B", "404 KiB", "31.0 MiB". */
void words_bytes(struct buf *out, uint64_t n);

#endif

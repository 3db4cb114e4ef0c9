/* SPDX-License-Identifier: MIT */
/* Few digits, since what changes each second is read at a glance. */
#include "status/page_words.h"

#define NARROW_BLANK "\xe2\x80\xaf" /* U+202F */

static void put_grouped(struct buf *out, uint64_t n)
{
    if (n < 1000) {
        buf_put_u64(out, n);
        return;
    }
    put_grouped(out, n / 1000);
    buf_printf(out, NARROW_BLANK "%03u", (unsigned)(n % 1000));
}

void words_count(struct buf *out, uint64_t n)
{
    if (n < 10000)
        buf_put_u64(out, n);
    else
        put_grouped(out, n);
}

void words_rate(struct buf *out, double per_s)
{
    if (!(per_s > 0))
        buf_put_char(out, '0');
    else if (per_s < 1)
        buf_printf(out, "%.2f", per_s);
    else if (per_s < 1000)
        buf_printf(out, "%.1f", per_s);
    else
        words_count(out, per_s < 1e15 ? (uint64_t)(per_s + 0.5) : UINT64_C(1000000000000000));
}

void words_duration(struct buf *out, uint64_t us)
{
    if (us < 10000)
        buf_printf(out, "%.1f ms", (double)us / 1000);
    else if (us < 100000)
        buf_printf(out, "%.0f ms", (double)us / 1000);
    else if (us < 10000000)
        buf_printf(out, "%.2f s", (double)us / 1000000);
    else if (us < 60000000)
        buf_printf(out, "%.1f s", (double)us / 1000000);
    else
        words_span(out, (int64_t)(us / 1000));
}

void words_span(struct buf *out, int64_t ms)
{
    long long s = ms > 0 ? ms / 1000 : 0;
    if (s < 60)
        buf_printf(out, "%lld s", s);
    else if (s < 3600 && s % 60)
        buf_printf(out, "%lld min %lld s", s / 60, s % 60);
    else if (s < 3600)
        buf_printf(out, "%lld min", s / 60);
    else if (s < 86400)
        buf_printf(out, "%lld h %lld min", s / 3600, s / 60 % 60);
    else
        buf_printf(out, "%lld d %lld h", s / 86400, s / 3600 % 24);
}

void words_ago(struct buf *out, int64_t unix_ms, int64_t now_ms)
{
    if (unix_ms <= 0) {
        buf_put(out, STR("never"));
        return;
    }
    words_span(out, now_ms - unix_ms);
    buf_put(out, STR(" ago"));
}

void words_bytes(struct buf *out, uint64_t n)
{
    if (n < 1024)
        buf_printf(out, "%u B", (unsigned)n);
    else if (n < 1024 * 1024)
        buf_printf(out, "%u KiB", (unsigned)(n / 1024));
    else if (n < UINT64_C(1) << 30)
        buf_printf(out, "%.1f MiB", (double)n / (1024 * 1024));
    else
        buf_printf(out, "%.1f GiB", (double)n / (1024.0 * 1024 * 1024));
}

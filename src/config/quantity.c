/* SPDX-License-Identifier: MIT */
/* All numbers are read by one function: digits are gathered as a whole number, which is exact in a
 * double, and divided once by its power of ten. There is no sign, no exponent and no locale, which
 * strtod() would take. */
#include "config/quantity.h"

enum { DIGITS_MAX = 12 }; /* more would not fit any range, and keeps doubles exact */

/* The number text begins with, and what follows it; false when there is none. */
static bool take_real(str *text, double *out)
{
    double n = 0, unit = 1;
    size_t i = 0, digits = 0;
    bool point = false;
    for (; i < text->len && (ascii_is_digit(text->ptr[i]) || (text->ptr[i] == '.' && !point));
         i++) {
        if (text->ptr[i] == '.') {
            point = true;
            continue;
        }
        digits++;
        n = n * 10 + (text->ptr[i] - '0');
        if (point)
            unit *= 10;
    }
    if (digits == 0 || digits > DIGITS_MAX || text->ptr[i - 1] == '.')
        return false;
    *text = str_skip(*text, i);
    *out = n / unit;
    return true;
}

bool quantity_real(str text, double min, double max, double *out)
{
    double n;
    if (!take_real(&text, &n) || text.len || n < min || n > max)
        return false;
    *out = n;
    return true;
}

bool quantity_count(str text, uint32_t min, uint32_t max, uint32_t *out)
{
    double n;
    if (str_find(text, '.') < text.len || !quantity_real(text, min, max, &n))
        return false;
    *out = (uint32_t)n;
    return true;
}

bool quantity_duration_ms(str text, uint32_t min_ms, uint32_t max_ms, uint32_t *out)
{
    static const struct {
        str name;
        double ms;
    } units[] = { { STR_INIT(""), 1e3 },
                  { STR_INIT("ms"), 1 },
                  { STR_INIT("s"), 1e3 },
                  { STR_INIT("m"), 6e4 },
                  { STR_INIT("h"), 36e5 } };
    double n;
    if (!take_real(&text, &n))
        return false;
    text = str_trim(text);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!str_eq(text, units[i].name))
            continue;
        n = n * units[i].ms;
        if (n < min_ms || n > max_ms)
            return false;
        *out = (uint32_t)(n + 0.5);
        return true;
    }
    return false;
}

static const struct {
    str name;
    uint64_t bytes;
} sizes[] = { { STR_INIT("GiB"), 1 << 30 },
              { STR_INIT("MiB"), 1 << 20 },
              { STR_INIT("KiB"), 1 << 10 },
              { STR_INIT(""), 1 } };
enum { SIZES = sizeof sizes / sizeof *sizes };

bool quantity_bytes(str text, uint64_t min, uint64_t max, uint64_t *out)
{
    double n;
    if (!take_real(&text, &n))
        return false;
    text = str_trim(text);
    for (size_t i = 0; i < SIZES; i++) {
        if (!str_eq_nocase(text, sizes[i].name))
            continue;
        n = n * (double)sizes[i].bytes;
        if (n < (double)min || n > (double)max)
            return false;
        *out = (uint64_t)n;
        return true;
    }
    return false;
}

void quantity_put_bytes(struct buf *out, uint64_t bytes)
{
    size_t i = 0;
    while (i + 1 < SIZES && (!bytes || bytes % sizes[i].bytes))
        i++;
    buf_printf(out, "%llu%s", (unsigned long long)(bytes / sizes[i].bytes), sizes[i].name.ptr);
}

bool quantity_switch(str text, bool *out)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (str_eq_nocase(text, str_of(words[i]))) {
            *out = i % 2 == 1;
            return true;
        }
    }
    return false;
}

void quantity_put_duration(struct buf *out, uint32_t ms)
{
    if (ms && ms % 3600000 == 0)
        buf_printf(out, "%uh", ms / 3600000);
    else if (ms && ms % 60000 == 0)
        buf_printf(out, "%um", ms / 60000);
    else if (ms % 1000 == 0)
        buf_printf(out, "%us", ms / 1000);
    else
        buf_printf(out, "%ums", ms);
}

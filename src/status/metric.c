/* SPDX-License-Identifier: MIT */
/* A sample is its family's name, perhaps with a suffix, its labels, and a number. The bounds of
 * buckets are written as OpenMetrics wants them, "1.0" for 1, in both formats, so that a series
 * stays the same one whichever is asked for. */
#include "status/metric.h"

#include <math.h>

#include "base/jsontext.h"

/* --- families --- */

static const char *const type_names[] = { [METRIC_COUNTER] = "counter",
                                          [METRIC_GAUGE] = "gauge",
                                          [METRIC_HISTOGRAM] = "histogram",
                                          [METRIC_SUMMARY] = "summary",
                                          [METRIC_INFO] = "info" };

static str without(str name, str suffix)
{
    bool has_it = name.len > suffix.len && str_eq(str_skip(name, name.len - suffix.len), suffix);
    return has_it ? (str) { name.ptr, name.len - suffix.len } : name;
}

static str family_name(const struct metric_out *m, enum metric_type type)
{
    str name = m->name;
    if (m->format == METRICS_OPENMETRICS && type == METRIC_COUNTER)
        return without(name, STR("_total"));
    if (m->format == METRICS_OPENMETRICS && type == METRIC_INFO)
        return without(name, STR("_info"));
    return name;
}

void metric_family(struct metric_out *m, const char *name, enum metric_type type, const char *help)
{
    bool is_known = m->format == METRICS_OPENMETRICS || type != METRIC_INFO;
    m->name = str_of(name);
    str family = family_name(m, type);
    buf_put(m->to, STR("# HELP "));
    buf_put(m->to, family);
    buf_put_char(m->to, ' ');
    buf_put(m->to, str_of(help));
    buf_put(m->to, STR("\n# TYPE "));
    buf_put(m->to, family);
    buf_put_char(m->to, ' ');
    buf_put(m->to, str_of(type_names[is_known ? type : METRIC_GAUGE]));
    buf_put_char(m->to, '\n');
}

void metric_end(struct metric_out *m)
{
    if (m->format == METRICS_OPENMETRICS)
        buf_put(m->to, STR("# EOF\n"));
}

/* --- labels --- */

static size_t plain_length(str s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] >= 0x20 && s.ptr[n] < 0x7f && s.ptr[n] != '"' && s.ptr[n] != '\\')
        n++;
    return n;
}

/* How long the character at the start is, of two bytes or more; 0: it is not UTF-8. */
static size_t character_length(str s)
{
    for (size_t n = 2; n <= 4 && n <= s.len; n++)
        if (jsontext_characters((str) { s.ptr, n }) == 1)
            return n;
    return 0;
}

/* What is not plain; how many bytes of s it was. */
static size_t put_special(struct buf *to, str s)
{
    size_t n = character_length(s);
    if (*s.ptr == '"' || *s.ptr == '\\') {
        buf_put_char(to, '\\');
        buf_put_char(to, *s.ptr);
    } else if (*s.ptr == '\n') {
        buf_put(to, STR("\\n"));
    } else if (n) {
        buf_put(to, (str) { s.ptr, n });
        return n;
    } else {
        buf_put(to, STR("\xef\xbf\xbd"));
    }
    return 1;
}

static void put_label(struct buf *to, const char *name, str value)
{
    buf_put(to, str_of(name));
    buf_put(to, STR("=\""));
    while (value.len) {
        size_t n = plain_length(value);
        buf_put(to, (str) { value.ptr, n });
        value = str_skip(value, n);
        if (value.len)
            value = str_skip(value, put_special(to, value));
    }
    buf_put_char(to, '"');
}

/* Without the brace at the end. */
void metric_labels_put(struct buf *to, const struct metric_labels *labels)
{
    for (size_t i = 0; labels->at[i].name; i++) {
        buf_put_char(to, i ? ',' : '{');
        put_label(to, labels->at[i].name, labels->at[i].value);
    }
}

/* A byte becomes three at most. */
size_t metric_labels_max(const struct metric_labels *labels)
{
    size_t max = 0;
    for (size_t i = 0; labels->at[i].name; i++)
        max += strlen(labels->at[i].name) + STR(",=\"\"").len + 3 * labels->at[i].value.len;
    return max;
}

/* Up to the number. le: the bound of a bucket, or empty. */
static void begin(struct metric_out *m, str suffix, const struct metric_labels *labels, str le)
{
    bool has_any = labels && (labels->put.len || labels->at[0].name);
    char before = has_any ? ',' : '{';
    buf_put(m->to, m->name);
    buf_put(m->to, suffix);
    if (has_any && labels->put.len)
        buf_put(m->to, labels->put);
    else if (has_any)
        metric_labels_put(m->to, labels);
    if (le.len) {
        buf_put_char(m->to, before);
        put_label(m->to, "le", le);
        before = ',';
    }
    buf_put(m->to, before == ',' ? STR("} ") : STR(" "));
}

/* --- samples --- */

enum { US_PER_S = 1000000, MS_PER_S = 1000 };

static void put_count(struct metric_out *m, str suffix, const struct metric_labels *labels, str le,
                      uint64_t n)
{
    begin(m, suffix, labels, le);
    buf_put_u64(m->to, n);
    buf_put_char(m->to, '\n');
}

static void put_seconds(struct metric_out *m, str suffix, const struct metric_labels *labels,
                        uint64_t us)
{
    begin(m, suffix, labels, STR(""));
    buf_put_decimal(m->to, us, US_PER_S);
    buf_put_char(m->to, '\n');
}

void metric_count(struct metric_out *m, const struct metric_labels *labels, uint64_t n)
{
    put_count(m, STR(""), labels, STR(""), n);
}

void metric_seconds(struct metric_out *m, const struct metric_labels *labels, uint64_t us)
{
    put_seconds(m, STR(""), labels, us);
}

void metric_seconds_ms(struct metric_out *m, const struct metric_labels *labels, int64_t ms)
{
    begin(m, STR(""), labels, STR(""));
    if (ms < 0)
        buf_put_char(m->to, '-');
    buf_put_decimal(m->to, ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms, MS_PER_S);
    buf_put_char(m->to, '\n');
}

static void put_real(struct buf *to, double value)
{
    double size = fabs(value);
    if (isnan(value)) {
        buf_put(to, STR("NaN"));
        return;
    }
    if (value < 0)
        buf_put_char(to, '-');
    if (isinf(value))
        buf_put(to, value > 0 ? STR("+Inf") : STR("Inf"));
    else if (size < 1e12)
        buf_put_decimal(to, (uint64_t)(size * US_PER_S + 0.5), US_PER_S);
    else
        buf_printf(to, "%.0f", size);
}

void metric_real(struct metric_out *m, const struct metric_labels *labels, double value)
{
    begin(m, STR(""), labels, STR(""));
    put_real(m->to, value);
    buf_put_char(m->to, '\n');
}

/* The count is that of all buckets, so that it is never another than the last one. */
void metric_durations(struct metric_out *m, const struct metric_labels *labels,
                      const struct status_scale *scale, const struct status_durations *d)
{
    char text[32];
    uint64_t n = 0;
    for (size_t i = 0; i < scale->count; i++) {
        struct buf le = BUF_ON(text);
        buf_put_decimal(&le, scale->bounds_us[i], US_PER_S);
        if (scale->bounds_us[i] % US_PER_S == 0)
            buf_put(&le, STR(".0"));
        n += d->counts[i];
        put_count(m, STR("_bucket"), labels, buf_str(&le), n);
    }
    n += d->counts[scale->count];
    put_count(m, STR("_bucket"), labels, STR("+Inf"), n);
    put_seconds(m, STR("_sum"), labels, d->sum_us);
    put_count(m, STR("_count"), labels, STR(""), n);
}

void metric_sum(struct metric_out *m, const struct metric_labels *labels, uint64_t sum_us,
                uint64_t count)
{
    put_seconds(m, STR("_sum"), labels, sum_us);
    put_count(m, STR("_count"), labels, STR(""), count);
}

void metric_gauge(struct metric_out *m, const char *name, const char *help, uint64_t n)
{
    metric_family(m, name, METRIC_GAUGE, help);
    metric_count(m, NULL, n);
}

void metric_counter(struct metric_out *m, const char *name, const char *help, uint64_t n)
{
    metric_family(m, name, METRIC_COUNTER, help);
    metric_count(m, NULL, n);
}

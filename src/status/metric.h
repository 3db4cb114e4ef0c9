/* SPDX-License-Identifier: MIT */
/* Families of metrics and their samples as text, in both formats, which differ little: OpenMetrics
 * names a family of counters without "_total". Numbers become digits without printf, for 10 000
 * targets have some each. Pure. */
#ifndef STATUS_METRIC_H
#define STATUS_METRIC_H

#include "base/buf.h"
#include "status/metrics_format.h"
#include "status/status.h"

enum metric_type {
    METRIC_COUNTER, /* its name ends in "_total" */
    METRIC_GAUGE,
    METRIC_HISTOGRAM,
    METRIC_SUMMARY, /* a sum and a count, without quantiles */
    METRIC_INFO     /* its name ends in "_info", its samples are 1 */
};

struct metric_out {
    struct buf *to;
    enum metrics_format format;
    str name; /* of the family that samples belong to */
};

/* A new family; all of its samples come next. Name and help, of plain ASCII without '"' and '\\',
 * are kept. */
void metric_family(struct metric_out *m, const char *name, enum metric_type type, const char *help);

/* A value is any text: it is escaped, and what is neither UTF-8 nor printable becomes U+FFFD. */
struct metric_label {
    const char *name;
    str value;
};
enum { METRIC_LABELS_MAX = 4 };
struct metric_labels {
    struct metric_label at[METRIC_LABELS_MAX + 1]; /* the last one has no name */
    str put; /* not empty: all of them instead, as metric_labels_put() put them */
};
#define LABELS(...) (&(const struct metric_labels) { { __VA_ARGS__ } })

/* For samples of several families that have the same. */
void metric_labels_put(struct buf *to, const struct metric_labels *labels);
/* How much that may take. */
size_t metric_labels_max(const struct metric_labels *labels);

/* One sample of the family. labels: NULL for none. */
void metric_count(struct metric_out *m, const struct metric_labels *labels, uint64_t n);
void metric_seconds(struct metric_out *m, const struct metric_labels *labels, uint64_t us);
/* Seconds too, from milliseconds: a difference, or an instant in Unix time. */
void metric_seconds_ms(struct metric_out *m, const struct metric_labels *labels, int64_t ms);
/* Any number, NaN and the infinities among them; to six decimals. */
void metric_real(struct metric_out *m, const struct metric_labels *labels, double value);

/* The samples of a histogram in seconds: a bucket for each bound, which counts what those below it
 * do, the sum and the count. */
void metric_durations(struct metric_out *m, const struct metric_labels *labels,
                      const struct status_scale *scale, const struct status_durations *d);
/* Those of a summary. */
void metric_sum(struct metric_out *m, const struct metric_labels *labels, uint64_t sum_us,
                uint64_t count);

/* A family of one sample without labels. */
void metric_gauge(struct metric_out *m, const char *name, const char *help, uint64_t n);
void metric_counter(struct metric_out *m, const char *name, const char *help, uint64_t n);

/* What a text ends with. */
void metric_end(struct metric_out *m);

#endif

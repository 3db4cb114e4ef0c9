/* SPDX-License-Identifier: MIT */
/* In which format whoever asks gets the metrics: by the Accept header of the question. Pure. */
#ifndef STATUS_METRICS_FORMAT_H
#define STATUS_METRICS_FORMAT_H

#include "base/str.h"

enum metrics_format {
    METRICS_PROMETHEUS, /* the text format 0.0.4, which anything that reads metrics knows */
    METRICS_OPENMETRICS /* 1.0.0 */
};

/* The one that this header likes better, by its quality values; OpenMetrics too where it likes both
 * alike and names it. A header that is empty, strange, or likes neither gets Prometheus' format. */
enum metrics_format metrics_format_of(str accept);

/* The value of Content-Type. Static. */
const char *metrics_content_type(enum metrics_format format);

#endif

/* SPDX-License-Identifier: MIT */
/* What Prometheus sees of a running process: its status as a text of metrics. Pure.
 *
 * Names begin with "pipepoll_", but for the figures of the process, which have the names that all
 * programs give them. Units are seconds and bytes. Labels are what a config file names or a table
 * of words has: a target, region, identity, handler, loop, outcome; never an id, a reason or a
 * message. A target has four samples, so 10 000 targets are some 4 MB. Counters of a target begin
 * anew when it is removed and added again; all others count as long as the process lives.
 *
 * An alert or a board may rely on each name. */
#ifndef STATUS_METRICS_H
#define STATUS_METRICS_H

#include "status/metrics_format.h"
#include "status/status.h"

/* From malloc(), with a NUL behind it that *len does not count. NULL: no memory. */
char *metrics_text(const struct status *s, enum metrics_format format, size_t *len);

#endif

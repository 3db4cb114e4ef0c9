/* SPDX-License-Identifier: MIT */
/* What of the metrics is told by region, and by whose credentials. Pure. */
#ifndef STATUS_METRICS_REGIONS_H
#define STATUS_METRICS_REGIONS_H

#include "status/metric.h"

/* A status's regions, those of the same name as one: most accounts' targets in it are told apart by
 * nobody, and ten thousand accounts would be as many histograms. */
struct metrics_regions {
    struct status_region *at; /* by name; of the clock's skews the largest, no identity or rate */
    size_t count;
};

/* false: no memory, and nothing to deinit. */
bool metrics_regions_init(struct metrics_regions *r, const struct status *s);
void metrics_regions_deinit(struct metrics_regions *r);

void metrics_regions_put(struct metric_out *m, const struct metrics_regions *r);

/* By identity and region: the polls that count against an account's rate there. */
void metrics_regions_put_budgets(struct metric_out *m, const struct status *s);

#endif

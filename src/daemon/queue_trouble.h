/* SPDX-License-Identifier: MIT */
/* That the fleet's queue takes no jobs, told in the log when it begins and when it is over, and not
 * for each of them. */
#ifndef DAEMON_QUEUE_TROUBLE_H
#define DAEMON_QUEUE_TROUBLE_H

#include "base/log.h"
#include "daemon/line_budget.h"
#include "fleet/publishing.h"

struct queue_trouble {
    struct log log; /* the rest is zero at first */
    struct line_budget budget;
    bool has_told; /* of one that is not over */
};

/* A write came to nothing. */
void queue_trouble_on_failure(struct queue_trouble *t, const struct publishing *p,
                              enum engine_result result, int64_t unix_ms);
/* One was well. */
void queue_trouble_on_success(struct queue_trouble *t, const struct publishing *p);

#endif

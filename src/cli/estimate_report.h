/* SPDX-License-Identifier: MIT */
/* A config and its estimate, printed on stdout: what `pipepoll check` says. */
#ifndef CLI_ESTIMATE_REPORT_H
#define CLI_ESTIMATE_REPORT_H

#include "base/buf.h"
#include "config/config.h"
#include "config/plan_route.h"

struct estimate_report {
    const struct config *config;
    struct estimate estimate;
    struct plan_routes plan_routes;
    struct pipepoll_footprint footprint;
    size_t memory_bytes; /* at most */
};

/* PIPEPOLL_ENOMEM; deinit in either case. */
int estimate_report_make(struct estimate_report *out, const struct config *config);
void estimate_report_deinit(struct estimate_report *r);

void estimate_report_text(const struct estimate_report *r);
void estimate_report_json(struct buf *out, const struct estimate_report *r);

#endif

/* SPDX-License-Identifier: MIT */
/* What `pipepoll fleet` prints of a look at a fleet. */
#ifndef CLI_FLEET_REPORT_H
#define CLI_FLEET_REPORT_H

#include "base/buf.h"
#include "cli/fleet_watch.h"
#include "config/plan.h"

struct fleet_report {
    const struct fleet_config *config;
    const struct fleet_watch *watch;
    const struct plan
        *plan; /* the targets are shown too, and these have names; NULL: they are not */
};

/* PIPEPOLL_OK or ENOMEM. The table goes to stdout. */
int fleet_report_table(const struct fleet_report *r);
int fleet_report_json(struct buf *out, const struct fleet_report *r);

/* The ids of those that are there, "a, b"; some of them, and "..." where they do not fit. */
void fleet_report_put_members(struct buf *out, const struct roster *r);

#endif

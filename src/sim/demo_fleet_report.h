/* SPDX-License-Identifier: MIT */
/* What `pipepoll demo --fleet` says in the end. */
#ifndef SIM_DEMO_FLEET_REPORT_H
#define SIM_DEMO_FLEET_REPORT_H

#include "sim/demo_options.h"
#include "sim/demo_verdict.h"

struct demo_fleet_report {
    const struct demo_options *options;
    struct demo_verdict verdict;
    double took_ms, takeover_ms; /* a negative one: nothing was taken over */
};

/* The summary, on stdout, and what went wrong on stderr. failure: "": nothing. Returns what to exit
 * with. */
int demo_fleet_report(const struct demo_fleet_report *r, bool is_interrupted, const char *failure);
/* The ids of jobs that were lost or worked twice, some of them, on stderr. */
void demo_fleet_name_jobs(const struct ledger *l);

#endif

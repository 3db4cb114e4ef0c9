/* SPDX-License-Identifier: MIT */
/* What `pipepoll bench` found, for people and for programs: on stdout. */
#ifndef CLI_BENCH_REPORT_H
#define CLI_BENCH_REPORT_H

#include "base/buf.h"
#include "cli/bench_options.h"
#include "cli/load.h"

struct bench_report {
    const struct bench_options *options;
    struct load_figures sum; /* of all loops; seconds are the longest of theirs */
    double warm_up_s;
    double user_s, system_s; /* CPU of the process, while measured */
    size_t resident_bytes;   /* at the end of it */
};

/* Add what one loop did. */
void bench_report_add(struct bench_report *r, const struct load_figures *f);

void bench_report_text(const struct bench_report *r);
void bench_report_json(struct buf *out, const struct bench_report *r);

#endif

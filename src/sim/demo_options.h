/* SPDX-License-Identifier: MIT */
/* The command line of `pipepoll demo`. */
#ifndef SIM_DEMO_OPTIONS_H
#define SIM_DEMO_OPTIONS_H

#include "cli/command.h"

struct demo_options {
    uint32_t seconds_ms, interval_ms;
    uint32_t regions; /* the first so many of all partitions */
    uint32_t action_types;
    uint32_t in_flight;
    uint32_t seed;
    double jobs_per_s;
    bool json;
    bool work, crash; /* the jobs by a `pipepoll run`; which is killed in the middle */
    bool page;        /* its live page is shown */
    bool fleet;       /* three of them, on three NATS servers, of which each loses one */
};

enum { DEMO_FLAG_COUNT = 12, DEMO_WORKED_MAX = 10000 };
extern const struct flag demo_flags[DEMO_FLAG_COUNT];

/* true: *out is filled. false: *code is what to exit with. */
bool demo_options_read(struct demo_options *out, struct flags *f, int *code);

#endif

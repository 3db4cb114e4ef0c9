/* SPDX-License-Identifier: MIT */
/* A steady load on one loop for `pipepoll bench`: so many polls in flight at all times, and what
 * became of them. Everything here happens on that loop's thread, but for reading the figures when
 * it stands still. */
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include "base/histogram.h"
#include "daemon/loop_stats.h"
#include "pipepoll.h"

enum { LOAD_STATUS_COUNT = 32 };

struct load_options {
    struct pipepoll_str endpoint_url, ca_bundle;
    struct pipepoll_str region; /* changes places with region_nth(0) */
    uint32_t in_flight;
    uint32_t first_region, region_step, regions; /* of that order: this loop has each step-th */
    uint32_t targets;                            /* of this loop */
};

/* While measured, unless it says otherwise. */
struct load_figures {
    uint64_t polls, jobs; /* answered */
    double seconds;
    double cpu_s; /* of the loop's thread */
    uint64_t busy_ns, longest_turn_ns, turns;
    uint64_t in_flight_sum, in_flight_samples;
    struct histogram latency_us;
    uint64_t connections_before, connections; /* all that were opened */
    uint64_t failures_before, failures;       /* all there were */
    uint64_t failed[LOAD_STATUS_COUNT];       /* of them, those told, by negated status */
    uint32_t max_lateness_ms;                 /* of all polls */
    struct pipepoll_error trouble;            /* the last failure; empty: none */
    bool refused; /* there are some, but the service does not take them */
    bool keyless; /* there are no credentials; trouble says why */
};

struct load {
    struct pipepoll_sink sink;
    struct pipepoll *poller;
    struct loop_stats loop_stats;
    struct load_options options;
    struct load_figures figures;
    uint64_t begin_ns;
    double begin_cpu_s;
    bool measuring, closing;
    void (*closed)(void *ctx);
    void *ctx;
};

/* Open the poller and add the targets; polls begin. As pipepoll_open(); whatever comes of it, end
 * it by load_close(). */
int load_open(struct load *l, uv_loop_t *loop, const struct load_options *o,
              struct pipepoll_error *why);

/* The poller's counters. */
struct pipepoll_stats load_stats(const struct load *l);

/* Measure from now on, and until now. */
void load_begin(struct load *l);
void load_end(struct load *l);

/* closed(ctx) comes from the loop when polls in flight are over. */
void load_close(struct load *l, void (*closed)(void *ctx), void *ctx);

#endif

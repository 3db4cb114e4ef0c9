/* SPDX-License-Identifier: MIT */
/* A steady load through the public API: so many polls in flight at all times, and what each costs.
 *
 * Cost is the CPU time (user + system) of this process between two moments: when every connection
 * is open and warm, and when the last counted poll was answered. Reading the roots, handshakes and
 * closing lie outside. With an interval the load is paced instead: so many targets, each polled so
 * often, on no more connections than that takes. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "pipepoll.h"

struct load_options {
    struct pipepoll_str url;       /* of the endpoint, for every region */
    struct pipepoll_str ca_bundle; /* as in struct pipepoll_options */
    uint32_t in_flight;            /* polls at all times (paced: at most); at least 1 */
    uint32_t regions;              /* they are split over; at least 1 */
    uint32_t targets;              /* 0: enough that a due one always waits */
    uint32_t interval_ms;          /* between the polls of a target; 0: none, and not paced */
    uint64_t polls;                /* measured; 0: until `seconds` have passed */
    double seconds;
};

struct load_result {
    uint64_t polls, jobs, connections;
    double seconds, user_seconds, system_seconds;
    double in_flight_mean; /* sampled: is the load as heavy as was asked for? */
    uint32_t in_flight_least, targets;
    uint64_t p50_us, p99_us, max_us; /* percentiles in steps of 16 us, up to a second */
    uint32_t max_lateness_ms;
    size_t resident_bytes; /* of the process, all connections open */
    uint64_t allocations;  /* while it was measured */
    double open_seconds;   /* from the first target to the last connection */
    /* CPU time of one turn of the loop, from the first on: what others on the loop wait for. */
    uint64_t longest_turn_us;
};

/* Runs a loop of its own until done. Every poll must succeed: a figure with failures in it is none.
 * Negative enum pipepoll_status and a sentence otherwise. */
int load_run(struct load_result *out, const struct load_options *o, struct pipepoll_error *why);

#endif

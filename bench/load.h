/* A steady load through the public API: so many polls in flight at all times, and what each costs.
 *
 * Cost is the CPU time (user + system) of this process between two moments: when every connection
 * is open and warm, and when the last counted poll was answered. Reading the roots, handshakes and
 * closing lie outside. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "pipepoll.h"

struct load_options {
    struct pipepoll_str url;       /* of the endpoint, for every region */
    struct pipepoll_str ca_bundle; /* as in struct pipepoll_options */
    uint32_t in_flight;            /* polls at all times; at least 1 */
    uint32_t regions;              /* they are split over; at least 1 */
    uint32_t targets;              /* 0: enough that a due one always waits */
    uint64_t polls;                /* measured; 0: until `seconds` have passed */
    double seconds;
};

struct load_result {
    uint64_t polls, jobs, connections;
    double seconds, user_seconds, system_seconds;
    double in_flight_mean; /* sampled: is the load as heavy as was asked for? */
    uint32_t in_flight_least, targets;
    uint32_t p50_ms, p99_ms, max_ms; /* whole milliseconds: what the API tells */
    uint32_t max_lateness_ms;
    size_t resident_bytes; /* of the process, all connections open */
};

/* Runs a loop of its own until done. Every poll must succeed: a figure with failures in it is none.
 * Negative enum pipepoll_status and a sentence otherwise. */
int load_run(struct load_result *out, const struct load_options *o, struct pipepoll_error *why);

#endif

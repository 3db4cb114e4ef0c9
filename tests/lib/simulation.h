/* SPDX-License-Identifier: MIT */
/* An embedder in virtual time: one poller, made and driven by the public functions alone, whose
 * targets poll the regions of tests/lib/region.h. Targets may come and go, credit may be short, and
 * the end comes at any moment. What must hold whatever happens is watched all the time: see
 * tests/lib/watch.h. */
#ifndef TESTS_SIMULATION_H
#define TESTS_SIMULATION_H

#include "lib/region.h"

struct simulation_plan {
    uint64_t seed; /* of the poller */
    uint32_t regions, sites;
    uint32_t max_in_flight;
    double ceiling_per_s;    /* ours, for each region; 0: none */
    uint32_t credit;         /* jobs that the sink has room for, which it works on; 0: any number */
    bool has_joins;          /* targets come and go, by themselves and in callbacks */
    double close_s;          /* close then: 0: when simulation_end() says so */
    bool closes_in_callback; /* in the first one after that instant */
};

struct simulation {
    struct pipepoll_sink sink;
    struct simulation_plan plan;
    struct pipepoll *poller;
    struct region *regions;
    struct site *sites;
    uint32_t region_count, site_count;
    uint64_t polls;
    float *pickup_s; /* of each job: from its arrival to the answer that brought it */
    size_t pickups, pickups_cap;
    uint32_t credit_left;
    struct timer work, close; /* on jobs; at plan.close_s */
    uint64_t closing_ns;      /* 0: not yet */
    bool removes_all, closed;
    struct watch watch;
};

void simulation_open(struct simulation *sim, const struct simulation_plan *plan);
/* The next region, or the next target, of as many as were named. */
struct region *simulation_add_region(struct simulation *sim, const struct region_plan *plan,
                                     uint64_t seed);
struct site *simulation_add_site(struct simulation *sim, struct region *r,
                                 const struct site_plan *plan);
/* Until `seconds` have passed since the start, or the watch found something broken. */
void simulation_run(struct simulation *sim, double seconds);
/* Close, unless that was done already; removes_first: all targets before, until each has been told.
 * Then see whether everything has ended as it must. */
void simulation_end(struct simulation *sim, bool removes_first);
void simulation_deinit(struct simulation *sim);

/* The pickup that a share of all jobs did not exceed, seconds. */
double simulation_pickup_s(struct simulation *sim, double share);
void simulation_keep_pickup(struct simulation *sim, uint64_t waited_ns);

#endif

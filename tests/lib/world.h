/* A world without sockets: regions of a service behind a network that fails at times, jobs that
 * arrive, and the poller's own schedule, budgets, targets and paces, driven as src/poller.c
 * drives them. The clock jumps from event to event, and all chance comes from one seed: the same
 * seed, the same trace. Each region draws from dice of its own, so what goes on in one cannot
 * change another's luck. What must hold whatever happens is watched all the time: see
 * tests/lib/watch.h. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "base/rng.h"
#include "lib/watch.h"
#include "poll/schedule.h"

enum { WORLD_BATCH = 10, WORLD_TIMEOUT_MS = 5000, WORLD_MAX_QUEUED = 4096 };

struct region_plan {
    uint32_t latency_ms;       /* of half of all answers; one in twenty takes three times as long */
    double ceiling_per_s;      /* ours; 0: none */
    double limit_per_s, burst; /* the service's, which throttles; 0: none */
    double error_share;        /* of answers that are a 5xx for no reason, 0 to 1 */
    uint32_t hint_ms;          /* the service names a delay when it refuses; 0: it does not */
    bool has_trouble;          /* outages, resets, hangs, failures and throttling come and go */
};

struct site_plan {
    uint32_t interval_ms; /* 0: by goal */
    uint32_t goal_ms, slowest_ms;
    double burst_every_s; /* bursts are a Poisson process; 0: no jobs */
    uint32_t burst_jobs;  /* 1: jobs come alone */
    double job_every_s;   /* mean within a burst */
};

enum trouble { CALM, REFUSES, RESETS, HANGS, FAILS, THROTTLES, TROUBLE_COUNT };

struct world;

/* Something that happens at an instant. */
struct happening {
    struct heap_node node;
    void (*happen)(struct world *w, struct happening *h);
};

struct region {
    struct region_plan plan;
    struct share share;
    struct budget budget;
    struct rng rng;
    struct happening change; /* of the trouble */
    enum trouble trouble;
    double tokens; /* the service's */
    uint64_t tokens_ns;
    uint64_t hash; /* of all that was seen here */
    struct region_watch watch;
};

/* A target and the jobs that wait for it at the service. */
struct site {
    struct site_plan plan;
    struct target target;
    struct region *region;
    struct happening arrival, end;
    uint32_t burst_left;
    uint64_t started_ns;
    struct poll_end verdict;              /* of the poll in flight */
    uint64_t queued_ns[WORLD_MAX_QUEUED]; /* when each came; a ring */
    uint32_t first, queued;
    uint64_t arrived, picked_up;
    struct site_watch watch;
};

struct world {
    uint64_t now_ns;
    struct heap happenings;
    struct happening tick;
    struct schedule schedule;
    struct region *regions;
    struct site *sites;
    uint32_t region_count, site_count;
    uint64_t polls;
    float *pickup_s; /* of each job: from its arrival to the answer that brought it */
    size_t pickups, pickups_cap;
    bool drained;
    struct watch watch;
};

void world_init(struct world *w, uint32_t regions, uint32_t sites, uint32_t max_in_flight);
void world_deinit(struct world *w);

/* The next region, or the next target, of as many as were named. */
struct region *world_add_region(struct world *w, const struct region_plan *plan, uint64_t seed);
struct site *world_add_site(struct world *w, struct region *r, const struct site_plan *plan);

/* Until `seconds` have passed since the start, or the watch found something broken. */
void world_run(struct world *w, double seconds);
/* Remove all targets and wait for the polls in flight: nothing may start any more. */
void world_drain(struct world *w);

/* The pickup that a share of all jobs did not exceed, seconds. */
double world_pickup_s(struct world *w, double share);

#endif

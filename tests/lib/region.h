/* SPDX-License-Identifier: MIT */
/* The service's side of the simulation: regions behind a network that fails at times, with jobs
 * that arrive, limits, clocks of their own and credentials that they accept or do not; and STS,
 * which gives those to the regions' roles. One user of tests/lib/virtual.h. Each region draws from
 * dice of its own, so what goes on in one cannot change another's luck. */
#ifndef TESTS_REGION_H
#define TESTS_REGION_H

#include "lib/chance.h"
#include "lib/service_rules.h"
#include "lib/virtual.h"
#include "lib/watch.h"

enum {
    REGION_BATCH = 10,
    REGION_QUEUE = 4096,      /* jobs that wait for one target */
    REGION_SETS = 256,        /* of credentials: those that are looked at */
    REGION_TIMEOUT_MS = 5000, /* of a poll: the poller's option */
    REGION_ROLE_S = 240       /* how long credentials of a role are good */
};

enum keys { KEYS_NONE, KEYS_FIXED, KEYS_ROLE };

struct region_plan {
    uint32_t latency_ms;       /* of half of all answers; one in twenty takes three times as long */
    double limit_per_s, burst; /* the service's, which throttles; 0: none */
    double error_share;        /* of answers that are a 5xx for no reason, 0 to 1 */
    uint32_t hint_ms;          /* the service names a delay when it refuses; 0: it does not */
    int64_t clock_ms;          /* how far its clock is ahead */
    enum keys keys;
    bool has_trouble; /* comes and goes */
};

struct site_plan {
    uint32_t interval_ms; /* 0: by goal */
    uint32_t goal_ms, slowest_ms;
    uint32_t batch;       /* jobs that it asks for at once; 0: it does not say */
    double burst_every_s; /* bursts are a Poisson process; 0: no jobs */
    uint32_t burst_jobs;  /* 1: jobs come alone */
    double job_every_s;   /* mean within a burst */
};

enum trouble {
    CALM,
    REFUSES,
    RESETS,
    HANGS,
    LOOKS_UP, /* hangs for want of an address */
    FAILS,
    THROTTLES,
    /* Of credentials, where a region has any. */
    KEYS_REFUSED, /* all of them */
    /* Of roles. */
    KEYS_REVOKED, /* those that there were when it began */
    KEYS_LATE,    /* STS takes its time */
    KEYS_DOWN,    /* STS has trouble */
    TROUBLE_COUNT
};

struct simulation;

struct region {
    struct region_plan plan;
    struct simulation *simulation;
    uint32_t index;
    struct rng rng;
    struct timer change; /* of the trouble */
    enum trouble trouble;
    struct token_rate rate;   /* the service's */
    uint64_t hash;            /* of all that was seen here */
    uint32_t issued, revoked; /* sets of credentials: the last one given; the last one taken */
    int64_t expires_ms[REGION_SETS];
    struct region_watch watch;
};

/* What a target polls for: the jobs that wait at the service. */
struct site {
    struct site_plan plan;
    struct region *region;
    struct pipepoll_target *target; /* NULL: there is none now */
    struct timer arrival, join;
    uint32_t burst_left;
    uint64_t queued_ns[REGION_QUEUE]; /* when each came; a ring */
    uint32_t first, queued, shown;    /* shown: in the answer on its way */
    uint64_t arrived, picked_up;
    bool in_flight, is_leaving; /* a poll is out; the target is removed, but not told so yet */
    struct site_watch watch;
};

/* A region's name, and where it is polled; the role that its credentials are of. */
struct region_names {
    char name[32], url[32], role[48];
};
void region_names(const struct region *r, struct region_names *out);

/* From now on: troubles come if they are planned. */
void region_begin(struct region *r);
void region_end(struct region *r);
/* Jobs come from now on. */
void site_begin(struct site *s);
void site_end(struct site *s);

void region_note(struct region *r, uint64_t what);
/* The first `count` jobs that wait are picked up; each pickup is told to the simulation. */
void site_take(struct site *s, uint32_t count);

/* The service that answers for all regions of a simulation, and for STS. */
extern struct virtual_service region_service;
void region_service_of(struct simulation *sim);

#endif

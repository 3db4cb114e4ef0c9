/* SPDX-License-Identifier: MIT */
/* What must hold in every simulation, whatever happens in it. The first thing found broken is kept,
 * and ends the run. Rates and quota are read from the poller's own budgets; all else is seen from
 * outside. */
#ifndef TESTS_WATCH_H
#define TESTS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct pipepoll_failure;
struct pipepoll_target;
struct budget;
struct simulation;
struct region;
struct site;

struct watch {
    char broken[160]; /* empty: all holds */
    uint64_t broken_ns;
    uint32_t added, removed; /* targets */
    uint64_t refused_polls;  /* with credentials that the service had refused before */
};

/* Any window of polls against a bucket: polls in it <= capacity at its first + what flowed
 * since. */
struct window {
    double polls, flowed, bound;
};

struct region_watch {
    struct window ceiling, adaptive;
    const struct budget *budget; /* the one that these are of */
    uint64_t flowed_ns;          /* until when */
    bool was_enabled;            /* the adaptive rate */
    uint64_t calm_ns;            /* the last trouble or throttle that was seen */
    uint64_t over_ns;            /* end of a trouble that no answer followed yet; 0: none */
    bool did_hang, were_keys;    /* the last trouble, or one shortly before it */
    uint64_t keys_ns;            /* end of the last trouble of credentials; 0: none */
    uint32_t sites;              /* with a target */
    uint64_t answers;
};

enum { WATCH_REFUSED = 3 }; /* polls of a target with refused credentials, within WITHIN_S */

struct site_watch {
    uint64_t last_ns; /* start of its last poll */
    uint64_t polls;
    uint64_t over_ns;     /* end of a trouble that no poll of its own followed yet; 0: none */
    uint32_t refused_set; /* of credentials, by number */
    bool was_refused;     /* by the answer to the poll in flight */
    bool knows_refused;   /* by the last answer that came */
    uint64_t refused_ns[WATCH_REFUSED]; /* the last polls with it; a ring */
    uint32_t refused_polls;
};

__attribute__((format(printf, 2, 3))) void watch_broke(struct simulation *sim, const char *format,
                                                       ...);

/* Told of: a new region, a new target, a poll that starts (with which set of credentials; see
 * region.h), the service that refuses one, its end that the poller will be told of next, and what
 * the poller says of it. */
void watch_region(struct region *r);
void watch_added(struct site *s);
void watch_start(struct simulation *sim, struct site *s, uint32_t set);
void watch_refused(struct site *s, uint32_t set);
void watch_arrived(struct simulation *sim, struct site *s);
void watch_answer(struct simulation *sim, struct site *s);
void watch_failure(struct simulation *sim, struct site *s, const struct pipepoll_failure *failure);
void watch_removed(struct simulation *sim, struct site *s, const struct pipepoll_target *from);
/* A trouble is about to begin or end; there is more credit. */
void watch_trouble(struct simulation *sim, struct region *r);
void watch_credit(struct simulation *sim);

void watch_before_end(struct simulation *sim);
void watch_all_removed(struct simulation *sim);
void watch_closed(struct simulation *sim);
void watch_after_end(struct simulation *sim);

#endif

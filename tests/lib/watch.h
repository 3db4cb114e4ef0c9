/* What must hold in every world, whatever happens in it. The first thing found broken is kept. */
#ifndef TESTS_WATCH_H
#define TESTS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct world;
struct region;
struct site;

struct watch {
    char broken[160]; /* empty: all holds */
    uint64_t broken_ns;
};

/* Any window of polls against a bucket: polls in it <= capacity at its first + what flowed
 * since. */
struct window {
    double polls, flowed, bound;
};

struct region_watch {
    struct window ceiling, adaptive;
    uint64_t flowed_ns; /* until when */
    bool was_enabled;   /* the adaptive rate */
    uint64_t calm_ns;   /* the last trouble or throttle that was seen */
    uint64_t over_ns;   /* end of a trouble that no answer followed yet; 0: none */
    bool did_hang;
    uint32_t sites;
};

struct site_watch {
    uint64_t last_ns; /* start of its last poll */
    uint64_t polls;
    uint64_t over_ns; /* end of a trouble that no poll of its own followed yet; 0: none */
};

/* The world tells of: a new region, a new target, a poll about to start, one that has ended (its
 * target knows already), a trouble about to begin or end. */
void watch_region(struct region *r);
void watch_site(struct site *site, uint64_t now_ns);
void watch_start(struct world *w, struct site *site);
void watch_end(struct world *w, struct site *site);
void watch_trouble(struct world *w, struct region *r);
/* The adaptive rate is about to change. */
void watch_flow(struct region *r, uint64_t now_ns);
void watch_before_drain(struct world *w);
void watch_after_drain(struct world *w);

#endif

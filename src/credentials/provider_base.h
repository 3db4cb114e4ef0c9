/* What the runs of all providers have: an order, a beginning and one end. A run may end at any
 * point, while it begins too: the end is noted, and told when the loop has turned. */
#ifndef CREDENTIALS_PROVIDER_BASE_H
#define CREDENTIALS_PROVIDER_BASE_H

#include "credentials/provider.h"

struct run_kind;

/* The first member of the provider's own struct provider_run. */
struct run {
    struct provider_order order;
    struct provider_outcome
        outcome; /* the provider fills in credentials or why, then ends the run */
    /* private */
    const struct run_kind *kind;
    struct timer timer;
    bool ended;
};

struct run_kind {
    size_t size; /* of struct provider_run */
    /* PIPEPOLL_ENOMEM: nothing is under way, and the run is closed. What else goes wrong is told by
     * run_end(). */
    int (*begin)(struct run *r);
    /* Give back what the run holds, but not its own memory. Nothing is under way. May be NULL. */
    void (*close)(struct run *r);
};

/* A provider's start(): zeroed memory for the run, and its beginning. */
struct provider_run *run_start(const struct provider_order *order, const struct run_kind *kind);

/* The run is over, with outcome.credentials (0), or without: then outcome.why says why, and the
 * status whether the set-up must change (see enum pipepoll_status). Later calls are ignored. The
 * run is wiped and gone before on_done(). */
void run_end(struct run *r, int status);
/* The end of a run that was told to stop, if it has not ended already. */
void run_end_stopped(struct run *r);

/* Unix time by the host's clock. */
int64_t run_now_s(const struct run *r);

#endif

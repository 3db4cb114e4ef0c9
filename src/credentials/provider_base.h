/* SPDX-License-Identifier: MIT */
/* What the runs of all providers have: an order, a beginning and one end. A run may end at any
 * point, while it begins too: the end is noted, and told when the loop has turned. */
#ifndef CREDENTIALS_PROVIDER_BASE_H
#define CREDENTIALS_PROVIDER_BASE_H

#include "credentials/provider.h"

/* The first member of the provider's own struct provider_run. */
struct provider_base {
    struct provider_order order;
    struct provider_outcome
        outcome; /* the provider fills in credentials or why, then ends the run */
    /* private */
    const struct provider_kind *kind;
    struct timer timer;
    bool ended;
};

/* The run is over, with outcome.credentials (0), or without: then outcome.why says why, and the
 * status whether the set-up must change (see enum pipepoll_status). Later calls are ignored. The
 * run is wiped and gone before on_done(). */
void provider_base_end(struct provider_base *r, int status);
/* The end of a run that was told to stop, if it has not ended already. */
void provider_base_end_stopped(struct provider_base *r);

/* Unix time by the host's clock. */
int64_t provider_base_now_s(const struct provider_base *r);

#endif

/* SPDX-License-Identifier: MIT */
/* One way from a configuration to its credentials: the shared files read where they are needed, a
 * chain made, its source asked, its roles assumed. Ends with a set of credentials or one
 * sentence. */
#ifndef CREDENTIALS_FETCH_H
#define CREDENTIALS_FETCH_H

#include "credentials/provider.h"

struct fetch;
struct watch;

struct fetch_outcome {
    struct credentials *credentials; /* a reference of the taker's; NULL: see why */
    int64_t dated_s;      /* when they came, by the clock that their expiry is of; Unix time */
    bool lasting;         /* the failure needs a change of the set-up */
    bool outlives_expiry; /* metadata services: go on with expired credentials while they fail */
    bool may_change;      /* asking again can bring other credentials */
    char label[CHAIN_LABEL_SIZE]; /* where they come from, for people; "" while not known */
    struct pipepoll_error why;
};

struct fetch_order {
    const struct provider_host *host;        /* borrowed until on_done() */
    const struct credentials_config *config; /* borrowed until on_done() */
    str region;                              /* see struct provider_order; borrowed likewise */
    struct watch *watch; /* notes the files that are read; borrowed until on_done(); may be NULL */
    /* From the loop, exactly once per fetch, which is gone then. */
    void (*on_done)(void *ctx, const struct fetch_outcome *outcome);
    void *ctx;
};

/* PIPEPOLL_ENOMEM: no on_done(). */
int fetch_start(struct fetch **out, const struct fetch_order *order);
/* End soon; on_done() still comes. */
void fetch_stop(struct fetch *f);

/* Credentials that need no asking (given, or in the environment): filled in at once, and true. */
bool fetch_at_once(struct fetch_outcome *out, const struct credentials_config *config,
                   const struct provider_host *host);

#endif

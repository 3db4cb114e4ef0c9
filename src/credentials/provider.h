/* SPDX-License-Identifier: MIT */
/* Where credentials come from: one provider per kind of source, each a file behind the
 * functions of struct provider_kind. A run gets one set of credentials and ends; keeping them fresh
 * is identity's. */
#ifndef CREDENTIALS_PROVIDER_H
#define CREDENTIALS_PROVIDER_H

#include "aws/credentials.h"
#include "base/log.h"
#include "base/rng.h"
#include "credentials/chain.h"
#include "io/transport.h"

/* What all providers of one poller stand on. */
struct provider_host {
    struct uv_loop_s *loop;
    struct timers *timers;
    struct transport *transport;
    struct worker *worker; /* the transport's */
    struct alloc alloc;
    struct rng *rng;
    const struct environment *environment;
    struct profiles_recent *recent; /* of all fetches of this host */
    str user_agent;                 /* of all requests; empty: without an app id */
    struct log log;
    int64_t (*now_s)(void *ctx); /* Unix time, by this machine's clock */
    void *now_ctx;
};

/* How a run ended. */
struct provider_outcome {
    struct credentials *credentials; /* a reference of the taker's; NULL: see why */
    int64_t dated_s;                 /* Unix time when they came, by the clock of who gave them */
    bool lasting;                    /* the failure needs a change of the set-up */
    struct pipepoll_error why;       /* what failed, where, and what to do, in one sentence */
};

struct watch;

/* One run of a provider: what it gets its credentials from, and who wants them. */
struct provider_order {
    const struct provider_host *host;
    const struct chain *chain;
    const struct role *role;    /* of provider_role: the one to assume ... */
    struct credentials *source; /* ... with these credentials; borrowed until on_done() */
    str region;                 /* of the targets; where STS is asked that nothing else places */
    struct watch *watch;        /* notes the files that are read; borrowed; may be NULL */
    /* From the loop, exactly once per run, which is gone then. */
    void (*on_done)(void *ctx, const struct provider_outcome *outcome);
    void *ctx;
};

/* libc's, for what may outlive the poller and with it the embedder's memory: the reading of a
 * file on a disk that hangs, a program that is being killed. */
extern const struct alloc provider_lasting_alloc;

struct provider_run;
struct provider_base; /* the first member of each run, see provider_base.h */

struct provider_kind {
    size_t size; /* of its struct provider_run */
    /* PIPEPOLL_ENOMEM: nothing is under way, and the run is closed. What else goes wrong is told by
     * provider_base_end(). */
    int (*begin)(struct provider_base *r);
    /* Give back what the run holds, but not its own memory. Nothing is under way. May be NULL. */
    void (*close)(struct provider_base *r);
    /* End soon, whatever is under way; on_done() still comes, from the loop. */
    void (*stop)(struct provider_run *run);
};

/* Begin a run, in zeroed memory. The order is copied. NULL: out of memory, and no on_done(). */
struct provider_run *provider_start(const struct provider_kind *kind,
                                    const struct provider_order *order);

extern const struct provider_kind provider_web_identity, provider_role; /* sts.c */
extern const struct provider_kind provider_sso, provider_process, provider_container, provider_imds;

#endif

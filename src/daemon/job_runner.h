/* SPDX-License-Identifier: MIT */
/* What works the jobs of one loop: the library's worker finds, claims and reports them; the
 * handlers of the config file run them; between the two stand the client tokens, the artifact
 * credentials, the continuations and the journal, all of which are brought together here.
 *
 * A target's jobs go to the handler that its section names; those of targets without one are the
 * poller's sink's. What runs is never touched by a change of the config.
 *
 * All on the loop's thread. */
#ifndef DAEMON_JOB_RUNNER_H
#define DAEMON_JOB_RUNNER_H

#include <uv.h>

#include "daemon/fleet.h"
#include "daemon/job_world.h"
#include "daemon/logger.h"
#include "status/status.h"

struct job_runner;
struct plan;
struct target_set;
struct job_handler; /* a handler of the config on this loop */

/* Jobs in hand, and of them those whose handler runs: for other threads, which cannot know whether
 * the runner is still there. */
struct job_tally {
    _Atomic uint32_t in_hand, running;
};

struct job_runner_options {
    struct uv_loop_s *loop;
    const struct job_world *world; /* must outlive the runner */
    struct fleet *fleet;           /* whose leases say when targets poll; NULL: we are alone */
    bool pulls;                    /* and jobs come out of its queue, too */
    const struct target_set *targets;
    const struct logger *logger; /* read at each line */
    uint32_t max_jobs;           /* this loop's share */
    struct job_tally *tally;     /* zeroed; must outlive the runner */
};

/* Opens a worker with these options of a poller. Errors as pipepoll_worker_open(); end it by
 * job_runner_close() in any case in which *out is not NULL. */
int job_runner_open(struct job_runner **out, const struct job_runner_options *o,
                    const struct pipepoll_options *poller, struct pipepoll_error *why);

struct pipepoll *job_runner_poller(struct job_runner *r);

/* The handler that a target of this config is to have on this loop; NULL for NULL, and for one
 * that was not there at the start. Hangs on the target's entry. */
struct job_handler *job_runner_handler(struct job_runner *r, const struct handler_config *config);

/* A target was added just now: its jobs that the journal held are taken up. */
void job_runner_added(struct job_runner *r, struct pipepoll_target *target);

/* All targets of this plan were added, and those that were before are removed. */
void job_runner_settled(struct job_runner *r, const struct plan *plan);
/* It has another handler now, or none. */
void job_runner_has_other_handler(struct job_runner *r, struct pipepoll_target *target);

/* What there is to say of jobs and handlers, into a zeroed status: counts and lists of this loop.
 * What there is no memory for is left out. */
void job_runner_fill_status(const struct job_runner *r, struct status *out);

/* Ask for no more jobs, and let those that run finish: then drained(ctx), from the loop. */
void job_runner_drain(struct job_runner *r, void (*drained)(void *ctx), void *ctx);

/* The time for that is over: handlers are told to end, and their jobs are handed back. Once more:
 * those that still run are ended. */
void job_runner_hand_back(struct job_runner *r);

/* Close the poller, the handlers and the rest; then closed(ctx), and r is gone. */
void job_runner_close(struct job_runner *r, void (*closed)(void *ctx), void *ctx);

#endif

/* SPDX-License-Identifier: MIT */
/* One poller of `pipepoll run` on its loop: its targets, and their answers as records to an intake.
 * Everything here happens on that loop's thread. */
#ifndef DAEMON_SHARD_H
#define DAEMON_SHARD_H

#include "config/config.h"
#include "daemon/health.h"
#include "daemon/intake.h"
#include "daemon/job_runner.h"
#include "daemon/logger.h"
#include "daemon/loop_stats.h"
#include "daemon/pending.h"
#include "daemon/target_change.h"

struct uv_loop_s;

struct shard {
    struct pipepoll_sink sink;
    struct target_set target_set; /* its poller is NULL while none is open */
    struct target_change change;
    const struct plan *polled; /* by the last change */
    struct tally polls;        /* what came of them */
    struct loop_stats loop_stats;
    struct logger logger; /* its own, so that no thread reads what another one sets */
    struct intake intake;
    struct health_board *board;    /* shared with the other shards */
    const struct job_world *world; /* NULL: no target has a handler */
    struct fleet *fleet;           /* NULL: we are alone */
    bool pulls;                    /* jobs come out of its queue, too */
    struct job_runner *runner;     /* NULL: none, or none any more */
    struct job_tally tally;        /* the runner's */
    _Atomic bool is_handing_back;
    struct health_reporter health;
    struct pending pending;     /* records that await room */
    struct pipepoll_stats last; /* as of the last shard_note(), and once closed for good */
    _Atomic uint32_t in_flight; /* of them, for other threads while the poller closes */
    bool closing;
    void (*changed)(void *ctx);
    void (*closed)(void *ctx);
    void *ctx;
};

enum { SHARD_BATCH = 10 }; /* jobs of one answer at most */

/* How many jobs there should be room for, with so many polls in flight. */
size_t shard_jobs(uint32_t in_flight);

/* Open the poller; shard->intake, board, world, fleet, changed, closed, ctx and logger were set. Of
 * the config's limits max_in_flight and max_jobs are given extra: a shard may have but a share of
 * these. As pipepoll_open(); shard_close() in any case. */
struct shard_share {
    uint32_t max_in_flight, max_jobs;
};
int shard_open(struct shard *shard, struct uv_loop_s *loop, const struct config *config,
               struct shard_share share, struct pipepoll_error *why);

/* Poll what the one plan says instead of the other: see target_change_start(). changed(ctx) comes
 * from the loop when that is done; not after shard_close(). */
void shard_change(struct shard *shard, const struct plan *old, const struct plan *new);

/* The intake has room again. */
void shard_wake(struct shard *shard);

/* Ask anew for credentials that are missing or refused. */
void shard_refresh(struct shard *shard);

/* Bring shard->last up to date. */
void shard_note(struct shard *shard);

/* Drain: a change under way stops, polls in flight are delivered, jobs in hand finish, then
 * closed(ctx), never inside this call. */
void shard_close(struct shard *shard);

/* That takes too long: see job_runner_hand_back(). Any thread; it is done at the next
 * shard_wake(). */
void shard_hand_back(struct shard *shard);

/* As of the tally. Any thread. */
struct job_count {
    uint32_t in_hand, running;
};
struct job_count shard_job_count(const struct shard *shard);

#endif

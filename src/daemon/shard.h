/* One poller of `pipepoll run` on its loop: its targets, and their answers as records to an intake.
 * Everything here happens on that loop's thread. */
#ifndef DAEMON_SHARD_H
#define DAEMON_SHARD_H

#include "config/config.h"
#include "daemon/health.h"
#include "daemon/intake.h"
#include "daemon/logger.h"
#include "daemon/target_change.h"

struct uv_loop_s;

struct shard {
    struct pipepoll_sink sink;
    struct target_set target_set; /* its poller is NULL while none is open */
    struct target_change change;
    struct logger logger; /* its own, so that no thread reads what another one sets */
    struct intake intake;
    struct health_board *board; /* shared with the other shards */
    struct health_reporter health;
    struct pipepoll_stats last; /* as of the last shard_note(), and once closed for good */
    _Atomic uint32_t in_flight; /* of them, for other threads while the poller closes */
    bool closing;
    void (*changed)(void *ctx);
    void (*closed)(void *ctx);
    void *ctx;
};

/* How many jobs there should be room for, with so many polls in flight. */
size_t shard_jobs(uint32_t in_flight);

/* Open the poller; shard->intake, board, changed, closed, ctx and logger were set. Of the config's
 * limits max_in_flight is given extra: a shard may have but a share of it. As pipepoll_open(). */
int shard_open(struct shard *shard, struct uv_loop_s *loop, const struct config *config,
               uint32_t max_in_flight, struct pipepoll_error *why);

/* Poll what the one plan says instead of the other: see target_change_start(). changed(ctx) comes
 * from the loop when that is done; not after shard_close(). */
void shard_change(struct shard *shard, const struct plan *old, const struct plan *new);

/* The intake has room again. */
void shard_wake(struct shard *shard);

/* Ask anew for credentials that are missing or refused. */
void shard_refresh(struct shard *shard);

/* Bring shard->last up to date. */
void shard_note(struct shard *shard);

/* Drain: a change under way stops, polls in flight are delivered, then closed(ctx), never inside
 * this call. */
void shard_close(struct shard *shard);

#endif

/* SPDX-License-Identifier: MIT */
/* This process as a member of its fleet: it has the lease protocol (fleet/lease.h) speak with the
 * other members by the engine, and lets a target poll while this member holds it.
 *
 * Every target of the config is in the poller, and paused unless we hold it; so taking one over is
 * to resume it, and a job that another member found has its target here. A poll starts only while
 * fleet_may_poll(), which is asked before each: a member that stood still, or hears no answer of
 * the engine, stops by itself. What an account may call in a region is shared with the members that
 * poll its targets there.
 *
 * All on the home loop's thread, the only one that polls in a fleet. */
#ifndef DAEMON_FLEET_H
#define DAEMON_FLEET_H

#include "base/list.h"
#include "base/table.h"
#include "config/fleet_config.h"
#include "daemon/logger.h"
#include "fleet/engine.h"
#include "fleet/lease.h"
#include "pipepoll.h"

struct uv_loop_s;
struct fleet;
struct status;

/* Who else writes to the engine, or hears from it, besides the leases: the queue that jobs are put
 * into, the one that they come out of, and the outbox of results. */
struct fleet_listener {
    void (*engine)(struct fleet_listener *self, enum engine_state state);
    /* true: the ticket is this listener's, which has dealt with it. */
    bool (*written)(struct fleet_listener *self, uint64_t ticket, enum engine_result result);
    /* true: it took the delivery. May be NULL: it takes none. */
    bool (*pulled)(struct fleet_listener *self, struct engine_delivery *d, str key, str body,
                   unsigned delivered);
    /* What watches bring of all logs, as struct engine_events says. May be NULL, both. */
    void (*seen)(struct fleet_listener *self, enum engine_log log, str key, str body);
    void (*caught_up)(struct fleet_listener *self, enum engine_log log);
    struct fleet_listener *next; /* private */
};

/* A member that does not poll has no targets in the leases. */
struct fleet_options {
    struct uv_loop_s *loop;
    const struct fleet_config *config; /* must outlive the fleet, as the logger */
    const struct logger *logger;
    struct lease_times times;
    double max_polls_per_s; /* of the config, for each account and region; 0: no ceiling */
    /* As nats_engine_open(). */
    int (*open_engine)(void *ctx, struct engine **out, const struct engine_events *events,
                       struct pipepoll_error *why);
    void *ctx;
};

/* PIPEPOLL_ENOMEM, or what open_engine says. End it by fleet_close() where *out is not NULL. */
int fleet_open(struct fleet **out, const struct fleet_options *o, struct pipepoll_error *why);
struct engine *fleet_engine(struct fleet *f);
str fleet_member(const struct fleet *f); /* who we are */
void fleet_listen(struct fleet *f, struct fleet_listener *l);
void fleet_listen_no_more(struct fleet *f, struct fleet_listener *l);

/* --- targets --- */

/* A target of the poller; embedded in its entry, and zeroed where there is no fleet. */
struct fleet_target {
    struct table_node node;
    struct pipepoll_target *live; /* NULL: not in a fleet */
    struct list ending;           /* in the fleet's while its end is to be told */
    uint64_t epoch;
    int group;          /* account and region */
    int64_t changed_ms; /* when it became ours, or no longer was; Unix time */
    bool is_held, is_stopping;
};

/* It was added to the poller just now, paused. hash: what it is, the same for every member; group:
 * its account and region, likewise. PIPEPOLL_ENOMEM: it stays paused. */
int fleet_target_added(struct fleet *f, struct fleet_target *t, struct pipepoll_target *live,
                       uint64_t hash, uint64_t group);
/* No poll of it is in flight any more, as struct pipepoll_sink's paused() says. */
void fleet_target_paused(struct fleet *f, struct fleet_target *t);
/* It is gone from the poller, as removed() says. */
void fleet_target_removed(struct fleet *f, struct fleet_target *t);
/* Those that were added and removed are all, for now: the leases are to be of these. */
void fleet_targets_settled(struct fleet *f);

/* Who wants to know that a target is not ours any more, and that no poll of it is in flight: called
 * from the loop, while it is still in the poller. */
void fleet_on_let_go(struct fleet *f, void (*let_go)(void *ctx, struct fleet_target *t), void *ctx);

/* A handler's run waits for a job of this target, or no longer: while we are drained it is polled
 * on where no other member does. */
void fleet_wait_for(struct fleet *f, const struct fleet_target *t, bool is_waiting);

/* By its hash; NULL: there is none. */
struct fleet_target *fleet_find(struct fleet *f, uint64_t hash);

/* Each that is in the poller, in no order; fn adds and removes none. */
void fleet_each_target(struct fleet *f, void (*fn)(void *ctx, struct fleet_target *t), void *ctx);

/* May any poll start now? Who is refused is told when it may, by this. NULL: nobody is. */
bool fleet_may_poll(const struct fleet *f);
void fleet_on_may_poll(struct fleet *f, void (*may_poll)(void *ctx), void *ctx);

/* --- how it stands --- */

/* What the beats say of us: given each second. */
void fleet_set_figures(struct fleet *f, double polls_per_s, uint32_t jobs, uint32_t free_slots);
struct lease *fleet_lease(const struct fleet *f); /* to be read */
bool fleet_is_ready(const struct fleet *f);       /* its engine is */
bool fleet_is_drained(const struct fleet *f);     /* asked to hold no targets and take no jobs */
/* Its fleet, but for the jobs that the queue does not have yet. The config's texts are borrowed. */
void fleet_fill_status(struct fleet *f, struct status *s);

/* --- the end --- */

/* Give the targets back, each as soon as no poll of it is in flight, and take none. */
void fleet_leave(struct fleet *f);
/* After the poller and all listeners; for FLEET_CLOSE_MS at most, then closed(ctx), and f is gone.
 * Never inside a call. */
enum { FLEET_CLOSE_MS = 2000 };
void fleet_close(struct fleet *f, void (*closed)(void *ctx), void *ctx);

#endif

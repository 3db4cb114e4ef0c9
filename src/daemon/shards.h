/* SPDX-License-Identifier: MIT */
/* All the polling of `pipepoll run`: a shard on each of one or more loops, regions split among
 * them, and every record brought to the one sink. On the home loop's thread. */
#ifndef DAEMON_SHARDS_H
#define DAEMON_SHARDS_H

#include "daemon/handover.h"
#include "daemon/loop_threads.h"
#include "daemon/shard.h"
#include "daemon/split.h"

/* What came of a change. */
struct shards_change {
    size_t added, removed, kept; /* targets */
    uint32_t idle;               /* loops without any */
};

struct shards_options {
    struct uv_loop_s *home;
    uint32_t loops;                /* no more than the config's max_in_flight */
    const struct config *config;   /* its limits; read by shards_open() only */
    const struct job_world *world; /* NULL: no target has a handler; must outlive the shards */
    struct fleet *fleet;           /* of a single loop; NULL: we are alone. Must outlive them */
    bool pulls;                    /* jobs come out of the fleet's queue, too */
    const struct logger *logger;   /* copied for each shard, now and at each change */
    struct sink *sink;             /* on `home`; nobody else listens to it */
    /* The sink is: polling should end. */
    void (*broken)(void *ctx, const char *why);
    /* A change is done. */
    void (*changed)(void *ctx, const struct shards_change *what);
    void *ctx;
};

struct shard_slot;

struct shards {
    struct shards_options options;
    struct loop_threads *loop_threads;
    struct shard_slot *slots;
    struct handover handover;
    struct split split;
    struct health_board board;
    struct plan shares[LOOP_THREADS_LOOPS_MAX]; /* what each polls */
    struct plan next[LOOP_THREADS_LOOPS_MAX];   /* what each is to poll */
    _Atomic uint32_t to_change;                 /* shards whose change is under way */
    bool is_changing;
    uint32_t first_pumped;
    void (*each)(void *ctx, uint32_t i, struct shard *shard); /* during shards_each() */
    void *each_ctx;
    _Atomic bool closing;
    bool left, done;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* How many loops poll; 0 before shards_open(). */
uint32_t shards_loops(const struct shards *s);

/* Call fn for each shard on its loop, all at once, and wait until all have returned. false: it was
 * not called for all, and will not be, for a loop does not turn, or the shards are not open, or
 * they close. */
bool shards_each(struct shards *s, void (*fn)(void *ctx, uint32_t i, struct shard *shard),
                 void *ctx);

/* How long ago the i-th loop turned last, see loop_threads_silent_ms(). */
int64_t shards_silent_ms(const struct shards *s, uint32_t i);

/* For how many jobs the sink should have room: those of several shards wait in their queues. */
size_t shards_jobs(uint32_t loops, uint32_t max_in_flight);

/* Open the pollers, without targets. As pipepoll_open(); whatever comes of it, end it by
 * shards_close(). */
int shards_open(struct shards *s, const struct shards_options *o, struct pipepoll_error *why);

/* Split a plan among the loops, for the next shards_change(); reorders its targets.
 * PIPEPOLL_ENOMEM. Takes its time, and may be called on any one thread, but not while a change is
 * under way. */
int shards_split(struct shards *s, struct plan *plan);

/* Poll what was split last, from what was polled before. Its targets must live until the next
 * change is done or the end has come; those of the plan before until this one is. Waits for one
 * turn of each loop, and targets come and go at the turns after it; then changed() comes, from the
 * home loop, unless the end was asked for. Not while a change is under way. */
void shards_change(struct shards *s);

/* Have credentials that are missing or refused asked for anew. Waits for one turn of each loop. Not
 * after shards_close(). */
void shards_refresh(struct shards *s);

/* Drain: polls in flight are delivered and their records put into the sink, however long that has
 * no room; then closed(ctx), perhaps inside this call. The sink is to be closed then, and s stays
 * until it has. */
void shards_close(struct shards *s, void (*closed)(void *ctx), void *ctx);

/* At any time: polls in flight, as of the last that ended or of shards_note(). */
uint32_t shards_in_flight(const struct shards *s);

/* At any time: jobs that the sink is not done with, or did not get yet; bytes of records on their
 * way to it; jobs that were lost, each of them named in the log. */
struct shards_unsettled {
    size_t jobs, bytes;
};
struct shards_unsettled shards_unsettled(const struct shards *s);
size_t shards_lost(const struct shards *s);

/* At any time: jobs that are worked. */
struct job_count shards_job_count(const struct shards *s);

/* After shards_close(): the time of the handlers that still run is over. */
void shards_hand_back(struct shards *s);

/* What all pollers did in their time: as of the last shards_note(), and after closed(). */
struct shards_work {
    uint64_t polls, jobs, failures;       /* started; delivered; polls that failed */
    size_t targets, unhealthy, throttled; /* the latter two: by shards_note() alone */
    uint32_t in_flight, parked;           /* polls */
    uint32_t max_lateness_ms;
};
struct shards_work shards_work(const struct shards *s);

/* Waits for one turn of each loop, but not for one that hangs. Not after shards_close(). */
void shards_note(struct shards *s);

/* After shards_close(), for the process ends: each job that is not known to be done is named in the
 * log. Returns how many polls are still in flight. */
uint32_t shards_give_up(struct shards *s);

/* Log incidents that are due; `last`: all that were not told yet. */
void shards_tell_health(struct shards *s, const struct logger *log, bool last);

void shards_deinit(struct shards *s); /* fine on a zeroed one */

#endif

/* SPDX-License-Identifier: MIT */
/* The targets that a running poller has, and the health of each. */
#ifndef DAEMON_TARGET_SET_H
#define DAEMON_TARGET_SET_H

#include "config/credentials_cache.h"
#include "config/plan.h"
#include "daemon/fleet.h"
#include "daemon/job_runner.h"
#include "daemon/logger.h"
#include "daemon/record.h"
#include "daemon/tally.h"

struct target_set {
    struct pipepoll *poller;
    struct job_runner *runner; /* NULL: all jobs go to the sink */
    struct tally *tally;       /* where its polls are counted; NULL: nowhere */
    struct fleet *fleet;       /* whose leases say which of them poll; NULL: all do */
    const struct logger *log;
    size_t count[HEALTH_COUNT]; /* of its targets, but for those that are removed */
};

struct incident;

/* Hangs on each pipepoll_target as its user pointer. */
struct target_set_entry {
    struct target_set *set;
    char *name;                     /* of its section, NUL-terminated */
    const struct plan_target *plan; /* NULL once it is removed */
    struct job_handler *handler;    /* that its jobs go to; NULL: the sink */
    struct pipepoll_target *live;   /* NULL: its polls end */
    unsigned holds;                 /* the target's own, its jobs', and those of runs that wait */
    unsigned waits;                 /* runs of handlers that wait for a follow-up job of it */
    bool has_outlived;              /* for these, the change that removed it */
    enum health health;
    int status; /* of the failure that made it so; PIPEPOLL_OK while well */
    enum pipepoll_cause cause;
    char code[64];
    uint32_t failures; /* in a row */
    int64_t failing_since_ms;
    uint32_t answers;          /* in a row, of a throttled target */
    struct incident *incident; /* that it is in; its owner's */
    struct tally_target tally;
    struct fleet_target lease;
};

/* Add a target, with an entry of its own; one that cannot be added is logged, and has no live
 * target then. false: so it was. */
bool target_set_add(struct target_set *set, struct plan_target *new,
                    struct credentials_cache *cache);
/* Its polls end, but not while a handler waits for a follow-up job. Its entry stays, without a
 * plan, until the last has ended and nobody holds it. */
void target_set_remove(struct target_set *set, struct plan_target *old);
/* It goes on as it is, but perhaps for its name. `old` may be thrown away. */
void target_set_keep(struct plan_target *old, struct plan_target *new);

struct target_set_entry *target_set_of(const struct pipepoll_target *t);
/* As records name it; borrowed from it and its entry. */
struct record_target target_set_describe(const struct pipepoll_target *t);

/* Take note of a failed or an answered poll. true: the target's health, or its cause, is another
 * one now. What may pass is no change until TARGET_SET_FAILURES polls in a row failed, or those of
 * TARGET_SET_FAILING_MS: a few failed polls of many are no illness. A service that throttles
 * refuses some calls and answers others: a throttled target is well again after TARGET_SET_ANSWERS
 * answers in a row, any other after the first. now_ms: of a clock that is never set. */
enum { TARGET_SET_ANSWERS = 10, TARGET_SET_FAILURES = 5, TARGET_SET_FAILING_MS = 5000 };
bool target_set_failed(struct target_set_entry *t, const struct pipepoll_failure *failure,
                       int64_t now_ms);
bool target_set_answered(struct target_set_entry *t);

/* It is not polled here any more, though it stays: it is well, as one that was just added. */
void target_set_let_go(struct target_set_entry *t);

/* For removed() of struct pipepoll_sink: the entry is gone, but for those who hold it. */
void target_set_removed(struct target_set_entry *t);
struct target_set_entry *target_set_hold(struct target_set_entry *t); /* returns t */
void target_set_release(struct target_set_entry *t);

/* A handler's run waits for a follow-up job that a poll of this target finds; it does no more. A
 * reload that takes the target's handler away, or the target, leaves it polled until then. */
void target_set_wait_began(struct target_set_entry *t);
void target_set_wait_ended(struct target_set_entry *t);
/* Do its jobs go to the runner, be it for the one that is waited for alone? */
bool target_set_is_worked(const struct target_set_entry *t);

/* The entry of a target of this hash in the fleet; NULL: there is none. */
struct target_set_entry *target_set_find(const struct target_set *set, uint64_t hash);

#endif

/* SPDX-License-Identifier: MIT */
/* One member's side of the leases: which targets of its config it polls, so that in the whole fleet
 * each target is polled by one. Pure: it decides on what it is told, and asks for its effects by a
 * struct of functions; time and chance are arguments.
 *
 * How it works. Members beat. Each target belongs to the member in state `hi`, with that target
 * in its catalogue, whose hash together with the target's is highest: all compute the same. The
 * holder gives a target back once it belongs to another, which then claims it under the next epoch;
 * a claim of a key that exists is refused by the engine, so one member has each epoch. A member is
 * dead when its beats are missing for dead_ns while ours came back; then its targets are claimed.
 * A member that has no beat acknowledged for fence_ns stops polling, forgets what it holds, and
 * claims anew.
 *
 * Times are nanoseconds of one clock that counts suspend (CLOCK_BOOTTIME); it never steps. What is
 * polled again, and when: lease_times. Call lease_tick() after any inputs, before the loop sleeps,
 * and when it said. One thread, but for lease_may_poll(). No function may be called from inside one
 * of lease_output. No single call takes longer than some ms, however many targets and members. */
#ifndef FLEET_LEASE_H
#define FLEET_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/str.h"
#include "fleet/beat.h"
#include "fleet/engine.h"

struct lease;

enum { LEASE_EPOCHS_KEPT = 16 }; /* of a target, claims before the last that stay in the log */

struct lease_times {
    uint64_t dead_ns;  /* silent for so long: dead; a beat goes out each quarter of it */
    uint64_t fence_ns; /* no beat acknowledged for so long, less 1/32 for clocks: stop polling */
};

/* 10 s and 10 s: a member's crash leaves its targets unpolled for 11 s at most; no two members poll
 * a target, but for a poll that is in flight. */
extern const struct lease_times LEASE_TIMES_DEFAULT;
/* 2.8 s and 12 s: 3 s; a member that is cut off from the engine while the others are not may go on
 * for 12 s beside the new holder. One that stood still does not: it knows, by the clock. */
extern const struct lease_times LEASE_TIMES_FAST;

/* The effects; every function is needed. Texts live until the function returns. */
struct lease_output {
    /* Write to ENGINE_LEASES; lease_written() will tell the ticket, which is less than 2^48. false:
     * no room now, and no ticket; it will be asked again. Order must be kept. */
    bool (*write)(void *ctx, str key, str body, bool absent, uint64_t ticket);
    void (*watch)(void *ctx);           /* all of ENGINE_LEASES, or that anew */
    void (*remove)(void *ctx, str key); /* one that ends with '.': all that begin with it */
    /* Poll this target from now on, under this epoch, while lease_may_poll(). */
    void (*start)(void *ctx, uint64_t target, uint64_t epoch);
    /* When it returns no further poll of the target starts, on whatever thread; lease_ended() must
     * follow, when none is in flight any more. start() does not come before that. */
    void (*stop)(void *ctx, uint64_t target);
    /* Polls may begin, and lease_may_poll() had refused one: whoever waits for that, wake him. */
    void (*may_poll)(void *ctx);
    void *ctx;
};

struct lease_config {
    str member;           /* beat_is_member() */
    uint64_t incarnation; /* at random, not 0 */
    struct lease_times times;
    uint64_t seed; /* of the jitter */
    struct alloc alloc;
    struct lease_output output;
};

/* 0 or PIPEPOLL_ENOMEM, PIPEPOLL_EINVAL. */
int lease_open(struct lease **out, const struct lease_config *config, uint64_t now_ns);
/* At any time; says nothing to anybody. NULL is fine. */
void lease_close(struct lease *l);

/* --- what happened --- */

/* The targets of the config, in any order; doubles count once. At first there are none. Those that
 * are no longer among them are given back. 0 or PIPEPOLL_ENOMEM, and all is as it was. */
int lease_set_targets(struct lease *l, const uint64_t *targets, size_t count, uint64_t now_ns);
/* A job of this target is waited for here, or no longer; calls that wait are counted. While we are
 * drained it stays ours, or is claimed, as long as no other member is to have it. It asks for
 * nothing at once, so it may be called anywhere. */
void lease_wait_for(struct lease *l, uint64_t target, bool is_waiting);
void lease_engine(struct lease *l, bool is_ready, uint64_t now_ns);
void lease_seen(struct lease *l, str key, str body, uint64_t sequence, uint64_t now_ns);
void lease_caught_up(struct lease *l, uint64_t now_ns);
/* Tickets that are not ours are ignored. */
void lease_written(struct lease *l, uint64_t ticket, enum engine_result result, uint64_t now_ns);
/* No poll of a target that was stopped is in flight. */
void lease_ended(struct lease *l, uint64_t target, uint64_t now_ns);
/* For the next beats; copied. */
void lease_set_figures(struct lease *l, const struct beat_figures *figures);
/* Give all back and say good-bye; for ever. It goes on until lease_is_gone(). */
void lease_leave(struct lease *l, uint64_t now_ns);
bool lease_is_gone(const struct lease *l);

/* Do what is due: when to be called next; now_ns if there is more to do at once. Never more than an
 * eighth of dead_ns ahead: to be called much later than that is to have stood still. */
uint64_t lease_tick(struct lease *l, uint64_t now_ns);

/* May a poll of a target that was started begin? The fence: ask right before each. Who is refused
 * need not ask again before output.may_poll(). O(1); any thread, while the lease is open. */
bool lease_may_poll(struct lease *l, uint64_t now_ns);

/* --- how it stands, for status and for shares --- */

/* Asked to hold no targets and take no jobs, until it is asked to again. */
bool lease_is_drained(const struct lease *l);

struct lease_summary {
    enum beat_state state;
    bool is_fenced;       /* holds nothing, for its beats are not acknowledged */
    bool is_duplicate;    /* another process says that it is this member; we stand back */
    size_t targets, held; /* of the config; held: of those, by us */
    size_t unheld;        /* by nobody that is alive */
    size_t members;       /* alive, we included */
    uint64_t unreadable;  /* messages of another version, or malformed */
    uint64_t claims, lost_claims, fences,
        moves; /* counts; moves: targets that changed hands to us */
};
void lease_summary(const struct lease *l, struct lease_summary *out);

/* The same that is known at once, however many targets there are. */
struct lease_standing {
    enum beat_state state;
    bool is_fenced, is_duplicate;
    size_t targets, held;
    uint64_t log_losses; /* how often the log was found to be another one */
};
void lease_standing(const struct lease *l, struct lease_standing *out);

struct lease_member {
    str id;
    uint64_t incarnation;
    bool is_self, is_dead;
    bool is_superseded; /* dead, as far as its claims go: another process of its name is there */
    enum beat_state state;
    uint64_t age_ns;      /* since its last beat */
    uint64_t patience_ns; /* silent for so long, it may be dead */
    uint64_t holds;       /* of our targets, by its claims */
    uint64_t held;        /* as it says itself */
    uint64_t catalogue;
    const struct beat_figures *figures;
};
/* Each process that is known, dead ones for an hour included: *at is 0 at first, and moves behind
 * each. false: there are no more. Texts live until the next input. */
bool lease_next_member(const struct lease *l, size_t *at, uint64_t now_ns,
                       struct lease_member *out);
/* Is there a process of this member, other than we, that is not dead? */
bool lease_is_alive(const struct lease *l, str member);

struct lease_target_view {
    uint64_t target, epoch; /* epoch 0: was never claimed */
    str holder;             /* empty: nobody, or one whose claim does not count any more */
    bool is_ours;           /* and we hold it */
};
/* Target i of the config, in the order of their hashes. */
bool lease_target(const struct lease *l, size_t i, struct lease_target_view *out);

#endif

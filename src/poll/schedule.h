/* SPDX-License-Identifier: MIT */
/* Which target is polled next: one heap of due instants, and slots and tokens shared fairly.
 *
 * Slots (polls in flight) are bounded twice: in all, and per share. Targets of one region compete
 * for one share, so a region that hangs fills its own share and no other's. Due targets wait in
 * their share's queue; shares with work and room stand in line at their budget; budgets with a line
 * and a token take turns in a ring. A budget without a token leaves the ring until it has one. All
 * steps but the heaps' are O(1): a join or a leave touches no other share, but for those that find
 * themselves with a free slot, and there are no more of these than polls in flight.
 *
 * Other calls than polls want slots too: each when it is ready, without a token, for what it is for
 * is under way already. They go first, and then by turns with the polls of their share and of all,
 * as long as there are polls that could go: neither keeps the other out. Pure. */
#ifndef POLL_SCHEDULE_H
#define POLL_SCHEDULE_H

#include "poll/target.h"

enum share_state {
    SHARE_IDLE,    /* no work, or held */
    SHARE_IN_LINE, /* of its budget: work and room */
    SHARE_FULL     /* in schedule.full: work, and all its slots are taken */
};

struct share {
    struct budget *budget; /* read it; schedule_share_use() sets it. NULL: none */
    /* private */
    struct list ready; /* targets, in the order they became due */
    struct list state_link;
    struct list calls;       /* that want a slot */
    struct list caller_link; /* in schedule.callers: has such, and room */
    bool owes_poll;          /* the last slot went to a call although a target was ready */
    enum share_state state;
    uint32_t in_flight;
    uint32_t targets, paused; /* of these */
    bool held;
    uint64_t held_ns;   /* since when */
    struct stall stall; /* the last time that it was held */
};

/* Who takes jobs may be more than one, each with credit of its own. What is due for one that has
 * none must not stand before what is due for another: it is set aside. */
enum { SCHEDULE_TAKERS = 2 };

struct aside {
    struct list targets; /* by when they were set aside */
    uint32_t count;
    uint64_t since_ns;  /* TARGET_NEVER: there is credit */
    struct stall stall; /* the last time that there was none */
};

struct schedule {
    struct heap due;         /* targets */
    struct heap waiting;     /* budgets without a token */
    struct list ring;        /* budgets */
    struct list callers;     /* shares with calls that may have a slot, in turn */
    bool owes_poll;          /* the last slot went to a call */
    struct list full;        /* shares without a free slot */
    struct budget unlimited; /* of the shares that have none */
    struct aside aside[SCHEDULE_TAKERS];
    uint32_t aside_count; /* of all */
    uint32_t share_count; /* but those that have none but paused targets */
    uint32_t in_flight, ready;
    uint32_t max_in_flight;
    uint32_t max_per_share; /* 0: max_in_flight / shares, at least 1 */
    uint32_t limit;         /* of each share, at present */
    uint64_t parked_ns;     /* since when; TARGET_NEVER: it is not */
    struct stall stall;     /* the last time that it was parked */
    struct stall stood;     /* the last time that nobody advanced it */
};

/* The schedule must not move afterwards. */
void schedule_init(struct schedule *s, struct alloc alloc, uint32_t max_in_flight,
                   uint32_t max_per_share);
void schedule_deinit(struct schedule *s); /* fine on a zeroed one; no target may be left */

/* A share joins or leaves, and the fair limit changes. It must be empty to leave. The budget is the
 * caller's, for as long as the share uses it; NULL for none. Several shares may use one: they take
 * turns at its tokens. PIPEPOLL_ENOMEM, and nothing happened. */
int schedule_share_add(struct schedule *s, struct share *share, struct budget *budget);
void schedule_share_remove(struct schedule *s, struct share *share);

/* From now on by another budget, or by none. Allowed at any time; the old one is not touched any
 * more. */
void schedule_share_use(struct schedule *s, struct share *share, struct budget *budget);
/* While held, its targets become due and wait, and no slot is used. Polls in flight go on. */
void schedule_share_hold(struct schedule *s, struct share *share, bool held, uint64_t now_ns);

/* The caller has no use for what schedule_take() would give, or has again. */
void schedule_park(struct schedule *s, uint64_t now_ns);
void schedule_resume(struct schedule *s, uint64_t now_ns);

/* A target joins, due at due_ns; or paused, as t->is_paused says. PIPEPOLL_ENOMEM. */
int schedule_add(struct schedule *s, struct target *t, uint64_t due_ns);
/* It is not due any more until schedule_unpause(); a poll in flight goes on. Fine on one that is
 * paused or removed. */
void schedule_pause(struct schedule *s, struct target *t);
/* Due at due_ns, or as the end of its poll says if that is still out. Fine on one that is not
 * paused, or removed. */
void schedule_unpause(struct schedule *s, struct target *t, uint64_t due_ns);
/* Due at due_ns when it waits for a later instant; else nothing. */
void schedule_hurry(struct schedule *s, struct target *t, uint64_t due_ns);
/* It leaves: true when that is all, false when its poll is in flight and schedule_give() will be
 * the end of it. Fine on one that was removed (then: false). */
bool schedule_remove(struct schedule *s, struct target *t);

/* The next instant something becomes due, a target or a token for one that waits; TARGET_NEVER when
 * nothing waits. Ask after schedule_take() or schedule_has_next() said no more. */
uint64_t schedule_next_due(const struct schedule *s);

/* What is due at now becomes ready, SCHEDULE_SLICE targets and budgets at most: where more are due,
 * schedule_next_due() is not later than now afterwards. */
enum { SCHEDULE_SLICE = 256 };
void schedule_advance(struct schedule *s, uint64_t now_ns);

/* Is a target ready that may have a slot and a token? */
bool schedule_has_next(struct schedule *s, uint64_t now_ns);
/* The target that schedule_take() looks at first; NULL: none is ready that may have both. */
struct target *schedule_first(struct schedule *s, uint64_t now_ns);
/* It is ready, but this taker has no credit: it leaves its line until schedule_return(). */
void schedule_set_aside(struct schedule *s, struct target *t, uint8_t taker, uint64_t now_ns);
/* This taker has credit: the one that waits for it longest is in line again, before others of its
 * share; or is put off, see target_after_stall(). false: none waits. */
bool schedule_return(struct schedule *s, uint8_t taker, uint64_t now_ns);
/* It may be for another taker now: in line again, before others of its share, if it is aside. */
void schedule_recall(struct schedule *s, struct target *t);
/* That target, now IN_FLIGHT and holding a slot, its token taken. NULL when there is none, or when
 * some were put off after a stall (target_after_stall()): then ask schedule_has_next() again. */
struct target *schedule_take(struct schedule *s, uint64_t now_ns);

/* Its poll ended: the slot is free, and the target waits until due_ns, or for the end of its pause.
 * A REMOVED one is let go. */
void schedule_give(struct schedule *s, struct target *t, uint64_t due_ns);

/* One call that is no poll. It must not move between queue and give or drop. */
struct schedule_call {
    struct share *share; /* the slots it competes for */
    struct list link;    /* private */
};

/* From now on it wants a slot. */
void schedule_queue_call(struct schedule *s, struct schedule_call *c, struct share *share);
/* It does not any more; it had none. */
void schedule_drop_call(struct schedule *s, struct schedule_call *c);
/* Is it a call's turn? polls_wait: polls may go too, as far as the caller knows; when it is their
 * turn, schedule_has_next() is true. */
bool schedule_caller_is_next(struct schedule *s, bool polls_wait, uint64_t now_ns);
static inline bool schedule_call_is_next(struct schedule *s, bool polls_wait, uint64_t now_ns)
{
    return !list_empty(&s->callers) && schedule_caller_is_next(s, polls_wait, now_ns);
}
/* That call, holding a slot now. schedule_call_is_next() has just said yes. */
struct schedule_call *schedule_take_call(struct schedule *s);
/* It ended: the slot is free. */
void schedule_give_call(struct schedule *s, struct schedule_call *c);

#endif

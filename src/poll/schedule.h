/* Which target is polled next: one heap of due instants, and slots shared fairly.
 *
 * Slots (polls in flight) are bounded twice: in all, and per share. Targets of one region compete
 * for one share, so a region that hangs fills its own share and no other's. Due targets wait in
 * their share's queue, and shares with work and room take turns in a ring. All steps but the heap's
 * are O(1). Pure. */
#ifndef POLL_SCHEDULE_H
#define POLL_SCHEDULE_H

#include "poll/target.h"

struct share {
    struct list ready;     /* targets, in the order they became due */
    struct list ring_link; /* in schedule.ring while it has work and room */
    struct list all_link;  /* in schedule.shares */
    uint32_t in_flight, limit;
};

struct schedule {
    struct heap due;
    struct list ring, shares;
    uint32_t share_count, in_flight, ready;
    uint32_t max_in_flight;
    uint32_t max_per_share; /* 0: max_in_flight / shares, at least 1 */
};

void schedule_init(struct schedule *s, struct alloc alloc, uint32_t max_in_flight,
                   uint32_t max_per_share);
void schedule_deinit(struct schedule *s); /* fine on a zeroed one; no target may be left */

/* A share joins or leaves; fair limits are dealt anew. It must be empty to leave. */
void schedule_share_add(struct schedule *s, struct share *share);
void schedule_share_remove(struct schedule *s, struct share *share);

/* A target joins, due at due_ns. PIPEPOLL_ENOMEM. */
int schedule_add(struct schedule *s, struct target *t, uint64_t due_ns);
/* It leaves: true when that is all, false when its poll is in flight and schedule_give() will be
 * the end of it. Fine on one that was removed (then: false). */
bool schedule_remove(struct schedule *s, struct target *t);

/* The next instant something becomes due; TARGET_NEVER when nothing waits. */
uint64_t schedule_next_due(const struct schedule *s);

/* All that is due at now becomes ready. */
void schedule_advance(struct schedule *s, uint64_t now_ns);

/* Is a target ready that may have a slot? */
bool schedule_has_next(const struct schedule *s);
/* That target, now IN_FLIGHT and holding a slot; NULL when there is none. */
struct target *schedule_take(struct schedule *s);

/* Its poll ended: the slot is free, and the target waits until due_ns. A REMOVED one is let go. */
void schedule_give(struct schedule *s, struct target *t, uint64_t due_ns);

#endif

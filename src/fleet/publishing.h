/* SPDX-License-Identifier: MIT */
/* Jobs on the way into the engine's log of jobs: which is to be written now, under which once-id,
 * and when again after a write that came to nothing. Oldest first; so many at once as the engine
 * takes, and one alone to try it after a failure. Pure: time and chance are arguments.
 *
 * The once-id of a job is of its id and a generation, which stays the same from write to write, so
 * that one that was written after all is there once. The engine remembers once-ids for an hour: a
 * job that still waits after half of it gets a new generation, and is twice there at worst. */
#ifndef FLEET_PUBLISHING_H
#define FLEET_PUBLISHING_H

#include "base/list.h"
#include "fleet/engine.h"

enum {
    PUBLISHING_OUT_MAX = 256,    /* writes that wait for an answer */
    PUBLISHING_FIRST_MS = 250,   /* the pause after a failure, which doubles ... */
    PUBLISHING_LAST_MS = 5000,   /* ... up to this */
    PUBLISHING_UNIT_MS = 600000, /* of generations: of Unix time */
    PUBLISHING_UNITS_MAX = 3     /* that a generation is older than its first write, at most */
};

/* Tickets of the engine are ours by these bits, which nobody else's have. */
#define PUBLISHING_TICKETS (1ull << 62)

/* Never; of due times. */
#define PUBLISHING_NEVER UINT64_MAX

/* Embed it; it stays where it is while it is here. */
struct publishing_job {
    struct list node;
    int64_t generation;
};

struct publishing {
    struct list waiting; /* the next is first */
    struct publishing_job *out[PUBLISHING_OUT_MAX];
    uint64_t tickets[PUBLISHING_OUT_MAX]; /* of these */
    uint64_t last_ticket;
    size_t count;       /* of all jobs */
    uint32_t out_count; /* of writes that wait for an answer */
    uint32_t most;      /* that may */
    bool is_ready;      /* the engine is */
    unsigned failures;  /* pauses in a row */
    uint64_t paused_until_ms;
    enum engine_result trouble; /* the last failure; ENGINE_DONE: the last write was well */
};

void publishing_init(struct publishing *p); /* the engine is away at first */

/* found_ms: Unix time. It waits behind all others. */
void publishing_add(struct publishing *p, struct publishing_job *job, int64_t found_ms);

/* The engine is READY, or is not. What was out is answered in any case. */
void publishing_set_ready(struct publishing *p, bool is_ready);

/* The next job to write, which is out then, and the ticket of its write; NULL: none for now. */
struct publishing_job *publishing_take(struct publishing *p, uint64_t now_ms, int64_t unix_ms,
                                       uint64_t *ticket);
/* The engine's queue had no room for it: it is the next again, after a pause. */
void publishing_put_back(struct publishing *p, uint64_t ticket, uint64_t now_ms);

/* Nothing can write it: it is here no more. */
void publishing_drop(struct publishing *p, uint64_t ticket);

/* Is it one of ours? */
static inline bool publishing_is_ours(uint64_t ticket)
{
    return ticket & PUBLISHING_TICKETS;
}

/* A write was answered. Returns the job if it is there now, and it is here no more; NULL: it is to
 * be written again, or no write of this ticket is out. */
struct publishing_job *publishing_answered(struct publishing *p, uint64_t ticket,
                                           enum engine_result result, uint64_t now_ms,
                                           uint64_t roll);

/* When publishing_take() will have a job next; now or before: it has. */
uint64_t publishing_due_ms(const struct publishing *p);

/* Give up any of those that are here; NULL: there is none. */
struct publishing_job *publishing_pop(struct publishing *p);

#endif

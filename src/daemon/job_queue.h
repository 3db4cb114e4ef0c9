/* SPDX-License-Identifier: MIT */
/* Jobs that come out of the fleet's queue instead of a poll: as many are pulled as this member has
 * slots free, each is given to the worker at the target that it was found by, and settled with the
 * engine by what becomes of it:
 *
 *   claimed               done: the service knows whose it is
 *   another's, or over    done
 *   left, for we drain    given back at once
 *   no client token ...   given back for a while, some times; then it goes to the dead letters with
 *                         the reason, and is done when these have it: by a member that works and
 *                         has refused it before, for who only looks gives it back for longer
 *
 * Until it is claimed the engine is told that we are at it, so that nobody else gets it. A
 * follow-up job whose handler waits in another member is put into the queue for that member alone,
 * under "for.OWNER".
 *
 * All on the loop's thread. */
#ifndef DAEMON_JOB_QUEUE_H
#define DAEMON_JOB_QUEUE_H

#include "daemon/logger.h"
#include "fleet/engine.h"
#include "fleet/job_message.h"
#include "pipepoll/worker.h"

struct uv_loop_s;
struct job_queue;
struct queued_job; /* one that was pulled, until it is settled; its struct job has it */

struct job_queue_options {
    struct uv_loop_s *loop;
    struct engine *engine;       /* must outlive the queue */
    const struct logger *logger; /* the same */
    uint64_t owner;              /* of the continuations that run here */
    /* Have it worked; as pipepoll_worker_take(). ENOTFOUND: no target of this member is like it.
     * Called inside job_queue_on_slots() and the engine's events. */
    int (*take)(void *ctx, const struct job_message *job, struct queued_job *q,
                struct pipepoll_error *why);
    size_t (*free_slots)(void *ctx);
    /* false: it takes for runs that wait here alone, and what it does not take is for others. */
    bool (*works)(void *ctx);
    void *ctx;
};

/* PIPEPOLL_ENOMEM. */
int job_queue_open(struct job_queue **out, const struct job_queue_options *o);
/* Pull jobs of these action types alone: those that have a handler here; the keys' filters are
 * copied. PIPEPOLL_ENOMEM, PIPEPOLL_EINVAL: more than the engine can. */
int job_queue_set_types(struct job_queue *q, const struct pipepoll_action_type *types,
                        size_t count);
/* Nothing more is pulled, and what waits for a slot goes back. There is no way back. */
void job_queue_drain(struct job_queue *q);
/* After the last job's end. */
void job_queue_close(struct job_queue *q, void (*closed)(void *ctx), void *ctx);

/* Slots have come free, or were taken. */
void job_queue_on_slots(struct job_queue *q);

/* --- what the fleet hands on of the engine's events --- */

void job_queue_on_pulled(struct job_queue *q, struct engine_delivery *d, str key, str body,
                         unsigned delivered);
/* Is this ticket one of ours? Then it is dealt with. */
bool job_queue_on_written(struct job_queue *q, uint64_t ticket, enum engine_result result);

/* --- what became of one that was taken: one of these, once; *j is gone then --- */

void job_queue_claimed(struct queued_job *j);
/* It ended without having been claimed. why: the reason's text for the dead letters. */
void job_queue_ended(struct queued_job *j, enum pipepoll_work_outcome outcome, str why);
/* Its handler waits elsewhere: for that member. Without j it is one that a poll found. */
void job_queue_pass(struct job_queue *q, struct queued_job *j, const struct job_message *job,
                    uint64_t owner);

#endif

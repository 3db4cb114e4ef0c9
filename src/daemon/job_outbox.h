/* SPDX-License-Identifier: MIT */
/* Results that the service has not confirmed yet, where the whole fleet can reach them: what the
 * journal notes as REPORTING is written to ENGINE_OUTBOX as well, under MEMBER.JOB-ID, and removed
 * when the job has ended. When a member is dead, another one sends what it left there.
 *
 * An engine that is away, or has no room, costs nothing but that the result waits for its own
 * member; it is written as soon as it can be, and anew whenever the engine is there again, for the
 * log may be another one. Who sends for a dead member claims each result by a message
 * o.MEMBER.JOB-ID.INCARNATION.ATTEMPT in ENGINE_LEASES, that must not be there before. The claim of
 * one that dies too, or that has no success, is passed over after a while, by the next attempt: in
 * doubt a result is sent twice, which the service tells and forgives. Claims go with their result;
 * those that are left of results that are gone go when nothing of their member's is there. What
 * nobody could send in a week no service wants any more: it is dropped.
 *
 * All on the loop's thread. */
#ifndef DAEMON_JOB_OUTBOX_H
#define DAEMON_JOB_OUTBOX_H

#include "daemon/fleet.h"
#include "fleet/result_message.h"

struct uv_loop_s;
struct job_outbox;
struct outbox_entry; /* one result; its struct job has it */

struct job_outbox_options {
    struct uv_loop_s *loop;
    struct fleet *fleet; /* must outlive the outbox */
    bool takes;          /* send the results of dead members */
    /* Is there a target here that this result can be sent at? */
    bool (*can_send)(void *ctx, const struct result_message *m);
    /* Send it; job_outbox_ended() follows. false: it cannot be. Called inside the engine's events;
     * the message dies when it returns. */
    bool (*send)(void *ctx, const struct result_message *m, struct outbox_entry *e);
    void *ctx;
};

/* PIPEPOLL_ENOMEM. */
int job_outbox_open(struct job_outbox **out, const struct job_outbox_options *o);
/* No more results of others. There is no way back. */
void job_outbox_drain(struct job_outbox *o);
/* After the last job's end. */
void job_outbox_close(struct job_outbox *o, void (*closed)(void *ctx), void *ctx);

/* A result of a job of ours, at this target of the fleet: written soon, unless it has ended before.
 * is_recalled: the journal brought it back, and an earlier run of this member may have written it.
 * NULL: no memory. */
struct outbox_entry *job_outbox_note(struct job_outbox *o, uint64_t target,
                                     const struct pipepoll_journal_entry *entry, bool is_recalled);
/* Its job has ended; *e is gone. is_settled: nobody needs to send it any more. */
void job_outbox_ended(struct outbox_entry *e, bool is_settled);

#endif

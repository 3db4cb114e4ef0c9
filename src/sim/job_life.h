/* SPDX-License-Identifier: MIT */
/* The states of one job, from its arrival to its end. Pure: one function for each event, which says
 * whether the event may happen in the job's state, and then moves it. Queues, deadlines and the
 * ledger are the service's.
 *
 *                         lease ends
 *                       +------------+
 *                       v            |
 *   created --due--> queued --poll--> leased --acknowledge--> in progress --result--> succeeded
 *   (a follow-up job,                                             |   +-----result--> failed
 *   during its delay)                                             +--its time is up-> timed out
 */
#ifndef SIM_JOB_LIFE_H
#define SIM_JOB_LIFE_H

#include "base/str.h"

enum job_state {
    JOB_CREATED,
    JOB_QUEUED,
    JOB_LEASED,
    JOB_IN_PROGRESS,
    JOB_SUCCEEDED,
    JOB_FAILED,
    JOB_TIMED_OUT
};

struct job_life {
    enum job_state state;
    uint64_t nonce; /* counts the hand-outs: 1, 2, ... */
};

/* The model's JobStatus: "InProgress". Static text. */
const char *job_life_status(enum job_state state);
bool job_life_is_over(enum job_state state);

/* Each returns false, and changes nothing, where the state does not have the event. */
bool job_life_due(struct job_life *life); /* its delay is over */
bool job_life_handed_out(struct job_life *life);
bool job_life_lease_ended(struct job_life *life);
bool job_life_succeeded(struct job_life *life);
bool job_life_failed(struct job_life *life);
bool job_life_timed_out(struct job_life *life);

enum job_claim {
    JOB_CLAIM_WON,      /* in progress from now on */
    JOB_CLAIM_REPEATED, /* by the nonce that won before; the state is as it was */
    JOB_CLAIM_LOST      /* by any other nonce, or of a job that is not handed out */
};
/* `nonce` as it was sent: only the current one, digit by digit, is right. */
enum job_claim job_life_acknowledged(struct job_life *life, str nonce);

#endif

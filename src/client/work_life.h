/* SPDX-License-Identifier: MIT */
/* The life of one job in a worker's hands: what comes next, whatever happened. Pure: time and
 * chance are arguments, and no call is made here; each function is told of one event and returns
 * the one step that follows from it.
 *
 *     FOUND       the client token is being looked up
 *     DETAILED    GetThirdPartyJobDetails is asked
 *     CLAIMING    AcknowledgeThirdPartyJob is asked, with the nonce of the details
 *     RUNNING     the handler's
 *     REPORTING   the result is on its way, until the service confirms it
 *     OVER        as `outcome` says */
#ifndef CLIENT_WORK_LIFE_H
#define CLIENT_WORK_LIFE_H

#include "aws/job_status.h"
#include "aws/operation.h"
#include "pipepoll/worker.h"

enum work_state {
    WORK_FOUND,
    WORK_DETAILED,
    WORK_CLAIMING,
    WORK_RUNNING,
    WORK_REPORTING,
    WORK_OVER
};

enum work_step {
    WORK_WAIT,        /* nothing: for the handler, or an answer */
    WORK_ASK_TOKEN,   /* of the handler */
    WORK_ASK_DETAILS, /* from here to WORK_REPORT: at due_ns */
    WORK_ACKNOWLEDGE,
    WORK_REPORT,
    WORK_START, /* the handler */
    WORK_END
};

struct work_life {
    enum work_state state;
    enum pipepoll_work_outcome outcome; /* when OVER */
    enum pipepoll_work_outcome result;  /* what the result makes of it, once there is one */
    /* What an earlier run noted of it; 0: it was found by a poll. From RUNNING on it is claimed,
     * before that it may be. */
    enum pipepoll_journal_state resumed;
    bool is_draining;  /* what is surely not claimed is left */
    bool is_closing;   /* and all the rest is given up */
    bool is_uncertain; /* an attempt of the present call may have had its effect */
    bool was_reported; /* resumed, and its result may have been sent */
    bool has_retoken;  /* the token was asked for again */
    bool is_anothers;  /* resumed for another worker: it is left where there is no token */
    bool is_refused;   /* the service refused the success: its failure is reported instead */
    uint32_t failures; /* of the present call, in a row */
    uint64_t failing_since_ns; /* 0: it does not */
    uint64_t due_ns;           /* of the step that was returned last */
};

/* What details say of the hand-out that a claim is made by. */
enum work_nonce {
    WORK_NONCE_ABSENT,
    WORK_NONCE_HERE,
    WORK_NONCE_OTHER /* not that of the claim that was noted: the job was handed out anew */
};

/* How a call ended. */
struct work_answer {
    int status;  /* enum pipepoll_status */
    int meaning; /* enum job_refusal */
    bool is_uncertain;
    uint64_t now_ns, roll; /* roll: a random number the caller drew */
};

/* A life begins zeroed, or with `resumed`, `was_reported` and `result`; its first step is
 * WORK_ASK_TOKEN. known: a token came. */
enum work_step work_on_token(struct work_life *l, bool known, uint64_t now_ns);
enum work_step work_on_details(struct work_life *l, const struct work_answer *a,
                               enum work_nonce nonce);
enum work_step work_on_acknowledged(struct work_life *l, const struct work_answer *a,
                                    enum job_status status);
/* It is not to be claimed: the note that goes before the acknowledgement was not kept, or the
 * handler does not want it. */
enum work_step work_on_declined(struct work_life *l);
/* The handler has a result, which makes of the job what `result` says. false: it is not the
 * handler's now. */
bool work_on_result(struct work_life *l, enum pipepoll_work_outcome result);
/* When is_refused is set in there, the result to report from now on is a failure; which may be
 * impossible. */
enum work_step work_on_reported(struct work_life *l, const struct work_answer *a);
enum work_step work_on_refusal_lost(struct work_life *l);
/* The worker drains: what is not claimed yet is left. It closes: what runs is given up as well. A
 * call in flight is waited for: WORK_WAIT. */
enum work_step work_on_drain(struct work_life *l, bool is_calling);
enum work_step work_on_close(struct work_life *l, bool is_calling);
/* Of one that is over: does a later run have to find out what became of it? */
bool work_is_open(const struct work_life *l);

#endif

/* SPDX-License-Identifier: MIT */
/* An operation asked of the service until it answers: any row of aws/operation.h, over the poller's
 * slots, budgets, credentials, clock and connections. Internal: what is to come (details,
 * acknowledgements, results of jobs) starts here.
 *
 *     rq->operation = &operation_get_third_party_job_details;
 *     rq->input = &job;      which the caller keeps until on_done()
 *     rq->result = &details; filled when the status is PIPEPOLL_OK
 *     rq->on_done = on_details;
 *     r = request_start(rq, poller, target->client, &why);
 *
 * A request waits for credentials and for a slot, by turns with polls; is tried again after what
 * passes, as polls are; and ends by its deadline, or with the attempt that is under way then, which
 * has its own (request_timeout_ms). No attempt is ever ended before that. */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include "client/call.h"
#include "poll/retry.h"

struct pipepoll;

/* All texts, and whatever the result points to, die when on_done() returns. */
struct request_end {
    int status;  /* PIPEPOLL_OK: the result is filled; PIPEPOLL_ECLOSING: the poller closed while it
                  * waited for its turn or for the end of a back-off; else as of a failure */
    int meaning; /* of the operation's own errors, such as enum job_refusal; 0: none of them */
    bool is_uncertain;             /* not OK, and some attempt may have had its effect */
    int http_status;               /* of the last answer; 0: there was none */
    uint32_t attempts;             /* that were begun */
    str code, message, request_id; /* message: one line without secrets; empty when OK */
    enum pipepoll_cause cause;
    str subject;
};

enum { REQUEST_DEADLINE_MS = 60000 };

struct request {
    /* The caller's, from before the start to the end. Zero-fill the rest once. */
    const struct operation *operation;
    const void *input;
    void *result;
    uint32_t deadline_ms; /* from the start on; 0: REQUEST_DEADLINE_MS */
    /* From the loop, exactly once per start, on a clean stack. It may start the request again, free
     * it, and do all that a sink may. */
    void (*on_done)(struct request *rq, const struct request_end *end);

    /* private */
    struct pipepoll *poller;
    struct client *client;
    struct list link; /* among the poller's requests */
    enum request_state {
        REQUEST_WAITING, /* for the end of a back-off */
        REQUEST_READY,   /* for a slot */
        REQUEST_IN_FLIGHT
    } state;
    struct schedule_call turn;
    struct timer timer; /* the end of the back-off, or the deadline; off while in flight */
    struct attempts attempts;
    uint64_t end_ns;
    uint32_t begun;
    uint32_t clock_refusals; /* see verdict.h */
    int http_status;         /* of the last answer */
    bool is_uncertain;
    enum fault fault; /* of the last attempt */
};

/* The client: of a target, or any that somebody has joined; it is kept until the end.
 * PIPEPOLL_EINVAL (the input breaks a rule of the model), PIPEPOLL_ECLOSING, PIPEPOLL_ENOMEM: not
 * started, on_done() will not come. Never ends from inside. why may be NULL. */
int request_start(struct request *rq, struct pipepoll *p, struct client *client,
                  struct pipepoll_error *why);

/* --- the poller's --- */

/* A slot is its own. */
void request_begin(struct schedule_call *turn, uint64_t now_ns);
/* The poller closes: end one that is not in flight. false: there is none. */
bool requests_end_one(struct pipepoll *p);

#endif

/* One API call, from its input to what its answer means: the slot of a call owns all the memory
 * that a call needs, and keeps it for the next, so that a warm poll allocates nothing. */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include "aws/answer.h"
#include "aws/job.h"
#include "aws/operation.h"
#include "client/client.h"

/* What all calls of one poller use. */
struct call_context {
    struct alloc alloc;
    struct transport *transport;
    struct buf scratch; /* for signing */
    str user_agent;
    uint32_t timeout_ms;
    bool trusts_clock; /* sign by this machine's clock, whatever the service's answers say of it */
};
void call_context_deinit(struct call_context *ctx);

enum {
    CALL_REQUEST_ID,
    CALL_ERROR_TYPE,
    CALL_RETRY_AFTER,
    CALL_DATE,
    CALL_AGE,
    CALL_LOCATION,
    CALL_ENCODING,
    CALL_SERVER,
    CALL_WANTED_COUNT
};

struct call {
    struct transfer transfer;
    struct list free_link; /* among the poller's idle slots */
    void *owner;           /* the caller's */
    struct client *client;
    struct credentials *credentials; /* that it was signed with, referenced while in flight */
    uint64_t started_ns;
    int64_t sent_ms;   /* by this machine's calendar clock */
    int64_t skew_ms;   /* that it was signed with: sent_ms + skew_ms is the time in the signature */
    uint32_t batch;    /* jobs asked for; 0: left to the service */
    uint32_t on_order; /* jobs set aside from the sink's credit */
    struct wanted_header wanted[CALL_WANTED_COUNT];
    struct buf head;
    char body[256]; /* longest: 7 + 10 + 35 + 9 characters of input and 90 of JSON */
    struct job_room room;
    struct pipepoll_error why;
};

struct call *call_new(struct call_context *ctx);          /* NULL: out of memory */
void call_free(struct call *c, struct call_context *ctx); /* not while in flight */

/* Encode, sign and send a poll; c->transfer.on_done() comes later. Otherwise the fault, and no
 * on_done(): FAULT_NO_CREDENTIALS, FAULT_OUT_OF_MEMORY, FAULT_BROKEN. */
enum fault call_start_poll(struct call *c, struct call_context *ctx, struct client *client,
                           const struct pipepoll_action_type *action_type, uint32_t batch);

/* What came of it. Everything lies in the call and dies with its next start. */
struct outcome {
    enum fault fault;
    bool may_be_clock;        /* a refusal that the time it was signed at can explain */
    bool credentials_are_old; /* other credentials came while it was in flight */
    int http_status;
    uint32_t retry_after_ms; /* the service's wish; 0: none */
    str code, message, request_id;
    enum pipepoll_cause cause; /* of the fault */
    str subject;               /* of the cause */
    const struct pipepoll_job *jobs;
    size_t job_count;
};
/* Once per finished transfer: the answer is decoded in place, and the clock compared. */
void call_read_poll(struct call *c, struct call_context *ctx, struct outcome *out);

#endif

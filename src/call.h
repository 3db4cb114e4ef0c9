/* One API call, from its input to what its answer means: the slot of a call owns all the memory
 * that a call needs, and keeps it for the next, so that a warm poll allocates nothing. */
#ifndef CALL_H
#define CALL_H

#include "aws/answer.h"
#include "aws/job.h"
#include "aws/operation.h"
#include "credentials/provider.h"
#include "region.h"

/* What all calls of one poller use. */
struct call_context {
    struct alloc alloc;
    struct transport *transport;
    struct pipepoll_credentials *credentials;
    struct amz_date date; /* of the last call: made anew once a second */
    struct buf scratch;   /* for signing */
    uint32_t timeout_ms;
};
void call_context_deinit(struct call_context *ctx);

enum { CALL_REQUEST_ID, CALL_ERROR_TYPE, CALL_RETRY_AFTER, CALL_WANTED_COUNT };

struct call {
    struct transfer transfer;
    struct list free_link; /* among the poller's idle slots */
    void *owner;           /* the caller's */
    uint64_t started_ns;
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
enum fault call_start_poll(struct call *c, struct call_context *ctx, struct region *region,
                           const struct pipepoll_action_type *action_type, uint32_t batch);

/* What came of it. Everything lies in the call and dies with its next start. */
struct outcome {
    enum fault fault;
    int http_status;
    uint32_t retry_after_ms; /* the service's wish; 0: none */
    str code, message, request_id;
    const struct pipepoll_job *jobs;
    size_t job_count;
};
/* Once per finished transfer: the answer is decoded in place. */
void call_read_poll(struct call *c, struct call_context *ctx, struct outcome *out);

#endif

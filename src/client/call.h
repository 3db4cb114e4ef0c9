/* SPDX-License-Identifier: MIT */
/* One API call, from its input to what its answer means, whichever operation it is of. Requests are
 * put together, and answers read, one after the other: so all calls share the memory for that, and
 * a warm poll allocates nothing. */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include "aws/operation.h"
#include "client/client.h"

/* What all calls of one poller use. */
struct call_context {
    struct alloc alloc;
    struct transport *transport;
    struct buf body, head, scratch; /* of the request that is put together; to sign it with */
    struct decode_memory memory;    /* of the answer that is read */
    struct pipepoll_error why;      /* it is not understood */
    str user_agent;
    uint32_t timeout_ms;
    bool trusts_clock; /* sign by this machine's clock, whatever the service's answers say of it */
};
void call_context_deinit(struct call_context *ctx);

struct call {
    struct transfer transfer;
    struct list free_link; /* among the poller's idle slots */
    void *owner;           /* the caller's */
    const struct operation *operation;
    const void *input; /* the caller's, while in flight */
    struct client *client;
    struct credentials *credentials; /* that it was signed with, referenced while in flight */
    uint64_t started_ns;
    int64_t sent_ms; /* by this machine's calendar clock */
    int64_t skew_ms; /* that it was signed with: sent_ms + skew_ms is the time in the signature */
};

struct call *call_new(struct call_context *ctx);          /* NULL: out of memory */
void call_free(struct call *c, struct call_context *ctx); /* not while in flight */

/* Encode, sign and send; c->transfer.on_done() comes later. The input has passed the operation's
 * check, and is kept by the caller until call_read(). Otherwise the fault, and no on_done():
 * FAULT_NO_CREDENTIALS, FAULT_OUT_OF_MEMORY, FAULT_BROKEN. */
enum fault call_start(struct call *c, struct call_context *ctx, struct client *client,
                      const struct operation *operation, const void *input);

/* What came of it. All of it dies with the transfer's on_done(), call_forget(), or the next
 * call_read(), whichever is first. */
struct outcome {
    enum fault fault;
    bool is_uncertain;        /* it went out, and nothing tells that it had no effect */
    bool may_be_clock;        /* a refusal that the time it was signed at can explain */
    bool credentials_are_old; /* other credentials came while it was in flight */
    int http_status;
    int meaning;             /* of the operation's own codes */
    uint32_t retry_after_ms; /* the service's wish; 0: none */
    str code, message, request_id;
    enum pipepoll_cause cause; /* of the fault */
    str subject;               /* of the cause */
};
/* Once per finished transfer, which came just now: the answer is decoded in place into the
 * operation's result, and the clock compared. */
void call_read(struct call *c, struct call_context *ctx, uint64_t now_ns, void *result,
               struct outcome *out);

/* The result is not needed any more: wipe what held secrets, and give back what few calls need.
 * After each call_start(), one that failed included. */
void call_forget_secrets(struct call *c, struct call_context *ctx);
static inline void call_forget(struct call *c, struct call_context *ctx)
{
    if (c->operation->has_secrets)
        call_forget_secrets(c, ctx);
}

#endif

/* SPDX-License-Identifier: MIT */
/* Continuation tokens of ours. A job may live but so long; a handler that runs longer has its job
 * ended with a continuation, and the follow-up job that the service then hands out carries the
 * token to whoever claims it, which finds the running handler by it. The token is signed, for one
 * action of one pipeline of one client, so that nobody can make one, or carry it elsewhere.
 * Pure. */
#ifndef HANDLER_CONTINUATION_H
#define HANDLER_CONTINUATION_H

#include <stdint.h>

#include "aws/digest.h"
#include "base/buf.h"

enum continuation_kind {
    CONTINUATION_NONE,    /* no token of ours: the handler's own, or none */
    CONTINUATION_RUNNING, /* a handler runs on, and waits for the follow-up job */
    CONTINUATION_AGAIN,   /* nobody runs it: the follow-up job is to be begun anew */
    CONTINUATION_FORGED   /* it looks like one of ours, and was not signed with this key for this
                           * action */
};

struct continuation {
    enum continuation_kind kind;
    uint64_t owner;  /* a number of the worker that runs it */
    uint64_t run;    /* which of its runs */
    uint32_t part;   /* how many continuations came before */
    int64_t until_s; /* Unix time: until then the handler waits */
};

/* What it is for, as a digest. Texts that jobs of a kind lack are empty. */
struct sha256 continuation_subject(str client_id, str pipeline, str stage, str action,
                                   str provider);

enum { CONTINUATION_LEN_MAX = 160 };

/* kind: RUNNING or AGAIN. */
void continuation_put(struct buf *out, const struct continuation *c, const struct hmac_key *key,
                      const struct sha256 *subject);

/* Members other than kind are set for RUNNING only. */
struct continuation continuation_read(str token, const struct hmac_key *key,
                                      const struct sha256 *subject);

/* Could it be taken for one of ours? A handler's own must not. */
bool continuation_is_reserved(str token);

#endif

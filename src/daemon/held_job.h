/* SPDX-License-Identifier: MIT */
/* A found job in the hands of the sink of a fleet's queue, until the engine has it: one block with
 * its texts. */
#ifndef DAEMON_HELD_JOB_H
#define DAEMON_HELD_JOB_H

#include "base/buf.h"
#include "daemon/queue_spool.h"
#include "fleet/publishing.h"

struct held_job {
    struct publishing_job publishing;
    struct list all;  /* of those that the engine does not have */
    struct list open; /* of those that are not confirmed */
    uint64_t ticket;  /* of the giver; 0: it has no open one */
    struct spooled_job job;
};

/* In no list yet; texts are copied. NULL: no memory. */
struct held_job *held_job_new(const struct spooled_job *job);
/* Out of all its lists but the publishing's. Its body is wiped: it may have a nonce in it. */
void held_job_free(struct held_job *h);

/* Under which once-id it is written now: job_message_put_once(). */
void held_job_put_once(struct buf *out, const struct held_job *h);

#endif

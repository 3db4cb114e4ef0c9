/* SPDX-License-Identifier: MIT */
/* A result that the service has not confirmed yet as a message of ENGINE_OUTBOX, out and in: a
 * journal entry in state REPORTING, so that another member can send it when this one has died. The
 * rules of fleet/job_message.h hold. Pure. */
#ifndef FLEET_RESULT_MESSAGE_H
#define FLEET_RESULT_MESSAGE_H

#include "base/alloc.h"
#include "base/buf.h"
#include "fleet/beat.h"
#include "pipepoll/worker.h"

enum {
    RESULT_MESSAGE_TOKENS_MAX = 16384, /* more are malformed */
    RESULT_MESSAGE_VARIABLES_MAX = 1024
};

struct result_message {
    uint64_t target; /* target_hash(): where it is to be resumed; 0: not said */
    str member;      /* whose result it was; may be empty */
    struct pipepoll_journal_entry entry;
};

/* The room that result_message_put() needs. */
size_t result_message_size(const struct result_message *m);
/* The entry must have a success, or a failure. */
void result_message_put(struct buf *out, const struct result_message *m);

/* A message read into one block: free it by result_message_free(). NULL: *how says why (MALFORMED,
 * OTHER_VERSION); or OK, and there was no memory. The entry is REPORTING, and has what
 * pipepoll_worker_resume() wants but for the rules of the result's members, which that checks. */
struct result_message *result_message_read(const struct alloc *alloc, str body,
                                           enum beat_read *how);
/* Wipes: what a handler wrote may be secret. Fine on NULL. */
void result_message_free(struct result_message *m, const struct alloc *alloc);

#endif

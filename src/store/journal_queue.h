/* SPDX-License-Identifier: MIT */
/* What loops and the writer thread share: the queue, and the users that are told. Private to
 * store/. */
#ifndef STORE_JOURNAL_QUEUE_H
#define STORE_JOURNAL_QUEUE_H

#include <uv.h>

#include "store/batch_writer.h"
#include "store/journal_change.h"
#include "store/journal_table.h"
#include "store/state_dir.h"

enum {
    JOURNAL_NOTES_PER_JOB = 4, /* claiming, running, reporting, and the next job in its slot */
    JOURNAL_ENDS_PER_JOB = JOURNAL_NOTES_PER_JOB + 1,
    JOURNAL_BYTES_MAX = 64 << 20
};

struct journal {
    struct journal_options options;
    struct state_dir dir;
    struct journal_table *table; /* the thread's */
    char *path;
    struct batch_writer writer; /* of journal_change; its mutex is that of all below */
    struct list users;
    size_t notes, ends, bytes; /* in the queue and in the batch being written */
    int64_t writing_at_ms;     /* of the oldest change that is being written; 0: none is */
    bool said_no;              /* somebody was told that it is not well */
    struct journal_stats stats;
};

/* What waits to be told: a run of kept tickets, one of failed ones, one of kept ones behind it. A
 * loop that does not turn for long is told less exactly, and never of more than was kept. */
struct journal_user {
    struct list link;
    struct journal *journal;
    struct journal_events events;
    uv_async_t async;
    uint64_t kept, failed, kept_later;
    int status; /* of the failed */
    bool recovered, closing;
    size_t references; /* its changes, and its handle */
    uint64_t told;     /* the loop's */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* All under the mutex. */

/* A change comes into the queue, or is done with. */
void journal_account(struct journal *j, const struct journal_change *c, bool comes);
void journal_user_tell(struct journal_user *u, uint64_t ticket, int status);
void journal_user_recover(struct journal_user *u);
void journal_user_leave(struct journal_user *u); /* one reference less */

#endif

/* SPDX-License-Identifier: MIT */
/* The jobs that ended last on a loop, for the status: a ring of a few, with texts cut to fit. Pure;
 * the time is an argument. */
#ifndef DAEMON_JOB_HISTORY_H
#define DAEMON_JOB_HISTORY_H

#include "status/status.h"

enum { JOB_HISTORY_JOBS = 20, JOB_HISTORY_TEXT_MAX = 64, JOB_HISTORY_MESSAGE_MAX = 200 };

struct job_history_entry {
    char job_id[JOB_HISTORY_TEXT_MAX], target[JOB_HISTORY_TEXT_MAX];
    char region[JOB_HISTORY_TEXT_MAX], handler[JOB_HISTORY_TEXT_MAX];
    char message[JOB_HISTORY_MESSAGE_MAX];
    int end;
    int64_t found_ms, started_ms, ended_ms;
};

struct job_history {
    struct job_history_entry ring[JOB_HISTORY_JOBS];
    uint64_t count; /* of all that ever ended */
};

/* In place of the oldest; copies. */
void job_history_add(struct job_history *h, const struct status_job *job);

/* The i-th of those that are kept, the last first; false: there is none. Borrows from h. */
bool job_history_get(const struct job_history *h, size_t i, struct status_job *out);

#endif

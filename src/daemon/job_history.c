/* SPDX-License-Identifier: MIT */
/* A ring: the newest job takes the place of the oldest. */
#include "daemon/job_history.h"

void job_history_add(struct job_history *h, const struct status_job *job)
{
    struct job_history_entry *e = &h->ring[h->count++ % JOB_HISTORY_JOBS];
    str_copy(e->job_id, sizeof e->job_id, job->job_id);
    str_copy(e->target, sizeof e->target, job->target);
    str_copy(e->region, sizeof e->region, job->region);
    str_copy(e->handler, sizeof e->handler, job->handler);
    str_copy(e->message, sizeof e->message, job->message);
    e->end = job->end;
    e->found_ms = job->found_ms;
    e->started_ms = job->started_ms;
    e->ended_ms = job->ended_ms;
}

bool job_history_get(const struct job_history *h, size_t i, struct status_job *out)
{
    if (i >= JOB_HISTORY_JOBS || i >= h->count)
        return false;
    const struct job_history_entry *e = &h->ring[(h->count - 1 - i) % JOB_HISTORY_JOBS];
    *out = (struct status_job) { .job_id = str_of(e->job_id),
                                 .target = str_of(e->target),
                                 .region = str_of(e->region),
                                 .handler = str_of(e->handler),
                                 .message = str_of(e->message),
                                 .end = e->end,
                                 .found_ms = e->found_ms,
                                 .started_ms = e->started_ms,
                                 .ended_ms = e->ended_ms };
    return true;
}

#include "daemon/job_history.h"

#include <string.h>

/* Not in the middle of a character. */
static void keep(char *to, size_t size, str text)
{
    size_t len = text.len < size ? text.len : size - 1;
    while (len && len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    if (len)
        memcpy(to, text.ptr, len);
    to[len] = '\0';
}

void job_history_add(struct job_history *h, const struct status_job *job)
{
    struct job_history_entry *e = &h->ring[h->count++ % JOB_HISTORY_JOBS];
    keep(e->job_id, sizeof e->job_id, job->job_id);
    keep(e->target, sizeof e->target, job->target);
    keep(e->region, sizeof e->region, job->region);
    keep(e->handler, sizeof e->handler, job->handler);
    keep(e->message, sizeof e->message, job->message);
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

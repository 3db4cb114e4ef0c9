/* SPDX-License-Identifier: MIT */
/* A hash table by linear probing that only grows: half of it is free, so a search ends. Waits are
 * counted by the millisecond, so a percentile is one walk over 60001 counters, exact to 1 ms below
 * a minute, however many jobs there were. */
#include "sim/job_tracker.h"

#include <stdlib.h>

/* FNV-1a. */
static uint64_t hash(str id)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < id.len; i++)
        h = (h ^ (unsigned char)id.ptr[i]) * 0x100000001b3u;
    return h;
}

/* The job's place, or the free one where it belongs. */
static struct tracked_job *find(struct tracked_job *jobs, size_t cap, str id)
{
    size_t i = (size_t)hash(id) & (cap - 1);
    while (jobs[i].id[0] && !str_eq(str_of(jobs[i].id), id))
        i = (i + 1) & (cap - 1);
    return &jobs[i];
}

static int grow(struct job_tracker *t)
{
    size_t cap = t->cap ? t->cap * 2 : 1024;
    struct tracked_job *jobs = calloc(cap, sizeof *jobs);
    if (!jobs)
        return PIPEPOLL_ENOMEM;
    for (size_t i = 0; i < t->cap; i++)
        if (t->jobs[i].id[0])
            *find(jobs, cap, str_of(t->jobs[i].id)) = t->jobs[i];
    free(t->jobs);
    t->jobs = jobs;
    t->cap = cap;
    return PIPEPOLL_OK;
}

void job_tracker_deinit(struct job_tracker *t)
{
    free(t->jobs);
    *t = (struct job_tracker) { 0 };
}

int job_tracker_handed_out(struct job_tracker *t, str id, uint64_t available_ns)
{
    if (id.len == 0 || id.len > JOB_TRACKER_ID_MAX)
        return PIPEPOLL_EINVAL;
    if (t->count * 2 >= t->cap && grow(t))
        return PIPEPOLL_ENOMEM;
    struct tracked_job *job = find(t->jobs, t->cap, id);
    if (job->id[0])
        return PIPEPOLL_OK;
    memcpy(job->id, id.ptr, id.len);
    job->available_ns = available_ns;
    t->count++;
    return PIPEPOLL_OK;
}

void job_tracker_found(struct job_tracker *t, str id, uint64_t now_ns)
{
    struct tracked_job *job =
        t->cap && id.len <= JOB_TRACKER_ID_MAX ? find(t->jobs, t->cap, id) : NULL;
    if (!job || !job->id[0]) {
        t->strange++;
        return;
    }
    if (job->found++) {
        t->doubled++;
        return;
    }
    uint64_t ms = now_ns > job->available_ns ? (now_ns - job->available_ns) / 1000000 : 0;
    t->found++;
    t->max_ms = ms > t->max_ms ? ms : t->max_ms;
    t->waits[ms < JOB_TRACKER_WAIT_MAX_MS ? ms : JOB_TRACKER_WAIT_MAX_MS]++;
}

uint32_t job_tracker_wait_ms(const struct job_tracker *t, double share)
{
    uint64_t seen = 0;
    for (uint32_t ms = 0; t->found && ms <= JOB_TRACKER_WAIT_MAX_MS; ms++) {
        seen += t->waits[ms];
        if ((double)seen >= share * (double)t->found)
            return ms;
    }
    return 0;
}

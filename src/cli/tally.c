#include "cli/tally.h"

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
static struct tally_job *find(struct tally_job *jobs, size_t cap, str id)
{
    size_t i = (size_t)hash(id) & (cap - 1);
    while (jobs[i].id[0] && !str_eq(str_of(jobs[i].id), id))
        i = (i + 1) & (cap - 1);
    return &jobs[i];
}

static int grow(struct tally *t)
{
    size_t cap = t->cap ? t->cap * 2 : 1024;
    struct tally_job *jobs = calloc(cap, sizeof *jobs);
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

void tally_deinit(struct tally *t)
{
    free(t->jobs);
    *t = (struct tally) { 0 };
}

int tally_handed_out(struct tally *t, str id, uint64_t available_ns)
{
    if (id.len == 0 || id.len > TALLY_ID_MAX)
        return PIPEPOLL_EINVAL;
    if (t->count * 2 >= t->cap && grow(t))
        return PIPEPOLL_ENOMEM;
    struct tally_job *job = find(t->jobs, t->cap, id);
    if (job->id[0])
        return PIPEPOLL_OK;
    memcpy(job->id, id.ptr, id.len);
    job->available_ns = available_ns;
    t->count++;
    return PIPEPOLL_OK;
}

void tally_found(struct tally *t, str id, uint64_t now_ns)
{
    struct tally_job *job = t->cap && id.len <= TALLY_ID_MAX ? find(t->jobs, t->cap, id) : NULL;
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
    t->waits[ms < TALLY_WAIT_MAX_MS ? ms : TALLY_WAIT_MAX_MS]++;
}

uint32_t tally_wait_ms(const struct tally *t, double share)
{
    uint64_t seen = 0;
    for (uint32_t ms = 0; t->found && ms <= TALLY_WAIT_MAX_MS; ms++) {
        seen += t->waits[ms];
        if ((double)seen >= share * (double)t->found)
            return ms;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* Jobs and handlers of a loop as its status shows them: those in hand from the runner's list, the
 * last that ended from a ring, the rest from counters. */
#include <string.h>
#include <uv.h>

#include "base/wall_clock.h"
#include "daemon/job.h"

/* So many of those in hand are listed; all are counted. */
enum { LISTED_MAX = 100 };

_Static_assert(PIPEPOLL_WORK_UNREPORTED + 1 == STATUS_JOB_ENDS, "an outcome has no word");

static str handler_name(const struct job *job)
{
    return job->handler ? str_of(job->handler->config->name) : STR("");
}

static enum status_step step_of(const struct job *job)
{
    if (job_is_worked(job) && job->run->handler_run)
        return STATUS_RUNNING;
    return job->started_at_ms || job->has_result ? STATUS_SENDING : STATUS_FOUND;
}

static struct status_job describe(const struct job *job)
{
    return (struct status_job) { .job_id = pipepoll_work_job_id(job->work),
                                 .target = str_of(job->found_at->name),
                                 .region = pipepoll_work_region(job->work),
                                 .handler = handler_name(job),
                                 .end = -1,
                                 .step = step_of(job),
                                 .found_ms = job->found_at_ms,
                                 .started_ms = job->started_at_ms };
}

void job_status_note_end(struct job *job, const struct pipepoll_work_end *end)
{
    struct status_job ended = describe(job);
    ended.end = (int)end->outcome;
    ended.ended_ms = wall_clock_ms();
    ended.message = job_end_message(job, end);
    job_history_add(&job->runner->history, &ended);
}

/* --- runs --- */

void job_status_run_began(struct job_run *run)
{
    run->began_ns = uv_hrtime();
    run->handler->running++;
}

void job_status_run_ended(struct job_run *run)
{
    struct job_handler *h = run->handler;
    enum status_run_end end = run->was_stopped                    ? STATUS_RUN_STOPPED
                              : run->result.kind == REPORT_FAILED ? STATUS_RUN_FAILED
                                                                  : STATUS_RUN_SUCCEEDED;
    h->running--;
    h->ends[end]++;
    status_durations_add(&h->run_time, &status_scale_handler, (uv_hrtime() - run->began_ns) / 1000);
}

/* --- the status --- */

static struct status_job copy_of(struct status *s, const struct status_job *job)
{
    struct status_job copy = *job;
    copy.job_id = status_text(s, job->job_id);
    copy.target = status_text(s, job->target);
    copy.region = status_text(s, job->region);
    copy.handler = status_text(s, job->handler);
    copy.message = status_text(s, job->message);
    return copy;
}

static void fill_jobs(const struct job_runner *r, struct status *out)
{
    struct status_job ended;
    out->jobs = status_array(out, LISTED_MAX + JOB_HISTORY_JOBS, sizeof *out->jobs);
    for (const struct list *l = r->jobs.prev; l != &r->jobs; l = l->prev) {
        const struct job *job = CONTAINER_OF(l, struct job, link);
        if (!job->work)
            continue; /* the journal's, of this very turn */
        const struct status_job in_hand = describe(job);
        out->in_hand[in_hand.step]++;
        if (out->jobs && out->job_count < LISTED_MAX)
            out->jobs[out->job_count++] = copy_of(out, &in_hand);
    }
    for (size_t i = 0; out->jobs && job_history_get(&r->history, i, &ended); i++)
        out->jobs[out->job_count++] = copy_of(out, &ended);
}

static void fill_handlers(const struct job_runner *r, struct status *out)
{
    out->handlers = status_array(out, r->handler_count, sizeof *out->handlers);
    out->handler_count = out->handlers ? r->handler_count : 0;
    for (size_t i = 0; i < out->handler_count; i++) {
        const struct job_handler *h = &r->handlers[i];
        struct status_handler *to = &out->handlers[i];
        to->name = status_text(out, str_of(h->config->name));
        to->kind = str_of(handler_kind_name(h->config->kind));
        to->running = h->running;
        memcpy(to->ends, h->ends, sizeof to->ends);
        to->run_time = h->run_time;
    }
}

void job_runner_fill_status(const struct job_runner *r, struct status *out)
{
    struct pipepoll_worker_stats worker = PIPEPOLL_WORKER_STATS_INIT;
    out->works_jobs = true;
    out->max_jobs = r->max_jobs;
    if (r->worker)
        pipepoll_worker_stats(r->worker, &worker);
    memcpy(out->job_ends, worker.ended, sizeof out->job_ends);
    fill_jobs(r, out);
    fill_handlers(r, out);
}

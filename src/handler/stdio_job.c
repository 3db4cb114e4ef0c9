/* SPDX-License-Identifier: MIT */
/* What a job is made of, and how it ends: with the program's result, or without, for one of the
 * reasons below, whose message says what its owner can do about it. */
#include "handler/stdio_job.h"

#include <stdlib.h>

#include "base/jsontext.h"

struct stdio_job *stdio_job_of(struct list *link)
{
    return CONTAINER_OF(link, struct stdio_job, link);
}

static void job_free(struct stdio_job *job)
{
    secrets_deinit(&job->secrets);
    job_document_deinit(&job->line);
    free(job);
}

struct stdio_job *stdio_job_new(struct stdio_handler *h, const struct handler_input *in)
{
    size_t stop_size = jsontext_size(in->job_id) + sizeof "{\"jobId\":,\"stop\":true}\n";
    struct stdio_job *job = calloc(1, sizeof *job + in->job_id.len + stop_size);
    if (!job)
        return NULL;
    char *at = (char *)(job + 1);
    job->run.handler = &h->handler;
    job->id = str_keep(&at, in->job_id);
    struct buf stop_line = { .at = at, .cap = stop_size };
    buf_put_char(&stop_line, '{');
    jsontext_member(&stop_line, "jobId", in->job_id);
    buf_put(&stop_line, STR(",\"stop\":true}\n"));
    job->stop_line = buf_str(&stop_line);
    list_init(&job->link);
    if (!secrets_init(&job->secrets, in->secrets, in->secret_count) &&
        !job_document_with_environment(&job->line, in->document, in->environment))
        return job;
    job_free(job);
    return NULL;
}

void stdio_job_move(struct stdio_handler *h, struct stdio_job *job, enum stdio_job_state state,
                    struct list *to)
{
    list_remove(&job->link);
    list_put_last(to, &job->link);
    job->state = state;
    job->since_ms = uv_now(h->timer.loop);
}

bool stdio_job_any_is_read(const struct stdio_handler *h)
{
    return h->in_hand > (h->writing ? 1 : 0);
}

static bool is_in_hand(const struct stdio_job *job)
{
    return job->state == STDIO_JOB_HELD || job->state == STDIO_JOB_STOPPING;
}

static void leave_hand(struct stdio_handler *h, struct stdio_job *job)
{
    if (!is_in_hand(job))
        return;
    stdio_log_keep(&h->log, &job->secrets);
    if (h->writing == job)
        h->writing = NULL;
    h->in_hand--;
    if (!stdio_job_any_is_read(h))
        h->free_ms = uv_now(h->timer.loop);
}

/* Without a result. The message is what was put into it. */
void stdio_job_end(struct stdio_handler *h, struct stdio_job *job,
                   enum pipepoll_failure_type failure, const struct buf *message)
{
    leave_hand(h, job);
    job->report =
        (struct report) { .kind = REPORT_FAILED, .failure = failure, .message = buf_str(message) };
    stdio_job_move(h, job, STDIO_JOB_ENDED, &h->ended);
}

void stdio_job_end_stopped(struct stdio_handler *h, struct stdio_job *job)
{
    struct buf b = BUF_ON(job->message);
    buf_printf(&b, "%s was stopped before it gave a result", h->worker.program);
    job->stopped = true;
    stdio_job_end(h, job, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, &b);
}

void stdio_job_end_timed_out(struct stdio_handler *h, struct stdio_job *job)
{
    struct buf b = BUF_ON(job->message);
    uint32_t ms = h->options.program.timeout_ms;
    buf_printf(&b, "%s gave no result within %u.%03u s, nor when it was told to stop",
               h->worker.program, ms / 1000, ms % 1000);
    stdio_job_end(h, job, PIPEPOLL_FAILURE_JOB, &b);
}

void stdio_job_end_lost(struct stdio_handler *h, struct stdio_job *job)
{
    struct buf b = BUF_ON(job->message);
    buf_put(&b, buf_str(&h->worker.how));
    stdio_job_end(h, job, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, &b);
}

void stdio_job_end_unstarted(struct stdio_handler *h, struct stdio_job *job)
{
    struct buf b = BUF_ON(job->message);
    uint32_t ms = h->options.start_within_ms;
    buf_printf(&b, "%s took no job within %u.%03u s", h->worker.program, ms / 1000, ms % 1000);
    if (h->worker.how.len)
        buf_printf(&b, ": %.*s", STR_ARG(buf_str(&h->worker.how)));
    stdio_job_end(h, job, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, &b);
}

void stdio_job_tell(struct stdio_handler *h, struct stdio_job *job, const struct report *report)
{
    bool is_result = job->state != STDIO_JOB_ENDED;
    const struct handler_result result = { .report = *report,
                                           .stopped = job->stopped && !is_result,
                                           .other_lines = job->other_lines };
    h->worker.worked |= is_result;
    leave_hand(h, job);
    list_remove(&job->link);
    job->events->done(job->ctx, &result);
    job_free(job);
}

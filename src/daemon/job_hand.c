/* SPDX-License-Identifier: MIT */
/* A job between the worker and its handler: it is found, its client token is looked up, it starts,
 * and it ends. What happens between is job_start.c's and job_run.c's. */
#include "daemon/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/control.h"
#include "base/wall_clock.h"

enum { LINE_MAX_BYTES = 2048 };

static struct job_runner *of(struct pipepoll_handler *self)
{
    return CONTAINER_OF(self, struct job_runner, handler);
}

/* --- the log --- */

/* kind: of logger_repeat(); empty: each line is written. */
__attribute__((format(printf, 4, 0))) static void log_job(const struct job *job,
                                                          enum pipepoll_level level, str kind,
                                                          const char *format, va_list arguments)
{
    char text[LINE_MAX_BYTES];
    struct buf line = BUF_ON(text);
    str id = pipepoll_work_job_id(job->work);
    const struct logger *logger = job->runner->logger;
    const struct subject about = { .target = str_of(job->found_at->name),
                                   .region = pipepoll_work_region(job->work),
                                   .job_id = id };
    if (level > logger->level)
        return;
    buf_printf(&line, "job %.*s: ", STR_ARG(id));
    int n = vsnprintf(text + line.len, sizeof text - line.len, format, arguments);
    size_t room = sizeof text - line.len - 1;
    line.len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;
    if (kind.len)
        logger_repeat(logger, level, &about, kind, JOB_FAULT_LINES, buf_str(&line));
    else
        logger_tell(logger, level, &about, buf_str(&line));
}

void job_log(const struct job *job, enum pipepoll_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_job(job, level, STR(""), format, arguments);
    va_end(arguments);
}

void job_log_fault(const struct job *job, enum pipepoll_level level, const char *kind,
                   const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_job(job, level, str_of(kind), format, arguments);
    va_end(arguments);
}

/* --- found --- */

struct job *job_new(struct job_runner *r, struct target_set_entry *found_at)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->runner = r;
    job->found_at = target_set_hold(found_at);
    job->handler = found_at->handler;
    job->found_at_ms = wall_clock_ms();
    list_put_last(&r->jobs, &job->link);
    return job;
}

void job_free(struct job *job)
{
    list_remove(&job->link);
    target_set_release(job->found_at);
    free(job);
}

static bool on_wants(struct pipepoll_handler *self, struct pipepoll_target *from)
{
    return target_set_is_worked(target_set_of(from)) && job_member_wants(of(self));
}

/* Without memory for it the job has no token, and is left to the service. */
static void on_found(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from)
{
    struct job *job = pipepoll_work_user(work); /* of one that was taken out of a queue */
    if (!job) {
        job = job_new(of(self), target_set_of(from));
        of(self)->tally->in_hand++;
    }
    if (job)
        job->work = work;
    pipepoll_work_set_user(work, job);
}

/* --- the client token --- */

static void on_token_found(struct token_lookup *lookup, enum token_found found, str token,
                           const char *why)
{
    struct job *job = CONTAINER_OF(lookup, struct job, lookup);
    struct pipepoll_error error;
    if (found == TOKEN_UNKNOWN)
        job_log_fault(job, PIPEPOLL_WARNING, "no client token is known",
                      "no client token is known for client ID %.*s: the job is left to the service",
                      STR_ARG(pipepoll_work_client_id(job->work)));
    else if (found == TOKEN_UNAVAILABLE)
        job_log_fault(job, PIPEPOLL_WARNING, "no look-up of a client token",
                      "the client token cannot be looked up: %s", why);
    if (found != TOKEN_FOUND)
        token = STR("");
    job->is_told_of_token = found != TOKEN_FOUND;
    if (pipepoll_work_token(job->work, token, &error)) {
        job_log_fault(job, PIPEPOLL_WARNING, "a client token is not taken",
                      "the client token of client ID %.*s is not taken: %s",
                      STR_ARG(pipepoll_work_client_id(job->work)), error.text);
        pipepoll_work_token(job->work, STR(""), NULL);
    }
}

static void on_token(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from, str client_id)
{
    struct job_runner *r = of(self);
    struct job *job = pipepoll_work_user(work);
    if (!job || !r->tokens) {
        pipepoll_work_token(work, STR(""), NULL);
        return;
    }
    job->work = work;
    token_lookup_forget(&job->lookup); /* the worker may not have waited for the one before */
    job->lookup.on_done = on_token_found;
    token_source_get(r->tokens, &job->lookup, client_id, from == NULL);
}

/* --- its run --- */

/* A job that a handler waits for is claimed always; another one while we do not drain, and when the
 * target has a handler still, which a reload may have taken away since the poll began. */
static bool on_claims(struct pipepoll_handler *self, struct pipepoll_work *work,
                      const struct pipepoll_job_data *data)
{
    struct job *job = pipepoll_work_user(work);
    if (!job || job_start_is_elsewhere(job, data))
        return false;
    if (job_start_is_awaited(job, data))
        return true;
    bool is_for_others = job->queued && job_member_is_drained(of(self));
    return !of(self)->is_draining && !is_for_others && job->handler;
}

void job_note_failure(struct job *job, str message)
{
    str_copy(job->failure, sizeof job->failure, message);
    control_mask(job->failure, strlen(job->failure));
}

void job_fail(struct job *job, enum pipepoll_failure_type type, const char *message)
{
    struct pipepoll_job_failure failure = PIPEPOLL_JOB_FAILURE_INIT;
    struct pipepoll_error why;
    failure.type = type;
    failure.message = str_of(message);
    job_note_failure(job, failure.message);
    if (pipepoll_work_fail(job->work, &failure, &why))
        job_log(job, PIPEPOLL_ERROR, "its failure could not be kept: %s; its time-out will end it",
                why.text);
}

static void fail_unknown(struct pipepoll_work *work)
{
    struct pipepoll_job_failure failure = PIPEPOLL_JOB_FAILURE_INIT;
    failure.type = PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE;
    failure.message = STR("out of memory");
    pipepoll_work_fail(work, &failure, NULL);
}

static void on_start(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_job_data *data)
{
    struct job_runner *r = of(self);
    struct job *job = pipepoll_work_user(work);
    if (!job) {
        fail_unknown(work);
        return;
    }
    job->work = work;
    job->started_ms = uv_now(r->loop);
    job->started_at_ms = wall_clock_ms();
    job_member_started(job);
    job_start(job, data);
}

static void on_renewed(struct pipepoll_handler *self, struct pipepoll_work *work,
                       const struct pipepoll_artifact_credentials *credentials)
{
    struct job *job = pipepoll_work_user(work);
    if (job && job->run)
        job_run_renew(job->run, credentials);
}

/* --- the end --- */

static void on_over(struct pipepoll_handler *self, struct pipepoll_work *work)
{
    struct job *job = pipepoll_work_user(work);
    if (!job) {
        fail_unknown(work);
        return;
    }
    job_log(job, PIPEPOLL_WARNING, "it is over for the service: its handler is told to end");
    if (job_is_worked(job))
        job_run_stop(job->run);
    else /* there was no memory to fail it before */
        job_fail(job, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, "The worker had no memory for it.");
}

static enum pipepoll_level level_of(enum pipepoll_work_outcome outcome)
{
    switch (outcome) {
    case PIPEPOLL_WORK_SUCCEEDED:
    case PIPEPOLL_WORK_CONTINUED:
    case PIPEPOLL_WORK_FAILED:
    case PIPEPOLL_WORK_LEFT:
        return PIPEPOLL_INFO;
    case PIPEPOLL_WORK_LOST_RACE:
        return PIPEPOLL_DEBUG;
    case PIPEPOLL_WORK_NO_TOKEN:
    case PIPEPOLL_WORK_UNRESOLVED:
    case PIPEPOLL_WORK_OVER:
    case PIPEPOLL_WORK_REJECTED:
    case PIPEPOLL_WORK_UNREPORTED:
        break;
    }
    return PIPEPOLL_WARNING;
}

/* The worker says nothing of a result that arrived. */
str job_end_message(const struct job *job, const struct pipepoll_work_end *end)
{
    bool is_failure = end->outcome == PIPEPOLL_WORK_FAILED && !end->message.len;
    return is_failure ? str_of(job->failure) : end->message;
}

/* How long it took, and what was said of it, are each job's own. */
static void log_end(const struct job *job, const struct pipepoll_work_end *end)
{
    const char *name = pipepoll_work_outcome_name(end->outcome);
    bool is_known = end->outcome == PIPEPOLL_WORK_NO_TOKEN && job->is_told_of_token;
    enum pipepoll_level level = is_known ? PIPEPOLL_DEBUG : level_of(end->outcome);
    char text[32] = "";
    if (end->ran)
        snprintf(text, sizeof text, " after %.1f s",
                 (double)(uv_now(job->runner->loop) - job->started_ms) / 1000);
    str message = job_end_message(job, end);
    const char *colon = message.len ? ": " : "";
    if (end->outcome == PIPEPOLL_WORK_SUCCEEDED || end->outcome == PIPEPOLL_WORK_CONTINUED)
        job_log(job, level, "%s%s%s%.*s", name, text, colon, STR_ARG(message));
    else
        job_log_fault(job, level, name, "%s%s%s%.*s", name, text, colon, STR_ARG(message));
}

static void on_ended(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_work_end *end)
{
    struct job_runner *r = of(self);
    struct job *job = pipepoll_work_user(work);
    job_note_ended(r, work, end);
    if (job) {
        job->work = work;
        token_lookup_forget(&job->lookup);
        log_end(job, end);
        job_run_on_ended(job, end->outcome);
        job_status_note_end(job, end);
    }
    r->tally->in_hand--;
    if (job) {
        job_member_ended(job, end);
        job_free(job);
    }
    job_runner_on_change(r);
}

void job_hand_fill(struct pipepoll_handler *out)
{
    *out = (struct pipepoll_handler) {
        .size = sizeof *out,
        .token = on_token,
        .start = on_start,
        .renewed = on_renewed,
        .ended = on_ended,
        .found = on_found,
        .over = on_over,
        .claims = on_claims,
        .wants = on_wants,
    };
}

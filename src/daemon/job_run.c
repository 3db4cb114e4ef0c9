/* SPDX-License-Identifier: MIT */
/* A run of a handler from its beginning (job_start.c) on: it tells of its progress, outlives its
 * job by continuations, and ends with a result, which the job that it has then takes to the
 * service. Its one timer is for the next continuation while it has a job, for the follow-up job's
 * coming while it has none. */
#include "daemon/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/plural.h"

/* --- its memory --- */

enum { LOG_LINE_MAX = 16384 }; /* longer than any of a handler's */

static void on_timer(uv_timer_t *timer);

static void forget_texts(struct report *report, void **texts)
{
    free(*texts);
    *texts = NULL;
    *report = (struct report) { .kind = REPORT_OTHER };
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct job_run *run = CONTAINER_OF(timer, struct job_run, timer);
    forget_texts(&run->progress, &run->progress_texts);
    forget_texts(&run->result, &run->result_texts);
    for (size_t i = 0; i < JOB_RENEWALS_MASKED; i++)
        secrets_deinit(&run->renewed[i]);
    free(run);
}

void job_run_end_wait(struct job_run *run)
{
    struct target_set_entry *of = run->awaits;
    run->awaits = NULL;
    if (!of)
        return;
    target_set_wait_ended(of);
    target_set_release(of);
}

void job_run_free(struct job_run *run)
{
    artifact_endpoint_remove(&run->access);
    job_run_end_wait(run);
    if (run->job)
        run->job->run = NULL;
    if (run->continued)
        run->continued->run = NULL;
    list_remove(&run->link);
    uv_close((uv_handle_t *)&run->timer, on_timer_closed);
}

struct job_run *job_run_new(struct job *job)
{
    struct job_runner *r = job->runner;
    struct job_run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->runner = r;
    run->handler = job->handler;
    run->id = ++r->last_run_id;
    run->job = job;
    job->run = run;
    snprintf(run->job_id, sizeof run->job_id, "%.*s", STR_ARG(pipepoll_work_job_id(job->work)));
    uv_timer_init(r->loop, &run->timer);
    list_put_last(&r->runs, &run->link);
    return run;
}

static void run_log(const struct job_run *run, const char *what)
{
    logger_printf(run->runner->logger, PIPEPOLL_WARNING,
                  &(struct subject) { .job_id = str_of(run->job_id) }, "job %s: %s", run->job_id,
                  what);
}

/* --- the result --- */

static struct pipepoll_success success_of(const struct report *report,
                                          struct pipepoll_revision *revision)
{
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    *revision = (struct pipepoll_revision) { .revision = report->revision,
                                             .change_identifier = report->change_identifier,
                                             .summary = report->revision_summary,
                                             .created_s = report->revision_created_s };
    s.summary = report->summary;
    s.execution_id = report->execution_id;
    s.has_percent = report->has_percent;
    s.percent_complete = report->percent;
    s.revision = report->has_revision ? revision : NULL;
    return s;
}

static int put_failure(struct job *job, const struct report *report, struct pipepoll_error *why)
{
    struct pipepoll_job_failure f = PIPEPOLL_JOB_FAILURE_INIT;
    f.type = report->failure;
    f.message = report->message;
    f.execution_id = report->execution_id;
    job_note_failure(job, f.message);
    return pipepoll_work_fail(job->work, &f, why);
}

/* As a continuation of ours. */
static int put_continuation(struct job *job, const struct continuation *c,
                            const struct report *progress, struct pipepoll_error *why)
{
    char text[CONTINUATION_LEN_MAX];
    struct buf token = BUF_ON(text);
    struct pipepoll_revision unused;
    struct pipepoll_success s = success_of(progress, &unused);
    continuation_put(&token, c, &job->runner->world->key, &job->subject);
    return pipepoll_work_continue(job->work, buf_str(&token), &s, why);
}

/* The handler was told to end before it had a result. */
static int put_handed_back(struct job *job, const struct job_run *run, struct pipepoll_error *why)
{
    const struct continuation again = { .kind = CONTINUATION_AGAIN };
    struct report stopped = run->result;
    stopped.message = STR("The worker was told to end before the job's handler had a result.");
    return job->runner->world->config->rerun ? put_continuation(job, &again, &run->progress, why)
                                             : put_failure(job, &stopped, why);
}

static int put_success(struct job *job, const struct report *report, struct pipepoll_error *why)
{
    struct pipepoll_revision revision;
    struct pipepoll_success s = success_of(report, &revision);
    struct pipepoll_variable *variables;
    if (report_variables(&variables, report))
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    s.variables = variables;
    s.variable_count = report->variable_count;
    int r = report->kind == REPORT_SUCCEEDED
                ? pipepoll_work_succeed(job->work, &s, why)
                : pipepoll_work_continue(job->work, report->continuation_token, &s, why);
    free(variables);
    return r;
}

static int put_result(struct job *job, const struct job_run *run, struct pipepoll_error *why)
{
    const struct report *report = &run->result;
    if (run->was_stopped && job->runner->is_handing_back)
        return put_handed_back(job, run, why);
    if (report->kind == REPORT_FAILED)
        return put_failure(job, report, why);
    if (report->kind != REPORT_SUCCEEDED && continuation_is_reserved(report->continuation_token))
        return explain(why, PIPEPOLL_EINVAL, "a continuation token must not begin with \"%s\"",
                       "pipepoll");
    return put_success(job, report, why);
}

/* The run's last act, or the last but for lack of memory: the timer tries it again then. */
void job_run_report(struct job_run *run)
{
    struct job *job = run->job;
    struct pipepoll_error why;
    char text[sizeof why.text + 64];
    int r = put_result(job, run, &why);
    if (r == PIPEPOLL_EINVAL) {
        snprintf(text, sizeof text, "The handler's result is not right: %s.", why.text);
        const struct report wrong = { .failure = PIPEPOLL_FAILURE_JOB, .message = str_of(text) };
        r = put_failure(job, &wrong, &why);
    }
    if (r == PIPEPOLL_ENOMEM) {
        uv_timer_start(&run->timer, on_timer, JOB_RETRY_MS, 0);
        return;
    }
    if (r)
        job_log(job, PIPEPOLL_ERROR, "its result could not be kept: %s", why.text);
    job_run_free(run);
}

/* --- what a handler tells --- */

static void on_progress(void *ctx, const struct report *progress)
{
    struct job_run *run = ctx;
    struct report copy;
    void *texts;
    if (report_copy(&copy, &texts, progress))
        return; /* the one before will do */
    forget_texts(&run->progress, &run->progress_texts);
    run->progress = copy;
    run->progress_texts = texts;
    if (run->job)
        job_log(run->job, PIPEPOLL_DEBUG, "%s%.*s", copy.summary.len ? "" : "is in progress",
                STR_ARG(copy.summary));
}

/* An id need not have a digit by which its lines would be seen to be of one kind. */
static str without_id(const struct job_run *run, str line)
{
    char text[sizeof run->job_id + 8];
    struct buf head = BUF_ON(text);
    buf_printf(&head, "job %s: ", run->job_id);
    return str_starts(line, buf_str(&head)) ? str_skip(line, head.len) : line;
}

/* The handler masked the secrets that its run began with. Its program may have kept any of those
 * that came later, and write them long after the next ones have come. */
static void mask_renewed(const struct job_run *run, char *text, size_t len)
{
    for (size_t i = 0; i < JOB_RENEWALS_MASKED; i++)
        secrets_mask(&run->renewed[i], text, len, false);
}

static void on_log(void *ctx, enum pipepoll_level level, str line)
{
    const struct job_run *run = ctx;
    char text[LOG_LINE_MAX];
    if (line.len > sizeof text)
        line.len = sizeof text;
    memcpy(text, line.ptr, line.len);
    mask_renewed(run, text, line.len);
    line.ptr = text;
    const struct subject about = { .job_id = str_of(run->job_id) };
    if (level < PIPEPOLL_INFO) /* ours: of a web service that is down, many jobs have the same */
        logger_repeat(run->runner->logger, level, &about, without_id(run, line), JOB_FAULT_LINES,
                      line);
    else
        logger_tell(run->runner->logger, level, &about, line);
}

static void keep_result(struct job_run *run, const struct handler_result *result)
{
    static const struct report lost = {
        .kind = REPORT_FAILED,
        .failure = PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE,
        .message = STR_INIT("The worker had no memory to keep the handler's result.")
    };
    if (report_copy(&run->result, &run->result_texts, &result->report))
        run->result = lost;
    else /* the copy is ours */
        mask_renewed(run, (char *)(uintptr_t)run->result.message.ptr, run->result.message.len);
    run->was_stopped = result->stopped;
}

static void on_done(void *ctx, const struct handler_result *result)
{
    struct job_run *run = ctx;
    run->handler_run = NULL;
    run->runner->tally->running--;
    artifact_endpoint_remove(&run->access);
    if (result->left_out && run->job)
        job_log(run->job, PIPEPOLL_WARNING, "%llu line%s of its log %s left out",
                (unsigned long long)result->left_out, plural(result->left_out),
                result->left_out == 1 ? "was" : "were");
    keep_result(run, result);
    job_status_run_ended(run);
    if (run->job)
        job_run_report(run);
    else if (run->is_given_up)
        job_run_free(run);
}

const struct handler_events job_run_events = { on_progress, on_log, on_done };

/* --- the end --- */

void job_run_stop(struct job_run *run)
{
    if (run->handler_run)
        run->handler->handler->stop(run->handler->handler, run->handler_run);
}

/* It has no job, and nobody will ask for its result. */
static void give_up(struct job_run *run, const char *why)
{
    struct job_runner *r = run->runner;
    run->is_given_up = true;
    job_run_end_wait(run);
    uv_timer_stop(&run->timer);
    run_log(run, why);
    if (run->handler_run)
        job_run_stop(run);
    else
        job_run_free(run);
    job_runner_on_change(r);
}

bool job_run_any_waits(const struct job_runner *r)
{
    for (const struct list *l = r->runs.next; l != &r->runs; l = l->next) {
        if (CONTAINER_OF(l, struct job_run, link)->awaits)
            return true;
    }
    return false;
}

void job_run_on_drained(struct job_runner *r)
{
    struct list *next;
    for (struct list *l = r->runs.next; l != &r->runs; l = next) {
        struct job_run *run = CONTAINER_OF(l, struct job_run, link);
        next = l->next;
        if (run->awaits)
            give_up(run, "its handler is ended, for no follow-up job is asked for any more");
    }
}

void job_run_on_ended(struct job *job, enum pipepoll_work_outcome outcome)
{
    struct job_run *run = job->run;
    job->run = NULL;
    if (!run)
        return;
    if (run->job == job) {
        run->job = NULL;
        give_up(run, "it ended while its handler ran, which is told to end");
    } else if (run->continued == job) {
        run->continued = NULL;
        if (run->awaits && (outcome != PIPEPOLL_WORK_CONTINUED || job->runner->is_drained))
            give_up(run, "no follow-up job will come: its handler is told to end");
    }
}

/* --- continuations --- */

static size_t count_waiting(const struct job_runner *r)
{
    size_t count = 0;
    for (const struct list *l = r->runs.next; l != &r->runs; l = l->next)
        count += !CONTAINER_OF(l, struct job_run, link)->job;
    return count;
}

void job_run_plan_continuation(struct job_run *run)
{
    uint32_t after_ms = run->handler->config->continue_after_ms;
    if (after_ms)
        uv_timer_start(&run->timer, on_timer, after_ms, 0);
}

/* One at a time: the job before, whose continuation is not confirmed, knows the run as well. And
 * not where no poll will find the follow-up job. */
static bool may_continue(const struct job_run *run)
{
    return run->job->found_at->plan && !run->continued &&
           count_waiting(run->runner) < run->runner->max_jobs;
}

/* Its handler runs on, without a job. A run that cannot be continued now runs on with the job that
 * it has, and is looked at again. */
static void continue_run(struct job_run *run)
{
    struct job_runner *r = run->runner;
    struct job *job = run->job;
    struct pipepoll_error why;
    const struct continuation c = { .kind = CONTINUATION_RUNNING,
                                    .owner = r->world->owner,
                                    .run = run->id,
                                    .part = run->part + 1,
                                    .until_s = (int64_t)time(NULL) + JOB_FOLLOW_UP_MS / 1000 };
    if (r->is_draining)
        return;
    if (!may_continue(run) || put_continuation(job, &c, &run->progress, &why)) {
        uv_timer_start(&run->timer, on_timer, JOB_RETRY_MS, 0);
        return;
    }
    run->part++;
    run->job = NULL;
    run->continued = job;
    run->awaits = target_set_hold(job->found_at);
    target_set_wait_began(run->awaits);
    uv_timer_start(&run->timer, on_timer, JOB_FOLLOW_UP_MS, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct job_run *run = CONTAINER_OF(timer, struct job_run, timer);
    if (!run->job)
        give_up(run, "no follow-up job came in 30 minutes: its handler is told to end");
    else if (run->handler_run)
        continue_run(run);
    else
        job_run_report(run);
}

void job_run_renew(struct job_run *run, const struct pipepoll_artifact_credentials *c)
{
    const str texts[] = { c->secret_access_key, c->session_token };
    struct secrets renewed;
    artifact_endpoint_renew(&run->access, c);
    if (secrets_init(&renewed, texts, sizeof texts / sizeof texts[0]))
        return;
    struct secrets *oldest = &run->renewed[run->renewals++ % JOB_RENEWALS_MASKED];
    secrets_deinit(oldest);
    *oldest = renewed;
}

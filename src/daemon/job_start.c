/* SPDX-License-Identifier: MIT */
/* How a claimed job is started: by a handler's new run, or, where it is the follow-up job of one
 * that was continued, with the run that waits for it. What runs in another process is passed on to
 * that, by another continuation with the same token. */
#include "daemon/job.h"

#include <stdio.h>
#include <time.h>

#include "handler/job_document.h"

/* What tells an SDK in the job's program where it is, and whose it is. */
struct job_environment {
    char uri[ARTIFACT_URI_MAX + 64], token[ARTIFACT_TOKEN_LEN + 64];
    char region[96], old_region[96];
    char *list[7];
};

static bool sets(char *const *environment, str name)
{
    for (; environment && *environment; environment++)
        if (str_starts(str_of(*environment), name))
            return true;
    return false;
}

/* SDKs look into files before they ask a container's service, and there are ours. */
static void hide_files(struct job_environment *e, size_t count, char *const *configured)
{
    static char config[] = "AWS_CONFIG_FILE=/dev/null";
    static char credentials[] = "AWS_SHARED_CREDENTIALS_FILE=/dev/null";
    if (!sets(configured, STR("AWS_CONFIG_FILE=")))
        e->list[count++] = config;
    if (!sets(configured, STR("AWS_SHARED_CREDENTIALS_FILE=")))
        e->list[count++] = credentials;
}

static void make_environment(struct job_environment *e, const struct job_run *run, str region)
{
    *e = (struct job_environment) { .list = { e->region, e->old_region } };
    snprintf(e->region, sizeof e->region, "AWS_REGION=%.*s", STR_ARG(region));
    snprintf(e->old_region, sizeof e->old_region, "AWS_DEFAULT_REGION=%.*s", STR_ARG(region));
    if (!run->access.uri[0])
        return;
    snprintf(e->uri, sizeof e->uri, "AWS_CONTAINER_CREDENTIALS_FULL_URI=%s", run->access.uri);
    snprintf(e->token, sizeof e->token, "AWS_CONTAINER_AUTHORIZATION_TOKEN=%s", run->access.token);
    e->list[2] = e->uri;
    e->list[3] = e->token;
    hide_files(e, 4, run->handler->config->environment);
}

static int start_handler(struct job_run *run, struct job *job, const struct pipepoll_job_data *data,
                         const struct job_document *document)
{
    struct handler *h = run->handler->handler;
    struct job_environment environment;
    str secrets[JOB_SECRETS_MAX + 1];
    size_t count = job_secrets(data, secrets);
    secrets[count++] = str_of(run->access.token);
    make_environment(&environment, run, pipepoll_work_region(job->work));
    const struct handler_input in = { .job_id = pipepoll_work_job_id(job->work),
                                      .document = { document->text, document->len },
                                      .secrets = secrets,
                                      .secret_count = count,
                                      .environment = environment.list };
    int r = h->start(h, &run->handler_run, &in, &job_run_events, run);
    explicit_bzero(&environment, sizeof environment);
    return r;
}

static bool has_credentials(const struct pipepoll_job_data *data)
{
    return data->artifact_credentials && data->artifact_credentials->access_key_id.len;
}

static int start_run(struct job_run *run, const struct pipepoll_job_data *data,
                     struct pipepoll_error *why)
{
    struct job_runner *r = run->runner;
    struct job_document document = { 0 };
    int result = PIPEPOLL_OK;
    if (has_credentials(data))
        result = artifact_endpoint_add(r->artifacts, &run->access, data->artifact_credentials,
                                       JOB_RENEW_MS);
    if (result)
        return explain(why, result, "%s", pipepoll_strerror(result));
    struct job *job = run->job;
    result = job_document_make(&document, pipepoll_work_job_id(job->work),
                               pipepoll_work_client_id(job->work), pipepoll_work_region(job->work),
                               data, JOB_DOCUMENT_MAX, why);
    if (!result)
        result = start_handler(run, job, data, &document);
    job_document_deinit(&document);
    return result == PIPEPOLL_ENOMEM ? explain(why, result, "out of memory") : result;
}

static void start_anew(struct job *job, const struct pipepoll_job_data *data)
{
    if (!job->handler) {
        job_fail(job, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, "The worker has no handler for it.");
        return;
    }
    struct pipepoll_error why = { .text = "out of memory" };
    struct job_run *run = job_run_new(job);
    int r = run ? start_run(run, data, &why) : PIPEPOLL_ENOMEM;
    if (!r) {
        job->runner->tally->running++;
        job_status_run_began(run);
        job_run_plan_continuation(run);
        return;
    }
    if (run)
        job_run_free(run);
    job_fail(job,
             r == PIPEPOLL_EINVAL ? PIPEPOLL_FAILURE_CONFIGURATION
                                  : PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE,
             why.text);
}

/* A follow-up job is no business of the handler's, which sees one long job. */
static void start_without_token(struct job *job, const struct pipepoll_job_data *data)
{
    struct pipepoll_job_data own = *data;
    own.continuation_token = STR("");
    start_anew(job, &own);
}

static struct job_run *find_waiting(const struct job_runner *r, const struct continuation *c)
{
    for (struct list *l = r->runs.next; l != &r->runs; l = l->next) {
        struct job_run *run = CONTAINER_OF(l, struct job_run, link);
        if (run->id == c->run && run->part == c->part && run->awaits)
            return run;
    }
    return NULL;
}

static void attach(struct job_run *run, struct job *job, const struct pipepoll_job_data *data)
{
    job_run_end_wait(run);
    run->job = job;
    job->run = run;
    job_log(job, PIPEPOLL_INFO, "goes on with the handler of job %s", run->job_id);
    if (!run->handler_run) {
        job_run_report(run);
    } else {
        if (has_credentials(data))
            job_run_renew(run, data->artifact_credentials);
        job_run_plan_continuation(run);
    }
    job_runner_on_change(job->runner);
}

/* Its handler ran here, or in a process that waited for it no longer than this. */
static void start_abandoned(struct job *job, const struct pipepoll_job_data *data)
{
    if (job->runner->world->config->rerun)
        start_without_token(job, data);
    else
        job_fail(job, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE,
                 "The worker that ran this job has ended, and it is not run again.");
}

/* To be claimed by the process that runs it: with the same token, until that has ended. */
static void pass_on(struct job *job, str token)
{
    struct pipepoll_error why;
    job_log(job, PIPEPOLL_INFO, "belongs to another worker's handler: passed on");
    if (pipepoll_work_continue(job->work, token, NULL, &why))
        job_fail(job, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, why.text);
}

static void start_follow_up(struct job *job, const struct pipepoll_job_data *data,
                            const struct continuation *c)
{
    bool is_ours = c->owner == job->runner->world->owner;
    struct job_run *run = is_ours ? find_waiting(job->runner, c) : NULL;
    if (run)
        attach(run, job, data);
    else if (!is_ours && (int64_t)time(NULL) < c->until_s)
        pass_on(job, data->continuation_token);
    else
        start_abandoned(job, data);
}

static struct continuation read_token(struct job *job, const struct pipepoll_job_data *data)
{
    const struct pipepoll_pipeline none = { .name = STR("") }, *p = data->pipeline;
    if (!p)
        p = &none;
    job->subject = continuation_subject(pipepoll_work_client_id(job->work), p->name, p->stage,
                                        p->action, data->action_type.provider);
    return continuation_read(data->continuation_token, &job->runner->world->key, &job->subject);
}

bool job_start_is_awaited(struct job *job, const struct pipepoll_job_data *data)
{
    const struct continuation c = read_token(job, data);
    return c.kind == CONTINUATION_RUNNING && c.owner == job->runner->world->owner &&
           find_waiting(job->runner, &c);
}

bool job_start_is_elsewhere(struct job *job, const struct pipepoll_job_data *data)
{
    const struct continuation c = read_token(job, data);
    return job_member_passes(job, &c);
}

void job_start(struct job *job, const struct pipepoll_job_data *data)
{
    const struct continuation c = read_token(job, data);
    switch (c.kind) {
    case CONTINUATION_NONE:
        start_anew(job, data);
        break;
    case CONTINUATION_AGAIN:
        start_without_token(job, data);
        break;
    case CONTINUATION_RUNNING:
        start_follow_up(job, data, &c);
        break;
    case CONTINUATION_FORGED:
        job_fail(job, PIPEPOLL_FAILURE_CONFIGURATION,
                 "The job's continuation token was not made by this worker, nor by one with the "
                 "same continuation key, for this action.");
        break;
    }
}

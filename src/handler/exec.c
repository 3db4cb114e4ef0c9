/* SPDX-License-Identifier: MIT */
/* A job is a subprocess, its two streams (exec_output.c) and its place in the list of those that
 * run. Closing stops them all, and has one timer, after which those that are left are killed and
 * told of without waiting for the system. */
#include "handler/exec.h"

#include <stdlib.h>

#include <uv.h>

#include "handler/exec_job.h"
#include "handler/program_environment.h"

enum {
    TIMEOUT_MS = 3600000,
    KILL_AFTER_MS = 10000,
    GRACE_MS = 500,
    LOG_LINES_MAX = 1000,
    LOG_BYTES_MAX = 1 << 20,
    OPEN_FILES = 1024
};

/* Programs on one loop. */
struct exec {
    struct handler handler;
    const struct exec_options *options;
    struct background *background;
    struct list jobs;
    uv_timer_t deadline;
    bool closing;
    void (*closed)(void *ctx);
    void *ctx;
};

static struct exec *exec_of(struct handler *handler)
{
    return CONTAINER_OF(handler, struct exec, handler);
}

static struct exec *exec_of_job(const struct exec_job *job)
{
    return exec_of(job->run.handler);
}

static struct exec_job *job_of(struct list *link)
{
    return CONTAINER_OF(link, struct exec_job, link);
}

/* --- the end --- */

static void on_background_closed(void *ctx)
{
    struct exec *e = ctx;
    void (*closed)(void *ctx) = e->closed;
    void *closed_ctx = e->ctx;
    free(e);
    if (closed)
        closed(closed_ctx);
}

static void on_deadline_closed(uv_handle_t *deadline)
{
    struct exec *e = deadline->data;
    background_close(e->background, on_background_closed, e);
}

static void close_when_idle(struct exec *e)
{
    if (e->closing && list_empty(&e->jobs) && !uv_is_closing((uv_handle_t *)&e->deadline))
        uv_close((uv_handle_t *)&e->deadline, on_deadline_closed);
}

static void job_free(struct exec_job *job)
{
    size_t size = sizeof *job + job->id.len;
    exec_output_deinit(job);
    explicit_bzero(job, size);
    free(job);
}

static void end_job(struct exec_job *job, const struct subprocess_result *end)
{
    struct exec *e = exec_of_job(job);
    struct handler_result result;
    exec_output_end(job);
    exec_output_judge(job, end, &result);
    list_remove(&job->link);
    job->events->done(job->ctx, &result);
    job_free(job);
    close_when_idle(e);
}

static void on_end(void *ctx, const struct subprocess_result *end)
{
    end_job(ctx, end);
}

static void on_output(void *ctx, int fd, str bytes)
{
    exec_output_put(ctx, fd, bytes);
}

static void on_deadline(uv_timer_t *deadline)
{
    static const struct subprocess_result stopped = { .end = SUBPROCESS_LOST, .stopped = true };
    struct exec *e = deadline->data;
    while (!list_empty(&e->jobs)) {
        struct exec_job *job = job_of(e->jobs.next);
        subprocess_abandon(job->subprocess);
        end_job(job, &stopped);
    }
}

static void stop(struct handler *self, struct handler_run *run)
{
    struct exec_job *job = CONTAINER_OF(run, struct exec_job, run);
    job->is_stopped = true;
    subprocess_stop(job->subprocess);
}

static void close_all(struct handler *self, uint32_t deadline_ms, void (*closed)(void *ctx),
                      void *ctx)
{
    struct exec *e = exec_of(self);
    e->closing = true;
    e->closed = closed;
    e->ctx = ctx;
    for (struct list *l = e->jobs.next; l != &e->jobs; l = l->next)
        if (!job_of(l)->is_stopped) /* else it was told, and this would kill it at once */
            subprocess_stop(job_of(l)->subprocess);
    uv_update_time(background_loop(e->background));
    uv_timer_start(&e->deadline, on_deadline, deadline_ms, 0);
    close_when_idle(e);
}

/* --- the start --- */

static struct exec_job *job_new(struct exec *e, const struct exec_options *o,
                                const struct handler_input *in)
{
    struct exec_job *job = calloc(1, sizeof *job + in->job_id.len);
    if (!job)
        return NULL;
    char *at = (char *)(job + 1);
    const char *slash = strrchr(o->argv[0], '/');
    struct buf program = BUF_ON(job->program);
    buf_printf(&program, "%.*s", (int)sizeof job->program - 1, slash ? slash + 1 : o->argv[0]);
    job->run.handler = &e->handler;
    job->id = str_keep(&at, in->job_id);
    job->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
    job->log_lines_left = o->log_lines_max ? o->log_lines_max : LOG_LINES_MAX;
    job->log_bytes_left = o->log_bytes_max ? o->log_bytes_max : LOG_BYTES_MAX;
    list_init(&job->link);
    exec_output_init(job);
    if (!secrets_init(&job->secrets, in->secrets, in->secret_count))
        return job;
    free(job);
    return NULL;
}

static int start_program(struct exec_job *job, const struct exec_options *o, char **environment,
                         str document)
{
    struct subprocess_options s = {
        .launch = { .argv = o->argv,
                    .environment = environment,
                    .directory = o->directory,
                    .limits = o->limits },
        .timeout_ms = job->timeout_ms,
        .kill_after_ms = o->kill_after_ms ? o->kill_after_ms : KILL_AFTER_MS,
        .grace_ms = o->grace_ms ? o->grace_ms : GRACE_MS,
        .on_output = on_output,
        .on_end = on_end,
        .ctx = job,
    };
    if (!s.launch.limits.open_files)
        s.launch.limits.open_files = OPEN_FILES;
    return subprocess_start(&job->subprocess, exec_of_job(job)->background, &s, document);
}

static int start(struct handler *self, struct handler_run **out, const struct handler_input *in,
                 const struct handler_events *events, void *ctx)
{
    struct exec *e = exec_of(self);
    struct exec_job *job = job_new(e, e->options, in);
    char **environment = program_environment(e->options->environment, in->environment);
    int r = job && environment ? start_program(job, e->options, environment, in->document)
                               : PIPEPOLL_ENOMEM;
    free(environment);
    if (r) {
        if (job)
            job_free(job);
        return r;
    }
    job->events = events;
    job->ctx = ctx;
    list_put_last(&e->jobs, &job->link);
    *out = &job->run;
    return PIPEPOLL_OK;
}

int exec_open(struct handler **out, struct uv_loop_s *loop, const struct exec_options *o)
{
    struct exec *e = calloc(1, sizeof *e);
    if (!e)
        return PIPEPOLL_ENOMEM;
    int r = background_open(&e->background, loop);
    if (r) {
        free(e);
        return r;
    }
    e->handler = (struct handler) { .start = start, .stop = stop, .close = close_all };
    e->options = o;
    uv_timer_init(loop, &e->deadline);
    e->deadline.data = e;
    list_init(&e->jobs);
    *out = &e->handler;
    return PIPEPOLL_OK;
}

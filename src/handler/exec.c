/* SPDX-License-Identifier: MIT */
/* A job is a subprocess, its two streams (exec_output.c) and its place in the list of those that
 * run. Closing stops them all, and has one timer, after which those that are left are killed and
 * told of without waiting for the system. */
#include "handler/exec.h"

#include <stdlib.h>

#include <uv.h>

#include "handler/exec_job.h"
#include "handler/program_environment.h"

/* Programs on one loop. */
struct exec {
    struct handler handler;
    struct program_options options;
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

static struct exec_job *job_new(struct exec *e, const struct handler_input *in)
{
    const struct program_options *o = &e->options;
    struct exec_job *job = calloc(1, sizeof *job + in->job_id.len);
    if (!job)
        return NULL;
    char *at = (char *)(job + 1);
    program_options_name(o, job->program, sizeof job->program);
    job->run.handler = &e->handler;
    job->id = str_keep(&at, in->job_id);
    job->timeout_ms = o->timeout_ms;
    job->log_lines_left = o->log_lines_max;
    job->log_bytes_left = o->log_bytes_max;
    list_init(&job->link);
    exec_output_init(job);
    if (!secrets_init(&job->secrets, in->secrets, in->secret_count))
        return job;
    free(job);
    return NULL;
}

static int start_program(struct exec_job *job, char **environment, str document)
{
    struct exec *e = exec_of_job(job);
    struct subprocess_options s = program_options_start(&e->options, environment);
    s.timeout_ms = job->timeout_ms;
    s.on_output = on_output;
    s.on_end = on_end;
    s.ctx = job;
    return subprocess_start(&job->subprocess, e->background, &s, document);
}

static int start(struct handler *self, struct handler_run **out, const struct handler_input *in,
                 const struct handler_events *events, void *ctx)
{
    struct exec *e = exec_of(self);
    struct exec_job *job = job_new(e, in);
    char **environment = program_environment(e->options.environment, in->environment);
    int r = job && environment ? start_program(job, environment, in->document) : PIPEPOLL_ENOMEM;
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

int exec_open(struct handler **out, struct uv_loop_s *loop, const struct program_options *o)
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
    e->options = *o;
    program_options_fill_in(&e->options);
    uv_timer_init(loop, &e->deadline);
    e->deadline.data = e;
    list_init(&e->jobs);
    *out = &e->handler;
    return PIPEPOLL_OK;
}

/* SPDX-License-Identifier: MIT */
/* A process at a time. It is there from the start of its launch until subprocess.c has told its
 * end; whoever wants another waits for that, and for restart_ms. Failures in a row are counted by
 * the ends: one that gave a result, or lived for a minute, was none.
 *
 * It is `idle` when its pipe has taken all that was written: before that no other job is given to
 * it, so that what waits in memory for a program that does not read is one job at most. */
#include "handler/stdio_worker.h"

#include <stdlib.h>

#include <uv.h>

#include "base/backoff.h"
#include "handler/program_environment.h"

enum { LIVED_MS = 60000 };

static const uint64_t never = UINT64_MAX;

static uint64_t now_of(const struct stdio_worker *w)
{
    return uv_now(background_loop(w->background));
}

/* --- its end --- */

static void delay_next(struct stdio_worker *w)
{
    if (w->worked || now_of(w) - w->started_ms >= LIVED_MS)
        w->failures = 0;
    w->restart_ms =
        now_of(w) + backoff_delay_ms(w->failures, w->options->restart_base_ms, rng_next(&w->rng));
    w->failures++;
}

static void explain_end(struct stdio_worker *w, const struct subprocess_result *r)
{
    str last = str_trim((str) { w->last_line, w->last_len });
    buf_reset(&w->how);
    if (w->fault)
        buf_printf(&w->how, "%s %s, and was ended", w->program, w->fault);
    else
        subprocess_explain(&w->how, w->program, r);
    last = report_cut(last, 200);
    if (last.len)
        buf_printf(&w->how, ": %.*s", STR_ARG(last));
}

static void on_end(void *ctx, const struct subprocess_result *r)
{
    struct stdio_worker *w = ctx;
    lines_end(&w->out);
    lines_end(&w->err);
    w->subprocess = NULL;
    w->state = STDIO_WORKER_NONE;
    w->idle = false;
    w->failed = w->fault || r->end != SUBPROCESS_EXITED || r->code;
    explain_end(w, r);
    delay_next(w);
    w->events->on_end(w->events->ctx);
}

void stdio_worker_end(struct stdio_worker *w, const char *fault)
{
    if (w->state == STDIO_WORKER_NONE || w->state == STDIO_WORKER_ENDING)
        return;
    w->state = STDIO_WORKER_ENDING;
    w->idle = false;
    w->fault = fault;
    subprocess_end_input(w->subprocess);
    subprocess_stop(w->subprocess);
}

void stdio_worker_abandon(struct stdio_worker *w)
{
    if (w->subprocess)
        subprocess_abandon(w->subprocess);
    w->subprocess = NULL;
    w->state = STDIO_WORKER_NONE;
    w->idle = false;
}

void stdio_worker_retire(struct stdio_worker *w)
{
    if (w->state != STDIO_WORKER_READY)
        return;
    w->state = STDIO_WORKER_RETIRED;
    w->idle = false;
    w->retired_ms = now_of(w);
    subprocess_end_input(w->subprocess);
}

/* --- its streams --- */

static void on_output(void *ctx, int fd, str bytes)
{
    struct stdio_worker *w = ctx;
    lines_put(fd == SUBPROCESS_STDOUT ? &w->out : &w->err, bytes);
    w->events->on_change(w->events->ctx);
}

static void on_written(void *ctx, unsigned left)
{
    struct stdio_worker *w = ctx;
    if (w->state == STDIO_WORKER_STARTING)
        w->state = STDIO_WORKER_READY;
    w->idle = w->state == STDIO_WORKER_READY && !left;
    w->events->on_written(w->events->ctx);
    w->events->on_change(w->events->ctx);
}

static void on_closed(void *ctx, int fd)
{
    struct stdio_worker *w = ctx;
    if (w->state == STDIO_WORKER_STARTING)
        w->state = STDIO_WORKER_READY;
    stdio_worker_retire(w);
    if (fd == SUBPROCESS_STDOUT) {
        w->mute = true;
        w->retired_ms = now_of(w); /* anew, if it was before */
    }
    w->events->on_change(w->events->ctx);
}

int stdio_worker_write(struct stdio_worker *w, str line)
{
    int r = subprocess_write(w->subprocess, line);
    if (!r)
        w->idle = false;
    return r;
}

void stdio_worker_keep_line(struct stdio_worker *w, str line)
{
    if (!str_trim(line).len)
        return;
    w->last_len = line.len < sizeof w->last_line ? line.len : sizeof w->last_line;
    memcpy(w->last_line, line.ptr, w->last_len);
}

/* --- its time --- */

/* One that closed its stdout is not waited for until it has no jobs: it may be about to exit. */
static uint64_t retirement_ends(const struct stdio_worker *w, uint64_t free_ms)
{
    bool has_jobs = free_ms == never;
    uint32_t kill_after_ms = w->hung && !has_jobs ? 0 : w->options->program.kill_after_ms;
    if (has_jobs && !w->mute)
        return never;
    return (has_jobs || free_ms < w->retired_ms ? w->retired_ms : free_ms) + kill_after_ms;
}

uint64_t stdio_worker_due(const struct stdio_worker *w, bool wanted, uint64_t free_ms)
{
    const struct stdio_handler_options *o = w->options;
    switch (w->state) {
    case STDIO_WORKER_NONE:
        return wanted ? w->restart_ms : never;
    case STDIO_WORKER_STARTING:
        return w->started_ms + o->start_within_ms;
    case STDIO_WORKER_RETIRED:
        return retirement_ends(w, free_ms);
    case STDIO_WORKER_READY:
    case STDIO_WORKER_ENDING:
        return never;
    }
    return never;
}

void stdio_worker_on_due(struct stdio_worker *w)
{
    switch (w->state) {
    case STDIO_WORKER_NONE:
        stdio_worker_start(w);
        return;
    case STDIO_WORKER_STARTING:
        stdio_worker_end(w, "did not start in time");
        return;
    case STDIO_WORKER_RETIRED:
        stdio_worker_end(w, w->hung   ? "did not stop a job"
                            : w->mute ? "closed its stdout"
                                      : "did not exit when it had no more jobs");
        return;
    case STDIO_WORKER_READY:
    case STDIO_WORKER_ENDING:
        return;
    }
}

/* --- its start --- */

static int launch(struct stdio_worker *w)
{
    const struct program_options *program = &w->options->program;
    char **environment = program_environment(program->environment, NULL);
    struct subprocess_options s = program_options_start(program, environment);
    s.on_output = on_output;
    s.on_written = on_written;
    s.on_closed = on_closed;
    s.on_end = on_end;
    s.ctx = w;
    int r = environment ? subprocess_start(&w->subprocess, w->background, &s, STR(""))
                        : PIPEPOLL_ENOMEM;
    free(environment);
    return r;
}

void stdio_worker_start(struct stdio_worker *w)
{
    w->mute = w->hung = w->worked = w->idle = false;
    w->fault = NULL;
    w->last_len = 0;
    w->started_ms = now_of(w);
    w->state = STDIO_WORKER_STARTING;
    if (!launch(w))
        return;
    w->state = STDIO_WORKER_NONE;
    buf_reset(&w->how);
    buf_printf(&w->how, "%s cannot be started: out of memory", w->program);
    delay_next(w);
}

void stdio_worker_init(struct stdio_worker *w, struct background *b,
                       const struct stdio_handler_options *o,
                       const struct stdio_worker_events *events)
{
    w->options = o;
    w->events = events;
    w->background = b;
    w->rng.state = o->seed;
    w->how = BUF_ON(w->how_text);
    w->out = (struct lines) { .at = w->out_line,
                              .cap = sizeof w->out_line,
                              .on_line = events->on_output,
                              .ctx = events->ctx };
    w->err = (struct lines) { .at = w->err_line,
                              .cap = sizeof w->err_line,
                              .on_line = events->on_error,
                              .ctx = events->ctx };
    program_options_name(&o->program, w->program, sizeof w->program);
}

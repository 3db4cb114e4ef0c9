/* SPDX-License-Identifier: MIT */
/* Jobs go from list to list, by their state; in each, the one that came first is due first. One
 * timer is set to what is due next, and all that is due is done in on_time(), from where jobs that
 * ended without a result are told, too: calls of the handler only change lists, and set the timer
 * to now. The process is stdio_worker.c's, and its lines are read in stdio_answer.c.
 *
 * A program that has no job, and takes none, is out of order, whatever the reason: it cannot be
 * started, dies, or does not read. A job that waits meanwhile fails after start_within_ms; while
 * the program has other jobs, those that wait are in line, and wait as long as it takes. */
#include "handler/stdio_handler.h"

#include <stdlib.h>

#include "base/backoff.h"
#include "base/plural.h"
#include "handler/stdio_job.h"

enum { CONCURRENCY = 1, START_WITHIN_MS = 60000 };

static struct stdio_handler *handler_of(struct handler *handler)
{
    return CONTAINER_OF(handler, struct stdio_handler, handler);
}

static struct stdio_job *first_of(struct list *jobs)
{
    return list_empty(jobs) ? NULL : stdio_job_of(jobs->next);
}

static uint64_t now_of(const struct stdio_handler *h)
{
    return uv_now(h->timer.loop);
}

/* --- jobs --- */

/* Whoever is told may end more of them. */
static void tell_ended(struct stdio_handler *h)
{
    for (struct stdio_job *job; (job = first_of(&h->ended));)
        stdio_job_tell(h, job, &job->report);
}

static void tell_stop(struct stdio_handler *h, struct stdio_job *job)
{
    (void)stdio_worker_write(&h->worker, job->stop_line); /* without memory its time decides */
    stdio_job_move(h, job, STDIO_JOB_STOPPING, &h->stopping);
}

/* It was told to stop, and says nothing. */
static void give_up(struct stdio_handler *h, struct stdio_job *job)
{
    if (job->stopped)
        stdio_job_end_stopped(h, job);
    else
        stdio_job_end_timed_out(h, job);
    h->worker.hung = true;
    stdio_worker_retire(&h->worker);
}

static void give(struct stdio_handler *h, struct stdio_job *job)
{
    struct buf b = BUF_ON(job->message);
    if (stdio_worker_write(&h->worker, (str) { job->line.text, job->line.len })) {
        buf_put(&b, STR("out of memory"));
        stdio_job_end(h, job, PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE, &b);
        return;
    }
    stdio_job_move(h, job, STDIO_JOB_HELD, &h->held);
    h->in_hand++;
    h->writing = job;
}

/* --- what is due --- */

static uint64_t when(struct list *jobs, uint64_t after_ms)
{
    const struct stdio_job *job = first_of(jobs);
    return job ? job->since_ms + after_ms : UINT64_MAX;
}

static uint64_t wait_ends(struct stdio_handler *h)
{
    const struct stdio_job *job = first_of(&h->waiting);
    if (!job || stdio_job_any_is_read(h))
        return UINT64_MAX;
    uint64_t since = job->since_ms > h->free_ms ? job->since_ms : h->free_ms;
    return since + h->options.start_within_ms;
}

static uint64_t write_ends(const struct stdio_handler *h)
{
    bool counts = h->writing && !stdio_job_any_is_read(h) && h->worker.state == STDIO_WORKER_READY;
    return counts ? h->writing->since_ms + h->options.start_within_ms : UINT64_MAX;
}

static uint64_t worker_due(const struct stdio_handler *h)
{
    return stdio_worker_due(&h->worker, !h->closing && !list_empty(&h->waiting),
                            stdio_job_any_is_read(h) ? UINT64_MAX : h->free_ms);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_due(struct stdio_handler *h)
{
    uint64_t due = earlier(when(&h->held, h->options.program.timeout_ms),
                           when(&h->stopping, h->options.program.kill_after_ms));
    due = earlier(due, earlier(wait_ends(h), write_ends(h)));
    due = earlier(due, earlier(worker_due(h), when(&h->ended, 0)));
    if (h->closing)
        due = earlier(due, h->worker.state == STDIO_WORKER_ENDING ? h->deadline_ms : h->term_ms);
    return due;
}

static void do_due_jobs(struct stdio_handler *h, uint64_t now)
{
    while (when(&h->held, h->options.program.timeout_ms) <= now)
        tell_stop(h, first_of(&h->held));
    while (when(&h->stopping, h->options.program.kill_after_ms) <= now)
        give_up(h, first_of(&h->stopping));
    while (wait_ends(h) <= now)
        stdio_job_end_unstarted(h, first_of(&h->waiting));
    if (write_ends(h) <= now)
        stdio_worker_end(&h->worker, "did not read its stdin");
}

static void end_all(struct stdio_handler *h)
{
    stdio_worker_abandon(&h->worker);
    for (struct stdio_job *job; (job = first_of(&h->held));)
        stdio_job_end_stopped(h, job);
    for (struct stdio_job *job; (job = first_of(&h->stopping));)
        stdio_job_end_stopped(h, job);
}

static void do_due(struct stdio_handler *h)
{
    uint64_t now = now_of(h);
    do_due_jobs(h, now);
    if (worker_due(h) <= now)
        stdio_worker_on_due(&h->worker);
    if (h->closing && h->term_ms <= now)
        stdio_worker_end(&h->worker, NULL);
    if (h->closing && h->deadline_ms <= now)
        end_all(h);
}

/* --- the end --- */

static void on_background_closed(void *ctx)
{
    struct stdio_handler *h = ctx;
    void (*closed)(void *ctx) = h->closed;
    void *closed_ctx = h->ctx;
    stdio_log_forget(&h->log);
    explicit_bzero(h, sizeof *h); /* lines of the program */
    free(h);
    if (closed)
        closed(closed_ctx);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct stdio_handler *h = timer->data;
    background_close(h->background, on_background_closed, h);
}

static bool is_over(const struct stdio_handler *h)
{
    return h->closing && h->worker.state == STDIO_WORKER_NONE && list_empty(&h->waiting) &&
           !h->in_hand && list_empty(&h->ended);
}

/* --- each turn --- */

static void on_time(uv_timer_t *timer);

static void set_timer(struct stdio_handler *h, uint64_t due)
{
    uint64_t now = now_of(h);
    if (due == UINT64_MAX)
        uv_timer_stop(&h->timer);
    else
        uv_timer_start(&h->timer, on_time, due > now ? due - now : 1, 0);
}

static void give_next(struct stdio_handler *h)
{
    struct stdio_job *job = first_of(&h->waiting);
    if (job && h->worker.idle && h->in_hand < h->options.concurrency)
        give(h, job);
}

/* After anything that has happened. */
static void go_on(struct stdio_handler *h)
{
    if (uv_is_closing((uv_handle_t *)&h->timer))
        return;
    do_due(h);
    tell_ended(h);
    if (!h->closing)
        give_next(h);
    if (is_over(h))
        uv_close((uv_handle_t *)&h->timer, on_timer_closed);
    else
        set_timer(h, next_due(h));
}

static void on_time(uv_timer_t *timer)
{
    go_on(timer->data);
}

/* A job is given to an idle program, so its line is the first of those on their way. */
static void on_written(void *ctx)
{
    struct stdio_handler *h = ctx;
    if (h->writing)
        job_document_deinit(&h->writing->line);
    h->writing = NULL;
}

static void on_change(void *ctx)
{
    go_on(ctx);
}

/* Its line is not whole in the pipe of the process that ended: it waits for the next. */
static void take_back(struct stdio_handler *h, struct stdio_job *job)
{
    h->writing = NULL;
    h->in_hand--;
    list_remove(&job->link);
    list_put_first(&h->waiting, &job->link);
    job->state = STDIO_JOB_WAITING;
}

static void log_end(struct stdio_handler *h)
{
    char room[1200];
    struct buf text = BUF_ON(room);
    stdio_log_flush(&h->log);
    buf_put(&text, buf_str(&h->worker.how));
    if (h->in_hand)
        buf_printf(&text, " (it had %zu job%s)", h->in_hand, plural(h->in_hand));
    bool bad = h->in_hand || h->worker.failed;
    stdio_log_line(&h->log, bad && !h->closing ? PIPEPOLL_WARNING : PIPEPOLL_INFO, buf_str(&text));
}

static void on_worker_end(void *ctx)
{
    struct stdio_handler *h = ctx;
    if (h->writing && h->writing->state == STDIO_JOB_HELD)
        take_back(h, h->writing);
    log_end(h);
    for (struct stdio_job *job; (job = first_of(&h->held));)
        stdio_job_end_lost(h, job);
    for (struct stdio_job *job; (job = first_of(&h->stopping));)
        if (job->stopped)
            stdio_job_end_stopped(h, job);
        else
            stdio_job_end_timed_out(h, job);
    go_on(h);
}

/* --- the calls --- */

static void wake(struct stdio_handler *h)
{
    uv_timer_start(&h->timer, on_time, 0, 0);
}

static int start(struct handler *self, struct handler_run **out, const struct handler_input *in,
                 const struct handler_events *events, void *ctx)
{
    struct stdio_handler *h = handler_of(self);
    struct stdio_job *job = stdio_job_new(h, in);
    if (!job)
        return PIPEPOLL_ENOMEM;
    job->events = events;
    job->ctx = ctx;
    uv_update_time(h->timer.loop);
    stdio_job_move(h, job, STDIO_JOB_WAITING, &h->waiting);
    wake(h);
    *out = &job->run;
    return PIPEPOLL_OK;
}

static void stop_job(struct stdio_handler *h, struct stdio_job *job)
{
    switch (job->state) {
    case STDIO_JOB_WAITING:
        stdio_job_end_stopped(h, job);
        return;
    case STDIO_JOB_HELD:
        job->stopped = true;
        tell_stop(h, job);
        return;
    case STDIO_JOB_STOPPING:
        if (job->stopped)
            give_up(h, job);
        else
            job->stopped = true; /* its time was up already */
        return;
    case STDIO_JOB_ENDED:
        return;
    }
}

static void stop(struct handler *self, struct handler_run *run)
{
    struct stdio_handler *h = handler_of(self);
    uv_update_time(h->timer.loop);
    stop_job(h, CONTAINER_OF(run, struct stdio_job, run));
    wake(h);
}

static void stop_worker(struct stdio_handler *h)
{
    if (h->worker.state == STDIO_WORKER_STARTING)
        stdio_worker_end(&h->worker, NULL);
    stdio_worker_retire(&h->worker);
}

static void close_all(struct handler *self, uint32_t deadline_ms, void (*closed)(void *ctx),
                      void *ctx)
{
    struct stdio_handler *h = handler_of(self);
    uint32_t half = deadline_ms / 2, kill_after = h->options.program.kill_after_ms;
    uv_update_time(h->timer.loop);
    h->closing = true;
    h->closed = closed;
    h->ctx = ctx;
    h->deadline_ms = now_of(h) + deadline_ms;
    h->term_ms = h->deadline_ms - (kill_after < half ? kill_after : half);
    for (struct stdio_job *job; (job = first_of(&h->waiting));)
        stop_job(h, job);
    for (struct stdio_job *job; (job = first_of(&h->held));)
        stop_job(h, job);
    stop_worker(h);
    wake(h);
}

static void fill_in(struct stdio_handler_options *o)
{
    program_options_fill_in(&o->program);
    o->concurrency = o->concurrency ? o->concurrency : CONCURRENCY;
    o->start_within_ms = o->start_within_ms ? o->start_within_ms : START_WITHIN_MS;
    o->restart_base_ms = o->restart_base_ms ? o->restart_base_ms : BACKOFF_THROTTLED_BASE_MS;
    if (!o->seed && uv_random(NULL, NULL, &o->seed, sizeof o->seed, 0, NULL))
        o->seed = uv_hrtime();
}

static void init(struct stdio_handler *h, struct uv_loop_s *loop)
{
    h->handler = (struct handler) { .start = start, .stop = stop, .close = close_all };
    h->worker_events = (struct stdio_worker_events) { .on_output = stdio_answer_on_output,
                                                      .on_error = stdio_answer_on_error,
                                                      .on_written = on_written,
                                                      .on_change = on_change,
                                                      .on_end = on_worker_end,
                                                      .ctx = h };
    stdio_worker_init(&h->worker, h->background, &h->options, &h->worker_events);
    h->log.log = &h->options.log;
    h->log.program = h->worker.program;
    h->log.lines_max = h->options.program.log_lines_max;
    h->log.bytes_max = h->options.program.log_bytes_max;
    list_init(&h->waiting);
    list_init(&h->held);
    list_init(&h->stopping);
    list_init(&h->ended);
    uv_timer_init(loop, &h->timer);
    h->timer.data = h;
}

int stdio_handler_open(struct handler **out, struct uv_loop_s *loop,
                       const struct stdio_handler_options *o)
{
    struct stdio_handler *h = calloc(1, sizeof *h);
    if (!h)
        return PIPEPOLL_ENOMEM;
    int r = background_open(&h->background, loop);
    if (r) {
        free(h);
        return r;
    }
    h->options = *o;
    fill_in(&h->options);
    init(h, loop);
    *out = &h->handler;
    return PIPEPOLL_OK;
}

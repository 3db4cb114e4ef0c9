/* SPDX-License-Identifier: MIT */
/* A worker that is to be killed: it claims jobs of three regions, runs each for some milliseconds
 * and reports it, with a journal in SQLite, and takes up what an earlier run left there. SIGTERM
 * ends it once its jobs have ended.
 *
 * usage: crash_worker URL CA_BUNDLE STATE_DIR|- MAX_MS */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/list.h"
#include "base/rng.h"
#include "base/str.h"
#include "store/journal.h"

enum { REGIONS = 3, JOBS = 32 };

static const char *const regions[REGIONS] = { "us-east-1", "eu-west-1", "ap-south-1" };

struct app {
    struct pipepoll_handler handler;
    struct pipepoll_journal notes;
    uv_loop_t *loop;
    uv_signal_t term;
    struct pipepoll_worker *worker;
    struct pipepoll_target *targets[REGIONS];
    struct journal *journal; /* NULL: none */
    struct journal_user *user;
    struct rng rng;
    uint32_t max_ms;
    bool ending;
};

/* A job's run. */
struct run {
    uv_timer_t timer;
    struct pipepoll_work *work;
};

static struct app *of(struct pipepoll_handler *self)
{
    return CONTAINER_OF(self, struct app, handler);
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "crash_worker: %s: %s\n", what, why);
    exit(1);
}

/* --- the end --- */

static void on_closed(void *ctx)
{
    struct app *a = ctx;
    if (a->user)
        journal_user_close(a->user, NULL, NULL);
    uv_close((uv_handle_t *)&a->term, NULL);
}

static void end_when_idle(struct app *a)
{
    struct pipepoll_worker_stats s = PIPEPOLL_WORKER_STATS_INIT;
    pipepoll_worker_stats(a->worker, &s);
    if (a->ending && s.claiming + s.running + s.reporting == 0)
        pipepoll_worker_close(a->worker, on_closed, a);
}

static void on_term(uv_signal_t *handle, int number)
{
    struct app *a = handle->data;
    a->ending = true;
    pipepoll_worker_drain(a->worker);
    end_when_idle(a);
}

/* --- the handler --- */

static void on_token(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from, struct pipepoll_str client_id)
{
    char token[128];
    snprintf(token, sizeof token, "token-%.*s", STR_ARG(client_id));
    pipepoll_work_token(work, str_of(token), NULL);
}

static void free_run(uv_handle_t *timer)
{
    free(timer);
}

static void on_run(uv_timer_t *timer)
{
    struct run *r = (struct run *)timer;
    struct pipepoll_success s = PIPEPOLL_SUCCESS_INIT;
    struct pipepoll_error why;
    s.summary = STR("done");
    pipepoll_work_set_user(r->work, NULL);
    if (pipepoll_work_succeed(r->work, &s, &why))
        die("succeed", why.text);
    uv_close((uv_handle_t *)timer, free_run);
}

static void on_start(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_job_data *data)
{
    struct app *a = of(self);
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        die("start", "out of memory");
    r->work = work;
    pipepoll_work_set_user(work, r);
    uv_timer_init(a->loop, &r->timer);
    uv_timer_start(&r->timer, on_run, rng_next(&a->rng) % (a->max_ms + 1), 0);
}

static void on_ended(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_work_end *end)
{
    struct app *a = of(self);
    struct run *r = pipepoll_work_user(work);
    if (r)
        uv_close((uv_handle_t *)&r->timer, free_run);
    if (end->outcome != PIPEPOLL_WORK_SUCCEEDED && end->outcome != PIPEPOLL_WORK_LEFT)
        fprintf(stderr, "%.*s: %s: %.*s\n", STR_ARG(pipepoll_work_job_id(work)),
                pipepoll_work_outcome_name(end->outcome), STR_ARG(end->message));
    end_when_idle(a);
}

/* --- the journal --- */

static void on_note(struct pipepoll_journal *self, const struct pipepoll_journal_entry *entry,
                    uint64_t ticket)
{
    struct app *a = CONTAINER_OF(self, struct app, notes);
    journal_note(a->user, entry->region, entry, ticket);
}

static void on_forget(struct pipepoll_journal *self, struct pipepoll_str region,
                      struct pipepoll_str job_id)
{
    struct app *a = CONTAINER_OF(self, struct app, notes);
    journal_forget(a->user, region, region, job_id, STR("ended"));
}

static void on_committed(void *ctx, uint64_t up_to_ticket, int status)
{
    struct app *a = ctx;
    pipepoll_worker_noted(a->worker, up_to_ticket, status);
}

static void resume(void *ctx, const struct journal_row *row)
{
    struct app *a = ctx;
    struct pipepoll_error why;
    for (int i = 0; i < REGIONS; i++)
        if (str_eq(row->target, str_of(regions[i])) &&
            pipepoll_worker_resume(a->worker, a->targets[i], row->entry, NULL, &why))
            die("resume", why.text);
}

static void open_journal(struct app *a, const char *state_dir)
{
    struct pipepoll_error why;
    const struct journal_options o = { .state_dir = state_dir, .max_jobs = JOBS * 4 };
    static struct journal_events events = { .committed = on_committed };
    events.ctx = a;
    if (journal_open(&a->journal, &o, &why))
        die("journal", why.text);
    if (journal_user_open(&a->user, a->journal, a->loop, &events))
        die("journal", "no user");
}

/* --- the beginning --- */

static void open_worker(struct app *a, const char *ca_bundle)
{
    struct pipepoll_error why;
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_worker_options w = PIPEPOLL_WORKER_OPTIONS_INIT;
    a->handler = (struct pipepoll_handler) {
        .size = sizeof a->handler, .token = on_token, .start = on_start, .ended = on_ended
    };
    a->notes =
        (struct pipepoll_journal) { .size = sizeof a->notes, .note = on_note, .forget = on_forget };
    o.ca_bundle = str_of(ca_bundle);
    o.request_timeout_ms = 5000;
    w.handler = &a->handler;
    w.journal = a->journal ? &a->notes : NULL;
    w.max_jobs = JOBS;
    if (pipepoll_worker_open(&a->worker, a->loop, &o, &w, &why))
        die("worker", why.text);
}

static void add_targets(struct app *a, const char *url)
{
    struct pipepoll_error why;
    struct pipepoll_target_options t = PIPEPOLL_TARGET_OPTIONS_INIT;
    t.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), STR("Acme"), STR("1") };
    t.endpoint_url = str_of(url);
    t.interval_ms = 100;
    for (int i = 0; i < REGIONS; i++) {
        t.region = str_of(regions[i]);
        if (pipepoll_target_add(pipepoll_worker_poller(a->worker), &t, &a->targets[i], &why))
            die("target", why.text);
    }
}

int main(int argc, char **argv)
{
    static struct app a;
    struct pipepoll_error why;
    if (argc != 5)
        die("usage", "crash_worker URL CA_BUNDLE STATE_DIR|- MAX_MS");
    signal(SIGPIPE, SIG_IGN);
    a.loop = uv_default_loop();
    a.max_ms = (uint32_t)atoi(argv[4]);
    a.rng.state = uv_hrtime();
    if (strcmp(argv[3], "-") != 0)
        open_journal(&a, argv[3]);
    open_worker(&a, argv[2]);
    add_targets(&a, argv[1]);
    if (a.journal && journal_walk(a.journal, resume, &a, &why))
        die("journal", why.text);
    uv_signal_init(a.loop, &a.term);
    a.term.data = &a;
    uv_signal_start(&a.term, on_term, SIGTERM);
    uv_run(a.loop, UV_RUN_DEFAULT);
    if (a.journal)
        journal_close(a.journal, 5000);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* One embedder of the library: a worker with a target for each action type in each region, and a
 * handler that answers for tokens and runs jobs, by timers or at once. All memory of an instance is
 * in one list, so that a killed one can be dropped whole. Its credentials are made once and kept
 * until the process ends, for a killed instance gives no reference back. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/poller.h"
#include "lib/life.h"

/* --- memory --- */

struct block {
    struct list link;
    max_align_t at[];
};

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct life_worker *w = ctx;
    struct block *old = ptr ? CONTAINER_OF(ptr, struct block, at) : NULL;
    struct block *made = new_size ? malloc(sizeof *made + new_size) : NULL;
    if (made) {
        list_put_last(&w->blocks, &made->link);
        memcpy(made->at, ptr ? ptr : "", old_size < new_size ? old_size : new_size);
    }
    if (old && (made || !new_size)) {
        list_remove(&old->link);
        free(old);
    }
    return made ? made->at : NULL;
}

static void drop_memory(struct life_worker *w)
{
    for (struct list *l; (l = list_pop_first(&w->blocks)) != NULL;)
        free(CONTAINER_OF(l, struct block, link));
}

/* --- runs --- */

static void run_free(struct life_run *run)
{
    timer_deinit(&run->timer);
    list_remove(&run->link);
    free(run);
}

static void give_token(struct life_run *run, bool is_wrong)
{
    char token[32];
    struct pipepoll_error why = { .text = "" };
    life_name_token(is_wrong ? LIFE_CLIENTS : run->job->client, token);
    run->wants_token = false;
    run->gave_wrong_token = run->gave_wrong_token || is_wrong;
    if (pipepoll_work_token(run->work, str_of(token), &why))
        life_broke(run->worker->life, run->job, "a token that was asked for is taken: %s",
                   why.text);
}

static void finish(struct life_run *run)
{
    const struct life_job *job = run->job;
    char text[64], token[48];
    struct pipepoll_success success = PIPEPOLL_SUCCESS_INIT;
    struct pipepoll_job_failure failure = PIPEPOLL_JOB_FAILURE_INIT;
    int r;
    snprintf(text, sizeof text, "done job-%u", job->index);
    snprintf(token, sizeof token, LIFE_SECRET "-more-%u", job->index);
    success.summary = failure.message = str_of(text);
    if (job->wants == PIPEPOLL_WORK_FAILED)
        r = pipepoll_work_fail(run->work, &failure, NULL);
    else if (job->wants == PIPEPOLL_WORK_CONTINUED)
        r = pipepoll_work_continue(run->work, str_of(token), &success, NULL);
    else
        r = pipepoll_work_succeed(run->work, &success, NULL);
    if (r)
        life_broke(run->worker->life, job, "a running job's result is taken");
}

static void run_on_timer(struct timer *timer)
{
    struct life_run *run = CONTAINER_OF(timer, struct life_run, timer);
    if (run->wants_token)
        give_token(run, false);
    else if (run->has_started)
        finish(run);
}

/* --- the handler --- */

static struct life_worker *of(struct pipepoll_handler *self)
{
    return CONTAINER_OF(self, struct life_worker, handler);
}

static struct life_run *run_of(struct life_worker *w, struct pipepoll_work *work)
{
    struct life_run *run = pipepoll_work_user(work);
    if (run)
        return run;
    run = calloc(1, sizeof *run);
    if (!run || timer_init(&run->timer, virtual_timers(), run_on_timer))
        abort();
    run->worker = w;
    run->work = work;
    run->job = life_job_of(w->life, pipepoll_work_job_id(work));
    list_put_last(&w->runs, &run->link);
    w->hand++;
    pipepoll_work_set_user(work, run);
    return run;
}

/* Mostly at once; else soon, too late, wrong, or not at all. */
static void on_token(struct pipepoll_handler *self, struct pipepoll_work *work,
                     struct pipepoll_target *from, str client_id)
{
    struct life_worker *w = of(self);
    struct rng *rng = &w->life->rng;
    struct life_run *run = run_of(w, work);
    bool may_err = from && !w->life->plan.is_calm && !w->life->is_ending;
    life_watch_taken(w, run->job, from != NULL);
    run->wants_token = true;
    timer_set(&run->timer, TIMER_OFF);
    if (may_err && one_in(rng, 40))
        give_token(run, true);
    else if (may_err && one_in(rng, 40)) {
        run->wants_token = false;
        pipepoll_work_token(work, STR(""), NULL);
    } else if (one_in(rng, 4))
        timer_set(&run->timer, timers_now_ns() + gap_ns(rng, 0.5));
    else if (!may_err || !one_in(rng, 300))
        give_token(run, false);
    else
        run->wants_token = false;
}

static void on_start(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_job_data *data)
{
    struct life_worker *w = of(self);
    struct life_run *run = run_of(w, work);
    life_watch_start(w, run, data);
    run->has_started = true;
    if (one_in(&w->life->rng, 20))
        finish(run);
    else
        timer_set(&run->timer, timers_now_ns() + (uint64_t)(run->job->work_s * 1e9));
}

static void on_renewed(struct pipepoll_handler *self, struct pipepoll_work *work,
                       const struct pipepoll_artifact_credentials *credentials)
{
    struct life_worker *w = of(self);
    struct life_run *run = pipepoll_work_user(work);
    w->life->numbers.renewals++;
    if (!run || !run->has_started || !heap_contains(&run->timer.node) ||
        !str_eq(credentials->secret_access_key, STR(LIFE_SECRET "-key")))
        life_broke(w->life, run ? run->job : NULL, "a job that runs gets its new credentials");
}

static void on_over(struct pipepoll_handler *self, struct pipepoll_work *work)
{
    struct life_worker *w = of(self);
    struct life_run *run = pipepoll_work_user(work);
    w->life->numbers.stopped++;
    if (!run || !run->has_started || !life_is_over(run->job))
        life_broke(w->life, run ? run->job : NULL, "what is told to be over is over");
    else
        timer_set(&run->timer, timers_now_ns() + gap_ns(&w->life->rng, 1));
}

static void on_ended(struct pipepoll_handler *self, struct pipepoll_work *work,
                     const struct pipepoll_work_end *end)
{
    struct life_worker *w = of(self);
    struct life_run *run = pipepoll_work_user(work);
    life_watch_end(w, life_job_of(w->life, pipepoll_work_job_id(work)), end);
    if (!run)
        return; /* it was resumed, and not begun */
    life_watch_token(run, end->outcome);
    w->hand--;
    run_free(run);
}

static void on_log(void *ctx, enum pipepoll_level level, str line)
{
    struct life_worker *w = ctx;
    life_watch_text(w->life, "a line of the log", line);
}

/* --- open --- */

static struct pipepoll_credentials *credentials_of(const struct life_worker *w)
{
    static struct pipepoll_credentials *all[LIFE_WORKERS];
    struct pipepoll_credentials **c = &all[w->index];
    if (!*c &&
        pipepoll_credentials_static(c, STR("AKIDEXAMPLE"), STR(LIFE_SECRET "-key"), STR(""), NULL))
        abort();
    return *c;
}

static void add_target(struct life_worker *w, uint32_t region, uint32_t provider)
{
    char name[32], url[32], type[8];
    struct pipepoll_target_options o = PIPEPOLL_TARGET_OPTIONS_INIT;
    life_region_name(region, name);
    snprintf(url, sizeof url, "http://r%u.test/", region);
    snprintf(type, sizeof type, "P%u", provider);
    o.action_type =
        (struct pipepoll_action_type) { STR("Build"), STR("ThirdParty"), str_of(type), STR("1") };
    o.region = str_of(name);
    o.endpoint_url = str_of(url);
    o.interval_ms = 6000;
    if (pipepoll_target_add(pipepoll_worker_poller(w->worker), &o,
                            &w->targets[region * LIFE_PROVIDERS + provider], NULL))
        abort();
}

static void open_worker(struct life_worker *w)
{
    char name[32];
    struct pipepoll_error why = { .text = "" };
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    struct pipepoll_worker_options wo = PIPEPOLL_WORKER_OPTIONS_INIT;
    snprintf(name, sizeof name, "w%ui%u", w->index, w->lives);
    o.credentials = credentials_of(w);
    o.max_in_flight = 16;
    o.max_polls_per_s = w->plan.ceiling_per_s;
    o.request_timeout_ms = LIFE_TIMEOUT_MS;
    o.seed = rng_next(&w->life->rng) | 1;
    o.resize = resize;
    o.resize_ctx = w;
    o.log = on_log;
    o.log_ctx = w;
    o.user_agent_app_id = str_of(name);
    wo.handler = &w->handler;
    wo.journal = w->plan.has_journal ? &w->notes : NULL;
    wo.max_jobs = w->plan.max_jobs;
    wo.renew_ms = (uint32_t)(w->plan.renew_s * 1000);
    if (pipepoll_worker_open(&w->worker, NULL, &o, &wo, &why)) {
        fprintf(stderr, "pipepoll_worker_open: %s\n", why.text);
        abort();
    }
}

void life_worker_open(struct life_worker *w)
{
    w->lives++;
    w->is_draining = w->is_closing = false;
    w->hand = 0;
    for (uint32_t i = 0; i < LIFE_REGIONS; i++)
        w->buckets[i] = (struct life_bucket) { 0 };
    open_worker(w);
    for (uint32_t i = 0; i < LIFE_REGIONS * LIFE_PROVIDERS; i++)
        add_target(w, i / LIFE_PROVIDERS, i % LIFE_PROVIDERS);
    life_journal_resume(w);
}

/* --- the end of an instance --- */

void life_worker_kill(struct life_worker *w)
{
    const struct pipepoll *p = pipepoll_worker_poller(w->worker);
    while (!list_empty(&w->runs)) {
        struct life_run *run = CONTAINER_OF(w->runs.next, struct life_run, link);
        run->job->lost++;
        life_tell(run->job, "worker %u.%u is killed", w->index, w->lives);
        run_free(run);
    }
    virtual_kill(p->timers, p->transport);
    drop_memory(w);
    life_journal_cut(w);
    w->worker = NULL;
    w->forgot = NULL;
    w->life->numbers.kills++;
}

void life_worker_drain(struct life_worker *w)
{
    w->is_draining = true;
    pipepoll_worker_drain(w->worker);
}

static void on_closed(void *ctx)
{
    struct life_worker *w = ctx;
    if (!list_empty(&w->runs))
        life_broke(w->life, NULL, "each job's end is told before closed(): worker %u", w->index);
    if (!list_empty(&w->blocks))
        life_broke(w->life, NULL, "all memory is given back: worker %u", w->index);
    life_journal_flush(w);
    w->worker = NULL;
    w->life->numbers.closes++;
    timer_set(&w->fate, timers_now_ns() + gap_ns(&w->life->rng, 3));
}

void life_worker_close(struct life_worker *w)
{
    w->is_draining = w->is_closing = true;
    pipepoll_worker_close(w->worker, on_closed, w);
}

/* --- fate --- */

static double meet_fate(struct life_worker *w)
{
    struct rng *rng = &w->life->rng;
    double what = dice(rng);
    if (what < 0.7) {
        life_worker_kill(w);
        return between(rng, 0.05, 15);
    }
    if (what < 0.85) {
        life_worker_close(w);
        return 3600;
    }
    life_worker_drain(w);
    return between(rng, 1, 60);
}

static void on_fate(struct timer *timer)
{
    struct life_worker *w = CONTAINER_OF(timer, struct life_worker, fate);
    double after_s = w->plan.fate_every_s;
    if (w->life->is_over)
        return;
    if (!w->worker)
        life_worker_open(w);
    else if (w->is_draining && !w->is_closing)
        life_worker_close(w);
    else if (!w->is_closing && !w->life->is_ending)
        after_s = meet_fate(w);
    if (after_s > 0 && !w->life->is_ending && !w->is_closing)
        timer_set(timer, timers_now_ns() + gap_ns(&w->life->rng, after_s));
}

void life_worker_begin(struct life_worker *w)
{
    w->handler = (struct pipepoll_handler)PIPEPOLL_HANDLER_INIT;
    w->handler.token = on_token;
    w->handler.start = on_start;
    w->handler.renewed = w->plan.renew_s > 0 ? on_renewed : NULL;
    w->handler.over = w->plan.renew_s > 0 ? on_over : NULL;
    w->handler.ended = on_ended;
    w->notes = life_journal_face;
    list_init(&w->blocks);
    list_init(&w->runs);
    life_journal_begin(w);
    if (timer_init(&w->fate, virtual_timers(), on_fate))
        abort();
    life_worker_open(w);
    if (w->plan.fate_every_s > 0)
        timer_set(&w->fate, timers_now_ns() + gap_ns(&w->life->rng, w->plan.fate_every_s));
}

void life_worker_end(struct life_worker *w)
{
    if (w->worker)
        life_worker_kill(w);
    life_journal_end(w);
    timer_deinit(&w->fate);
}

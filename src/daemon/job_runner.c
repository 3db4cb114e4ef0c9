/* SPDX-License-Identifier: MIT */
/* Opens what works jobs on a loop, one after the other, and closes it in the reverse order: the
 * worker first, whose jobs end by that, then the handlers, the tokens, the artifacts' endpoint and
 * the notes, each of which ends in a time of its own. */
#include "daemon/job_runner.h"

#include <stdlib.h>

#include <uv.h>

#include "daemon/job.h"

/* --- the beginning --- */

/* The config's own text, which ends with a NUL. */
static const char *roots_of(const struct pipepoll_options *poller)
{
    return poller->ca_bundle.len ? poller->ca_bundle.ptr : NULL;
}

static int open_handlers(struct job_runner *r, const struct pipepoll_options *poller,
                         struct pipepoll_error *why)
{
    const struct worker_config *c = r->world->config;
    r->handlers = calloc(c->handler_count, sizeof *r->handlers);
    if (!r->handlers)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    for (; r->handler_count < c->handler_count; r->handler_count++) {
        struct job_handler *h = &r->handlers[r->handler_count];
        int result = job_handler_open(h, r->loop, &c->handlers[r->handler_count], roots_of(poller),
                                      r->logger, why);
        if (result)
            return result;
    }
    return PIPEPOLL_OK;
}

static int open_tokens(struct job_runner *r, const struct pipepoll_options *poller,
                       struct pipepoll_error *why)
{
    const struct client_tokens_config *c = &r->world->config->tokens;
    const struct token_source_options o = {
        .file = c->file,
        .command = c->command,
        .url = c->url,
        .ca_bundle = roots_of(poller),
        .bearer_file = c->bearer_file,
        .ttl_ms = c->ttl_ms,
        .seed = uv_hrtime() ^ (uintptr_t)r,
        .log = { logger_write_summed, (void *)(uintptr_t)r->logger },
    };
    if (!c->file && !c->command && !c->url)
        return PIPEPOLL_OK;
    struct pipepoll_error problem;
    int result = token_source_open(&r->tokens, r->loop, &o, &problem);
    return result ? explain(why, result, "client tokens: %s", problem.text) : PIPEPOLL_OK;
}

static int open_worker(struct job_runner *r, const struct job_runner_options *o,
                       const struct pipepoll_options *poller, struct pipepoll_error *why)
{
    struct pipepoll_worker_options w = PIPEPOLL_WORKER_OPTIONS_INIT;
    job_hand_fill(&r->handler);
    w.handler = &r->handler;
    w.journal = r->journal_user ? &r->journal : NULL;
    w.max_jobs = o->max_jobs;
    w.renew_ms = JOB_RENEW_MS;
    return pipepoll_worker_open(&r->worker, o->loop, poller, &w, why);
}

/* The runs of an earlier process of this owner, and of its other loops, have other numbers. */
static int choose_run_ids(struct job_runner *r, struct pipepoll_error *why)
{
    return uv_random(NULL, NULL, &r->last_run_id, sizeof r->last_run_id, 0, NULL)
               ? explain(why, PIPEPOLL_ESYSTEM, "the system has no random numbers")
               : PIPEPOLL_OK;
}

int job_runner_open(struct job_runner **out, const struct job_runner_options *o,
                    const struct pipepoll_options *poller, struct pipepoll_error *why)
{
    struct job_runner *r = *out = calloc(1, sizeof *r);
    if (!r)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    r->loop = o->loop;
    r->world = o->world;
    r->fleet = o->fleet;
    r->targets = o->targets;
    r->logger = o->logger;
    r->max_jobs = o->max_jobs;
    r->tally = o->tally;
    list_init(&r->runs);
    list_init(&r->jobs);
    uv_timer_init(r->loop, &r->idle);
    int result = choose_run_ids(r, why);
    if (!result)
        result = open_handlers(r, poller, why);
    if (!result)
        result = open_tokens(r, poller, why);
    if (!result)
        result = artifact_endpoint_open(&r->artifacts, r->loop, why);
    if (!result && r->world->journal) {
        result = job_note_open(r);
        if (result)
            explain(why, result, "the journal: %s", pipepoll_strerror(result));
    }
    if (!result && r->fleet && o->pulls) {
        result = job_member_open(r);
        if (result)
            explain(why, result, "the fleet's queue: %s", pipepoll_strerror(result));
    }
    if (!result && r->fleet && r->journal_user) {
        result = job_member_open_outbox(r, o->pulls);
        if (result)
            explain(why, result, "the fleet's outbox: %s", pipepoll_strerror(result));
    }
    return result ? result : open_worker(r, o, poller, why);
}

struct pipepoll *job_runner_poller(struct job_runner *r)
{
    return r->worker ? pipepoll_worker_poller(r->worker) : NULL;
}

struct job_handler *job_runner_handler(struct job_runner *r, const struct handler_config *config)
{
    for (size_t i = 0; config && i < r->handler_count; i++)
        if (strcmp(r->handlers[i].config->name, config->name) == 0)
            return &r->handlers[i];
    return NULL;
}

/* --- what the journal held --- */

struct resuming {
    struct job_runner *runner;
    struct pipepoll_target *target;
};

static const struct pipepoll_job_failure *failure_of_restart(const struct job_runner *r)
{
    static const struct pipepoll_job_failure failure = {
        .size = sizeof failure,
        .type = PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE,
        .message = STR_INIT("The worker ended while it ran this job, and does not run it again."),
    };
    return r->world->config->rerun ? NULL : &failure;
}

/* NULL: it is not known yet whether it will fail. */
static const struct pipepoll_job_failure *failure_of(const struct job_runner *r,
                                                     const struct pipepoll_journal_entry *entry)
{
    return entry->state == PIPEPOLL_JOURNAL_RUNNING ? failure_of_restart(r) : entry->failure;
}

static bool resume(void *ctx, const struct pipepoll_journal_entry *entry)
{
    const struct resuming *to = ctx;
    struct job_runner *r = to->runner;
    struct target_set_entry *of = target_set_of(to->target);
    struct pipepoll_journal_entry own = *entry;
    struct pipepoll_error why = { .text = "out of memory" };
    struct job *job = job_new(r, of);
    own.user = job;
    const struct pipepoll_job_failure *failure = failure_of(r, entry);
    if (job)
        job->has_result = entry->state == PIPEPOLL_JOURNAL_REPORTING || failure;
    if (job && failure)
        job_note_failure(job, failure->message);
    if (!job || pipepoll_worker_resume(r->worker, to->target, &own, failure_of_restart(r), &why)) {
        logger_printf(r->logger, PIPEPOLL_ERROR,
                      &(struct subject) { .job_id = entry->job_id,
                                          .target = str_of(of->name),
                                          .region = entry->region },
                      "job %.*s of [target %s] in %.*s stays in the journal: %s",
                      STR_ARG(entry->job_id), of->name, STR_ARG(entry->region), why.text);
        if (job)
            job_free(job);
        return false;
    }
    r->tally->in_hand++;
    job_member_noted(job, entry, true);
    return true;
}

void job_runner_added(struct job_runner *r, struct pipepoll_target *target)
{
    struct resuming to = { r, target };
    const struct target_set_entry *of = target_set_of(target);
    if (r->world->recovery && of->handler)
        job_recovery_take(r->world->recovery, str_of(of->name), pipepoll_target_region(target),
                          resume, &to);
}

void job_runner_settled(struct job_runner *r, const struct plan *plan)
{
    if (r->queue)
        job_member_set_types(r, plan);
}

void job_runner_has_other_handler(struct job_runner *r, struct pipepoll_target *target)
{
    if (r->worker)
        pipepoll_worker_ask_wants(r->worker, target);
}

/* --- the end --- */

static void on_idle(uv_timer_t *idle)
{
    struct job_runner *r = CONTAINER_OF(idle, struct job_runner, idle);
    void (*drained)(void *ctx) = r->drained;
    r->drained = NULL;
    if (drained)
        drained(r->drained_ctx);
}

static void drain_worker(struct job_runner *r)
{
    r->is_drained = true;
    if (r->queue)
        job_queue_drain(r->queue);
    if (r->outbox)
        job_outbox_drain(r->outbox);
    if (r->worker)
        pipepoll_worker_drain(r->worker);
    job_run_on_drained(r);
}

/* It is told of from the loop, for whoever hears it closes the worker, of which this may be a
 * callback. */
void job_runner_on_change(struct job_runner *r)
{
    if (!r->is_draining)
        return;
    if (!r->is_drained && (r->is_handing_back || !job_run_any_waits(r)))
        drain_worker(r);
    if (r->is_drained && !r->tally->in_hand)
        uv_timer_start(&r->idle, on_idle, 0, 0);
}

void job_runner_drain(struct job_runner *r, void (*drained)(void *ctx), void *ctx)
{
    r->is_draining = true;
    r->drained = drained;
    r->drained_ctx = ctx;
    if (job_run_any_waits(r))
        logger_printf(r->logger, PIPEPOLL_INFO, NULL,
                      "handlers wait for follow-up jobs: these alone are claimed from now on");
    job_runner_on_change(r);
}

void job_runner_hand_back(struct job_runner *r)
{
    struct list *next;
    r->is_handing_back = true;
    for (struct list *l = r->runs.next; l != &r->runs; l = next) {
        const struct job_run *run = CONTAINER_OF(l, struct job_run, link);
        next = l->next;
        if (run->job || run->is_given_up) /* the others are given up, and stopped by that */
            job_run_stop(CONTAINER_OF(l, struct job_run, link));
    }
    job_runner_on_change(r);
}

static void on_idle_closed(uv_handle_t *idle)
{
    struct job_runner *r = CONTAINER_OF(idle, struct job_runner, idle);
    void (*closed)(void *ctx) = r->closed;
    void *ctx = r->closed_ctx;
    free(r->handlers);
    free(r);
    closed(ctx);
}

static void on_part_closed(void *ctx)
{
    struct job_runner *r = ctx;
    if (--r->to_close == 0)
        uv_close((uv_handle_t *)&r->idle, on_idle_closed);
}

/* Runs have ended with their handlers. */
static void close_parts(struct job_runner *r)
{
    r->to_close = 1;
    if (r->tokens && ++r->to_close)
        token_source_close(r->tokens, on_part_closed, r);
    if (r->artifacts && ++r->to_close)
        artifact_endpoint_close(r->artifacts, on_part_closed, r);
    if (r->queue && ++r->to_close)
        job_member_close(r, on_part_closed, r);
    if (r->outbox && ++r->to_close)
        job_outbox_close(r->outbox, on_part_closed, r);
    if (r->journal_user && ++r->to_close)
        journal_user_close(r->journal_user, on_part_closed, r);
    on_part_closed(r);
}

static void on_handler_closed(void *ctx)
{
    struct job_runner *r = ctx;
    if (--r->to_close == 0)
        close_parts(r);
}

static void on_worker_closed(void *ctx)
{
    struct job_runner *r = ctx;
    r->worker = NULL;
    r->to_close = 1;
    for (size_t i = 0; i < r->handler_count; i++) {
        r->to_close++;
        job_handler_close(&r->handlers[i], JOB_STOP_MS, on_handler_closed, r);
    }
    on_handler_closed(r);
}

void job_runner_close(struct job_runner *r, void (*closed)(void *ctx), void *ctx)
{
    r->closed = closed;
    r->closed_ctx = ctx;
    r->drained = NULL;
    if (r->worker)
        pipepoll_worker_close(r->worker, on_worker_closed, r);
    else
        on_worker_closed(r);
}

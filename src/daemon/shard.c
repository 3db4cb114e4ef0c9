/* SPDX-License-Identifier: MIT */
/* The library's callbacks in terms of the daemon: jobs, changed health and credentials become
 * records for the intake, whose credit is the poller's. */
#include "daemon/shard.h"

#include <stdatomic.h>

#include "base/list.h"
#include "base/wall_clock.h"
#include "daemon/event.h"
#include "daemon/failure.h"
#include "daemon/steady.h"

/* With a sink that keeps up every poll in flight may ask for all it can get. */
size_t shard_jobs(uint32_t in_flight)
{
    enum { LEAST = 256, MOST = 4096 };
    size_t jobs = (size_t)in_flight * SHARD_BATCH;
    return jobs < LEAST ? LEAST : jobs > MOST ? MOST : jobs;
}

static struct shard *shard_of(struct pipepoll_sink *sink)
{
    return CONTAINER_OF(sink, struct shard, sink);
}

/* A closing shard may poll on for its handlers' sake, but not for the sink's. */
static size_t credit(struct pipepoll_sink *sink)
{
    const struct shard *shard = shard_of(sink);
    if (shard->closing || (shard->fleet && !fleet_may_poll(shard->fleet)))
        return 0;
    return shard->intake.credit(shard->intake.ctx);
}

enum { FAILURE_TEXT_MAX = 1024 };

/* Each failed poll; what comes of it for the target is told by its health. */
static void log_failure(const struct logger *log, struct pipepoll_target *from,
                        const struct pipepoll_failure *failure)
{
    char text[FAILURE_TEXT_MAX], identity_text[IDENTITY_CONFIG_NAME_MAX + 1];
    struct buf b = BUF_ON(text), identity = BUF_ON(identity_text);
    const struct target_set_entry *t = target_set_of(from);
    if (log->level < PIPEPOLL_DEBUG)
        return;
    if (t->plan)
        identity_config_put(&identity, &t->plan->identity);
    const struct subject about = { .target = str_of(t->name),
                                   .region = pipepoll_target_region(from),
                                   .identity = buf_str(&identity),
                                   .status = str_of(event_status(failure->status)),
                                   .cause = str_of(pipepoll_cause_name(failure->cause)),
                                   .code = failure->code,
                                   .request_id = failure->request_id,
                                   .http_status = failure->http_status };
    str message = failure_message(failure->message);
    if (message.len > RECORD_MESSAGE_MAX)
        message.len = RECORD_MESSAGE_MAX;
    buf_put(&b, str_of(pipepoll_strerror(failure->status)));
    if (failure->code.len)
        buf_printf(&b, ": %.*s", STR_ARG(failure->code));
    if (message.len)
        buf_printf(&b, ": %.*s", STR_ARG(message));
    if (failure->request_id.len)
        buf_printf(&b, " (request %.*s)", STR_ARG(failure->request_id));
    failure_put_retry(&b, failure->retry_in_ms);
    logger_printf(log, PIPEPOLL_DEBUG, &about, "[target %s] in %.*s: %.*s", t->name,
                  STR_ARG(about.region), STR_ARG(buf_str(&b)));
}

void shard_note(struct shard *shard)
{
    shard->last.size = sizeof shard->last;
    pipepoll_stats(shard->target_set.poller, &shard->last);
    shard->in_flight = shard->last.in_flight;
}

/* Whoever waits for the end wants to know for how many. */
static void note_end(struct shard *shard)
{
    if (shard->closing)
        shard_note(shard);
}

/* Told is each change, also that of a cause. */
static void tell_health(struct shard *shard, struct pipepoll_target *from, enum health before,
                        const struct pipepoll_failure *failure)
{
    struct target_set_entry *t = target_set_of(from);
    if (t->health != before)
        t->tally.changed_ms = wall_clock_ms();
    health_changed(&shard->health, from, failure);
}

static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    struct shard *shard = shard_of(sink);
    enum health before = target_set_of(from)->health;
    if (target_set_answered(target_set_of(from)))
        tell_health(shard, from, before, NULL);
    note_end(shard);
    if (!answer->job_count)
        return;
    struct record what = { .kind = RECORD_JOB, .unix_ms = wall_clock_ms() };
    what.job.from = target_set_describe(from);
    what.job.request_id = answer->request_id;
    for (size_t i = 0; i < answer->job_count; i++) {
        const struct pipepoll_job *job = pipepoll_job_at(answer, i);
        what.job.client_id = job->client_id;
        what.job.job_id = job->job_id;
        what.job.nonce = job->nonce;
        what.job.account_id = job->account_id;
        shard->intake.put(shard->intake.ctx, &what);
    }
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    struct shard *shard = shard_of(sink);
    note_end(shard);
    log_failure(&shard->logger, from, failure);
    enum health before = target_set_of(from)->health;
    if (target_set_failed(target_set_of(from), failure, steady_ms()))
        tell_health(shard, from, before, failure);
    else if (target_set_of(from)->incident)
        incident_note_failed(target_set_of(from)->incident);
}

static void polled(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_poll *poll)
{
    struct shard *shard = shard_of(sink);
    tally_poll(&shard->polls, &target_set_of(from)->tally, poll, wall_clock_ms());
}

/* A runner that closes has its poller closed long before its handlers have ended. */
static struct pipepoll *poller_of(const struct shard *shard)
{
    return shard->runner ? job_runner_poller(shard->runner) : shard->target_set.poller;
}

/* The fence had fallen when the poller asked for credit. */
static void on_may_poll(void *ctx)
{
    struct pipepoll *poller = poller_of(ctx);
    if (poller)
        pipepoll_wake(poller);
}

/* What failed here is another member's to tell of from now on. */
static void let_go(void *ctx, struct fleet_target *t)
{
    struct shard *shard = ctx;
    struct target_set_entry *entry = CONTAINER_OF(t, struct target_set_entry, lease);
    if (!entry->live || shard->closing)
        return;
    health_removed(&shard->health, entry->live);
    target_set_let_go(entry);
}

static void paused(struct pipepoll_sink *sink, struct pipepoll_target *from)
{
    struct shard *shard = shard_of(sink);
    if (shard->fleet)
        fleet_target_paused(shard->fleet, &target_set_of(from)->lease);
}

static void put_credentials(struct buf *out, const struct pipepoll_identity *id)
{
    str reason = failure_message(id->reason);
    if (id->refused)
        buf_printf(out,
                   "credentials from %.*s are refused: %.*s; we look for others, and try again",
                   STR_ARG(id->source), STR_ARG(reason));
    else if (!id->usable)
        buf_printf(out,
                   "no credentials%s%.*s: %.*s; targets that need them wait, and we keep asking",
                   id->source.len ? " from " : "", STR_ARG(id->source), STR_ARG(reason));
    else if (id->reason.len || id->degraded)
        buf_printf(out, "credentials from %.*s %s: %.*s", STR_ARG(id->source),
                   id->degraded ? "have expired, and still serve" : "are not refreshed yet",
                   STR_ARG(id->reason));
    else
        buf_printf(out, "credentials from %.*s", STR_ARG(id->source));
}

/* Those of a source that fails may come and go, and each loop has the same to say of it. */
static void log_credentials(const struct logger *log, const struct pipepoll_identity *id)
{
    enum { KIND_MAX = 512, LINES = 4 };
    char text[RECORD_MESSAGE_MAX + 1024], kind_text[KIND_MAX];
    struct buf line = BUF_ON(text), kind = BUF_ON(kind_text);
    const struct subject about = { .source = id->source,
                                   .cause = id->reason.len ? str_of(pipepoll_cause_name(id->cause))
                                                           : (str) { NULL, 0 } };
    enum pipepoll_level level = id->refused || !id->usable       ? PIPEPOLL_ERROR
                                : id->reason.len || id->degraded ? PIPEPOLL_WARNING
                                                                 : PIPEPOLL_INFO;
    put_credentials(&line, id);
    buf_printf(&kind, "credentials from %.*s", STR_ARG(id->source));
    logger_repeat(log, level, &about, buf_str(&kind), LINES, buf_str(&line));
}

static void credentials(struct pipepoll_sink *sink, const struct pipepoll_identity *id)
{
    struct shard *shard = shard_of(sink);
    const struct record what = { .kind = RECORD_CREDENTIALS,
                                 .unix_ms = wall_clock_ms(),
                                 .credentials = { .usable = id->usable,
                                                  .refused = id->refused,
                                                  .degraded = id->degraded,
                                                  .expires_s = id->expires_s,
                                                  .cause = id->cause,
                                                  .source = id->source,
                                                  .reason = id->reason,
                                                  .subject = id->subject } };
    log_credentials(&shard->logger, id);
    pending_put(&shard->pending, &what);
}

void shard_refresh(struct shard *shard)
{
    pipepoll_refresh_credentials(shard->target_set.poller);
}

/* A closed poller has no statistics to ask for, but the last target to go sees all of them. */
static void removed(struct pipepoll_sink *sink, struct pipepoll_target *from)
{
    struct shard *shard = shard_of(sink);
    shard_note(shard);
    if (!shard->closing)
        health_removed(&shard->health, from);
    target_set_removed(target_set_of(from));
}

/* A share as of the polls. */
static uint32_t connections_of(const struct config *config, uint32_t max_in_flight)
{
    uint64_t all = config_limits(config).max_connections;
    all = all * max_in_flight / config->max_in_flight;
    return all ? (uint32_t)all : 1;
}

static int open_poller(struct shard *shard, struct uv_loop_s *loop,
                       const struct pipepoll_options *o, uint32_t max_jobs,
                       struct pipepoll_error *why)
{
    const struct job_runner_options with_jobs = { .loop = loop,
                                                  .world = shard->world,
                                                  .fleet = shard->fleet,
                                                  .pulls = shard->pulls,
                                                  .targets = &shard->target_set,
                                                  .logger = &shard->logger,
                                                  .max_jobs = max_jobs,
                                                  .tally = &shard->tally };
    if (!shard->world)
        return pipepoll_open(&shard->target_set.poller, loop, o, why);
    int r = job_runner_open(&shard->runner, &with_jobs, o, why);
    shard->target_set.runner = shard->runner;
    shard->target_set.poller = r ? NULL : job_runner_poller(shard->runner);
    return r;
}

static void on_changed(void *ctx)
{
    struct shard *shard = ctx;
    if (shard->fleet)
        fleet_targets_settled(shard->fleet);
    if (shard->runner)
        job_runner_settled(shard->runner, shard->polled);
    shard->changed(shard->ctx);
}

int shard_open(struct shard *shard, struct uv_loop_s *loop, const struct config *config,
               struct shard_share share, struct pipepoll_error *why)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    shard->sink = (struct pipepoll_sink) { .size = sizeof shard->sink,
                                           .credit = credit,
                                           .deliver = deliver,
                                           .failed = failed,
                                           .credentials = credentials,
                                           .removed = removed,
                                           .polled = polled,
                                           .paused = paused };
    shard->target_set.log = &shard->logger;
    shard->target_set.tally = &shard->polls;
    shard->target_set.fleet = shard->fleet;
    if (shard->fleet) {
        fleet_on_let_go(shard->fleet, let_go, shard);
        fleet_on_may_poll(shard->fleet, on_may_poll, shard);
    }
    tally_init(&shard->polls);
    pending_init(&shard->pending, &shard->intake, &shard->logger);
    shard->health = (struct health_reporter) { shard->board, &shard->pending };
    o.sink = &shard->sink;
    o.ca_bundle = config->ca_bundle;
    o.user_agent_app_id = config->user_agent_app_id;
    o.max_attempts = config->max_attempts;
    o.max_in_flight = share.max_in_flight;
    o.max_connections = connections_of(config, share.max_in_flight);
    o.max_in_flight_per_region = config->max_in_flight_per_region;
    o.max_polls_per_s = config->max_polls_per_s;
    o.request_timeout_ms = config->request_timeout_ms;
    o.connect_timeout_ms = config->connect_timeout_ms;
    o.log = logger_write_summed;
    o.log_ctx = &shard->logger;
    int r = open_poller(shard, loop, &o, share.max_jobs, why);
    if (!r || shard->runner)
        loop_stats_open(&shard->loop_stats, loop);
    if (!r)
        target_change_open(&shard->change, loop, &shard->target_set, on_changed, shard);
    return r;
}

void shard_change(struct shard *shard, const struct plan *old, const struct plan *new)
{
    shard->polled = new;
    target_change_start(&shard->change, old, new);
}

void shard_wake(struct shard *shard)
{
    if (shard->runner && atomic_exchange(&shard->is_handing_back, false))
        job_runner_hand_back(shard->runner);
    struct pipepoll *poller = poller_of(shard);
    if (!poller)
        return;
    pending_on_room(&shard->pending);
    pipepoll_wake(poller);
}

void shard_hand_back(struct shard *shard)
{
    shard->is_handing_back = true;
}

struct job_count shard_job_count(const struct shard *shard)
{
    return (struct job_count) { shard->tally.in_hand, shard->tally.running };
}

static void on_stats_closed(void *ctx)
{
    struct shard *shard = ctx;
    shard->closed(shard->ctx);
}

static void on_poller_closed(void *ctx)
{
    struct shard *shard = ctx;
    shard->target_set.poller = NULL;
    shard->target_set.runner = shard->runner = NULL;
    pending_give_up(&shard->pending);
    tally_deinit(&shard->polls);
    loop_stats_close(&shard->loop_stats, on_stats_closed, shard);
}

static void on_drained(void *ctx)
{
    struct shard *shard = ctx;
    job_runner_close(shard->runner, on_poller_closed, shard);
}

static void on_change_closed(void *ctx)
{
    struct shard *shard = ctx;
    if (shard->runner)
        job_runner_drain(shard->runner, on_drained, shard);
    else
        pipepoll_close(shard->target_set.poller, on_poller_closed, shard);
}

void shard_close(struct shard *shard)
{
    shard->closing = true;
    if (shard->fleet)
        fleet_on_may_poll(shard->fleet, NULL, NULL);
    if (!shard->target_set.poller && shard->runner) { /* it was not opened whole */
        on_drained(shard);
        return;
    }
    shard_note(shard);
    target_change_close(&shard->change, on_change_closed, shard);
}

/* The library's callbacks in terms of the daemon: jobs, changed health and credentials become
 * records for the intake, whose credit is the poller's. */
#include "daemon/shard.h"

#include "base/jsontext.h"
#include "base/list.h"
#include "daemon/event.h"
#include "daemon/failure.h"

/* With a sink that keeps up every poll in flight may ask for all it can get. */
size_t shard_jobs(uint32_t in_flight)
{
    enum { LEAST = 256, MOST = 4096, BATCH = 10 };
    size_t jobs = (size_t)in_flight * BATCH;
    return jobs < LEAST ? LEAST : jobs > MOST ? MOST : jobs;
}

static struct shard *shard_of(struct pipepoll_sink *sink)
{
    return CONTAINER_OF(sink, struct shard, sink);
}

static size_t credit(struct pipepoll_sink *sink)
{
    const struct intake *to = &shard_of(sink)->intake;
    return to->credit(to->ctx);
}

enum { FAILURE_TEXT_MAX = 1024, MESSAGE_MAX = 512 };

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
    if (message.len > MESSAGE_MAX)
        message.len = MESSAGE_MAX;
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

static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    struct shard *shard = shard_of(sink);
    if (target_set_answered(target_set_of(from)))
        health_changed(&shard->health, from, NULL);
    note_end(shard);
    if (!answer->job_count)
        return;
    struct record what = { .kind = RECORD_JOB, .unix_ms = jsontext_now_ms() };
    what.job.from = target_set_describe(from);
    what.job.request_id = answer->request_id;
    for (size_t i = 0; i < answer->job_count; i++) {
        const struct pipepoll_job *job = pipepoll_job_at(answer, i);
        what.job.client_id = job->client_id;
        what.job.job_id = job->job_id;
        shard->intake.put(shard->intake.ctx, &what);
    }
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    struct shard *shard = shard_of(sink);
    note_end(shard);
    log_failure(&shard->logger, from, failure);
    if (target_set_failed(target_set_of(from), failure, (int64_t)(uv_hrtime() / 1000000)))
        health_changed(&shard->health, from, failure);
}

static void log_credentials(const struct logger *log, const struct pipepoll_identity *id)
{
    const struct subject about = { .source = id->source,
                                   .cause = id->reason.len ? str_of(pipepoll_cause_name(id->cause))
                                                           : (str) { NULL, 0 } };
    str reason = failure_message(id->reason);
    if (id->refused)
        logger_printf(log, PIPEPOLL_ERROR, &about,
                      "credentials from %.*s are refused: %.*s; we look for others, and try again",
                      STR_ARG(id->source), STR_ARG(reason));
    else if (!id->usable)
        logger_printf(log, PIPEPOLL_ERROR, &about,
                      "no credentials%s%.*s: %.*s; targets that need them wait, and we keep asking",
                      id->source.len ? " from " : "", STR_ARG(id->source), STR_ARG(reason));
    else if (id->reason.len || id->degraded)
        logger_printf(log, PIPEPOLL_WARNING, &about, "credentials from %.*s %s: %.*s",
                      STR_ARG(id->source),
                      id->degraded ? "have expired, and still serve" : "are not refreshed yet",
                      STR_ARG(id->reason));
    else
        logger_printf(log, PIPEPOLL_INFO, &about, "credentials from %.*s", STR_ARG(id->source));
}

static void credentials(struct pipepoll_sink *sink, const struct pipepoll_identity *id)
{
    struct shard *shard = shard_of(sink);
    const struct record what = { .kind = RECORD_CREDENTIALS,
                                 .unix_ms = jsontext_now_ms(),
                                 .credentials = { .usable = id->usable,
                                                  .refused = id->refused,
                                                  .degraded = id->degraded,
                                                  .expires_s = id->expires_s,
                                                  .cause = id->cause,
                                                  .source = id->source,
                                                  .reason = id->reason,
                                                  .subject = id->subject } };
    log_credentials(&shard->logger, id);
    if (!shard->intake.put(shard->intake.ctx, &what))
        logger_printf(&shard->logger, PIPEPOLL_WARNING, NULL,
                      "a credentials event is left out: whoever takes events is too slow");
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

int shard_open(struct shard *shard, struct uv_loop_s *loop, const struct config *config,
               uint32_t max_in_flight, struct pipepoll_error *why)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    shard->sink = (struct pipepoll_sink) { .size = sizeof shard->sink,
                                           .credit = credit,
                                           .deliver = deliver,
                                           .failed = failed,
                                           .credentials = credentials,
                                           .removed = removed };
    shard->target_set.log = &shard->logger;
    health_reporter_init(&shard->health, shard->board, &shard->intake, &shard->logger);
    o.sink = &shard->sink;
    o.ca_bundle = config->ca_bundle;
    o.user_agent_app_id = config->user_agent_app_id;
    o.max_attempts = config->max_attempts;
    o.max_in_flight = max_in_flight;
    o.max_connections = connections_of(config, max_in_flight);
    o.max_in_flight_per_region = config->max_in_flight_per_region;
    o.max_polls_per_s = config->max_polls_per_s;
    o.request_timeout_ms = config->request_timeout_ms;
    o.connect_timeout_ms = config->connect_timeout_ms;
    o.log = logger_write;
    o.log_ctx = &shard->logger;
    int r = pipepoll_open(&shard->target_set.poller, loop, &o, why);
    if (!r)
        target_change_open(&shard->change, loop, &shard->target_set, shard->changed, shard->ctx);
    return r;
}

void shard_change(struct shard *shard, const struct plan *old, const struct plan *new)
{
    target_change_start(&shard->change, old, new);
}

void shard_wake(struct shard *shard)
{
    if (!shard->target_set.poller)
        return;
    health_on_room(&shard->health);
    pipepoll_wake(shard->target_set.poller);
}

static void on_poller_closed(void *ctx)
{
    struct shard *shard = ctx;
    shard->target_set.poller = NULL;
    shard->closed(shard->ctx);
}

static void on_change_closed(void *ctx)
{
    struct shard *shard = ctx;
    pipepoll_close(shard->target_set.poller, on_poller_closed, shard);
}

void shard_close(struct shard *shard)
{
    shard->closing = true;
    health_give_up(&shard->health);
    shard_note(shard);
    target_change_close(&shard->change, on_change_closed, shard);
}

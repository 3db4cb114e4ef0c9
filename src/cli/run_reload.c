/* The config file of a running `pipepoll run`, read again: all that is wrong with it is told and
 * nothing changes, or targets come and go and the rest notices nothing. A poller's own options are
 * given once; which of them the file changed is told.
 *
 * Neither holds up polling: the file is read on a thread, and targets come and go in slices. Until
 * they have, both configs are there; a SIGHUP meanwhile has the file read once more afterwards. */
#include "base/log.h"
#include "cli/run.h"
#include "config/quantity.h"

void run_log_diagnostic(void *ctx, enum pipepoll_level level, str text)
{
    logger_write(ctx, level, text);
}

void run_apply_options(struct run *r, struct config *config)
{
    const struct run_options *o = &r->options;
    r->logger.level = o->has_level ? o->level : config->log_level;
    r->logger.json = o->has_format ? o->log_json : config->log_json;
    if (o->drain_timeout_ms)
        config->drain_timeout_ms = o->drain_timeout_ms;
}

static void put_changed(struct buf *out, bool changed, const char *key)
{
    if (changed)
        buf_printf(out, "%s%s", out->len ? ", " : "", key);
}

/* A poller's options are given once. */
static void log_unchangeable(struct run *r, const struct config *a, const struct config *b)
{
    char text[256];
    struct buf keys = BUF_ON(text);
    put_changed(&keys, a->max_in_flight != b->max_in_flight, "max-in-flight");
    put_changed(&keys, a->max_in_flight_per_region != b->max_in_flight_per_region,
                "max-in-flight-per-region");
    put_changed(&keys, a->max_connections != b->max_connections, "max-connections");
    put_changed(&keys, a->max_polls_per_s != b->max_polls_per_s, "max-polls-per-second");
    put_changed(&keys, a->request_timeout_ms != b->request_timeout_ms, "request-timeout");
    put_changed(&keys, a->connect_timeout_ms != b->connect_timeout_ms, "connect-timeout");
    put_changed(&keys, !str_eq(a->ca_bundle, b->ca_bundle), "ca-bundle");
    put_changed(&keys, !str_eq(a->user_agent_app_id, b->user_agent_app_id), "user-agent-app-id");
    put_changed(&keys, a->max_attempts != b->max_attempts, "max_attempts");
    if (keys.len)
        log_line(&r->log, PIPEPOLL_WARNING, "from the next start on, not before: %.*s",
                 STR_ARG(buf_str(&keys)));
}

static void log_logger_change(struct run *r, const struct logger *before, const struct config *new)
{
    const struct run_options *o = &r->options;
    if (r->logger.level != before->level)
        log_line(&r->log, PIPEPOLL_INFO, "log-level is %s from now on",
                 log_level_name(r->logger.level));
    if (r->logger.json != before->json)
        log_line(&r->log, PIPEPOLL_INFO, "log-format is %s from now on",
                 r->logger.json ? "json" : "text");
    if (o->has_level && new->log_level != r->config.log_level)
        log_line(&r->log, PIPEPOLL_WARNING, "--log-level overrides the file's log-level");
    if (o->has_format && new->log_json != r->config.log_json)
        log_line(&r->log, PIPEPOLL_WARNING, "--log-format overrides the file's log-format");
}

void run_log_refusal(struct run *r, int result, const struct diagnostics *diagnostics,
                     const char *then)
{
    const char *file = config_name(r->options.config);
    size_t own = diagnostics ? diagnostics->errors - diagnostics->elsewhere : 0;
    if (result == PIPEPOLL_ENOMEM)
        log_line(&r->log, PIPEPOLL_ERROR, "no memory for %s: %s", file, then);
    else if (!diagnostics->elsewhere)
        log_line(&r->log, PIPEPOLL_ERROR, "%zu error%s in %s: %s", own, quantity_plural(own), file,
                 then);
    else if (!own)
        log_line(&r->log, PIPEPOLL_ERROR, "%zu error%s in the settings of this machine: %s",
                 diagnostics->elsewhere, quantity_plural(diagnostics->elsewhere), then);
    else
        log_line(&r->log, PIPEPOLL_ERROR,
                 "%zu error%s in %s and %zu in the settings of this machine: %s", own,
                 quantity_plural(own), file, diagnostics->elsewhere, then);
}

static void log_idle(struct run *r, uint32_t idle)
{
    if (idle)
        log_line(&r->log, PIPEPOLL_WARNING,
                 "%u of %u loops have nothing to poll: there are not as many regions", idle,
                 r->options.loops);
}

static void reload_if_asked(struct run *r)
{
    bool again = r->reload_again && !r->ending;
    r->reload_again = false;
    if (again)
        run_reload(r);
}

int run_on_prepare(void *ctx, struct config *config)
{
    struct run *r = ctx;
    return shards_split(&r->shards, &config->plan);
}

int run_start_targets(struct run *r)
{
    if (shards_split(&r->shards, &r->config.plan))
        return PIPEPOLL_ENOMEM;
    r->reload = RELOAD_STARTING;
    shards_change(&r->shards);
    return PIPEPOLL_OK;
}

static void take_config(struct run *r, struct config *new)
{
    struct logger before = r->logger;
    run_apply_options(r, new);
    log_unchangeable(r, &r->config, new);
    log_logger_change(r, &before, new);
    r->previous = r->config;
    r->config = *new;
    r->reload = RELOAD_CHANGING;
    shards_change(&r->shards);
}

void run_on_changed(void *ctx, const struct shards_change *what)
{
    struct run *r = ctx;
    log_idle(r, what->idle);
    if (r->reload == RELOAD_CHANGING) {
        config_deinit(&r->previous);
        log_line(&r->log, PIPEPOLL_INFO, "%s taken: %zu target%s added, %zu removed, %zu unchanged",
                 config_name(r->options.config), what->added, quantity_plural(what->added),
                 what->removed, what->kept);
    }
    r->reload = RELOAD_NONE;
    reload_if_asked(r);
}

void run_on_read(void *ctx, struct config_reading *got)
{
    struct run *r = ctx;
    r->reload = RELOAD_NONE;
    if (r->ending) {
        config_deinit(&got->config);
        return;
    }
    diagnostics_each(&got->diagnostics, run_log_diagnostic, &r->logger);
    if (got->result)
        run_log_refusal(r, got->result, &got->diagnostics, "nothing changes");
    else
        take_config(r, &got->config);
    shards_refresh(&r->shards);
    if (got->result)
        reload_if_asked(r);
}

void run_reload(struct run *r)
{
    if (strcmp(r->options.config, "-") == 0) {
        log_line(&r->log, PIPEPOLL_WARNING,
                 "SIGHUP: the config came from stdin, which can be read but once: nothing changes, "
                 "but credentials are asked for anew; give --config a file to reload it");
        shards_refresh(&r->shards);
        return;
    }
    if (r->reload) {
        if (!r->reload_again)
            log_line(&r->log, PIPEPOLL_INFO,
                     "SIGHUP: %s is read once more when all its targets are taken",
                     config_name(r->options.config));
        r->reload_again = true;
        return;
    }
    int failed = config_reader_start(r->reader);
    if (failed)
        log_line(&r->log, PIPEPOLL_ERROR,
                 "SIGHUP: there is no thread to read %s: %s: nothing changes",
                 config_name(r->options.config), uv_strerror(failed));
    else
        r->reload = RELOAD_READING;
}

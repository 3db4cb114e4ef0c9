/* The config file of a running `pipepoll run`, read again: all that is wrong with it is told and
 * nothing changes, or targets come and go and the rest notices nothing. A poller's own options are
 * given once; which of them the file changed is told. */
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
                 config_log_level_name(r->logger.level));
    if (r->logger.json != before->json)
        log_line(&r->log, PIPEPOLL_INFO, "log-format is %s from now on",
                 r->logger.json ? "json" : "text");
    if (o->has_level && new->log_level != r->config.log_level)
        log_line(&r->log, PIPEPOLL_WARNING, "--log-level overrides the file's log-level");
    if (o->has_format && new->log_json != r->config.log_json)
        log_line(&r->log, PIPEPOLL_WARNING, "--log-format overrides the file's log-format");
}

void run_log_refusal(struct run *r, int result, const struct diagnostics *c, const char *then)
{
    const char *file = config_name(r->options.config);
    size_t own = c ? c->errors - c->elsewhere : 0;
    if (result == PIPEPOLL_ENOMEM)
        log_line(&r->log, PIPEPOLL_ERROR, "no memory for %s: %s", file, then);
    else if (!c->elsewhere)
        log_line(&r->log, PIPEPOLL_ERROR, "%zu error%s in %s: %s", own, quantity_plural(own), file,
                 then);
    else if (!own)
        log_line(&r->log, PIPEPOLL_ERROR, "%zu error%s in the settings of this machine: %s",
                 c->elsewhere, quantity_plural(c->elsewhere), then);
    else
        log_line(&r->log, PIPEPOLL_ERROR,
                 "%zu error%s in %s and %zu in the settings of this machine: %s", own,
                 quantity_plural(own), file, c->elsewhere, then);
}

void run_log_idle(struct run *r, uint32_t idle)
{
    if (idle)
        log_line(&r->log, PIPEPOLL_WARNING,
                 "%u of %u loops have nothing to poll: there are not as many regions", idle,
                 r->options.loops);
}

static void take_config(struct run *r, struct config *new)
{
    struct shards_change changed;
    struct logger before = r->logger;
    run_apply_options(r, new);
    if (shards_change(&r->shards, &new->plan, &changed)) {
        r->logger = before;
        run_log_refusal(r, PIPEPOLL_ENOMEM, NULL, "nothing changes");
        config_deinit(new);
        return;
    }
    log_unchangeable(r, &r->config, new);
    log_logger_change(r, &before, new);
    run_log_idle(r, changed.idle);
    config_deinit(&r->config);
    r->config = *new;
    log_line(&r->log, PIPEPOLL_INFO, "%s taken: %zu target%s added, %zu removed, %zu unchanged",
             config_name(r->options.config), changed.added, quantity_plural(changed.added),
             changed.removed, changed.kept);
}

void run_reload(struct run *r)
{
    struct config new;
    struct diagnostics diagnostics;
    if (strcmp(r->options.config, "-") == 0) {
        log_line(&r->log, PIPEPOLL_WARNING,
                 "SIGHUP: the config came from stdin, which can be read but once: nothing changes, "
                 "but keys are asked for anew; give --config a file to reload it");
        shards_refresh(&r->shards);
        return;
    }
    int result = config_load(&new, r->options.config, &diagnostics);
    diagnostics_each(&diagnostics, run_log_diagnostic, &r->logger);
    if (result)
        run_log_refusal(r, result, &diagnostics, "nothing changes");
    else
        take_config(r, &new);
    shards_refresh(&r->shards);
}

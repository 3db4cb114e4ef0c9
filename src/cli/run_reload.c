/* SPDX-License-Identifier: MIT */
/* The config file of a running `pipepoll run`, read again: all that is wrong with it is told and
 * nothing changes, or targets come and go and the rest notices nothing. A poller's own options are
 * given once; which of them the file changed is told.
 *
 * Neither holds up polling: the file is read on a thread, and targets come and go in slices. Until
 * they have, both configs are there; a SIGHUP meanwhile has the file read once more afterwards. */
#include "base/log.h"
#include "base/plural.h"
#include "base/wall_clock.h"
#include "cli/run.h"

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

/* Of the handlers in b, those that are not in a, or not so; a name is put whole or not at all. */
static size_t put_handlers(struct buf *out, const struct worker_config *a,
                           const struct worker_config *b, bool gone)
{
    enum { NAME_ROOM = 64 };
    size_t more = 0;
    for (size_t i = 0; i < b->handler_count; i++) {
        const struct handler_config *h = &b->handlers[i];
        const struct handler_config *other = worker_config_find(a, str_of(h->name));
        if (other && (gone || handler_config_is_same(h, other)))
            continue;
        size_t room = out->cap - out->len;
        if (strlen(h->name) > NAME_ROOM || room < 2 * NAME_ROOM)
            more++;
        else
            buf_printf(out, "%s[handler %s] (%s)", out->len ? ", " : "", h->name,
                       gone    ? "gone"
                       : other ? "changed"
                               : "new");
    }
    return more;
}

/* They work jobs: which they are is settled at the start. */
static void log_handlers(struct run *r, const struct worker_config *a,
                         const struct worker_config *b)
{
    char text[1024];
    struct buf names = BUF_ON(text);
    size_t more = put_handlers(&names, a, b, false);
    more += put_handlers(&names, b, a, true);
    if (more)
        buf_printf(&names, "%s%zu %s", names.len ? " and " : "", more,
                   names.len   ? "more"
                   : more == 1 ? "handler"
                               : "handlers");
    if (names.len)
        log_line(&r->log, PIPEPOLL_WARNING, "needs a restart, and is not in force before: %.*s",
                 STR_ARG(buf_str(&names)));
}

/* A poller's options are given once, and a worker's: told is what is not as at the start. */
static void log_unchangeable(struct run *r, const struct config *new)
{
    char text[1024];
    struct buf keys = BUF_ON(text);
    run_fixed_put_changed(&keys, &r->fixed, new);
    if (keys.len)
        log_line(&r->log, PIPEPOLL_WARNING, "these wait for the next start: %.*s",
                 STR_ARG(buf_str(&keys)));
    log_handlers(r, &r->worker, &new->worker);
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
        log_line(&r->log, PIPEPOLL_ERROR, "%zu error%s in %s: %s", own, plural(own), file, then);
    else if (!own)
        log_line(&r->log, PIPEPOLL_ERROR, "%zu error%s in the settings of this machine: %s",
                 diagnostics->elsewhere, plural(diagnostics->elsewhere), then);
    else
        log_line(&r->log, PIPEPOLL_ERROR,
                 "%zu error%s in %s and %zu in the settings of this machine: %s", own, plural(own),
                 file, diagnostics->elsewhere, then);
}

static void log_idle(struct run *r, uint32_t idle)
{
    if (idle)
        log_line(&r->log, PIPEPOLL_WARNING,
                 "%u of %u loops have nothing to poll: there are not as many regions", idle,
                 r->options.loops);
}

/* A reload is over, or the start is. Who is told so may ask how things stand at once. */
static void settle(struct run *r)
{
    r->reload = RELOAD_NONE;
    status_taker_expire(&r->taker);
    run_notify_settled(r);
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

/* The secret may be another one with each reload; whether one is needed is settled at the start. */
static void take_token(struct run *r, const struct http_config *new)
{
    if (r->web && new->token && web_set_token(r->web, new->token))
        log_line(&r->log, PIPEPOLL_INFO,
                 "[http]: token-file holds another secret, which is needed from now on");
}

static void take_config(struct run *r, struct config *new)
{
    struct logger before = r->logger;
    run_apply_options(r, new);
    if (r->options.listen) /* what it needs of the file is that of the start */
        (void)http_config_set_listen(&new->http, r->options.listen, NULL);
    log_unchangeable(r, new);
    log_logger_change(r, &before, new);
    take_token(r, &new->http);
    r->previous = r->config;
    r->config = *new;
    r->reload = RELOAD_CHANGING;
    shards_change(&r->shards);
}

/* Of the first change, at the start: what the journal held and nobody took. */
static void tell_recovery(struct run *r)
{
    if (r->has_world && r->world.recovery && r->reload == RELOAD_STARTING)
        job_recovery_tell(r->world.recovery, &r->log);
}

void run_on_changed(void *ctx, const struct shards_change *what)
{
    struct run *r = ctx;
    log_idle(r, what->idle);
    tell_recovery(r);
    if (r->reload == RELOAD_CHANGING) {
        config_deinit(&r->previous);
        log_line(&r->log, PIPEPOLL_INFO, "%s taken: %zu target%s added, %zu removed, %zu unchanged",
                 config_name(r->options.config), what->added, plural(what->added), what->removed,
                 what->kept);
    }
    settle(r);
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
    r->config_refused = got->result != PIPEPOLL_OK;
    if (got->result)
        run_log_refusal(r, got->result, &got->diagnostics, "nothing changes");
    else
        take_config(r, &got->config);
    if (!got->result)
        r->config_read_ms = wall_clock_ms();
    shards_refresh(&r->shards);
    if (got->result)
        settle(r);
}

void run_reload(struct run *r)
{
    if (strcmp(r->options.config, "-") == 0) {
        log_line(&r->log, PIPEPOLL_WARNING,
                 "SIGHUP: the config came from stdin, which can be read but once: nothing changes, "
                 "but credentials are asked for anew; give --config a file to reload it");
        run_notify_reloading(r);
        shards_refresh(&r->shards);
        run_notify_settled(r);
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
    run_notify_reloading(r);
    int failed = config_reader_start(r->reader);
    if (!failed) {
        r->reload = RELOAD_READING;
        return;
    }
    log_line(&r->log, PIPEPOLL_ERROR, "SIGHUP: there is no thread to read %s: %s: nothing changes",
             config_name(r->options.config), uv_strerror(failed));
    run_notify_settled(r);
}

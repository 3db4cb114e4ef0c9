/* SPDX-License-Identifier: MIT */
/* `pipepoll run`: shards poll, and the home loop has the sink, the signals and the reload.
 * The sink's credit is its room, so that a slow reader leaves the jobs in the service. */
#include "cli/run.h"

#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/plural.h"
#include "cli/command.h"
#include "cli/fleet_check.h"
#include "cli/print_config.h"
#include "cli/worker_check.h"
#include "config/limits.h"
#include "daemon/leave.h"
#include "daemon/signals.h"
#include "daemon/sinks.h"

static void on_broken(void *ctx, const char *why)
{
    struct run *r = ctx;
    log_line(&r->log, PIPEPOLL_ERROR, "%s: polling ends", why);
    run_end(r, EXIT_FAILED);
}

/* --- signals --------------------------------------------------------------------------------- */

static void on_signal(void *ctx, int number)
{
    struct run *r = ctx;
    if (number == SIGTERM || number == SIGINT)
        run_on_end_signal(r, number);
    else if (number == SIGUSR1)
        run_log_status(r);
    else if (r->ending)
        log_line(&r->log, PIPEPOLL_INFO, "SIGHUP: nothing is read again, for we are ending");
    else
        run_reload(r);
}

enum { LOOK_MS = 500 };

static void on_look(uv_timer_t *timer)
{
    struct run *r = timer->data;
    shards_tell_health(&r->shards, &r->logger, false);
    run_fleet_look(r);
    logger_tell_repeats(&r->logger, false);
}

static int start_loop(struct run *r, struct pipepoll_error *why)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, 0 };
    r->home.on_signal = on_signal;
    r->home.ctx = r;
    int result = main_loop_open(&r->home, numbers, why);
    if (result)
        return result;
    signals_end_gracefully();
    uv_timer_init(&r->home.loop, &r->look);
    r->look.data = r;
    uv_timer_start(&r->look, on_look, LOOK_MS, LOOK_MS);
    run_notify_start(r);
    return PIPEPOLL_OK;
}

/* --- the beginning --------------------------------------------------------------------------- */

static int start_sink(struct run *r, struct pipepoll_error *why)
{
    size_t jobs = shards_jobs(r->options.loops, r->config.max_in_flight);
    const struct sinks_options o = { .loop = &r->home.loop, .jobs = jobs };
    return run_fleet_open_sink(r, &o, why);
}

static const struct status *on_asked(void *ctx)
{
    return run_status(ctx);
}

static int start_web(struct run *r, struct pipepoll_error *why)
{
    const struct web_options o = {
        .loop = &r->home.loop, .config = &r->http, .status = on_asked, .ctx = r
    };
    if (!r->http.listen)
        return PIPEPOLL_OK;
    int result = web_open(&r->web, &o, why);
    if (!result)
        log_line(&r->log, PIPEPOLL_INFO, "status page: %s", web_url(r->web));
    return result;
}

static int open_world(struct run *r, struct pipepoll_error *why)
{
    r->worker = r->config.worker;
    r->config.worker = (struct worker_config) { 0 };
    if (!r->worker.in_use)
        return PIPEPOLL_OK;
    int result = job_world_open(&r->world, &r->worker, &r->logger, why);
    r->has_world = !result;
    r->taker.world = r->has_world ? &r->world : NULL;
    size_t open = r->world.recovery ? job_recovery_count(r->world.recovery) : 0;
    if (open)
        log_line(&r->log, PIPEPOLL_INFO, "%zu job%s of an earlier run in the journal", open,
                 plural(open));
    return result;
}

static int start_shards(struct run *r, struct pipepoll_error *why)
{
    const struct shards_options o = { .home = &r->home.loop,
                                      .loops = r->options.loops,
                                      .config = &r->config,
                                      .world = r->has_world ? &r->world : NULL,
                                      .fleet = r->joined,
                                      .pulls = r->joined && r->fleet.works,
                                      .logger = &r->logger,
                                      .sink = r->sink,
                                      .broken = on_broken,
                                      .changed = run_on_changed,
                                      .ctx = r };
    return shards_open(&r->shards, &o, why);
}

static int start_reader(struct run *r, struct pipepoll_error *why)
{
    const struct config_reader_options o = { .loop = &r->home.loop,
                                             .path = r->options.config,
                                             .prepare = run_on_prepare,
                                             .done = run_on_read,
                                             .ctx = r };
    int result = config_reader_open(&r->reader, &o);
    return result ? explain(why, result, "no means to talk to a thread") : PIPEPOLL_OK;
}

static void log_ignored(struct run *r)
{
    char text[256];
    struct buf names = BUF_ON(text);
    signals_put_ignored(&names);
    if (names.len)
        log_line(&r->log, PIPEPOLL_INFO, "%.*s: stay ignored, as they were when we were started",
                 STR_ARG(buf_str(&names)));
}

static int start_targets(struct run *r, struct pipepoll_error *why)
{
    char text[256], loops[32];
    struct buf versions = BUF_ON(text), on = BUF_ON(loops);
    size_t targets = r->config.plan.count, sections = r->config.plan.section_count;
    command_put_versions(&versions);
    if (r->options.loops > 1)
        buf_printf(&on, " on %u loops", r->options.loops);
    log_line(&r->log, PIPEPOLL_INFO, "%s%zu target%s of %zu section%s in %s%.*s%s (%.*s)",
             r->joined ? "" : "polling ", targets, plural(targets), sections, plural(sections),
             config_name(r->options.config), STR_ARG(buf_str(&on)), run_fleet_share(r),
             STR_ARG(buf_str(&versions)));
    log_ignored(r);
    int result = run_start_targets(r);
    return result ? explain(why, result, "out of memory") : PIPEPOLL_OK;
}

static int fail_start(struct run *r, const char *why)
{
    log_line(&r->log, PIPEPOLL_ERROR, "%s", why);
    return EXIT_OTHER;
}

static int run_loop(struct run *r)
{
    struct pipepoll_error why = { .text = "out of memory" };
    int result = start_loop(r, &why);
    if (result)
        return fail_start(r, why.text);
    result = run_fleet_join(r, &why);
    if (!result)
        result = start_sink(r, &why);
    if (!r->sink) {
        r->code = fail_start(r, why.text);
        run_fleet_close(r, run_close_handles);
    } else {
        result = start_web(r, &why);
        if (!result)
            result = start_reader(r, &why);
        if (!result)
            result = open_world(r, &why);
        if (!result)
            result = start_shards(r, &why);
        if (!result)
            result = start_targets(r, &why);
        if (result)
            run_end(r, fail_start(r, why.text));
    }
    main_loop_run(&r->home);
    bool is_closed = job_world_close(&r->world);
    logger_tell_repeats(&r->logger, true); /* its last writes may have had something to say */
    if (!is_closed) {
        log_line(&r->log, PIPEPOLL_WARNING, "the journal's disk hangs: it is left behind");
        logger_flush();
        _exit(r->code ? r->code : EXIT_FAILED);
    }
    return r->code;
}

static int print_config(struct run *r)
{
    r->config.log_level = r->logger.level;
    r->config.log_json = r->logger.json;
    if (print_config_print(&r->config, config_name(r->options.config)))
        return fail_start(r, "out of memory");
    return command_finish(EXIT_FINE);
}

/* Of one loop the file's own check has told. */
static void warn_of_loops(struct run *r)
{
    uint64_t needed = limits_descriptors_needed(r->config.connections, r->options.loops);
    uint64_t most = limits_descriptors();
    if (r->options.loops > 1 && needed > most)
        log_line(&r->log, PIPEPOLL_WARNING,
                 "%zu connections on %u loops need %llu descriptors, and this process may have "
                 "%llu: raise the limit (ulimit -n, LimitNOFILE=), or lower max-connections",
                 r->config.connections, r->options.loops, (unsigned long long)needed,
                 (unsigned long long)most);
}

/* Each loop has a webhook's call-backs at an address of its own. */
static const struct handler_config *handler_of_one_loop(const struct run *r)
{
    const struct worker_config *w = &r->config.worker;
    for (size_t i = 0; i < w->handler_count; i++)
        if (w->handlers[i].kind == HANDLER_WEBHOOK && w->handlers[i].callback_port)
            return &w->handlers[i];
    return NULL;
}

static int run_config(struct run *r, const struct command *self)
{
    struct pipepoll_error why;
    if (r->options.listen && http_config_set_listen(&r->config.http, r->options.listen, &why))
        return command_misuse(self, "--listen %s", why.text);
    if (r->options.print_config)
        return print_config(r);
    if (r->options.loops > r->config.max_in_flight)
        return command_misuse(self, "--loops %u is more than max-in-flight, %u", r->options.loops,
                              r->config.max_in_flight);
    if (r->options.loops > 1 && r->config.fleet.servers)
        return command_misuse(self,
                              "--loops %u: a member of a fleet has one loop; run several "
                              "members instead",
                              r->options.loops);
    const struct handler_config *alone = r->options.loops > 1 ? handler_of_one_loop(r) : NULL;
    if (alone)
        return command_misuse(self,
                              "--loops %u: [handler %s] takes call-backs at port %u, which "
                              "one loop alone can have; run several processes instead",
                              r->options.loops, alone->name, alone->callback_port);
    warn_of_loops(r);
    run_fixed_note(&r->fixed, &r->config);
    r->http = r->config.http;
    r->config.http = (struct http_config) { .listen = NULL };
    r->fleet = r->config.fleet;
    r->config.fleet = (struct fleet_config) { .servers = NULL };
    run_prepare_status(r);
    int code = run_loop(r);
    status_taker_deinit(&r->taker);
    shards_deinit(&r->shards);
    return code;
}

static int load_and_run(struct run *r, const struct command *self)
{
    struct diagnostics diagnostics;
    r->logger.json = r->options.has_format && r->options.log_json;
    r->log = logger_log(&r->logger);
    int result = config_load(&r->config, r->options.config, &diagnostics);
    if (!result) {
        run_apply_options(r, &r->config);
        result = worker_check_tokens(&r->config.worker, &diagnostics);
    }
    if (!result && !r->options.print_config)
        result = fleet_check_files(&r->config.fleet, &diagnostics);
    diagnostics_each(&diagnostics, run_log_diagnostic, &r->logger);
    if (result) {
        run_log_refusal(r, result, &diagnostics, "not started");
        config_deinit(&r->config);
        return result == PIPEPOLL_ENOMEM ? EXIT_OTHER : EXIT_USAGE;
    }
    int code = run_config(r, self);
    config_deinit(&r->previous);
    config_deinit(&r->config);
    worker_config_deinit(&r->worker);
    http_config_deinit(&r->http);
    fleet_config_deinit(&r->fleet);
    run_fixed_deinit(&r->fixed);
    return code;
}

static int run_run(const struct command *self, int argc, char **argv)
{
    struct flags f = flags_of(self, argc, argv);
    struct run *r = calloc(1, sizeof *r);
    int code;
    if (!r)
        return command_misuse(self, "out of memory");
    r->logger.level = PIPEPOLL_INFO;
    if (run_options_read(&r->options, &f, &code))
        code = load_and_run(r, self);
    if (!r->home.hangs)
        free(r);
    return code;
}

const struct command command_run = {
    .name = STR_INIT("run"),
    .summary = "poll what a config file says, until told to end",
    .about =
        "Writes one JSON object a line to stdout: for each job\n"
        "  {\"event\":\"job\",\"time\":...,\"region\":...,\"actionTypeId\":{...},"
        "\"clientId\":...,\n"
        "   \"jobId\":...,\"amzRequestId\":...}, or \"nonce\" and \"accountId\" instead of\n"
        "\"clientId\" for a custom action's;\n"
        "and for each change of a target's health {\"event\":\"health\",...,\"target\":NAME,\n"
        "\"healthy\":true|false,\"status\":...,\"cause\":...,\"code\":...,\"message\":...,\n"
        "\"httpStatus\":...,\"retryInMs\":...}; a throttled target is healthy, with status\n"
        "\"throttled\"; one that is removed while unhealthy gets \"healthy\":true,\n"
        "\"status\":\"removed\". When the credentials that targets share came, changed or are\n"
        "unavailable: "
        "{\"event\":\"credentials\",\"time\":...,\"source\":...,\"usable\":true|false,\n"
        "\"degraded\":true|false,\"expires\":TIME|null,\"reason\":...,\"cause\":...}. A cause is a "
        "word;\n"
        "the file, role or host that it is about, where there is one, follows as \"subject\".\n"
        "In a fleet, with a section [fleet], no job is a line on stdout: those that no handler\n"
        "here takes go to the fleet's queue, see pipepoll-queue(7).\n"
        "Targets without credentials wait and resume by themselves. Logs go to stderr. When the\n"
        "reader of stdout is slow, jobs stay in the service: no poll starts while 64 KiB of lines\n"
        "wait for it, about 170 jobs (with --loops: for each loop and on the way). When the "
        "reader\n"
        "goes away, polling ends.\n\n"
        "SIGTERM, SIGINT and other signals that would end the process: polls in flight are\n"
        "finished, lines are written, exit 0. A second one after a second or more, or the end of\n"
        "drain-timeout: ends at once, and stderr lists each job that was not written. A signal\n"
        "that was ignored at the start (nohup) stays ignored, except SIGTERM.\n"
        "SIGHUP: the file is read again; targets that did not change notice nothing, a bad file\n"
        "changes nothing, and limits, polls' timeouts and ca-bundle wait for the next start.\n"
        "Credentials that are missing or were refused are fetched again.\n"
        "SIGUSR1: one line on stderr says how things stand.\n\n"
        "One loop does some ten thousand polls a second; `pipepoll bench` says what it does here.\n"
        "--loops is for more: a thread each, with its share of the regions and of max-in-flight.\n",
    .flags = run_flags,
    .flag_count = RUN_FLAG_COUNT,
    .operand = STR_INIT("--config"),
    .more =
        "The file:\n"
        "  [pipepoll]                   # defaults of all targets, and limits of the process\n"
        "  interval = 5s\n"
        "  max-in-flight = 256\n"
        "  [target web]\n"
        "  regions = us-east-1, eu-west-1   # or all, or all:aws-us-gov\n"
        "  category = Build\n"
        "  provider = Acme\n"
        "  version = 1\n"
        "  profile = acme                   # whose credentials; default: see below\n"
        "  role-arn = arn:aws:iam::123456789012:role/Poller   # to assume with these\n"
        "  pickup-goal = 5s                 # instead of interval: find 95 % of the jobs in time\n"
        "  # owner (Custom: jobs of custom actions), query-param = KEY=VALUE for these,\n"
        "  # max-batch-size, slowest-interval, external-id, role-session-name, endpoint-url,\n"
        "  # fips, dualstack\n"
        "Also in [pipepoll]: max-in-flight-per-region, max-connections (idle ones included),\n"
        "max-polls-per-second (for each account and\n"
        "region), request-timeout, connect-timeout, ca-bundle, log-level, log-format, and\n"
        "drain-timeout (30s), how long the end waits for polls and for the reader of stdout: less\n"
        "than the time after which your supervisor kills.\n\n"
        "Handlers: a target with handler = NAME has its jobs worked instead of printed (in\n"
        "[pipepoll]: all targets; handler = none: lines on stdout).\n"
        "  [pipepoll]\n"
        "  state-dir = /var/lib/pipepoll    # of the journal, which keeps jobs through a crash;\n"
        "                                   # or journal = none\n"
        "  client-tokens = /etc/pipepoll/tokens   # lines of client id and token; or\n"
        "                                   # client-tokens-command = PROGRAM ..., or\n"
        "                                   # client-tokens-url = https://.../{clientId}, with\n"
        "                                   # client-tokens-bearer-file, client-tokens-ttl (5m)\n"
        "  max-jobs = 16                    # in hand at once, in all\n"
        "  on-restart = fail                # or rerun: jobs that ran when the process died\n"
        "  handler = build\n"
        "  [handler build]                  # kind = exec: a program for each job\n"
        "  command = /usr/bin/build --quiet # words as in a shell, and no shell\n"
        "  # directory, environment = A=B \"C=D E\", timeout (1h), kill-after (10s), open-files,\n"
        "  # address-space = 2GiB, cpu-time, continue-after (a continuation is sent then)\n"
        "  [handler pool]                   # one program for many jobs\n"
        "  kind = stdio\n"
        "  command = /usr/bin/pool\n"
        "  concurrency = 4                  # jobs that it has at once (1)\n"
        "  [handler hook]                   # kind = webhook: a web service\n"
        "  url = https://example.com/jobs   # http:// to this machine, or with allow-http = yes\n"
        "  secret-file = /etc/pipepoll/key  # the HMAC key that signs requests\n"
        "  # timeout (of a request, 30s), callback-timeout (1h), callback-listen (127.0.0.1:0),\n"
        "  # callback-url (how the service gets there), continue-after\n"
        "Also in [pipepoll]: continuation-key-file (in state-dir). SIGHUP takes another handler "
        "of\n"
        "a target for new jobs; handlers themselves and these keys wait for the next start.\n\n"
        "[http] (with listen = 127.0.0.1:9464 or a path; allow-remote, token-file): how we are, as "
        "a\n"
        "page for people (/), /metrics, /healthz, /readyz and /status.json.\n\n"
        "[fleet]: many machines share targets and jobs; see pipepoll.ini(5).\n\n"
        "`pipepoll check` shows what a file asks for, `pipepoll doctor` whether it works. Where\n"
        "regions, endpoint-url, fips, dualstack or ca-bundle are missing, AWS_REGION and the "
        "other\n"
        "variables of the AWS CLI count, or the profile.\n\n"
        "Examples:\n"
        "  pipepoll run --config pipepoll.ini | my-worker\n"
        "  pipepoll run --config pipepoll.ini --log-format json 2>log.jsonl\n"
        "  pipepoll run --config pipepoll.ini --print-config\n\n" COMMAND_CREDENTIALS "\n"
        "Exit codes: 0 ended by a signal, or printed; 1 stdout broke; 252 wrong usage or file;\n"
        "255 anything else; 130, 143 ended at once, by a second signal or after drain-timeout.\n",
    .holds_credentials = true,
    .has_loop = true,
    .run = run_run,
};

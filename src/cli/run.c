/* `pipepoll run`: stations poll, and the home loop has the output, the signals and the reload.
 * Credit is the room for lines, so that a slow reader leaves the jobs in the service. The end,
 * whoever asks for it, goes one way: close the stations (polls in flight are delivered), then the
 * output (lines are written), then the signals; with nothing left the loop ends. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "cli/command.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/effective.h"
#include "cli/event.h"
#include "cli/output.h"
#include "cli/quantity.h"
#include "cli/run_options.h"
#include "cli/stations.h"

enum { SIGNAL_TERM, SIGNAL_INT, SIGNAL_HUP, SIGNAL_USR1, SIGNAL_COUNT };

/* timeout(1) signals its child and then its group, and a terminal's Ctrl-C may reach the reader
 * first: what comes sooner after the end began is no second wish. */
enum { AGAIN_MS = 1000 };

struct run {
    struct run_options options;
    struct config config;
    struct console console;
    struct log log;
    uv_loop_t loop;
    uv_signal_t signals[SIGNAL_COUNT];
    struct output *output;
    struct stations stations;
    bool ending;
    uint64_t ending_since_ms; /* of the loop's clock */
    size_t lost;              /* jobs not written */
    int code;
};

/* --- the end --------------------------------------------------------------------------------- */

static void log_work(struct run *r)
{
    struct stations_work work = stations_work(&r->stations);
    log_line(&r->log, PIPEPOLL_INFO, "ended: %llu job%s in %llu poll%s",
             (unsigned long long)work.jobs, quantity_plural(work.jobs),
             (unsigned long long)work.polls, quantity_plural(work.polls));
}

static void on_output_closed(void *ctx)
{
    struct run *r = ctx;
    r->output = NULL;
    if (r->code == EXIT_FINE)
        log_work(r);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&r->signals[i], NULL);
}

static void on_stations_closed(void *ctx)
{
    struct run *r = ctx;
    output_close(r->output, on_output_closed, r);
}

static void end(struct run *r, int code)
{
    if (code)
        r->code = code;
    if (r->ending)
        return;
    r->ending = true;
    r->ending_since_ms = uv_now(&r->loop);
    stations_close(&r->stations);
}

/* --- output ---------------------------------------------------------------------------------- */

static void on_room(void *ctx)
{
    struct run *r = ctx;
    stations_on_room(&r->stations);
}

static void on_broken(void *ctx, int error)
{
    struct run *r = ctx;
    log_line(&r->log, PIPEPOLL_ERROR, "cannot write to stdout: %s: polling ends",
             uv_strerror(error));
    end(r, EXIT_FAILED);
    stations_on_broken(&r->stations);
}

/* Not by log_line(), which cuts: this is the last that anybody sees of a job. What other lines say
 * is in the log already. */
static void on_lost(void *ctx, str line)
{
    struct run *r = ctx;
    if (!event_is_job(line))
        return;
    r->lost++;
    char text[EVENT_LINE_MAX + 64];
    struct buf b = BUF_ON(text);
    buf_put(&b, STR("not written to stdout: "));
    buf_put(&b, line);
    console_write(&r->console, PIPEPOLL_ERROR, buf_str(&b));
}

/* --- reload ---------------------------------------------------------------------------------- */

static void log_complaint(void *ctx, enum pipepoll_level level, str text)
{
    console_write(ctx, level, text);
}

static void set_console(struct run *r, const struct config *config)
{
    const struct run_options *o = &r->options;
    r->console.level = o->has_level ? o->level : config->log_level;
    r->console.json = o->has_format ? o->log_json : config->log_json;
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
    put_changed(&keys, a->max_polls_per_s != b->max_polls_per_s, "max-polls-per-second");
    put_changed(&keys, a->request_timeout_ms != b->request_timeout_ms, "request-timeout");
    put_changed(&keys, a->connect_timeout_ms != b->connect_timeout_ms, "connect-timeout");
    put_changed(&keys, !str_eq(a->ca_bundle, b->ca_bundle), "ca-bundle");
    if (keys.len)
        log_line(&r->log, PIPEPOLL_WARNING, "from the next start on, not before: %.*s",
                 STR_ARG(buf_str(&keys)));
}

static void log_console_change(struct run *r, const struct console *before,
                               const struct config *new)
{
    const struct run_options *o = &r->options;
    if (r->console.level != before->level)
        log_line(&r->log, PIPEPOLL_INFO, "log-level is %s from now on",
                 config_log_level_name(r->console.level));
    if (r->console.json != before->json)
        log_line(&r->log, PIPEPOLL_INFO, "log-format is %s from now on",
                 r->console.json ? "json" : "text");
    if (o->has_level && new->log_level != r->config.log_level)
        log_line(&r->log, PIPEPOLL_WARNING, "--log-level goes before the file's log-level");
    if (o->has_format && new->log_json != r->config.log_json)
        log_line(&r->log, PIPEPOLL_WARNING, "--log-format goes before the file's log-format");
}

/* After its complaints: the line that says what came of it. */
static void log_refusal(struct run *r, int result, const struct complaints *c, const char *then)
{
    if (result == PIPEPOLL_ENOMEM)
        log_line(&r->log, PIPEPOLL_ERROR, "no memory for %s: %s", r->options.config, then);
    else
        log_line(&r->log, PIPEPOLL_ERROR, "%zu error%s in %s: %s", c->errors,
                 quantity_plural(c->errors), r->options.config, then);
}

static void log_idle(struct run *r, uint32_t idle)
{
    if (idle)
        log_line(&r->log, PIPEPOLL_WARNING,
                 "%u of %u loops have nothing to poll: there are not as many regions", idle,
                 r->options.loops);
}

static void take_config(struct run *r, struct config *new)
{
    struct stations_change changed;
    struct console before = r->console;
    set_console(r, new);
    if (stations_change(&r->stations, &new->plan, &changed)) {
        r->console = before;
        log_refusal(r, PIPEPOLL_ENOMEM, NULL, "nothing changes");
        config_deinit(new);
        return;
    }
    log_unchangeable(r, &r->config, new);
    log_console_change(r, &before, new);
    log_idle(r, changed.idle);
    config_deinit(&r->config);
    r->config = *new;
    log_line(&r->log, PIPEPOLL_INFO, "%s taken: %zu target%s added, %zu removed, %zu unchanged",
             r->options.config, changed.added, quantity_plural(changed.added), changed.removed,
             changed.kept);
}

static void reload(struct run *r)
{
    struct config new;
    struct complaints complaints;
    int result = config_load(&new, r->options.config, &complaints);
    complaints_each(&complaints, log_complaint, &r->console);
    if (result)
        log_refusal(r, result, &complaints, "nothing changes");
    else
        take_config(r, &new);
    stations_refresh(&r->stations);
}

/* --- signals --------------------------------------------------------------------------------- */

static void log_status(struct run *r)
{
    stations_note(&r->stations);
    struct stations_work w = stations_work(&r->stations);
    log_line(&r->log, PIPEPOLL_INFO,
             "status: polls %llu, jobs %llu, failed %llu; targets %zu, unhealthy %zu; "
             "in flight %u, parked %u; at most %u ms late; %zu bytes unwritten",
             (unsigned long long)w.polls, (unsigned long long)w.jobs,
             (unsigned long long)w.failures, w.targets, w.unhealthy, w.in_flight, w.parked,
             w.max_lateness_ms, output_backlog(r->output));
}

/* With the signals as the system has them, for a third one must not wait for a stderr that nobody
 * reads. Not exit(): its handlers would wait for a write that may never end. */
static void end_at_once(struct run *r, int number)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        uv_signal_stop(&r->signals[i]);
    output_give_up(r->output);
    uint32_t in_flight = stations_give_up(&r->stations);
    log_line(&r->log, r->lost || in_flight ? PIPEPOLL_WARNING : PIPEPOLL_INFO,
             "ended at once: %zu job%s not written, %u poll%s in flight", r->lost,
             quantity_plural(r->lost), in_flight, quantity_plural(in_flight));
    _exit(128 + number);
}

static void on_end_signal(struct run *r, int number)
{
    if (r->ending && uv_now(&r->loop) - r->ending_since_ms < AGAIN_MS)
        return;
    if (r->ending)
        end_at_once(r, number);
    log_line(&r->log, PIPEPOLL_INFO,
             "%s: polls in flight are finished, then we end (again: end at once)",
             number == SIGINT ? "SIGINT" : "SIGTERM");
    end(r, EXIT_FINE);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct run *r = handle->data;
    if (number == SIGTERM || number == SIGINT)
        on_end_signal(r, number);
    else if (r->ending)
        return;
    else if (number == SIGHUP)
        reload(r);
    else
        log_status(r);
}

/* --- the beginning --------------------------------------------------------------------------- */

static int start_signals(struct run *r)
{
    static const int numbers[SIGNAL_COUNT] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
    int result = 0;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(&r->loop, &r->signals[i]);
        r->signals[i].data = r;
        int started = uv_signal_start(&r->signals[i], on_signal, numbers[i]);
        result = result ? result : started;
    }
    return result;
}

static int start_output(struct run *r, struct pipepoll_error *why)
{
    const struct output_options o = { .fd = STDOUT_FILENO,
                                      .size = stations_outlet_size(r->options.loops,
                                                                   r->config.max_in_flight),
                                      .extra_size = station_outlet_extra_size(),
                                      .room = on_room,
                                      .broken = on_broken,
                                      .lost = on_lost,
                                      .ctx = r };
    int result = output_open(&r->output, &r->loop, &o);
    return result == PIPEPOLL_EINVAL ? explain(why, result, "stdout is not open for writing")
                                     : result;
}

static int start_stations(struct run *r, struct pipepoll_error *why)
{
    const struct stations_options o = { .home = &r->loop,
                                        .loops = r->options.loops,
                                        .config = &r->config,
                                        .console = &r->console,
                                        .output = r->output,
                                        .closed = on_stations_closed,
                                        .ctx = r };
    return stations_open(&r->stations, &o, why);
}

static int start_targets(struct run *r, struct pipepoll_error *why)
{
    char text[256], loops[32];
    struct buf versions = BUF_ON(text), on = BUF_ON(loops);
    struct stations_change changed;
    size_t targets = r->config.plan.count, sections = r->config.plan.section_count;
    command_put_versions(&versions);
    if (r->options.loops > 1)
        buf_printf(&on, " on %u loops", r->options.loops);
    log_line(&r->log, PIPEPOLL_INFO, "polling %zu target%s of %zu section%s in %s%.*s (%.*s)",
             targets, quantity_plural(targets), sections, quantity_plural(sections),
             r->options.config, STR_ARG(buf_str(&on)), STR_ARG(buf_str(&versions)));
    int result = stations_change(&r->stations, &r->config.plan, &changed);
    if (result)
        return explain(why, result, "out of memory");
    log_idle(r, changed.idle);
    return PIPEPOLL_OK;
}

static int fail_start(struct run *r, const char *why)
{
    log_line(&r->log, PIPEPOLL_ERROR, "%s", why);
    return EXIT_OTHER;
}

static int run_loop(struct run *r)
{
    struct pipepoll_error why = { "out of memory" };
    int result = uv_loop_init(&r->loop);
    if (result) {
        log_line(&r->log, PIPEPOLL_ERROR, "no event loop: %s", uv_strerror(result));
        return EXIT_OTHER;
    }
    result = start_signals(r);
    if (result)
        result = explain(&why, PIPEPOLL_ESYSTEM, "no signal handlers: %s", uv_strerror(result));
    if (!result)
        result = start_output(r, &why);
    if (!r->output) {
        r->code = fail_start(r, why.text);
        on_output_closed(r);
    } else {
        result = start_stations(r, &why);
        if (!result)
            result = start_targets(r, &why);
        if (result)
            end(r, fail_start(r, why.text));
    }
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_loop_close(&r->loop);
    return r->code;
}

static int print_config(struct run *r)
{
    if (effective_print(&r->config, r->options.config, &r->console))
        return fail_start(r, "out of memory");
    return command_finish(EXIT_FINE);
}

static int run_run(const struct command *self, int argc, char **argv)
{
    struct run r = { .console.level = PIPEPOLL_INFO };
    struct complaints complaints;
    struct flags f = flags_of(self, argc, argv);
    int code;
    if (!run_options_read(&r.options, &f, &code))
        return code;
    r.console.json = r.options.has_format && r.options.log_json;
    r.log = console_log(&r.console);
    int result = config_load(&r.config, r.options.config, &complaints);
    if (!result)
        set_console(&r, &r.config);
    complaints_each(&complaints, log_complaint, &r.console);
    if (result) {
        log_refusal(&r, result, &complaints, "not started");
        return result == PIPEPOLL_ENOMEM ? EXIT_OTHER : EXIT_USAGE;
    }
    if (r.options.print_config)
        code = print_config(&r);
    else if (r.options.loops > r.config.max_in_flight)
        code = command_misuse(self, "--loops %u is more than max-in-flight, %u", r.options.loops,
                              r.config.max_in_flight);
    else
        code = run_loop(&r);
    stations_deinit(&r.stations);
    config_deinit(&r.config);
    return code;
}

const struct command command_run = {
    .name = STR_INIT("run"),
    .summary = "poll what a config file says, until told to end",
    .about =
        "Writes one JSON object a line to stdout: for each job\n"
        "  {\"event\":\"job\",\"time\":...,\"region\":...,\"actionTypeId\":{...},"
        "\"clientId\":...,\n"
        "   \"jobId\":...,\"amzRequestId\":...}\n"
        "and for each change of a target's health {\"event\":\"health\",...,\"target\":NAME,\n"
        "\"healthy\":true|false,\"status\":...,\"code\":...,\"message\":...,"
        "\"httpStatus\":...,\n"
        "\"retryInMs\":...}, and when the keys that targets share came, changed or can't be had\n"
        "{\"event\":\"credentials\",\"time\":...,\"source\":...,\"usable\":true|false,\n"
        "\"degraded\":true|false,\"expires\":TIME|null,\"reason\":...}; targets without keys wait\n"
        "and resume by themselves. Logs go to stderr. When the reader of stdout is slow, jobs stay "
        "in\n"
        "the service: no poll starts while 64 KiB of lines wait for it, about 170 jobs (with\n"
        "--loops: for each loop and on the way). When it goes away, polling ends.\n\n"
        "SIGTERM or SIGINT: polls in flight are finished, lines written, exit 0; again after a\n"
        "second or more: ends at once, and stderr has each job that was not written.\n"
        "SIGHUP: the file is read again; targets that did not change notice nothing, a bad file\n"
        "changes nothing, and limits, timeouts and ca-bundle wait for the next start. Keys that\n"
        "are missing or were refused are asked for anew.\n"
        "SIGUSR1: one line on stderr says how things stand.\n\n"
        "One loop does some ten thousand polls a second; `pipepoll bench` says what it does here.\n"
        "--loops is for more: a thread each, with its share of the regions and of max-in-flight.\n",
    .flags = run_flags,
    .flag_count = RUN_FLAG_COUNT,
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
        "  profile = acme                   # whose keys; default: see below\n"
        "  role-arn = arn:aws:iam::123456789012:role/Poller   # to assume with these\n"
        "  pickup-goal = 5s                 # instead of interval: find 95 % of the jobs in time\n"
        "  # owner, max-batch-size, slowest-interval, external-id, role-session-name,\n"
        "  # endpoint-url, fips, dualstack\n"
        "Also in [pipepoll]: max-in-flight-per-region, max-polls-per-second (for each account and\n"
        "region), request-timeout, connect-timeout, ca-bundle, log-level, log-format.\n"
        "`pipepoll check` shows what a file asks for, `pipepoll doctor` whether it works. Without\n"
        "regions, endpoint-url, fips, dualstack or ca-bundle it is AWS_REGION and its fellows or\n"
        "the profile that say, as for the AWS CLI.\n\n"
        "Examples:\n"
        "  pipepoll run --config pipepoll.ini | my-worker\n"
        "  pipepoll run --config pipepoll.ini --log-format json 2>log.jsonl\n"
        "  pipepoll run --config pipepoll.ini --print-config\n\n" COMMAND_CREDENTIALS "\n"
        "Exit codes: 0 ended by a signal, or printed; 1 stdout broke; 252 wrong usage or file;\n"
        "255 anything else; 130, 143 ended at once by a second signal.\n",
    .holds_keys = true,
    .run = run_run,
};

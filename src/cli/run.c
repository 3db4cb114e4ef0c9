/* `pipepoll run`: a poller on a loop, its answers as lines on stdout. Credit is the room of the
 * output queue, so that a slow reader leaves the jobs in the service. The end, whoever asks for it,
 * goes one way: close the poller (polls in flight are delivered), then the output (lines are
 * written), then the signals; with nothing left the loop ends. */
#include <signal.h>
#include <unistd.h>
#include <uv.h>

#include "base/list.h"
#include "cli/command.h"
#include "cli/config.h"
#include "cli/console.h"
#include "cli/event.h"
#include "cli/jsontext.h"
#include "cli/output.h"
#include "cli/roster.h"

enum { QUEUE_LINES_MIN = 256, QUEUE_LINES_MAX = 4096, HEALTH_LINES_MAX = 64, BATCH = 10 };

enum { SIGNAL_TERM, SIGNAL_INT, SIGNAL_HUP, SIGNAL_COUNT };

struct arguments {
    const char *config;
    bool has_level, has_format, log_json;
    enum pipepoll_level level;
};

struct run {
    struct arguments arguments;
    struct config config;
    struct console console;
    struct log log;
    uv_loop_t loop;
    uv_signal_t signals[SIGNAL_COUNT];
    struct pipepoll_sink sink;
    struct roster roster;
    struct output *output;
    bool ending;
    int code;
};

static struct run *run_of(struct pipepoll_sink *sink)
{
    return CONTAINER_OF(sink, struct run, sink);
}

/* --- the end --------------------------------------------------------------------------------- */

static void on_output_closed(void *ctx)
{
    struct run *r = ctx;
    r->output = NULL;
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&r->signals[i], NULL);
}

static void on_poller_closed(void *ctx)
{
    struct run *r = ctx;
    r->roster.poller = NULL;
    output_close(r->output, on_output_closed, r);
}

static void end(struct run *r, int code)
{
    if (code)
        r->code = code;
    if (r->ending)
        return;
    r->ending = true;
    if (r->roster.poller)
        pipepoll_close(r->roster.poller, on_poller_closed, r);
}

/* --- answers --------------------------------------------------------------------------------- */

static struct event_source source_now(const struct pipepoll_target *from)
{
    return (struct event_source) { .unix_ms = jsontext_now_ms(),
                                   .region = pipepoll_target_region(from),
                                   .action_type = pipepoll_target_action_type(from) };
}

static size_t credit(struct pipepoll_sink *sink)
{
    return output_room(run_of(sink)->output) / (EVENT_LINE_MAX + 1);
}

static void write_health(struct run *r, struct pipepoll_target *from,
                         const struct pipepoll_failure *failure)
{
    const struct roster_target *t = roster_of(from);
    struct event_source source = source_now(from);
    if (failure)
        log_line(&r->log, PIPEPOLL_WARNING, "[target %s] in %.*s: %s%s%.*s; next poll in %u ms",
                 t->name, STR_ARG(source.region), pipepoll_strerror(failure->status),
                 failure->message.len ? ": " : "", STR_ARG(failure->message), failure->retry_in_ms);
    else
        log_line(&r->log, PIPEPOLL_INFO, "[target %s] in %.*s is healthy again", t->name,
                 STR_ARG(source.region));
    char text[EVENT_LINE_MAX];
    struct buf line = BUF_ON(text);
    event_health(&line, &source, str_of(t->name), failure);
    if (line.overflow || !output_put_extra(r->output, buf_str(&line)))
        log_line(&r->log, PIPEPOLL_WARNING,
                 "a health event of [target %s] is left out: stdout is too slow", t->name);
}

static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    struct run *r = run_of(sink);
    char text[EVENT_LINE_MAX];
    if (roster_answered(roster_of(from)))
        write_health(r, from, NULL);
    struct event_source source = source_now(from);
    for (size_t i = 0; i < answer->job_count; i++) {
        struct buf line = BUF_ON(text);
        event_job(&line, &source, &answer->jobs[i], answer->request_id);
        if (line.overflow || !output_put(r->output, buf_str(&line)))
            log_line(&r->log, PIPEPOLL_ERROR, "not written to stdout: job %.*s in %.*s",
                     STR_ARG(answer->jobs[i].job_id), STR_ARG(source.region));
    }
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    if (roster_failed(roster_of(from), failure))
        write_health(run_of(sink), from, failure);
}

static void removed(struct pipepoll_sink *sink, struct pipepoll_target *from)
{
    (void)sink;
    roster_removed(roster_of(from));
}

/* --- output ---------------------------------------------------------------------------------- */

static void on_room(void *ctx)
{
    struct run *r = ctx;
    if (r->roster.poller)
        pipepoll_wake(r->roster.poller);
}

static void on_broken(void *ctx, int error)
{
    struct run *r = ctx;
    log_line(&r->log, PIPEPOLL_ERROR, "cannot write to stdout: %s: polling ends",
             uv_strerror(error));
    end(r, EXIT_FAILED);
}

/* Not by log_line(), which cuts: this is the last that anybody sees of a job. */
static void on_lost(void *ctx, str line)
{
    struct run *r = ctx;
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

static void set_console(struct run *r)
{
    const struct arguments *a = &r->arguments;
    r->console.level = a->has_level ? a->level : r->config.log_level;
    r->console.json = a->has_format ? a->log_json : r->config.log_json;
}

static bool needs_restart(const struct config *a, const struct config *b)
{
    return a->max_in_flight != b->max_in_flight ||
           a->max_in_flight_per_region != b->max_in_flight_per_region ||
           a->request_timeout_ms != b->request_timeout_ms ||
           a->connect_timeout_ms != b->connect_timeout_ms || a->http2 != b->http2 ||
           !str_eq(a->ca_bundle, b->ca_bundle);
}

/* After its complaints: the line that says what came of it. */
static void log_refusal(struct run *r, int result, const struct complaints *c, const char *then)
{
    if (result == PIPEPOLL_ENOMEM)
        log_line(&r->log, PIPEPOLL_ERROR, "no memory for %s: %s", r->arguments.config, then);
    else
        log_line(&r->log, PIPEPOLL_ERROR, "%zu error%s in %s: %s", c->errors,
                 c->errors == 1 ? "" : "s", r->arguments.config, then);
}

static void reload(struct run *r)
{
    struct config new;
    struct complaints complaints;
    int result = config_load(&new, r->arguments.config, &complaints);
    complaints_each(&complaints, log_complaint, &r->console);
    if (result) {
        log_refusal(r, result, &complaints, "nothing changes");
        return;
    }
    if (needs_restart(&r->config, &new))
        log_line(&r->log, PIPEPOLL_WARNING,
                 "limits, timeouts, ca-bundle and http2 change at the next start only");
    roster_change(&r->roster, &r->config.plan, &new.plan);
    config_deinit(&r->config);
    r->config = new;
    set_console(r);
    log_line(&r->log, PIPEPOLL_INFO, "%s taken: %zu targets added, %zu removed, %zu unchanged",
             r->arguments.config, r->roster.added, r->roster.removed, r->roster.kept);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct run *r = handle->data;
    if (number == SIGHUP && r->ending)
        return;
    if (number == SIGHUP) {
        reload(r);
        return;
    }
    /* Not exit(): its handlers would wait for a write that may never end. */
    if (r->ending)
        _exit(128 + number);
    log_line(&r->log, PIPEPOLL_INFO,
             "%s: polls in flight are finished, then we end (again: end at once)",
             number == SIGINT ? "SIGINT" : "SIGTERM");
    end(r, EXIT_FINE);
}

/* --- the beginning --------------------------------------------------------------------------- */

static int start_signals(struct run *r)
{
    static const int numbers[SIGNAL_COUNT] = { SIGTERM, SIGINT, SIGHUP };
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
    size_t lines = (size_t)r->config.max_in_flight * BATCH;
    lines = lines < QUEUE_LINES_MIN ? QUEUE_LINES_MIN : lines;
    lines = lines > QUEUE_LINES_MAX ? QUEUE_LINES_MAX : lines;
    const struct output_options o = { .fd = STDOUT_FILENO,
                                      .size = lines * (EVENT_LINE_MAX + 1),
                                      .extra_size = HEALTH_LINES_MAX * (EVENT_LINE_MAX + 1),
                                      .room = on_room,
                                      .broken = on_broken,
                                      .lost = on_lost,
                                      .ctx = r };
    int result = output_open(&r->output, &r->loop, &o);
    return result == PIPEPOLL_EINVAL ? explain(why, result, "stdout is not open for writing")
                                     : result;
}

static int start_poller(struct run *r, struct pipepoll_error *why)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    r->sink = (struct pipepoll_sink) {
        .credit = credit, .deliver = deliver, .failed = failed, .removed = removed
    };
    o.sink = &r->sink;
    o.ca_bundle = r->config.ca_bundle;
    o.max_in_flight = r->config.max_in_flight;
    o.max_in_flight_per_region = r->config.max_in_flight_per_region;
    o.request_timeout_ms = r->config.request_timeout_ms;
    o.connect_timeout_ms = r->config.connect_timeout_ms;
    o.http2 = r->config.http2;
    o.log = console_write;
    o.log_ctx = &r->console;
    return pipepoll_open(&r->roster.poller, &r->loop, &o, why);
}

static int explain_start(struct run *r, int result, const char *why)
{
    if (result == PIPEPOLL_ECREDENTIALS) {
        log_line(&r->log, PIPEPOLL_ERROR, "%s",
                 "Unable to locate credentials. You can configure credentials by setting "
                 "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
        return EXIT_CREDENTIALS;
    }
    log_line(&r->log, PIPEPOLL_ERROR, "%s", why);
    return EXIT_OTHER;
}

static void start_targets(struct run *r)
{
    struct plan none = { 0 };
    char text[256];
    struct buf versions = BUF_ON(text);
    command_put_versions(&versions);
    roster_change(&r->roster, &none, &r->config.plan);
    log_line(&r->log, PIPEPOLL_INFO, "polling %zu targets of %zu sections in %s (%.*s)",
             r->roster.added, r->config.plan.section_count, r->arguments.config,
             STR_ARG(buf_str(&versions)));
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
    if (!result)
        result = start_poller(r, &why);
    if (result) {
        r->code = explain_start(r, result, why.text);
        r->ending = true;
        if (r->output)
            output_close(r->output, on_output_closed, r);
        else
            on_output_closed(r);
    } else {
        start_targets(r);
    }
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_loop_close(&r->loop);
    return r->code;
}

enum { FLAG_CONFIG, FLAG_LOG_FORMAT, FLAG_LOG_LEVEL };

static const struct flag flags[] = {
    [FLAG_CONFIG] = { STR_INIT("--config"), "FILE", "what to poll (required); see below" },
    [FLAG_LOG_FORMAT] = { STR_INIT("--log-format"), "text|json",
                          "of the log on stderr (default text, or the file's)" },
    [FLAG_LOG_LEVEL] = { STR_INIT("--log-level"), "error|warning|info|debug",
                         "the least important to log (default info, or the file's)" },
};

/* 0, or what to exit with at once; *ended then. */
static int read_arguments(struct arguments *out, struct flags *f, bool *ended)
{
    str value;
    int flag;
    *ended = true;
    while ((flag = flags_next(f, &value)) >= 0) {
        if (flag == FLAG_CONFIG)
            out->config = value.ptr;
        if (flag == FLAG_LOG_FORMAT && !(out->has_format = config_format(value, &out->log_json)))
            return flags_refuse(f, flag, "text or json", value);
        if (flag == FLAG_LOG_LEVEL && !(out->has_level = config_log_level(value, &out->level)))
            return flags_refuse(f, flag, "error, warning, info or debug", value);
    }
    if (flag != FLAGS_END)
        return flags_exit(flag);
    if (!out->config)
        return command_misuse(f->command, "--config FILE is required");
    *ended = false;
    return EXIT_FINE;
}

static int run_run(const struct command *self, int argc, char **argv)
{
    struct run r = { .console.level = PIPEPOLL_INFO };
    struct complaints complaints;
    struct flags f = flags_of(self, argc, argv);
    bool ended;
    int code = read_arguments(&r.arguments, &f, &ended);
    if (ended)
        return code;
    r.console.json = r.arguments.has_format && r.arguments.log_json;
    r.log = r.roster.log = console_log(&r.console);
    int result = config_load(&r.config, r.arguments.config, &complaints);
    if (!result)
        set_console(&r);
    complaints_each(&complaints, log_complaint, &r.console);
    if (result) {
        log_refusal(&r, result, &complaints, "not started");
        return result == PIPEPOLL_ENOMEM ? EXIT_OTHER : EXIT_USAGE;
    }
    code = run_loop(&r);
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
        "\"retryInMs\":...}. Logs go to stderr. When the reader of stdout is slow, jobs stay in\n"
        "the service; when it goes away, polling ends.\n\n"
        "SIGTERM or SIGINT: polls in flight are finished, lines written, exit 0; a second one\n"
        "ends at once. SIGHUP: the file is read again; targets that did not change notice\n"
        "nothing, and a bad file changes nothing.\n",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
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
        "  # owner, max-batch-size, endpoint-url, fips, dualstack\n"
        "Also in [pipepoll]: max-in-flight-per-region, request-timeout, connect-timeout,\n"
        "ca-bundle, http2, log-level, log-format. `pipepoll check` shows what a file asks for.\n\n"
        "Examples:\n"
        "  pipepoll run --config pipepoll.ini | my-worker\n"
        "  pipepoll run --config pipepoll.ini --log-format json 2>log.jsonl\n\n"
        "Credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.\n"
        "Exit codes: 0 ended by a signal; 1 stdout broke; 252 wrong usage or file;\n"
        "253 no credentials; 255 anything else; 130, 143 ended at once by a second signal.\n",
    .run = run_run,
};

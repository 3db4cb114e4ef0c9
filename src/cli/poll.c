/* `pipepoll poll`: one poll of each region, at once. A target is removed by its first answer, by a
 * failure that will not pass, or by its last attempt; when none is left the poller is closed. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uv.h>

#include "base/list.h"
#include "cli/failure.h"
#include "cli/identity.h"
#include "cli/leave.h"
#include "cli/poll_input.h"
#include "cli/poll_options.h"

enum { SCREEN_WIDTH = 80, APP_ID_MAX = 250 /* what the library takes */ };

/* What makes failures of several regions one and the same for people. */
struct kind {
    int status, http_status; /* status 0: there was none */
    char code[64];
};

struct once {
    str region;
    struct kind failure;
    bool is_told;               /* in full; of equal ones the first is */
    const struct datum *answer; /* NULL: there was none */
};

struct poll {
    struct poll_options options;
    struct once regions[POLL_REGIONS_MAX];
    size_t left;
    struct pipepoll_sink sink;
    struct pipepoll *poller;
    int code;
    bool done; /* the poller is closed */
};

static void on_closed(void *ctx)
{
    struct poll *p = ctx;
    p->done = true;
}

/* --- answers --------------------------------------------------------------------------------- */

/* As the AWS CLI has it, and the request's id where the whole answer is printed as JSON: a query
 * and the other formats show what they do for the CLI. */
static bool shows_request_id(const struct poll_options *o)
{
    return o->format == FORMAT_JSON && !o->query;
}

static const struct datum *read_job(struct arena *a, const struct pipepoll_job *job)
{
    struct datum *d = datum_object(a);
    if (job->client_id.len)
        datum_set_text(a, d, "clientId", job->client_id);
    if (job->job_id.len)
        datum_set_text(a, d, "jobId", job->job_id);
    return d;
}

static const struct datum *read_answer(struct poll_options *o, const struct pipepoll_answer *answer)
{
    struct datum *d = datum_object(&o->arena), *jobs = datum_list(&o->arena);
    for (size_t i = 0; i < answer->job_count; i++)
        datum_append(&o->arena, jobs, read_job(&o->arena, &answer->jobs[i]));
    datum_set(&o->arena, d, STR("jobs"), jobs);
    if (shows_request_id(o))
        datum_set_text(&o->arena, d, "amzRequestId", answer->request_id);
    return d;
}

static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    struct poll *p = CONTAINER_OF(sink, struct poll, sink);
    struct once *o = pipepoll_target_user(from);
    o->answer = read_answer(&p->options, answer);
    pipepoll_target_remove(from);
}

static bool has_answers(const struct poll *p)
{
    for (size_t i = 0; i < p->options.count; i++)
        if (p->regions[i].answer)
            return true;
    return false;
}

/* The answer; or with several regions an object of answers. NULL: there is nothing to print. */
static const struct datum *whole_answer(struct poll *p)
{
    struct datum *all = datum_object(&p->options.arena);
    for (size_t i = 0; i < p->options.count; i++) {
        const struct once *o = &p->regions[i];
        if (o->answer && !p->options.keyed)
            return o->answer;
        if (o->answer)
            datum_set(&p->options.arena, all, o->region, o->answer);
    }
    return p->options.keyed ? all : NULL;
}

/* --- printing -------------------------------------------------------------------------------- */

static struct format_screen screen_of(const struct poll_options *o)
{
    struct winsize size;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool is_terminal = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    bool may_color = is_terminal && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
    return (struct format_screen) {
        .title = "PollForThirdPartyJobs",
        .width = is_terminal && size.ws_col ? size.ws_col : SCREEN_WIDTH,
        .colored = o->color == POLL_COLOR_ON || (o->color == POLL_COLOR_AUTO && may_color),
    };
}

/* Query and print. EXIT_FINE, or what to exit with, and the user was told why. */
static int print(struct poll_options *o, const struct datum *d)
{
    struct format_screen screen = screen_of(o);
    struct text out = { .arena = &o->arena };
    struct pipepoll_error why = { .text = "out of memory" };
    if (o->query)
        d = query_search(&o->arena, o->query, d, &why);
    else if (o->keyed && d->count == 0 && o->format == FORMAT_JSON)
        text_put(&out, STR("{}\n")); /* no region answered */
    if (d && format_put(&out, d, o->format, &screen, &why) && !o->arena.failed) {
        if (out.buf.len)
            fwrite(out.buf.at, 1, out.buf.len, stdout);
        return command_finish(EXIT_FINE);
    }
    fprintf(stderr, "\n%s\n", o->arena.failed ? "out of memory for the answer" : why.text);
    return EXIT_OTHER;
}

static int print_input(struct poll_options *o)
{
    struct text out = { .arena = &o->arena };
    datum_write(&out, poll_input_skeleton(&o->arena), DATUM_INDENTED);
    printf("%.*s\n", STR_ARG(buf_str(&out.buf)));
    return command_finish(EXIT_FINE);
}

static int print_version(void)
{
    char text[256];
    struct buf line = BUF_ON(text);
    command_put_versions(&line);
    printf("%.*s\n", STR_ARG(buf_str(&line)));
    return command_finish(EXIT_FINE);
}

/* --- failures -------------------------------------------------------------------------------- */

/* The words of the AWS CLI where it has any. */
static void print_fault(const struct pipepoll_failure *f, uint32_t attempts, const char *url)
{
    if (f->status == PIPEPOLL_ETRANSPORT)
        fprintf(stderr, "Could not connect to the endpoint URL: \"%s\"", url);
    else if (f->status == PIPEPOLL_ETIMEDOUT)
        fprintf(stderr, "Read timeout on endpoint URL: \"%s\"", url);
    else if (f->status == PIPEPOLL_EUNTRUSTED)
        fprintf(stderr, "SSL validation failed for %s", url);
    else
        fprintf(stderr, "No answer from %s that could be used", url);
    if (f->attempt >= attempts)
        fprintf(stderr, " (reached max retries: %u)", attempts - 1);
    fprintf(stderr, ": %.*s\n", STR_ARG(f->message));
}

static void print_refusal(const struct pipepoll_failure *f, uint32_t attempts)
{
    char status[16];
    snprintf(status, sizeof status, "%d", f->http_status);
    str code = f->code.len ? f->code : str_of(status);
    fprintf(stderr, "An error occurred (%.*s) when calling the PollForThirdPartyJobs operation",
            STR_ARG(code));
    if (failure_may_pass(f) && f->attempt >= attempts)
        fprintf(stderr, " (reached max retries: %u)", attempts - 1);
    fprintf(stderr, ": %.*s\n", STR_ARG(f->message));
}

static bool same_kind(const struct kind *a, const struct kind *b)
{
    return a->status == b->status && a->http_status == b->http_status &&
           strcmp(a->code, b->code) == 0;
}

/* Of each kind one is told in full; without a network all would say the same. */
static bool is_told(const struct poll *p, const struct kind *k)
{
    for (size_t i = 0; i < p->options.count; i++)
        if (p->regions[i].is_told && same_kind(&p->regions[i].failure, k))
            return true;
    return false;
}

static void print_alike(const struct poll *p, const struct once *told)
{
    size_t n = 0;
    for (size_t i = 0; i < p->options.count; i++) {
        const struct once *o = &p->regions[i];
        if (o == told || !same_kind(&o->failure, &told->failure))
            continue;
        fprintf(stderr, "%s%.*s", n++ ? ", " : "The same: ", STR_ARG(o->region));
    }
    if (n)
        fputc('\n', stderr);
}

static void print_all_alike(const struct poll *p)
{
    for (size_t i = 0; i < p->options.count; i++)
        if (p->regions[i].is_told)
            print_alike(p, &p->regions[i]);
}

static bool is_refusal(const struct pipepoll_failure *f)
{
    /* What was not understood is no refusal of the service, nor is what another says. */
    return f->cause != PIPEPOLL_CAUSE_MIDDLE_BOX && (f->code.len || f->http_status >= 300);
}

static void print_failure(const struct poll *p, const struct once *o,
                          const struct pipepoll_failure *f)
{
    char url[512] = "";
    struct pipepoll_target_options target = p->options.target;
    target.region = o->region;
    pipepoll_endpoint(&target, url, sizeof url, NULL);
    fputc('\n', stderr);
    if (p->options.keyed)
        fprintf(stderr, "%.*s: ", STR_ARG(o->region));
    if (is_refusal(f))
        print_refusal(f, p->options.max_attempts);
    else
        print_fault(f, p->options.max_attempts, url);
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    struct poll *p = CONTAINER_OF(sink, struct poll, sink);
    if (failure_may_pass(failure) && failure->attempt < p->options.max_attempts)
        return;
    struct once *o = pipepoll_target_user(from);
    o->failure = (struct kind) { failure->status, failure->http_status, "" };
    snprintf(o->failure.code, sizeof o->failure.code, "%.*s", STR_ARG(failure->code));
    if (!is_told(p, &o->failure)) {
        o->is_told = true;
        print_failure(p, o, failure);
    }
    int code = is_refusal(failure) ? EXIT_REFUSED : EXIT_OTHER;
    p->code = code > p->code ? code : p->code;
    pipepoll_target_remove(from);
}

/* There is but one identity: without it nothing can be asked. That it is refused is the failure of
 * a poll, and told as such. */
static void credentials(struct pipepoll_sink *sink, const struct pipepoll_identity *identity)
{
    struct poll *p = CONTAINER_OF(sink, struct poll, sink);
    if (identity->usable || identity->refused || p->code == EXIT_CREDENTIALS)
        return;
    fprintf(stderr, "\nUnable to locate credentials: %.*s\n", STR_ARG(identity->reason));
    p->code = EXIT_CREDENTIALS;
    pipepoll_close(p->poller, on_closed, p);
}

static void removed(struct pipepoll_sink *sink, struct pipepoll_target *from)
{
    struct poll *p = CONTAINER_OF(sink, struct poll, sink);
    (void)from;
    if (--p->left == 0)
        pipepoll_close(p->poller, on_closed, p);
}

/* --- the poll -------------------------------------------------------------------------------- */

static void log_debug(void *ctx, enum pipepoll_level level, str line)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    (void)ctx;
    fprintf(stderr, "pipepoll poll: %s: %.*s\n", names[level], STR_ARG(line));
}

/* The CLI's read time-out begins when there is a connection; ours is for the whole. */
static uint32_t request_timeout_ms(const struct poll_options *o)
{
    enum { DAY_MS = 86400000, CONNECT_TIMEOUT_MS = 10000 };
    uint32_t connect_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    if (o->timeout_ms || !o->read_timeout_ms)
        return o->timeout_ms;
    return o->read_timeout_ms < DAY_MS - connect_ms ? o->read_timeout_ms + connect_ms : DAY_MS;
}

static int open_poller(struct poll *p, uv_loop_t *loop, struct pipepoll_error *why)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    const struct identity identity = { .profile = p->options.profile };
    p->sink = (struct pipepoll_sink) {
        .deliver = deliver, .failed = failed, .credentials = credentials, .removed = removed
    };
    o.sink = &p->sink;
    o.ca_bundle = p->options.ca_bundle;
    o.user_agent_app_id = p->options.user_agent_app_id;
    if (o.user_agent_app_id.len > APP_ID_MAX)
        o.user_agent_app_id.len = APP_ID_MAX;
    o.max_attempts = p->options.max_attempts;
    o.request_timeout_ms = request_timeout_ms(&p->options);
    o.connect_timeout_ms = p->options.connect_timeout_ms;
    o.log = p->options.debug ? log_debug : NULL;
    int r = identity_credentials(&o.credentials, &identity, why);
    if (r)
        return r;
    r = pipepoll_open(&p->poller, loop, &o, why);
    pipepoll_credentials_unref(o.credentials);
    return r;
}

static int add_targets(struct poll *p, struct pipepoll_error *why)
{
    int r = PIPEPOLL_OK;
    for (size_t i = 0; !r && i < p->options.count; i++) {
        struct pipepoll_target_options o = p->options.target;
        p->regions[i].region = o.region = p->options.regions[i];
        o.interval_ms = 1;
        o.user = &p->regions[i];
        r = pipepoll_target_add(p->poller, &o, NULL, why);
        if (!r)
            p->left++;
    }
    return r;
}

static int poll_regions(struct poll *p)
{
    static uv_loop_t loop; /* what hangs in it outlives this call */
    struct pipepoll_error why = { .text = "there is no event loop" };
    if (uv_loop_init(&loop)) {
        fprintf(stderr, "\npipepoll poll: %s\n", why.text);
        return EXIT_OTHER;
    }
    int r = open_poller(p, &loop, &why);
    if (!r) {
        r = add_targets(p, &why);
        if (r)
            pipepoll_close(p->poller, on_closed, p);
    }
    leave_loop(&loop, &p->done);
    if (r)
        fprintf(stderr, "\npipepoll poll: %s\n", why.text);
    return r ? EXIT_OTHER : p->code;
}

static int poll_and_print(struct poll *p)
{
    int code = poll_regions(p);
    print_all_alike(p);
    /* Keys may go when some regions have answered, perhaps with jobs. */
    const struct datum *answer =
        p->poller && (code != EXIT_CREDENTIALS || has_answers(p)) ? whole_answer(p) : NULL;
    int printed = answer ? print(&p->options, answer) : EXIT_FINE;
    return printed == EXIT_FINE ? code : printed;
}

static int act(struct poll *p)
{
    switch (p->options.print) {
    case POLL_PRINT_NOTHING:
        return poll_and_print(p);
    case POLL_PRINT_INPUT:
        return print_input(&p->options);
    case POLL_PRINT_OUTPUT:
        return print(&p->options, poll_output_skeleton(&p->options.arena));
    case POLL_PRINT_VERSION:
        return print_version();
    }
    return EXIT_OTHER;
}

static int run_poll(const struct command *self, int argc, char **argv)
{
    struct poll p = { .code = EXIT_FINE };
    struct flags f = flags_of(self, argc, argv);
    int code;
    if (poll_options_read(&p.options, &f, &code))
        code = act(&p);
    poll_options_deinit(&p.options);
    return code;
}

const struct command command_poll = {
    .name = STR_INIT("poll"),
    .summary = "ask once for third-party jobs, in one region or many",
    .about =
        "Flags, output and exit codes are those of\n"
        "`aws codepipeline poll-for-third-party-jobs`; to the whole answer as JSON `amzRequestId`\n"
        "is added:\n"
        "  {\"jobs\": [{\"clientId\": ..., \"jobId\": ...}], \"amzRequestId\": ...}\n"
        "With several regions, or `all`, it is one object with such an object for each region\n"
        "that answered: {\"us-east-1\": {\"jobs\": ...}, ...}. What may pass is tried three "
        "times,\nor as AWS_MAX_ATTEMPTS and AWS_RETRY_MODE say.\n"
        "A failure that several regions have in common is told once, with their names.\n"
        "A job handed out here is leased: who polls next will not see it for a while.\n",
    .flags = poll_flags,
    .flag_count = POLL_FLAG_COUNT,
    .more = "Examples:\n"
            "  pipepoll poll --region us-east-1 \\\n"
            "    --action-type-id category=Build,owner=ThirdParty,provider=Acme,version=1\n"
            "  pipepoll poll --region all --max-batch-size 5 \\\n"
            "    --action-type-id category=Test,provider=Acme,version=2\n\n"
            "  pipepoll poll --profile acme --action-type-id "
            "category=Build,provider=Acme,version=1\n\n" COMMAND_CREDENTIALS "\n"
            "Exit codes: 0 every region answered; 252 wrong usage; 253 no credentials, no region, "
            "or\n"
            "settings that are not understood; 254 the service refused; 255 anything else.\n",
    .holds_keys = true,
    .has_loop = true,
    .run = run_poll,
};

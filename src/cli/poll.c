/* SPDX-License-Identifier: MIT */
/* `pipepoll poll`: one poll of each region, at once. A target is removed by its first answer, by a
 * failure that will not pass, or by its last attempt; when none is left the poller is closed.
 * --timeout bounds the whole: when it is over, what has not answered is told and left behind. */
#include <stdio.h>
#include <uv.h>

#include "base/list.h"
#include "base/log.h"
#include "cli/poll_debug.h"
#include "cli/poll_input.h"
#include "cli/poll_print.h"
#include "cli/screen.h"
#include "config/config.h"
#include "config/identity_config.h"
#include "daemon/failure.h"
#include "daemon/leave.h"

/* What makes failures of several regions one and the same for people. */
struct kind {
    int status, http_status; /* status 0: there was none */
    enum pipepoll_cause cause;
    char code[64];
};

struct once {
    str region;
    struct kind failure;
    bool is_told; /* in full; of equal ones the first is */
    struct pipepoll_target *live;
    uint32_t attempts;          /* that failed */
    char last[200];             /* what the last of them met */
    const struct datum *answer; /* NULL: there was none */
};

struct poll {
    struct poll_options options;
    struct once regions[POLL_REGIONS_MAX];
    size_t left;
    struct pipepoll_sink sink;
    struct pipepoll *poller;
    uv_timer_t deadline;
    uint64_t end_ms; /* by the loop's clock */
    int code;
    bool done; /* the poller is closed, or left behind */
};

static void on_closed(void *ctx)
{
    struct poll *p = ctx;
    p->done = true;
    uv_close((uv_handle_t *)&p->deadline, NULL);
}

/* --- answers --------------------------------------------------------------------------------- */

/* As the AWS CLI has it, and the request's id where the whole answer is printed as JSON: a query
 * and the other formats show what they do for the CLI. */
static bool shows_request_id(const struct poll_options *o)
{
    return o->format == FORMAT_JSON && !o->query;
}

/* ThirdPartyJob or Job, in the words of the API. */
static const struct datum *read_job(struct poll_options *o, const struct pipepoll_job *job)
{
    struct datum *d = datum_object(&o->arena);
    const struct {
        const char *name;
        str text;
    } members[] = { { "clientId", job->client_id },
                    { poll_options_is_custom(o) ? "id" : "jobId", job->job_id },
                    { "nonce", job->nonce },
                    { "accountId", job->account_id } };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (members[i].text.len)
            datum_set_text(&o->arena, d, members[i].name, members[i].text);
    return d;
}

static const struct datum *read_answer(struct poll_options *o, const struct pipepoll_answer *answer)
{
    struct datum *d = datum_object(&o->arena), *jobs = datum_list(&o->arena);
    for (size_t i = 0; i < answer->job_count; i++)
        datum_append(&o->arena, jobs, read_job(o, pipepoll_job_at(answer, i)));
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
    poll_debug_answer(&p->options, from, answer);
    o->answer = read_answer(&p->options, answer);
    o->live = NULL;
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

/* --- failures -------------------------------------------------------------------------------- */

static bool same_kind(const struct kind *a, const struct kind *b)
{
    return a->status == b->status && a->cause == b->cause && a->http_status == b->http_status &&
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

static void tell_failure(struct poll *p, struct once *o, const struct pipepoll_failure *failure)
{
    o->failure = (struct kind) { failure->status, failure->http_status, failure->cause, "" };
    snprintf(o->failure.code, sizeof o->failure.code, "%.*s", STR_ARG(failure->code));
    if (!is_told(p, &o->failure)) {
        o->is_told = true;
        poll_print_failure(&p->options, o->region, failure);
    }
    int code = poll_is_refusal(failure) ? EXIT_REFUSED : EXIT_OTHER;
    p->code = code > p->code ? code : p->code;
}

static bool is_tried_again(const struct poll *p, const struct pipepoll_failure *failure)
{
    return failure_may_pass(failure) && failure->attempt < p->options.max_attempts &&
           uv_now(p->deadline.loop) + failure->retry_in_ms + poll_options_margin_ms(&p->options) <
               p->end_ms;
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    struct poll *p = CONTAINER_OF(sink, struct poll, sink);
    struct once *o = pipepoll_target_user(from);
    poll_debug_failure(&p->options, from, failure);
    o->attempts = failure->attempt;
    snprintf(o->last, sizeof o->last, "%.*s", STR_ARG(failure->message));
    if (is_tried_again(p, failure))
        return;
    tell_failure(p, o, failure);
    o->live = NULL;
    pipepoll_target_remove(from);
}

/* There is but one identity: without it nothing can be asked. That it is refused is the failure of
 * a poll, and told as such. */
static void credentials(struct pipepoll_sink *sink, const struct pipepoll_identity *identity)
{
    struct poll *p = CONTAINER_OF(sink, struct poll, sink);
    poll_debug_identity(&p->options, identity);
    if (identity->usable || identity->refused || p->code == EXIT_CREDENTIALS)
        return;
    fputs("\nUnable to locate credentials: ", stderr);
    screen_print_error(identity->reason);
    fputc('\n', stderr);
    p->code = EXIT_CREDENTIALS;
    pipepoll_close(p->poller, on_closed, p);
}

static void removed(struct pipepoll_sink *sink, struct pipepoll_target *from)
{
    struct poll *p = CONTAINER_OF(sink, struct poll, sink);
    struct once *o = pipepoll_target_user(from);
    o->live = NULL;
    if (--p->left == 0)
        pipepoll_close(p->poller, on_closed, p);
}

/* --- the deadline ---------------------------------------------------------------------------- */

static bool lacks_credentials(const struct once *o)
{
    struct pipepoll_report now = PIPEPOLL_REPORT_INIT;
    pipepoll_target_report(o->live, &now);
    return !now.identity->usable && !now.identity->refused;
}

static double whole_s(const struct poll *p)
{
    return (double)poll_options_whole_ms(&p->options) / 1e3;
}

static void give_up_credentials(struct poll *p)
{
    if (p->code != EXIT_CREDENTIALS)
        fprintf(stderr, "\nUnable to locate credentials: none came within the %g s of --timeout\n",
                whole_s(p));
    p->code = EXIT_CREDENTIALS;
}

static void give_up(struct poll *p, struct once *o)
{
    char text[320];
    struct buf message = BUF_ON(text);
    if (lacks_credentials(o)) {
        give_up_credentials(p);
        return;
    }
    buf_printf(&message, "no answer within the %g s of --timeout", whole_s(p));
    if (o->attempts)
        buf_printf(&message, "; attempt %u failed: %s", o->attempts, o->last);
    tell_failure(p, o,
                 &(struct pipepoll_failure) { .status = PIPEPOLL_ETIMEDOUT,
                                              .message = buf_str(&message),
                                              .cause = PIPEPOLL_CAUSE_TIMED_OUT });
}

/* What is in flight, or hangs in a file, is not waited for: the process ends. */
static void on_deadline(uv_timer_t *deadline)
{
    struct poll *p = deadline->data;
    for (size_t i = 0; i < p->options.count; i++)
        if (p->regions[i].live)
            give_up(p, &p->regions[i]);
    p->done = true;
}

static void start_deadline(struct poll *p, uv_loop_t *loop)
{
    uint64_t whole_ms = poll_options_whole_ms(&p->options);
    uv_update_time(loop);
    uv_timer_init(loop, &p->deadline);
    p->deadline.data = p;
    p->end_ms = uv_now(loop) + whole_ms;
    uv_timer_start(&p->deadline, on_deadline, whole_ms, 0);
}

/* --- the poll -------------------------------------------------------------------------------- */

static int open_poller(struct poll *p, uv_loop_t *loop, struct pipepoll_error *why)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    const struct identity_config identity = { .profile = p->options.profile };
    p->sink = (struct pipepoll_sink) { .size = sizeof p->sink,
                                       .deliver = deliver,
                                       .failed = failed,
                                       .credentials = credentials,
                                       .removed = removed };
    o.sink = &p->sink;
    o.ca_bundle = p->options.ca_bundle;
    o.user_agent_app_id = p->options.user_agent_app_id;
    if (o.user_agent_app_id.len > SETTINGS_APP_ID_MAX)
        o.user_agent_app_id.len = SETTINGS_APP_ID_MAX;
    o.max_attempts = p->options.max_attempts;
    o.request_timeout_ms = poll_options_attempt_ms(&p->options);
    o.connect_timeout_ms = p->options.connect_timeout_ms;
    o.log = p->options.debug ? poll_debug_log : NULL;
    int r = p->options.is_unsigned ? pipepoll_credentials_anonymous(&o.credentials, why)
                                   : identity_config_credentials(&o.credentials, &identity, why);
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
        r = pipepoll_target_add(p->poller, &o, &p->regions[i].live, why);
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
        start_deadline(p, &loop);
        r = add_targets(p, &why);
        if (r)
            pipepoll_close(p->poller, on_closed, p);
    }
    leave_loop(&loop, &p->done);
    if (r)
        fprintf(stderr, "\npipepoll poll: %s\n", why.text);
    return r ? EXIT_OTHER : p->code;
}

static void warn_of_insecurity(void)
{
    fputs("pipepoll poll: warning: --no-verify-ssl: the endpoint's certificate is not verified, so "
          "whoever is on the way can read the poll and answer it\n",
          stderr);
}

static int poll_and_print(struct poll *p)
{
    if (p->options.target.insecure)
        warn_of_insecurity();
    poll_debug_start(&p->options);
    int code = poll_regions(p);
    print_all_alike(p);
    /* Credentials may go when some regions have answered, perhaps with jobs. */
    const struct datum *answer =
        p->poller && (code != EXIT_CREDENTIALS || has_answers(p)) ? whole_answer(p) : NULL;
    int printed = answer ? poll_print(&p->options, answer) : EXIT_FINE;
    return printed == EXIT_FINE ? code : printed;
}

static int act(struct poll *p)
{
    switch (p->options.print) {
    case POLL_PRINT_NOTHING:
        return poll_and_print(p);
    case POLL_PRINT_INPUT:
        return poll_print_input(&p->options);
    case POLL_PRINT_OUTPUT:
        return poll_print(&p->options, poll_output_skeleton(&p->options.arena));
    case POLL_PRINT_VERSION:
        return command_version();
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
        "Takes the flags of `aws codepipeline poll-for-third-party-jobs`, and has its output and\n"
        "exit codes. The whole answer as JSON also has `amzRequestId`:\n"
        "  {\"jobs\": [{\"clientId\": ..., \"jobId\": ...}], \"amzRequestId\": ...}\n"
        "With owner=Custom it follows `aws codepipeline poll-for-jobs`, without the jobs' data:\n"
        "  {\"jobs\": [{\"id\": ..., \"nonce\": ..., \"accountId\": ...}], ...}\n"
        "With several regions, or `all`, it prints one object, with such an object for each\n"
        "region that answered: {\"us-east-1\": {\"jobs\": ...}, ...}. A failure that may pass is\n"
        "retried: three attempts, or as AWS_MAX_ATTEMPTS and AWS_RETRY_MODE say, while --timeout\n"
        "leaves time. A failure of several regions is told once, with their names.\n"
        "A job that is handed out here is leased: other polls do not find it for a while.\n",
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
    .holds_credentials = true,
    .has_loop = true,
    .run = run_poll,
};

/* `pipepoll poll`: one poll of each region, at once. A target is removed by its first answer, by a
 * failure that will not pass, or by its last attempt; when none is left the poller is closed. */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/list.h"
#include "cli/event.h"
#include "cli/failure.h"
#include "cli/identity.h"
#include "cli/jsontext.h"
#include "cli/leave.h"
#include "cli/poll_options.h"

enum { ATTEMPTS = 3, INDENT = 4 };

/* What makes failures of several regions one and the same for people. */
struct kind {
    int status, http_status; /* status 0: there was none */
    char code[64];
};

struct once {
    str region;
    struct kind failure;
    bool is_told;      /* in full; of equal ones the first is */
    struct buf answer; /* as it will be printed; .at NULL: there was none; owned */
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

static void put_line(struct buf *out, unsigned depth)
{
    buf_printf(out, "\n%*s", (int)(depth * INDENT), "");
}

static void put_named(struct buf *out, unsigned depth, const char *name, str value)
{
    put_line(out, depth);
    buf_printf(out, "\"%s\": ", name);
    jsontext_string(out, value);
}

static void put_job(struct buf *out, unsigned depth, const struct pipepoll_job *job)
{
    put_line(out, depth);
    buf_put_char(out, '{');
    if (job->client_id.len)
        put_named(out, depth + 1, "clientId", job->client_id);
    if (job->client_id.len && job->job_id.len)
        buf_put_char(out, ',');
    if (job->job_id.len)
        put_named(out, depth + 1, "jobId", job->job_id);
    put_line(out, depth);
    buf_put_char(out, '}');
}

/* The layout of the AWS CLI. */
static void put_answer(struct buf *out, unsigned depth, const struct pipepoll_answer *a)
{
    buf_put_char(out, '{');
    put_line(out, depth + 1);
    buf_put(out, STR("\"jobs\": ["));
    for (size_t i = 0; i < a->job_count; i++) {
        if (i)
            buf_put_char(out, ',');
        put_job(out, depth + 2, &a->jobs[i]);
    }
    if (a->job_count)
        put_line(out, depth + 1);
    buf_put(out, STR("],"));
    put_named(out, depth + 1, "amzRequestId", a->request_id);
    put_line(out, depth);
    buf_put_char(out, '}');
}

static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    struct poll *p = CONTAINER_OF(sink, struct poll, sink);
    struct once *o = pipepoll_target_user(from);
    size_t size = (answer->job_count + 1) * EVENT_LINE_MAX + answer->request_id.len * 6;
    o->answer = (struct buf) { .at = malloc(size), .cap = size };
    if (o->answer.at) {
        put_answer(&o->answer, p->options.keyed, answer);
    } else {
        fprintf(stderr, "\n%.*s: out of memory for an answer\n", STR_ARG(o->region));
        p->code = EXIT_OTHER;
    }
    pipepoll_target_remove(from);
}

static bool has_answers(const struct poll *p)
{
    for (size_t i = 0; i < p->options.count; i++)
        if (p->regions[i].answer.at)
            return true;
    return false;
}

static void print_answers(const struct poll *p)
{
    const char *before = "{\n    ";
    for (size_t i = 0; i < p->options.count; i++) {
        const struct once *o = &p->regions[i];
        if (!o->answer.at)
            continue;
        if (p->options.keyed)
            printf("%s\"%.*s\": ", before, STR_ARG(o->region));
        fwrite(o->answer.at, 1, o->answer.len, stdout);
        if (!p->options.keyed)
            putchar('\n');
        before = ",\n    ";
    }
    if (p->options.keyed)
        puts(before[0] == '{' ? "{}" : "\n}");
}

/* --- failures -------------------------------------------------------------------------------- */

/* The words of the AWS CLI where it has any. */
static void print_fault(const struct pipepoll_failure *f, const char *url)
{
    if (f->status == PIPEPOLL_ETRANSPORT)
        fprintf(stderr, "Could not connect to the endpoint URL: \"%s\"", url);
    else if (f->status == PIPEPOLL_ETIMEDOUT)
        fprintf(stderr, "Read timeout on endpoint URL: \"%s\"", url);
    else if (f->status == PIPEPOLL_EUNTRUSTED)
        fprintf(stderr, "SSL validation failed for %s", url);
    else
        fprintf(stderr, "No answer from %s that could be used", url);
    if (f->attempt >= ATTEMPTS)
        fprintf(stderr, " (reached max retries: %d)", ATTEMPTS - 1);
    fprintf(stderr, ": %.*s\n", STR_ARG(f->message));
}

static void print_refusal(const struct pipepoll_failure *f)
{
    char status[16];
    snprintf(status, sizeof status, "%d", f->http_status);
    str code = f->code.len ? f->code : str_of(status);
    fprintf(stderr, "An error occurred (%.*s) when calling the PollForThirdPartyJobs operation",
            STR_ARG(code));
    if (failure_may_pass(f) && f->attempt >= ATTEMPTS)
        fprintf(stderr, " (reached max retries: %d)", ATTEMPTS - 1);
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
    /* A success that was not understood is no refusal of the service. */
    return f->code.len || f->http_status >= 300;
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
        print_refusal(f);
    else
        print_fault(f, url);
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    struct poll *p = CONTAINER_OF(sink, struct poll, sink);
    if (failure_may_pass(failure) && failure->attempt < ATTEMPTS)
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

static int open_poller(struct poll *p, uv_loop_t *loop, struct pipepoll_error *why)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    const struct identity identity = { .profile = p->options.profile };
    p->sink = (struct pipepoll_sink) {
        .deliver = deliver, .failed = failed, .credentials = credentials, .removed = removed
    };
    o.sink = &p->sink;
    o.ca_bundle = p->options.ca_bundle;
    o.request_timeout_ms = p->options.timeout_ms;
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
    struct pipepoll_error why = { "there is no event loop" };
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

static int run_poll(const struct command *self, int argc, char **argv)
{
    struct poll p = { .code = EXIT_FINE };
    struct flags f = flags_of(self, argc, argv);
    int code;
    if (poll_options_read(&p.options, &f, &code)) {
        code = poll_regions(&p);
        print_all_alike(&p);
        /* Keys may go when some regions have answered, perhaps with jobs. */
        if (p.poller && (code != EXIT_CREDENTIALS || has_answers(&p)))
            print_answers(&p);
        code = command_finish(code);
    }
    for (size_t i = 0; i < p.options.count; i++)
        free(p.regions[i].answer.at);
    poll_options_deinit(&p.options);
    return code;
}

const struct command command_poll = {
    .name = STR_INIT("poll"),
    .summary = "ask once for third-party jobs, in one region or many",
    .about =
        "Output and exit codes are those of\n"
        "`aws codepipeline poll-for-third-party-jobs`, so are most flags; `amzRequestId` is "
        "added:\n"
        "  {\"jobs\": [{\"clientId\": ..., \"jobId\": ...}], \"amzRequestId\": ...}\n"
        "With several regions, or `all`, it is one object with such an object for each region\n"
        "that answered: {\"us-east-1\": {\"jobs\": ...}, ...}. What may pass is tried three "
        "times.\n"
        "A failure that several regions have in common is told once, with their names.\n"
        "Not there: --query (the output is for jq), --no-verify-ssl (--ca-bundle names a root),\n"
        "--debug (`pipepoll doctor` looks closer), --cli-connect-timeout and --cli-read-timeout\n"
        "(--timeout is for both).\n"
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

/* `pipepoll poll`: one poll of each region, at once. A target is removed by its first answer, by a
 * failure that will not pass, or by its last attempt; when none is left the poller is closed. */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/list.h"
#include "cli/action_type.h"
#include "cli/command.h"
#include "cli/event.h"
#include "cli/jsontext.h"
#include "cli/quantity.h"
#include "cli/region.h"

enum { ATTEMPTS = 3, REGIONS_MAX = 256, INDENT = 4 };

struct once {
    str region;
    struct buf answer; /* as it will be printed; .at NULL: there was none; owned */
};

struct poll {
    struct pipepoll_target_options target;
    const char *ca_bundle;
    uint32_t timeout_ms;
    struct once regions[REGIONS_MAX];
    size_t count, left;
    bool keyed; /* print one object by region, as there may be several */
    struct pipepoll_sink sink;
    struct pipepoll *poller;
    int code;
};

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
        put_answer(&o->answer, p->keyed, answer);
    } else {
        fprintf(stderr, "\n%.*s: out of memory for an answer\n", STR_ARG(o->region));
        p->code = EXIT_OTHER;
    }
    pipepoll_target_remove(from);
}

static void print_answers(const struct poll *p)
{
    const char *before = "{\n    ";
    for (size_t i = 0; i < p->count; i++) {
        const struct once *o = &p->regions[i];
        if (!o->answer.at)
            continue;
        if (p->keyed)
            printf("%s\"%.*s\": ", before, STR_ARG(o->region));
        fwrite(o->answer.at, 1, o->answer.len, stdout);
        if (!p->keyed)
            putchar('\n');
        before = ",\n    ";
    }
    if (p->keyed)
        puts(before[0] == '{' ? "{}" : "\n}");
}

/* --- failures -------------------------------------------------------------------------------- */

static bool may_pass(int status)
{
    switch (status) {
    case PIPEPOLL_ETRANSPORT:
    case PIPEPOLL_ETIMEDOUT:
    case PIPEPOLL_ETHROTTLED:
    case PIPEPOLL_ESERVICE:
    case PIPEPOLL_EPROTO:
        return true;
    default:
        return false;
    }
}

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
    if (may_pass(f->status) && f->attempt >= ATTEMPTS)
        fprintf(stderr, " (reached max retries: %d)", ATTEMPTS - 1);
    fprintf(stderr, ": %.*s\n", STR_ARG(f->message));
}

static int print_failure(const struct poll *p, const struct once *o,
                         const struct pipepoll_failure *f)
{
    char url[512] = "";
    struct pipepoll_target_options target = p->target;
    target.region = o->region;
    pipepoll_endpoint(&target, url, sizeof url, NULL);
    fputc('\n', stderr);
    if (p->keyed)
        fprintf(stderr, "%.*s: ", STR_ARG(o->region));
    /* A success that was not understood is no refusal of the service. */
    bool refused = f->code.len || f->http_status >= 300;
    if (refused)
        print_refusal(f);
    else
        print_fault(f, url);
    return refused ? EXIT_REFUSED : EXIT_OTHER;
}

static void failed(struct pipepoll_sink *sink, struct pipepoll_target *from,
                   const struct pipepoll_failure *failure)
{
    struct poll *p = CONTAINER_OF(sink, struct poll, sink);
    if (may_pass(failure->status) && failure->attempt < ATTEMPTS)
        return;
    int code = print_failure(p, pipepoll_target_user(from), failure);
    p->code = code > p->code ? code : p->code;
    pipepoll_target_remove(from);
}

static void removed(struct pipepoll_sink *sink, struct pipepoll_target *from)
{
    struct poll *p = CONTAINER_OF(sink, struct poll, sink);
    (void)from;
    if (--p->left == 0)
        pipepoll_close(p->poller, NULL, NULL);
}

/* --- the poll -------------------------------------------------------------------------------- */

static int open_poller(struct poll *p, uv_loop_t *loop, struct pipepoll_error *why)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    p->sink = (struct pipepoll_sink) { .deliver = deliver, .failed = failed, .removed = removed };
    o.sink = &p->sink;
    o.ca_bundle = str_of(p->ca_bundle);
    o.request_timeout_ms = p->timeout_ms;
    return pipepoll_open(&p->poller, loop, &o, why);
}

static int add_targets(struct poll *p, struct pipepoll_error *why)
{
    int r = PIPEPOLL_OK;
    for (size_t i = 0; !r && i < p->count; i++) {
        struct pipepoll_target *live;
        struct pipepoll_target_options o = p->target;
        o.region = p->regions[i].region;
        o.interval_ms = 1;
        o.user = &p->regions[i];
        r = pipepoll_target_add(p->poller, &o, &live, why);
        if (!r)
            p->left++;
    }
    return r;
}

static int explain_start(int r, const struct pipepoll_error *why)
{
    if (r == PIPEPOLL_ECREDENTIALS)
        fprintf(stderr, "\nUnable to locate credentials. You can configure credentials by setting "
                        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.\n");
    else
        fprintf(stderr, "\npipepoll poll: %s\n", why->text);
    return r == PIPEPOLL_ECREDENTIALS ? EXIT_CREDENTIALS : EXIT_OTHER;
}

static int poll_regions(struct poll *p)
{
    uv_loop_t loop;
    struct pipepoll_error why = { "there is no event loop" };
    if (uv_loop_init(&loop))
        return explain_start(PIPEPOLL_ESYSTEM, &why);
    int r = open_poller(p, &loop, &why);
    if (!r) {
        r = add_targets(p, &why);
        if (r)
            pipepoll_close(p->poller, NULL, NULL);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return r ? explain_start(r, &why) : p->code;
}

/* --- arguments ------------------------------------------------------------------------------- */

enum {
    FLAG_REGION,
    FLAG_ACTION_TYPE_ID,
    FLAG_MAX_BATCH_SIZE,
    FLAG_ENDPOINT_URL,
    FLAG_CA_BUNDLE,
    FLAG_TIMEOUT
};

static const struct flag flags[] = {
    [FLAG_REGION] = { STR_INIT("--region"), "REGION",
                      "a region, `all`, or `all:PARTITION` such as all:aws-us-gov;\n"
                      "repeat it for several\n"
                      "(default AWS_REGION, AWS_DEFAULT_REGION, us-east-1)" },
    [FLAG_ACTION_TYPE_ID] = { STR_INIT("--action-type-id"), "ID",
                              "category=Build,owner=ThirdParty,provider=P,version=1\n"
                              "or the same as JSON (required; owner may be left out)" },
    [FLAG_MAX_BATCH_SIZE] = { STR_INIT("--max-batch-size"), "N",
                              "jobs at most (default: left to the service)" },
    [FLAG_ENDPOINT_URL] = { STR_INIT("--endpoint-url"), "URL",
                            "instead of the region's own (default\n"
                            "AWS_ENDPOINT_URL_CODEPIPELINE, AWS_ENDPOINT_URL)" },
    [FLAG_CA_BUNDLE] = { STR_INIT("--ca-bundle"), "FILE",
                         "PEM file of trusted roots\n(default AWS_CA_BUNDLE, the system's)" },
    [FLAG_TIMEOUT] = { STR_INIT("--timeout"), "S", "of each request, in seconds (default 30)" },
};

static int add_region(struct poll *p, const struct flags *f, str region)
{
    for (size_t i = 0; i < p->count; i++)
        if (str_eq(p->regions[i].region, region))
            return EXIT_FINE;
    if (p->count == REGIONS_MAX)
        return command_misuse(f->command, "more than %d regions", REGIONS_MAX);
    p->regions[p->count++].region = region;
    return EXIT_FINE;
}

static int add_regions(struct poll *p, const struct flags *f, str word)
{
    char hint[96];
    str region = region_expand(word, 0);
    if (region.len == 0)
        return command_misuse(f->command, "there are no regions in \"%.*s\"%s", STR_ARG(word),
                              region_hint(word, hint, sizeof hint));
    int code = EXIT_FINE;
    for (size_t i = 0; code == EXIT_FINE && region.len; region = region_expand(word, ++i))
        code = add_region(p, f, region);
    p->keyed = region_is_all(word) || p->count > 1;
    return code;
}

static int read_flag(struct poll *p, const struct flags *f, int flag, str value)
{
    struct pipepoll_error why;
    switch (flag) {
    case FLAG_REGION:
        return add_regions(p, f, value);
    case FLAG_ACTION_TYPE_ID:
        if (action_type_parse(&p->target.action_type, value, &why))
            return command_misuse(f->command, "--action-type-id: %s", why.text);
        break;
    case FLAG_MAX_BATCH_SIZE:
        if (!quantity_count(value, 1, INT32_MAX, &p->target.max_batch_size))
            return flags_refuse(f, flag, "a number of at least 1", value);
        break;
    case FLAG_ENDPOINT_URL:
        p->target.endpoint_url = value;
        break;
    case FLAG_CA_BUNDLE:
        p->ca_bundle = value.ptr;
        break;
    case FLAG_TIMEOUT:
        if (!quantity_duration_ms(value, 1, 600000, &p->timeout_ms))
            return flags_refuse(f, flag, "a number of seconds up to 600", value);
        break;
    }
    return EXIT_FINE;
}

/* The first of two variables that is not blank; empty when both are. */
static str environment(const char *first, const char *second)
{
    str value = str_trim(str_of(getenv(first)));
    return value.len ? value : str_trim(str_of(getenv(second)));
}

static int complete(struct poll *p, const struct flags *f)
{
    struct pipepoll_error why;
    if (!p->target.action_type.provider.ptr)
        return command_misuse(f->command, "--action-type-id is required");
    if (!p->target.endpoint_url.ptr)
        p->target.endpoint_url = environment("AWS_ENDPOINT_URL_CODEPIPELINE", "AWS_ENDPOINT_URL");
    str region = environment("AWS_REGION", "AWS_DEFAULT_REGION");
    if (p->count == 0)
        add_region(p, f, region.len ? region : STR("us-east-1"));
    for (size_t i = 0; i < p->count; i++) {
        struct pipepoll_target_options o = p->target;
        o.region = p->regions[i].region;
        if (pipepoll_target_check(&o, &why))
            return command_misuse(f->command, "%s", why.text);
    }
    return EXIT_FINE;
}

static int run_poll(const struct command *self, int argc, char **argv)
{
    struct poll p = { .target = PIPEPOLL_TARGET_OPTIONS_INIT };
    struct flags f = flags_of(self, argc, argv);
    str value;
    int flag, code = EXIT_FINE;
    while (code == EXIT_FINE && (flag = flags_next(&f, &value)) != FLAGS_END) {
        if (flag < 0)
            return flags_exit(flag);
        code = read_flag(&p, &f, flag, value);
    }
    if (code == EXIT_FINE)
        code = complete(&p, &f);
    if (code == EXIT_FINE) {
        code = poll_regions(&p);
        if (p.poller)
            print_answers(&p);
        code = command_finish(code);
    }
    for (size_t i = 0; i < p.count; i++)
        free(p.regions[i].answer.at);
    return code;
}

const struct command command_poll = {
    .name = STR_INIT("poll"),
    .summary = "ask once for third-party jobs, in one region or many",
    .about =
        "Flags, output and exit codes are those of\n"
        "`aws codepipeline poll-for-third-party-jobs`, and `amzRequestId` is added:\n"
        "  {\"jobs\": [{\"clientId\": ..., \"jobId\": ...}], \"amzRequestId\": ...}\n"
        "With several regions, or `all`, it is one object with such an object for each region\n"
        "that answered: {\"us-east-1\": {\"jobs\": ...}, ...}. What may pass is tried three "
        "times.\n"
        "A job handed out here is leased: who polls next will not see it for a while.\n",
    .flags = flags,
    .flag_count = sizeof flags / sizeof *flags,
    .more = "Examples:\n"
            "  pipepoll poll --region us-east-1 \\\n"
            "    --action-type-id category=Build,owner=ThirdParty,provider=Acme,version=1\n"
            "  pipepoll poll --region all --max-batch-size 5 \\\n"
            "    --action-type-id category=Test,provider=Acme,version=2\n\n"
            "Credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.\n"
            "Exit codes: 0 every region answered; 252 wrong usage; 253 no credentials;\n"
            "254 the service refused; 255 anything else.\n",
    .run = run_poll,
};

/* The misbehaviours are not listed here: their names come from the simulator, as options for all
 * requests and as members of --trouble for some. */
#include "cli/sim_options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

enum option_id {
    OPTION_LISTEN = 1,
    OPTION_TLS,
    OPTION_CA_FILE,
    OPTION_PORT_FILE,
    OPTION_ACCESS_KEY,
    OPTION_SECRET_KEY,
    OPTION_SESSION_TOKEN,
    OPTION_JOBS,
    OPTION_JOBS_PER_SECOND,
    OPTION_SEED,
    OPTION_REGION,
    OPTION_ACTION_TYPE_ID,
    OPTION_LEASE,
    OPTION_DEFAULT_BATCH,
    OPTION_STRICT,
    OPTION_TROUBLE,
    OPTION_HELP,
    OPTION_FIRST_TROUBLE /* + i: sim_trouble_name(i) */
};

static const struct option fixed_options[] = {
    { "listen", required_argument, NULL, OPTION_LISTEN },
    { "tls", no_argument, NULL, OPTION_TLS },
    { "ca-file", required_argument, NULL, OPTION_CA_FILE },
    { "port-file", required_argument, NULL, OPTION_PORT_FILE },
    { "access-key", required_argument, NULL, OPTION_ACCESS_KEY },
    { "secret-key", required_argument, NULL, OPTION_SECRET_KEY },
    { "session-token", required_argument, NULL, OPTION_SESSION_TOKEN },
    { "jobs", required_argument, NULL, OPTION_JOBS },
    { "jobs-per-second", required_argument, NULL, OPTION_JOBS_PER_SECOND },
    { "seed", required_argument, NULL, OPTION_SEED },
    { "region", required_argument, NULL, OPTION_REGION },
    { "action-type-id", required_argument, NULL, OPTION_ACTION_TYPE_ID },
    { "lease", required_argument, NULL, OPTION_LEASE },
    { "default-batch", required_argument, NULL, OPTION_DEFAULT_BATCH },
    { "strict", no_argument, NULL, OPTION_STRICT },
    { "trouble", required_argument, NULL, OPTION_TROUBLE },
    { "help", no_argument, NULL, OPTION_HELP },
};

/* What the queues hold by default. */
enum { QUEUE_MIN = 100000 };

enum { FIXED_COUNT = sizeof fixed_options / sizeof *fixed_options, OPTIONS_MAX = 64 };

void sim_options_help(void)
{
    fputs(
        "pipepoll sim - serve a simulated CodePipeline, for any AWS SDK\n"
        "\n"
        "Usage: pipepoll sim [OPTION]...\n"
        "\n"
        "Serve a simulated AWS CodePipeline until Ctrl-C. It verifies signatures, checks input as\n"
        "the API's model says and hands out jobs. One port serves all regions: a request's region\n"
        "is the one it is signed for. Its URL is printed on one line when it listens.\n"
        "\n"
        "Options:\n"
        "  --listen HOST:PORT          where to listen (127.0.0.1:0; port 0 picks a free one)\n"
        "  --tls                       serve HTTPS with a certificate made for this run\n"
        "  --ca-file FILE              with --tls: write what clients must trust there (PEM)\n"
        "  --port-file FILE            write the port there, once it listens\n"
        "  --help                      this text\n"
        "\n"
        "Keys that requests must be signed with:\n"
        "  --access-key ID             (AKIDEXAMPLE)\n"
        "  --secret-key KEY            (wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY)\n"
        "  --session-token TOKEN       (none)\n"
        "\n"
        "Jobs:\n"
        "  --jobs N                    this many at the start\n"
        "  --region REGION             of these jobs (us-east-1)\n"
        "  --action-type-id category=Build,owner=ThirdParty,provider=Acme,version=1\n"
        "                              of these jobs; what is left out is as shown\n"
        "  --jobs-per-second R         more, spread over all regions and action types polled\n"
        "  --seed N                    same seed, same job ids (1)\n"
        "  --lease SECONDS             a job not acknowledged comes back after this (60)\n"
        "  --default-batch N           jobs for a poll without maxBatchSize (10)\n"
        "  --strict                    only the action type above and those added later exist\n"
        "\n"
        "Trouble, for all requests:\n"
        "  --latency MS                of each round trip, half before the request is looked at\n"
        "  --latency-jitter MS         up to this much more\n"
        "  --throttle N                ThrottlingException above N requests a second\n"
        "  --retry-after MS            x-amz-retry-after with throttling and 5xx\n"
        "  --error-rate R              share of requests answered 5xx, 0 to 1\n"
        "  --error-status N            which 5xx, 500 to 504 (500)\n"
        "  --reset-rate R              share whose connection is reset\n"
        "  --truncate-rate R           share whose answer is cut in the middle\n"
        "  --garbage-rate R            share answered 200 with something that is not JSON\n"
        "  --slow-bytes N              bytes of body a second\n"
        "  --clock-skew SECONDS        how wrong this service's clock is\n"
        "and for some of them, as often as you like; the most particular one counts:\n"
        "  --trouble 'region=eu-west-1,provider=Acme,latency=200,error-rate=0.1'\n"
        "\n"
        "While it runs (curl -X METHOD URL/_sim/... -d JSON):\n"
        "  POST jobs {\"region\":\"eu-west-1\",\"provider\":\"Acme\",\"count\":3}\n"
        "  POST acknowledge {\"jobId\":\"...\"}         POST action-types {\"provider\":\"Acme\"}\n"
        "  PUT trouble {\"region\":\"eu-west-1\",\"latency\":200}         DELETE trouble\n"
        "  GET ledger?since=0                        GET stats\n"
        "\n"
        "Example:\n"
        "  pipepoll sim --listen 127.0.0.1:8443 --tls --ca-file /tmp/sim.pem --jobs 3 &\n"
        "  export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_CA_BUNDLE=/tmp/sim.pem\n"
        "  export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n"
        "  aws codepipeline poll-for-third-party-jobs --endpoint-url https://127.0.0.1:8443 \\\n"
        "    --region us-east-1 \\\n"
        "    --action-type-id category=Build,owner=ThirdParty,provider=Acme,version=1\n"
        "or in Python:\n"
        "  import boto3\n"
        "  c = boto3.client('codepipeline', 'us-east-1', endpoint_url='https://127.0.0.1:8443')\n"
        "  print(c.poll_for_third_party_jobs(actionTypeId=dict(\n"
        "      category='Build', owner='ThirdParty', provider='Acme', version='1'))['jobs'])\n",
        stdout);
}

/* *out is untouched when the text is no number. */
static bool read_number(double *out, str text)
{
    char copy[64], *end;
    if (text.len == 0 || text.len >= sizeof copy || text.ptr[0] == ' ')
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    double n = strtod(copy, &end);
    if (*end != '\0' || !isfinite(n))
        return false;
    *out = n;
    return true;
}

/* A number of min to max, whole unless `whole` is false. */
static int read_ranged(double *out, const char *text, double min, double max, bool whole)
{
    double n;
    if (!read_number(&n, str_of(text)) || n < min || n > max || (whole && n != floor(n)))
        return PIPEPOLL_EINVAL;
    *out = n;
    return 0;
}

static int read_u32(uint32_t *out, const char *name, const char *text, struct pipepoll_error *why)
{
    double n;
    if (read_ranged(&n, text, 1, 1e9, true))
        return explain(why, PIPEPOLL_EINVAL, "--%s '%s' is not a whole number from 1 to 1000000000",
                       name, text);
    *out = (uint32_t)n;
    return 0;
}

static int read_trouble_field(struct sim_trouble *trouble, str name, str text,
                              struct pipepoll_error *why)
{
    double n = NAN; /* what is no number is out of every range, and told so by the name's rule */
    (void)read_number(&n, text);
    return sim_trouble_field(trouble, name, n, why);
}

/* Give each "name=value" of a comma-separated list to a place; what a place does not have goes to
 * the trouble, if there is one. */
static int read_list(struct sim_place *place, struct sim_trouble *trouble, str list,
                     struct pipepoll_error *why)
{
    while (list.len) {
        size_t end = str_find(list, ',');
        str item = { list.ptr, end };
        list = str_skip(list, end < list.len ? end + 1 : end);
        size_t mark = str_find(item, '=');
        if (mark == item.len)
            return explain(why, PIPEPOLL_EINVAL, "'%.*s' is not of the form name=value",
                           STR_ARG(item));
        str name = { item.ptr, mark }, value = str_skip(item, mark + 1);
        str *member = sim_place_member(place, name);
        if (!trouble && (!member || member == &place->region))
            return explain(why, PIPEPOLL_EINVAL,
                           "'%.*s' is none of category, owner, provider and version",
                           STR_ARG(name));
        int r = 0;
        if (member)
            *member = value;
        else
            r = read_trouble_field(trouble, name, value, why);
        if (r)
            return r;
    }
    return 0;
}

static int read_trouble(struct sim_command *c, const char *text, struct pipepoll_error *why)
{
    if (c->trouble_count == SIM_OPTIONS_TROUBLES_MAX)
        return explain(why, PIPEPOLL_EINVAL, "--trouble was given more than %d times",
                       SIM_OPTIONS_TROUBLES_MAX);
    size_t i = c->trouble_count++;
    return read_list(&c->troubles[i].where, &c->troubles[i].trouble, str_of(text), why);
}

static int read_seed(uint64_t *out, const char *text, struct pipepoll_error *why)
{
    double n;
    if (read_ranged(&n, text, 1, 9007199254740992.0, true))
        return explain(why, PIPEPOLL_EINVAL, "--seed '%s' is not a whole number from 1 to 2^53",
                       text);
    *out = (uint64_t)n;
    return 0;
}

static int read_lease(uint32_t *out, const char *text, struct pipepoll_error *why)
{
    double n;
    if (read_ranged(&n, text, 0.001, 86400, false))
        return explain(why, PIPEPOLL_EINVAL, "--lease '%s' is not a number from 0.001 to 86400",
                       text);
    *out = (uint32_t)(n * 1000);
    return 0;
}

static int read_rate(double *out, const char *text, struct pipepoll_error *why)
{
    if (read_ranged(out, text, 0, 1e6, false))
        return explain(why, PIPEPOLL_EINVAL,
                       "--jobs-per-second '%s' is not a number from 0 to 1000000", text);
    return 0;
}

static int read_option(struct sim_command *c, enum option_id id, const char *value,
                       struct pipepoll_error *why)
{
    struct sim_options *o = &c->options;
    switch (id) {
    case OPTION_LISTEN:
        o->listen = str_of(value);
        return 0;
    case OPTION_TLS:
        o->tls = true;
        return 0;
    case OPTION_CA_FILE:
        c->ca_file = value;
        return 0;
    case OPTION_PORT_FILE:
        c->port_file = value;
        return 0;
    case OPTION_ACCESS_KEY:
        o->access_key_id = str_of(value);
        return 0;
    case OPTION_SECRET_KEY:
        o->secret_access_key = str_of(value);
        return 0;
    case OPTION_SESSION_TOKEN:
        o->session_token = str_of(value);
        return 0;
    case OPTION_JOBS:
        return read_u32(&c->jobs, "jobs", value, why);
    case OPTION_JOBS_PER_SECOND:
        return read_rate(&o->arrivals.jobs_per_s, value, why);
    case OPTION_SEED:
        return read_seed(&o->arrivals.seed, value, why);
    case OPTION_REGION:
        c->place.region = str_of(value);
        return 0;
    case OPTION_ACTION_TYPE_ID:
        return read_list(&c->place, NULL, str_of(value), why);
    case OPTION_LEASE:
        return read_lease(&o->lease_ms, value, why);
    case OPTION_DEFAULT_BATCH:
        return read_u32(&o->default_batch, "default-batch", value, why);
    case OPTION_STRICT:
        o->strict_action_types = true;
        return 0;
    case OPTION_TROUBLE:
        return read_trouble(c, value, why);
    case OPTION_HELP:
    case OPTION_FIRST_TROUBLE:
        break;
    }
    return read_trouble_field(&o->trouble, str_of(sim_trouble_name(id - OPTION_FIRST_TROUBLE)),
                              str_of(value), why);
}

static void list_options(struct option out[OPTIONS_MAX])
{
    size_t n = FIXED_COUNT;
    memcpy(out, fixed_options, sizeof fixed_options);
    for (size_t i = 0; sim_trouble_name(i) && n + 1 < OPTIONS_MAX; i++)
        out[n++] = (struct option) { sim_trouble_name(i), required_argument, NULL,
                                     OPTION_FIRST_TROUBLE + (int)i };
    out[n] = (struct option) { 0 };
}

enum sim_options_result sim_options_read(struct sim_command *out, int argc, char **argv,
                                         struct pipepoll_error *why)
{
    struct option options[OPTIONS_MAX];
    list_options(options);
    *out = (struct sim_command) { 0 };
    optind = 0; /* glibc: start afresh, whoever used getopt before */
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (id == OPTION_HELP)
            return SIM_OPTIONS_HELP;
        if (id == ':' || id == '?') {
            explain(why, PIPEPOLL_EINVAL, "%s '%s'",
                    id == ':' ? "there must be a value after" : "there is no option like",
                    argv[optind - 1]);
            return SIM_OPTIONS_WRONG;
        }
        if (read_option(out, (enum option_id)id, optarg, why))
            return SIM_OPTIONS_WRONG;
    }
    if (optind < argc) {
        explain(why, PIPEPOLL_EINVAL, "unexpected argument \"%s\"", argv[optind]);
        return SIM_OPTIONS_WRONG;
    }
    if (out->ca_file && !out->options.tls) {
        explain(why, PIPEPOLL_EINVAL, "--ca-file is for --tls: without it there is no certificate");
        return SIM_OPTIONS_WRONG;
    }
    if (out->jobs > QUEUE_MIN)
        out->options.queue_max = out->jobs + QUEUE_MIN; /* more than its default can hold */
    return SIM_OPTIONS_RUN;
}

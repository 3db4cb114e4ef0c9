/* SPDX-License-Identifier: MIT */
/* The misbehaviours' names come from the simulator: a flag of each for all requests, below, and
 * members of --fault for some. */
#include "sim/serve_options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "config/region.h"

enum {
    FLAG_LISTEN,
    FLAG_TLS,
    FLAG_CA_FILE,
    FLAG_NAME,
    FLAG_CERT,
    FLAG_KEY,
    FLAG_PORT_FILE,
    FLAG_LOG,
    FLAG_LEDGER,
    FLAG_ACCESS_KEY,
    FLAG_SECRET_KEY,
    FLAG_SESSION_TOKEN,
    FLAG_JOBS,
    FLAG_REGION,
    FLAG_ALLOW_UNKNOWN_REGION,
    FLAG_ACTION_TYPE_ID,
    FLAG_JOBS_PER_SECOND,
    FLAG_SEED,
    FLAG_DEFAULT_BATCH,
    FLAG_STRICT,
    FLAG_CLIENT_TOKENS,
    FLAG_LEASE,
    FLAG_JOB_TIMEOUT,
    FLAG_FOLLOW_UP_DELAY,
    FLAG_ARTIFACT_CREDENTIALS_LIFETIME,
    FLAG_REPEATED_NONCE,
    FLAG_WRONG_NONCE,
    FLAG_ACKNOWLEDGE_STATUS,
    FLAG_FIRST_FAULT, /* then as many as there are faults */
    FLAG_FAULT = SERVE_FLAG_COUNT - 1
};

const struct flag serve_flags[SERVE_FLAG_COUNT] = {
    [FLAG_LISTEN] = { STR_INIT("--listen"), "HOST:PORT",
                      "where to listen (127.0.0.1:0; port 0 picks a free one)" },
    [FLAG_TLS] = { STR_INIT("--tls"), NULL, "serve HTTPS with a certificate made for this run" },
    [FLAG_CA_FILE] = { STR_INIT("--ca-file"), "FILE",
                       "with --tls: write what clients must trust there (PEM)" },
    [FLAG_NAME] = { STR_INIT("--name"), "NAME",
                    "with --tls: serve by this name too, such as that of a container" },
    [FLAG_CERT] = { STR_INIT("--cert"), "FILE",
                    "with --tls: a certificate chain of your own (PEM)" },
    [FLAG_KEY] = { STR_INIT("--key"), "FILE", "and its private key (PEM)" },
    [FLAG_PORT_FILE] = { STR_INIT("--port-file"), "FILE", "write the port there, once it listens" },
    [FLAG_LOG] = { STR_INIT("--log"), NULL,
                   "a line on stderr for each request: operation, region, key, answer" },
    [FLAG_LEDGER] = { STR_INIT("--ledger"), "N",
                      "events that /_sim/ledger keeps, the newest (100000)" },
    [FLAG_ACCESS_KEY] = { STR_INIT("--access-key"), "ID", "(AKIDEXAMPLE)",
                          "Keys that requests must be signed with:" },
    [FLAG_SECRET_KEY] = { STR_INIT("--secret-key"), "KEY",
                          "(wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY)" },
    [FLAG_SESSION_TOKEN] = { STR_INIT("--session-token"), "TOKEN", "(none)" },
    [FLAG_JOBS] = { STR_INIT("--jobs"), "N", "this many at the start (0)", "Jobs:" },
    [FLAG_REGION] = { STR_INIT("--region"), "REGION", "of these jobs (us-east-1)" },
    [FLAG_ALLOW_UNKNOWN_REGION] = { STR_INIT("--allow-unknown-region"), NULL,
                                    "take one that looks misspelt" },
    [FLAG_ACTION_TYPE_ID] = { STR_INIT("--action-type-id"), "ID",
                              "of these jobs; what is left out is\n"
                              "category=Build,owner=ThirdParty,provider=Acme,version=1" },
    [FLAG_JOBS_PER_SECOND] = { STR_INIT("--jobs-per-second"), "R",
                               "more, spread over all regions and action types polled" },
    [FLAG_SEED] = { STR_INIT("--seed"), "N", "same seed, same job ids (1)" },
    [FLAG_DEFAULT_BATCH] = { STR_INIT("--default-batch"), "N",
                             "jobs for a poll without maxBatchSize (10)" },
    [FLAG_STRICT] = { STR_INIT("--strict"), NULL,
                      "only the action type above and those added later exist" },
    [FLAG_CLIENT_TOKENS] = { STR_INIT("--client-tokens"), "FILE",
                             "a client id and its token on each line (token- and the client id);\n"
                             "SIGHUP reads it again" },
    [FLAG_LEASE] = { STR_INIT("--lease"), "SECONDS",
                     "a job not acknowledged comes back after this (60)",
                     "What AWS does not document:" },
    [FLAG_JOB_TIMEOUT] = { STR_INIT("--job-timeout"), "SECONDS",
                           "from a job's acknowledgement until it is TimedOut (3600)" },
    [FLAG_FOLLOW_UP_DELAY] = { STR_INIT("--follow-up-delay"), "MS",
                               "from a continuation to the job that follows (0)" },
    [FLAG_ARTIFACT_CREDENTIALS_LIFETIME] = { STR_INIT("--artifact-credentials-lifetime"), "SECONDS",
                                             "of those that come with details (3600)" },
    [FLAG_REPEATED_NONCE] = { STR_INIT("--repeated-nonce"), "error|status",
                              "what acknowledging again by the nonce that won gets (error)" },
    [FLAG_WRONG_NONCE] = { STR_INIT("--wrong-nonce"), "error|status",
                           "and by any other: InvalidNonce, or the job's status (error)" },
    [FLAG_ACKNOWLEDGE_STATUS] = { STR_INIT("--acknowledge-status"), "yes|no",
                                  "whether acknowledgements are answered with a status (yes)" },
    [FLAG_FIRST_FAULT] = { STR_INIT("--latency"), "MS",
                           "of each round trip, half before the request is looked at",
                           "Faults, for all requests:" },
    { STR_INIT("--latency-jitter"), "MS", "up to this much more" },
    { STR_INIT("--throttle"), "N", "ThrottlingException above N requests a second" },
    { STR_INIT("--retry-after"), "MS", "x-amz-retry-after with throttling and 5xx" },
    { STR_INIT("--error-rate"), "R", "share of requests answered 5xx, 0 to 1" },
    { STR_INIT("--error-status"), "N", "which 5xx, 500 to 504 (500)" },
    { STR_INIT("--reset-rate"), "R", "share whose connection is reset" },
    { STR_INIT("--truncate-rate"), "R", "share whose answer is cut in the middle" },
    { STR_INIT("--garbage-rate"), "R", "share answered 200 with something that is not JSON" },
    { STR_INIT("--lose-rate"), "R", "share that takes effect, and is reset without its answer" },
    { STR_INIT("--slow-bytes"), "N", "bytes of body a second" },
    { STR_INIT("--clock-skew"), "SECONDS", "how wrong this service's clock is" },
    [FLAG_FAULT] = { STR_INIT("--fault"), "LIST",
                     "such as region=eu-west-1,provider=Acme,latency=200,error-rate=0.1\n"
                     "or operation=AcknowledgeThirdPartyJob,lose-rate=0.5",
                     "and for some of them, any number of times; the most specific one counts:" },
};

/* What the queues hold by default. */
enum { QUEUE_MIN = 100000 };

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

static int read_faults_field(struct sim_faults *faults, str name, str text,
                             struct pipepoll_error *why)
{
    double n = NAN; /* what is no number is out of every range, and told so by the name's rule */
    (void)read_number(&n, text);
    return sim_faults_field(faults, name, n, text, why);
}

/* Give each "name=value" of a comma-separated list to a scope; what a scope does not have goes to
 * the fault, if there is one. */
static int read_list(struct sim_scope *scope, struct sim_faults *faults, str list,
                     struct pipepoll_error *why)
{
    while (list.len) {
        size_t end = str_find(list, ',');
        str item = { list.ptr, end };
        list = str_skip(list, end < list.len ? end + 1 : end);
        size_t mark = str_find(item, '=');
        if (mark + 1 >= item.len)
            return explain(why, PIPEPOLL_EINVAL, "\"%.*s\" is not of the form name=value",
                           STR_ARG(item));
        str name = { item.ptr, mark }, value = str_skip(item, mark + 1);
        str *member = sim_scope_member(scope, name);
        if (!faults && (!member || member == &scope->region))
            return explain(why, PIPEPOLL_EINVAL,
                           "\"%.*s\" is none of category, owner, provider and version",
                           STR_ARG(name));
        int r = 0;
        if (member)
            *member = value;
        else if (str_eq(name, STR("operation")))
            r = sim_faults_operation(faults, value, why);
        else
            r = read_faults_field(faults, name, value, why);
        if (r)
            return r;
    }
    return 0;
}

static int read_faults(struct serve_options *c, const char *text, struct pipepoll_error *why)
{
    if (c->faults_count == SERVE_OPTIONS_FAULTS_MAX)
        return explain(why, PIPEPOLL_EINVAL, "--fault was given more than %d times",
                       SERVE_OPTIONS_FAULTS_MAX);
    size_t i = c->faults_count++;
    struct pipepoll_error bare;
    int r = read_list(&c->faults[i].where, &c->faults[i].faults, str_of(text), &bare);
    return r ? explain(why, r, "--fault: %s", bare.text) : 0;
}

static int read_action_type(struct serve_options *c, str value, struct pipepoll_error *why)
{
    struct pipepoll_error bare;
    int r = read_list(&c->scope, NULL, value, &bare);
    return r ? explain(why, r, "--action-type-id: %s", bare.text) : 0;
}

static const struct number {
    double min, max;
    bool is_whole;
    const char *what;
} numbers[SERVE_FLAG_COUNT] = {
    [FLAG_JOBS] = { 0, 1e9, true, "a whole number from 0 to 1000000000" },
    [FLAG_LEDGER] = { 1, 1e8, true, "a whole number from 1 to 100000000" },
    [FLAG_DEFAULT_BATCH] = { 1, 1e9, true, "a whole number from 1 to 1000000000" },
    [FLAG_SEED] = { 1, 9007199254740992.0, true, "a whole number from 1 to 2^53" },
    [FLAG_LEASE] = { 0.001, 86400, false, "a number from 0.001 to 86400" },
    [FLAG_JOB_TIMEOUT] = { 0.001, 86400, false, "a number from 0.001 to 86400" },
    [FLAG_ARTIFACT_CREDENTIALS_LIFETIME] = { 0.001, 86400, false, "a number from 0.001 to 86400" },
    [FLAG_FOLLOW_UP_DELAY] = { 0, 86400000, true, "a whole number from 0 to 86400000" },
    [FLAG_JOBS_PER_SECOND] = { 0, 1e6, false, "a number from 0 to 1000000" },
};

/* Flags are called by their names, with dashes. */
static int read_faults_flag(struct serve_options *c, str name, str value,
                            struct pipepoll_error *why)
{
    struct pipepoll_error bare;
    int r = read_faults_field(&c->options.faults, str_skip(name, 2), value, &bare);
    return r ? explain(why, r, "--%s", bare.text) : 0;
}

/* One of those in the table above. */
static void put_number(struct serve_options *c, int flag, double n)
{
    struct sim_options *o = &c->options;
    if (flag == FLAG_JOBS)
        c->jobs = (uint32_t)n;
    else if (flag == FLAG_LEDGER)
        o->ledger_max = (uint32_t)n;
    else if (flag == FLAG_DEFAULT_BATCH)
        o->default_batch = (uint32_t)n;
    else if (flag == FLAG_SEED)
        o->arrivals.seed = (uint64_t)n;
    else if (flag == FLAG_LEASE)
        o->lease_ms = (uint32_t)(n * 1000);
    else if (flag == FLAG_JOB_TIMEOUT)
        o->undocumented.job_timeout_ms = (uint32_t)(n * 1000);
    else if (flag == FLAG_ARTIFACT_CREDENTIALS_LIFETIME)
        o->undocumented.artifact_credentials_ms = (uint32_t)(n * 1000);
    else if (flag == FLAG_FOLLOW_UP_DELAY)
        o->undocumented.follow_up_delay_ms = (uint32_t)n;
    else
        o->arrivals.jobs_per_s = n;
}

static int read_number_flag(struct serve_options *c, int flag, str value,
                            struct pipepoll_error *why)
{
    const struct number *rule = &numbers[flag];
    str name = serve_flags[flag].name;
    double n;
    if (!rule->what)
        return read_faults_flag(c, name, value, why);
    if (!read_number(&n, value) || n < rule->min || n > rule->max ||
        (rule->is_whole && n != floor(n)))
        return explain(why, PIPEPOLL_EINVAL, "%.*s is %s, not \"%.*s\"", STR_ARG(name), rule->what,
                       STR_ARG(value));
    put_number(c, flag, n);
    return 0;
}

/* One of two words; *second: it is the other. */
static int read_choice(bool *second, str name, str value, const char *const words[2],
                       struct pipepoll_error *why)
{
    *second = str_eq(value, str_of(words[1]));
    return *second || str_eq(value, str_of(words[0]))
               ? 0
               : explain(why, PIPEPOLL_EINVAL, "%.*s is %s or %s, not \"%.*s\"", STR_ARG(name),
                         words[0], words[1], STR_ARG(value));
}

static int read_nonce_answer(enum sim_nonce_answer *answer, int flag, str value,
                             struct pipepoll_error *why)
{
    static const char *const words[] = { "error", "status" };
    bool status;
    int r = read_choice(&status, serve_flags[flag].name, value, words, why);
    *answer = status ? SIM_NONCE_STATUS : SIM_NONCE_ERROR;
    return r;
}

static int read_acknowledge_status(struct serve_options *c, str value, struct pipepoll_error *why)
{
    static const char *const words[] = { "yes", "no" };
    return read_choice(&c->options.undocumented.acknowledge_without_status,
                       serve_flags[FLAG_ACKNOWLEDGE_STATUS].name, value, words, why);
}

/* One whose value may be wrong. */
static int read_judged_flag(struct serve_options *c, int flag, str value,
                            struct pipepoll_error *why)
{
    struct sim_options *o = &c->options;
    switch (flag) {
    case FLAG_REPEATED_NONCE:
        return read_nonce_answer(&o->undocumented.repeated_nonce, flag, value, why);
    case FLAG_WRONG_NONCE:
        return read_nonce_answer(&o->undocumented.wrong_nonce, flag, value, why);
    case FLAG_ACKNOWLEDGE_STATUS:
        return read_acknowledge_status(c, value, why);
    case FLAG_ACTION_TYPE_ID:
        return read_action_type(c, value, why);
    case FLAG_FAULT:
        return read_faults(c, value.ptr, why);
    }
    return read_number_flag(c, flag, value, why);
}

static int read_flag(struct serve_options *c, int flag, str value, struct pipepoll_error *why)
{
    struct sim_options *o = &c->options;
    str *const texts[SERVE_FLAG_COUNT] = {
        [FLAG_LISTEN] = &o->listen,
        [FLAG_ACCESS_KEY] = &o->access_key_id,
        [FLAG_SECRET_KEY] = &o->secret_access_key,
        [FLAG_SESSION_TOKEN] = &o->session_token,
        [FLAG_REGION] = &c->scope.region,
        [FLAG_NAME] = &o->name,
    };
    const char **const paths[SERVE_FLAG_COUNT] = {
        [FLAG_CA_FILE] = &c->ca_file,
        [FLAG_CERT] = &c->cert_file,
        [FLAG_KEY] = &c->key_file,
        [FLAG_PORT_FILE] = &c->port_file,
        [FLAG_CLIENT_TOKENS] = &c->client_tokens_file,
    };
    bool *const switches[SERVE_FLAG_COUNT] = {
        [FLAG_TLS] = &o->tls,
        [FLAG_STRICT] = &o->strict_action_types,
        [FLAG_LOG] = &c->log,
        [FLAG_ALLOW_UNKNOWN_REGION] = &c->allow_unknown_regions,
    };
    if (texts[flag])
        *texts[flag] = value;
    else if (paths[flag])
        *paths[flag] = value.ptr;
    else if (switches[flag])
        *switches[flag] = true;
    else
        return read_judged_flag(c, flag, value, why);
    return 0;
}

static int check_certificate(const struct serve_options *c, struct pipepoll_error *why)
{
    const char *flag = c->ca_file            ? "--ca-file"
                       : c->options.name.len ? "--name"
                       : c->cert_file        ? "--cert"
                       : c->key_file         ? "--key"
                                             : NULL;
    if (flag && !c->options.tls)
        return explain(why, PIPEPOLL_EINVAL, "%s is for --tls: without it there is no certificate",
                       flag);
    if (!c->cert_file != !c->key_file)
        return explain(why, PIPEPOLL_EINVAL, "--cert and --key belong together");
    if (c->cert_file && (c->ca_file || c->options.name.len))
        return explain(why, PIPEPOLL_EINVAL,
                       "%s is for the certificate that is made without --cert and --key",
                       c->ca_file ? "--ca-file" : "--name");
    return 0;
}

/* Nobody polls a region that was misspelt here. */
static int check_region(const struct serve_options *c, const char *flag, str region,
                        struct pipepoll_error *why)
{
    char text[256];
    if (!region.len || c->allow_unknown_regions ||
        region_doubt(region, true, text, sizeof text) != REGION_LOOKS_MISSPELT)
        return 0;
    return explain(why, PIPEPOLL_EINVAL, "%s: %s; --allow-unknown-region takes it all the same",
                   flag, text);
}

static int check_regions(const struct serve_options *c, struct pipepoll_error *why)
{
    int r = check_region(c, "--region", c->scope.region, why);
    for (size_t i = 0; !r && i < c->faults_count; i++)
        r = check_region(c, "--fault", c->faults[i].where.region, why);
    return r;
}

int serve_options_read(struct serve_options *out, struct flags *f, struct pipepoll_error *why)
{
    str value;
    int flag;
    *out = (struct serve_options) { 0 };
    while ((flag = flags_next(f, &value)) >= 0)
        if (read_flag(out, flag, value, why))
            return SERVE_OPTIONS_WRONG;
    if (flag == FLAGS_END && (check_certificate(out, why) || check_regions(out, why)))
        return SERVE_OPTIONS_WRONG;
    if (out->jobs > QUEUE_MIN)
        out->options.queue_max = out->jobs + QUEUE_MIN; /* more than its default can hold */
    return flag;
}

/* SPDX-License-Identifier: MIT */
/* Two operations of AWS STS, which differ in who vouches: AssumeRole is signed with the credentials
 * that were there before, AssumeRoleWithWebIdentity carries a token from a file that somebody
 * refreshes, so the file is read anew in each run.
 *
 * STS may be the first service that this machine talks to, and then nobody knows yet that its clock
 * is wrong. So a refusal that a wrong clock explains is answered once by signing with the time that
 * STS itself told, unless AWS_DISABLE_CLOCK_SKEW_CORRECTION forbids it. */
#include "aws/clock_skew.h"
#include "aws/endpoint.h"
#include "aws/sigv4.h"
#include "base/url.h"
#include "credentials/exchange.h"
#include "credentials/provider_base.h"
#include "credentials/sts_answer.h"
#include "credentials/token_file.h"

enum {
    TIMEOUT_MS = 10000,
    ATTEMPTS = 3,
    SCRATCH_SIZE = 2 * EXCHANGE_HEAD_SIZE + 3 * 512 + 512,
    SESSION_NAME_SIZE = 32
};

struct provider_run {
    struct provider_base base;
    struct exchange exchange;
    struct token_file token_file;
    const struct role *role;
    struct endpoint endpoint;
    struct sigv4_key key;
    int64_t signed_s; /* the time of the last signature */
    bool is_web_identity, corrected;
    char session_name[SESSION_NAME_SIZE];
    char what[192]; /* "AssumeRole of arn:... by STS at https://..." */
    char scratch[SCRATCH_SIZE];
};

/* STS asks the identity provider, which may be slow to answer, or slow to show a new key. */
static const char *const web_identity_passing[] = { "IDPCommunicationError", "InvalidIdentityToken",
                                                    NULL };

static struct provider_run *run_of(struct provider_base *r)
{
    return CONTAINER_OF(r, struct provider_run, base);
}

/* --- the request --- */

static void put_parameter(struct buf *body, str name, str value)
{
    buf_put_char(body, '&');
    buf_put(body, name);
    buf_put_char(body, '=');
    url_put_encoded(body, value, "");
}

/* The parameters that both operations have. */
static void put_role(struct provider_run *run)
{
    const struct role *role = run->role;
    struct buf *body = &run->exchange.body;
    str name = role->session_name.len ? role->session_name : str_of(run->session_name);
    buf_put(body, run->is_web_identity ? STR("Action=AssumeRoleWithWebIdentity")
                                       : STR("Action=AssumeRole"));
    put_parameter(body, STR("Version"), STR("2011-06-15"));
    put_parameter(body, STR("RoleArn"), role->arn);
    put_parameter(body, STR("RoleSessionName"), name);
    if (role->external_id.len)
        put_parameter(body, STR("ExternalId"), role->external_id);
    if (role->duration_s) {
        buf_put(body, STR("&DurationSeconds="));
        buf_put_u64(body, role->duration_s);
    }
}

static const str form_type = STR_INIT("application/x-www-form-urlencoded");

/* STS speaks XML unless it is asked. */
static void begin(struct provider_run *run)
{
    exchange_begin(&run->exchange);
    exchange_put_header(&run->exchange, STR("Accept"), STR("application/json"));
    exchange_put_header(&run->exchange, STR("Content-Type"), form_type);
    put_role(run);
}

static int sign(struct provider_run *run)
{
    struct exchange *x = &run->exchange;
    struct credentials *source = run->base.order.source;
    struct amz_date date = { 0 };
    struct buf scratch = BUF_ON(run->scratch);
    amz_date_set(&date, run->signed_s);
    const struct sigv4_header headers[] = {
        { STR("Content-Type"), form_type },
        { STR("Host"), exchange_host(x) },
        { STR("X-Amz-Date"), amz_date_str(&date) },
        { STR("X-Amz-Security-Token"), source->session_token },
    };
    const struct sigv4_request rq = {
        .method = STR("POST"),
        .path = run->endpoint.path,
        .headers = headers,
        .header_count = source->session_token.len ? 4 : 3,
        .body = buf_str(&x->body),
        .date = &date,
    };
    for (size_t i = 2; i < rq.header_count; i++)
        exchange_put_header(x, headers[i].name, headers[i].value);
    buf_put(&x->head, STR("Authorization: "));
    int r = sigv4_sign(&x->head, &scratch, &run->key, source, &rq);
    buf_put(&x->head, STR("\r\n"));
    return r;
}

static void send_signed(struct provider_run *run, int64_t now_s)
{
    run->signed_s = now_s;
    begin(run);
    run->exchange.secret = run->base.order.source->session_token;
    int r = sign(run);
    if (r)
        provider_base_end(&run->base, explain(&run->base.outcome.why, r,
                                              "%s: the request could not be signed", run->what));
    else
        exchange_start(&run->exchange);
}

/* --- the answer --- */

static int read_credentials(struct provider_run *run)
{
    struct pipepoll_error *why = &run->base.outcome.why;
    const struct sts_answer from = {
        .exchange = &run->exchange,
        .operation = run->is_web_identity ? "AssumeRoleWithWebIdentity" : "AssumeRole",
        .what = run->what,
    };
    run->base.outcome.dated_s = run->exchange.date_s;
    return sts_answer_read(&run->base.outcome.credentials, &run->base.order.host->alloc, &from,
                           why);
}

static bool clock_explains(const struct provider_run *run)
{
    const struct exchange *x = &run->exchange;
    int64_t skew_s = x->date_s - run->signed_s;
    return !run->is_web_identity && x->date_s && clock_skew_explains(x->code, skew_s * 1000) &&
           !environment_is_true(run->base.order.host->environment,
                                "AWS_DISABLE_CLOCK_SKEW_CORRECTION");
}

static const char *hint_of(const struct provider_run *run)
{
    str code = run->exchange.code;
    if (str_eq(code, STR("AccessDenied")) && run->is_web_identity)
        return "the role's trust policy must allow this identity provider and subject";
    if (str_eq(code, STR("AccessDenied")))
        return "the caller needs sts:AssumeRole, and the role's trust policy must allow it";
    if (str_eq(code, STR("ExpiredTokenException")) && run->is_web_identity)
        return "the token in the file is no longer good: see to what refreshes it";
    if (str_eq(code, STR("RegionDisabledException")))
        return "activate STS in this region for the role's account, or set AWS_REGION to another";
    return "";
}

static void blame_role(struct provider_run *run)
{
    struct pipepoll_error *why = &run->base.outcome.why;
    bool denied = str_eq(run->exchange.code, STR("AccessDenied")) && !run->is_web_identity;
    if (why->cause == PIPEPOLL_CAUSE_SOURCE)
        explain_cause(why, denied ? PIPEPOLL_CAUSE_ROLE_DENIED : PIPEPOLL_CAUSE_ROLE,
                      run->role->arn);
}

static void on_answer(struct exchange *x)
{
    struct provider_run *run = CONTAINER_OF(x, struct provider_run, exchange);
    if (!x->fault) {
        provider_base_end(&run->base, read_credentials(run));
        return;
    }
    if (!run->corrected && clock_explains(run)) {
        run->corrected = true;
        send_signed(run, x->date_s);
        return;
    }
    int status = exchange_explain(x, run->what, hint_of(run), &run->base.outcome.why);
    blame_role(run);
    provider_base_end(&run->base, status);
}

/* --- the token in a file --- */

static void on_token(struct token_file *file, str token, int status)
{
    struct provider_run *run = CONTAINER_OF(file, struct provider_run, token_file);
    struct buf *body = &run->exchange.body;
    static const str name = STR_INIT("WebIdentityToken");
    if (status) {
        run->base.outcome.why = file->why;
        provider_base_end(&run->base, status);
        return;
    }
    begin(run);
    size_t before = body->len + name.len + 2; /* '&' and '=' */
    put_parameter(body, name, token);
    /* What is hidden is the copy in the body: of a JWT the escapes change nothing. */
    if (!body->overflow)
        run->exchange.secret = str_skip(buf_str(body), before);
    exchange_start(&run->exchange);
}

/* --- start and stop --- */

static int resolve(struct provider_run *run)
{
    const struct chain *chain = run->base.order.chain;
    bool own = chain->sts_endpoint_url.len > 0;
    const struct endpoint_rule rule = {
        .service = STR("sts"),
        .region = role_region(run->role, chain->sts_region, run->base.order.region),
        .endpoint_url = chain->sts_endpoint_url,
        .fips = chain->fips && !own,
        .dualstack = chain->dualstack && !own,
    };
    return endpoint_resolve(&run->endpoint, &rule, &run->base.outcome.why);
}

/* 0, or PIPEPOLL_ENOMEM, or else the run has ended. */
static int sts_open(struct provider_run *run)
{
    struct provider_base *r = &run->base;
    int problem = resolve(run);
    if (problem) {
        provider_base_end(r, PIPEPOLL_ECREDENTIALS);
        return problem;
    }
    struct buf what = BUF_ON(run->what), name = BUF_ON(run->session_name);
    buf_printf(&what, "%s of %.*s by STS at %.*s",
               run->is_web_identity ? "AssumeRoleWithWebIdentity" : "AssumeRole",
               STR_ARG(run->role->arn), STR_ARG(run->endpoint.host));
    buf_printf(&name, "pipepoll-%lld", (long long)provider_base_now_s(r));
    if (exchange_open(&run->exchange, r->order.host, run->endpoint.url, EXCHANGE_BY_RULES))
        return PIPEPOLL_ENOMEM;
    run->exchange.on_done = on_answer;
    run->exchange.timeout_ms = TIMEOUT_MS;
    run->exchange.attempts = ATTEMPTS;
    return 0;
}

static int role_begin(struct provider_base *r)
{
    struct provider_run *run = run_of(r);
    run->role = r->order.role;
    int problem = sts_open(run);
    if (problem)
        return r->ended ? 0 : problem;
    problem = sigv4_key_init(&run->key, run->endpoint.signing_region, STR("sts"));
    if (!problem)
        send_signed(run, provider_base_now_s(r));
    return problem;
}

static int web_identity_begin(struct provider_base *r)
{
    struct provider_run *run = run_of(r);
    run->role = &r->order.chain->web_identity;
    run->is_web_identity = true;
    int problem = sts_open(run);
    if (problem)
        return r->ended ? 0 : problem;
    run->exchange.passing = web_identity_passing;
    run->token_file.on_done = on_token;
    run->token_file.watch = r->order.watch;
    return token_file_start(&run->token_file, r->order.host, r->order.chain->token_file);
}

static void sts_close(struct provider_base *r)
{
    exchange_close(&run_of(r)->exchange);
    sigv4_key_deinit(&run_of(r)->key);
}

static void sts_stop(struct provider_run *run)
{
    token_file_forget(&run->token_file);
    if (!exchange_stop(&run->exchange))
        provider_base_end_stopped(&run->base);
}

const struct provider_kind provider_role = { sizeof(struct provider_run), role_begin, sts_close,
                                             sts_stop };
const struct provider_kind provider_web_identity = { sizeof(struct provider_run),
                                                     web_identity_begin, sts_close, sts_stop };

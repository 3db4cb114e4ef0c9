/* SPDX-License-Identifier: MIT */
/* EC2's instance metadata service, version 2: a token by PUT, then the name of the instance's role,
 * then its credentials. Version 1 answers without a token, and that is what lets a confused web
 * server give an instance's credentials away: it is asked only where the chain allows it and no
 * token is available, as from the proxies that speak nothing else.
 *
 * The token is good for six hours and still got anew in each run: runs are hours apart, and a token
 * kept would outlive a stop and start of the instance, which it does not survive itself. */
#include "base/url.h"
#include "credentials/credentials_form.h"
#include "credentials/exchange.h"
#include "credentials/provider_base.h"

enum { TOKEN_SIZE = 1024, ROLE_SIZE = 128, URL_SHOWN = 80 };

enum step { STEP_TOKEN, STEP_ROLE, STEP_CREDENTIALS };

struct provider_run {
    struct provider_base base;
    struct exchange exchange;
    enum step step;
    bool refreshed; /* the token, once, after a 401 */
    char token_text[TOKEN_SIZE], role_text[ROLE_SIZE];
    str token, role;
    char what[128];
};

static const str role_path = STR_INIT("/latest/meta-data/iam/security-credentials/");

static const struct credentials_form form = {
    .access_key_id = "AccessKeyId",
    .secret_access_key = "SecretAccessKey",
    .session_token = "Token",
    .expiration = "Expiration",
    .account_id = "AccountId",
};

static struct provider_run *run_of(struct provider_base *r)
{
    return CONTAINER_OF(r, struct provider_run, base);
}

/* --- requests --- */

static void ask(struct provider_run *run, enum step step)
{
    struct exchange *x = &run->exchange;
    run->step = step;
    exchange_begin(x);
    switch (step) {
    case STEP_TOKEN:
        x->method = STR("PUT");
        buf_put(&x->path, STR("/latest/api/token"));
        exchange_put_header(x, STR("x-aws-ec2-metadata-token-ttl-seconds"), STR("21600"));
        break;
    case STEP_ROLE:
    case STEP_CREDENTIALS:
        x->method = STR("GET");
        x->secret = run->token;
        buf_put(&x->path, role_path);
        if (step == STEP_CREDENTIALS)
            url_put_encoded(&x->path, run->role, "");
        if (run->token.len)
            exchange_put_header(x, STR("x-aws-ec2-metadata-token"), run->token);
        break;
    }
    exchange_start(x);
}

/* --- answers --- */

/* The answer without blanks and line ends around it, copied to room. false: it is empty, too long,
 * or holds a byte that no token and no name has. */
static bool take_line(str *out, char *room, size_t size, const struct exchange *x)
{
    str line = str_trim((str) { x->answer, x->answer_len });
    if (!line.len || line.len > size)
        return false;
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] <= 0x20 || line.ptr[i] > 0x7e)
            return false;
    memcpy(room, line.ptr, line.len);
    *out = (str) { room, line.len };
    return true;
}

static int read_credentials(struct provider_run *run)
{
    struct pipepoll_error *why = &run->base.outcome.why;
    struct json j;
    int r = exchange_json(&run->exchange, &j, run->what, why);
    if (r)
        return r;
    str code = json_member_text(&j, JSON_ROOT, "Code");
    if (!str_eq(code, STR("Success")))
        return explain(why, PIPEPOLL_ESERVICE,
                       "%s has no credentials for role %.*s now: Code is \"%.*s\", not \"Success\"",
                       run->what, STR_ARG(run->role), code.len < 40 ? (int)code.len : 40,
                       code.len ? code.ptr : "");
    struct credentials_form_json from = {
        .json = &j,
        .object = JSON_ROOT,
        .form = &form,
        .account_id = STR(""),
        .what = run->what,
    };
    run->base.outcome.dated_s = run->exchange.date_s;
    return credentials_form_read(&run->base.outcome.credentials, &run->base.order.host->alloc,
                                 &from, why);
}

static void take_answer(struct provider_run *run)
{
    const struct exchange *x = &run->exchange;
    bool good = false;
    switch (run->step) {
    case STEP_TOKEN:
        good = take_line(&run->token, run->token_text, sizeof run->token_text, x);
        break;
    case STEP_ROLE:
        good = take_line(&run->role, run->role_text, sizeof run->role_text, x);
        break;
    case STEP_CREDENTIALS:
        provider_base_end(&run->base, read_credentials(run));
        return;
    }
    if (good)
        ask(run, run->step == STEP_TOKEN ? STEP_ROLE : STEP_CREDENTIALS);
    else
        provider_base_end(&run->base,
                          explain(&run->base.outcome.why, PIPEPOLL_EPROTO,
                                  "%s answered the request for %s with something else", run->what,
                                  run->step == STEP_TOKEN ? "a token" : "the role's name"));
}

/* --- failures --- */

/* Nobody configured this source: it is the last that is tried. */
static int explain_silence(const struct provider_run *run, struct pipepoll_error *why)
{
    const struct exchange *x = &run->exchange;
    int status = PIPEPOLL_ETIMEDOUT;
    if (x->fault == FAULT_TIMED_OUT)
        explain(why, 0,
                "%s did not answer in time: on EC2, in a container, raise the hop limit "
                "(http-put-response-hop-limit) to 2; elsewhere no credentials are configured",
                run->what);
    else
        status = exchange_explain(
            x, run->what, "is this an EC2 instance? If not, no credentials are configured", why);
    explain_cause(why, PIPEPOLL_CAUSE_NOT_CONFIGURED, STR(""));
    return status;
}

static int explain_token(const struct provider_run *run, struct pipepoll_error *why)
{
    const struct exchange *x = &run->exchange;
    if (x->http_status == 403)
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "%s is disabled (HTTP 403): enable it for this instance, or set "
                       "AWS_EC2_METADATA_DISABLED=true",
                       run->what);
    if (x->http_status == 404 || x->http_status == 405)
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "%s gives no tokens (HTTP %d): version 2 is needed; "
                       "AWS_EC2_METADATA_V1_DISABLED=false allows version 1",
                       run->what, x->http_status);
    if (!x->http_status)
        return explain_silence(run, why);
    return exchange_explain(x, run->what, "", why);
}

static int explain_failure(const struct provider_run *run, struct pipepoll_error *why)
{
    const struct exchange *x = &run->exchange;
    if (run->step == STEP_TOKEN)
        return explain_token(run, why);
    if (x->http_status == 404)
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "%s knows no %srole (HTTP 404): attach an IAM role to this instance",
                       run->what, run->step == STEP_ROLE ? "" : "credentials of its ");
    return exchange_explain(x, run->what, "", why);
}

/* As the SDKs judge it. A service that does not answer at all is no version 1 either, but a token
 * whose answer got lost on one hop too many may be. */
static bool speaks_version_1(const struct provider_run *run)
{
    const struct exchange *x = &run->exchange;
    bool has_no_tokens = x->http_status == 403 || x->http_status == 404 || x->http_status == 405 ||
                         x->fault == FAULT_TIMED_OUT;
    return run->step == STEP_TOKEN && !run->refreshed && run->base.order.chain->imds_v1 &&
           has_no_tokens;
}

static void on_answer(struct exchange *x)
{
    struct provider_run *run = CONTAINER_OF(x, struct provider_run, exchange);
    if (!x->fault) {
        take_answer(run);
    } else if (speaks_version_1(run)) {
        run->refreshed = true; /* there is none to refresh */
        ask(run, STEP_ROLE);
    } else if (x->http_status == 401 && run->step != STEP_TOKEN && !run->refreshed) {
        run->refreshed = true;
        ask(run, STEP_TOKEN);
    } else {
        provider_base_end(&run->base, explain_failure(run, &run->base.outcome.why));
    }
}

/* --- start and stop --- */

static int imds_begin(struct provider_base *r)
{
    struct provider_run *run = run_of(r);
    const struct chain *chain = r->order.chain;
    str url = chain->imds_url;
    if (exchange_open(&run->exchange, r->order.host, url, EXCHANGE_DIRECT))
        return PIPEPOLL_ENOMEM;
    run->exchange.on_done = on_answer;
    run->exchange.timeout_ms = chain->imds_timeout_ms;
    run->exchange.attempts = chain->imds_attempts;
    struct buf what = BUF_ON(run->what);
    buf_printf(&what, "instance metadata at %.*s", url.len < URL_SHOWN ? (int)url.len : URL_SHOWN,
               url.ptr);
    ask(run, STEP_TOKEN);
    return 0;
}

static void imds_close(struct provider_base *r)
{
    exchange_close(&run_of(r)->exchange);
}

static void imds_stop(struct provider_run *run)
{
    if (!exchange_stop(&run->exchange))
        provider_base_end_stopped(&run->base);
}

const struct provider_kind provider_imds = { sizeof(struct provider_run), imds_begin, imds_close,
                                             imds_stop };

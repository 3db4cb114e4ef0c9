/* SPDX-License-Identifier: MIT */
/* IAM Identity Center: a person logs in by `aws sso login`, which leaves a token in a file; the
 * token buys credentials for a role. It lives an hour, the login for days: a quarter of an hour
 * before its end it is refreshed by the refresh token beside it, and written back, as the AWS CLI
 * does it. We never log in: when that is refused the only remedy is the person, and each sentence
 * here says the command.
 *
 * Others refresh the same file: other roles of ours, the CLI. Who comes second is refused, and
 * reads the file again. What is written is never older than what stands there. */
#include <errno.h>

#include "aws/digest.h"
#include "aws/endpoint.h"
#include "base/url.h"
#include "credentials/credentials_form.h"
#include "credentials/exchange.h"
#include "credentials/provider_base.h"
#include "credentials/sso_token.h"
#include "credentials/watch.h"
#include "io/file_write.h"

enum {
    TIMEOUT_MS = 10000,
    ATTEMPTS = 3,
    CACHE_PATH_SIZE = 4096,
    CACHE_SIZE = 32 << 10, /* a longer file is read, but not refreshed */
    TOKEN_SIZE = 6 << 10,
    RENEW_AHEAD_S = 900
};

#define LOGIN_WORDS "run: "

struct provider_run {
    struct provider_base base;
    struct exchange exchange;
    struct file_read cache;
    struct endpoint endpoint;
    char path[CACHE_PATH_SIZE];
    char login[160]; /* "run: aws sso login ..." */
    char what[192];
    char token_text[TOKEN_SIZE];
    struct buf token;
    bool is_good; /* that token, still */
    struct json_token tokens[SSO_TOKEN_JSON_TOKENS];

    /* The refresh. */
    struct exchange oidc;
    struct endpoint oidc_endpoint;
    struct file_write write;
    struct file_stamp stamp; /* of the file as it was read */
    bool was_tried;
    str client_secret;
    char secret_text[TOKEN_SIZE], refresh_text[TOKEN_SIZE];
    struct pipepoll_error refusal; /* "" while there is none */
    size_t cache_len;              /* 0: longer than CACHE_SIZE */
    char cache_text[CACHE_SIZE], file_text[CACHE_SIZE + TOKEN_SIZE];
};

static const struct credentials_form form = {
    .access_key_id = "accessKeyId",
    .secret_access_key = "secretAccessKey",
    .session_token = "sessionToken",
    .expiration = "expiration",
    .expires_in_ms = true,
};

static struct provider_run *run_of(struct provider_base *r)
{
    return CONTAINER_OF(r, struct provider_run, base);
}

/* --- the credentials --- */

static int read_credentials(struct provider_run *run)
{
    struct pipepoll_error *why = &run->base.outcome.why;
    struct json j;
    int r = exchange_json(&run->exchange, &j, run->what, why);
    if (r)
        return r;
    int credentials = json_member(&j, JSON_ROOT, "roleCredentials");
    if (credentials == JSON_NONE || json_type(&j, credentials) != JSON_OBJECT)
        return explain(why, PIPEPOLL_EPROTO, "%s: there are no roleCredentials in the answer",
                       run->what);
    struct credentials_form_json from = {
        .json = &j,
        .object = credentials,
        .form = &form,
        .account_id = run->base.order.chain->sso_account_id,
        .what = run->what,
    };
    run->base.outcome.dated_s = run->exchange.date_s;
    return credentials_form_read(&run->base.outcome.credentials, &run->base.order.host->alloc,
                                 &from, why);
}

static void ask_for_login(struct provider_run *run)
{
    explain_cause(&run->base.outcome.why, PIPEPOLL_CAUSE_LOGIN,
                  str_skip(str_of(run->login), sizeof LOGIN_WORDS - 1));
}

static int refuse_login(struct provider_run *run)
{
    explain(&run->base.outcome.why, 0, "%s: the login is no longer accepted; %s", run->what,
            run->login);
    ask_for_login(run);
    return PIPEPOLL_ECREDENTIALS;
}

static void on_answer(struct exchange *x)
{
    struct provider_run *run = CONTAINER_OF(x, struct provider_run, exchange);
    struct pipepoll_error *why = &run->base.outcome.why;
    if (!x->fault)
        provider_base_end(&run->base, read_credentials(run));
    else if (x->http_status == 401 && x->message.cause != PIPEPOLL_CAUSE_MIDDLE_BOX)
        provider_base_end(&run->base, refuse_login(run));
    else
        provider_base_end(
            &run->base,
            exchange_explain(x, run->what,
                             x->fault == FAULT_DENIED ? "is the role assigned to this user?" : "",
                             why));
}

static void ask(struct provider_run *run)
{
    const struct chain *chain = run->base.order.chain;
    struct exchange *x = &run->exchange;
    exchange_begin(x);
    x->method = STR("GET");
    x->secret = buf_str(&run->token);
    buf_put(&x->path, run->endpoint.path);
    buf_put(&x->path, STR("federation/credentials?role_name="));
    url_put_encoded(&x->path, chain->sso_role_name, "");
    buf_put(&x->path, STR("&account_id="));
    url_put_encoded(&x->path, chain->sso_account_id, "");
    exchange_put_header(x, STR("Accept"), STR("application/json"));
    exchange_put_header(x, STR("x-amz-sso_bearer_token"), buf_str(&run->token));
    exchange_start(x);
}

/* --- the refresh --- */

static int start_reading(struct provider_run *run);

static void on_written(struct file_write *write, int error)
{
    struct provider_run *run = CONTAINER_OF(write, struct provider_run, write);
    if (error && error != ESTALE)
        log_line(&run->base.order.host->log, PIPEPOLL_WARNING,
                 "the SSO token was refreshed, but cannot be written to %s: %s", run->path,
                 file_strerror(error));
    ask(run);
}

/* The portal is asked when it is written: a program that ends with its credentials must not lose
 * it. */
static void write_back(struct provider_run *run, const struct sso_refreshed *refreshed)
{
    struct buf file = BUF_ON(run->file_text);
    str text = { run->cache_text, run->cache_len };
    sso_token_put_file(&file, text, refreshed, run->tokens);
    run->write.on_done = on_written;
    if (file.overflow || !file.len ||
        file_write_start(&run->write, run->base.order.host->worker, run->path, buf_str(&file),
                         &run->stamp))
        on_written(&run->write, ENOMEM);
}

static void take_refreshed(struct provider_run *run)
{
    struct pipepoll_error *why = &run->base.outcome.why;
    struct exchange *x = &run->oidc;
    struct sso_refreshed refreshed;
    struct json j;
    int r = exchange_json(x, &j, "the refresh of the SSO token", why);
    int64_t now_s = x->date_s ? x->date_s : provider_base_now_s(&run->base);
    if (!r && !sso_token_read_refreshed(&refreshed, &j, now_s))
        r = explain(why, PIPEPOLL_EPROTO,
                    "the refresh of the SSO token gave no accessToken, or no expiresIn in seconds");
    if (r) {
        provider_base_end(&run->base, r);
        return;
    }
    buf_reset(&run->token);
    buf_put(&run->token, refreshed.access_token);
    write_back(run, &refreshed);
}

/* Somebody else may have refreshed it in the meantime, and the refresh token serves once. */
static void take_refusal(struct provider_run *run)
{
    struct exchange *x = &run->oidc;
    struct pipepoll_error *why = &run->base.outcome.why;
    bool refused = x->http_status / 100 == 4 && x->fault != FAULT_THROTTLED;
    answer_hide(str_of(x->message.text), run->client_secret);
    int status =
        exchange_explain(x, "the SSO token could not be refreshed", refused ? run->login : "", why);
    run->refusal = *why;
    if (run->is_good)
        ask(run);
    else if (!refused)
        provider_base_end(&run->base, status);
    else if (start_reading(run))
        provider_base_end(&run->base, explain(why, PIPEPOLL_ENOMEM, "out of memory"));
}

static void on_refreshed(struct exchange *x)
{
    struct provider_run *run = CONTAINER_OF(x, struct provider_run, oidc);
    if (x->fault)
        take_refusal(run);
    else
        take_refreshed(run);
}

/* What outlives the text of the file, to be found in answers: its beginning, if it is long. */
static str keep(char room[TOKEN_SIZE], str secret)
{
    size_t len = secret.len < TOKEN_SIZE ? secret.len : TOKEN_SIZE;
    memcpy(room, secret.ptr, len);
    return (str) { room, len };
}

static int open_oidc(struct provider_run *run)
{
    const struct chain *chain = run->base.order.chain;
    bool own = chain->sso_oidc_endpoint_url.len > 0;
    const struct endpoint_rule rule = {
        .service = STR("oidc"),
        .region = chain->sso_region,
        .endpoint_url = chain->sso_oidc_endpoint_url,
        .fips = chain->fips && !own,
        .dualstack = chain->dualstack && !own,
    };
    if (endpoint_resolve(&run->oidc_endpoint, &rule, &run->base.outcome.why))
        return PIPEPOLL_ECREDENTIALS;
    if (exchange_open(&run->oidc, run->base.order.host, run->oidc_endpoint.url, EXCHANGE_BY_RULES))
        return explain(&run->base.outcome.why, PIPEPOLL_ENOMEM, "out of memory");
    run->oidc.on_done = on_refreshed;
    run->oidc.timeout_ms = TIMEOUT_MS;
    run->oidc.attempts = ATTEMPTS;
    return 0;
}

static void refresh(struct provider_run *run, const struct sso_token *t)
{
    int r = open_oidc(run);
    struct exchange *x = &run->oidc;
    run->was_tried = true;
    if (r) {
        provider_base_end(&run->base, r);
        return;
    }
    buf_put(&x->path, run->oidc_endpoint.path);
    buf_put(&x->path, STR("token"));
    exchange_put_header(x, STR("Accept"), STR("application/json"));
    exchange_put_header(x, STR("Content-Type"), STR("application/json"));
    sso_token_put_request(&x->body, t);
    x->secret = keep(run->refresh_text, t->refresh_token);
    run->client_secret = keep(run->secret_text, t->client_secret);
    exchange_start(x);
}

/* --- the token that the login left --- */

static int refuse_cache(struct provider_run *run, const char *problem)
{
    explain(&run->base.outcome.why, 0, "SSO token file %s %s; %s", run->path, problem, run->login);
    ask_for_login(run);
    return PIPEPOLL_ECREDENTIALS;
}

/* Why it is not refreshed; NULL: it can be. */
static const char *cannot_refresh(const struct provider_run *run, const struct sso_token *t)
{
    if (!run->cache_len)
        return "holds a token that has expired, and is too long to be refreshed";
    return sso_token_cannot_refresh(t, provider_base_now_s(&run->base));
}

/* 0: the run goes on. */
static int use_token(struct provider_run *run, const struct sso_token *t)
{
    int64_t left_s = t->expires_s - provider_base_now_s(&run->base);
    const char *problem = cannot_refresh(run, t);
    buf_reset(&run->token);
    buf_put(&run->token, t->access_token);
    run->is_good = left_s > 0;
    if (run->token.overflow)
        return refuse_cache(run, "holds a token of more than 6 KiB");
    if (left_s < RENEW_AHEAD_S && !problem && !run->was_tried) {
        refresh(run, t);
        return 0;
    }
    if (run->is_good) {
        ask(run);
        return 0;
    }
    if (problem)
        return refuse_cache(run, problem);
    run->base.outcome.why = run->refusal;
    return PIPEPOLL_ECREDENTIALS;
}

static void on_cache(struct file_read *read, int error, str text)
{
    struct provider_run *run = CONTAINER_OF(read, struct provider_run, cache);
    char problem[96];
    struct buf b = BUF_ON(problem);
    struct sso_token token;
    run->stamp = read->stamp;
    watch_note(run->base.order.watch, run->path, &read->stamp);
    run->cache_len = text.len <= sizeof run->cache_text ? text.len : 0;
    if (run->cache_len)
        memcpy(run->cache_text, text.ptr, text.len);
    buf_printf(&b, "cannot be read (%s)", file_problem(read, error));
    const char *bad =
        error ? buf_cstr(&b) : sso_token_read(&token, (char *)text.ptr, text.len, run->tokens);
    int r = bad ? refuse_cache(run, bad) : use_token(run, &token);
    if (file_error_passes(error))
        r = PIPEPOLL_ETRANSPORT; /* not for ever */
    if (r)
        provider_base_end(&run->base, r);
}

static int start_reading(struct provider_run *run)
{
    run->cache.on_done = on_cache;
    return file_read_start(&run->cache, run->base.order.host->worker, run->path);
}

/* --- start and stop --- */

/* The name of the session, or of what came before sessions: the start URL. */
static str login_name(const struct chain *chain)
{
    return chain->sso_session.len ? chain->sso_session : chain->sso_start_url;
}

static int find_cache(struct provider_run *run)
{
    const struct provider_host *host = run->base.order.host;
    char name[SHA1_HEX_SIZE];
    struct buf path = BUF_ON(run->path);
    if (!environment_put_home(host->environment, &path))
        return explain(&run->base.outcome.why, PIPEPOLL_ECREDENTIALS,
                       "HOME is not set, so the SSO token cannot be found; %s", run->login);
    if (digest_sha1_hex(name, login_name(run->base.order.chain)))
        return explain(&run->base.outcome.why, PIPEPOLL_ENOMEM, "SHA-1 failed");
    buf_printf(&path, "/.aws/sso/cache/%.*s.json", (int)sizeof name, name);
    if (path.overflow)
        return explain(&run->base.outcome.why, PIPEPOLL_ECREDENTIALS, "HOME is too long a path");
    return 0;
}

static int prepare(struct provider_run *run)
{
    const struct chain *chain = run->base.order.chain;
    bool own = chain->sso_endpoint_url.len > 0;
    const struct endpoint_rule rule = {
        .service = STR("portal.sso"),
        .region = chain->sso_region,
        .endpoint_url = chain->sso_endpoint_url,
        .fips = chain->fips && !own,
        .dualstack = chain->dualstack && !own,
    };
    struct buf login = BUF_ON(run->login), what = BUF_ON(run->what);
    if (chain->sso_session.len)
        buf_printf(&login, LOGIN_WORDS "aws sso login --sso-session %.*s",
                   STR_ARG(chain->sso_session));
    else
        buf_printf(&login, LOGIN_WORDS "aws sso login --profile %.*s",
                   STR_ARG(chain->base_profile));
    buf_printf(&what, "SSO role %.*s of account %.*s", STR_ARG(chain->sso_role_name),
               STR_ARG(chain->sso_account_id));
    run->token = BUF_ON(run->token_text);
    if (endpoint_resolve(&run->endpoint, &rule, &run->base.outcome.why))
        return PIPEPOLL_ECREDENTIALS;
    return find_cache(run);
}

static int sso_begin(struct provider_base *r)
{
    struct provider_run *run = run_of(r);
    const struct provider_host *host = r->order.host;
    int problem = prepare(run);
    if (problem) {
        provider_base_end(r, problem);
        return 0;
    }
    if (exchange_open(&run->exchange, host, run->endpoint.url, EXCHANGE_BY_RULES))
        return PIPEPOLL_ENOMEM;
    run->exchange.on_done = on_answer;
    run->exchange.timeout_ms = TIMEOUT_MS;
    run->exchange.attempts = ATTEMPTS;
    run->cache.on_done = on_cache;
    return file_read_start(&run->cache, host->worker, run->path);
}

static void sso_close(struct provider_base *r)
{
    exchange_close(&run_of(r)->exchange);
    exchange_close(&run_of(r)->oidc);
}

static void sso_stop(struct provider_run *run)
{
    file_read_forget(&run->cache);
    file_write_forget(&run->write);
    bool refreshes = exchange_stop(&run->oidc), asks = exchange_stop(&run->exchange);
    if (!refreshes && !asks)
        provider_base_end_stopped(&run->base);
}

const struct provider_kind provider_sso = { sizeof(struct provider_run), sso_begin, sso_close,
                                            sso_stop };

/* IAM Identity Center: a person logs in by `aws sso login`, which leaves a token in a file; the
 * token buys keys for a role. We never log in, so when the token is over the only remedy is that
 * person, and each sentence here says the command. */
#include "aws/digest.h"
#include "aws/endpoint.h"
#include "aws/timestamp.h"
#include "credentials/exchange.h"
#include "credentials/keys.h"
#include "credentials/run.h"
#include "credentials/watch.h"

enum {
    TIMEOUT_MS = 10000,
    ATTEMPTS = 3,
    CACHE_PATH_SIZE = 4096,
    CACHE_TOKENS = 512, /* of JSON: the file lists scopes and the client's registration too */
    TOKEN_SIZE = 6 << 10
};

struct provider_run {
    struct run run;
    struct exchange exchange;
    struct file_read cache;
    struct endpoint endpoint;
    char path[CACHE_PATH_SIZE];
    char login[160]; /* "run: aws sso login ..." */
    char what[192];
    char token_room[TOKEN_SIZE];
    struct buf token;
    struct json_token tokens[CACHE_TOKENS];
};

static const struct keys_form form = {
    .access_key_id = "accessKeyId",
    .secret_access_key = "secretAccessKey",
    .session_token = "sessionToken",
    .expiration = "expiration",
    .expires_in_ms = true,
};

static struct provider_run *run_of(struct run *r)
{
    return CONTAINER_OF(r, struct provider_run, run);
}

/* --- the keys --- */

static int read_keys(struct provider_run *run)
{
    struct pipepoll_error *why = &run->run.outcome.why;
    struct json j;
    int r = exchange_json(&run->exchange, &j, run->what, why);
    if (r)
        return r;
    int keys = keys_member(&j, JSON_ROOT, "roleCredentials");
    if (keys == JSON_NONE || json_type(&j, keys) != JSON_OBJECT)
        return explain(why, PIPEPOLL_EPROTO, "%s: there are no roleCredentials in the answer",
                       run->what);
    struct keys_source from = {
        .json = &j,
        .object = keys,
        .form = &form,
        .account_id = run->run.order.recipe->sso_account_id,
        .what = run->what,
    };
    run->run.outcome.dated_s = run->exchange.date_s;
    return keys_read(&run->run.outcome.keys, &run->run.order.host->alloc, &from, why);
}

static void on_answer(struct exchange *x)
{
    struct provider_run *run = CONTAINER_OF(x, struct provider_run, exchange);
    struct pipepoll_error *why = &run->run.outcome.why;
    if (!x->fault)
        run_end(&run->run, read_keys(run));
    else if (x->http_status == 401)
        run_end(&run->run,
                explain(why, PIPEPOLL_ECREDENTIALS, "%s: the login is no longer accepted; %s",
                        run->what, run->login));
    else
        run_end(&run->run,
                exchange_explain(
                    x, run->what,
                    x->fault == FAULT_DENIED ? "is the role assigned to this user?" : "", why));
}

static void ask(struct provider_run *run)
{
    const struct recipe *recipe = run->run.order.recipe;
    struct exchange *x = &run->exchange;
    exchange_begin(x);
    x->method = STR("GET");
    x->secret = buf_str(&run->token);
    buf_put(&x->path, run->endpoint.path);
    buf_put(&x->path, STR("federation/credentials?role_name="));
    exchange_put_escaped(&x->path, recipe->sso_role_name);
    buf_put(&x->path, STR("&account_id="));
    exchange_put_escaped(&x->path, recipe->sso_account_id);
    exchange_put_header(x, STR("Accept"), STR("application/json"));
    exchange_put_header(x, STR("x-amz-sso_bearer_token"), buf_str(&run->token));
    exchange_start(x);
}

/* --- the token that the login left --- */

static int refuse_cache(struct provider_run *run, const char *problem)
{
    return explain(&run->run.outcome.why, PIPEPOLL_ECREDENTIALS, "SSO token file %s %s; %s",
                   run->path, problem, run->login);
}

static bool is_header_value(str token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] < 0x20 || token.ptr[i] > 0x7e)
            return false;
    return token.len > 0;
}

static int read_token(struct provider_run *run, str text)
{
    struct json j;
    int64_t expires_s;
    if (json_parse(&j, (char *)text.ptr, text.len, run->tokens, CACHE_TOKENS, NULL))
        return refuse_cache(run, "is not what `aws sso login` writes");
    str token = keys_text(&j, JSON_ROOT, "accessToken");
    if (!is_header_value(token) ||
        !timestamp_iso8601(keys_text(&j, JSON_ROOT, "expiresAt"), &expires_s))
        return refuse_cache(run, "has no accessToken, or no expiresAt that is a time");
    if (expires_s <= run_now_s(&run->run))
        return refuse_cache(run, "holds a token that has expired");
    buf_put(&run->token, token);
    return run->token.overflow ? refuse_cache(run, "holds a token of more than 6 KiB") : 0;
}

static void on_cache(struct file_read *read, int error, str text)
{
    struct provider_run *run = CONTAINER_OF(read, struct provider_run, cache);
    char problem[128];
    struct buf b = BUF_ON(problem);
    watch_note(run->run.order.watch, run->path, &read->stamp);
    buf_printf(&b, "can't be read (%s)", file_strerror(error));
    int r = error ? refuse_cache(run, buf_cstr(&b)) : read_token(run, text);
    if (file_error_passes(error))
        r = PIPEPOLL_ETRANSPORT; /* not for ever */
    if (r)
        run_end(&run->run, r);
    else
        ask(run);
}

/* --- start and stop --- */

/* The name of the session, or of what came before sessions: the start URL. */
static str login_name(const struct recipe *recipe)
{
    return recipe->sso_session.len ? recipe->sso_session : recipe->sso_start_url;
}

static int find_cache(struct provider_run *run)
{
    const struct provider_host *host = run->run.order.host;
    char name[SHA1_HEX_SIZE];
    struct buf path = BUF_ON(run->path);
    if (!environment_put_home(host->environment, &path))
        return explain(&run->run.outcome.why, PIPEPOLL_ECREDENTIALS,
                       "HOME is not set, so the SSO token can't be found; %s", run->login);
    if (digest_sha1_hex(name, login_name(run->run.order.recipe)))
        return explain(&run->run.outcome.why, PIPEPOLL_ENOMEM, "SHA-1 failed");
    buf_printf(&path, "/.aws/sso/cache/%.*s.json", (int)sizeof name, name);
    if (path.overflow)
        return explain(&run->run.outcome.why, PIPEPOLL_ECREDENTIALS, "HOME is too long a path");
    return 0;
}

static int prepare(struct provider_run *run)
{
    const struct recipe *recipe = run->run.order.recipe;
    bool own = recipe->sso_endpoint_url.len > 0;
    const struct endpoint_rule rule = {
        .service = STR("portal.sso"),
        .region = recipe->sso_region,
        .endpoint_url = recipe->sso_endpoint_url,
        .fips = recipe->fips && !own,
        .dualstack = recipe->dualstack && !own,
    };
    struct buf login = BUF_ON(run->login), what = BUF_ON(run->what);
    if (recipe->sso_session.len)
        buf_printf(&login, "run: aws sso login --sso-session %.*s", STR_ARG(recipe->sso_session));
    else
        buf_printf(&login, "run: aws sso login --profile %.*s", STR_ARG(recipe->base_profile));
    buf_printf(&what, "SSO role %.*s of account %.*s", STR_ARG(recipe->sso_role_name),
               STR_ARG(recipe->sso_account_id));
    run->token = BUF_ON(run->token_room);
    if (endpoint_resolve(&run->endpoint, &rule, &run->run.outcome.why))
        return PIPEPOLL_ECREDENTIALS;
    return find_cache(run);
}

static int sso_begin(struct run *r)
{
    struct provider_run *run = run_of(r);
    const struct provider_host *host = r->order.host;
    int problem = prepare(run);
    if (problem) {
        run_end(r, problem);
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

static void sso_close(struct run *r)
{
    exchange_close(&run_of(r)->exchange);
}

static struct provider_run *sso_start(const struct provider_order *order)
{
    static const struct run_kind kind = { sizeof(struct provider_run), sso_begin, sso_close };
    return run_start(order, &kind);
}

static void sso_stop(struct provider_run *run)
{
    file_read_forget(&run->cache);
    if (!exchange_stop(&run->exchange))
        run_end_stopped(&run->run);
}

const struct provider_kind provider_sso = { sso_start, sso_stop };

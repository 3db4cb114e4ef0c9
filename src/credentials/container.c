/* SPDX-License-Identifier: MIT */
/* The credentials service beside a container: of ECS at 169.254.170.2, of EKS Pod Identity at
 * 169.254.170.23, or wherever AWS_CONTAINER_CREDENTIALS_FULL_URI points; the host passed the rules
 * in chain. */
#include "credentials/credentials_form.h"
#include "credentials/exchange.h"
#include "credentials/provider_base.h"
#include "credentials/token_file.h"

enum { TIMEOUT_MS = 2000, ATTEMPTS = 3, HOST_SHOWN = 100 };

struct provider_run {
    struct provider_base base;
    struct exchange exchange;
    struct token_file token_file;
    char what[160];
};

static const struct credentials_form form = {
    .access_key_id = "AccessKeyId",
    .secret_access_key = "SecretAccessKey",
    .session_token = "Token",
    .expiration = "Expiration",
    .account_id = "AccountId",
    .may_be_permanent = true, /* stand-ins on a developer's machine leave them out */
};

static struct provider_run *run_of(struct provider_base *r)
{
    return CONTAINER_OF(r, struct provider_run, base);
}

static int read_credentials(struct provider_run *run)
{
    struct pipepoll_error *why = &run->base.outcome.why;
    struct json j;
    int r = exchange_json(&run->exchange, &j, run->what, why);
    if (r)
        return r;
    struct credentials_form_json from = {
        .json = &j,
        .object = JSON_ROOT,
        .form = &form,
        .account_id = run->base.order.chain->account_id,
        .what = run->what,
    };
    run->base.outcome.dated_s = run->exchange.date_s;
    return credentials_form_read(&run->base.outcome.credentials, &run->base.order.host->alloc,
                                 &from, why);
}

static void on_answer(struct exchange *x)
{
    struct provider_run *run = CONTAINER_OF(x, struct provider_run, exchange);
    int r = x->fault ? exchange_explain(x, run->what, "", &run->base.outcome.why)
                     : read_credentials(run);
    provider_base_end(&run->base, r);
}

/* token empty: a service that asks for none. */
static void ask(struct provider_run *run, str token)
{
    struct exchange *x = &run->exchange;
    exchange_begin(x);
    x->method = STR("GET");
    exchange_put_header(x, STR("Accept"), STR("application/json"));
    if (token.len) {
        size_t before = x->head.len + STR("Authorization: ").len;
        exchange_put_header(x, STR("Authorization"), token);
        /* The copy in the head outlives the file's text. */
        if (!x->head.overflow)
            x->secret = (str) { x->head.at + before, token.len };
    }
    exchange_start(x);
}

static void on_token(struct token_file *file, str token, int status)
{
    struct provider_run *run = CONTAINER_OF(file, struct provider_run, token_file);
    if (!status) {
        ask(run, token);
        return;
    }
    explain(&run->base.outcome.why, 0, "%s: %s", run->what, file->why.text);
    explain_cause(&run->base.outcome.why, file->why.cause, str_of(file->why.subject));
    provider_base_end(&run->base, status);
}

static int container_begin(struct provider_base *r)
{
    struct provider_run *run = run_of(r);
    const struct chain *chain = r->order.chain;
    if (exchange_open(&run->exchange, r->order.host, chain->container_url, EXCHANGE_DIRECT))
        return PIPEPOLL_ENOMEM;
    run->exchange.on_done = on_answer;
    run->exchange.timeout_ms = TIMEOUT_MS;
    run->exchange.attempts = ATTEMPTS;
    run->token_file.on_done = on_token;
    run->token_file.watch = r->order.watch;
    str host = exchange_host(&run->exchange);
    struct buf what = BUF_ON(run->what);
    buf_printf(&what, "the container's credentials service at %.*s",
               host.len < HOST_SHOWN ? (int)host.len : HOST_SHOWN, host.ptr);
    if (chain->container_token_file.len)
        return token_file_start(&run->token_file, r->order.host, chain->container_token_file);
    ask(run, chain->container_token);
    return 0;
}

static void container_close(struct provider_base *r)
{
    exchange_close(&run_of(r)->exchange);
}

static void container_stop(struct provider_run *run)
{
    token_file_forget(&run->token_file);
    if (!exchange_stop(&run->exchange))
        provider_base_end_stopped(&run->base);
}

const struct provider_kind provider_container = { sizeof(struct provider_run), container_begin,
                                                  container_close, container_stop };

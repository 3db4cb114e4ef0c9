/* SPDX-License-Identifier: MIT */
/* A client is a transport with a single pool, and the timers and roots that these need: one of its
 * own, so that the trouble of one web service is nobody else's. A call wipes what it sent and got:
 * jobs and tokens are secrets. */
#include "handler/http_client.h"

#include <stdlib.h>

#include "aws/timestamp.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/url.h"
#include "io/trust_store.h"

enum {
    CONNECT_TIMEOUT_MS = 10000,
    TIMEOUT_MS = 30000,
    MAX_CONNECTIONS = 32,
    SECONDS_DIGITS_MAX = 9,
    LOCATION_MAX = 200
};

enum { WANTED_TYPE, WANTED_LOCATION, WANTED_RETRY_AFTER, WANTED_COUNT };

static const struct wanted_header wanted[WANTED_HEADERS_MAX] = {
    [WANTED_TYPE].name = STR_INIT("content-type"),
    [WANTED_LOCATION] = { .name = STR_INIT("location"), .cut_at = LOCATION_MAX },
    [WANTED_RETRY_AFTER].name = STR_INIT("retry-after"),
};

struct http_client {
    struct timers *timers;
    struct trust_store *roots;
    struct transport *transport;
    struct pool *pool;
    struct timer leave;
    str url, host, target; /* behind the struct */
    void (*closed)(void *ctx);
    void *ctx;
};

struct timers *http_client_timers(const struct http_client *client)
{
    return client->timers;
}

struct worker *http_client_worker(const struct http_client *client)
{
    return transport_worker(client->transport);
}

str http_client_host(const struct http_client *client)
{
    return client->host;
}

str http_client_target(const struct http_client *client)
{
    return client->target;
}

/* --- the answer of a call --- */

static uint64_t read_retry_after(str value)
{
    uint64_t seconds = 0;
    int64_t date_s, now_ms = timers_wall_ms();
    if (timestamp_http_date(value, &date_s))
        return date_s * 1000 > now_ms ? (uint64_t)(date_s * 1000 - now_ms) : 0;
    if (value.len > SECONDS_DIGITS_MAX)
        return 0;
    for (size_t i = 0; i < value.len; i++) {
        if (!ascii_is_digit(value.ptr[i]))
            return 0;
        seconds = seconds * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    return seconds * 1000;
}

static void on_transfer_done(struct transfer *t)
{
    struct http_call *c = CONTAINER_OF(t, struct http_call, transfer);
    c->status = t->http_status;
    c->answer = t->answer;
    c->answer_len = t->answer_len;
    c->content_type = t->values[WANTED_TYPE];
    c->location = t->values[WANTED_LOCATION];
    c->retry_after_ms = read_retry_after(str_trim(t->values[WANTED_RETRY_AFTER]));
    c->is_too_long = t->answer_len > HTTP_CLIENT_ANSWER_MAX;
    c->quotes_answer = t->fault == FAULT_MALFORMED && !c->is_too_long;
    if (c->is_too_long)
        c->problem = "the answer is longer than 256 KiB";
    else if (t->fault)
        c->problem = t->detail[0] ? t->detail : fault_text(t->fault);
    c->on_done(c);
}

static void on_told(struct timer *told)
{
    struct http_call *c = CONTAINER_OF(told, struct http_call, told);
    c->on_done(c);
}

/* --- a call --- */

static void forget(struct http_call *c)
{
    transfer_wipe(&c->transfer);
    explicit_bzero(c->head_text, sizeof c->head_text);
    c->head = BUF_ON(c->head_text);
    c->method = c->target = c->body = c->content_type = c->location = (str) { NULL, 0 };
    c->problem = NULL;
    c->quotes_answer = c->is_unsendable = c->is_too_long = false;
    c->status = 0;
    c->answer = NULL;
    c->answer_len = 0;
    c->retry_after_ms = 0;
}

int http_call_init(struct http_call *c, struct http_client *client)
{
    *c = (struct http_call) { .client = client };
    c->transfer.wanted = wanted;
    c->transfer.wanted_count = WANTED_COUNT;
    return timer_init(&c->told, client->timers, on_told);
}

void http_call_deinit(struct http_call *c)
{
    if (!c->client)
        return;
    forget(c);
    timer_deinit(&c->told);
    explicit_bzero(c, sizeof *c);
}

void http_call_begin(struct http_call *c)
{
    forget(c);
    http_call_put_header(c, "Host", c->client->host);
    http_call_put_header(c, "User-Agent", STR("pipepoll/" PIPEPOLL_VERSION));
}

static bool is_plain(str value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 0x7f)
            return false;
    return true;
}

void http_call_put_header(struct http_call *c, const char *name, str value)
{
    buf_put(&c->head, str_of(name));
    buf_put(&c->head, STR(": "));
    buf_put(&c->head, value);
    buf_put(&c->head, STR("\r\n"));
    if (!is_plain(value))
        c->head.overflow = true;
}

/* NULL, or why the call never can be sent. */
static const char *judge_request(const struct http_call *c)
{
    if (c->head.overflow)
        return "a header of the request is too long, or has control characters";
    if (c->target.len > HTTP_CLIENT_TARGET_MAX)
        return "the URL is too long";
    if (c->body.len > HTTP_CLIENT_BODY_MAX)
        return "the request is longer than 256 KiB";
    return NULL;
}

static const char *send(struct http_call *c)
{
    struct transfer *t = &c->transfer;
    t->head = buf_str(&c->head);
    t->body = c->body;
    t->method = c->method;
    t->path = c->target.len ? c->target : c->client->target;
    t->timeout_ms = c->timeout_ms ? c->timeout_ms : TIMEOUT_MS;
    t->on_done = on_transfer_done;
    int r = transfer_start(t, c->client->pool);
    c->is_unsendable = r && r != PIPEPOLL_ENOMEM;
    return r == PIPEPOLL_ENOMEM   ? "out of memory"
           : r == PIPEPOLL_EINVAL ? "the URL has characters that no URL may have"
           : r                    ? "the request is too long"
                                  : NULL;
}

void http_call_start(struct http_call *c)
{
    c->problem = judge_request(c);
    c->is_unsendable = c->problem;
    if (!c->problem)
        c->problem = send(c);
    if (c->problem)
        timer_set(&c->told, timers_now_ns());
}

void http_call_stop(struct http_call *c)
{
    transfer_abort(&c->transfer);
}

/* --- the end --- */

static void client_free(struct http_client *client)
{
    trust_store_free(client->roots);
    free(client);
}

static void on_timers_closed(void *ctx)
{
    struct http_client *client = ctx;
    void (*closed)(void *ctx) = client->closed;
    void *closed_ctx = client->ctx;
    client_free(client);
    if (closed)
        closed(closed_ctx);
}

static void on_transport_closed(void *ctx)
{
    struct http_client *client = ctx;
    timers_close(client->timers, on_timers_closed, client);
}

/* From a stack that is clean of transfers. */
static void on_leave(struct timer *leave)
{
    struct http_client *client = CONTAINER_OF(leave, struct http_client, leave);
    timer_deinit(leave);
    if (client->pool)
        pool_close(client->pool);
    transport_close(client->transport, on_transport_closed, client);
}

void http_client_close(struct http_client *client, void (*closed)(void *ctx), void *ctx)
{
    client->closed = closed;
    client->ctx = ctx;
    transport_stop_waiting(client->transport);
    timer_set(&client->leave, timers_now_ns());
}

/* --- the start --- */

static int check_url(struct url *u, str url, struct pipepoll_error *why)
{
    if (!url_split(u, url) ||
        !(str_eq_nocase(u->scheme, STR("https")) || str_eq_nocase(u->scheme, STR("http"))) ||
        !u->host.len)
        return explain(why, PIPEPOLL_EINVAL, "the URL is not http:// or https:// and a host");
    if (u->user.ptr)
        return explain(why, PIPEPOLL_EINVAL, "the URL has a user in it, which is not sent");
    if (str_find(u->target, '#') < u->target.len)
        return explain(why, PIPEPOLL_EINVAL, "the URL has a fragment (#), which is not sent");
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~')
            return explain(why, PIPEPOLL_EINVAL,
                           "the URL has a blank or another character that must be escaped");
    return PIPEPOLL_OK;
}

/* All texts behind the struct. A URL without a path means "/". */
static struct http_client *client_new(const struct url *u, str url)
{
    struct http_client *client =
        calloc(1, sizeof *client + url.len + u->authority.len + u->target.len + 1);
    if (!client)
        return NULL;
    char *at = (char *)(client + 1);
    client->url = str_keep(&at, url);
    client->host = str_keep(&at, u->authority);
    client->target = (str) { at, u->target.len };
    if (!u->target.len || *u->target.ptr != '/') {
        *at++ = '/';
        client->target.len++;
    }
    str_keep(&at, u->target);
    return client;
}

static struct proxy_rules rules_of_environment(void)
{
    static const struct environment environment = { 0 };
    return proxy_rules_of(&environment);
}

/* Reading them takes 30 ms and 900 kB, for nothing where all is plain HTTP. */
static int read_roots(struct http_client *client, const char *ca_bundle, struct pipepoll_error *why)
{
    const struct proxy_rules rules = rules_of_environment();
    struct url u;
    bool is_plain_http = url_split(&u, client->url) && str_eq_nocase(u.scheme, STR("http"));
    if (is_plain_http && !ca_bundle && !proxy_for(&rules, client->url).len)
        return PIPEPOLL_OK;
    return trust_store_new(&client->roots, str_of(ca_bundle), why);
}

static int open_transport(struct http_client *client, struct uv_loop_s *loop,
                          const struct http_client_options *o, struct pipepoll_error *why)
{
    const struct transport_options t = {
        .loop = loop,
        .timers = client->timers,
        .trust_store = client->roots,
        .connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS,
        .max_connections = o->max_connections ? o->max_connections : MAX_CONNECTIONS,
        .proxies = rules_of_environment(),
    };
    return transport_open(&client->transport, &t, why);
}

static int open_pool(struct http_client *client, struct pipepoll_error *why)
{
    const struct pool_options o = { .url = client->url };
    int r = pool_open(&client->pool, client->transport, &o);
    return r == PIPEPOLL_EINVAL ? explain(why, r, "the URL has no host to connect to")
           : r                  ? explain(why, r, "out of memory")
                                : PIPEPOLL_OK;
}

/* What fails before there is a transport ends at once, what fails after it as every client does. */
static int open_parts(struct http_client *client, struct uv_loop_s *loop,
                      const struct http_client_options *o, struct pipepoll_error *why)
{
    int r = read_roots(client, o->ca_bundle, why);
    if (r)
        goto fail;
    r = timers_open(&client->timers, loop, &(struct alloc) { 0 });
    if (r) {
        explain(why, r, "the loop takes no timer");
        goto fail;
    }
    r = timer_init(&client->leave, client->timers, on_leave);
    if (!r)
        r = open_transport(client, loop, o, why);
    if (!r) {
        r = open_pool(client, why);
        if (r)
            http_client_close(client, NULL, NULL);
        return r;
    }
    timer_deinit(&client->leave);
    timers_close(client->timers, NULL, NULL);
fail:
    client_free(client);
    return r;
}

int http_client_open(struct http_client **out, struct uv_loop_s *loop,
                     const struct http_client_options *o, struct pipepoll_error *why)
{
    struct url u;
    int r = check_url(&u, str_of(o->url), why);
    if (r)
        return r;
    struct http_client *client = client_new(&u, str_of(o->url));
    if (!client)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    r = open_parts(client, loop, o, why);
    if (!r)
        *out = client;
    return r;
}

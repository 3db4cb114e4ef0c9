/* SPDX-License-Identifier: MIT */
/* A table of paths, each with what makes its body: once for a status, however many ask for it, and
 * not at all while nobody does. Who asks by a name that is not this machine's own was sent here by
 * some page of the web (DNS rebinding), and is refused where only this machine may ask; others must
 * know the token. */
#include "daemon/web.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "aws/digest.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/socket_address.h"
#include "config/http_token.h"
#include "daemon/web_bodies.h"
#include "http/http_server.h"
#include "status/metrics.h"
#include "status/page.h"
#include "status/status_json.h"

enum { EVENT_MS = 1000, CLOSE_MS = 1000, TIMEOUT_MS = 5000, CONNECTIONS = 32, HEAD_MAX = 8192 };

struct web {
    struct http_server *server;
    uv_timer_t timer; /* of events */
    const struct status *(*status)(void *ctx);
    void *ctx;
    struct web_bodies bodies;
    bool is_local, is_unix;
    struct http_token token; /* empty: none is needed */
    unsigned to_close;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static const struct http_header safe[] = {
    { "Cache-Control", "no-store" },
    { "X-Content-Type-Options", "nosniff" },
    { "Referrer-Policy", "no-referrer" },
    { "Content-Security-Policy", page_security_policy },
};
static const struct http_header challenge[] = {
    { "Cache-Control", "no-store" },
    { "WWW-Authenticate", "Bearer realm=\"pipepoll\"" },
};

/* --- replies ---------------------------------------------------------------------------------- */

static void say(struct http_reply *reply, unsigned status, const char *line)
{
    size_t len = strlen(line);
    reply->status = status;
    reply->content_type = "text/plain; charset=utf-8";
    reply->body = malloc(len + 1);
    if (!reply->body)
        return;
    memcpy(reply->body, line, len);
    reply->body[len] = '\n';
    reply->len = len + 1;
}

static void send_body(struct web *w, struct http_reply *reply, const char *type, web_body_fn *make,
                      str of)
{
    reply->shared = web_bodies_get(&w->bodies, w->status(w->ctx), make, of);
    reply->status = reply->shared ? 200 : 503;
    reply->content_type = type;
}

static void answer_page(struct web *w, const struct http_request *rq, struct http_reply *reply)
{
    send_body(w, reply, "text/html; charset=utf-8", page_html, rq->query);
}

/* One for each format. */
static char *make_prometheus(const struct status *s, str of, size_t *len)
{
    return metrics_text(s, METRICS_PROMETHEUS, len);
}

static char *make_openmetrics(const struct status *s, str of, size_t *len)
{
    return metrics_text(s, METRICS_OPENMETRICS, len);
}

static void answer_metrics(struct web *w, const struct http_request *rq, struct http_reply *reply)
{
    enum metrics_format format = metrics_format_of(http_request_header(rq, "Accept"));
    send_body(w, reply, metrics_content_type(format),
              format == METRICS_OPENMETRICS ? make_openmetrics : make_prometheus, STR(""));
}

static void answer_alive(struct web *w, const struct http_request *rq, struct http_reply *reply)
{
    struct status_verdict v;
    status_judge(w->status(w->ctx), &v);
    say(reply, v.is_alive ? 200 : 503, v.is_alive ? "ok" : v.why);
}

static void answer_ready(struct web *w, const struct http_request *rq, struct http_reply *reply)
{
    struct status_verdict v;
    status_judge(w->status(w->ctx), &v);
    say(reply, v.is_ready ? 200 : 503, v.why);
}

static char *make_status(const struct status *s, str of, size_t *len)
{
    return status_json(s, len);
}

static void answer_status(struct web *w, const struct http_request *rq, struct http_reply *reply)
{
    send_body(w, reply, "application/json", make_status, STR(""));
}

static void answer_events(struct web *w, const struct http_request *rq, struct http_reply *reply)
{
    send_body(w, reply, "text/event-stream", page_event, rq->query);
    reply->is_stream = reply->shared != NULL;
}

/* --- requests --------------------------------------------------------------------------------- */

static const struct {
    str path;
    void (*answer)(struct web *w, const struct http_request *rq, struct http_reply *reply);
} pages[] = {
    { STR_INIT("/"), answer_page },
    { STR_INIT("/metrics"), answer_metrics },
    { STR_INIT("/healthz"), answer_alive },
    { STR_INIT("/readyz"), answer_ready },
    { STR_INIT("/status.json"), answer_status },
    { STR_INIT("/events"), answer_events },
};

static void answer_path(struct web *w, const struct http_request *rq, struct http_reply *reply)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (str_eq(rq->path, pages[i].path)) {
            pages[i].answer(w, rq, reply);
            return;
        }
    }
    say(reply, 404,
        "nothing is here: there are /, /metrics, /healthz, /readyz, /status.json and /events");
}

/* HOST[:PORT] of this machine alone: localhost, 127.x.y.z, [::1]. */
static bool is_own_host(str host)
{
    size_t end = str_starts(host, STR("[")) ? str_find(host, ']') + 1 : str_find(host, ':');
    host.len = end < host.len ? end : host.len;
    if (str_eq_nocase(host, STR("localhost")) || str_eq(host, STR("[::1]")))
        return true;
    for (size_t i = 0; i < host.len; i++)
        if (!ascii_is_digit(host.ptr[i]) && host.ptr[i] != '.')
            return false;
    return str_starts(host, STR("127."));
}

static bool may_ask(const struct web *w, const struct http_request *rq)
{
    str sent = http_request_header(rq, "Authorization");
    if (!w->token.len)
        return true;
    if (!str_starts(sent, STR("Bearer ")))
        return false;
    sent = str_skip(sent, STR("Bearer ").len);
    return sent.len == w->token.len && digest_eq(sent.ptr, w->token.bytes, w->token.len);
}

static void answer(void *ctx, const struct http_request *rq, struct http_reply *reply)
{
    struct web *w = ctx;
    reply->headers = safe;
    reply->header_count = sizeof safe / sizeof *safe;
    if (w->is_local && !w->is_unix && !is_own_host(http_request_header(rq, "Host"))) {
        say(reply, 403, "ask by an address of this machine, such as 127.0.0.1");
    } else if (!may_ask(w, rq)) {
        say(reply, 401, "send the secret of token-file: Authorization: Bearer SECRET");
        reply->headers = challenge;
        reply->header_count = sizeof challenge / sizeof *challenge;
    } else if (!str_eq(rq->method, STR("GET")) && !str_eq(rq->method, STR("HEAD"))) {
        say(reply, 405, "GET and HEAD alone");
        reply->allow = "GET, HEAD";
    } else {
        answer_path(w, rq, reply);
    }
}

/* --- events ----------------------------------------------------------------------------------- */

static struct http_body *get_event(void *ctx, str query)
{
    struct web *w = ctx;
    return web_bodies_get(&w->bodies, w->status(w->ctx), page_event, query);
}

static void on_timer(uv_timer_t *timer)
{
    struct web *w = timer->data;
    http_server_push(w->server, get_event, w);
    web_bodies_rest(&w->bodies);
}

/* --- open and close --------------------------------------------------------------------------- */

static struct web *web_free(struct web *w)
{
    web_bodies_deinit(&w->bodies);
    explicit_bzero(&w->token, sizeof w->token);
    free(w);
    return NULL;
}

static int open_server(struct web *w, const struct web_options *o, struct pipepoll_error *why)
{
    const struct http_server_options server = { .address = o->config->listen,
                                                .max_connections = CONNECTIONS,
                                                .max_head_bytes = HEAD_MAX,
                                                .timeout_ms = TIMEOUT_MS,
                                                .answer = answer,
                                                .ctx = w };
    struct pipepoll_error problem = { .text = "out of memory" };
    int r = http_server_open(&w->server, o->loop, &server, &problem);
    return r ? explain(why, r, "[http]: %s", problem.text) : PIPEPOLL_OK;
}

static bool is_unix(const char *listen)
{
    struct socket_address address;
    return socket_address_read(&address, str_of(listen)) && socket_address_is_unix(&address);
}

int web_open(struct web **out, const struct web_options *o, struct pipepoll_error *why)
{
    struct web *w = calloc(1, sizeof *w);
    if (!w)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    w->status = o->status;
    w->ctx = o->ctx;
    w->is_local = o->config->is_local;
    w->is_unix = is_unix(o->config->listen);
    if (o->config->token)
        w->token = *o->config->token;
    int r = open_server(w, o, why);
    if (r) {
        web_free(w);
        return r;
    }
    uv_timer_init(o->loop, &w->timer);
    w->timer.data = w;
    uv_timer_start(&w->timer, on_timer, EVENT_MS, EVENT_MS);
    *out = w;
    return PIPEPOLL_OK;
}

const char *web_url(const struct web *w)
{
    return http_server_url(w->server);
}

static bool is_same(const struct http_token *a, const struct http_token *b)
{
    return a->len == b->len && digest_eq(a->bytes, b->bytes, a->len);
}

bool web_set_token(struct web *w, const struct http_token *token)
{
    if (!w->token.len || is_same(&w->token, token))
        return false;
    w->token = *token;
    http_server_end_streams(w->server);
    return true;
}

static void on_part_closed(struct web *w)
{
    if (--w->to_close)
        return;
    void (*closed)(void *ctx) = w->closed;
    void *ctx = w->closed_ctx;
    web_free(w);
    closed(ctx);
}

static void on_server_closed(void *ctx)
{
    on_part_closed(ctx);
}

static void on_timer_closed(uv_handle_t *timer)
{
    on_part_closed(timer->data);
}

void web_close(struct web *w, void (*closed)(void *ctx), void *ctx)
{
    w->closed = closed;
    w->closed_ctx = ctx;
    w->to_close = 2;
    uv_close((uv_handle_t *)&w->timer, on_timer_closed);
    http_server_close(w->server, CLOSE_MS, on_server_closed, w);
}

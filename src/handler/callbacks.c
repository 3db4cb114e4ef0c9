/* SPDX-License-Identifier: MIT */
/* A job is found by the last part of the path, so that a proxy may put whatever it likes before it.
 * The token is an HMAC of the job's id, by the key that its call-backs are signed with: nobody can
 * guess it without the key, and it needs no memory that would have to outlive a restart. The walk
 * over all jobs compares each in constant time; there are hundreds at most. */
#include "handler/callbacks.h"

#include <stdlib.h>

#include "aws/digest.h"
#include "base/log.h"
#include "base/url.h"
#include "handler/webhook_signature.h"
#include "http/http_server.h"
#include "io/timers.h"

enum {
    TIMEOUT_MS = 10000,
    MAX_CONNECTIONS = 64,
    CLOSE_MS = 1000,
    STATUS_TAKEN = 204,
    STATUS_BAD = 400,
    STATUS_UNSIGNED = 401,
    STATUS_UNKNOWN = 404,
    STATUS_NO_POST = 405,
    STATUS_NO_MEMORY = 503
};

struct callbacks {
    struct http_server *server;
    struct list list;
    char url[CALLBACKS_URL_MAX];
    size_t url_len;
    void (*closed)(void *ctx);
    void *ctx;
};

/* --- one job --- */

void callback_add(struct callbacks *callbacks, struct callback *c, str job_id)
{
    const str parts[] = { STR("callback."), job_id };
    struct sha256 sum;
    hmac_key_sign_parts(c->key, &sum, parts, sizeof parts / sizeof *parts);
    sha256_hex(c->token, &sum);
    digest_wipe(&sum, sizeof sum);
    list_init(&c->link);
    list_put_last(&callbacks->list, &c->link);
}

void callback_remove(struct callback *c)
{
    if (c->link.next)
        list_remove(&c->link);
}

void callback_put_url(struct buf *out, const struct callbacks *callbacks, const struct callback *c)
{
    buf_put(out, (str) { callbacks->url, callbacks->url_len });
    buf_put_char(out, '/');
    buf_put(out, (str) { c->token, sizeof c->token });
}

/* NULL: none waits. */
static struct callback *find(const struct callbacks *callbacks, str token)
{
    if (token.len != CALLBACK_TOKEN_LEN)
        return NULL;
    for (struct list *l = callbacks->list.next; l != &callbacks->list; l = l->next) {
        struct callback *c = CONTAINER_OF(l, struct callback, link);
        if (digest_eq(c->token, token.ptr, CALLBACK_TOKEN_LEN))
            return c;
    }
    return NULL;
}

/* --- one request --- */

static void say(struct http_reply *reply, unsigned status, const char *text)
{
    reply->status = status;
    reply->body = strdup(text);
    reply->len = reply->body ? strlen(text) : 0;
    reply->content_type = "text/plain; charset=utf-8";
}

static str last_part(str path)
{
    size_t at = path.len;
    while (at && path.ptr[at - 1] != '/')
        at--;
    return str_skip(path, at);
}

/* The body is read in place, so it is a copy. */
static void take(struct callback *c, const struct http_request *request, struct http_reply *reply)
{
    struct pipepoll_error why = { 0 };
    char *copy = malloc(request->body.len + 1);
    if (!copy) {
        say(reply, STATUS_NO_MEMORY, "out of memory\n");
        return;
    }
    char *end = copy;
    str_keep(&end, request->body);
    if (c->take(c, copy, request->body.len, &why))
        reply->status = STATUS_TAKEN;
    else
        say(reply, STATUS_BAD, why.text);
    digest_wipe(copy, request->body.len);
    free(copy);
}

static void answer(void *ctx, const struct http_request *request, struct http_reply *reply)
{
    struct callbacks *callbacks = ctx;
    struct callback *c = find(callbacks, last_part(request->path));
    if (!c) {
        say(reply, STATUS_UNKNOWN, "no job waits here, or not any more\n");
        return;
    }
    if (!str_eq(request->method, STR("POST"))) {
        say(reply, STATUS_NO_POST, "progress and results are POSTed\n");
        reply->allow = "POST";
        return;
    }
    const char *problem = webhook_signature_problem(
        c->key, http_request_header(request, "Pipepoll-Timestamp"),
        http_request_header(request, "Pipepoll-Signature"), request->body, timers_wall_ms() / 1000);
    if (problem)
        say(reply, STATUS_UNSIGNED, problem);
    else
        take(c, request, reply);
}

/* --- open and close --- */

/* The url is put into a header of each request. */
static int check_url(str url, struct pipepoll_error *why)
{
    struct url u;
    bool is_right = url_split(&u, url) && u.host.len && url.len < CALLBACKS_URL_MAX &&
                    (str_eq_nocase(u.scheme, STR("http")) || str_eq_nocase(u.scheme, STR("https")));
    for (size_t i = 0; is_right && i < url.len; i++)
        is_right = url.ptr[i] > ' ' && url.ptr[i] <= '~' && !strchr("?#", url.ptr[i]);
    return is_right ? PIPEPOLL_OK
                    : explain(why, PIPEPOLL_EINVAL,
                              "the URL for call-backs is not http:// or https://, a host, and "
                              "perhaps a path");
}

static int keep_url(struct callbacks *callbacks, const char *url, struct pipepoll_error *why)
{
    str text = str_of(url ? url : http_server_url(callbacks->server));
    int r = check_url(text, why);
    if (r)
        return r;
    while (text.ptr[text.len - 1] == '/')
        text.len--;
    memcpy(callbacks->url, text.ptr, text.len);
    callbacks->url_len = text.len;
    return PIPEPOLL_OK;
}

static void on_server_closed(void *ctx)
{
    struct callbacks *callbacks = ctx;
    void (*closed)(void *ctx) = callbacks->closed;
    void *closed_ctx = callbacks->ctx;
    free(callbacks);
    if (closed)
        closed(closed_ctx);
}

int callbacks_open(struct callbacks **out, struct uv_loop_s *loop,
                   const struct callbacks_options *o, struct pipepoll_error *why)
{
    struct callbacks *callbacks = calloc(1, sizeof *callbacks);
    if (!callbacks)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    const struct http_server_options s = { .address = o->address,
                                           .max_connections = MAX_CONNECTIONS,
                                           .max_body_bytes = CALLBACKS_BODY_MAX,
                                           .timeout_ms = TIMEOUT_MS,
                                           .answer = answer,
                                           .ctx = callbacks };
    list_init(&callbacks->list);
    int r = http_server_open(&callbacks->server, loop, &s, why);
    if (r) {
        free(callbacks);
        return r;
    }
    r = keep_url(callbacks, o->url, why);
    if (r)
        http_server_close(callbacks->server, 0, on_server_closed, callbacks);
    else
        *out = callbacks;
    return r;
}

void callbacks_close(struct callbacks *callbacks, void (*closed)(void *ctx), void *ctx)
{
    callbacks->closed = closed;
    callbacks->ctx = ctx;
    http_server_close(callbacks->server, CLOSE_MS, on_server_closed, callbacks);
}

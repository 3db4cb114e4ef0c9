/* SPDX-License-Identifier: MIT */
/* All jobs share one path, and are told apart by their tokens: a wrong one is one that no job has,
 * so there is nothing to tell them apart by. A token is found by its hash, which is keyed with a
 * random number, and then compared in constant time: how long the search takes says nothing of how
 * much of a guess is right.
 *
 * An answer is made when it is asked for, since the expiry that it states depends on the time. */
#include "handler/artifact_endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <uv.h>

#include "base/buf.h"
#include "base/jsontext.h"
#include "base/list.h"
#include "base/log.h"
#include "base/wall_clock.h"
#include "http/http_server.h"

enum {
    TOKEN_BYTES = ARTIFACT_TOKEN_LEN / 2,
    LATE_EXPIRY_MS = 60000,
    MAX_CONNECTIONS = 256,
    TIMEOUT_MS = 5000,
    BODY_EXTRA = 128, /* names, quotes and the expiry */
    STATUS_OK = 200,
    STATUS_UNAUTHORIZED = 401,
    STATUS_NOT_FOUND = 404,
    STATUS_BAD_METHOD = 405
};

static const str path = STR_INIT("/artifact-credentials");

struct artifact_endpoint {
    uv_loop_t *loop;
    struct http_server *server;
    struct table accesses; /* by their tokens */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* --- tokens ---------------------------------------------------------------------------------- */

static bool random_bytes(void *out, size_t len)
{
    ssize_t n;
    do
        n = getrandom(out, len, 0);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)len; /* up to 256 bytes it gives all or none */
}

static bool make_token(char token[ARTIFACT_TOKEN_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[TOKEN_BYTES];
    if (!random_bytes(bytes, sizeof bytes))
        return false;
    for (size_t i = 0; i < sizeof bytes; i++) {
        token[2 * i] = digits[bytes[i] >> 4];
        token[2 * i + 1] = digits[bytes[i] & 15];
    }
    token[ARTIFACT_TOKEN_LEN] = '\0';
    explicit_bzero(bytes, sizeof bytes);
    return true;
}

/* Looks at all of it, whatever differs. */
static bool is_token(const struct artifact_access *access, str given)
{
    volatile unsigned char differs = 0;
    if (given.len != ARTIFACT_TOKEN_LEN)
        return false;
    for (size_t i = 0; i < ARTIFACT_TOKEN_LEN; i++)
        differs |= (unsigned char)(access->token[i] ^ given.ptr[i]);
    return differs == 0;
}

static uint64_t hash_of(const struct artifact_endpoint *e, str token)
{
    return table_hash(e->accesses.seed, token);
}

static struct artifact_access *find(const struct artifact_endpoint *e, str token)
{
    struct table_node *node = table_first(&e->accesses, hash_of(e, token));
    for (; node; node = table_next(node)) {
        struct artifact_access *access = CONTAINER_OF(node, struct artifact_access, node);
        if (is_token(access, token))
            return access;
    }
    return NULL;
}

/* --- answers --------------------------------------------------------------------------------- */

/* As SDKs read it of a container's credentials. */
static void refuse(struct http_reply *reply, unsigned status, const char *code, const char *message)
{
    char text[256];
    struct buf body = BUF_ON(text);
    buf_put_char(&body, '{');
    jsontext_member(&body, "Code", str_of(code));
    jsontext_member(&body, "Message", str_of(message));
    buf_put_char(&body, '}');
    reply->status = status;
    reply->body = body.overflow ? NULL : strndup(body.at, body.len);
    reply->len = body.len;
}

/* In milliseconds from now: see the header. */
static uint64_t expires_in(const struct artifact_access *access)
{
    uint64_t end_ms = access->renewed_ms + access->renew_ms + ARTIFACT_EXPIRY_MARGIN_MS;
    uint64_t now_ms = uv_now(access->endpoint->loop);
    return end_ms > now_ms + LATE_EXPIRY_MS ? end_ms - now_ms : LATE_EXPIRY_MS;
}

static void give(struct http_reply *reply, const struct artifact_access *access)
{
    const struct pipepoll_artifact_credentials *c = &access->credentials;
    size_t cap = BODY_EXTRA + jsontext_size(c->access_key_id) +
                 jsontext_size(c->secret_access_key) + jsontext_size(c->session_token);
    struct buf body = { .at = malloc(cap), .cap = cap };
    if (!body.at)
        return; /* a failure of the server: clients try again */
    buf_put_char(&body, '{');
    jsontext_member(&body, "AccessKeyId", c->access_key_id);
    jsontext_member(&body, "SecretAccessKey", c->secret_access_key);
    jsontext_member(&body, "Token", c->session_token);
    jsontext_expiry(&body, "Expiration", (wall_clock_ms() + (int64_t)expires_in(access)) / 1000);
    buf_put_char(&body, '}');
    reply->status = STATUS_OK;
    reply->body = body.at;
    reply->len = body.len;
}

/* Clients come once in some minutes: a connection that is kept would only take another's place. */
static void on_request(void *ctx, const struct http_request *request, struct http_reply *reply)
{
    const struct artifact_endpoint *e = ctx;
    reply->close = true;
    reply->content_type = "application/json";
    if (!str_eq(request->path, path)) {
        refuse(reply, STATUS_NOT_FOUND, "NotFound", "There is nothing at this path.");
        return;
    }
    if (!str_eq(request->method, STR("GET"))) {
        reply->allow = "GET";
        refuse(reply, STATUS_BAD_METHOD, "MethodNotAllowed", "Only GET is allowed.");
        return;
    }
    const struct artifact_access *access = find(e, http_request_header(request, "Authorization"));
    if (access)
        give(reply, access);
    else
        refuse(reply, STATUS_UNAUTHORIZED, "AccessDenied",
               "The authorization token is not that of a running job.");
}

/* --- jobs ------------------------------------------------------------------------------------ */

static void drop_credentials(struct artifact_access *access)
{
    if (access->block)
        explicit_bzero(access->block, access->block_size);
    free(access->block);
    access->block = NULL;
}

static int copy_credentials(struct artifact_access *access,
                            const struct pipepoll_artifact_credentials *c)
{
    size_t size = c->access_key_id.len + c->secret_access_key.len + c->session_token.len + 1;
    char *block = malloc(size), *at = block;
    if (!block)
        return PIPEPOLL_ENOMEM;
    struct pipepoll_artifact_credentials copy = { str_keep(&at, c->access_key_id),
                                                  str_keep(&at, c->secret_access_key),
                                                  str_keep(&at, c->session_token) };
    drop_credentials(access);
    access->block = block;
    access->block_size = size;
    access->credentials = copy;
    access->renewed_ms = uv_now(access->endpoint->loop);
    return PIPEPOLL_OK;
}

int artifact_endpoint_add(struct artifact_endpoint *e, struct artifact_access *access,
                          const struct pipepoll_artifact_credentials *c, uint32_t renew_ms)
{
    *access = (struct artifact_access) { .endpoint = e, .renew_ms = renew_ms };
    struct buf uri = BUF_ON(access->uri);
    buf_printf(&uri, "%s%s", http_server_url(e->server), path.ptr);
    int r = make_token(access->token) ? copy_credentials(access, c) : PIPEPOLL_ESYSTEM;
    if (r) {
        explicit_bzero(access, sizeof *access);
        return r;
    }
    table_put(&e->accesses, &access->node, hash_of(e, (str) { access->token, ARTIFACT_TOKEN_LEN }));
    return PIPEPOLL_OK;
}

void artifact_endpoint_renew(struct artifact_access *access,
                             const struct pipepoll_artifact_credentials *c)
{
    if (access->endpoint)
        (void)copy_credentials(access, c);
}

void artifact_endpoint_remove(struct artifact_access *access)
{
    if (!access->endpoint)
        return;
    table_remove(&access->endpoint->accesses, &access->node);
    drop_credentials(access);
    explicit_bzero(access, sizeof *access);
}

/* --- open and close -------------------------------------------------------------------------- */

int artifact_endpoint_open(struct artifact_endpoint **out, struct uv_loop_s *loop,
                           struct pipepoll_error *why)
{
    uint64_t seed;
    if (!random_bytes(&seed, sizeof seed))
        return explain(why, PIPEPOLL_ESYSTEM, "the system has no random numbers");
    struct artifact_endpoint *e = calloc(1, sizeof *e);
    if (!e)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    e->loop = loop;
    const struct http_server_options o = { .address = "127.0.0.1:0",
                                           .max_connections = MAX_CONNECTIONS,
                                           .timeout_ms = TIMEOUT_MS,
                                           .answer = on_request,
                                           .ctx = e };
    int r = http_server_open(&e->server, loop, &o, why);
    if (r) {
        free(e);
        return r;
    }
    table_init(&e->accesses, (struct alloc) { 0 }, seed);
    *out = e;
    return PIPEPOLL_OK;
}

static void on_closed(void *ctx)
{
    struct artifact_endpoint *e = ctx;
    if (e->closed)
        e->closed(e->closed_ctx);
    free(e);
}

static void remove_all(struct artifact_endpoint *e)
{
    struct table_walk walk = { 0 };
    struct table_node *node;
    while ((node = table_each(&e->accesses, &walk)))
        artifact_endpoint_remove(CONTAINER_OF(node, struct artifact_access, node));
    table_deinit(&e->accesses);
}

void artifact_endpoint_close(struct artifact_endpoint *e, void (*closed)(void *ctx), void *ctx)
{
    remove_all(e);
    e->closed = closed;
    e->closed_ctx = ctx;
    http_server_close(e->server, 0, on_closed, e);
}

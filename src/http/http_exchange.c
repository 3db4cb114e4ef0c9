/* SPDX-License-Identifier: MIT */
/* A body is gathered in memory that doubles, up to the limit. Of one that is too large the rest is
 * read and thrown away, up to DISCARD_MAX: an answer that overtakes what its client is still
 * sending gets lost. Who sends even more is cut off.
 *
 * Nearly all that passes here is secret. It is wiped when it is not needed any more, also where
 * libmicrohttpd keeps what it received: in its own memory, which it hands out as const. */
#include "http/http_exchange.h"

#include <stdlib.h>

enum {
    DISCARD_MAX = 1 << 20,
    STATUS_TOO_LARGE = 413,
    STATUS_FAILED = 500,
    STATUS_UNAVAILABLE = 503
};

/* --- its memory ------------------------------------------------------------------------------ */

static void wipe_free(char *bytes, size_t len)
{
    if (bytes)
        explicit_bzero(bytes, len);
    free(bytes);
}

static void drop_body(struct http_exchange *x)
{
    wipe_free(x->body, x->body_cap);
    x->body = NULL;
    x->body_len = x->body_cap = 0;
}

static void drop_reply(struct http_exchange *x)
{
    wipe_free(x->reply.body, x->reply.len);
    http_body_unref(x->reply.shared);
    x->reply = (struct http_reply) { .body = NULL };
}

static void wipe_received(const char *bytes, size_t len)
{
    explicit_bzero((char *)(uintptr_t)bytes, len);
}

static enum MHD_Result wipe_value(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    if (value)
        wipe_received(value, strlen(value));
    return MHD_YES;
}

struct http_exchange *http_exchange_new(const struct http_server_options *o,
                                        struct http_streams *streams,
                                        struct MHD_Connection *connection, const char *target)
{
    struct http_exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->options = o;
    x->streams = streams;
    list_init(&x->link);
    x->connection = connection;
    x->target = strdup(target);
    x->target_len = strlen(target);
    return x->target ? x : http_exchange_free(x);
}

struct http_exchange *http_exchange_free(struct http_exchange *x)
{
    if (!x)
        return NULL;
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, wipe_value, NULL);
    drop_body(x);
    if (!list_empty(&x->link))
        x->streams->count--;
    list_remove(&x->link);
    http_stream_deinit(&x->stream);
    wipe_free(x->target, x->target_len);
    drop_reply(x);
    free(x);
    return NULL;
}

/* --- the request ----------------------------------------------------------------------------- */

str http_request_header(const struct http_request *request, const char *name)
{
    const char *value = NULL;
    size_t len = 0;
    enum MHD_Result found = MHD_lookup_connection_value_n(request->connection, MHD_HEADER_KIND,
                                                          name, strlen(name), &value, &len);
    return found == MHD_YES && value ? str_trim((str) { value, len }) : STR("");
}

static bool reserve(struct http_exchange *x, size_t len)
{
    size_t most = x->options->max_body_bytes, cap = 2 * x->body_cap;
    if (len <= x->body_cap)
        return true;
    cap = cap < len ? len : cap;
    cap = cap < most ? cap : most;
    char *body = malloc(cap);
    if (!body)
        return false;
    if (x->body_len)
        memcpy(body, x->body, x->body_len);
    wipe_free(x->body, x->body_cap);
    x->body = body;
    x->body_cap = cap;
    return true;
}

enum MHD_Result http_exchange_receive(struct http_exchange *x, str piece)
{
    if (!x->too_large && piece.len > x->options->max_body_bytes - x->body_len) {
        x->too_large = true;
        drop_body(x);
    }
    if (x->too_large) {
        x->discarded += piece.len;
        return x->discarded <= DISCARD_MAX ? MHD_YES : MHD_NO;
    }
    if (!reserve(x, x->body_len + piece.len))
        return MHD_NO;
    memcpy(x->body + x->body_len, piece.ptr, piece.len);
    x->body_len += piece.len;
    wipe_received(piece.ptr, piece.len);
    return MHD_YES;
}

/* --- the reply ------------------------------------------------------------------------------- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value)
        MHD_add_response_header(response, name, value);
}

/* For libmicrohttpd: what to send next of a stream. Nothing is there: the connection is set aside
 * until there is. */
static ssize_t next_bytes(void *cls, uint64_t at, char *room, size_t size)
{
    struct http_exchange *x = cls;
    const struct http_streams *streams = x->streams;
    size_t len = http_stream_take(&x->stream, room, size);
    if (len && x->stream.sent == len)
        streams->works(streams->ctx, x->connection); /* a piece begins */
    if (len)
        return (ssize_t)len;
    if (x->stream.has_ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    x->is_suspended = true;
    MHD_suspend_connection(x->connection);
    streams->rests(streams->ctx, x->connection);
    return 0;
}

void http_exchange_push(struct http_exchange *x, struct http_body *piece)
{
    if (piece)
        http_stream_put(&x->stream, piece);
    else
        x->stream.has_ended = true;
    if (!x->is_suspended)
        return;
    x->is_suspended = false;
    MHD_resume_connection(x->connection);
    x->streams->works(x->streams->ctx, x->connection);
}

enum { STREAM_BLOCK = 16384 };

static struct MHD_Response *stream_new(struct http_exchange *x)
{
    struct http_reply *r = &x->reply;
    if (!r->shared)
        r->shared = http_body_new(r->body, r->len);
    r->body = NULL;
    if (!r->shared)
        return NULL;
    http_stream_put(&x->stream, r->shared);
    r->shared = http_body_unref(r->shared);
    list_put_last(&x->streams->list, &x->link);
    x->streams->count++;
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, next_bytes, x, NULL);
}

static struct MHD_Response *response_new(struct http_exchange *x)
{
    struct http_reply *r = &x->reply;
    if (r->is_stream)
        return stream_new(x);
    if (r->shared)
        return MHD_create_response_from_buffer(r->shared->len, r->shared->bytes,
                                               MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_buffer(
        r->body ? r->len : 0, r->body ? r->body : (char[]) { "" }, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_reply(struct http_exchange *x)
{
    struct http_reply *r = &x->reply;
    unsigned status = r->status >= 200 && r->status <= 599 ? r->status : STATUS_FAILED;
    struct MHD_Response *response = response_new(x);
    if (!response)
        return MHD_NO;
    add_header(response, "Content-Type", r->content_type);
    add_header(response, "Allow", r->allow);
    for (size_t i = 0; i < r->header_count; i++)
        add_header(response, r->headers[i].name, r->headers[i].value);
    add_header(response, "Connection", r->close ? "close" : NULL);
    enum MHD_Result result = MHD_queue_response(x->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse_large(struct http_exchange *x)
{
    x->reply = (struct http_reply) { .status = STATUS_TOO_LARGE, .close = true };
    return send_reply(x);
}

static enum MHD_Result refuse_stream(struct http_exchange *x)
{
    drop_reply(x);
    x->reply.status = STATUS_UNAVAILABLE;
    return send_reply(x);
}

/* Who waits to be asked for a body that is too large, or has one that would not even be thrown
 * away, is told so before it is sent. */
enum MHD_Result http_exchange_begin(struct http_exchange *x)
{
    struct http_request request = { .connection = x->connection };
    str length = http_request_header(&request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    bool waits = http_request_header(&request, MHD_HTTP_HEADER_EXPECT).len > 0;
    uint64_t announced = length.len ? strtoull(length.ptr, NULL, 10) : 0;
    uint64_t most = x->options->max_body_bytes + (waits ? 0 : UINT64_C(0) + DISCARD_MAX);
    x->has_begun = true;
    return announced > most ? refuse_large(x) : MHD_YES;
}

str http_exchange_query(const struct http_exchange *x)
{
    str target = { x->target, x->target_len };
    size_t path_len = str_find(target, '?');
    return path_len < target.len ? str_skip(target, path_len + 1) : STR("");
}

enum MHD_Result http_exchange_answer(struct http_exchange *x, const char *method)
{
    if (x->too_large)
        return refuse_large(x);
    str target = { x->target, x->target_len };
    size_t path_len = str_find(target, '?');
    struct http_request request = { .method = str_of(method),
                                    .path = { target.ptr, path_len },
                                    .query = http_exchange_query(x),
                                    .body = { x->body, x->body_len },
                                    .connection = x->connection };
    x->reply.status = STATUS_FAILED;
    x->options->answer(x->options->ctx, &request, &x->reply);
    drop_body(x);
    if (x->reply.is_stream && str_eq(request.method, STR("HEAD")))
        x->reply.is_stream = false;
    if (x->reply.is_stream && x->streams->count >= x->options->max_streams)
        return refuse_stream(x);
    return send_reply(x);
}

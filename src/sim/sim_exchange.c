/* SPDX-License-Identifier: MIT */
/* An exchange stands in four stages: its headers, its body, the way to the service, the way back.
 * What has to wait sleeps in the heap of all exchanges with its connection suspended, so nothing
 * ever blocks; a way that takes no time takes no call.
 *
 * The latency passes in two halves since a real one does: jobs that appear while a request is under
 * way to the service are in its answer. */
#include "sim/sim_exchange.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/list.h"

enum {
    BODY_MAX = 1 << 20,
    SLOW_STEP_MS = 50, /* between two pieces of a slow body */
    BLOCK_SIZE = 16 * 1024
};

enum stage {
    STAGE_NEW,
    STAGE_BODY,  /* the headers are here, more may come */
    STAGE_THERE, /* complete, and on its way to the service */
    STAGE_BACK   /* answered, and the answer on its way */
};

struct sim_exchange {
    const struct http_options *options;
    struct heap *sleeping;
    struct MHD_Connection *connection;
    struct heap_node due;
    char *target, *body;
    struct header *headers;
    size_t body_len, body_cap, header_count, header_cap;
    enum stage stage;
    bool too_large, no_memory;
    bool rested; /* the next piece of a slow body may go */
    uint32_t latency_ms;
    struct request request; /* from STAGE_THERE on */
    struct reply reply;
};

struct sim_exchange *sim_exchange_free(struct sim_exchange *exchange)
{
    if (!exchange)
        return NULL;
    heap_remove(exchange->sleeping, &exchange->due);
    heap_unreserve(exchange->sleeping);
    http_message_reply_deinit(&exchange->reply);
    free(exchange->headers);
    free(exchange->body);
    free(exchange->target);
    free(exchange);
    return NULL;
}

struct sim_exchange *sim_exchange_new(const struct http_options *o, struct heap *sleeping,
                                      struct MHD_Connection *connection, const char *target)
{
    struct sim_exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange || heap_reserve(sleeping)) {
        free(exchange);
        return NULL;
    }
    exchange->options = o;
    exchange->sleeping = sleeping;
    exchange->connection = connection;
    exchange->target = strdup(target);
    return exchange->target ? exchange : sim_exchange_free(exchange);
}

static void sim_exchange_sleep(struct sim_exchange *exchange, uint64_t ms)
{
    heap_put(exchange->sleeping, &exchange->due, uv_hrtime() + ms * MS_NS);
    MHD_suspend_connection(exchange->connection);
}

/* False: it is no way at all. */
static bool sim_exchange_travel(struct sim_exchange *exchange, uint32_t ms)
{
    if (ms)
        sim_exchange_sleep(exchange, ms);
    return ms > 0;
}

static void sim_exchange_take_body(struct sim_exchange *exchange, str piece)
{
    if (exchange->too_large || exchange->no_memory)
        return;
    exchange->too_large = piece.len > BODY_MAX - exchange->body_len;
    if (exchange->too_large)
        return;
    if (piece.len > exchange->body_cap - exchange->body_len) {
        size_t cap = 2 * exchange->body_cap + piece.len;
        char *body = realloc(exchange->body, cap);
        exchange->no_memory = !body;
        if (!body)
            return;
        exchange->body = body;
        exchange->body_cap = cap;
    }
    memcpy(exchange->body + exchange->body_len, piece.ptr, piece.len);
    exchange->body_len += piece.len;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    struct sim_exchange *exchange = cls;
    if (exchange->header_count == exchange->header_cap) {
        size_t cap = exchange->header_cap ? 2 * exchange->header_cap : 16;
        struct header *headers = realloc(exchange->headers, cap * sizeof *headers);
        exchange->no_memory = !headers;
        if (!headers)
            return MHD_NO;
        exchange->headers = headers;
        exchange->header_cap = cap;
    }
    exchange->headers[exchange->header_count++] =
        (struct header) { { name, name_len }, { value ? value : "", value_len } };
    return MHD_YES;
}

/* All that the request points to, libmicrohttpd or the exchange keeps until the exchange ends. */
static void sim_exchange_receive(struct sim_exchange *exchange, const char *method)
{
    MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, on_header, exchange);
    if (exchange->no_memory)
        return;
    exchange->request = (struct request) {
        .method = str_of(method),
        .target = str_of(exchange->target),
        .headers = exchange->headers,
        .header_count = exchange->header_count,
        .body = { exchange->body, exchange->body_len },
        .too_large = exchange->too_large,
    };
    exchange->latency_ms = exchange->options->receive(exchange->options->ctx, &exchange->request);
}

static void sim_exchange_answer(struct sim_exchange *exchange)
{
    if (exchange->no_memory)
        return;
    struct instant when = { .now_ns = uv_hrtime() };
    clock_gettime(CLOCK_REALTIME, &when.wall);
    exchange->options->answer(exchange->options->ctx, &exchange->request, when, &exchange->reply);
}

/* --- the answer ------------------------------------------------------------------------------ */

/* Linux resets a connection that is "connected" to no address: no FIN, no TLS farewell, and the
 * descriptor stays libmicrohttpd's to close. */
static void reset(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
    if (info)
        (void)connect(info->connect_fd, &nowhere, sizeof nowhere);
}

/* A body that is not simply sent: a piece at a time, or not to its end. */
static ssize_t on_body(void *cls, uint64_t at, char *out, size_t max)
{
    struct sim_exchange *exchange = cls;
    const struct reply *r = &exchange->reply;
    size_t end = r->truncate ? r->len / 2 : r->len;
    if (at >= end)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = end - (size_t)at < max ? end - (size_t)at : max;
    if (r->slow_bytes_per_s) {
        uint64_t piece = (uint64_t)r->slow_bytes_per_s * SLOW_STEP_MS / 1000;
        piece = piece ? piece : 1;
        n = n < piece ? n : (size_t)piece;
        exchange->rested = !exchange->rested;
        if (exchange->rested) {
            sim_exchange_sleep(exchange, n * 1000 / r->slow_bytes_per_s);
            return 0;
        }
    }
    memcpy(out, r->body + at, n);
    return (ssize_t)n;
}

static void put_headers(struct MHD_Response *response, const struct reply *r)
{
    char date_text[64], id_text[40], retry_text[16];
    struct buf date = BUF_ON(date_text), id = BUF_ON(id_text), retry = BUF_ON(retry_text);
    buf_put(&id, uuid_str(&r->request_id));
    buf_put_u64(&retry, r->retry_after_ms);
    MHD_add_response_header(response, "x-amzn-RequestId", buf_cstr(&id));
    MHD_add_response_header(response, "Date", http_message_date(&date, r->date_s));
    MHD_add_response_header(response, "Content-Type", r->content_type);
    if (r->retry_after_ms)
        MHD_add_response_header(response, "x-amz-retry-after", buf_cstr(&retry));
    if (r->allow)
        MHD_add_response_header(response, "Allow", r->allow);
}

static enum MHD_Result sim_exchange_send(struct sim_exchange *exchange)
{
    const struct reply *r = &exchange->reply;
    if (exchange->no_memory)
        return MHD_NO;
    if (r->reset) {
        reset(exchange->connection);
        return MHD_NO;
    }
    /* The body outlives the response: the exchange ends after it. */
    struct MHD_Response *response =
        r->truncate || r->slow_bytes_per_s
            ? MHD_create_response_from_callback(r->len, BLOCK_SIZE, on_body, exchange, NULL)
            : MHD_create_response_from_buffer(r->len, r->body, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    put_headers(response, r);
    enum MHD_Result result =
        MHD_queue_response(exchange->connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return result;
}

/* From where the exchange stands, as far as it goes without waiting. */
static enum MHD_Result sim_exchange_go_on(struct sim_exchange *exchange, const char *method)
{
    if (exchange->stage == STAGE_BODY) {
        sim_exchange_receive(exchange, method);
        exchange->stage = STAGE_THERE;
        if (sim_exchange_travel(exchange, exchange->latency_ms / 2))
            return MHD_YES;
    }
    if (exchange->stage == STAGE_THERE) {
        sim_exchange_answer(exchange);
        exchange->stage = STAGE_BACK;
        if (sim_exchange_travel(exchange, exchange->latency_ms - exchange->latency_ms / 2))
            return MHD_YES;
    }
    return sim_exchange_send(exchange);
}

enum MHD_Result sim_exchange_continue(struct sim_exchange *exchange, const char *method, str piece)
{
    if (exchange->stage == STAGE_NEW) {
        exchange->stage = STAGE_BODY;
        return MHD_YES;
    }
    if (piece.len) {
        sim_exchange_take_body(exchange, piece);
        return MHD_YES;
    }
    return sim_exchange_go_on(exchange, method);
}

void sim_exchange_wake(struct heap *sleeping, uint64_t until_ns)
{
    while (sleeping->count && heap_min_key(sleeping) <= until_ns)
        MHD_resume_connection(
            CONTAINER_OF(heap_pop(sleeping), struct sim_exchange, due)->connection);
}

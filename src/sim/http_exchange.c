/* A turn stands in four stages: its headers, its body, the way to the service, the way back. What
 * has to wait sleeps in the heap of all turns with its connection suspended, so nothing ever
 * blocks; a way that takes no time takes no call.
 *
 * The latency passes in two halves since a real one does: jobs that appear while a request is under
 * way to the service are in its answer. */
#include "sim/http_exchange.h"

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

struct turn {
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

struct turn *turn_free(struct turn *t)
{
    if (!t)
        return NULL;
    heap_remove(t->sleeping, &t->due);
    heap_unreserve(t->sleeping);
    exchange_reply_deinit(&t->reply);
    free(t->headers);
    free(t->body);
    free(t->target);
    free(t);
    return NULL;
}

struct turn *turn_new(const struct http_options *o, struct heap *sleeping,
                      struct MHD_Connection *connection, const char *target)
{
    struct turn *t = calloc(1, sizeof *t);
    if (!t || heap_reserve(sleeping)) {
        free(t);
        return NULL;
    }
    t->options = o;
    t->sleeping = sleeping;
    t->connection = connection;
    t->target = strdup(target);
    return t->target ? t : turn_free(t);
}

static void turn_sleep(struct turn *t, uint64_t ms)
{
    heap_put(t->sleeping, &t->due, uv_hrtime() + ms * MS_NS);
    MHD_suspend_connection(t->connection);
}

/* False: it is no way at all. */
static bool turn_travel(struct turn *t, uint32_t ms)
{
    if (ms)
        turn_sleep(t, ms);
    return ms > 0;
}

static void turn_take_body(struct turn *t, str piece)
{
    if (t->too_large || t->no_memory)
        return;
    t->too_large = piece.len > BODY_MAX - t->body_len;
    if (t->too_large)
        return;
    if (piece.len > t->body_cap - t->body_len) {
        size_t cap = 2 * t->body_cap + piece.len;
        char *body = realloc(t->body, cap);
        t->no_memory = !body;
        if (!body)
            return;
        t->body = body;
        t->body_cap = cap;
    }
    memcpy(t->body + t->body_len, piece.ptr, piece.len);
    t->body_len += piece.len;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    struct turn *t = cls;
    (void)kind;
    if (t->header_count == t->header_cap) {
        size_t cap = t->header_cap ? 2 * t->header_cap : 16;
        struct header *headers = realloc(t->headers, cap * sizeof *headers);
        t->no_memory = !headers;
        if (!headers)
            return MHD_NO;
        t->headers = headers;
        t->header_cap = cap;
    }
    t->headers[t->header_count++] =
        (struct header) { { name, name_len }, { value ? value : "", value_len } };
    return MHD_YES;
}

/* All that the request points to, libmicrohttpd or the turn keeps until the turn ends. */
static void turn_receive(struct turn *t, const char *method)
{
    MHD_get_connection_values_n(t->connection, MHD_HEADER_KIND, on_header, t);
    if (t->no_memory)
        return;
    t->request = (struct request) {
        .method = str_of(method),
        .target = str_of(t->target),
        .headers = t->headers,
        .header_count = t->header_count,
        .body = { t->body, t->body_len },
        .too_large = t->too_large,
    };
    t->latency_ms = t->options->receive(t->options->ctx, &t->request);
}

static void turn_answer(struct turn *t)
{
    if (t->no_memory)
        return;
    struct moment when = { .now_ns = uv_hrtime() };
    clock_gettime(CLOCK_REALTIME, &when.wall);
    t->options->answer(t->options->ctx, &t->request, when, &t->reply);
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
    struct turn *t = cls;
    const struct reply *r = &t->reply;
    size_t end = r->truncate ? r->len / 2 : r->len;
    if (at >= end)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = end - (size_t)at < max ? end - (size_t)at : max;
    if (r->slow_bytes_per_s) {
        uint64_t piece = (uint64_t)r->slow_bytes_per_s * SLOW_STEP_MS / 1000;
        piece = piece ? piece : 1;
        n = n < piece ? n : (size_t)piece;
        t->rested = !t->rested;
        if (t->rested) {
            turn_sleep(t, n * 1000 / r->slow_bytes_per_s);
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
    MHD_add_response_header(response, "Date", exchange_date(&date, r->date_s));
    MHD_add_response_header(response, "Content-Type", r->content_type);
    if (r->retry_after_ms)
        MHD_add_response_header(response, "x-amz-retry-after", buf_cstr(&retry));
    if (r->allow)
        MHD_add_response_header(response, "Allow", r->allow);
}

static enum MHD_Result turn_send(struct turn *t)
{
    const struct reply *r = &t->reply;
    if (t->no_memory)
        return MHD_NO;
    if (r->reset) {
        reset(t->connection);
        return MHD_NO;
    }
    /* The body outlives the response: the turn ends after it. */
    struct MHD_Response *response =
        r->truncate || r->slow_bytes_per_s
            ? MHD_create_response_from_callback(r->len, BLOCK_SIZE, on_body, t, NULL)
            : MHD_create_response_from_buffer(r->len, r->body, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    put_headers(response, r);
    enum MHD_Result result = MHD_queue_response(t->connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return result;
}

/* From where the turn stands, as far as it goes without waiting. */
static enum MHD_Result turn_go_on(struct turn *t, const char *method)
{
    if (t->stage == STAGE_BODY) {
        turn_receive(t, method);
        t->stage = STAGE_THERE;
        if (turn_travel(t, t->latency_ms / 2))
            return MHD_YES;
    }
    if (t->stage == STAGE_THERE) {
        turn_answer(t);
        t->stage = STAGE_BACK;
        if (turn_travel(t, t->latency_ms - t->latency_ms / 2))
            return MHD_YES;
    }
    return turn_send(t);
}

enum MHD_Result turn_continue(struct turn *t, const char *method, str piece)
{
    if (t->stage == STAGE_NEW) {
        t->stage = STAGE_BODY;
        return MHD_YES;
    }
    if (piece.len) {
        turn_take_body(t, piece);
        return MHD_YES;
    }
    return turn_go_on(t, method);
}

void turn_wake(struct heap *sleeping, uint64_t until_ns)
{
    while (sleeping->count && heap_min_key(sleeping) <= until_ns)
        MHD_resume_connection(CONTAINER_OF(heap_pop(sleeping), struct turn, due)->connection);
}

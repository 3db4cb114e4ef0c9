/* libmicrohttpd runs without a thread of its own: its epoll descriptor is watched by one uv_poll_t,
 * and one uv_timer_t serves both its own timeouts and our delays. Whatever has to wait suspends its
 * connection and is resumed from that timer, so nothing ever blocks.
 *
 * A request passes like this: on_uri() makes its turn; on_request() is called once for the headers,
 * then for each piece of the body, then with nothing more, when the latency is drawn; again after
 * the way there, when the answer is made; again after the way back, to send it. A way that takes no
 * time takes no call. on_completed() ends the turn, however it went.
 *
 * The latency passes in two halves since a real one does: jobs that appear while a request is under
 * way to the service are in its answer. */
#include "sim/http.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"

enum {
    BODY_MAX = 1 << 20,
    CONNECTIONS_MAX = 16384,
    CONNECTION_MEMORY = 64 * 1024, /* bounds the headers of a request */
    ROUNDS_MAX = 16,               /* of libmicrohttpd in one turn of the loop */
    SLOW_STEP_MS = 50,             /* between two pieces of a slow body */
    BLOCK_SIZE = 16 * 1024
};

#define MS_NS UINT64_C(1000000)

struct http {
    struct http_options options;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    struct heap sleeping; /* turns, by the instant at which they go on */
    uint64_t connections;
    unsigned handles; /* of libuv, open */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

enum stage {
    STAGE_NEW,
    STAGE_BODY,  /* the headers are here, more may come */
    STAGE_THERE, /* complete, and on its way to the service */
    STAGE_BACK   /* answered, and the answer on its way */
};

/* One request and its answer. */
struct turn {
    struct http *http;
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

/* --- the turn -------------------------------------------------------------------------------- */

static struct turn *turn_free(struct turn *t)
{
    if (!t)
        return NULL;
    heap_remove(&t->http->sleeping, &t->due);
    heap_unreserve(&t->http->sleeping);
    exchange_reply_deinit(&t->reply);
    free(t->headers);
    free(t->body);
    free(t->target);
    free(t);
    return NULL;
}

static struct turn *turn_new(struct http *h, const char *target)
{
    struct turn *t = calloc(1, sizeof *t);
    if (!t || heap_reserve(&h->sleeping)) {
        free(t);
        return NULL;
    }
    t->http = h;
    t->target = strdup(target);
    return t->target ? t : turn_free(t);
}

static void turn_sleep(struct turn *t, uint64_t ms)
{
    heap_put(&t->http->sleeping, &t->due, uv_hrtime() + ms * MS_NS);
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
    t->latency_ms = t->http->options.receive(t->http->options.ctx, &t->request);
}

static void turn_answer(struct turn *t)
{
    if (t->no_memory)
        return;
    struct moment when = { .now_ns = uv_hrtime() };
    clock_gettime(CLOCK_REALTIME, &when.wall);
    t->http->options.answer(t->http->options.ctx, &t->request, when, &t->reply);
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

/* --- what libmicrohttpd calls ---------------------------------------------------------------- */

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct turn *t = turn_new(cls, uri);
    if (t)
        t->connection = connection;
    return t;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *piece,
                                  size_t *piece_len, void **turn)
{
    struct http *h = cls;
    struct turn *t = *turn;
    (void)connection;
    (void)url;
    (void)version;
    if (!t || h->closing)
        return MHD_NO;
    if (t->stage == STAGE_NEW) {
        t->stage = STAGE_BODY;
        return MHD_YES;
    }
    if (*piece_len) {
        turn_take_body(t, (str) { piece, *piece_len });
        *piece_len = 0;
        return MHD_YES;
    }
    return turn_go_on(t, method);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **turn,
                         enum MHD_RequestTerminationCode why)
{
    (void)cls;
    (void)connection;
    (void)why;
    *turn = turn_free(*turn);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *h = cls;
    const int one = 1;
    (void)socket_context;
    if (code != MHD_CONNECTION_NOTIFY_STARTED)
        return;
    h->connections++;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info) /* an answer in two pieces must not wait for the client's delayed ACK */
        (void)setsockopt(info->connect_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* --- the loop -------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void arm(struct http *h)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    uint64_t now_ns = uv_hrtime(), due_ns = heap_min_key(&h->sleeping);
    if (MHD_get_timeout(h->daemon, &wait_ms) == MHD_YES) {
        uint64_t daemon_ns = now_ns + wait_ms * MS_NS;
        due_ns = daemon_ns < due_ns ? daemon_ns : due_ns;
    }
    if (due_ns == UINT64_MAX) {
        uv_timer_stop(&h->timer);
        return;
    }
    /* Never 0: a timer that re-arms itself for now would starve the loop's descriptors. */
    uint64_t ms = due_ns > now_ns ? (due_ns - now_ns + MS_NS - 1) / MS_NS : 0;
    uv_update_time(h->options.loop);
    uv_timer_start(&h->timer, on_timer, ms ? ms : 1, 0);
}

static void run(struct http *h)
{
    for (int i = 0; i < ROUNDS_MAX; i++) {
        MHD_UNSIGNED_LONG_LONG wait_ms = 0;
        MHD_run(h->daemon);
        if (h->closing)
            return;
        if (MHD_get_timeout(h->daemon, &wait_ms) != MHD_YES || wait_ms > 0)
            break;
    }
    arm(h);
}

static void on_timer(uv_timer_t *timer)
{
    struct http *h = timer->data;
    uint64_t now_ns = uv_hrtime();
    while (heap_min_key(&h->sleeping) <= now_ns) {
        struct turn *t = CONTAINER_OF(heap_pop(&h->sleeping), struct turn, due);
        MHD_resume_connection(t->connection);
    }
    run(h);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

/* --- open and close -------------------------------------------------------------------------- */

static struct MHD_Daemon *daemon_start(struct http *h)
{
    const struct http_options *o = &h->options;
    char *cert = (char *)(uintptr_t)o->cert_pem, *key = (char *)(uintptr_t)o->key_pem;
    char priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
    const struct MHD_OptionItem options[] = {
        { MHD_OPTION_LISTEN_SOCKET, o->fd, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_uri, h },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, h },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, h },
        { cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, cert },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, key },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, priorities },
        { MHD_OPTION_END, 0, NULL },
    };
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    flags |= cert ? MHD_USE_TLS : 0;
    flags |= o->ipv6 ? MHD_USE_IPv6 : 0;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_ARRAY, options,
                            MHD_OPTION_END);
}

int http_open(struct http **out, const struct http_options *o, struct pipepoll_error *why)
{
    struct http *h = calloc(1, sizeof *h);
    if (!h) {
        close(o->fd);
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    }
    h->options = *o;
    heap_init(&h->sleeping, (struct alloc) { 0 });
    h->daemon = daemon_start(h);
    if (!h->daemon) {
        free(h);
        return explain(why, PIPEPOLL_ESYSTEM,
                       o->cert_pem ? "libmicrohttpd would not start: are the certificate and its "
                                     "key PEM, and belong together?"
                                   : "libmicrohttpd would not start");
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    h->poll.data = h->timer.data = h;
    if (!info || uv_poll_init(o->loop, &h->poll, info->epoll_fd)) {
        MHD_stop_daemon(h->daemon);
        free(h);
        return explain(why, PIPEPOLL_ESYSTEM, "libuv would not watch libmicrohttpd's descriptor");
    }
    uv_timer_init(o->loop, &h->timer);
    h->handles = 2;
    uv_poll_start(&h->poll, UV_READABLE, on_readable);
    *out = h;
    return 0;
}

/* From the loop with nothing of libmicrohttpd below us: now it can be stopped. It insists on no
 * connection being suspended. */
static void on_handle_closed(uv_handle_t *handle)
{
    struct http *h = handle->data;
    if (--h->handles)
        return;
    for (struct heap_node *n; (n = heap_pop(&h->sleeping)) != NULL;)
        MHD_resume_connection(CONTAINER_OF(n, struct turn, due)->connection);
    MHD_stop_daemon(h->daemon);
    heap_deinit(&h->sleeping);
    if (h->closed)
        h->closed(h->closed_ctx);
    free(h);
}

void http_close(struct http *h, void (*closed)(void *ctx), void *ctx)
{
    if (h->closing)
        return;
    h->closing = true;
    h->closed = closed;
    h->closed_ctx = ctx;
    uv_close((uv_handle_t *)&h->poll, on_handle_closed);
    uv_close((uv_handle_t *)&h->timer, on_handle_closed);
}

uint64_t http_connections(const struct http *h)
{
    return h->connections;
}

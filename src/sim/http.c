/* SPDX-License-Identifier: MIT */
/* libmicrohttpd runs without a thread of its own: its epoll descriptor is watched by one uv_poll_t,
 * and one uv_timer_t serves both its own timeouts and our delays. Whatever has to wait suspends its
 * connection and is resumed from that timer, so nothing ever blocks.
 *
 * A request passes like this: on_uri() makes its exchange; on_request() is called once for the
 * headers, then for each piece of the body, then with nothing more, when the latency is drawn;
 * again after the way there, when the answer is made; again after the way back, to send it.
 * on_completed() ends the exchange, however it went. */
#include "sim/http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/heap.h"
#include "base/log.h"
#include "sim/sim_exchange.h"

enum {
    CONNECTIONS_MAX = 16384,
    CONNECTION_MEMORY = 64 * 1024, /* bounds the headers of a request */
    ROUNDS_MAX = 16                /* of libmicrohttpd in one turn of the loop */
};

struct http {
    struct http_options options;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    struct heap sleeping; /* exchanges, by the instant at which they go on */
    uint64_t connections;
    unsigned handles; /* of libuv, open */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* --- what libmicrohttpd calls ---------------------------------------------------------------- */

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct http *h = cls;
    return sim_exchange_new(&h->options, &h->sleeping, connection, uri);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *piece,
                                  size_t *piece_len, void **exchange)
{
    struct http *h = cls;
    struct sim_exchange *t = *exchange;
    if (!t || h->closing)
        return MHD_NO;
    str body = { piece, *piece_len };
    *piece_len = 0;
    return sim_exchange_continue(t, method, body);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **exchange,
                         enum MHD_RequestTerminationCode why)
{
    *exchange = sim_exchange_free(*exchange);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *h = cls;
    const int one = 1;
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
    sim_exchange_wake(&h->sleeping, uv_hrtime());
    run(h);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
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
    sim_exchange_wake(&h->sleeping, UINT64_MAX);
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

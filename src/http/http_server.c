/* SPDX-License-Identifier: MIT */
/* libmicrohttpd parses and sends; the loop, the clock and all limits in time are ours. Its epoll
 * descriptor is watched by one uv_poll_t, the listening socket by another, so that we choose how
 * many connections there are, and wait when the process has no descriptor left instead of turning
 * in circles. One timer serves the first deadline of all connections (http_connections.h).
 *
 * A request passes like this: on_uri() makes its exchange (http_exchange.h); on_request() is called
 * once for the headers, then for each piece of the body, then with nothing more, when it is
 * answered; on_completed() ends the exchange, however it went. A connection that is to end is shut
 * down: that wakes libmicrohttpd, which then closes it.
 *
 * A client may pipeline; libmicrohttpd answers one request or two in a call: ROUNDS_MAX calls in a
 * turn of the loop, the rest in the next. */
#include "http/http_server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "base/log.h"
#include "http/http_connections.h"
#include "http/http_exchange.h"
#include "http/http_listen.h"

enum {
    MAX_CONNECTIONS = 64,
    MAX_STREAMS = 16,
    MAX_HEAD = 16384,
    TIMEOUT_MS = 10000,
    ACCEPTS_MAX = 16,     /* in one turn of the loop */
    ROUNDS_MAX = 8,       /* of libmicrohttpd, in one turn */
    ACCEPT_AGAIN_MS = 100 /* when there is no descriptor for a connection */
};

struct http_server {
    struct http_server_options options;
    uv_loop_t *loop;
    struct http_listen listen;
    struct MHD_Daemon *daemon;
    uv_poll_t listener, poll;
    uv_timer_t timer;
    struct http_connections connections;
    struct http_streams streams;
    bool has_more;        /* to do for libmicrohttpd, of which its epoll descriptor does not tell */
    uint32_t reply_count; /* under way */
    uint64_t accept_again_ms;           /* 0: no need to wait */
    unsigned handles;                   /* of libuv, open */
    bool is_listening, closing, ending; /* ending: the handles are closing */
    uint64_t end_ms;                    /* if closing: until when replies have time */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* --- what libmicrohttpd calls, of a connection ------------------------------------------------ */

static void listen_again(struct http_server *server);

/* NULL: it could not be counted. */
static struct http_connection *connection_new(struct http_server *server,
                                              struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!info)
        return NULL;
    return http_connection_new(&server->connections, info->connect_fd, uv_now(server->loop));
}

/* It hangs on libmicrohttpd's own. NULL: it was not counted. */
static struct http_connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void set_deadline(struct http_server *server, struct http_connection *c)
{
    http_connection_set_deadline(&server->connections, c, uv_now(server->loop));
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = cls;
    struct http_connection *c = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = connection_new(server, connection);
        return;
    }
    if (!c)
        return;
    http_connection_free(&server->connections, c);
    listen_again(server);
}

static void on_handle_closed(uv_handle_t *handle);

static void end(struct http_server *server)
{
    server->ending = true;
    uv_close((uv_handle_t *)&server->poll, on_handle_closed);
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
}

static void end_if_replied(struct http_server *server)
{
    if (server->closing && !server->ending && !server->reply_count)
        end(server);
}

/* --- what libmicrohttpd calls, of one request ------------------------------------------------- */

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct http_server *server = cls;
    struct http_connection *c = connection_of(connection);
    if (!c || server->closing)
        return NULL;
    set_deadline(server, c);
    return http_exchange_new(&server->options, &server->streams, connection, uri);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *piece,
                                  size_t *piece_len, void **exchange)
{
    struct http_server *server = cls;
    struct http_exchange *x = *exchange;
    struct http_connection *c = connection_of(connection);
    str bytes = { piece, *piece_len };
    if (!x || !c || server->closing)
        return MHD_NO;
    *piece_len = 0;
    if (!x->has_begun)
        return http_exchange_begin(x);
    if (bytes.len)
        return http_exchange_receive(x, bytes);
    c->is_replying = true;
    server->reply_count++;
    enum MHD_Result result = http_exchange_answer(x, method);
    if (server->closing) /* in that call; it may be a stream */
        http_streams_end(&server->streams);
    return result;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **exchange,
                         enum MHD_RequestTerminationCode why)
{
    struct http_server *server = cls;
    struct http_connection *c = connection_of(connection);
    *exchange = http_exchange_free(*exchange);
    if (!c)
        return;
    if (c->is_replying)
        server->reply_count--;
    c->is_replying = false;
    if (server->closing)
        http_connection_cut(c);
    else
        set_deadline(server, c);
    end_if_replied(server);
}

/* --- the loop -------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static bool has_more_to_do(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    return MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES && wait_ms == 0;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void arm(struct http_server *server)
{
    uint64_t now_ms = uv_now(server->loop);
    uint64_t due_ms = server->has_more ? now_ms : http_connections_due_ms(&server->connections);
    if (server->accept_again_ms)
        due_ms = earlier(due_ms, server->accept_again_ms);
    if (server->closing)
        due_ms = earlier(due_ms, server->end_ms);
    /* Never 0: a timer that is set for now by its own callback starves the descriptors. */
    if (due_ms == UINT64_MAX)
        uv_timer_stop(&server->timer);
    else
        uv_timer_start(&server->timer, on_timer, due_ms > now_ms ? due_ms - now_ms : 1, 0);
}

static void run(struct http_server *server)
{
    server->has_more = true;
    for (int i = 0; server->has_more && i < ROUNDS_MAX; i++) {
        MHD_run(server->daemon);
        if (server->ending)
            return;
        server->has_more = has_more_to_do(server);
    }
    arm(server);
}

static void on_timer(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    bool has_cut = http_connections_cut_due(&server->connections, uv_now(server->loop));
    if (server->closing && uv_now(server->loop) >= server->end_ms) {
        end(server);
        return;
    }
    if (server->accept_again_ms && uv_now(server->loop) >= server->accept_again_ms) {
        server->accept_again_ms = 0;
        listen_again(server);
    }
    run(server);
    server->has_more = server->has_more || has_cut; /* what it finds broken it closes later */
    if (!server->ending)
        arm(server);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    run(poll->data);
}

/* False: there is none, or no descriptor for it. */
static bool accept_one(struct http_server *server)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    int fd = http_listen_accept(&server->listen, &from, &len);
    if (fd < 0) {
        if (errno != EAGAIN)
            server->accept_again_ms = uv_now(server->loop) + ACCEPT_AGAIN_MS;
        return false;
    }
    /* It closes fd when it fails. */
    (void)MHD_add_connection(server->daemon, fd, (struct sockaddr *)&from, len);
    return true;
}

/* Those that are accepted become connections, and are counted, in run(). */
static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    struct http_server *server = poll->data;
    uint32_t most = server->options.max_connections - server->connections.count;
    most = most < ACCEPTS_MAX ? most : ACCEPTS_MAX;
    for (uint32_t i = 0; i < most && accept_one(server); i++)
        ;
    run(server);
    listen_again(server);
}

static void listen_again(struct http_server *server)
{
    bool may =
        !server->accept_again_ms && server->connections.count < server->options.max_connections;
    if (server->closing)
        return;
    if (may && !server->is_listening)
        uv_poll_start(&server->listener, UV_READABLE, on_acceptable);
    if (!may && server->is_listening)
        uv_poll_stop(&server->listener);
    server->is_listening = may;
}

/* --- streams --------------------------------------------------------------------------------- */

static void on_stream_works(void *ctx, struct MHD_Connection *connection)
{
    struct http_server *server = ctx;
    struct http_connection *c = connection_of(connection);
    server->has_more = true;
    if (c)
        set_deadline(server, c);
}

/* One that has sent all there is has no deadline. */
static void on_stream_rests(void *ctx, struct MHD_Connection *connection)
{
    struct http_connection *c = connection_of(connection);
    if (c)
        http_connection_drop_deadline(c);
}

uint32_t http_server_streams(const struct http_server *server)
{
    return server->streams.count;
}

/* --- open and close -------------------------------------------------------------------------- */

static struct MHD_Daemon *daemon_start(struct http_server *server)
{
    const struct http_server_options *o = &server->options;
    const struct MHD_OptionItem options[] = {
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)o->max_connections, NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)o->max_head_bytes, NULL },
        { MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_uri, server },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, server },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server },
        { MHD_OPTION_END, 0, NULL },
    };
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_SUPPRESS_DATE_NO_CLOCK |
                     MHD_ALLOW_SUSPEND_RESUME;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_ARRAY, options,
                            MHD_OPTION_END);
}

/* Nothing of libmicrohttpd is below us: now it can be stopped. */
static void on_handle_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;
    if (--server->handles)
        return;
    MHD_stop_daemon(server->daemon);
    if (server->closed)
        server->closed(server->closed_ctx);
    free(server);
}

static void set_defaults(struct http_server_options *o)
{
    o->max_connections = o->max_connections ? o->max_connections : MAX_CONNECTIONS;
    o->max_streams = o->max_streams ? o->max_streams : MAX_STREAMS;
    o->max_head_bytes = o->max_head_bytes ? o->max_head_bytes : MAX_HEAD;
    o->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
}

static int init_poll(struct http_server *server, uv_poll_t *poll, int fd)
{
    if (uv_poll_init(server->loop, poll, fd))
        return PIPEPOLL_ESYSTEM;
    poll->data = server;
    server->handles++;
    return PIPEPOLL_OK;
}

static int watch(struct http_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || init_poll(server, &server->poll, info->epoll_fd))
        return PIPEPOLL_ESYSTEM;
    uv_timer_init(server->loop, &server->timer);
    server->timer.data = server;
    server->handles++;
    return init_poll(server, &server->listener, server->listen.fd);
}

/* Of a server that nobody has: what libuv knows of it goes later, on the loop. */
static void abandon(struct http_server *server)
{
    close(server->listen.fd);
    http_listen_unlink(&server->listen);
    if (server->handles) {
        end(server);
        return;
    }
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    free(server);
}

int http_server_open(struct http_server **out, struct uv_loop_s *loop,
                     const struct http_server_options *o, struct pipepoll_error *why)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    server->loop = loop;
    server->options = *o;
    set_defaults(&server->options);
    http_connections_init(&server->connections, server->options.timeout_ms);
    list_init(&server->streams.list);
    server->streams.works = on_stream_works;
    server->streams.rests = on_stream_rests;
    server->streams.ctx = server;
    int r = http_listen(&server->listen, str_of(o->address), why);
    if (r) {
        free(server);
        return r;
    }
    server->daemon = daemon_start(server);
    if (!server->daemon || watch(server)) {
        abandon(server);
        return explain(why, PIPEPOLL_ESYSTEM, "the HTTP server cannot start on %s", o->address);
    }
    uv_poll_start(&server->poll, UV_READABLE, on_readable);
    listen_again(server);
    *out = server;
    return PIPEPOLL_OK;
}

void http_server_push(struct http_server *server, http_piece_fn *piece, void *ctx)
{
    if (server->closing)
        return;
    http_streams_push(&server->streams, piece, ctx);
    arm(server);
}

void http_server_end_streams(struct http_server *server)
{
    if (server->closing)
        return;
    http_streams_end(&server->streams);
    arm(server);
}

const char *http_server_url(const struct http_server *server)
{
    return server->listen.url;
}

void http_server_close(struct http_server *server, uint32_t deadline_ms, void (*closed)(void *ctx),
                       void *ctx)
{
    if (server->closing)
        return;
    server->closing = true;
    server->closed = closed;
    server->closed_ctx = ctx;
    server->end_ms = uv_now(server->loop) + deadline_ms;
    uv_close((uv_handle_t *)&server->listener, on_handle_closed);
    close(server->listen.fd);
    http_listen_unlink(&server->listen);
    http_connections_cut_idle(&server->connections);
    http_streams_end(&server->streams);
    if (!deadline_ms || !server->reply_count)
        end(server);
    else
        arm(server);
}

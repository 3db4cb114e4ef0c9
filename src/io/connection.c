/* SPDX-License-Identifier: MIT */
/* From the name to a connection that bytes can go by: the addresses (route), TCP and the proxy's
 * tunnel (libcurl, told that this is all it shall do), the handshake (tls), each within what is
 * left of the connect timeout.
 *
 * When libcurl has connected, the socket is duplicated and libcurl's handle goes: an idle
 * connection holds no memory of libcurl's, and whatever libcurl does to its own descriptor is its
 * own affair. Only behind a proxy that is itself spoken to by TLS does the handle stay, and carry
 * the bytes. */
#include "io/connection.h"

#include <errno.h>

#include "base/buf.h"
#include "io/curl_fault.h"
#include "io/trust_store.h"

static const uint64_t ns_per_ms = 1000000;

enum {
    KEEPALIVE_S = 45,
    CURL_BUFFER_SIZE = 1024,
    BUFFERS_KEPT = 64 /* by so many connections, which is 2 MB of a transport's */
};

/* --- libcurl's handle --- */

static CURLcode on_proxy_context(CURL *easy, void *ssl_ctx, void *trust_store)
{
    return trust_store_apply(trust_store, ssl_ctx) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* What libcurl copies, and may have no memory for: left out, it would go elsewhere. */
static bool set_way(CURL *easy, const struct pool *pool)
{
    return !curl_easy_setopt(easy, CURLOPT_URL, pool->tcp_url) &&
           !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http") &&
           route_set_proxy(&pool->route, easy);
}

/* Without QUICK_EXIT, taking a handle out during a name look-up of libcurl's own (see io/route.h)
 * blocks the loop until its end. */
static void set_socket(CURL *easy, struct connection *c)
{
    struct transport *tp = c->transport;
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)tp->o.connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S);
    curl_easy_setopt(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)CURL_BUFFER_SIZE);
    curl_easy_setopt(easy, CURLOPT_SHARE, c->pool->share);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, sockets_on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &c->opener);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, sockets_on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, tp->sockets);
}

/* No bundle for libcurl to read: on_proxy_context() brings the roots that were read already. */
static void set_proxy_tls(CURL *easy, const struct transport *tp)
{
    curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_proxy_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, tp->o.trust_store);
}

static bool take_handle(struct connection *c)
{
    struct transport *tp = c->transport;
    CURL *easy = curl_easy_init();
    bool done = easy && set_way(easy, c->pool);
    c->user.multi = done ? transport_take_multi(tp) : NULL;
    if (!c->user.multi) {
        curl_easy_cleanup(easy);
        return false;
    }
    c->user.easy = easy;
    set_socket(easy, c);
    set_proxy_tls(easy, tp);
    return true;
}

static void give_handle(struct connection *c)
{
    if (!c->user.easy)
        return;
    multi_remove(&c->user);
    curl_easy_cleanup(c->user.easy);
    transport_give_multi(c->transport, c->user.multi);
    c->user.easy = NULL;
}

/* --- the end of opening --- */

static void end_opening(struct connection *c)
{
    timer_deinit(&c->limit);
    if (c->opening)
        transport_opened(c->transport);
    c->opening = false;
}

static void succeed(struct connection *c)
{
    end_opening(c);
    c->opened_ns = timers_age_ns();
    c->error[0] = '\0'; /* libcurl tells of addresses that it tried in vain */
    transport_connected(c->transport);
    const char *problem = connection_watch(c, false);
    c->on_open(c, problem);
}

/* Words of ours where they say more: those of the cause, and the proxy. */
static void give_up(struct connection *c, enum fault fault, const char *error, long proxy_status)
{
    struct route *route = &c->pool->route;
    char better[ROUTE_PROBLEM_SIZE], text[ROUTE_PROBLEM_SIZE];
    error = route_words(route, c->cause, error, better);
    error = route_blame(route, proxy_status, error, text);
    c->fault = fault;
    end_opening(c);
    c->on_open(c, error);
}

/* --- the handshake --- */

static enum fault fault_of_handshake(const struct connection *c)
{
    switch (c->cause) {
    case PIPEPOLL_CAUSE_NOT_YET_VALID:
    case PIPEPOLL_CAUSE_OUTDATED:
    case PIPEPOLL_CAUSE_UNTRUSTED:
        return FAULT_UNTRUSTED;
    default:
        return FAULT_UNREACHABLE;
    }
}

/* A peer that cannot go on with the session that it is offered may not say so. */
static void forget_session(struct pool *pool)
{
    tls_session_free(pool->session);
    pool->session = NULL;
}

static void give_up_starved(struct connection *c)
{
    c->cause = fault_cause(FAULT_OUT_OF_MEMORY);
    give_up(c, FAULT_OUT_OF_MEMORY, fault_text(FAULT_OUT_OF_MEMORY), 0);
}

static void on_handshake_failed(struct connection *c, enum io_status status)
{
    char text[ROUTE_PROBLEM_SIZE];
    const char *problem = tls_problem(&c->tls, text, sizeof text);
    forget_session(c->pool);
    if (c->tls.starved || c->fault == FAULT_OUT_OF_MEMORY) {
        give_up_starved(c);
        return;
    }
    c->cause = tls_cause(&c->tls);
    if (!c->cause)
        c->cause = PIPEPOLL_CAUSE_TLS;
    if (status == IO_END)
        problem = "the connection ended during the TLS handshake";
    if (!problem)
        problem = c->error[0] ? c->error : "the TLS handshake failed";
    give_up(c, fault_of_handshake(c), problem, 0);
}

static void note_tls(struct connection *c)
{
    struct pool_report *report = &c->pool->route.report;
    c->transport->counts.handshakes++;
    c->transport->counts.resumed += tls_was_resumed(&c->tls);
    report->tls_us = (uint32_t)((timers_now_ns() - c->began_ns) / 1000);
    tls_describe_version(&c->tls, report->tls_version, sizeof report->tls_version);
    if (!tls_was_resumed(&c->tls) || !report->issuer[0])
        tls_describe_issuer(&c->tls, report->issuer, sizeof report->issuer);
}

static void go_on_shaking(struct connection *c)
{
    enum io_status status = tls_shake_hands(&c->tls);
    if (status == IO_OK) {
        note_tls(c);
        succeed(c);
        return;
    }
    if (status != IO_AGAIN) {
        on_handshake_failed(c, status);
        return;
    }
    const char *problem = connection_watch(c, tls_wants_to_send(&c->tls));
    if (problem)
        give_up(c, FAULT_UNREACHABLE, problem, 0);
}

/* As a transfer's deadline: one more turn, in which the loop looks at its sockets. */
static void on_limit(struct timer *limit)
{
    struct connection *c = CONTAINER_OF(limit, struct connection, limit);
    char text[ROUTE_PROBLEM_SIZE];
    if (!c->overdue) {
        c->overdue = true;
        timer_set(limit, timers_now_ns());
        return;
    }
    forget_session(c->pool);
    c->cause = fault_cause(FAULT_TIMED_OUT);
    give_up(c, FAULT_TIMED_OUT, connection_lateness(c, text), 0);
}

static bool set_limit(struct connection *c)
{
    uint64_t limit_ms = c->transport->o.connect_timeout_ms;
    if (timer_init(&c->limit, c->transport->o.timers, on_limit))
        return false;
    timer_set(&c->limit, limit_ms ? c->asked_ns + limit_ms * ns_per_ms : TIMER_OFF);
    return true;
}

static void begin_handshake(struct connection *c)
{
    struct pool *pool = c->pool;
    const struct tls_options o = { .trust_store = pool->transport->o.trust_store,
                                   .host = pool->host,
                                   .insecure = pool->insecure,
                                   .keeps_buffers = pool->transport->connections <= BUFFERS_KEPT,
                                   .session = pool->session,
                                   .carrier = connection_wire(c) };
    c->began_ns = timers_now_ns();
    c->fault = FAULT_NONE;
    if (set_limit(c) && tls_init(&c->tls, &o))
        go_on_shaking(c);
    else
        give_up_starved(c);
}

/* --- TCP --- */

/* false: there is no descriptor for it. */
static bool take_socket(struct connection *c)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(c->user.easy, CURLINFO_ACTIVESOCKET, &fd);
    if (route_has_tls_proxy(&c->pool->route)) {
        c->fd = fd;
        return true;
    }
    c->fd = sockets_duplicate(c->transport->sockets, fd, &c->opener);
    if (c->fd >= 0)
        give_handle(c);
    return c->fd >= 0;
}

/* CURLOPT_RESOLVE gets lines of ours: one that "cannot be parsed" could not be copied. */
static bool has_starved(const struct connection *c, CURLcode code)
{
    int error = c->opener.error;
    return code == CURLE_OUT_OF_MEMORY || code == CURLE_SETOPT_OPTION_SYNTAX || error == ENOMEM ||
           error == ENOBUFS;
}

static void on_unconnected(struct connection *c, CURLcode code)
{
    struct route *route = &c->pool->route;
    CURL *easy = c->user.easy;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
    enum fault fault = has_starved(c, code) ? FAULT_OUT_OF_MEMORY : curl_fault(code);
    if (c->opener.error == EMFILE || c->opener.error == ENFILE)
        c->lacks = c->opener.error;
    c->cause = fault == FAULT_OUT_OF_MEMORY ? fault_cause(fault) : route_cause(route, easy, code);
    give_up(c, fault, c->error[0] ? c->error : curl_easy_strerror(code), status);
}

static void on_connected(struct multi_user *user, CURLcode code)
{
    struct connection *c = CONTAINER_OF(user, struct connection, user);
    if (!code)
        route_note(&c->way, user->easy, c->began_ns);
    if (code || !take_socket(c))
        on_unconnected(c, code ? code : CURLE_COULDNT_CONNECT);
    else if (c->pool->is_tls)
        begin_handshake(c);
    else
        succeed(c);
}

/* Returns the problem, or NULL. */
static const char *connect_tcp(struct connection *c)
{
    c->began_ns = timers_now_ns();
    route_follow(&c->way, c->user.easy);
    if (multi_add(c->user.multi, &c->user))
        return NULL;
    c->fault = FAULT_OUT_OF_MEMORY;
    c->cause = fault_cause(c->fault);
    return fault_text(c->fault);
}

static void on_found(struct route_query *way, const char *problem)
{
    struct connection *c = CONTAINER_OF(way, struct connection, way);
    if (problem) {
        c->fault = way->lookup.starved ? FAULT_OUT_OF_MEMORY : FAULT_UNREACHABLE;
        c->cause = way->lookup.starved ? fault_cause(c->fault) : PIPEPOLL_CAUSE_NAME;
    } else {
        problem = connect_tcp(c);
    }
    if (!problem)
        return;
    end_opening(c);
    c->on_open(c, problem);
}

/* --- what happens on it --- */

static void on_socket_ready(struct socket_watcher *watcher, curl_socket_t fd, int bits)
{
    struct connection *c = CONTAINER_OF(watcher, struct connection, watcher);
    if (!c->pool)
        return; /* it is about to be closed */
    if (c->opened_ns)
        c->on_ready(c, bits);
    else
        go_on_shaking(c);
}

bool connection_init(struct connection *c)
{
    c->transport = c->pool->transport;
    struct sockets *sockets = c->transport->sockets;
    c->fd = -1;
    c->opener.sockets = c->watcher.sockets = sockets;
    c->watcher.ready = on_socket_ready;
    c->user.on_done = on_connected;
    c->way = (struct route_query) { .route = &c->pool->route, .on_found = on_found };
    list_init(&c->user.link);
    return take_handle(c);
}

void connection_deinit(struct connection *c)
{
    struct sockets *sockets = c->transport->sockets;
    bool is_ours = !c->user.easy && c->fd >= 0;
    route_forget(&c->way);
    end_opening(c);
    tls_deinit(&c->tls);
    sockets_leave(&c->watcher);
    if (is_ours)
        sockets_on_close(sockets, c->fd);
    give_handle(c);
}

bool connection_leave_pool(struct connection *c)
{
    if (c->user.easy)
        return false;
    c->pool = NULL;
    return true;
}

const char *connection_open(struct connection *c)
{
    c->opening = true;
    transport_opens(c->transport);
    c->asked_ns = timers_now_ns();
    return route_find(&c->way) ? connect_tcp(c) : NULL;
}

const char *connection_lateness(struct connection *c, char text[ROUTE_PROBLEM_SIZE])
{
    struct buf out = { .at = text, .cap = ROUTE_PROBLEM_SIZE };
    if (c->way.lookup.waits)
        return route_lateness(&c->way, text);
    route_distrust(&c->pool->route);
    if (!c->tls.ssl)
        return "no connection in time";
    buf_printf(&out, "no end of the TLS handshake within %.3g s",
               (double)(timers_now_ns() - c->began_ns) / 1e9);
    return buf_cstr(&out);
}

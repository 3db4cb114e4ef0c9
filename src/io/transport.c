/* libcurl 7.88 (Debian 12) shapes this file:
 *  - A multi searches its connections one by one, and after the peer reset more than five idle ones
 *    the next request fails. So a pool spreads its easy handles ("lanes") over multis of five.
 *  - Setting options costs more than sending: a lane gets all that never changes once. But a handle
 *    counts the dead connections it met over its whole life, and gives up at the sixth. So one that
 *    had to open a connection, perhaps after meeting dead ones, is replaced.
 *  - Without CURLOPT_QUICK_EXIT, taking a transfer out during a name look-up blocks. */
#include "io/transport.h"

#include "base/log.h"
#include "io/lane.h"
#include "io/trust.h"

enum { IDLE_AGE_S = 60, LIFETIME_S = 600, KEEPALIVE_S = 45, RECEIVE_SIZE = 2048 };

/* --- lanes and multis --- */

static void on_socket_ready(struct socket_watcher *watcher, curl_socket_t fd, int bits)
{
    struct multi *m = CONTAINER_OF(watcher, struct multi, watcher);
    int running;
    curl_multi_socket_action(m->curl, fd, bits, &running);
    transfer_drain(m);
}

static void on_multi_timer(struct alarm *timer)
{
    on_socket_ready(&CONTAINER_OF(timer, struct multi, timer)->watcher, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *curl, long timeout_ms, void *data)
{
    (void)curl;
    struct multi *m = data;
    uint64_t ns = (uint64_t)timeout_ms * 1000000;
    alarm_set(&m->timer, timeout_ms < 0 ? ALARM_OFF : wake_now_ns() + ns);
    return 0;
}

static CURLcode on_ssl_context(CURL *easy, void *ssl_ctx, void *trust)
{
    (void)easy;
    return trust_apply(trust, ssl_ctx) ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

static void set_http(CURL *easy, const struct pool *pool)
{
    bool http2 = pool->transport->o.http2;
    curl_easy_setopt(easy, CURLOPT_URL, &pool->url[0]);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     (long)(http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, http2 ? 1L : 0L);
}

static void set_connection(CURL *easy, const struct pool *pool)
{
    const struct transport_options *o = &pool->transport->o;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_AGE_S);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)LIFETIME_S);
    curl_easy_setopt(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_SIZE);
    curl_easy_setopt(easy, CURLOPT_SHARE, pool->share);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, sockets_on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, pool->transport->sockets);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, sockets_on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, pool->transport->sockets);
}

/* No bundle for libcurl to read: on_ssl_context() brings the roots that were read already. */
static void set_tls(CURL *easy, const struct pool *pool)
{
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, pool->transport->o.trust);
}

static struct lane *lane_open(struct lane *lane, struct multi *m)
{
    *lane = (struct lane) { .easy = curl_easy_init(), .multi = m };
    if (!lane->easy)
        return NULL;
    list_init(&lane->idle_link);
    set_http(lane->easy, m->pool);
    set_connection(lane->easy, m->pool);
    set_tls(lane->easy, m->pool);
    curl_easy_setopt(lane->easy, CURLOPT_PRIVATE, lane);
    curl_easy_setopt(lane->easy, CURLOPT_ERRORBUFFER, lane->error);
    curl_easy_setopt(lane->easy, CURLOPT_HTTPHEADER, lane->lines);
    curl_easy_setopt(lane->easy, CURLOPT_HEADERFUNCTION, transfer_on_header);
    curl_easy_setopt(lane->easy, CURLOPT_HEADERDATA, lane);
    curl_easy_setopt(lane->easy, CURLOPT_WRITEFUNCTION, transfer_on_body);
    curl_easy_setopt(lane->easy, CURLOPT_WRITEDATA, lane);
    return lane;
}

static struct multi *multi_open(struct pool *pool)
{
    struct transport *tp = pool->transport;
    struct multi *m = alloc_new(&tp->o.alloc, sizeof *m);
    if (!m)
        return NULL;
    m->pool = pool;
    m->watcher = (struct socket_watcher) { tp->sockets, on_socket_ready };
    m->curl = curl_multi_init();
    if (!m->curl || alarm_init(&m->timer, tp->o.wake, on_multi_timer)) {
        curl_multi_cleanup(m->curl);
        return alloc_free(&tp->o.alloc, m, sizeof *m);
    }
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, sockets_on_curl);
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, &m->watcher);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
    curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, (long)LANES_PER_MULTI);
    curl_multi_setopt(m->curl, CURLMOPT_PIPELINING,
                      (long)(tp->o.http2 ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING));
    list_put_last(&pool->multis, &m->pool_link);
    return m;
}

static void multi_close(struct multi *m)
{
    const struct alloc *alloc = &m->pool->transport->o.alloc;
    for (unsigned i = 0; i < m->lane_count; i++)
        curl_easy_cleanup(m->lanes[i].easy);
    curl_multi_cleanup(m->curl);
    alarm_deinit(&m->timer);
    list_remove(&m->pool_link);
    alloc_free(alloc, m, sizeof *m);
}

static struct lane *lane_renew(struct lane *lane)
{
    if (!lane->worn)
        return lane;
    struct multi *m = lane->multi;
    bool fresh = lane->fresh;
    curl_easy_cleanup(lane->easy);
    if (!lane_open(lane, m)) {
        lane->worn = true; /* to be tried again */
        lane_give(lane);
        return NULL;
    }
    lane->fresh = fresh;
    return lane;
}

struct lane *lane_take(struct pool *pool)
{
    struct list *idle = list_pop_first(&pool->idle);
    if (idle)
        return lane_renew(CONTAINER_OF(idle, struct lane, idle_link));
    struct multi *last =
        list_empty(&pool->multis) ? NULL : CONTAINER_OF(pool->multis.prev, struct multi, pool_link);
    if (!last || last->lane_count == LANES_PER_MULTI)
        last = multi_open(pool);
    if (!last || !lane_open(&last->lanes[last->lane_count], last))
        return NULL;
    return &last->lanes[last->lane_count++];
}

void lane_give(struct lane *lane)
{
    list_put_first(&lane->multi->pool->idle, &lane->idle_link);
}

/* --- pools --- */

int pool_open(struct pool **out, struct transport *tp, str url)
{
    size_t url_size = url.len + 1;
    struct pool *pool = alloc_new(&tp->o.alloc, sizeof *pool + url_size);
    if (!pool)
        return PIPEPOLL_ENOMEM;
    pool->transport = tp;
    pool->url_size = url_size;
    memcpy(pool->url, url.ptr, url.len);
    list_init(&pool->idle);
    list_init(&pool->multis);
    pool->share = curl_share_init();
    if (!pool->share) {
        alloc_free(&tp->o.alloc, pool, sizeof *pool + url_size);
        return PIPEPOLL_ENOMEM;
    }
    curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    *out = pool;
    return 0;
}

void pool_close(struct pool *pool)
{
    struct transport *tp = pool->transport;
    while (!list_empty(&pool->multis))
        multi_close(CONTAINER_OF(pool->multis.next, struct multi, pool_link));
    curl_share_cleanup(pool->share);
    alloc_free(&tp->o.alloc, pool, sizeof *pool + pool->url_size);
}

/* --- the transport --- */

int transport_open(struct transport **out, const struct transport_options *o,
                   struct pipepoll_error *why)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        return explain(why, PIPEPOLL_ESYSTEM, "libcurl would not start");
    const char *tls = curl_version_info(CURLVERSION_NOW)->ssl_version;
    if (!tls || !strstr(tls, "OpenSSL/")) {
        curl_global_cleanup();
        return explain(why, PIPEPOLL_ESYSTEM, "this libcurl does TLS by %s; OpenSSL is needed",
                       tls ? tls : "nothing");
    }
    struct transport *tp = alloc_new(&o->alloc, sizeof *tp);
    if (!tp || sockets_open(&tp->sockets, o->loop, &o->alloc)) {
        alloc_free(&o->alloc, tp, sizeof *tp);
        curl_global_cleanup();
        return PIPEPOLL_ENOMEM;
    }
    tp->o = *o;
    *out = tp;
    return 0;
}

void transport_close(struct transport *tp, void (*closed)(void *ctx), void *ctx)
{
    struct alloc alloc = tp->o.alloc;
    struct sockets *sockets = tp->sockets;
    alloc_free(&alloc, tp, sizeof *tp);
    curl_global_cleanup();
    sockets_close(sockets, closed, ctx);
}

uint64_t transport_connections(const struct transport *tp)
{
    return tp->connections;
}

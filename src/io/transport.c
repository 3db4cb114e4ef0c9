/* The transport, its pools, and the libcurl handles that their lanes are made of. libcurl opens and
 * secures a connection; the exchange on it is framed by us (lane.c). */
#include "io/pool.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/log.h"
#include "io/http1.h"
#include "io/transfer.h"
#include "io/trust.h"

/* libcurl finds the connection of a handle by a search through its multi: hence few a multi. */
enum { LANES_PER_MULTI = 16, KEEPALIVE_S = 45, CURL_BUFFER_SIZE = 1024 };

/* --- handles and multis --- */

static CURLcode on_ssl_context(CURL *easy, void *ssl_ctx, void *data)
{
    (void)easy;
    return trust_apply(data, ssl_ctx) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* What libcurl copies, and may have no memory for: left out, it would go elsewhere. */
static bool set_way(CURL *easy, const struct pool *pool)
{
    return !curl_easy_setopt(easy, CURLOPT_URL, &pool->url[0]) &&
           !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http") &&
           route_set_proxy(&pool->route, easy);
}

/* Without QUICK_EXIT, taking a handle out during a name look-up of libcurl's own (see io/route.h)
 * blocks the loop until its end. */
static void set_connection(CURL *easy, const struct pool *pool)
{
    struct transport *tp = pool->transport;
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)tp->o.connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S);
    curl_easy_setopt(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)CURL_BUFFER_SIZE);
    curl_easy_setopt(easy, CURLOPT_SHARE, pool->share);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, sockets_on_open);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, sockets_on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, tp->sockets);
}

/* No bundle for libcurl to read: on_ssl_context() brings the roots that were read already, for a
 * proxy that is spoken to by TLS too. */
static void set_tls(CURL *easy, const struct pool *pool, struct trust_notes *notes)
{
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, pool->insecure ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, pool->insecure ? 0L : 2L);
    curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, notes);
}

CURL *pool_new_easy(struct pool *pool, struct trust_notes *notes)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    if (!set_way(easy, pool)) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    set_connection(easy, pool);
    set_tls(easy, pool, notes);
    return easy;
}

struct multi *transport_take_multi(struct transport *tp)
{
    struct multi *m = NULL;
    if (!list_empty(&tp->multis))
        m = CONTAINER_OF(tp->multis.next, struct multi, link);
    if (!m || m->users == LANES_PER_MULTI || m->starved)
        m = multi_open(tp->sockets, tp->o.wake, &tp->o.alloc);
    if (!m)
        return NULL;
    m->users++;
    list_remove(&m->link);
    if (m->users < LANES_PER_MULTI)
        list_put_first(&tp->multis, &m->link);
    else
        list_put_last(&tp->multis, &m->link);
    return m;
}

void transport_give_multi(struct transport *tp, struct multi *m)
{
    list_remove(&m->link);
    if (!--m->users)
        multi_close(m);
    else if (m->starved)
        list_put_last(&tp->multis, &m->link);
    else
        list_put_first(&tp->multis, &m->link);
}

/* --- pools --- */

/* "scheme://host:port/path": what a request line names. */
static str path_of(str url)
{
    str rest = str_skip(url, str_find(url, ':') + 3);
    str path = str_skip(rest, str_find(rest, '/'));
    return path.len ? path : STR("/");
}

static void pool_free(struct pool *pool)
{
    const struct transport *tp = pool->transport;
    route_deinit(&pool->route);
    curl_share_cleanup(pool->share);
    alloc_free(&tp->o.alloc, pool, sizeof *pool + pool->url_size);
}

int pool_open(struct pool **out, struct transport *tp, const struct pool_options *o)
{
    size_t url_size = o->url.len + 1;
    struct pool *pool = alloc_new(&tp->o.alloc, sizeof *pool + url_size);
    if (!pool)
        return PIPEPOLL_ENOMEM;
    pool->transport = tp;
    pool->url_size = url_size;
    pool->insecure = o->insecure;
    memcpy(pool->url, o->url.ptr, o->url.len);
    str url = { pool->url, o->url.len };
    pool->path = path_of(url);
    list_init(&pool->idle);
    pool->share = curl_share_init();
    if (!pool->share || route_init(&pool->route, tp, url, o->direct)) {
        pool_free(pool);
        return PIPEPOLL_ENOMEM;
    }
    curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    *out = pool;
    return 0;
}

void pool_close(struct pool *pool)
{
    lanes_close_idle(pool);
    pool_free(pool);
}

const struct pool_report *pool_report(const struct pool *pool)
{
    return &pool->route.report;
}

/* --- transfers --- */

/* A path may be made of names that came over the network. */
static bool fits_request_line(str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] <= ' ' || word.ptr[i] > '~')
            return false;
    return true;
}

/* --- waiting for a connection --- */

static void on_expire_waiting(struct transfer *x)
{
    list_remove(&x->wait_link);
    transfer_end(x, FAULT_TIMED_OUT, x->waits_for);
}

static void wait_for_lane(struct transfer *x, const char *what)
{
    x->expire = on_expire_waiting;
    x->waits_for = what;
}

static void on_room(struct alarm *room)
{
    struct transport *tp = CONTAINER_OF(room, struct transport, room);
    while (!list_empty(&tp->waiting)) {
        struct transfer *x = CONTAINER_OF(tp->waiting.next, struct transfer, wait_link);
        if (!lane_may_start(x->pool))
            return;
        list_remove(&x->wait_link);
        if (!lane_start(x))
            transfer_end(x, FAULT_OUT_OF_MEMORY, "out of memory");
    }
}

void transport_lane_ended(struct transport *tp)
{
    if (!list_empty(&tp->waiting))
        alarm_set(&tp->room, wake_now_ns());
}

/* What the embedder needed for a while may be free again: so the bound is tried anew. */
void transport_connected(struct transport *tp)
{
    tp->connections++;
    if (tp->lanes >= tp->lanes_max && tp->lanes_max < tp->o.max_connections)
        tp->lanes_max++;
}

static const char *lack(struct transport *tp, int error)
{
    struct rlimit limit = { 0 };
    struct buf out = BUF_ON(tp->lack);
    getrlimit(RLIMIT_NOFILE, &limit);
    if (error == ENFILE)
        return "too many open files in the whole system: raise fs.file-max";
    buf_printf(&out,
               "too many open files: this process may have %llu, raise that (ulimit -n, "
               "LimitNOFILE) or have fewer connections",
               (unsigned long long)limit.rlim_cur);
    return buf_cstr(&out);
}

void transport_lacks_descriptors(struct transfer *x, int error, bool in_vain)
{
    struct transport *tp = x->transport;
    const char *problem = lack(tp, error);
    x->cause = PIPEPOLL_CAUSE_DESCRIPTORS;
    if (in_vain && !tp->lanes) {
        transfer_end(x, FAULT_UNREACHABLE, problem);
        return;
    }
    tp->lanes_max = tp->lanes ? tp->lanes : 1;
    wait_for_lane(x, problem);
    list_put_first(&tp->waiting, &x->wait_link);
    transport_lane_ended(tp);
}

/* --- starting and wiping --- */

int transfer_start(struct transfer *x, struct pool *pool)
{
    struct transport *tp = pool->transport;
    if (!fits_request_line(x->method) || !fits_request_line(x->path))
        return PIPEPOLL_EINVAL;
    if (http1_request_max(x, pool->path) - x->body.len > SEND_ROOM ||
        x->body.len > TRANSFER_BODY_MAX)
        return PIPEPOLL_ESYSTEM;
    int r = transfer_begin(x, tp, on_expire_waiting);
    if (r)
        return r;
    x->pool = pool;
    if (!list_empty(&tp->waiting) || !lane_may_start(pool)) {
        wait_for_lane(x, "no connection was free in time: max_connections are busy");
        list_put_last(&tp->waiting, &x->wait_link);
    } else if (!lane_start(x)) {
        transfer_abandon(x);
        return PIPEPOLL_ENOMEM;
    }
    return 0;
}

static void wipe_rooms(struct transport *tp)
{
    explicit_bzero(tp->send_room, SEND_ROOM);
    explicit_bzero(tp->receive_room, RECEIVE_ROOM);
}

void transfer_wipe(struct transfer *x)
{
    if (x->answer_cap)
        explicit_bzero(x->answer, x->answer_cap);
    explicit_bzero(x->values, sizeof x->values);
    x->answer_len = 0;
    for (size_t i = 0; i < x->wanted_count; i++)
        x->wanted[i].value = (str) { NULL, 0 };
    if (x->transport)
        wipe_rooms(x->transport);
}

/* --- the transport --- */

static void transport_free(struct transport *tp)
{
    struct alloc alloc = tp->o.alloc;
    size_t size = tp->size;
    alarm_deinit(&tp->room);
    alloc_free(&alloc, tp->send_room, SEND_ROOM);
    alloc_free(&alloc, tp->receive_room, RECEIVE_ROOM);
    explicit_bzero(tp, size);
    alloc_free(&alloc, tp, size);
}

static void keep(char **at, str *text)
{
    str kept = { *at, text->len };
    if (text->len)
        memcpy(*at, text->ptr, text->len);
    *at += text->len;
    *text = kept;
}

/* The environment that the rules lie in may change while the transport lives. */
static void keep_rules(struct transport *tp)
{
    char *at = tp->text;
    keep(&at, &tp->o.proxies.https);
    keep(&at, &tp->o.proxies.http);
    keep(&at, &tp->o.proxies.none);
}

static int open_resolver(struct transport *tp)
{
    int r = worker_open(&tp->worker, tp->o.loop, tp->o.wake, &tp->o.alloc);
    if (r)
        return r;
    struct resolver_options o = { tp->worker, tp->o.wake, tp->o.alloc, tp->o.connect_timeout_ms };
    r = resolver_open(&tp->resolver, &o);
    if (r)
        worker_close(tp->worker, NULL, NULL);
    return r;
}

/* What must be closed from the loop comes last. */
static int open_rooms(struct transport *tp, struct pipepoll_error *why)
{
    const struct transport_options *o = &tp->o;
    tp->send_room = alloc_resize(&o->alloc, NULL, 0, SEND_ROOM);
    tp->receive_room = alloc_resize(&o->alloc, NULL, 0, RECEIVE_ROOM);
    if (!tp->send_room || !tp->receive_room || alarm_init(&tp->room, o->wake, on_room))
        return PIPEPOLL_ENOMEM;
    int r = sockets_open(&tp->sockets, o->loop, &o->alloc);
    if (r == PIPEPOLL_ESYSTEM)
        return explain(why, r, "cannot watch sockets (epoll): %s", strerror(errno));
    if (r)
        return r;
    r = open_resolver(tp);
    if (r)
        sockets_close(tp->sockets, NULL, NULL);
    return r == PIPEPOLL_ESYSTEM ? explain(why, r, "libuv would not start a handle") : r;
}

static int transport_new(struct transport **out, const struct transport_options *o,
                         struct pipepoll_error *why)
{
    const struct proxy_rules *rules = &o->proxies;
    size_t size = sizeof(struct transport) + rules->https.len + rules->http.len + rules->none.len;
    struct transport *tp = alloc_new(&o->alloc, size);
    if (!tp)
        return PIPEPOLL_ENOMEM;
    tp->o = *o;
    tp->size = size;
    if (!o->max_connections)
        tp->o.max_connections = UINT32_MAX;
    tp->lanes_max = tp->o.max_connections;
    list_init(&tp->multis);
    list_init(&tp->resting);
    list_init(&tp->waiting);
    keep_rules(tp);
    int r = open_rooms(tp, why);
    if (r)
        transport_free(tp);
    else
        *out = tp;
    return r;
}

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
    int r = transport_new(out, o, why);
    if (r)
        curl_global_cleanup();
    return r == PIPEPOLL_ENOMEM ? explain(why, r, "out of memory") : r;
}

static void on_worker_closed(void *transport)
{
    struct transport *tp = transport;
    struct sockets *sockets = tp->sockets;
    void (*closed)(void *ctx) = tp->closed;
    void *ctx = tp->ctx;
    wipe_rooms(tp);
    transport_free(tp);
    curl_global_cleanup();
    sockets_close(sockets, closed, ctx);
}

void transport_close(struct transport *tp, void (*closed)(void *ctx), void *ctx)
{
    tp->closed = closed;
    tp->ctx = ctx;
    resolver_close(tp->resolver);
    worker_close(tp->worker, on_worker_closed, tp);
}

void transport_stop_waiting(struct transport *tp)
{
    resolver_stop_waiting(tp->resolver);
}

struct worker *transport_worker(const struct transport *tp)
{
    return tp->worker;
}

uint64_t transport_connections(const struct transport *tp)
{
    return tp->connections;
}

struct wake *transport_wake(const struct transport *tp)
{
    return tp->o.wake;
}

const struct alloc *transport_alloc(const struct transport *tp)
{
    return &tp->o.alloc;
}

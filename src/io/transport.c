/* SPDX-License-Identifier: MIT */
/* The transport: which transfer goes by which connection, how many there may be, and which wait. */
#include "io/pool.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/log.h"
#include "io/http1.h"
#include "io/transfer.h"

/* libcurl finds the connection of a handle by a search through its multi: hence few a multi. */
enum { HANDLES_PER_MULTI = 16 };

/* --- multis --- */

struct multi *transport_take_multi(struct transport *tp)
{
    struct multi *m = NULL;
    if (!list_empty(&tp->multis))
        m = CONTAINER_OF(tp->multis.next, struct multi, link);
    if (!m || m->users == HANDLES_PER_MULTI || m->starved)
        m = multi_open(tp->sockets, tp->o.timers, &tp->o.alloc);
    if (!m)
        return NULL;
    m->users++;
    list_remove(&m->link);
    if (m->users < HANDLES_PER_MULTI)
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

static void wait_for_connection(struct transfer *x, const char *what)
{
    x->expire = on_expire_waiting;
    x->waits_for = what;
}

static void on_room(struct timer *room)
{
    struct transport *tp = CONTAINER_OF(room, struct transport, room);
    while (!list_empty(&tp->waiting)) {
        struct transfer *x = CONTAINER_OF(tp->waiting.next, struct transfer, wait_link);
        if (!h1_connection_may_start(x->pool))
            return;
        list_remove(&x->wait_link);
        if (!h1_connection_start(x))
            transfer_end(x, FAULT_OUT_OF_MEMORY, "out of memory");
    }
}

void transport_connection_freed(struct transport *tp)
{
    if (!list_empty(&tp->waiting))
        timer_set(&tp->room, timers_now_ns());
}

/* --- opening connections --- */

bool transport_may_open(struct transport *tp)
{
    uint64_t again_ns;
    bool may = opening_may_begin(&tp->opening, timers_now_ns(), &again_ns);
    if (!may)
        timer_set(&tp->room, again_ns);
    return may;
}

void transport_opens(struct transport *tp)
{
    opening_begin(&tp->opening);
}

void transport_opened(struct transport *tp)
{
    opening_end(&tp->opening);
    transport_connection_freed(tp);
}

/* What the embedder needed for a while may be free again: so the bound is tried anew. */
void transport_connected(struct transport *tp)
{
    tp->counts.made++;
    if (tp->connections >= tp->connections_max && tp->connections_max < tp->o.max_connections)
        tp->connections_max++;
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
    if (in_vain && !tp->connections) {
        transfer_end(x, FAULT_UNREACHABLE, problem);
        return;
    }
    tp->connections_max = tp->connections ? tp->connections : 1;
    wait_for_connection(x, problem);
    list_put_first(&tp->waiting, &x->wait_link);
    transport_connection_freed(tp);
}

/* --- starting and wiping --- */

/* Nobody overtakes those that wait, except by a connection that none of them could have. */
static bool must_queue(const struct pool *pool)
{
    const struct transport *tp = pool->transport;
    bool is_bounded = tp->connections >= tp->connections_max;
    return !list_empty(&tp->waiting) && (is_bounded || list_empty(&pool->idle));
}

int transfer_start(struct transfer *x, struct pool *pool)
{
    struct transport *tp = pool->transport;
    if (!fits_request_line(x->method) || !fits_request_line(x->path))
        return PIPEPOLL_EINVAL;
    if (http1_request_max(x, pool->path) - x->body.len > SEND_CAPACITY ||
        x->body.len > TRANSFER_BODY_MAX)
        return PIPEPOLL_ESYSTEM;
    int r = transfer_begin(x, tp, on_expire_waiting);
    if (r)
        return r;
    x->pool = pool;
    bool waits = must_queue(pool) || !h1_connection_may_start(pool);
    bool has_memory = waits ? transfer_keep_request(x, pool->path) : h1_connection_start(x);
    if (!has_memory) {
        transfer_abandon(x);
        return PIPEPOLL_ENOMEM;
    }
    if (waits) {
        wait_for_connection(x,
                            tp->connections >= tp->connections_max
                                ? "no connection was free in time: max_connections are busy"
                                : "no connection could be opened in time: too many begin at once");
        list_put_last(&tp->waiting, &x->wait_link);
    }
    return 0;
}

static void wipe_buffers(struct transport *tp)
{
    explicit_bzero(tp->send_bytes, SEND_CAPACITY);
    explicit_bzero(tp->receive_bytes, RECEIVE_CAPACITY);
}

void transfer_wipe(const struct transfer *x)
{
    if (x->transport)
        wipe_buffers(x->transport);
}

/* --- the transport --- */

static void transport_free(struct transport *tp)
{
    struct alloc alloc = tp->o.alloc;
    size_t size = tp->size;
    timer_deinit(&tp->room);
    timer_deinit(&tp->leave);
    alloc_free(&alloc, tp->send_bytes, SEND_CAPACITY);
    alloc_free(&alloc, tp->receive_bytes, RECEIVE_CAPACITY);
    explicit_bzero(tp, size);
    alloc_free(&alloc, tp, size);
}

/* The environment that the rules lie in may change while the transport lives. */
static void keep_rules(struct transport *tp)
{
    char *at = tp->text;
    tp->o.proxies.https = str_keep(&at, tp->o.proxies.https);
    tp->o.proxies.http = str_keep(&at, tp->o.proxies.http);
    tp->o.proxies.none = str_keep(&at, tp->o.proxies.none);
}

static int open_resolver(struct transport *tp)
{
    int r = worker_open(&tp->worker, tp->o.loop, tp->o.timers, &tp->o.alloc);
    if (r)
        return r;
    struct resolver_options o = { tp->worker, tp->o.timers, tp->o.alloc, tp->o.connect_timeout_ms };
    r = resolver_open(&tp->resolver, &o);
    if (r)
        worker_close(tp->worker, NULL, NULL);
    return r;
}

static void end(struct transport *tp)
{
    struct sockets *sockets = tp->sockets;
    void (*closed)(void *ctx) = tp->closed;
    void *ctx = tp->ctx;
    wipe_buffers(tp);
    transport_free(tp);
    curl_global_cleanup();
    sockets_close(sockets, closed, ctx);
}

static void on_leave(struct timer *leave)
{
    struct transport *tp = CONTAINER_OF(leave, struct transport, leave);
    if (!h1_connections_leave(tp))
        timer_set(leave, timers_now_ns());
    else if (tp->worker_closed)
        end(tp);
}

/* What must be closed from the loop comes last. */
static int open_buffers(struct transport *tp, struct pipepoll_error *why)
{
    const struct transport_options *o = &tp->o;
    tp->send_bytes = alloc_resize(&o->alloc, NULL, 0, SEND_CAPACITY);
    tp->receive_bytes = alloc_resize(&o->alloc, NULL, 0, RECEIVE_CAPACITY);
    if (!tp->send_bytes || !tp->receive_bytes || timer_init(&tp->room, o->timers, on_room) ||
        timer_init(&tp->leave, o->timers, on_leave))
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
    tp->connections_max = tp->o.max_connections;
    list_init(&tp->multis);
    list_init(&tp->resting);
    list_init(&tp->leaving);
    list_init(&tp->waiting);
    answer_rooms_init(&tp->rooms, &o->alloc);
    keep_rules(tp);
    int r = open_buffers(tp, why);
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
    tp->worker_closed = true;
    if (list_empty(&tp->leaving))
        end(tp);
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

struct transport_counts transport_counts(const struct transport *tp)
{
    struct transport_counts counts = tp->counts;
    counts.open = tp->connections;
    return counts;
}

struct timers *transport_timers(const struct transport *tp)
{
    return tp->o.timers;
}

const struct alloc *transport_alloc(const struct transport *tp)
{
    return &tp->o.alloc;
}

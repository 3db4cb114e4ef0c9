/* A lane is one connection for HTTP/1.1. libcurl connects and secures it (CURLOPT_CONNECT_ONLY:
 * name, happy eyeballs, proxy, TLS and its verification), and from then on moves bytes only;
 * the exchange is framed here. That costs a third of a libcurl transfer, and it is plainer: the
 * socket is watched while the lane is idle, so a connection that the peer ended is never used
 * again, and no request is sent a second time behind our back. Ages count the time that the
 * machine slept: a connection that rested meanwhile is as old as it is to the peer.
 */
#include "io/curl_fault.h"
#include "io/http1.h"
#include "io/pool.h"
#include "io/transfer.h"

static const uint64_t ns_per_s = 1000000000;
static const uint64_t trusted_ns = 100000000; /* idle for less: surely still there */
static const uint64_t idle_age_s = 60;  /* middle-boxes forget idle flows; so do we, and first */
static const uint64_t lifetime_s = 600; /* connections follow the names they were made for */

enum { REQUEST_LINES = 64 }; /* bytes that framing adds to a request */

struct lane {
    struct multi_user user; /* first: its handle and multi */
    struct pool *pool;
    struct socket_watcher watcher;
    struct list idle_link;
    struct route_query way;
    struct transfer *x; /* NULL: idle */
    bool connected;
    curl_socket_t fd;
    struct http1 http;
    struct buf unsent; /* of a request that the socket did not take at once */
    size_t unsent_from;
    uint64_t opened_ns;
    uint64_t used_ns;    /* began or ended a transfer */
    const char *problem; /* in the start of x, to be told from the loop */
    bool garbled;        /* what came is not HTTP, or past a limit */
    char error[CURL_ERROR_SIZE];
};

static void lane_close(struct lane *lane)
{
    struct pool *pool = lane->pool;
    const struct alloc *alloc = &pool->transport->o.alloc;
    route_forget(&lane->way);
    multi_remove(&lane->user);
    curl_easy_cleanup(lane->user.easy);
    pool_give_multi(pool, lane->user.multi);
    list_remove(&lane->idle_link);
    if (lane->unsent.cap)
        explicit_bzero(lane->unsent.at, lane->unsent.cap);
    alloc_free(alloc, lane->unsent.at, lane->unsent.cap);
    alloc_free(alloc, lane, sizeof *lane);
}

/* --- the end of a transfer --- */

static void close_unused_since(struct pool *pool, uint64_t since_ns)
{
    while (!list_empty(&pool->idle)) {
        struct lane *oldest = CONTAINER_OF(pool->idle.prev, struct lane, idle_link);
        if (oldest->used_ns >= since_ns)
            return;
        lane_close(oldest);
    }
}

static void close_aged(struct pool *pool, uint64_t now_ns)
{
    uint64_t age_ns = idle_age_s * ns_per_s;
    close_unused_since(pool, now_ns > age_ns ? now_ns - age_ns : 0);
}

/* What ended a connection that had worked may have ended those that rested meanwhile. After a
 * reset, a look at their sockets tells. When a path is dead nothing tells, so that none of them is
 * used which no answer came by since this transfer began. */
static void doubt_others(struct lane *lane, enum fault fault)
{
    bool had_worked = lane->connected && lane->opened_ns < lane->used_ns;
    if (had_worked && fault == FAULT_TIMED_OUT)
        close_unused_since(lane->pool, lane->used_ns);
    else if (had_worked && fault == FAULT_UNREACHABLE)
        lane->pool->doubt_ns = wake_age_ns();
}

/* The lane does not outlive a fault. Its error text lives until the owner was told. */
static void lane_fail(struct lane *lane, enum fault fault, const char *detail)
{
    struct transfer *x = lane->x;
    char text[CURL_ERROR_SIZE];
    struct buf copy = BUF_ON(text);
    buf_put(&copy, str_of(detail));
    detail = buf_cstr(&copy);
    x->lane = NULL;
    doubt_others(lane, fault);
    lane_close(lane);
    transfer_end(x, fault, detail);
}

/* A failing service may sit on one host of many: the next try shall meet another. */
static bool may_be_kept(const struct lane *lane, uint64_t now_ns)
{
    return http1_keeps_alive(&lane->http) && lane->x->http_status < 500 && !lane->unsent.len &&
           now_ns - lane->opened_ns < lifetime_s * ns_per_s;
}

static void lane_finish(struct lane *lane, bool ended)
{
    struct transfer *x = lane->x;
    struct pool *pool = lane->pool;
    uint64_t now_ns = wake_age_ns();
    bool keep = !ended && may_be_kept(lane, now_ns);
    x->lane = NULL;
    lane->x = NULL;
    lane->used_ns = now_ns;
    if (keep)
        list_put_first(&pool->idle, &lane->idle_link);
    else
        lane_close(lane);
    close_aged(pool, now_ns);
    transfer_end(x, FAULT_NONE, "");
}

/* --- bytes --- */

static const char *error_of(const struct lane *lane, CURLcode code)
{
    return lane->error[0] ? lane->error : curl_easy_strerror(code);
}

static void watch(struct lane *lane)
{
    int what = lane->unsent.len ? CURL_POLL_INOUT : CURL_POLL_IN;
    sockets_watch(lane->pool->transport->sockets, lane->fd, &lane->watcher, what);
}

/* Returns the problem, or NULL. */
static const char *keep_unsent(struct lane *lane, str rest)
{
    const struct alloc *alloc = &lane->pool->transport->o.alloc;
    if (rest.len > lane->unsent.cap) {
        char *more = alloc_resize(alloc, lane->unsent.at, lane->unsent.cap, rest.len);
        if (!more)
            return "out of memory";
        lane->unsent.at = more;
        lane->unsent.cap = rest.len;
    }
    buf_reset(&lane->unsent);
    buf_put(&lane->unsent, rest);
    lane->unsent_from = 0;
    watch(lane);
    return NULL;
}

/* Put the request together and send it: as a rule in one piece, that is in one TLS record. */
static const char *send_request(struct lane *lane)
{
    struct transport *tp = lane->pool->transport;
    struct transfer *x = lane->x;
    struct buf out = { .at = tp->send_room, .cap = SEND_ROOM };
    http1_put_request(&out, x, lane->pool->path);
    http1_begin(&lane->http, x);
    size_t sent = 0;
    CURLcode code = curl_easy_send(lane->user.easy, out.at, out.len, &sent);
    if (code && code != CURLE_AGAIN)
        return error_of(lane, code);
    return sent < out.len ? keep_unsent(lane, str_skip(buf_str(&out), sent)) : NULL;
}

static CURLcode send_rest(struct lane *lane)
{
    str rest = str_skip(buf_str(&lane->unsent), lane->unsent_from);
    size_t sent = 0;
    CURLcode code = curl_easy_send(lane->user.easy, rest.ptr, rest.len, &sent);
    lane->unsent_from += sent;
    if (lane->unsent_from == lane->unsent.len) {
        explicit_bzero(lane->unsent.at, lane->unsent.len);
        buf_reset(&lane->unsent);
        watch(lane);
    }
    return code == CURLE_AGAIN ? CURLE_OK : code;
}

/* What follows a whole answer was not asked for: the connection cannot be trusted with another. */
static void take_bytes(struct lane *lane, str bytes, bool *ended)
{
    size_t used = 0;
    if (!lane->http.done && http1_feed(&lane->http, bytes, &used) == HTTP1_BAD)
        lane->garbled = true;
    if (used < bytes.len)
        *ended = true;
}

/* Read until the socket is empty: TLS may hold a whole answer that no event will announce. */
static CURLcode receive(struct lane *lane, bool *ended)
{
    struct transport *tp = lane->pool->transport;
    while (!*ended && !lane->garbled) {
        size_t n = 0;
        CURLcode code = curl_easy_recv(lane->user.easy, tp->receive_room, RECEIVE_ROOM, &n);
        if (code)
            return code == CURLE_AGAIN ? CURLE_OK : code;
        if (n == 0)
            *ended = true;
        else
            take_bytes(lane, (str) { tp->receive_room, n }, ended);
    }
    return CURLE_OK;
}

static void tell_cut(struct lane *lane)
{
    lane_fail(lane, FAULT_UNREACHABLE,
              lane->http.any ? "the connection ended in the middle of the answer"
                             : "the connection ended without an answer");
}

static void on_answer(struct lane *lane, bool ended)
{
    CURLcode code = receive(lane, &ended);
    if (lane->garbled)
        lane_fail(lane, FAULT_GARBLED, http1_problem(&lane->http));
    else if (lane->http.done || (ended && http1_feed_end(&lane->http) == HTTP1_DONE))
        lane_finish(lane, ended || code);
    else if (ended)
        tell_cut(lane);
    else if (code)
        lane_fail(lane, curl_fault(code), error_of(lane, code));
}

/* Idle: session tickets may come, and then nothing is left to read. All else is the end. */
static void on_idle_bytes(struct lane *lane, bool ended)
{
    size_t n;
    CURLcode code =
        curl_easy_recv(lane->user.easy, lane->pool->transport->receive_room, RECEIVE_ROOM, &n);
    if (ended || code != CURLE_AGAIN)
        lane_close(lane);
}

static void on_ready(struct socket_watcher *watcher, curl_socket_t fd, int bits)
{
    struct lane *lane = CONTAINER_OF(watcher, struct lane, watcher);
    bool ended = bits & CURL_CSELECT_ERR; /* libuv watches no longer */
    (void)fd;
    if (!lane->x) {
        on_idle_bytes(lane, ended);
        return;
    }
    if (lane->problem)
        return; /* on_expire() is on its way */
    CURLcode code = (bits & CURL_CSELECT_OUT) && lane->unsent.len ? send_rest(lane) : CURLE_OK;
    /* A server may answer before it has read the whole request, and then end the connection. */
    if (code || (bits & ~CURL_CSELECT_OUT))
        on_answer(lane, ended);
}

/* --- the start --- */

static void on_connected(struct multi_user *user, CURLcode code)
{
    struct lane *lane = CONTAINER_OF(user, struct lane, user);
    if (code) {
        char text[ROUTE_PROBLEM_SIZE];
        lane_fail(lane, curl_fault(code),
                  route_blame(&lane->pool->route, user->easy, error_of(lane, code), text));
        return;
    }
    curl_easy_getinfo(user->easy, CURLINFO_ACTIVESOCKET, &lane->fd);
    lane->connected = true;
    lane->opened_ns = wake_age_ns();
    lane->pool->transport->connections++;
    watch(lane);
    const char *problem = send_request(lane);
    route_note(&lane->way, user->easy); /* the first sending attached the connection */
    if (problem)
        lane_fail(lane, FAULT_UNREACHABLE, problem);
}

/* Returns the problem, or NULL. */
static const char *lane_connect(struct lane *lane)
{
    route_follow(&lane->way, lane->user.easy);
    return multi_add(lane->user.multi, &lane->user) ? NULL : "out of memory";
}

static void on_found(struct route_query *way, const char *problem)
{
    struct lane *lane = CONTAINER_OF(way, struct lane, way);
    if (!problem)
        problem = lane_connect(lane);
    if (problem)
        lane_fail(lane, FAULT_UNREACHABLE, problem);
}

static const char *lateness(const struct lane *lane, char text[ROUTE_PROBLEM_SIZE])
{
    if (lane->connected)
        return "no whole answer in time";
    return lane->way.lookup.waits ? route_lateness(&lane->way, text) : "no connection in time";
}

/* At the deadline, or because the start itself failed. */
static void on_expire(struct transfer *x)
{
    struct lane *lane = x->lane;
    char text[ROUTE_PROBLEM_SIZE];
    if (lane->problem) {
        lane_fail(lane, FAULT_UNREACHABLE, lane->problem);
        return;
    }
    if (!lane->connected && !lane->way.lookup.waits)
        route_distrust(&lane->pool->route);
    lane_fail(lane, FAULT_TIMED_OUT, lateness(lane, text));
}

static struct lane *lane_new(struct pool *pool)
{
    const struct alloc *alloc = &pool->transport->o.alloc;
    struct lane *lane = alloc_new(alloc, sizeof *lane);
    if (!lane)
        return NULL;
    lane->pool = pool;
    lane->watcher = (struct socket_watcher) { pool->transport->sockets, on_ready };
    lane->user = (struct multi_user) { .on_done = on_connected };
    lane->way = (struct route_query) { .route = &pool->route, .on_found = on_found };
    list_init(&lane->idle_link);
    list_init(&lane->user.done_link);
    lane->user.easy = pool_new_easy(pool);
    lane->user.multi = lane->user.easy ? pool_take_multi(pool) : NULL;
    if (!lane->user.multi) {
        curl_easy_cleanup(lane->user.easy);
        return alloc_free(alloc, lane, sizeof *lane);
    }
    curl_easy_setopt(lane->user.easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(lane->user.easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(lane->user.easy, CURLOPT_ERRORBUFFER, lane->error);
    return lane;
}

/* Timers ring before sockets are looked at, so the end of a connection may lie unseen when the loop
 * was late. A look costs a system call, which a lane that was used just now is spared, unless
 * another has just met its end. */
static bool has_ended(struct lane *lane, uint64_t now_ns)
{
    size_t n;
    bool trusted = now_ns - lane->used_ns <= trusted_ns && lane->used_ns > lane->pool->doubt_ns;
    return !trusted && curl_easy_recv(lane->user.easy, lane->pool->transport->receive_room,
                                      RECEIVE_ROOM, &n) != CURLE_AGAIN;
}

static struct lane *lane_take(struct pool *pool)
{
    uint64_t now_ns = wake_age_ns();
    close_aged(pool, now_ns);
    for (struct list *idle; (idle = list_pop_first(&pool->idle)) != NULL;) {
        struct lane *lane = CONTAINER_OF(idle, struct lane, idle_link);
        if (route_still_leads_there(&lane->way) && !has_ended(lane, now_ns)) {
            lane->used_ns = now_ns;
            return lane;
        }
        lane_close(lane);
    }
    return lane_new(pool);
}

int lane_start(struct transfer *x, struct pool *pool)
{
    size_t line_len = x->method.len + x->path.len + pool->path.len + REQUEST_LINES;
    if (line_len + x->head_len + x->body.len > SEND_ROOM)
        return PIPEPOLL_ESYSTEM;
    struct lane *lane = lane_take(pool);
    int r = lane ? transfer_begin(x, pool->transport, on_expire) : PIPEPOLL_ENOMEM;
    if (r) {
        if (lane)
            lane_close(lane);
        return r;
    }
    x->lane = lane;
    lane->x = x;
    lane->problem = NULL;
    lane->garbled = false;
    lane->error[0] = '\0';
    if (lane->connected)
        lane->problem = send_request(lane);
    else if (route_find(&lane->way))
        lane->problem = lane_connect(lane);
    if (lane->problem)
        transfer_expire_soon(x);
    return 0;
}

void lanes_close_idle(struct pool *pool)
{
    for (struct list *l; (l = list_pop_first(&pool->idle)) != NULL;)
        lane_close(CONTAINER_OF(l, struct lane, idle_link));
}

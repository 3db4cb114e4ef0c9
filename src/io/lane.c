/* A lane is one connection for HTTP/1.1. libcurl connects and secures it (CURLOPT_CONNECT_ONLY:
 * name, happy eyeballs, proxy, TLS and its verification), and from then on moves bytes only;
 * the exchange is framed here. That costs a third of a libcurl transfer, and it is plainer: the
 * socket is watched while the lane is idle, so a connection that the peer ended is never used
 * again, and no request is sent a second time behind our back. Ages count the time that the
 * machine slept: a connection that rested meanwhile is as old as it is to the peer.
 */
#include <errno.h>

#include "io/curl_fault.h"
#include "io/lane.h"
#include "io/trust.h"

static const uint64_t ns_per_s = 1000000000;
static const uint64_t trusted_ns = 100000000; /* idle for less: surely still there */
static const uint64_t idle_age_s = 60;  /* middle-boxes forget idle flows; so do we, and first */
static const uint64_t lifetime_s = 600; /* connections follow the names they were made for */

void lane_close(struct lane *lane)
{
    struct pool *pool = lane->pool;
    const struct alloc *alloc = &pool->transport->o.alloc;
    route_forget(&lane->way);
    sockets_leave(&lane->watcher);
    multi_remove(&lane->user);
    curl_easy_cleanup(lane->user.easy);
    transport_give_multi(pool->transport, lane->user.multi);
    list_remove(&lane->idle_link);
    list_remove(&lane->rest_link);
    if (lane->unsent.cap)
        explicit_bzero(lane->unsent.at, lane->unsent.cap);
    alloc_free(alloc, lane->unsent.at, lane->unsent.cap);
    trust_notes_release(lane->notes);
    alloc_free(alloc, lane, sizeof *lane);
    pool->transport->lanes--;
    transport_lane_ended(pool->transport);
}

static struct lane *resting(struct list *rest_link)
{
    return CONTAINER_OF(rest_link, struct lane, rest_link);
}

void lanes_close_oldest(struct transport *tp)
{
    lane_close(resting(tp->resting.prev));
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

/* Of all pools: one that nobody asks any more shall not keep its connections. */
static void close_aged(struct transport *tp, uint64_t now_ns)
{
    while (!list_empty(&tp->resting)) {
        if (now_ns - resting(tp->resting.prev)->used_ns < idle_age_s * ns_per_s)
            return;
        lanes_close_oldest(tp);
    }
}

/* What ended a connection that had worked may have ended those that rested meanwhile. After a
 * reset, a look at their sockets tells. When a path is dead nothing tells, so that none of them is
 * used which no answer came by since this transfer began. */
static void doubt_others(struct lane *lane, enum fault fault)
{
    bool had_worked = lane->opened_ns < lane->used_ns;
    if (had_worked && fault == FAULT_TIMED_OUT)
        close_unused_since(lane->pool, lane->used_ns);
    else if (had_worked && fault == FAULT_UNREACHABLE)
        lane->pool->doubt_ns = wake_age_ns();
}

/* The lane does not outlive a fault. Its error text lives until the owner was told. */
void lane_fail(struct lane *lane, enum fault fault, const char *detail)
{
    struct transfer *x = lane->x;
    char text[CURL_ERROR_SIZE];
    struct buf copy = BUF_ON(text);
    if (lane->starved) {
        fault = FAULT_OUT_OF_MEMORY;
        detail = fault_text(fault);
        lane->cause = fault_cause(fault);
    }
    buf_put(&copy, str_of(detail));
    detail = buf_cstr(&copy);
    x->lane = NULL;
    x->cause = lane->cause;
    x->subject = lane->subject.len ? lane->subject : route_host(&lane->pool->route);
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

void lane_finish(struct lane *lane, bool ended)
{
    struct transfer *x = lane->x;
    struct pool *pool = lane->pool;
    uint64_t now_ns = wake_age_ns();
    bool keep = !ended && may_be_kept(lane, now_ns);
    x->lane = NULL;
    lane->x = NULL;
    lane->used_ns = now_ns;
    if (keep) {
        list_put_first(&pool->idle, &lane->idle_link);
        list_put_first(&pool->transport->resting, &lane->rest_link);
        transport_lane_ended(pool->transport);
    } else {
        lane_close(lane);
    }
    close_aged(pool->transport, now_ns);
    transfer_end(x, FAULT_NONE, "");
}

/* --- the start --- */

/* The transfer goes back to those that wait for a connection. */
static void lane_give_back(struct lane *lane)
{
    struct transfer *x = lane->x;
    int error = lane->opener.error;
    bool in_vain = lane->alone;
    x->lane = NULL;
    lane_close(lane);
    transport_lacks_descriptors(x, error, in_vain);
}

const char *lane_blame(struct lane *lane, const char *error, char text[ROUTE_PROBLEM_SIZE])
{
    bool is_first = lane->opened_ns >= lane->used_ns && !lane->http.any;
    lane->cause = PIPEPOLL_CAUSE_BROKEN_OFF;
    if (!is_first)
        return error;
    /* With TLS 1.3 the handshake is over for us before the peer misses our certificate. */
    if (lane->notes->wants_certificate)
        lane->cause = PIPEPOLL_CAUSE_CLIENT_CERTIFICATE;
    return route_words(&lane->pool->route, lane->cause, error, text);
}

/* CURLOPT_RESOLVE gets lines of ours: one that "can't be parsed" could not be copied. */
static bool has_starved(const struct lane *lane, CURLcode code)
{
    int error = lane->opener.error;
    return code == CURLE_OUT_OF_MEMORY || code == CURLE_SETOPT_OPTION_SYNTAX || error == ENOMEM ||
           error == ENOBUFS;
}

static void on_unconnected(struct lane *lane, CURLcode code)
{
    struct route *route = &lane->pool->route;
    CURL *easy = lane->user.easy;
    char text[ROUTE_PROBLEM_SIZE], better[ROUTE_PROBLEM_SIZE];
    if (lane->opener.error == EMFILE || lane->opener.error == ENFILE) {
        lane_give_back(lane);
        return;
    }
    const char *error = lane_error(lane, code);
    long verdict = route_verdict(easy, code);
    lane->starved = has_starved(lane, code) || trust_lacks_memory(error, verdict);
    lane->cause = trust_blame(lane->notes, verdict);
    if (!lane->cause && code == CURLE_SSL_CONNECT_ERROR)
        lane->cause = PIPEPOLL_CAUSE_TLS;
    error = route_words(route, lane->cause, error, better);
    error = route_blame(route, easy, error, text);
    if (!lane->cause || lane->cause == PIPEPOLL_CAUSE_TLS)
        lane->cause = route_cause(route, easy, code);
    lane_fail(lane, curl_fault(code), error);
}

static void on_connected(struct multi_user *user, CURLcode code)
{
    struct lane *lane = CONTAINER_OF(user, struct lane, user);
    if (code) {
        on_unconnected(lane, code);
        return;
    }
    curl_easy_getinfo(user->easy, CURLINFO_ACTIVESOCKET, &lane->fd);
    lane->connected = true;
    lane->opened_ns = wake_age_ns();
    transport_connected(lane->pool->transport);
    const char *problem = lane_watch(lane);
    if (!problem)
        problem = lane_send(lane);
    route_note(&lane->way, user->easy); /* the first sending attached the connection */
    if (problem)
        lane_on_unsendable(lane, problem);
}

/* Returns the problem, or NULL. */
static const char *lane_connect(struct lane *lane)
{
    lane->alone = lane->pool->transport->lanes == 1;
    route_follow(&lane->way, lane->user.easy);
    lane->starved = !multi_add(lane->user.multi, &lane->user);
    return lane->starved ? fault_text(FAULT_OUT_OF_MEMORY) : NULL;
}

static void on_found(struct route_query *way, const char *problem)
{
    struct lane *lane = CONTAINER_OF(way, struct lane, way);
    lane->starved = way->lookup.starved;
    if (problem)
        lane->cause = PIPEPOLL_CAUSE_NAME;
    else
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
        if (lane->connected)
            lane_on_unsendable(lane, lane->problem);
        else
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
    lane->watcher =
        (struct socket_watcher) { .sockets = pool->transport->sockets, .ready = lane_on_ready };
    lane->opener.sockets = pool->transport->sockets;
    lane->user = (struct multi_user) { .on_done = on_connected };
    lane->way = (struct route_query) { .route = &pool->route, .on_found = on_found };
    list_init(&lane->idle_link);
    list_init(&lane->rest_link);
    list_init(&lane->user.link);
    lane->notes = trust_notes_new(pool->transport->o.trust);
    lane->user.easy = lane->notes ? pool_new_easy(pool, lane->notes) : NULL;
    lane->user.multi = lane->user.easy ? transport_take_multi(pool->transport) : NULL;
    if (!lane->user.multi) {
        curl_easy_cleanup(lane->user.easy);
        trust_notes_release(lane->notes);
        return alloc_free(alloc, lane, sizeof *lane);
    }
    curl_easy_setopt(lane->user.easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(lane->user.easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(lane->user.easy, CURLOPT_ERRORBUFFER, lane->error);
    curl_easy_setopt(lane->user.easy, CURLOPT_OPENSOCKETDATA, &lane->opener);
    pool->transport->lanes++;
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
    struct transport *tp = pool->transport;
    close_aged(tp, now_ns);
    for (struct list *idle; (idle = list_pop_first(&pool->idle)) != NULL;) {
        struct lane *lane = CONTAINER_OF(idle, struct lane, idle_link);
        list_remove(&lane->rest_link);
        if (route_still_leads_there(&lane->way) && !has_ended(lane, now_ns)) {
            lane->used_ns = now_ns;
            return lane;
        }
        lane_close(lane);
    }
    if (tp->lanes >= tp->lanes_max && !list_empty(&tp->resting))
        lanes_close_oldest(tp);
    return lane_new(pool);
}

bool lane_may_start(const struct pool *pool)
{
    const struct transport *tp = pool->transport;
    return tp->lanes < tp->lanes_max || !list_empty(&tp->resting);
}

bool lane_start(struct transfer *x)
{
    struct lane *lane = lane_take(x->pool);
    if (!lane)
        return false;
    x->lane = lane;
    x->expire = on_expire;
    lane->x = x;
    lane->problem = NULL;
    lane->garbled = lane->broken = lane->starved = false;
    lane->cause = x->cause = PIPEPOLL_CAUSE_UNKNOWN;
    lane->error[0] = '\0';
    if (lane->connected)
        lane->problem = lane_send(lane);
    else if (route_find(&lane->way))
        lane->problem = lane_connect(lane);
    if (lane->problem)
        transfer_expire_soon(x);
    return true;
}

void lanes_close_idle(struct pool *pool)
{
    for (struct list *l; (l = list_pop_first(&pool->idle)) != NULL;)
        lane_close(CONTAINER_OF(l, struct lane, idle_link));
}

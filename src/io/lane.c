/* A lane is one connection that speaks HTTP/1.1, framed here. That costs a third of a libcurl
 * transfer, and it is plainer: the socket is watched while the lane is idle, so a connection that
 * the peer ended is never used again, and no request is sent a second time behind our back. Ages
 * count the time that the machine slept: a connection that rested meanwhile is as old as it is to
 * the peer. */
#include "io/lane.h"

static const uint64_t ns_per_s = 1000000000;
static const uint64_t trusted_ns = 100000000; /* idle for less: surely still there */
static const uint64_t idle_age_s = 60;  /* middle-boxes forget idle flows; so do we, and first */
static const uint64_t lifetime_s = 600; /* connections follow the names they were made for */

static struct pool *pool_of(const struct lane *lane)
{
    return lane->connection.pool;
}

void lane_close(struct lane *lane)
{
    struct pool *pool = pool_of(lane);
    const struct alloc *alloc = &pool->transport->o.alloc;
    connection_deinit(&lane->connection);
    list_remove(&lane->idle_link);
    list_remove(&lane->rest_link);
    if (lane->unsent.cap)
        explicit_bzero(lane->unsent.at, lane->unsent.cap);
    alloc_free(alloc, lane->unsent.at, lane->unsent.cap);
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
    uint64_t opened_ns = lane->connection.opened_ns;
    bool had_worked = opened_ns && opened_ns < lane->used_ns;
    if (had_worked && fault == FAULT_TIMED_OUT)
        close_unused_since(pool_of(lane), lane->used_ns);
    else if (had_worked && fault == FAULT_UNREACHABLE)
        pool_of(lane)->doubt_ns = timers_age_ns();
}

/* The lane does not outlive a fault. Its error text lives until the owner was told. */
void lane_fail(struct lane *lane, enum fault fault, const char *detail)
{
    struct transfer *x = lane->x;
    char text[CURL_ERROR_SIZE];
    struct buf copy = BUF_ON(text);
    buf_put(&copy, str_of(detail));
    detail = buf_cstr(&copy);
    x->lane = NULL;
    x->cause = lane->connection.cause;
    x->subject = route_host(&pool_of(lane)->route);
    doubt_others(lane, fault);
    lane_close(lane);
    transfer_end(x, fault, detail);
}

/* A failing service may sit on one host of many: the next try shall meet another. */
static bool may_be_kept(const struct lane *lane, uint64_t now_ns)
{
    return http1_keeps_alive(&lane->http) && lane->x->http_status < 500 && !lane->unsent.len &&
           now_ns - lane->connection.opened_ns < lifetime_s * ns_per_s;
}

void lane_finish(struct lane *lane, bool ended)
{
    struct transfer *x = lane->x;
    struct pool *pool = pool_of(lane);
    uint64_t now_ns = timers_age_ns();
    bool keep = !ended && may_be_kept(lane, now_ns);
    connection_keep_session(&lane->connection);
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
    int error = lane->connection.lacks;
    bool in_vain = lane->alone;
    x->lane = NULL;
    lane_close(lane);
    transport_lacks_descriptors(x, error, in_vain);
}

const char *lane_blame(struct lane *lane, const char *error, char text[ROUTE_PROBLEM_SIZE])
{
    struct connection *c = &lane->connection;
    bool is_first = c->opened_ns >= lane->used_ns && !lane->http.any;
    c->cause = PIPEPOLL_CAUSE_BROKEN_OFF;
    if (!is_first)
        return error;
    /* With TLS 1.3 the handshake is over for us before the peer misses our certificate. */
    if (connection_wants_certificate(c))
        c->cause = PIPEPOLL_CAUSE_CLIENT_CERTIFICATE;
    return route_words(&c->pool->route, c->cause, error, text);
}

static void on_open(struct connection *c, const char *problem)
{
    struct lane *lane = CONTAINER_OF(c, struct lane, connection);
    if (c->lacks) {
        lane_give_back(lane);
    } else if (problem) {
        lane_fail(lane, c->fault, problem);
    } else {
        problem = lane_send(lane);
        if (problem)
            lane_on_unsendable(lane, problem);
    }
}

/* At the deadline, or because the start itself failed. */
static void on_expire(struct transfer *x)
{
    struct lane *lane = x->lane;
    struct connection *c = &lane->connection;
    char text[ROUTE_PROBLEM_SIZE];
    if (lane->problem && c->opened_ns)
        lane_on_unsendable(lane, lane->problem);
    else if (lane->problem)
        lane_fail(lane, c->fault, lane->problem);
    else
        lane_fail(lane, FAULT_TIMED_OUT,
                  c->opened_ns ? "no whole answer in time" : connection_lateness(c, text));
}

static struct lane *lane_new(struct pool *pool)
{
    const struct alloc *alloc = &pool->transport->o.alloc;
    struct lane *lane = alloc_new(alloc, sizeof *lane);
    if (!lane)
        return NULL;
    lane->connection =
        (struct connection) { .pool = pool, .on_open = on_open, .on_ready = lane_on_ready };
    list_init(&lane->idle_link);
    list_init(&lane->rest_link);
    if (!connection_init(&lane->connection))
        return alloc_free(alloc, lane, sizeof *lane);
    pool->transport->lanes++;
    lane->alone = pool->transport->lanes == 1;
    return lane;
}

/* Timers fire before sockets are looked at, so the end of a connection may lie unseen when the loop
 * was late. A look costs a system call, which a lane that was used just now is spared, unless
 * another has just met its end. */
static bool has_ended(struct lane *lane, uint64_t now_ns)
{
    size_t n;
    const struct pool *pool = pool_of(lane);
    bool trusted = now_ns - lane->used_ns <= trusted_ns && lane->used_ns > pool->doubt_ns;
    return !trusted && connection_receive(&lane->connection, pool->transport->receive_room,
                                          RECEIVE_ROOM, &n) != IO_AGAIN;
}

static struct lane *lane_take(struct pool *pool)
{
    uint64_t now_ns = timers_age_ns();
    struct transport *tp = pool->transport;
    close_aged(tp, now_ns);
    for (struct list *idle; (idle = list_pop_first(&pool->idle)) != NULL;) {
        struct lane *lane = CONTAINER_OF(idle, struct lane, idle_link);
        list_remove(&lane->rest_link);
        if (route_still_leads_there(&lane->connection.way) && !has_ended(lane, now_ns)) {
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
    struct transport *tp = pool->transport;
    if (!list_empty(&pool->idle))
        return true;
    return (tp->lanes < tp->lanes_max || !list_empty(&tp->resting)) && transport_may_open(tp);
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
    lane->malformed = lane->broken = false;
    lane->connection.cause = x->cause = PIPEPOLL_CAUSE_UNKNOWN;
    lane->connection.error[0] = '\0';
    lane->problem =
        lane->connection.opened_ns ? lane_send(lane) : connection_open(&lane->connection);
    if (lane->problem)
        transfer_expire_soon(x);
    return true;
}

void lanes_close_idle(struct pool *pool)
{
    for (struct list *l; (l = list_pop_first(&pool->idle)) != NULL;)
        lane_close(CONTAINER_OF(l, struct lane, idle_link));
}

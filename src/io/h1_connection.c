/* SPDX-License-Identifier: MIT */
/* A connection that speaks HTTP/1.1 is framed here. That costs a third of a libcurl transfer,
 * and it is plainer: the socket is watched while the connection is idle, so a connection that
 * the peer ended is never used again, and no request is sent a second time behind our back. Ages
 * count the time that the machine slept: a connection that rested meanwhile is as old as it is
 * to the peer. */
#include "io/h1_connection.h"

static const uint64_t ns_per_s = 1000000000;
static const uint64_t trusted_ns = 100000000; /* idle for less: surely still there */
static const uint64_t idle_age_s = 60;  /* middle-boxes forget idle flows; so do we, and first */
static const uint64_t lifetime_s = 600; /* connections follow the names they were made for */

static const uint64_t leaving_slice_ns = 1000000;

static struct pool *pool_of(const struct h1_connection *h1)
{
    return h1->connection.pool;
}

void h1_connection_close(struct h1_connection *h1)
{
    struct transport *tp = h1->connection.transport;
    const struct alloc *alloc = &tp->o.alloc;
    connection_deinit(&h1->connection);
    list_remove(&h1->idle_link);
    list_remove(&h1->rest_link);
    alloc_free(alloc, h1, sizeof *h1);
    answer_rooms_remove(&tp->rooms);
    tp->connections--;
    transport_connection_freed(tp);
}

/* To close a connection takes system calls, and many may have to go at once: so these wait for
 * their turn. */
static void close_soon(struct h1_connection *h1)
{
    struct transport *tp = h1->connection.transport;
    list_remove(&h1->idle_link);
    list_remove(&h1->rest_link);
    if (!connection_leave_pool(&h1->connection)) {
        h1_connection_close(h1);
        return;
    }
    list_put_last(&tp->leaving, &h1->rest_link);
    timer_set(&tp->leave, timers_now_ns());
}

static struct h1_connection *resting(struct list *rest_link)
{
    return CONTAINER_OF(rest_link, struct h1_connection, rest_link);
}

void h1_connections_close_oldest(struct transport *tp)
{
    h1_connection_close(resting(tp->resting.prev));
}

/* --- the end of a transfer --- */

static void close_unused_since(struct pool *pool, uint64_t since_ns)
{
    while (!list_empty(&pool->idle)) {
        struct h1_connection *oldest =
            CONTAINER_OF(pool->idle.prev, struct h1_connection, idle_link);
        if (oldest->used_ns >= since_ns)
            return;
        close_soon(oldest);
    }
}

/* Of all pools: one that nobody asks any more shall not keep its connections. */
static void close_aged(struct transport *tp, uint64_t now_ns)
{
    while (!list_empty(&tp->resting)) {
        if (now_ns - resting(tp->resting.prev)->used_ns < idle_age_s * ns_per_s)
            return;
        close_soon(resting(tp->resting.prev));
    }
}

/* What ended a connection that had worked may have ended those that rested meanwhile. After a
 * reset, a look at their sockets tells. When a path is dead nothing tells, so that none of them is
 * used which no answer came by since this transfer began. */
static void doubt_others(struct h1_connection *h1, enum fault fault)
{
    uint64_t opened_ns = h1->connection.opened_ns;
    bool had_worked = opened_ns && opened_ns < h1->used_ns;
    if (had_worked && fault == FAULT_TIMED_OUT)
        close_unused_since(pool_of(h1), h1->used_ns);
    else if (had_worked && fault == FAULT_UNREACHABLE)
        pool_of(h1)->doubt_ns = timers_age_ns();
}

/* The connection does not outlive a fault. Its error text lives until the owner was told. */
void h1_connection_fail(struct h1_connection *h1, enum fault fault, const char *detail)
{
    struct transfer *x = h1->x;
    char text[CURL_ERROR_SIZE];
    struct buf copy = BUF_ON(text);
    buf_put(&copy, str_of(detail));
    detail = buf_cstr(&copy);
    x->h1 = NULL;
    x->cause = h1->connection.cause;
    x->subject = route_host(&pool_of(h1)->route);
    doubt_others(h1, fault);
    h1_connection_close(h1);
    transfer_end(x, fault, detail);
}

/* A failing service may sit on one host of many: the next try shall meet another. */
static bool may_be_kept(const struct h1_connection *h1, uint64_t now_ns)
{
    return http1_keeps_alive(&h1->x->room->http) && h1->x->http_status < 500 &&
           !h1->x->unsent.len && now_ns - h1->connection.opened_ns < lifetime_s * ns_per_s;
}

void h1_connection_finish(struct h1_connection *h1, bool ended)
{
    struct transfer *x = h1->x;
    struct pool *pool = pool_of(h1);
    uint64_t now_ns = timers_age_ns();
    bool keep = !ended && may_be_kept(h1, now_ns);
    connection_keep_session(&h1->connection);
    x->h1 = NULL;
    h1->x = NULL;
    h1->used_ns = now_ns;
    if (keep) {
        list_put_first(&pool->idle, &h1->idle_link);
        list_put_first(&pool->transport->resting, &h1->rest_link);
        transport_connection_freed(pool->transport);
    } else {
        h1_connection_close(h1);
    }
    close_aged(pool->transport, now_ns);
    transfer_end(x, FAULT_NONE, "");
}

/* --- the start --- */

/* The transfer goes back to those that wait for a connection. */
static void h1_connection_give_back(struct h1_connection *h1)
{
    struct transfer *x = h1->x;
    int error = h1->connection.lacks;
    bool in_vain = h1->alone;
    x->h1 = NULL;
    h1_connection_close(h1);
    transport_lacks_descriptors(x, error, in_vain);
}

const char *h1_connection_blame(struct h1_connection *h1, const char *error,
                                char text[ROUTE_PROBLEM_SIZE])
{
    struct connection *c = &h1->connection;
    bool is_first = c->opened_ns >= h1->used_ns && !h1->x->room;
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
    struct h1_connection *h1 = CONTAINER_OF(c, struct h1_connection, connection);
    if (c->lacks) {
        h1_connection_give_back(h1);
    } else if (problem) {
        h1_connection_fail(h1, c->fault, problem);
    } else {
        problem = h1_connection_send(h1);
        if (problem)
            h1_connection_on_unsendable(h1, problem);
    }
}

/* At the deadline, or because the start itself failed. */
static void on_expire(struct transfer *x)
{
    struct h1_connection *h1 = x->h1;
    struct connection *c = &h1->connection;
    char text[ROUTE_PROBLEM_SIZE];
    if (h1->problem && c->opened_ns)
        h1_connection_on_unsendable(h1, h1->problem);
    else if (h1->problem)
        h1_connection_fail(h1, c->fault, h1->problem);
    else
        h1_connection_fail(h1, FAULT_TIMED_OUT,
                           c->opened_ns ? "no whole answer in time" : connection_lateness(c, text));
}

static struct h1_connection *h1_connection_new(struct pool *pool)
{
    const struct alloc *alloc = &pool->transport->o.alloc;
    struct h1_connection *h1 = alloc_new(alloc, sizeof *h1);
    if (!h1)
        return NULL;
    h1->connection = (struct connection) { .pool = pool,
                                           .on_open = on_open,
                                           .on_ready = h1_connection_on_ready };
    list_init(&h1->idle_link);
    list_init(&h1->rest_link);
    if (answer_rooms_add(&pool->transport->rooms))
        return alloc_free(alloc, h1, sizeof *h1);
    if (!connection_init(&h1->connection)) {
        answer_rooms_remove(&pool->transport->rooms);
        return alloc_free(alloc, h1, sizeof *h1);
    }
    pool->transport->connections++;
    h1->alone = pool->transport->connections == 1;
    return h1;
}

/* Timers fire before sockets are looked at, so the end of a connection may lie unseen when the loop
 * was late. A look costs a system call, which a connection that was used just now is spared, unless
 * another has just met its end. */
static bool has_ended(struct h1_connection *h1, uint64_t now_ns)
{
    size_t n;
    const struct pool *pool = pool_of(h1);
    bool trusted = now_ns - h1->used_ns <= trusted_ns && h1->used_ns > pool->doubt_ns;
    return !trusted && connection_receive(&h1->connection, pool->transport->receive_bytes,
                                          RECEIVE_CAPACITY, &n) != IO_AGAIN;
}

/* Within the bound, for one more. */
static void make_room(struct transport *tp)
{
    if (tp->connections < tp->connections_max)
        return;
    if (!list_empty(&tp->leaving))
        h1_connection_close(resting(tp->leaving.next));
    else if (!list_empty(&tp->resting))
        h1_connections_close_oldest(tp);
}

static struct h1_connection *h1_connection_take(struct pool *pool)
{
    uint64_t now_ns = timers_age_ns();
    struct transport *tp = pool->transport;
    close_aged(tp, now_ns);
    for (struct list *idle; (idle = list_pop_first(&pool->idle)) != NULL;) {
        struct h1_connection *h1 = CONTAINER_OF(idle, struct h1_connection, idle_link);
        list_remove(&h1->rest_link);
        if (route_still_leads_there(&h1->connection.way) && !has_ended(h1, now_ns)) {
            h1->used_ns = now_ns;
            return h1;
        }
        close_soon(h1);
    }
    make_room(tp);
    return h1_connection_new(pool);
}

bool h1_connection_may_start(const struct pool *pool)
{
    struct transport *tp = pool->transport;
    if (!list_empty(&pool->idle))
        return true;
    bool has_room = tp->connections < tp->connections_max || !list_empty(&tp->resting) ||
                    !list_empty(&tp->leaving);
    return has_room && transport_may_open(tp);
}

/* The request goes out when the connection is open. Returns the problem, or NULL. */
static const char *open_first(struct h1_connection *h1)
{
    struct transfer *x = h1->x;
    if (x->unsent.len || transfer_keep_request(x, pool_of(h1)->path))
        return connection_open(&h1->connection);
    h1->connection.fault = FAULT_OUT_OF_MEMORY;
    return fault_text(FAULT_OUT_OF_MEMORY);
}

bool h1_connection_start(struct transfer *x)
{
    struct h1_connection *h1 = h1_connection_take(x->pool);
    if (!h1)
        return false;
    x->h1 = h1;
    x->expire = on_expire;
    h1->x = x;
    h1->problem = NULL;
    h1->malformed = h1->broken = false;
    h1->connection.cause = x->cause = PIPEPOLL_CAUSE_UNKNOWN;
    h1->connection.fault = FAULT_NONE;
    h1->problem = h1->connection.opened_ns ? h1_connection_send(h1) : open_first(h1);
    if (h1->problem)
        transfer_expire_soon(x);
    return true;
}

void h1_connections_close_idle(struct pool *pool)
{
    while (!list_empty(&pool->idle))
        close_soon(CONTAINER_OF(pool->idle.next, struct h1_connection, idle_link));
}

bool h1_connections_leave(struct transport *tp)
{
    uint64_t until_ns = timers_now_ns() + leaving_slice_ns;
    while (!list_empty(&tp->leaving) && timers_now_ns() < until_ns)
        h1_connection_close(resting(tp->leaving.next));
    return list_empty(&tp->leaving);
}

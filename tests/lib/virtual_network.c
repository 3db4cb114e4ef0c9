/* SPDX-License-Identifier: MIT */
/* io/transport.h over a network that is one callback. A request in flight has a connection of its
 * pool, and the connection a timer: it fires when the request arrives, when the answer has come, or
 * when the deadline has. What the service answers is copied when it does, and told when it comes.
 * There are no roots to verify with: reading the system's would take longer than an hour does. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "io/trust_store.h"
#include "lib/virtual_connection.h"

static const uint64_t ns_per_ms = 1000000;

struct virtual_network network;

void virtual_network_begin(void)
{
    network.service = NULL;
    network.pools = network.flying = 0;
    list_init(&network.in_flight);
    list_init(&network.orphans);
}

unsigned virtual_network_end(void)
{
    virtual_forget_orphans();
    return network.pools + network.flying;
}

void virtual_serve(struct virtual_service *s)
{
    network.service = s;
}

unsigned virtual_in_flight(void)
{
    return network.flying;
}

str virtual_header(const struct virtual_request *rq, str name)
{
    str rest = rq->head;
    while (rest.len) {
        str line = { rest.ptr, str_find(rest, '\n') };
        size_t colon = str_find(line, ':');
        if (str_eq((str) { line.ptr, colon }, name))
            return str_trim(str_skip(line, colon + 1));
        rest = str_skip(rest, line.len + (line.len < rest.len));
    }
    return STR("");
}

/* --- the end of a request --- */

static void end(struct h1_connection *c, enum fault fault, const char *detail)
{
    struct transfer *x = c->x;
    struct pool *pool = c->pool;
    list_remove(&c->link);
    list_put_first(&pool->idle, &c->link);
    timer_set(&c->timer, TIMER_OFF);
    pool->busy--;
    network.flying--;
    x->h1 = NULL;
    x->fault = fault;
    x->detail = detail;
    if (fault) {
        x->http_status = 0;
        x->cause = fault_cause(fault);
    }
    if (network.service->ended)
        network.service->ended(network.service, c->way.mark);
    x->on_done(x);
}

static void on_overdue(struct h1_connection *c)
{
    end(c, FAULT_TIMED_OUT, "no answer in time");
}

static void on_broken(struct h1_connection *c)
{
    end(c, FAULT_UNREACHABLE, "the connection was reset");
}

static void on_fault(struct h1_connection *c)
{
    c->x->is_sent = c->way.is_sent;
    end(c, c->way.fault, fault_text(c->way.fault));
}

static void on_answered(struct h1_connection *c)
{
    end(c, FAULT_NONE, "");
}

static void go_on(struct h1_connection *c, uint64_t after_ns, void (*next)(struct h1_connection *c))
{
    uint64_t now_ns = timers_now_ns();
    bool in_time = after_ns < c->deadline_ns - now_ns;
    c->next = in_time ? next : on_overdue;
    timer_set(&c->timer, in_time ? now_ns + after_ns : c->deadline_ns);
}

static void on_timer(struct timer *timer)
{
    struct h1_connection *c = CONTAINER_OF(timer, struct h1_connection, timer);
    c->next(c);
}

/* --- what arrives is answered --- */

enum { TEXTS = 5 };

static void texts_of(str *texts[TEXTS], struct virtual_request *rq)
{
    str *const all[TEXTS] = { &rq->url, &rq->method, &rq->path, &rq->head, &rq->body };
    memcpy(texts, all, sizeof all);
}

size_t virtual_request_size(const struct virtual_request *rq)
{
    return rq->url.len + rq->method.len + rq->path.len + rq->head.len + rq->body.len;
}

void virtual_request_keep(struct virtual_request *rq, char *at)
{
    str *texts[TEXTS];
    texts_of(texts, rq);
    for (int i = 0; i < TEXTS; i++)
        *texts[i] = str_keep(&at, *texts[i]);
    rq->target = virtual_header(rq, STR("X-Amz-Target"));
}

static void keep_request(struct h1_connection *c)
{
    const struct transfer *x = c->x;
    c->rq = (struct virtual_request) {
        .url = { c->pool->url, c->pool->url_len },
        .method = x->method.len ? x->method : STR("POST"),
        .path = x->path,
        .head = x->head,
        .body = x->body,
    };
    size_t size = virtual_request_size(&c->rq);
    if (size > c->room_size) {
        const struct alloc *alloc = &c->pool->transport->o.alloc;
        alloc_free(alloc, c->room, c->room_size);
        c->room = alloc_new(alloc, size);
        c->room_size = size;
        if (!c->room)
            abort(); /* want of memory is not for here */
    }
    virtual_request_keep(&c->rq, c->room);
}

static void keep_body(struct transfer *x, str body)
{
    struct answer_room *room = x->room;
    if (body.len + 1 > room->body_cap) {
        const struct alloc *alloc = &x->transport->o.alloc;
        alloc_free(alloc, room->body, room->body_cap);
        room->body_cap = 2 * body.len + 512;
        room->body = alloc_new(alloc, room->body_cap);
        if (!room->body)
            abort(); /* want of memory is not for here */
    }
    if (body.len)
        memcpy(room->body, body.ptr, body.len);
    room->body[body.len] = '\0';
    x->answer = room->body;
    x->answer_len = body.len;
}

static void keep_header(struct transfer *x, str name, str value)
{
    struct answer_room *room = x->room;
    for (size_t i = 0; i < x->wanted_count; i++) {
        if (!str_eq_nocase(x->wanted[i].name, name) ||
            room->values_len + value.len > sizeof room->values)
            continue;
        char *at = room->values + room->values_len;
        room->wanted[i] = str_keep(&at, value);
        room->values_len += value.len;
    }
}

/* "Thu, 01 Jan 2026 00:00:00 GMT", made once a second. */
static str date_text(int64_t wall_s)
{
    static char text[64];
    static int64_t made_s = -1;
    static size_t len;
    if (wall_s != made_s) {
        struct tm tm;
        time_t t = (time_t)wall_s;
        len = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
        made_s = wall_s;
    }
    return (str) { text, len };
}

static void on_arrived(struct h1_connection *c)
{
    struct transfer *x = c->x;
    struct virtual_answer answer = { .status = 200 };
    x->is_sent = true;
    c->arrives_ns = TIMER_OFF;
    network.service->answer(network.service, &c->rq, &answer);
    x->http_status = answer.status;
    keep_body(x, answer.body);
    for (int i = 0; i < VIRTUAL_HEADERS && answer.headers[i].name.len; i++)
        keep_header(x, answer.headers[i].name, answer.headers[i].value);
    uint64_t at_ms = (uint64_t)(timers_wall_ms() + answer.clock_ms);
    keep_header(x, STR("date"), date_text((int64_t)(at_ms / 1000)));
    go_on(c, answer.after_ns, answer.breaks ? on_broken : on_answered);
}

/* --- start --- */

static struct h1_connection *connection_for(struct pool *pool)
{
    struct list *l = list_pop_first(&pool->idle);
    if (l)
        return CONTAINER_OF(l, struct h1_connection, link);
    struct transport *tp = pool->transport;
    struct h1_connection *c = alloc_new(&tp->o.alloc, sizeof *c);
    if (!c || timer_init(&c->timer, tp->o.timers, on_timer))
        abort();
    list_init(&c->link);
    c->pool = pool;
    tp->connections++;
    return c;
}

static void forget_answer(struct transfer *x, struct answer_room *room)
{
    x->fault = FAULT_NONE;
    x->http_status = 0;
    x->is_sent = false;
    x->answer = NULL;
    x->answer_len = 0;
    x->room = room;
    x->values = room->wanted;
    x->detail = "";
    x->cause = PIPEPOLL_CAUSE_UNKNOWN;
    x->subject = STR("");
    room->values_len = 0;
    memset(room->wanted, 0, sizeof room->wanted);
}

int transfer_start(struct transfer *x, struct pool *pool)
{
    if (x->h1) {
        fprintf(stderr, "virtual: a transfer is started while it is in flight\n");
        abort();
    }
    struct h1_connection *c = connection_for(pool);
    x->transport = pool->transport;
    x->pool = pool;
    x->h1 = c;
    forget_answer(x, &c->answer);
    c->x = x;
    c->way = (struct virtual_way) { 0 };
    c->deadline_ns = timers_now_ns() + x->timeout_ms * ns_per_ms;
    list_put_last(&network.in_flight, &c->link);
    pool->busy++;
    network.flying++;
    keep_request(c);
    if (network.service->depart)
        network.service->depart(network.service, &c->rq, &c->way);
    c->rq.mark = c->way.mark;
    bool arrives = !c->way.fault && !c->way.looks_up && c->way.after_ns != VIRTUAL_NEVER;
    c->arrives_ns = arrives ? timers_now_ns() + c->way.after_ns : TIMER_OFF;
    if (c->way.looks_up && pool->transport->waits_no_more)
        go_on(c, 0, on_broken);
    else
        go_on(c, c->way.looks_up ? VIRTUAL_NEVER : c->way.after_ns,
              c->way.fault ? on_fault : on_arrived);
    return 0;
}

static void break_all(bool (*breaks)(const struct h1_connection *c, const void *ctx),
                      const void *ctx)
{
    for (struct list *l = network.in_flight.next; l != &network.in_flight; l = l->next) {
        struct h1_connection *c = CONTAINER_OF(l, struct h1_connection, link);
        if (!breaks(c, ctx))
            continue;
        c->arrives_ns = TIMER_OFF;
        go_on(c, ns_per_ms / 2, on_broken);
    }
}

static bool goes_to(const struct h1_connection *c, const void *ctx)
{
    const str *url = ctx;
    return str_eq((str) { c->pool->url, c->pool->url_len }, *url);
}

void virtual_break(str url)
{
    break_all(goes_to, &url);
}

void transfer_abort(struct transfer *x)
{
    if (x->h1)
        go_on(x->h1, 0, on_overdue);
}

void transfer_wipe(const struct transfer *x)
{
}

/* --- pools --- */

int pool_open(struct pool **out, struct transport *tp, const struct pool_options *o)
{
    struct pool *pool = alloc_new(&tp->o.alloc, sizeof *pool + o->url.len);
    if (!pool)
        return PIPEPOLL_ENOMEM;
    pool->transport = tp;
    list_init(&pool->idle);
    pool->url_len = o->url.len;
    memcpy(pool->url, o->url.ptr, o->url.len);
    network.pools++;
    tp->pools++;
    *out = pool;
    return 0;
}

void pool_close(struct pool *pool)
{
    const struct alloc *alloc = &pool->transport->o.alloc;
    if (pool->busy) {
        fprintf(stderr, "virtual: a pool is closed with %u requests in flight\n", pool->busy);
        abort();
    }
    for (struct list *l; (l = list_pop_first(&pool->idle)) != NULL;) {
        struct h1_connection *c = CONTAINER_OF(l, struct h1_connection, link);
        timer_deinit(&c->timer);
        alloc_free(alloc, c->room, c->room_size);
        alloc_free(alloc, c->answer.body, c->answer.body_cap);
        alloc_free(alloc, c, sizeof *c);
    }
    network.pools--;
    pool->transport->pools--;
    alloc_free(alloc, pool, sizeof *pool + pool->url_len);
}

const struct pool_report *pool_report(const struct pool *pool)
{
    return &pool->report;
}

/* --- the transport --- */

int transport_open(struct transport **out, const struct transport_options *o,
                   struct pipepoll_error *why)
{
    struct transport *tp = alloc_new(&o->alloc, sizeof *tp);
    if (!tp)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    tp->o = *o;
    *out = tp;
    return 0;
}

int transport_check_proxy(const struct alloc *alloc, str proxy)
{
    return 0;
}

static void on_closing(struct timer *timer)
{
    struct transport *tp = CONTAINER_OF(timer, struct transport, closing);
    void (*closed)(void *ctx) = tp->closed;
    void *ctx = tp->ctx;
    struct alloc alloc = tp->o.alloc;
    timer_deinit(timer);
    alloc_free(&alloc, tp, sizeof *tp);
    closed(ctx);
}

void transport_close(struct transport *tp, void (*closed)(void *ctx), void *ctx)
{
    tp->closed = closed;
    tp->ctx = ctx;
    if (timer_init(&tp->closing, tp->o.timers, on_closing))
        abort();
    timer_set(&tp->closing, timers_now_ns());
}

static bool waits_for_address(const struct h1_connection *c, const void *ctx)
{
    return c->way.looks_up && c->pool->transport == ctx;
}

void transport_stop_waiting(struct transport *tp)
{
    tp->waits_no_more = true;
    break_all(waits_for_address, tp);
}

struct worker *transport_worker(const struct transport *tp)
{
    return NULL; /* no files, no programs */
}

struct transport_counts transport_counts(const struct transport *tp)
{
    return (struct transport_counts) { .made = tp->connections };
}

struct timers *transport_timers(const struct transport *tp)
{
    return tp->o.timers;
}

const struct alloc *transport_alloc(const struct transport *tp)
{
    return &tp->o.alloc;
}

/* --- io/trust_store.h --- */

int trust_store_new(struct trust_store **out, str ca_bundle, struct pipepoll_error *why)
{
    *out = NULL;
    return 0;
}

struct trust_store *trust_store_free(struct trust_store *store)
{
    return NULL;
}

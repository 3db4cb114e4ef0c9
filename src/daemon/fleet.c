/* SPDX-License-Identifier: MIT */
/* Between the engine's events, the lease's wishes and the loop's timers. The lease is told what
 * happened and given a turn right after, by a timer of no time, for it must not be called from
 * inside its own effects, and so that a burst of events costs one turn. */
#include "daemon/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "daemon/fleet_parts.h"

static const uint64_t ns_per_ms = 1000000, ns_per_s = 1000000000;

uint64_t fleet_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * ns_per_s + (uint64_t)t.tv_nsec;
}

/* --- the lease's turn --- */

static void on_left(uv_timer_t *timer);

static void on_tick(uv_timer_t *timer)
{
    struct fleet *f = timer->data;
    uint64_t now_ns = fleet_now_ns();
    fleet_tell_ended(f);
    uint64_t next_ns = lease_tick(f->lease, now_ns);
    fleet_tell(f, now_ns);
    bool is_more = next_ns <= now_ns || !list_empty(&f->ending) || f->gone_count;
    uint64_t after_ms = is_more ? 0 : (next_ns - now_ns + ns_per_ms - 1) / ns_per_ms;
    uv_timer_start(&f->tick, on_tick, after_ms, 0);
    if (f->is_closing && lease_is_gone(f->lease))
        uv_timer_start(&f->last, on_left, 0, 0);
}

void fleet_kick(struct fleet *f)
{
    uv_timer_start(&f->tick, on_tick, 0, 0);
}

static bool write_lease(void *ctx, str key, str body, bool absent, uint64_t ticket)
{
    struct fleet *f = ctx;
    const struct engine_message m = {
        .log = ENGINE_LEASES, .key = key, .body = body, .absent = absent, .ticket = ticket
    };
    return f->engine->write(f->engine, &m);
}

static void watch_leases(void *ctx)
{
    struct fleet *f = ctx;
    f->engine->watch(f->engine, ENGINE_LEASES, STR(""));
}

static void remove_lease(void *ctx, str key)
{
    struct fleet *f = ctx;
    f->engine->remove(f->engine, ENGINE_LEASES, key);
}

static void start_target(void *ctx, uint64_t target, uint64_t epoch)
{
    fleet_start_target(ctx, target, epoch);
}

static void stop_target(void *ctx, uint64_t target)
{
    fleet_stop_target(ctx, target);
}

static void tell_may_poll(void *ctx)
{
    struct fleet *f = ctx;
    if (f->may_poll)
        f->may_poll(f->may_poll_ctx);
}

/* --- the engine's events --- */

static void log_engine(struct fleet *f, enum engine_state before)
{
    struct engine_stats s;
    f->engine->stats(f->engine, &s);
    if (f->engine_state == ENGINE_READY)
        log_line(&f->log, PIPEPOLL_INFO, "fleet %s: connected to %s (version %s) as member %s",
                 f->o.config->name, s.server, s.version, f->o.config->member);
    else if (f->trouble[0] || before == ENGINE_READY)
        log_line(&f->log, PIPEPOLL_WARNING, "fleet %s: %s", f->o.config->name,
                 f->trouble[0] ? f->trouble : "the connection to its servers is lost");
}

static void on_state(void *ctx, enum engine_state state, str why)
{
    struct fleet *f = ctx;
    enum engine_state before = f->engine_state;
    bool is_told = strlen(f->trouble) == why.len && memcmp(f->trouble, why.ptr, why.len) == 0;
    f->engine_state = state;
    snprintf(f->trouble, sizeof f->trouble, "%.*s", STR_ARG(why));
    if (state != ENGINE_CLOSED && (state != before || !is_told))
        log_engine(f, before);
    lease_engine(f->lease, state == ENGINE_READY, fleet_now_ns());
    for (struct fleet_listener *l = f->listeners; l; l = l->next)
        l->engine(l, state);
    fleet_kick(f);
}

static void on_written(void *ctx, uint64_t ticket, enum engine_result result)
{
    struct fleet *f = ctx;
    for (struct fleet_listener *l = f->listeners; l; l = l->next)
        if (l->written(l, ticket, result))
            return;
    lease_written(f->lease, ticket, result, fleet_now_ns());
    fleet_kick(f);
}

static void on_seen(void *ctx, enum engine_log log, str key, str body, uint64_t sequence)
{
    struct fleet *f = ctx;
    for (struct fleet_listener *l = f->listeners; l; l = l->next)
        if (l->seen)
            l->seen(l, log, key, body);
    if (log != ENGINE_LEASES)
        return;
    lease_seen(f->lease, key, body, sequence, fleet_now_ns());
    fleet_budget_hear(f, key, body);
    fleet_kick(f);
}

static void on_caught_up(void *ctx, enum engine_log log)
{
    struct fleet *f = ctx;
    for (struct fleet_listener *l = f->listeners; l; l = l->next)
        if (l->caught_up)
            l->caught_up(l, log);
    if (log == ENGINE_LEASES)
        lease_caught_up(f->lease, fleet_now_ns());
    fleet_kick(f);
}

static void on_pulled(void *ctx, struct engine_delivery *d, str key, str body, unsigned delivered)
{
    struct fleet *f = ctx;
    for (struct fleet_listener *l = f->listeners; l; l = l->next)
        if (l->pulled && l->pulled(l, d, key, body, delivered))
            return;
    f->engine->give_back(f->engine, d, 0);
}

/* --- the beginning --- */

static int open_lease(struct fleet *f)
{
    struct lease_config c = { .member = str_of(f->o.config->member),
                              .times = f->o.times,
                              .output = { .write = write_lease,
                                          .watch = watch_leases,
                                          .remove = remove_lease,
                                          .start = start_target,
                                          .stop = stop_target,
                                          .may_poll = tell_may_poll,
                                          .ctx = f } };
    if (uv_random(NULL, NULL, &c.incarnation, sizeof c.incarnation, 0, NULL) ||
        uv_random(NULL, NULL, &c.seed, sizeof c.seed, 0, NULL))
        return PIPEPOLL_ESYSTEM;
    c.incarnation |= 1; /* 0 is none */
    int r = lease_open(&f->lease, &c, fleet_now_ns());
    return r ? r : fleet_budget_open(f);
}

int fleet_open(struct fleet **out, const struct fleet_options *o, struct pipepoll_error *why)
{
    struct fleet *f = *out = calloc(1, sizeof *f);
    if (!f)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    f->o = *o;
    f->log = logger_log((struct logger *)(uintptr_t)o->logger);
    f->news = (struct fleet_news) { .log = f->log,
                                    .fleet = o->config->name,
                                    .member = o->config->member };
    f->tick.data = f->budget.data = f->last.data = f;
    list_init(&f->ending);
    uv_timer_init(o->loop, &f->tick);
    uv_timer_init(o->loop, &f->budget);
    uv_timer_init(o->loop, &f->last);
    int r = open_lease(f);
    if (r)
        return explain(why, r, "fleet: %s", pipepoll_strerror(r));
    const struct engine_events events = { .state = on_state,
                                          .written = on_written,
                                          .seen = on_seen,
                                          .caught_up = on_caught_up,
                                          .pulled = on_pulled,
                                          .ctx = f };
    return o->open_engine(o->ctx, &f->engine, &events, why);
}

struct engine *fleet_engine(struct fleet *f)
{
    return f->engine;
}

str fleet_member(const struct fleet *f)
{
    return str_of(f->o.config->member);
}

void fleet_listen(struct fleet *f, struct fleet_listener *l)
{
    l->next = f->listeners;
    f->listeners = l;
}

void fleet_listen_no_more(struct fleet *f, struct fleet_listener *l)
{
    struct fleet_listener **at = &f->listeners;
    while (*at && *at != l)
        at = &(*at)->next;
    if (*at)
        *at = l->next;
}

/* --- how it stands --- */

void fleet_on_may_poll(struct fleet *f, void (*may_poll)(void *ctx), void *ctx)
{
    f->may_poll = may_poll;
    f->may_poll_ctx = ctx;
}

bool fleet_may_poll(const struct fleet *f)
{
    return lease_may_poll(f->lease, fleet_now_ns());
}

void fleet_set_figures(struct fleet *f, double polls_per_s, uint32_t jobs, uint32_t free_slots)
{
    struct pipepoll_versions v = PIPEPOLL_VERSIONS_INIT;
    pipepoll_versions(&v);
    f->figures.polls_milli = (uint64_t)(polls_per_s * 1000);
    f->figures.jobs = jobs;
    f->figures.free_slots = free_slots;
    snprintf(f->figures.version, sizeof f->figures.version, "%s", v.pipepoll);
    lease_set_figures(f->lease, &f->figures);
}

struct lease *fleet_lease(const struct fleet *f)
{
    return f->lease;
}

bool fleet_is_ready(const struct fleet *f)
{
    return f->engine_state == ENGINE_READY;
}

bool fleet_is_drained(const struct fleet *f)
{
    return lease_is_drained(f->lease);
}

/* --- the end --- */

void fleet_leave(struct fleet *f)
{
    if (f->is_leaving)
        return;
    f->is_leaving = true;
    lease_leave(f->lease, fleet_now_ns());
    fleet_kick(f);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct fleet *f = timer->data;
    if (--f->to_close)
        return;
    void (*closed)(void *ctx) = f->closed;
    void *ctx = f->closed_ctx;
    lease_close(f->lease);
    fleet_budget_close(f);
    table_deinit(&f->targets);
    free(f->gone);
    free(f);
    closed(ctx);
}

static void on_engine_closed(void *ctx)
{
    struct fleet *f = ctx;
    f->to_close = 3;
    uv_close((uv_handle_t *)&f->budget, on_timer_closed);
    uv_close((uv_handle_t *)&f->tick, on_timer_closed);
    uv_close((uv_handle_t *)&f->last, on_timer_closed);
}

/* The good-bye was written, or there is no more time for it. */
static void on_left(uv_timer_t *timer)
{
    struct fleet *f = timer->data;
    uv_timer_stop(&f->last);
    uv_timer_stop(&f->tick);
    uv_timer_stop(&f->budget);
    f->is_closing = false;
    if (f->engine)
        f->engine->close(f->engine, FLEET_CLOSE_MS / 2, on_engine_closed, f);
    else
        on_engine_closed(f);
}

void fleet_close(struct fleet *f, void (*closed)(void *ctx), void *ctx)
{
    f->closed = closed;
    f->closed_ctx = ctx;
    bool is_told = f->engine && f->lease;
    if (is_told)
        fleet_leave(f);
    f->is_closing = is_told;
    if (is_told)
        fleet_kick(f); /* it may be gone already */
    uv_timer_start(&f->last, on_left, is_told ? FLEET_CLOSE_MS / 2 : 0, 0);
}

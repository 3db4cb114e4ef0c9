/* SPDX-License-Identifier: MIT */
/* A user of an engine who writes down all that it tells him, and turns the loop until something
 * came. */
#ifndef TESTS_ENGINE_LOG_H
#define TESTS_ENGINE_LOG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "fleet/nats_engine.h"
#include "lib/nats_servers.h"

enum { ENGINE_SEEN_MAX = 256, ENGINE_PATIENT_MS = 30000 };

struct engine_seen {
    enum engine_log log;
    char key[ENGINE_KEY_MAX + 1], body[64];
    uint64_t sequence;
    struct engine_delivery *delivery;
    unsigned delivered;
};

struct engine_user {
    uv_loop_t own, *loop; /* loop: its own, or one that it shares */
    uv_timer_t patience;
    struct engine *engine;
    enum engine_state state;
    char why[512];
    int states, caught_up, written, seen_count, pulled_count, closed;
    uint64_t ticket, last_ticket;
    void (*on_written)(void *ctx, uint64_t ticket, enum engine_result result); /* or NULL */
    enum engine_result results[8192];                                          /* by ticket */
    struct engine_seen seen[ENGINE_SEEN_MAX], pulled[ENGINE_SEEN_MAX];         /* the first ones */
};

static inline void engine_on_state(void *ctx, enum engine_state state, str why)
{
    struct engine_user *u = ctx;
    u->state = state;
    u->states++;
    str_copy(u->why, sizeof u->why, why);
    assert_true((state == ENGINE_READY) == (why.len == 0));
}

static inline void engine_on_written(void *ctx, uint64_t ticket, enum engine_result result)
{
    struct engine_user *u = ctx;
    if (u->on_written) {
        u->on_written(ctx, ticket, result);
        return;
    }
    u->last_ticket = ticket;
    u->written++;
    u->results[ticket % 8192] = result;
}

static inline void engine_on_seen(void *ctx, enum engine_log log, str key, str body, uint64_t seq)
{
    struct engine_user *u = ctx;
    struct engine_seen *s = &u->seen[u->seen_count++ % ENGINE_SEEN_MAX];
    s->log = log;
    s->sequence = seq;
    str_copy(s->key, sizeof s->key, key);
    str_copy(s->body, sizeof s->body, body);
}

static inline void engine_on_caught_up(void *ctx, enum engine_log log)
{
    ((struct engine_user *)ctx)->caught_up++;
}

static inline void engine_on_pulled(void *ctx, struct engine_delivery *d, str key, str body,
                                    unsigned delivered)
{
    struct engine_user *u = ctx;
    struct engine_seen *s = &u->pulled[u->pulled_count++ % ENGINE_SEEN_MAX];
    s->delivery = d;
    s->delivered = delivered;
    str_copy(s->key, sizeof s->key, key);
    str_copy(s->body, sizeof s->body, body);
}

static inline void engine_on_closed(void *ctx)
{
    struct engine_user *u = ctx;
    u->closed++;
    uv_close((uv_handle_t *)&u->patience, NULL);
}

static inline void engine_on_patience(uv_timer_t *t)
{
    struct engine_user *u = t->data;
    fail_msg("nothing came; the engine is in state %d: %s", u->state, u->why);
}

static inline struct nats_options engine_options(const struct nats_servers *s, const char *fleet,
                                                 unsigned replicas)
{
    static const char *urls[NATS_SERVERS];
    for (int i = 0; i < s->count; i++)
        urls[i] = s->at[i].url;
    return (struct nats_options) { .servers = urls,
                                   .server_count = (size_t)s->count,
                                   .fleet = fleet,
                                   .member = "m1",
                                   .replicas = replicas,
                                   .jobs_max_bytes = 1 << 20,
                                   .jobs_max_age_ms = 86400000 };
}

/* u is zeroed, but for a loop that it shares. */
static inline void engine_user_open_with(struct engine_user *u, const struct nats_options *o,
                                         void (*on_state)(void *, enum engine_state, str))
{
    struct pipepoll_error why = { 0 };
    uv_loop_t *shared = u->loop;
    memset(u, 0, sizeof *u);
    u->loop = shared ? shared : &u->own;
    u->state = ENGINE_CLOSED;
    const struct engine_events events = { on_state,         engine_on_written,
                                          engine_on_seen,   engine_on_caught_up,
                                          engine_on_pulled, u };
    if (!shared)
        assert_int_equal(uv_loop_init(u->loop), 0);
    uv_timer_init(u->loop, &u->patience);
    u->patience.data = u;
    if (nats_engine_open(&u->engine, u->loop, o, &events, &why))
        fail_msg("%s", why.text);
}

static inline void engine_user_open(struct engine_user *u, const struct nats_options *o)
{
    engine_user_open_with(u, o, engine_on_state);
}

static inline void engine_user_turn(struct engine_user *u)
{
    uv_timer_start(&u->patience, engine_on_patience, ENGINE_PATIENT_MS, 0);
    uv_run(u->loop, UV_RUN_ONCE);
    uv_timer_stop(&u->patience);
}

static inline void engine_user_written_to(struct engine_user *u,
                                          void (*on_written)(void *, uint64_t, enum engine_result))
{
    u->on_written = on_written;
}

/* Until this counter has come so far. */
static inline void engine_user_until(struct engine_user *u, const int *counter, int least)
{
    uv_update_time(u->loop);
    while (*counter < least)
        engine_user_turn(u);
}

static inline void engine_user_until_state(struct engine_user *u, enum engine_state state)
{
    uv_update_time(u->loop);
    while (u->state != state)
        engine_user_turn(u);
}

/* Turn the loop for so long. */
static inline void engine_user_for(struct engine_user *u, unsigned ms)
{
    uint64_t end = uv_hrtime() + ms * UINT64_C(1000000);
    while (uv_hrtime() < end) {
        uv_run(u->loop, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
}

enum { ENGINE_ABSENT = 1 };

static inline struct engine_message engine_message_of(struct engine_user *u, enum engine_log log,
                                                      const char *key, const char *body, int flags)
{
    return (struct engine_message) { .log = log,
                                     .key = str_of(key),
                                     .body = str_of(body),
                                     .absent = (flags & ENGINE_ABSENT) != 0,
                                     .ticket = ++u->ticket };
}

static inline enum engine_result engine_user_send(struct engine_user *u,
                                                  const struct engine_message *m)
{
    int before = u->written;
    assert_true(u->engine->write(u->engine, m));
    engine_user_until(u, &u->written, before + 1);
    assert_int_equal(u->last_ticket, m->ticket);
    return u->results[m->ticket % 8192];
}

static inline enum engine_result engine_user_write(struct engine_user *u, enum engine_log log,
                                                   const char *key, const char *body, int flags)
{
    const struct engine_message m = engine_message_of(u, log, key, body, flags);
    return engine_user_send(u, &m);
}

static inline void engine_user_close_in(struct engine_user *u, unsigned most_ms)
{
    u->engine->close(u->engine, most_ms, engine_on_closed, u);
    uint64_t end = uv_hrtime() + (most_ms + 5000) * UINT64_C(1000000);
    while (!u->closed && uv_hrtime() < end)
        uv_run(u->loop, UV_RUN_NOWAIT), uv_sleep(1);
    assert_int_equal(u->closed, 1);
    if (u->loop != &u->own)
        return;
    uv_run(u->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(u->loop), 0);
    u->loop = NULL;
}

static inline void engine_user_close(struct engine_user *u)
{
    engine_user_close_in(u, 5000);
}

#endif

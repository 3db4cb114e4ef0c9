/* SPDX-License-Identifier: MIT */
/* The steps: until the log was read; until each member has beaten once more, or had the time to;
 * or, where one is to be drained, the request, its answer, and the beat that says it is so. Each
 * event and each tick looks whether the step has ended. */
#include "cli/fleet_watch.h"

#include <uv.h>

#include "base/log.h"
#include "daemon/fleet_engine.h"
#include "fleet/lease.h"

enum { TICK_MS = 25, CLOSE_MS = 200, COUNT_MS = 1000, TICKET = 1 };

enum step { STEP_CONNECT, STEP_BEATS, STEP_WRITE, STEP_MEMBER, STEP_END };

struct watching {
    const struct fleet_watch_options *o;
    struct fleet_watch *out;
    uv_loop_t loop;
    uv_timer_t tick;
    struct engine *engine;
    enum step step;
    bool is_watching;
    uint64_t until_ms; /* of the loop */
    uint64_t caught_ms;
    uint64_t number, incarnation; /* the member's last beat before it was asked */
    char trouble[256];
};

static void end(struct watching *w, enum fleet_watch_result result)
{
    if (w->step == STEP_END)
        return;
    w->step = STEP_END;
    w->out->result = result;
    w->out->now_ns = uv_hrtime();
    w->engine->stats(w->engine, &w->out->stats);
}

static void fail(struct watching *w, const char *why)
{
    if (w->step == STEP_END)
        return;
    str_copy(w->out->why, sizeof w->out->why, str_of(why));
    end(w, FLEET_WATCH_FAILED);
}

/* --- a member that is to be drained --- */

static void ask_member(struct watching *w)
{
    char key[BEAT_KEY_SIZE], body[BEAT_BODY_SIZE];
    struct buf k = BUF_ON(key), b = BUF_ON(body);
    const struct roster_member *m = roster_find(&w->out->roster, w->o->member);
    if (!m || !roster_is_there(m)) {
        end(w, FLEET_WATCH_NO_MEMBER);
        return;
    }
    w->number = m->number;
    w->incarnation = m->incarnation;
    beat_key_put(&k, &(struct beat_key) { .kind = BEAT_KIND_DRAIN, .member = w->o->member });
    beat_drain_put(&b, !w->o->is_end);
    const struct engine_message message = {
        .log = ENGINE_LEASES, .key = buf_str(&k), .body = buf_str(&b), .ticket = TICKET
    };
    w->step = STEP_WRITE;
    if (!w->engine->write(w->engine, &message))
        fail(w, "the engine takes no message now");
}

static const char *refusal_of(enum engine_result result)
{
    switch (result) {
    case ENGINE_DONE:
    case ENGINE_DUPLICATE:
    case ENGINE_PRESENT:
        break;
    case ENGINE_FULL:
        return "the servers' log of leases is full";
    case ENGINE_NO_RIGHT:
        return "no right to write to the log of leases";
    case ENGINE_UNKNOWN:
        return "the servers did not answer whether they took the request: ask again";
    }
    return NULL;
}

/* Has every member had the time to be heard, and this much more? One that beats as rarely as any
 * may is given one and a half of the time between two beats. */
static bool had_time(const struct watching *w, uint64_t now_ms, uint64_t more_ms)
{
    return now_ms - w->caught_ms >= LEASE_TIMES_DEFAULT.dead_ns / 1000000 * 3 / 8 + more_ms;
}

/* Is it known whether another one takes its part? As soon as one is heard, or all have had the time
 * to be. */
static bool knows_others(const struct watching *w, uint64_t now_ms)
{
    return roster_active(&w->out->roster, w->o->member) || roster_is_complete(&w->out->roster) ||
           had_time(w, now_ms, 0);
}

static bool is_as_asked(const struct watching *w)
{
    const struct roster_member *m = roster_find(&w->out->roster, w->o->member);
    if (m->number == w->number && m->incarnation == w->incarnation)
        return false;
    return w->o->is_end ? m->state != BEAT_DRAINED : m->state == BEAT_DRAINED && !m->held;
}

/* --- steps --- */

static bool is_all_known(struct watching *w, uint64_t now_ms)
{
    struct engine_stats s;
    w->engine->stats(w->engine, &s);
    bool has_beats = roster_is_complete(&w->out->roster) || had_time(w, now_ms, 0);
    return has_beats && (s.jobs_known || had_time(w, now_ms, COUNT_MS));
}

static void look(struct watching *w)
{
    uint64_t now_ms = uv_now(&w->loop);
    if (w->step == STEP_BEATS && is_all_known(w, now_ms))
        end(w, FLEET_WATCH_DONE);
    else if (w->step == STEP_MEMBER &&
             (w->o->is_hasty || (is_as_asked(w) && (w->o->is_end || knows_others(w, now_ms)))))
        end(w, FLEET_WATCH_DONE);
    if (now_ms < w->until_ms)
        return;
    if (w->step == STEP_BEATS)
        end(w, FLEET_WATCH_DONE);
    else if (w->step == STEP_MEMBER)
        end(w, FLEET_WATCH_LATE);
    else
        fail(w, w->trouble[0] ? w->trouble : "the servers do not answer in time");
}

static void on_closed(void *ctx)
{
    struct watching *w = ctx;
    uv_close((uv_handle_t *)&w->tick, NULL);
}

static void on_tick(uv_timer_t *timer)
{
    struct watching *w = timer->data;
    look(w);
    if (w->step != STEP_END)
        return;
    uv_timer_stop(&w->tick);
    w->engine->close(w->engine, CLOSE_MS, on_closed, w);
}

/* --- the engine's events --- */

static void on_state(void *ctx, enum engine_state state, str why)
{
    struct watching *w = ctx;
    str_copy(w->trouble, sizeof w->trouble, why);
    if (state == ENGINE_UNUSABLE)
        fail(w, w->trouble);
    if (state != ENGINE_READY || w->is_watching)
        return;
    w->is_watching = true;
    w->engine->watch(w->engine, ENGINE_LEASES, STR(""));
}

static void on_written(void *ctx, uint64_t ticket, enum engine_result result)
{
    struct watching *w = ctx;
    const char *refusal = refusal_of(result);
    if (ticket != TICKET || w->step != STEP_WRITE)
        return;
    if (refusal)
        fail(w, refusal);
    else
        w->step = STEP_MEMBER;
}

static void on_seen(void *ctx, enum engine_log log, str key, str body, uint64_t sequence)
{
    struct watching *w = ctx;
    if (log == ENGINE_LEASES && w->step != STEP_END &&
        roster_seen(&w->out->roster, key, body, uv_hrtime()))
        fail(w, "out of memory");
}

static void on_caught_up(void *ctx, enum engine_log log)
{
    struct watching *w = ctx;
    if (log != ENGINE_LEASES || w->step != STEP_CONNECT)
        return;
    roster_caught_up(&w->out->roster);
    w->caught_ms = uv_now(&w->loop);
    w->out->began_ns = uv_hrtime();
    if (w->o->member.len)
        ask_member(w);
    else
        w->step = STEP_BEATS;
}

static void on_pulled(void *ctx, struct engine_delivery *d, str key, str body, unsigned delivered)
{
    struct watching *w = ctx;
    w->engine->give_back(w->engine, d, 0);
}

/* --- all of it --- */

static void run(struct watching *w)
{
    struct pipepoll_error why = { .text = "" };
    const struct engine_events events = { .state = on_state,
                                          .written = on_written,
                                          .seen = on_seen,
                                          .caught_up = on_caught_up,
                                          .pulled = on_pulled,
                                          .ctx = w };
    w->until_ms = uv_now(&w->loop) + w->o->timeout_ms;
    if (fleet_engine_open_guest(&w->engine, &w->loop, w->o->config, &events, &why)) {
        w->out->result = FLEET_WATCH_FAILED;
        str_copy(w->out->why, sizeof w->out->why, str_of(why.text));
        return;
    }
    w->tick.data = w;
    uv_timer_init(&w->loop, &w->tick);
    uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

void fleet_watch(struct fleet_watch *out, const struct fleet_watch_options *o)
{
    struct watching w = { .o = o, .out = out };
    *out = (struct fleet_watch) { .result = FLEET_WATCH_FAILED };
    if (uv_loop_init(&w.loop)) {
        str_copy(out->why, sizeof out->why, STR("the system has no more descriptors"));
        return;
    }
    run(&w);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    uv_loop_close(&w.loop);
}

void fleet_watch_deinit(struct fleet_watch *w)
{
    roster_deinit(&w->roster);
}

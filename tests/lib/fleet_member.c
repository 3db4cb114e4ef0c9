/* SPDX-License-Identifier: MIT */
/* A member: the leases between an engine and something that polls, as the daemon has them. */
#include <assert.h>

#include "lib/chance.h"
#include "lib/fleet_sim.h"

#define MS UINT64_C(1000000)
enum { POLL_MS = 250, POLL_TAKES_MS = 80 };

/* --- its clock --- */

static uint64_t clock_of(const struct fleet_member *m)
{
    uint64_t passed_ns = fake_now(m->sim->fake) - m->born_ns;
    return m->offset_ns + (uint64_t)((double)passed_ns * m->rate);
}

static void on_timer(void *ctx, const void *data);

/* What the loop does before it sleeps. */
static void tick(struct fleet_member *m)
{
    uint64_t now_ns = clock_of(m);
    if (!m->lease)
        return;
    uint64_t next_ns = lease_tick(m->lease, now_ns);
    uint64_t wait_ns = (uint64_t)((double)(next_ns - now_ns) / m->rate) + 1;
    m->timer++;
    fake_at(m->sim->fake, fake_now(m->sim->fake) + wait_ns, m->owner, on_timer, m, &m->timer,
            sizeof m->timer);
    if (m->is_leaving && lease_is_gone(m->lease))
        fleet_crash(m); /* its process ends */
}

static void on_timer(void *ctx, const void *data)
{
    struct fleet_member *m = ctx;
    uint64_t timer;
    memcpy(&timer, data, sizeof timer);
    if (timer == m->timer)
        tick(m);
}

/* --- polls --- */

struct poll_event {
    uint64_t serial;
    uint32_t target;
};

static void on_poll(void *ctx, const void *data);

static void plan_poll(struct fleet_member *m, uint32_t target, uint64_t after_ns)
{
    struct poll_event e = { m->polls[target].serial, target };
    fake_at(m->sim->fake, fake_now(m->sim->fake) + after_ns, m->owner, on_poll, m, &e, sizeof e);
}

static void on_poll_ended(void *ctx, const void *data)
{
    struct fleet_member *m = ctx;
    struct poll_event e;
    memcpy(&e, data, sizeof e);
    struct fleet_poll *p = &m->polls[e.target];
    if (!m->lease)
        return;
    p->is_in_flight = false;
    if (p->is_on) {
        plan_poll(m, e.target, POLL_MS * MS);
        return;
    }
    lease_ended(m->lease, m->sim->targets[e.target].hash, clock_of(m));
    tick(m);
}

static void on_poll(void *ctx, const void *data)
{
    struct fleet_member *m = ctx;
    struct poll_event e;
    memcpy(&e, data, sizeof e);
    struct fleet_poll *p = &m->polls[e.target];
    if (!m->lease || !p->is_on || p->serial != e.serial)
        return;
    if (!lease_may_poll(m->lease, clock_of(m))) {
        p->is_refused = true;
        return;
    }
    fleet_polled(m, e.target, p->epoch);
    p->is_in_flight = true;
    uint64_t takes_ns = (uint64_t)between(fake_rng(m->sim->fake), 1, POLL_TAKES_MS) * MS;
    fake_at(m->sim->fake, fake_now(m->sim->fake) + takes_ns, m->owner, on_poll_ended, m, &e,
            sizeof e);
}

/* --- what the leases ask for --- */

static uint32_t index_of(const struct fleet_sim *s, uint64_t hash)
{
    uint32_t i = 0;
    while (s->targets[i].hash != hash)
        i++;
    return i;
}

static bool out_write(void *ctx, str key, str body, bool absent, uint64_t ticket)
{
    struct fleet_member *m = ctx;
    return m->engine->write(
        m->engine,
        &(struct engine_message) {
            .log = ENGINE_LEASES, .key = key, .body = body, .absent = absent, .ticket = ticket });
}

static void out_watch(void *ctx)
{
    struct fleet_member *m = ctx;
    m->engine->watch(m->engine, ENGINE_LEASES, STR(""));
}

static void out_remove(void *ctx, str key)
{
    struct fleet_member *m = ctx;
    m->engine->remove(m->engine, ENGINE_LEASES, key);
}

static void out_start(void *ctx, uint64_t target, uint64_t epoch)
{
    struct fleet_member *m = ctx;
    uint32_t i = index_of(m->sim, target);
    struct fleet_poll *p = &m->polls[i];
    if (p->is_on || p->is_in_flight)
        fleet_break(m->sim, "%s starts target %u, which it has not ended", m->id, i);
    p->is_on = true;
    p->is_refused = false;
    p->epoch = epoch;
    p->serial++;
    plan_poll(m, i, MS);
}

static void out_stop(void *ctx, uint64_t target)
{
    struct fleet_member *m = ctx;
    uint32_t i = index_of(m->sim, target);
    struct fleet_poll *p = &m->polls[i];
    struct poll_event e = { p->serial, i };
    if (!p->is_on)
        fleet_break(m->sim, "%s stops target %u, which does not run", m->id, i);
    p->is_on = false;
    if (!p->is_in_flight)
        fake_at(m->sim->fake, fake_now(m->sim->fake), m->owner, on_poll_ended, m, &e, sizeof e);
}

static void out_may_poll(void *ctx)
{
    struct fleet_member *m = ctx;
    for (uint32_t i = 0; i < m->sim->plan.targets; i++) {
        struct fleet_poll *p = &m->polls[i];
        if (p->is_refused && p->is_on)
            plan_poll(m, i, MS);
        p->is_refused = false;
    }
}

/* --- what the engine tells --- */

static void on_state(void *ctx, enum engine_state state, str why)
{
    struct fleet_member *m = ctx;
    lease_engine(m->lease, state == ENGINE_READY, clock_of(m));
    tick(m);
}

static void on_written(void *ctx, uint64_t ticket, enum engine_result result)
{
    struct fleet_member *m = ctx;
    lease_written(m->lease, ticket, result, clock_of(m));
    tick(m);
}

static void on_seen(void *ctx, enum engine_log log, str key, str body, uint64_t sequence)
{
    struct fleet_member *m = ctx;
    lease_seen(m->lease, key, body, sequence, clock_of(m));
    tick(m);
}

static void on_caught_up(void *ctx, enum engine_log log)
{
    struct fleet_member *m = ctx;
    lease_caught_up(m->lease, clock_of(m));
    tick(m);
}

/* --- its life --- */

static void give_targets(struct fleet_member *m)
{
    uint64_t hashes[FLEET_TARGETS];
    size_t count = 0;
    for (uint32_t i = 0; i < m->sim->plan.targets; i++)
        if (m->sim->catalogues[m->catalogue] >> i & 1)
            hashes[count++] = m->sim->targets[i].hash;
    int r = lease_set_targets(m->lease, hashes, count, clock_of(m));
    assert(!r);
}

void fleet_start(struct fleet_member *m, int catalogue)
{
    struct fleet_sim *s = m->sim;
    struct rng *rng = fake_rng(s->fake);
    m->is_fast = s->plan.is_mixed ? rng_next(rng) & 1 : s->plan.is_fast;
    struct lease_config config = { .member = str_of(m->id),
                                   .incarnation = rng_next(rng) | 1,
                                   .times = m->is_fast ? LEASE_TIMES_FAST : LEASE_TIMES_DEFAULT,
                                   .seed = rng_next(rng),
                                   .output = { out_write, out_watch, out_remove, out_start,
                                               out_stop, out_may_poll, m } };
    struct engine_events events = { .state = on_state,
                                    .written = on_written,
                                    .seen = on_seen,
                                    .caught_up = on_caught_up,
                                    .ctx = m };
    struct fake_member line = s->line;
    m->rate = between(rng, 0.99, 1.01);
    m->born_ns = fake_now(s->fake);
    m->offset_ns = (uint64_t)(between(rng, 1, 1000) * 1e9);
    m->catalogue = catalogue;
    m->is_cut = m->is_stopped = m->is_leaving = false;
    m->stopped_ns = m->continued_ns = 0;
    memset(m->polls, 0, sizeof m->polls);
    int r = lease_open(&m->lease, &config, clock_of(m));
    assert(!r);
    give_targets(m);
    line.owner = m->owner = fake_owner_new(s->fake);
    m->engine = fake_join(s->fake, &line, &events);
    tick(m);
}

void fleet_crash(struct fleet_member *m)
{
    struct lease_summary sum;
    lease_summary(m->lease, &sum);
    m->sim->numbers.claims += sum.claims;
    m->sim->numbers.lost_claims += sum.lost_claims;
    m->sim->numbers.fences += sum.fences;
    fake_kill(m->sim->fake, m->owner);
    lease_close(m->lease);
    m->lease = NULL;
}

void fleet_leave(struct fleet_member *m)
{
    m->is_leaving = true;
    lease_leave(m->lease, clock_of(m));
    tick(m);
}

void fleet_stop(struct fleet_member *m)
{
    m->is_stopped = true;
    m->stopped_ns = fake_now(m->sim->fake);
    fake_stop(m->sim->fake, m->owner);
}

void fleet_cont(struct fleet_member *m)
{
    m->is_stopped = false;
    m->continued_ns = fake_now(m->sim->fake);
    fake_cont(m->sim->fake, m->owner);
}

void fleet_cut(struct fleet_member *m, bool is_cut)
{
    m->is_cut = is_cut;
    fake_cut(m->engine, is_cut);
}

void fleet_drain(struct fleet_member *m, bool is_drained)
{
    char key[32], body[64];
    struct buf k = BUF_ON(key), b = BUF_ON(body);
    m->is_drained = is_drained;
    beat_key_put(&k, &(struct beat_key) { BEAT_KIND_DRAIN, .member = str_of(m->id) });
    beat_drain_put(&b, is_drained);
    fake_put(m->sim->fake, ENGINE_LEASES, buf_str(&k), buf_str(&b));
}

void fleet_reload(struct fleet_member *m, int catalogue)
{
    m->catalogue = catalogue;
    give_targets(m);
    tick(m);
}

bool fleet_is_well(const struct fleet_member *m)
{
    return m->lease && !m->is_cut && !m->is_stopped && !m->is_drained && !m->is_leaving;
}

/* SPDX-License-Identifier: MIT */
/* What must hold, from the polls alone: who polled what, under which epoch, and when. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "aws/digest.h"
#include "fleet/rendezvous.h"
#include "lib/fleet_sim.h"
#include "lib/lease_look.h"

#define MS     UINT64_C(1000000)
#define S      UINT64_C(1000000000)
#define NOBODY UINT32_MAX

void fleet_break(struct fleet_sim *s, const char *format, ...)
{
    va_list list;
    if (s->broken[0])
        return;
    int n = snprintf(s->broken, sizeof s->broken, "t=%.3f s: ", (double)fake_now(s->fake) / 1e9);
    va_start(list, format);
    vsnprintf(s->broken + n, sizeof s->broken - (size_t)n, format, list);
    va_end(list);
}

/* --- who it belongs to --- */

static uint64_t hash_of(str id)
{
    struct sha256 digest;
    uint64_t hash = 0;
    sha256(&digest, id);
    for (int i = 0; i < 8; i++)
        hash = hash << 8 | digest.bytes[i];
    return hash;
}

static uint32_t owner_of(const struct fleet_sim *s, uint32_t target)
{
    uint32_t best = NOBODY;
    uint64_t most = 0;
    for (uint32_t i = 0; i < s->plan.members; i++) {
        const struct fleet_member *m = &s->members[i];
        if (!fleet_is_well(m) || s->is_away || !(s->catalogues[m->catalogue] >> target & 1))
            continue;
        uint64_t weight = rendezvous_weight(hash_of(str_of(m->id)), s->targets[target].hash);
        if (best == NOBODY || weight > most) {
            best = i;
            most = weight;
        }
    }
    return best;
}

void fleet_expect(struct fleet_sim *s)
{
    for (uint32_t i = 0; i < s->plan.targets; i++) {
        uint32_t owner = owner_of(s, i);
        if (s->targets[i].expected == NOBODY)
            s->targets[i].covered_ns = fake_now(s->fake);
        s->targets[i].expected = owner;
    }
}

/* --- unpolled for too long --- */

static uint64_t bound_of(const struct fleet_sim *s, enum fleet_calm kind)
{
    switch (kind) {
    case FLEET_CHANGE:
    case FLEET_STEADY:
        return 600 * MS;
    case FLEET_CRASH:
        return s->plan.is_fast ? 3 * S : 11 * S;
    case FLEET_HEALED:
        return 3 * s->times.dead_ns + 20 * S;
    }
    return 0;
}

void fleet_calm(struct fleet_sim *s, enum fleet_calm kind)
{
    s->calm_ns = fake_now(s->fake);
    s->calm = kind;
}

static void look_at(struct fleet_sim *s, uint32_t i)
{
    struct fleet_target *t = &s->targets[i];
    uint64_t now_ns = fake_now(s->fake), bound_ns = bound_of(s, s->calm);
    enum fleet_calm kind = s->calm;
    if (!s->calm_ns || t->expected == NOBODY)
        return;
    if (now_ns > s->calm_ns + bound_ns + bound_of(s, FLEET_STEADY)) {
        kind = FLEET_STEADY;
        bound_ns = bound_of(s, FLEET_STEADY);
    }
    if (now_ns < t->covered_ns + bound_of(s, FLEET_HEALED)) {
        kind = FLEET_HEALED; /* nobody had it before */
        bound_ns = bound_of(s, FLEET_HEALED);
    }
    uint64_t gap_ns = now_ns - (t->polled_ns > s->calm_ns ? t->polled_ns : s->calm_ns);
    if (gap_ns > s->numbers.gap_ns[kind])
        s->numbers.gap_ns[kind] = gap_ns;
    if (gap_ns > bound_ns)
        fleet_break(s, "target %u of member %u is unpolled for %.3f s (kind %d)", i, t->expected,
                    (double)gap_ns / 1e9, (int)kind);
}

void fleet_look(struct fleet_sim *s)
{
    for (uint32_t i = 0; i < s->plan.targets; i++)
        look_at(s, i);
}

/* --- who polls --- */

static uint64_t process_of(const struct fleet_member *m)
{
    return m->born_ns * FLEET_MEMBERS + m->index;
}

/* A newer epoch was polled before. */
static void superseded(struct fleet_member *m, uint32_t i, uint64_t epoch)
{
    struct fleet_sim *s = m->sim;
    const struct fleet_target *t = &s->targets[i];
    uint64_t since_ns = fake_now(s->fake) - t->epoch_ns;
    bool slept = m->continued_ns - m->stopped_ns > s->times.dead_ns / 2 &&
                 t->epoch_ns > m->stopped_ns && t->epoch_ns <= m->continued_ns;
    s->numbers.overlaps++;
    if (m->is_fast && !slept && since_ns < LEASE_TIMES_FAST.fence_ns - LEASE_TIMES_FAST.dead_ns + S)
        return;
    fleet_break(s, "%s polls target %u by epoch %" PRIu64 ", %.3f s after the first of %" PRIu64,
                m->id, i, epoch, (double)since_ns / 1e9, t->epoch);
}

void fleet_forget_epochs(struct fleet_sim *s)
{
    for (uint32_t i = 0; i < s->plan.targets; i++) {
        s->targets[i].epoch = 0;
        memset(s->targets[i].by, 0, sizeof s->targets[i].by);
    }
}

static void took(struct fleet_member *m, struct fleet_target *t)
{
    t->moves += t->poller != m->index;
    t->poller = m->index;
    t->polled_ns = fake_now(m->sim->fake);
}

void fleet_polled(struct fleet_member *m, uint32_t target, uint64_t epoch)
{
    struct fleet_sim *s = m->sim;
    struct fleet_target *t = &s->targets[target];
    uint64_t process = process_of(m);
    look_at(s, target);
    s->numbers.polls++;
    if (s->is_lost) {
        took(m, t);
        return;
    }
    if (t->by[epoch % FLEET_EPOCHS].epoch == epoch &&
        t->by[epoch % FLEET_EPOCHS].process != process)
        fleet_break(s, "epoch %" PRIu64 " of target %u is polled by two", epoch, target);
    t->by[epoch % FLEET_EPOCHS].epoch = epoch;
    t->by[epoch % FLEET_EPOCHS].process = process;
    if (epoch < t->epoch) {
        superseded(m, target, epoch);
        return;
    }
    if (epoch > t->epoch)
        t->epoch_ns = fake_now(s->fake);
    t->epoch = epoch;
    took(m, t);
}

/* --- in the end --- */

static void settled(struct fleet_sim *s, uint32_t i)
{
    const struct fleet_target *t = &s->targets[i];
    struct lease_target_view view;
    for (uint32_t k = 0; k < s->plan.members; k++) {
        const struct fleet_member *m = &s->members[k];
        if (!fleet_is_well(m) || s->is_away)
            continue;
        bool holds = lease_find(m->lease, t->hash, &view) && view.is_ours;
        if (holds != (k == t->expected))
            fleet_break(s, "target %u belongs to member %u, and %s %s it", i, t->expected, m->id,
                        holds ? "holds" : "does not hold");
    }
    if (t->expected != NOBODY && t->poller != t->expected)
        fleet_break(s, "target %u belongs to member %u, and %u polls it", i, t->expected,
                    t->poller);
}

void fleet_settled(struct fleet_sim *s)
{
    for (uint32_t i = 0; i < s->plan.targets; i++)
        settled(s, i);
}

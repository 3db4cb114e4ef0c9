/* SPDX-License-Identifier: MIT */
/* The fleet as this member sees it, for status: from the lease's view, from the beats of the others
 * and from the engine's figures. How long targets are without a holder is measured here, from one
 * look to the next. */
#include <stdio.h>

#include "daemon/fleet_parts.h"
#include "status/status.h"

enum { NS_PER_MS = 1000000 };

static enum status_standing standing_of(enum beat_state state)
{
    switch (state) {
    case BEAT_WAIT:
        return STATUS_MEMBER_JOINING;
    case BEAT_HI:
        return STATUS_MEMBER_ACTIVE;
    case BEAT_BYE:
        return STATUS_MEMBER_LEAVING;
    case BEAT_DRAINED:
        break;
    }
    return STATUS_MEMBER_DRAINED;
}

/* Behind the region, which is the first word of a key. */
static void unworked_type(char *out, size_t size, const struct engine_stats *s)
{
    str key = str_of(s->unworked_key);
    size_t region = str_find(key, '.');
    str_copy(out, size, region < key.len ? str_skip(key, region + 1) : key);
}

static void fill_engine(struct fleet *f, struct status_fleet *out)
{
    struct engine_stats stats = { .state = ENGINE_AWAY };
    if (f->engine)
        f->engine->stats(f->engine, &stats);
    out->engine = f->engine_state == ENGINE_READY      ? STATUS_ENGINE_READY
                  : f->engine_state == ENGINE_UNUSABLE ? STATUS_ENGINE_UNUSABLE
                                                       : STATUS_ENGINE_AWAY;
    snprintf(out->trouble, sizeof out->trouble, "%s", f->trouble);
    snprintf(out->server, sizeof out->server, "%s", stats.server);
    snprintf(out->server_version, sizeof out->server_version, "%s", stats.version);
    out->reconnects = stats.reconnects;
    out->jobs_waiting = stats.jobs_waiting;
    out->jobs_out = stats.jobs_out;
    out->jobs_unworked = stats.jobs_unworked;
    unworked_type(out->unworked_type, sizeof out->unworked_type, &stats);
}

static void fill_lease(struct fleet *f, struct status_fleet *out, uint64_t now_ns)
{
    struct lease_summary l;
    lease_summary(f->lease, &l);
    out->standing = standing_of(l.state);
    out->is_fenced = l.is_fenced;
    out->is_duplicate = l.is_duplicate;
    out->targets = l.targets;
    out->held = l.held;
    out->unheld = l.unheld;
    out->alive = l.members;
    out->claims = l.claims;
    out->lost_claims = l.lost_claims;
    out->fences = l.fences;
    out->moves = l.moves;
    out->unreadable = l.unreadable;
    if (!l.unheld || !f->unheld_ns)
        f->unheld_ns = l.unheld ? now_ns : 0;
    out->unheld_ms = f->unheld_ns ? (int64_t)((now_ns - f->unheld_ns) / NS_PER_MS) : 0;
    /* By the lease's promise: silence, the next beats and the claim. */
    out->takeover_ms = (int64_t)(f->o.times.dead_ns * 2 / NS_PER_MS);
}

static void fill_member(struct status_member *to, const struct lease_member *m)
{
    *to = (struct status_member) { .standing =
                                       m->is_dead ? STATUS_MEMBER_DEAD : standing_of(m->state),
                                   .is_self = m->is_self,
                                   .silent_ms = (int64_t)(m->age_ns / NS_PER_MS),
                                   .held = m->held };
    snprintf(to->name, sizeof to->name, "%.*s", STR_ARG(m->id));
    if (!m->figures)
        return;
    to->polls_per_s = (double)m->figures->polls_milli / 1000;
    to->jobs = m->figures->jobs;
    to->free_slots = m->figures->free_slots;
    snprintf(to->version, sizeof to->version, "%s", m->figures->version);
}

/* Those that are there, or should be: not who has left, nor a process that another one of its name
 * came after. */
static bool next_member(const struct fleet *f, size_t *at, uint64_t now_ns,
                        struct lease_member *out)
{
    while (lease_next_member(f->lease, at, now_ns, out))
        if (!out->is_superseded && !(out->is_dead && out->state == BEAT_BYE))
            return true;
    return false;
}

static size_t count_members(const struct fleet *f, uint64_t now_ns)
{
    struct lease_member m;
    size_t count = 0;
    for (size_t at = 0; count < STATUS_MEMBERS_MAX && next_member(f, &at, now_ns, &m);)
        count++;
    return count;
}

/* The room of an earlier look is used again, for a status may be filled many times. */
static void fill_members(const struct fleet *f, struct status *s, uint64_t now_ns)
{
    struct status_fleet *out = &s->fleet;
    size_t count = count_members(f, now_ns);
    if (count > out->member_cap) {
        size_t cap = count < STATUS_MEMBERS_MAX / 2 ? 2 * count : STATUS_MEMBERS_MAX;
        out->members = status_array(s, cap, sizeof *out->members);
        out->member_cap = out->members ? cap : 0;
    }
    struct lease_member m;
    size_t most = count < out->member_cap ? count : out->member_cap, at = 0;
    out->member_count = 0;
    while (out->member_count < most && next_member(f, &at, now_ns, &m))
        fill_member(&out->members[out->member_count++], &m);
}

void fleet_fill_status(struct fleet *f, struct status *s)
{
    uint64_t now_ns = fleet_now_ns();
    s->fleet.is_in = true;
    s->fleet.polls = f->o.config->polls;
    s->fleet.name = str_of(f->o.config->name);
    s->fleet.member = str_of(f->o.config->member);
    fill_engine(f, &s->fleet);
    if (!f->lease)
        return;
    fill_lease(f, &s->fleet, now_ns);
    fill_members(f, s, now_ns);
}

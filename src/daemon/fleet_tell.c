/* SPDX-License-Identifier: MIT */
/* What the lease says of this member and of the others, as fleet_news.h wants to see it. */
#include "config/fleet_config.h"
#include "daemon/fleet_parts.h"

enum { LOOK_MS = 500, NS_PER_MS = 1000000 };

static enum fleet_peer_state state_of(const struct lease_member *m)
{
    if (m->state == BEAT_BYE)
        return FLEET_PEER_LEFT;
    if (m->is_dead)
        return FLEET_PEER_DEAD;
    switch (m->state) {
    case BEAT_HI:
        return FLEET_PEER_ACTIVE;
    case BEAT_DRAINED:
        return FLEET_PEER_DRAINED;
    case BEAT_WAIT:
    case BEAT_BYE:
        break;
    }
    return FLEET_PEER_WAITS;
}

/* A process that has our name, and beats beside us. One that was here before we joined does not,
 * for we waited for that. */
static bool is_twin(const struct fleet *f, const struct lease_member *m, uint64_t now_ns)
{
    return !m->is_self && m->state != BEAT_BYE && f->in_ns &&
           now_ns - f->in_ns > f->o.times.dead_ns && m->age_ns < m->patience_ns / 2 &&
           str_eq(m->id, str_of(f->o.config->member));
}

static size_t gather(struct fleet *f, uint64_t now_ns, bool *has_twin)
{
    struct lease_member m;
    size_t count = 0, at = 0;
    for (size_t looked = 0; looked < 2 * FLEET_NEWS_PEERS; looked++) {
        if (!lease_next_member(f->lease, &at, now_ns, &m))
            break;
        struct fleet_peer peer = { .state = state_of(&m),
                                   .held = m.held,
                                   .silent_ms = m.age_ns / NS_PER_MS };
        str_copy(peer.id, sizeof peer.id, m.id);
        *has_twin = *has_twin || is_twin(f, &m, now_ns);
        if (!m.is_self && !m.is_superseded && !str_eq(m.id, str_of(f->o.config->member)))
            fleet_news_put_peer(f->seen, &count, &peer);
    }
    return count;
}

void fleet_tell(struct fleet *f, uint64_t now_ns)
{
    struct lease_standing s;
    if (now_ns < f->told_ns + LOOK_MS * (uint64_t)NS_PER_MS || f->is_leaving)
        return;
    f->told_ns = now_ns;
    lease_standing(f->lease, &s);
    f->in_ns = s.state != BEAT_HI ? 0 : f->in_ns ? f->in_ns : now_ns;
    bool has_twin = false;
    size_t count = gather(f, now_ns, &has_twin);
    const struct fleet_look look = { .state = s.state,
                                     .is_ready = f->engine_state == ENGINE_READY,
                                     .is_fenced = s.is_fenced,
                                     .is_duplicate = s.is_duplicate,
                                     .has_twin = has_twin,
                                     .log_losses = s.log_losses,
                                     .targets = s.targets,
                                     .held = s.held,
                                     .peers = f->seen,
                                     .peer_count = count,
                                     .now_ms = (int64_t)(now_ns / NS_PER_MS) };
    fleet_news_look(&f->news, &look);
}

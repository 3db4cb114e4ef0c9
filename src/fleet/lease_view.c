/* SPDX-License-Identifier: MIT */
/* The members as the log shows them. An entry is one process of a member; a process that says `hi`
 * ends the claims of earlier ones of its name. Silence is counted only while our own view keeps up:
 * from the later of a member's last beat and the moment at which our own beats came back again. */
#include "fleet/lease_inside.h"
#include "fleet/rendezvous.h"

/* --- what counts --- */

static bool is_self(const struct lease *l, const struct lease_entry *e)
{
    return e == lease_self(l);
}

static bool has_our_name(const struct lease *l, const struct lease_entry *e)
{
    return !is_self(l, e) && str_eq(str_of(e->id), str_of(l->member));
}

bool lease_is_candidate(const struct lease_entry *e)
{
    return e->has_beat && e->state == BEAT_HI && !lease_is_over(e);
}

bool lease_is_fresh(const struct lease *l, uint64_t now_ns)
{
    return l->has_view && l->backs && now_ns < l->back_sent_ns + l->config.times.dead_ns;
}

bool lease_is_void(const struct lease *l, const struct lease_entry *e, uint64_t sequence,
                   uint64_t now_ns)
{
    if (lease_is_over(e))
        return true;
    if (!e->idle_sequence || sequence > e->idle_sequence || is_self(l, e))
        return false;
    return e->state == BEAT_BYE || now_ns >= e->idle_ns + l->config.times.dead_ns;
}

bool lease_knows_the_living(const struct lease *l)
{
    for (uint32_t i = 0; i < l->entry_slots; i++) {
        const struct lease_entry *e = l->entries[i];
        if (e && !is_self(l, e) && lease_is_candidate(e) && e->seen_ns <= l->view_since_ns)
            return false;
    }
    return true;
}

bool lease_has_forerunner(const struct lease *l)
{
    for (uint32_t i = 0; i < l->entry_slots; i++) {
        const struct lease_entry *e = l->entries[i];
        if (e && has_our_name(l, e) && !lease_is_over(e) && (!e->has_beat || e->state != BEAT_BYE))
            return true;
    }
    return false;
}

/* --- a beat --- */

/* A beat of ours is back: all that the log had before it has been seen. */
static void own_beat_back(struct lease *l, uint64_t number, uint64_t now_ns)
{
    if (number > l->beats || number + LEASE_BEATS <= l->beats)
        return; /* so old that nothing can be said */
    uint64_t sent_ns = l->beat_sent_ns[number % LEASE_BEATS];
    if (now_ns - l->back_ns > l->config.times.dead_ns / 2)
        l->view_since_ns = now_ns;
    if (sent_ns > l->back_sent_ns)
        l->back_sent_ns = sent_ns;
    if (!l->backs++)
        l->first_back_ns = now_ns;
    l->back_ns = now_ns;
    l->watch_doubts = 0;
    if (l->doubted_ns && l->back_sent_ns >= l->doubted_ns) {
        l->acked_ns = l->doubted_last_ns;
        l->doubted_ns = 0;
        lease_move_fence(l);
    }
}

static void supersede_others(struct lease *l, struct lease_entry *newer)
{
    for (uint32_t i = 0; i < l->entry_slots; i++) {
        struct lease_entry *e = l->entries[i];
        if (e && e != newer && e->hash == newer->hash && !e->is_superseded) {
            e->is_superseded = true;
            l->is_placement_stale = true;
        }
    }
    newer->is_superseded = false;
}

/* Since when it says that it has nothing and takes nothing. */
static void note_idle(struct lease *l, struct lease_entry *e, uint64_t sequence, uint64_t now_ns)
{
    bool is_idle = !e->held && e->state != BEAT_HI;
    if (!is_idle) {
        e->idle_sequence = 0;
    } else if (!e->idle_sequence) {
        e->idle_sequence = sequence;
        e->idle_ns = now_ns;
        e->is_idle_told = false;
    }
    if (is_idle && e->state == BEAT_BYE && !e->is_idle_told) {
        e->is_idle_told = true;
        lease_sweep_all(l);
    }
}

/* Who beats more rarely than we do is not dead sooner for it: members may differ while a fleet
 * changes its times, one by one. None has slower times than the default ones. */
static uint64_t patience_with(const struct lease *l, const struct beat *b)
{
    uint64_t own_ns = l->config.times.dead_ns, most_ns = LEASE_TIMES_DEFAULT.dead_ns;
    uint64_t its_ns = most_ns;
    if (b->every_ms && b->every_ms < most_ns / LEASE_BEATS_OF_LIFE / 1000000)
        its_ns = b->every_ms * LEASE_BEATS_OF_LIFE * 1000000;
    return its_ns > own_ns ? its_ns : own_ns;
}

static void take_over(struct lease *l, struct lease_entry *e, const struct beat *b,
                      uint64_t sequence, uint64_t now_ns)
{
    e->has_beat = true;
    e->state = b->state;
    e->catalogue = b->catalogue;
    e->held = b->held;
    e->patience_ns = patience_with(l, b);
    e->figures = b->figures;
    e->sequence = sequence;
    e->seen_ns = now_ns;
    e->backs = l->backs;
    e->is_dead = e->is_removed = false;
    note_idle(l, e, sequence, now_ns);
    struct lease_catalogue *c = lease_catalogue_find(l, b->catalogue);
    if (c)
        c->named_ns = now_ns;
}

/* Another process of our name beats after we did: who says `hi` stays; if both do or neither, the
 * greater incarnation. */
static void meet_double(struct lease *l, const struct lease_entry *e, uint64_t now_ns)
{
    bool is_hi = l->state == BEAT_HI, is_other_hi = e->state == BEAT_HI;
    bool yields = is_hi == is_other_hi ? l->config.incarnation < e->incarnation : is_other_hi;
    if (yields && l->own_sequence && e->sequence > l->own_sequence && e->state != BEAT_BYE)
        l->duplicate_until_ns = now_ns + e->patience_ns;
}

static void on_beat(struct lease *l, struct lease_entry *e, const struct beat *b, uint64_t sequence,
                    uint64_t now_ns)
{
    bool was_candidate = lease_is_candidate(e);
    uint64_t catalogue = e->catalogue;
    take_over(l, e, b, sequence, now_ns);
    if (e->state == BEAT_HI)
        supersede_others(l, e);
    if (is_self(l, e)) {
        l->own_sequence = sequence;
        own_beat_back(l, b->number, now_ns);
    } else if (has_our_name(l, e)) {
        meet_double(l, e, now_ns);
    }
    if (lease_is_candidate(e) != was_candidate || catalogue != e->catalogue)
        l->is_placement_stale = true;
    if (b->missing && b->missing == l->digest && !l->publish_left &&
        now_ns >= l->published_ns + l->config.times.dead_ns)
        lease_publish(l, now_ns);
}

void lease_view_beat(struct lease *l, str id, str body, uint64_t sequence, uint64_t now_ns)
{
    struct beat b;
    if (beat_read(&b, body) != BEAT_OK || !str_eq(b.member, id)) {
        l->unreadable++;
        return;
    }
    struct lease_entry *e = lease_entry_of(l, id, b.incarnation, now_ns);
    if (e && is_self(l, e))
        lease_log_beat(l, &b, sequence, now_ns);
    if (e && sequence > e->sequence)
        on_beat(l, e, &b, sequence, now_ns);
}

/* --- the dead --- */

static uint64_t silent_since(const struct lease *l, const struct lease_entry *e)
{
    return e->seen_ns > l->view_since_ns ? e->seen_ns : l->view_since_ns;
}

/* When to look again. */
static uint64_t look_at(struct lease *l, struct lease_entry *e, uint64_t now_ns)
{
    uint64_t dead_ns = silent_since(l, e) + e->patience_ns;
    uint64_t idle_ns = e->idle_ns + l->config.times.dead_ns, next = UINT64_MAX;
    if (e->idle_sequence && !e->is_idle_told && now_ns >= idle_ns) {
        e->is_idle_told = true;
        lease_sweep_all(l);
    } else if (e->idle_sequence && !e->is_idle_told) {
        next = idle_ns;
    }
    if (now_ns < dead_ns)
        return dead_ns < next ? dead_ns : next;
    if (l->backs - e->backs < LEASE_PROOFS)
        return next; /* the next beat of ours will tell */
    e->is_dead = true;
    l->is_placement_stale = true;
    lease_sweep_all(l);
    return next;
}

uint64_t lease_view_tick(struct lease *l, uint64_t now_ns)
{
    uint64_t next = UINT64_MAX;
    if (!lease_is_fresh(l, now_ns))
        return next;
    for (uint32_t i = LEASE_SELF + 1; i < l->entry_slots; i++) {
        struct lease_entry *e = l->entries[i];
        if (!e || e->is_dead)
            continue;
        uint64_t at = look_at(l, e, now_ns);
        next = at < next ? at : next;
    }
    return next;
}

/* --- what is long gone --- */

static bool is_ours_to_clean(const struct lease *l, uint64_t hash)
{
    uint64_t best = 0;
    uint32_t winner = LEASE_NOBODY;
    if (l->state != BEAT_HI || l->is_placement_stale)
        return false;
    for (uint32_t i = 0; i < l->candidate_count; i++) {
        uint64_t weight = rendezvous_weight(l->candidates[i].hash, hash);
        if (winner == LEASE_NOBODY || weight > best) {
            best = weight;
            winner = l->candidates[i].slot;
        }
    }
    return winner == LEASE_SELF;
}

static bool is_last_of_name(const struct lease *l, const struct lease_entry *e)
{
    for (uint32_t i = 0; i < l->entry_slots; i++) {
        const struct lease_entry *other = l->entries[i];
        if (other && other != e && other->hash == e->hash && other->has_beat)
            return false;
    }
    return true;
}

static void remove_key(struct lease *l, const struct beat_key *key, bool is_whole)
{
    char room[BEAT_KEY_SIZE];
    struct buf name = BUF_ON(room);
    beat_key_put(&name, key);
    str text = buf_str(&name);
    while (!is_whole && text.len && text.ptr[text.len - 1] != '.')
        text.len--;
    l->config.output.remove(l->config.output.ctx, text);
}

static void clean_entry(struct lease *l, struct lease_entry *e, uint64_t now_ns)
{
    if (is_self(l, e) || !lease_is_over(e) || now_ns < e->seen_ns + 2 * l->config.times.dead_ns)
        return;
    if (e->has_beat && !e->is_removed && is_last_of_name(l, e) && is_ours_to_clean(l, e->hash)) {
        remove_key(l, &(struct beat_key) { BEAT_KIND_BEAT, .member = str_of(e->id) }, true);
        e->is_removed = true;
    }
    if (!e->claims && now_ns >= e->seen_ns + LEASE_HOUR_NS)
        lease_entry_drop(l, e);
}

static bool is_still_named(const struct lease *l, uint64_t digest)
{
    for (uint32_t i = 0; i < l->entry_slots; i++)
        if (l->entries[i] && l->entries[i]->catalogue == digest)
            return true;
    return digest == l->digest;
}

static void clean_catalogue(struct lease *l, size_t i, uint64_t now_ns)
{
    struct lease_catalogue *c = l->catalogues[i];
    if (!c || is_still_named(l, c->digest) || now_ns < c->named_ns + LEASE_HOUR_NS)
        return;
    if (is_ours_to_clean(l, c->digest))
        remove_key(l, &(struct beat_key) { BEAT_KIND_CATALOGUE, .hash = c->digest }, false);
    lease_catalogue_drop(l, i);
}

void lease_view_clean(struct lease *l, uint64_t now_ns)
{
    for (uint32_t i = 0; i < l->entry_slots; i++)
        if (l->entries[i])
            clean_entry(l, l->entries[i], now_ns);
    for (size_t i = 0; i < LEASE_CATALOGUES_MAX; i++)
        clean_catalogue(l, i, now_ns);
}

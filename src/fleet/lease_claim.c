/* SPDX-License-Identifier: MIT */
/* Who is to have each target, and the next step toward that. One function looks at one target; it
 * does so when the log says something of it, when a write about it was answered, when its poll has
 * ended, and for all of them, a slice a call, when something changed that concerns all. */
#include "fleet/lease_inside.h"
#include "fleet/rendezvous.h"

enum { SLICE = 1 << 18, SLICE_STEP = 8, CLEAN_SLICE = 4096, CLEAN_LEAST = 64, CLEAN_MOST = 256 };

/* --- the desired owner --- */

static void add_candidate(struct lease *l, const struct lease_entry *e)
{
    struct lease_candidate c = { .hash = e->hash, .slot = e->slot };
    if (e->slot != LEASE_SELF && e->catalogue != l->digest) {
        const struct lease_catalogue *known = lease_catalogue_find(l, e->catalogue);
        if (!e->catalogue || !known || !known->bits)
            return; /* it has none of ours, or nobody knows */
        c.bits = known->bits;
    }
    l->candidates[l->candidate_count++] = c;
}

static void place(struct lease *l)
{
    if (!l->is_placement_stale)
        return;
    l->is_placement_stale = false;
    l->candidate_count = 0;
    for (uint32_t i = 0; i < l->entry_slots; i++)
        if (l->entries[i] && lease_is_candidate(l->entries[i]))
            add_candidate(l, l->entries[i]);
    l->placement++;
    lease_sweep_all(l);
}

static bool has_target(const struct lease_candidate *c, size_t i)
{
    return !c->bits || c->bits[i / LEASE_BITS] >> i % LEASE_BITS & 1;
}

static uint32_t choose(const struct lease *l, size_t i)
{
    uint32_t best_slot = LEASE_NOBODY;
    uint64_t best = 0;
    for (uint32_t k = 0; k < l->candidate_count; k++) {
        const struct lease_candidate *c = &l->candidates[k];
        if (!has_target(c, i))
            continue;
        uint64_t weight = rendezvous_weight(c->hash, l->hashes[i]);
        if (best_slot == LEASE_NOBODY || weight > best) {
            best = weight;
            best_slot = c->slot;
        }
    }
    return best_slot;
}

static bool is_desired(struct lease *l, size_t i)
{
    struct lease_target *t = &l->targets[i];
    place(l);
    if (t->placed != l->placement) {
        t->desired = choose(l, i);
        t->placed = l->placement;
    }
    return t->desired == LEASE_SELF;
}

/* --- what we may do --- */

/* While we are drained: nobody else takes it, and a job of it is waited for here. */
static bool is_waited_for(struct lease *l, size_t i)
{
    const struct lease_target *t = &l->targets[i];
    return l->is_drained && !l->is_leaving && t->is_wanted && t->waits &&
           (is_desired(l, i) || t->desired == LEASE_NOBODY);
}

/* Is it not to be ours, whoever else is there? */
static bool gives(struct lease *l, size_t i)
{
    if (l->is_leaving || !l->targets[i].is_wanted)
        return true;
    return l->is_drained && !is_waited_for(l, i);
}

/* Take and give by the view: it is fresh, and the others know that we are here. */
static bool may_act(const struct lease *l, uint64_t now_ns)
{
    return l->state == BEAT_HI && !l->is_fenced && lease_is_fresh(l, now_ns) &&
           lease_is_candidate(lease_self(l));
}

/* Take what the log says is ours anyway, as after a fence: no matter who else is there. */
static bool may_retake(const struct lease *l, const struct lease_target *t, uint64_t now_ns)
{
    return t->holder == LEASE_SELF && l->state == BEAT_WAIT && !l->is_fenced &&
           lease_is_fresh(l, now_ns);
}

static bool may_wait(struct lease *l, size_t i, uint64_t now_ns)
{
    return is_waited_for(l, i) && !l->is_fenced && lease_is_fresh(l, now_ns);
}

static bool is_claimable(const struct lease *l, const struct lease_target *t, uint64_t now_ns)
{
    if (t->watch > l->caught)
        return false;
    if (t->holder == LEASE_NOBODY || t->holder == LEASE_SELF)
        return true;
    return t->holder < LEASE_MEMBERS_MAX &&
           lease_is_void(l, l->entries[t->holder], t->sequence, now_ns);
}

static bool is_in_time(struct lease *l, const struct lease_target *t, uint64_t now_ns)
{
    if (now_ns >= t->retry_ns)
        return true;
    if (t->retry_ns < l->retry_ns)
        l->retry_ns = t->retry_ns;
    return false;
}

static void put_off(struct lease *l, struct lease_target *t, uint64_t at_ns)
{
    t->retry_ns = at_ns;
    if (at_ns < l->retry_ns)
        l->retry_ns = at_ns;
}

static uint64_t after_refusal(struct lease *l, uint64_t now_ns)
{
    return now_ns + lease_beat_ns(l) + rng_next(&l->rng) % (lease_beat_ns(l) / 4 + 1);
}

/* --- steps --- */

static bool write_claim(struct lease *l, size_t i, uint64_t epoch, bool is_free)
{
    char room[BEAT_BODY_SIZE];
    struct buf body = BUF_ON(room);
    struct lease_write w = { .kind = is_free ? LEASE_WRITE_FREE : LEASE_WRITE_CLAIM,
                             .target = l->hashes[i],
                             .epoch = epoch,
                             .fence = l->fence_count };
    struct beat_claim c = { str_of(l->member), l->config.incarnation, is_free };
    struct beat_key key = { BEAT_KIND_CLAIM, .hash = l->hashes[i], .number = epoch };
    beat_claim_put(&body, &c);
    return lease_write(l, &w, &key, buf_str(&body), !is_free);
}

static void give_back(struct lease *l, size_t i, uint64_t now_ns)
{
    struct lease_target *t = &l->targets[i];
    if (!l->is_ready || !is_in_time(l, t, now_ns))
        return; /* all are looked at once the engine is there */
    if (write_claim(l, i, t->epoch, true))
        lease_hold(l, t, LEASE_FREEING);
    else
        put_off(l, t, now_ns + LEASE_NO_ROOM_NS);
}

static void claim(struct lease *l, size_t i, uint64_t now_ns)
{
    struct lease_target *t = &l->targets[i];
    if (!l->is_ready || !is_in_time(l, t, now_ns))
        return;
    if (!write_claim(l, i, t->epoch + 1, false)) {
        put_off(l, t, now_ns + LEASE_NO_ROOM_NS);
        return;
    }
    t->mine = t->epoch + 1;
    t->fence = l->fence_count;
    lease_hold(l, t, LEASE_CLAIMING);
    l->claims++;
}

/* We do not poll it, and no write about it is on its way. */
static void look_at_idle(struct lease *l, size_t i, uint64_t now_ns)
{
    struct lease_target *t = &l->targets[i];
    bool is_ours = t->holder == LEASE_SELF, acts = may_act(l, now_ns);
    if (!is_ours)
        t->is_releasing = false;
    if (gives(l, i) || t->is_releasing || (acts && !is_desired(l, i))) {
        if (is_ours)
            give_back(l, i, now_ns);
    } else if ((acts || may_retake(l, t, now_ns) || may_wait(l, i, now_ns)) &&
               is_claimable(l, t, now_ns)) {
        claim(l, i, now_ns);
    }
}

static bool is_superseded(const struct lease_target *t)
{
    return t->epoch > t->mine;
}

static bool may_keep(struct lease *l, size_t i, uint64_t now_ns)
{
    const struct lease_target *t = &l->targets[i];
    if (t->fence != l->fence_count || is_superseded(t) || gives(l, i))
        return false;
    return !may_act(l, now_ns) || is_desired(l, i);
}

static void stop(struct lease *l, size_t i)
{
    struct lease_target *t = &l->targets[i];
    t->is_releasing = t->fence == l->fence_count && !is_superseded(t);
    lease_hold(l, t, LEASE_ENDING);
    l->config.output.stop(l->config.output.ctx, l->hashes[i]);
}

static void look_at(struct lease *l, size_t i, uint64_t now_ns)
{
    const struct lease_target *t = &l->targets[i];
    if (t->holding == LEASE_IDLE)
        look_at_idle(l, i, now_ns);
    else if (t->holding == LEASE_HELD && !may_keep(l, i, now_ns))
        stop(l, i);
}

/* --- what happened to one --- */

static void take(struct lease *l, size_t i, uint64_t now_ns)
{
    struct lease_target *t = &l->targets[i];
    if (t->epoch < t->mine) { /* the log has not told yet */
        t->epoch = t->mine;
        lease_set_holder(l, t, LEASE_SELF);
    }
    if (!may_keep(l, i, now_ns)) {
        t->is_releasing = t->fence == l->fence_count && !is_superseded(t);
        lease_hold(l, t, LEASE_IDLE);
        look_at(l, i, now_ns);
        return;
    }
    l->moves++;
    lease_hold(l, t, LEASE_HELD);
    l->config.output.start(l->config.output.ctx, l->hashes[i], t->mine);
}

void lease_claim_written(struct lease *l, const struct lease_write *w, enum engine_result result,
                         uint64_t now_ns)
{
    struct lease_target *t = lease_target_of(l, w->target);
    if (!t || t->holding != LEASE_CLAIMING)
        return;
    if (w->fence != l->fence_count) { /* what came of it, and in which log, the watch will tell */
        lease_hold(l, t, LEASE_IDLE);
        put_off(l, t, after_refusal(l, now_ns));
        return;
    }
    bool is_in_log = t->epoch == t->mine && t->holder == LEASE_SELF;
    if (result == ENGINE_DONE || result == ENGINE_DUPLICATE || is_in_log) {
        take(l, (size_t)(t - l->targets), now_ns);
        return;
    }
    l->lost_claims += result == ENGINE_PRESENT;
    lease_hold(l, t, LEASE_IDLE);
    put_off(l, t, after_refusal(l, now_ns));
}

void lease_free_written(struct lease *l, const struct lease_write *w, enum engine_result result,
                        uint64_t now_ns)
{
    struct lease_target *t = lease_target_of(l, w->target);
    if (!t || t->holding != LEASE_FREEING)
        return;
    lease_hold(l, t, LEASE_IDLE);
    if (result != ENGINE_DONE)
        put_off(l, t, after_refusal(l, now_ns));
    else if (t->epoch == w->epoch)
        lease_set_holder(l, t, LEASE_NOBODY);
    look_at(l, (size_t)(t - l->targets), now_ns);
}

void lease_ended(struct lease *l, uint64_t target, uint64_t now_ns)
{
    struct lease_target *t = lease_target_of(l, target);
    if (!t || t->holding != LEASE_ENDING)
        return;
    lease_hold(l, t, LEASE_IDLE);
    look_at(l, (size_t)(t - l->targets), now_ns);
}

/* Of a target that we do not know (any more), and that is ours: a claim that came late. */
static void disown(struct lease *l, const struct beat_key *key)
{
    char room[BEAT_BODY_SIZE];
    struct buf body = BUF_ON(room);
    struct lease_write w = { .kind = LEASE_WRITE_OTHER };
    beat_claim_put(&body, &(struct beat_claim) { str_of(l->member), l->config.incarnation, true });
    (void)lease_write(l, &w, key, buf_str(&body), false);
}

static uint32_t slot_of(struct lease *l, enum beat_read r, const struct beat_claim *c,
                        uint64_t now_ns)
{
    if (r != BEAT_OK) {
        l->unreadable++;
        return LEASE_FOREIGN;
    }
    if (c->is_free)
        return LEASE_NOBODY;
    const struct lease_entry *e = lease_entry_of(l, c->member, c->incarnation, now_ns);
    return e ? e->slot : LEASE_UNKNOWN;
}

/* Does the log say the same again? */
static bool is_known(const struct lease_target *t, const struct beat_key *key, uint64_t sequence)
{
    if (key->number != t->epoch || t->holder == LEASE_UNKNOWN)
        return key->number < t->epoch;
    return sequence <= t->sequence;
}

static bool is_our_claim(const struct lease *l, const struct beat_claim *c)
{
    return !c->is_free && c->incarnation == l->config.incarnation &&
           str_eq(c->member, str_of(l->member));
}

void lease_claim_seen(struct lease *l, const struct beat_key *key, str body, uint64_t sequence,
                      uint64_t now_ns)
{
    struct lease_target *t = lease_target_of(l, key->hash);
    struct beat_claim c = { .is_free = true };
    enum beat_read r = beat_claim_read(&c, body);
    if (!t) {
        if (r == BEAT_OK && is_our_claim(l, &c))
            disown(l, key);
        return;
    }
    if (key->number && (!t->epoch || key->number <= t->cleaned))
        t->cleaned = key->number - 1;
    if (is_known(t, key, sequence))
        return;
    t->epoch = key->number;
    t->sequence = sequence;
    lease_set_holder(l, t, slot_of(l, r, &c, now_ns));
    look_at(l, (size_t)(t - l->targets), now_ns);
}

/* --- all of them --- */

void lease_sweep_all(struct lease *l)
{
    l->sweep_left = l->count;
}

bool lease_sweep(struct lease *l, uint64_t now_ns)
{
    place(l);
    for (size_t work = 0; l->sweep_left && work < SLICE; work += SLICE_STEP) {
        if (l->sweep_at >= l->count)
            l->sweep_at = 0;
        if (l->targets[l->sweep_at].placed != l->placement)
            work += l->candidate_count;
        l->sweep_left--;
        look_at(l, l->sweep_at++, now_ns);
    }
    return l->sweep_left > 0;
}

static void remove_epoch(struct lease *l, uint64_t target, uint64_t epoch)
{
    const struct lease_output *out = &l->config.output;
    char room[BEAT_KEY_SIZE];
    struct buf key = BUF_ON(room);
    beat_key_put(&key, &(struct beat_key) { BEAT_KIND_CLAIM, .hash = target, .number = epoch });
    out->remove(out->ctx, buf_str(&key));
}

/* How many may go now: as many as our claims have added, and some more, so that the log does not
 * grow however often members come and go. */
static size_t clean_most(struct lease *l)
{
    l->clean_owed += l->moves - l->clean_moves;
    l->clean_moves = l->moves;
    if (l->clean_owed > l->count)
        l->clean_owed = l->count;
    size_t owed =
        l->clean_owed < CLEAN_MOST - CLEAN_LEAST ? l->clean_owed : CLEAN_MOST - CLEAN_LEAST;
    l->clean_owed -= owed;
    return CLEAN_LEAST + owed;
}

/* Old epochs of what we hold leave the log, a few a beat. */
void lease_clean_epochs(struct lease *l)
{
    size_t looked = 0, most = l->count < CLEAN_SLICE ? l->count : CLEAN_SLICE;
    size_t removals = clean_most(l);
    for (size_t removed = 0; looked < most && removed < removals;) {
        if (l->clean_at >= l->count)
            l->clean_at = 0;
        struct lease_target *t = &l->targets[l->clean_at];
        if (t->holding == LEASE_HELD && t->cleaned + LEASE_EPOCHS_KEPT < t->mine) {
            remove_epoch(l, l->hashes[l->clean_at], ++t->cleaned);
            removed++;
        } else {
            l->clean_at++;
            looked++;
        }
    }
}

/* SPDX-License-Identifier: MIT */
/* The targets of the config, sorted by hash, and what the log says of each. One that left the
 * config stays until it is given back. */
#include <stdlib.h>

#include "fleet/lease_inside.h"

/* --- look-ups --- */

static size_t position_of(const uint64_t *sorted, size_t count, uint64_t hash)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct lease_target *lease_target_of(const struct lease *l, uint64_t hash)
{
    size_t i = position_of(l->hashes, l->count, hash);
    return i < l->count && l->hashes[i] == hash ? &l->targets[i] : NULL;
}

void lease_hold(struct lease *l, struct lease_target *t, enum lease_holding holding)
{
    l->holdings[t->holding]--;
    l->holdings[holding]++;
    t->holding = (uint8_t)holding;
}

static bool is_entry(uint32_t slot)
{
    return slot < LEASE_MEMBERS_MAX;
}

void lease_set_holder(struct lease *l, struct lease_target *t, uint32_t slot)
{
    if (is_entry(t->holder))
        l->entries[t->holder]->claims--;
    if (is_entry(slot))
        l->entries[slot]->claims++;
    t->holder = slot;
}

void lease_targets_log_is_new(struct lease *l)
{
    for (size_t i = 0; i < l->count; i++) {
        struct lease_target *t = &l->targets[i];
        lease_set_holder(l, t, LEASE_NOBODY);
        t->epoch = t->sequence = t->cleaned = 0;
        t->watch = l->watches + 1;
    }
}

/* --- another config --- */

static int by_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t sort_once(uint64_t *hashes, size_t count)
{
    size_t kept = 0;
    qsort(hashes, count, sizeof *hashes, by_hash);
    for (size_t i = 0; i < count; i++)
        if (!kept || hashes[i] != hashes[kept - 1])
            hashes[kept++] = hashes[i];
    return kept;
}

struct set {
    uint64_t *hashes;
    struct lease_target *targets;
    size_t count, room;
};

static void set_free(const struct lease *l, struct set *s)
{
    alloc_free(&l->config.alloc, s->hashes, s->room * sizeof *s->hashes);
    alloc_free(&l->config.alloc, s->targets, s->room * sizeof *s->targets);
}

static bool set_make(const struct lease *l, struct set *s, size_t room)
{
    *s = (struct set) { .room = room };
    s->hashes = alloc_new(&l->config.alloc, room * sizeof *s->hashes);
    s->targets = alloc_new(&l->config.alloc, room * sizeof *s->targets);
    if (s->hashes && s->targets)
        return true;
    set_free(l, s);
    return false;
}

/* Not in the config any more: is there something to give back? */
static bool is_owed(const struct lease_target *t)
{
    return t->holding != LEASE_IDLE || t->holder == LEASE_SELF;
}

static void set_put(struct set *s, uint64_t hash, const struct lease_target *t)
{
    s->hashes[s->count] = hash;
    s->targets[s->count++] = *t;
}

static struct lease_target new_target(struct lease *l)
{
    l->needs_watch |= l->watches > 0;
    return (struct lease_target) {
        .holder = LEASE_NOBODY, .desired = LEASE_NOBODY, .watch = l->watches + 1, .is_wanted = true
    };
}

static void let_go(struct lease *l, size_t i, struct set *s)
{
    struct lease_target *t = &l->targets[i];
    t->is_wanted = false;
    if (is_owed(t))
        set_put(s, l->hashes[i], t);
    else
        lease_set_holder(l, t, LEASE_NOBODY);
}

/* Walk along the old and the new, both sorted. */
static void merge(struct lease *l, struct set *s, const uint64_t *wanted, size_t count)
{
    size_t old = 0;
    for (size_t i = 0; i < count; i++) {
        while (old < l->count && l->hashes[old] < wanted[i])
            let_go(l, old++, s);
        struct lease_target t = new_target(l);
        if (old < l->count && l->hashes[old] == wanted[i])
            t = l->targets[old++];
        t.is_wanted = true;
        set_put(s, wanted[i], &t);
    }
    while (old < l->count)
        let_go(l, old++, s);
}

static void adopt(struct lease *l, struct set *s)
{
    struct set old = { .hashes = l->hashes, .targets = l->targets, .room = l->room };
    set_free(l, &old);
    l->hashes = s->hashes;
    l->targets = s->targets;
    l->count = s->count;
    l->room = s->room;
    for (int h = 0; h < LEASE_HOLDINGS; h++)
        l->holdings[h] = 0;
    for (size_t i = 0; i < l->count; i++)
        l->holdings[l->targets[i].holding]++;
}

static int put_together(struct lease *l, const uint64_t *wanted, size_t count)
{
    struct set s;
    if (!set_make(l, &s, l->count + count + 1))
        return PIPEPOLL_ENOMEM;
    merge(l, &s, wanted, count);
    adopt(l, &s);
    l->wanted = count;
    l->digest = catalogue_digest(wanted, count);
    return 0;
}

int lease_set_targets(struct lease *l, const uint64_t *targets, size_t count, uint64_t now_ns)
{
    size_t room = (count + 1) * sizeof *targets;
    uint64_t *sorted = alloc_new(&l->config.alloc, room);
    if (!sorted)
        return PIPEPOLL_ENOMEM;
    if (count)
        memcpy(sorted, targets, count * sizeof *targets);
    int r = put_together(l, sorted, sort_once(sorted, count));
    alloc_free(&l->config.alloc, sorted, room);
    if (r)
        return r;
    lease_catalogues_mark(l);
    l->published_ns = 0;
    l->publish_left = 0;
    l->is_placement_stale = true;
    lease_sweep_all(l);
    return 0;
}

void lease_wait_for(struct lease *l, uint64_t target, bool is_waiting)
{
    struct lease_target *t = lease_target_of(l, target);
    if (!t || (!is_waiting && !t->waits))
        return;
    t->waits += is_waiting ? 1 : UINT32_MAX;
    lease_sweep_all(l);
}

/* --- how they stand --- */

static void view_of(const struct lease *l, size_t i, struct lease_target_view *out)
{
    const struct lease_target *t = &l->targets[i];
    const struct lease_entry *e = is_entry(t->holder) ? l->entries[t->holder] : NULL;
    bool counts = e && !lease_is_void(l, e, t->sequence, atomic_load(&l->ran_ns));
    *out = (struct lease_target_view) { .target = l->hashes[i],
                                        .epoch = t->epoch,
                                        .is_ours = t->holding == LEASE_HELD && !l->is_fenced &&
                                                   t->fence == l->fence_count };
    if (out->is_ours || (counts && e != lease_self(l)))
        out->holder = str_of(e ? e->id : l->member);
}

bool lease_target(const struct lease *l, size_t i, struct lease_target_view *out)
{
    if (i >= l->count)
        return false;
    view_of(l, i, out);
    return true;
}

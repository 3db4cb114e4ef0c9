/* SPDX-License-Identifier: MIT */
/* The table of members' processes: found by name and incarnation, numbered by slots.
 *
 * A full table forgets who is over, the one that was heard of longest ago first, and those without
 * claims before the others; what one claimed who is over is anybody's, and is noted so before he is
 * forgotten. Who finds no place even so is unknown: the log is read again for him, after growing
 * pauses, for those who are there now will not all be there for ever. */
#include "aws/digest.h"
#include "fleet/lease_inside.h"

/* The same on all members, for the rendezvous. */
static uint64_t hash_of(str id)
{
    struct sha256 digest;
    uint64_t hash = 0;
    sha256(&digest, id);
    for (int i = 0; i < 8; i++)
        hash = hash << 8 | digest.bytes[i];
    return hash;
}

static struct lease_entry *find(const struct lease *l, str id, uint64_t incarnation)
{
    struct table_node *node = table_first(&l->incarnations, incarnation);
    for (; node; node = table_next(node)) {
        struct lease_entry *e = CONTAINER_OF(node, struct lease_entry, node);
        if (str_eq(str_of(e->id), id))
            return e;
    }
    return NULL;
}

static uint32_t free_slot(const struct lease *l)
{
    uint32_t slot = 0;
    while (slot < l->entry_slots && l->entries[slot])
        slot++;
    return slot;
}

/* --- a full table --- */

/* It has a claim, or a beat that counts. */
static bool is_needed(const struct lease_entry *e)
{
    return e->slot == LEASE_SELF || e->claims || (e->has_beat && !lease_is_over(e));
}

static struct lease_entry *oldest_spare(const struct lease *l)
{
    struct lease_entry *oldest = NULL;
    for (uint32_t i = 0; i < l->entry_slots; i++) {
        struct lease_entry *e = l->entries[i];
        if (e && !is_needed(e) && (!oldest || e->seen_ns < oldest->seen_ns))
            oldest = e;
    }
    return oldest;
}

static void free_claims_of_the_over(struct lease *l)
{
    for (size_t i = 0; i < l->count; i++) {
        struct lease_target *t = &l->targets[i];
        if (t->holder < LEASE_MEMBERS_MAX && lease_is_over(l->entries[t->holder]))
            lease_set_holder(l, t, LEASE_NOBODY);
    }
    lease_sweep_all(l);
}

/* LEASE_MEMBERS_MAX: there is none. */
static uint32_t slot_for_one(struct lease *l)
{
    uint32_t slot = free_slot(l);
    if (slot < LEASE_MEMBERS_MAX)
        return slot;
    struct lease_entry *spare = oldest_spare(l);
    if (!spare) {
        free_claims_of_the_over(l);
        spare = oldest_spare(l);
    }
    if (!spare)
        return LEASE_MEMBERS_MAX;
    slot = spare->slot;
    lease_entry_drop(l, spare);
    return slot;
}

static struct lease_entry *no_place(struct lease *l, uint64_t now_ns)
{
    if (!l->short_ns)
        l->short_ns = now_ns;
    return NULL;
}

bool lease_is_short(struct lease *l, uint64_t now_ns)
{
    enum { DOUBLINGS = 8 };
    if (!l->short_ns) {
        l->shorts = 0;
        return false;
    }
    if (now_ns < l->short_ns + (2 * l->config.times.dead_ns << l->shorts))
        return false;
    l->short_ns = 0;
    l->shorts += l->shorts < DOUBLINGS;
    return true;
}

struct lease_entry *lease_entry_of(struct lease *l, str id, uint64_t incarnation, uint64_t now_ns)
{
    struct lease_entry *e = find(l, id, incarnation);
    if (e)
        return e;
    uint32_t slot = slot_for_one(l);
    e = slot < LEASE_MEMBERS_MAX ? alloc_new(&l->config.alloc, sizeof *e) : NULL;
    if (!e)
        return no_place(l, now_ns);
    str_copy(e->id, sizeof e->id, id);
    e->incarnation = incarnation;
    e->hash = hash_of(id);
    e->slot = slot;
    e->seen_ns = now_ns;
    e->backs = l->backs;
    e->patience_ns = l->config.times.dead_ns;
    l->entries[slot] = e;
    l->entry_slots += slot == l->entry_slots;
    table_put(&l->incarnations, &e->node, incarnation);
    return e;
}

void lease_entry_drop(struct lease *l, struct lease_entry *e)
{
    l->entries[e->slot] = NULL;
    table_remove(&l->incarnations, &e->node);
    alloc_free(&l->config.alloc, e, sizeof *e);
}

void lease_entries_log_is_new(struct lease *l)
{
    for (uint32_t i = 0; i < l->entry_slots; i++) {
        struct lease_entry *e = l->entries[i];
        if (!e)
            continue;
        e->sequence = e->idle_sequence = 0;
        e->is_idle_told = false;
    }
}

int lease_entries_open(struct lease *l, uint64_t now_ns)
{
    table_init(&l->incarnations, l->config.alloc, 0);
    struct lease_entry *self = lease_entry_of(l, str_of(l->member), l->config.incarnation, now_ns);
    return self ? 0 : PIPEPOLL_ENOMEM;
}

void lease_entries_close(struct lease *l)
{
    for (uint32_t i = 0; i < l->entry_slots; i++)
        if (l->entries[i])
            lease_entry_drop(l, l->entries[i]);
    table_deinit(&l->incarnations);
}

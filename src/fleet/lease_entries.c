/* SPDX-License-Identifier: MIT */
/* The table of members' processes: found by name and incarnation, numbered by slots. */
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

struct lease_entry *lease_entry_of(struct lease *l, str id, uint64_t incarnation, uint64_t now_ns)
{
    struct lease_entry *e = find(l, id, incarnation);
    uint32_t slot = e ? 0 : free_slot(l);
    if (e || slot == LEASE_MEMBERS_MAX)
        return e;
    e = alloc_new(&l->config.alloc, sizeof *e);
    if (!e)
        return NULL;
    str_copy(e->id, sizeof e->id, id);
    e->incarnation = incarnation;
    e->hash = hash_of(id);
    e->slot = slot;
    e->seen_ns = now_ns;
    e->backs = l->backs;
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

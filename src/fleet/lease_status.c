/* SPDX-License-Identifier: MIT */
/* How the leases stand, read by those who show it; nothing changes. */
#include "fleet/lease_inside.h"

bool lease_is_drained(const struct lease *l)
{
    return l->is_drained;
}

static size_t living(const struct lease *l)
{
    size_t count = 0;
    for (uint32_t i = 0; i < l->entry_slots; i++) {
        const struct lease_entry *e = l->entries[i];
        count += e && e->has_beat && !lease_is_over(e) && e->state != BEAT_BYE;
    }
    return count;
}

static size_t count_unheld(const struct lease *l)
{
    struct lease_target_view view;
    size_t count = 0;
    for (size_t i = 0; lease_target(l, i, &view); i++)
        count += l->targets[i].is_wanted && !view.holder.len;
    return count;
}

static size_t count_held(const struct lease *l)
{
    struct lease_target_view view;
    size_t count = 0;
    for (size_t i = 0; lease_target(l, i, &view); i++)
        count += view.is_ours;
    return count;
}

void lease_standing(const struct lease *l, struct lease_standing *out)
{
    *out = (struct lease_standing) { .state = l->state,
                                     .is_fenced = l->is_fenced,
                                     .is_duplicate = lease_is_duplicate(l, atomic_load(&l->ran_ns)),
                                     .targets = l->wanted,
                                     .held = l->is_fenced ? 0 : l->holdings[LEASE_HELD],
                                     .log_losses = l->log_losses };
}

void lease_summary(const struct lease *l, struct lease_summary *out)
{
    uint64_t now_ns = atomic_load(&l->ran_ns);
    *out = (struct lease_summary) { .state = l->state,
                                    .is_fenced = l->is_fenced,
                                    .is_duplicate = lease_is_duplicate(l, now_ns),
                                    .targets = l->wanted,
                                    .held = count_held(l),
                                    .unheld = count_unheld(l),
                                    .members = living(l),
                                    .unreadable = l->unreadable,
                                    .claims = l->claims,
                                    .lost_claims = l->lost_claims,
                                    .fences = l->fences,
                                    .moves = l->moves };
}

bool lease_next_member(const struct lease *l, size_t *at, uint64_t now_ns, struct lease_member *out)
{
    const struct lease_entry *e = NULL;
    while (*at < l->entry_slots && (!e || !e->has_beat))
        e = l->entries[(*at)++];
    if (!e || !e->has_beat)
        return false;
    *out = (struct lease_member) { .id = str_of(e->id),
                                   .incarnation = e->incarnation,
                                   .is_self = e->slot == LEASE_SELF,
                                   .is_dead = lease_is_over(e),
                                   .patience_ns = e->patience_ns,
                                   .is_superseded = e->is_superseded,
                                   .state = e->state,
                                   .age_ns = now_ns - e->seen_ns,
                                   .holds = e->claims,
                                   .held = e->held,
                                   .catalogue = e->catalogue,
                                   .figures = &e->figures };
    return true;
}

bool lease_is_alive(const struct lease *l, str member)
{
    for (uint32_t i = LEASE_SELF + 1; i < l->entry_slots; i++) {
        const struct lease_entry *e = l->entries[i];
        if (e && e->has_beat && !lease_is_over(e) && str_eq(str_of(e->id), member))
            return true;
    }
    return false;
}

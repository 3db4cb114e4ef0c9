/* SPDX-License-Identifier: MIT */
/* Writes on their way, found again by their ticket: the slot in its low bits, a count above, so
 * that an answer of an earlier write does not meet the next one in its slot. */
#include "fleet/lease_inside.h"

enum { SLOT_BITS = 9 };
_Static_assert(LEASE_WRITES == 1 << SLOT_BITS, "a slot fits its bits");

void lease_writes_open(struct lease *l)
{
    for (uint32_t i = 0; i < LEASE_WRITES; i++)
        l->writes[i].next = i + 1;
    l->free_write = 0;
}

static uint64_t next_ticket(struct lease *l, uint32_t slot)
{
    enum { COUNT_BITS = 38 };
    l->tickets = (l->tickets + 1) & ((UINT64_C(1) << COUNT_BITS) - 1);
    l->tickets += !l->tickets;
    return l->tickets << SLOT_BITS | slot;
}

bool lease_write(struct lease *l, const struct lease_write *w, const struct beat_key *key, str body,
                 bool absent)
{
    const struct lease_output *out = &l->config.output;
    char room[BEAT_KEY_SIZE];
    struct buf name = BUF_ON(room);
    uint32_t slot = l->free_write;
    if (!l->is_ready || slot == LEASE_WRITES)
        return false;
    struct lease_write *kept = &l->writes[slot];
    uint32_t next = kept->next;
    *kept = *w;
    kept->ticket = next_ticket(l, slot);
    beat_key_put(&name, key);
    if (!out->write(out->ctx, buf_str(&name), body, absent, kept->ticket)) {
        *kept = (struct lease_write) { .next = next };
        return false;
    }
    l->free_write = next;
    return true;
}

bool lease_write_take(struct lease *l, uint64_t ticket, struct lease_write *out)
{
    uint32_t slot = (uint32_t)(ticket & (LEASE_WRITES - 1));
    struct lease_write *w = &l->writes[slot];
    if (!ticket || w->ticket != ticket)
        return false;
    *out = *w;
    *w = (struct lease_write) { .next = l->free_write };
    l->free_write = slot;
    return true;
}

/* --- our beats --- */

static size_t not_given_back(const struct lease *l)
{
    return l->count - l->holdings[LEASE_IDLE];
}

void lease_beat(struct lease *l, uint64_t now_ns)
{
    char room[BEAT_BODY_SIZE];
    struct buf body = BUF_ON(room);
    const struct lease_entry *self = lease_self(l);
    struct beat b = { .member = str_of(l->member),
                      .incarnation = l->config.incarnation,
                      .number = l->beats + 1,
                      .state = l->state,
                      .catalogue = lease_is_published(l) ? l->digest : self->catalogue,
                      .missing = lease_missing_catalogue(l),
                      .held = not_given_back(l),
                      .every_ms = lease_beat_ns(l) / 1000000,
                      .figures = l->figures };
    struct lease_write w = { .kind = LEASE_WRITE_BEAT, .sent_ns = now_ns };
    uint64_t jitter = rng_next(&l->rng) % (lease_beat_ns(l) / 8 + 1);
    w.is_last = l->is_leaving && !b.held && !self->claims;
    beat_put(&body, &b);
    l->is_beat_wanted = true;
    l->beat_due_ns = now_ns + lease_beat_ns(l) - jitter;
    if (!lease_write(l, &w, &(struct beat_key) { BEAT_KIND_BEAT, .member = b.member },
                     buf_str(&body), false))
        return;
    l->beats++;
    l->beat_sent_ns[l->beats % LEASE_BEATS] = now_ns;
    l->last_beat_ns = now_ns;
    l->is_beat_wanted = false;
}

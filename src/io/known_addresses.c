/* SPDX-License-Identifier: MIT */
/* Whether a name moved or is one of those that are served by many hosts in turn is told by how
 * often its answer changes: several times within some minutes are no moves. */
#include "io/known_addresses.h"

#include <string.h>

#include "io/resolver.h"

enum { CHANGES = KNOWN_ADDRESSES_CHANGES };

static const uint64_t ns_per_ms = 1000000;
static const uint64_t in_turn_ns = 200000000000; /* so many changes within this: not moves */

void known_addresses_fix(struct known_addresses *k, str host)
{
    if (str_eq_nocase(host, STR("localhost"))) {
        address_read(&k->addresses[0], STR("127.0.0.1"));
        address_read(&k->addresses[1], STR("::1"));
        k->count = 2;
    } else if (address_read(&k->addresses[0], host)) {
        k->count = 1;
    }
    k->is_fixed = k->count;
}

static uint64_t age_ms(const struct known_addresses *k, uint64_t now_ns)
{
    return (now_ns - k->answered_ns) / ns_per_ms;
}

bool known_addresses_are_usable(const struct known_addresses *k, uint64_t now_ns)
{
    uint64_t most_ms = k->refuted ? RESOLVER_GONE_MS : RESOLVER_STALE_MS;
    return k->count && (k->is_fixed || age_ms(k, now_ns) <= most_ms);
}

bool known_addresses_are_fresh(const struct known_addresses *k, uint64_t now_ns)
{
    return k->is_fixed || age_ms(k, now_ns) <= RESOLVER_FRESH_MS;
}

/* --- what they lead to --- */

static bool has(const struct known_addresses *k, const struct address *a)
{
    for (unsigned i = 0; i < k->count; i++)
        if (address_eq(&k->addresses[i], a))
            return true;
    return false;
}

static bool is_served_in_turn(const struct known_addresses *k, uint64_t now_ns)
{
    uint64_t before_ns = k->changed_ns[CHANGES - 1];
    return before_ns && now_ns - before_ns < in_turn_ns;
}

bool known_addresses_lead_to(const struct known_addresses *k, const struct address *peer,
                             uint64_t now_ns)
{
    return k->is_fixed || has(k, peer) || is_served_in_turn(k, now_ns);
}

/* --- learning --- */

/* Others in place of all or some: what is new beside the old changes nothing for connections. */
static bool lacks_some(const struct known_addresses *k, const struct look_up_answer *answer)
{
    for (unsigned i = 0; i < k->count; i++) {
        bool stays = false;
        for (unsigned j = 0; j < answer->count; j++)
            stays = stays || address_eq(&k->addresses[i], &answer->addresses[j]);
        if (!stays)
            return true;
    }
    return false;
}

void known_addresses_learn(struct known_addresses *k, const struct look_up_answer *answer,
                           uint64_t now_ns)
{
    k->failed = !answer->count;
    k->refuted = answer->is_final;
    k->slow = answer->took_ns > RESOLVER_PATIENCE_MS * ns_per_ms;
    k->distrusted = false;
    if (!answer->count)
        return;
    if (lacks_some(k, answer)) {
        memmove(&k->changed_ns[1], k->changed_ns, (CHANGES - 1) * sizeof k->changed_ns[0]);
        k->changed_ns[0] = now_ns;
    }
    k->answered_ns = now_ns;
    k->count = answer->count;
    memcpy(k->addresses, answer->addresses, answer->count * sizeof answer->addresses[0]);
}

void known_addresses_put(struct buf *out, const struct known_addresses *k)
{
    char one[ADDRESS_TEXT_SIZE];
    for (unsigned i = 0; i < k->count; i++) {
        buf_put(out, i ? STR(",") : STR(""));
        buf_put(out, str_of(address_text(&k->addresses[i], one)));
    }
}

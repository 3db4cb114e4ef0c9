/* SPDX-License-Identifier: MIT */
/* The log holds the last beat of each member without its time, so whether a member is alive shows
 * with its next one. After the engine was away all comes again: a beat that we know is no sign of
 * life. */
#include "fleet/roster.h"

#include <stdlib.h>

#include "base/list.h"
#include "pipepoll.h"

static struct roster_claim *claim_at(struct table_node *n)
{
    return CONTAINER_OF(n, struct roster_claim, node);
}

void roster_deinit(struct roster *r)
{
    struct table_walk walk = { .next = NULL };
    for (struct table_node *n; (n = table_each(&r->claims, &walk));) {
        table_remove(&r->claims, n);
        free(claim_at(n));
    }
    table_deinit(&r->claims);
    free(r->members);
    *r = (struct roster) { .members = NULL };
}

static size_t index_of(const struct roster *r, str id)
{
    size_t i = 0;
    while (i < r->count && !str_eq(str_of(r->members[i].id), id))
        i++;
    return i;
}

/* NULL: out of memory, or it is no id. */
static struct roster_member *member_of(struct roster *r, str id)
{
    size_t i = index_of(r, id);
    if (i < r->count)
        return &r->members[i];
    if (!beat_is_member(id))
        return NULL;
    if (r->count == r->cap) {
        size_t cap = 2 * r->cap + 8;
        struct roster_member *members = realloc(r->members, cap * sizeof *members);
        if (!members)
            return NULL;
        r->members = members;
        r->cap = cap;
    }
    struct roster_member *m = &r->members[r->count++];
    *m = (struct roster_member) { .state = BEAT_WAIT };
    str_copy(m->id, sizeof m->id, id);
    return m;
}

static int see_beat(struct roster *r, str id, str body, uint64_t now_ns)
{
    struct beat b;
    if (beat_read(&b, body) != BEAT_OK || !beat_is_member(id))
        return PIPEPOLL_OK;
    struct roster_member *m = member_of(r, id);
    if (!m)
        return PIPEPOLL_ENOMEM;
    if (m->has_beat && m->incarnation == b.incarnation && m->number == b.number)
        return PIPEPOLL_OK;
    m->is_alive = m->has_beat || r->is_caught_up;
    m->has_beat = true;
    m->seen_ns = now_ns;
    m->incarnation = b.incarnation;
    m->number = b.number;
    m->state = b.state;
    m->held = b.held;
    m->figures = b.figures;
    return PIPEPOLL_OK;
}

static int see_claim(struct roster *r, const struct beat_key *k, str body)
{
    struct beat_claim b;
    struct table_node *n = table_first(&r->claims, k->hash);
    if (beat_claim_read(&b, body) != BEAT_OK || !beat_is_member(b.member) ||
        (n && claim_at(n)->epoch > k->number))
        return PIPEPOLL_OK;
    struct roster_member *m = member_of(r, b.member);
    struct roster_claim *c = n ? claim_at(n) : calloc(1, sizeof *c);
    if (!m || !c) {
        if (!n)
            free(c);
        return PIPEPOLL_ENOMEM;
    }
    c->epoch = k->number;
    c->incarnation = b.incarnation;
    c->member = (size_t)(m - r->members);
    c->is_free = b.is_free;
    if (!n)
        table_put(&r->claims, &c->node, k->hash);
    return PIPEPOLL_OK;
}

int roster_seen(struct roster *r, str key, str body, uint64_t now_ns)
{
    const struct beat_key k = beat_key_read(key);
    switch (k.kind) {
    case BEAT_KIND_BEAT:
        return see_beat(r, k.member, body, now_ns);
    case BEAT_KIND_CLAIM:
        return see_claim(r, &k, body);
    case BEAT_KIND_CATALOGUE:
    case BEAT_KIND_DRAIN:
    case BEAT_KIND_LOG:
    case BEAT_KIND_OTHER:
        break;
    }
    return PIPEPOLL_OK;
}

void roster_caught_up(struct roster *r)
{
    r->is_caught_up = true;
}

const struct roster_member *roster_find(const struct roster *r, str id)
{
    size_t i = index_of(r, id);
    return i < r->count ? &r->members[i] : NULL;
}

bool roster_is_there(const struct roster_member *m)
{
    return m->has_beat && m->state != BEAT_BYE;
}

size_t roster_active(const struct roster *r, str but)
{
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct roster_member *m = &r->members[i];
        count += m->is_alive && m->state == BEAT_HI && !str_eq(str_of(m->id), but);
    }
    return count;
}

bool roster_is_complete(const struct roster *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (roster_is_there(&r->members[i]) && !r->members[i].is_alive)
            return false;
    return r->is_caught_up;
}

const struct roster_claim *roster_claim(const struct roster *r, uint64_t target)
{
    struct table_node *n = table_first(&r->claims, target);
    return n ? claim_at(n) : NULL;
}

const struct roster_member *roster_holder(const struct roster *r, const struct roster_claim *c)
{
    const struct roster_member *m = &r->members[c->member];
    return !c->is_free && roster_is_there(m) && m->incarnation == c->incarnation ? m : NULL;
}

/* SPDX-License-Identifier: MIT */
/* The catalogues of the log. Of each that is whole we keep which of our targets it has, as bits:
 * the desired owner of a target costs one look at a bit for each candidate. */
#include "fleet/lease_inside.h"

static size_t bit_words(const struct lease *l)
{
    return (l->count + LEASE_BITS - 1) / LEASE_BITS;
}

struct lease_catalogue *lease_catalogue_find(const struct lease *l, uint64_t digest)
{
    for (size_t i = 0; i < LEASE_CATALOGUES_MAX; i++)
        if (l->catalogues[i] && l->catalogues[i]->digest == digest)
            return l->catalogues[i];
    return NULL;
}

static void targets_free(struct lease *l, struct lease_catalogue *c)
{
    const struct alloc *a = &l->config.alloc;
    c->targets = alloc_free(a, c->targets, c->count * sizeof *c->targets);
    c->parts_here = alloc_free(a, c->parts_here, c->parts * sizeof *c->parts_here);
}

void lease_catalogue_drop(struct lease *l, size_t i)
{
    struct lease_catalogue *c = l->catalogues[i];
    if (!c)
        return;
    targets_free(l, c);
    alloc_free(&l->config.alloc, c->bits, c->bit_words * sizeof *c->bits);
    l->catalogues[i] = alloc_free(&l->config.alloc, c, sizeof *c);
}

void lease_catalogues_close(struct lease *l)
{
    for (size_t i = 0; i < LEASE_CATALOGUES_MAX; i++)
        lease_catalogue_drop(l, i);
}

/* --- which of our targets it has --- */

static bool bits_make(struct lease *l, struct lease_catalogue *c)
{
    size_t words = bit_words(l);
    alloc_free(&l->config.alloc, c->bits, c->bit_words * sizeof *c->bits);
    c->bits = words ? alloc_new(&l->config.alloc, words * sizeof *c->bits) : NULL;
    c->bit_words = c->bits ? words : 0;
    return c->bits || !words;
}

/* Without memory it has none of ours: its members get none of them. */
static void mark(struct lease *l, struct lease_catalogue *c)
{
    size_t at = 0;
    if (!c->is_complete || !bits_make(l, c))
        return;
    for (size_t i = 0; i < l->count; i++) {
        while (at < c->count && c->targets[at] < l->hashes[i])
            at++;
        if (at < c->count && c->targets[at] == l->hashes[i])
            c->bits[i / LEASE_BITS] |= UINT64_C(1) << i % LEASE_BITS;
    }
}

void lease_catalogues_mark(struct lease *l)
{
    for (size_t i = 0; i < LEASE_CATALOGUES_MAX; i++)
        if (l->catalogues[i])
            mark(l, l->catalogues[i]);
}

/* --- one comes, in parts --- */

/* By somebody who may be there: who was dead and is not asks for it. */
static bool is_named(const struct lease *l, uint64_t digest)
{
    for (uint32_t i = 0; i < l->entry_slots; i++) {
        const struct lease_entry *e = l->entries[i];
        if (e && e->has_beat && !lease_is_over(e) && e->catalogue == digest)
            return true;
    }
    return digest == l->digest;
}

/* One that is empty, else of a catalogue that nobody names. Ours has one in any case, for who has
 * no catalogue takes no part. */
static size_t slot_for_one(struct lease *l, uint64_t digest)
{
    for (size_t i = 0; i < LEASE_CATALOGUES_MAX; i++)
        if (!l->catalogues[i])
            return i;
    for (size_t i = 0; i < LEASE_CATALOGUES_MAX; i++)
        if (!is_named(l, l->catalogues[i]->digest)) {
            lease_catalogue_drop(l, i);
            return i;
        }
    if (digest != l->digest)
        return LEASE_CATALOGUES_MAX;
    lease_catalogue_drop(l, 0);
    l->is_placement_stale = true;
    return 0;
}

static struct lease_catalogue *begin(struct lease *l, uint64_t digest,
                                     const struct catalogue_part *p)
{
    size_t slot = slot_for_one(l, digest);
    const struct alloc *a = &l->config.alloc;
    struct lease_catalogue *c = slot < LEASE_CATALOGUES_MAX ? alloc_new(a, sizeof *c) : NULL;
    if (!c)
        return NULL;
    *c = (struct lease_catalogue) {
        .digest = digest, .count = p->count, .parts = p->parts, .parts_left = p->parts
    };
    c->targets = alloc_new(a, c->count * sizeof *c->targets);
    c->parts_here = alloc_new(a, c->parts * sizeof *c->parts_here);
    l->catalogues[slot] = c;
    if (c->targets && c->parts_here)
        return c;
    lease_catalogue_drop(l, slot);
    return NULL;
}

static bool is_sorted(const struct lease_catalogue *c)
{
    for (size_t i = 1; i < c->count; i++)
        if (c->targets[i] <= c->targets[i - 1])
            return false;
    return true;
}

/* The last part is here: is it what its name says? */
static void complete(struct lease *l, struct lease_catalogue *c)
{
    if (!is_sorted(c) || catalogue_digest(c->targets, c->count) != c->digest) {
        for (size_t i = 0; i < c->parts; i++)
            c->parts_here[i] = false;
        c->parts_left = c->parts;
        l->unreadable++;
        return;
    }
    c->is_complete = true;
    mark(l, c);
    l->is_placement_stale = true;
}

static bool fits(const struct lease_catalogue *c, const struct catalogue_part *p, uint64_t part)
{
    size_t here = p->hex.len / 16;
    return c->count == p->count && c->parts == p->parts && part < c->parts &&
           here == catalogue_part_count(c->count, (size_t)part);
}

void lease_catalogue_seen(struct lease *l, uint64_t digest, uint64_t part, str body,
                          uint64_t now_ns)
{
    struct catalogue_part p;
    struct lease_catalogue *c = lease_catalogue_find(l, digest);
    if (c && c->is_complete)
        return;
    if (!digest || catalogue_read(&p, body) != BEAT_OK) {
        l->unreadable++;
        return;
    }
    if (!c)
        c = begin(l, digest, &p);
    if (!c || !fits(c, &p, part) || c->parts_here[part])
        return;
    for (size_t i = 0; i < p.hex.len / 16; i++)
        c->targets[part * CATALOGUE_PART + i] = catalogue_target(&p, i);
    c->parts_here[part] = true;
    c->named_ns = now_ns;
    if (!--c->parts_left)
        complete(l, c);
}

/* --- ours --- */

void lease_catalogues_log_is_new(struct lease *l)
{
    for (size_t i = 0; i < LEASE_CATALOGUES_MAX; i++)
        if (l->catalogues[i] && l->catalogues[i]->digest == l->digest)
            lease_catalogue_drop(l, i);
    l->published_ns = 0;
    l->publish_left = 0;
}

bool lease_is_published(const struct lease *l)
{
    const struct lease_catalogue *c = lease_catalogue_find(l, l->digest);
    return !l->digest || (c && c->is_complete);
}

uint64_t lease_missing_catalogue(const struct lease *l)
{
    for (uint32_t i = 0; i < l->entry_slots; i++) {
        const struct lease_entry *e = l->entries[i];
        if (!e || !lease_is_candidate(e) || !e->catalogue)
            continue;
        const struct lease_catalogue *c = lease_catalogue_find(l, e->catalogue);
        if (!c || !c->is_complete)
            return e->catalogue;
    }
    return 0;
}

/* Those of ours that are wanted. */
static uint64_t *wanted_of(const struct lease *l)
{
    uint64_t *out = alloc_new(&l->config.alloc, (l->wanted + 1) * sizeof *out);
    size_t n = 0;
    for (size_t i = 0; out && i < l->count; i++)
        if (l->targets[i].is_wanted)
            out[n++] = l->hashes[i];
    return out;
}

static bool write_part(struct lease *l, const uint64_t *wanted, size_t part)
{
    const struct alloc *a = &l->config.alloc;
    struct lease_write w = { .kind = LEASE_WRITE_OTHER };
    struct beat_key key = { BEAT_KIND_CATALOGUE, .hash = l->digest, .number = part };
    struct buf body = { .cap = catalogue_room(catalogue_part_count(l->wanted, part)) };
    body.at = alloc_new(a, body.cap);
    if (!body.at)
        return false;
    catalogue_put(&body, wanted, l->wanted, part);
    bool is_taken = !body.overflow && lease_write(l, &w, &key, buf_str(&body), false);
    alloc_free(a, body.at, body.cap);
    return is_taken;
}

/* The next part of those that are left, one a call. */
void lease_publish(struct lease *l, uint64_t now_ns)
{
    uint64_t *wanted = wanted_of(l);
    if (!wanted)
        return;
    if (!l->publish_left) {
        l->publish_part = 0;
        l->publish_left = catalogue_parts(l->wanted);
    }
    if (write_part(l, wanted, l->publish_part)) {
        l->publish_part++;
        l->publish_left--;
    }
    l->published_ns = now_ns;
    alloc_free(&l->config.alloc, wanted, (l->wanted + 1) * sizeof *wanted);
}

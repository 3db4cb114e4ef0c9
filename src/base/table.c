/* SPDX-License-Identifier: MIT */
/* Chained buckets, about one for each node. When there are too few or too many, an array of another
 * size is made and the old one is emptied into it, some buckets with each put: a node is in the old
 * array exactly while the bucket that it would have there has not been moved, so that a look-up
 * goes through one bucket. Removing moves nothing: a walk can remove what it is given. */
#include "base/table.h"

#include "base/list.h"

enum {
    BUCKETS_MIN = 16,
    SPARSE = 8,       /* buckets a node: too many */
    MOVED_AT_ONCE = 8 /* a put; more than SPARSE / 4, so that a move ends before the next is due */
};

void table_init(struct table *t, struct alloc alloc, uint64_t seed)
{
    *t = (struct table) { .alloc = alloc, .seed = seed };
}

static void old_free(struct table *t)
{
    alloc_free(&t->alloc, t->old, (t->old_mask + 1) * sizeof *t->old);
    t->old = NULL;
}

void table_deinit(struct table *t)
{
    old_free(t);
    alloc_free(&t->alloc, t->buckets, (t->mask + 1) * sizeof *t->buckets);
    table_init(t, t->alloc, t->seed);
}

static struct table_node *const *bucket_of(const struct table *t, uint64_t hash)
{
    if (t->old && (hash & t->old_mask) >= t->moved)
        return &t->old[hash & t->old_mask];
    return t->buckets ? &t->buckets[hash & t->mask] : &t->only;
}

static void push(struct table *t, struct table_node *node)
{
    struct table_node **bucket = (struct table_node **)bucket_of(t, node->hash);
    node->next = *bucket;
    *bucket = node;
}

static void push_all(struct table *t, struct table_node *node)
{
    while (node) {
        struct table_node *next = node->next;
        push(t, node);
        node = next;
    }
}

/* --- growing and shrinking --- */

static void move_some(struct table *t)
{
    for (int i = 0; i < MOVED_AT_ONCE && t->moved <= t->old_mask; i++)
        push_all(t, t->old[t->moved++]);
    if (t->moved > t->old_mask)
        old_free(t);
}

static void resize(struct table *t, size_t buckets)
{
    struct table_node **all = alloc_new(&t->alloc, buckets * sizeof *all);
    if (!all)
        return;
    t->old = t->buckets;
    t->old_mask = t->mask;
    t->moved = 0;
    t->buckets = all;
    t->mask = buckets - 1;
    struct table_node *only = t->only;
    t->only = NULL;
    push_all(t, only);
}

static void fit(struct table *t)
{
    size_t buckets = t->mask + 1;
    if (t->old)
        move_some(t);
    else if (!t->buckets)
        resize(t, BUCKETS_MIN);
    else if (t->count >= buckets)
        resize(t, buckets * 2);
    else if (buckets > BUCKETS_MIN && t->count < buckets / SPARSE)
        resize(t, buckets / 4);
}

/* --- nodes --- */

void table_put(struct table *t, struct table_node *node, uint64_t hash)
{
    fit(t);
    node->hash = hash;
    push(t, node);
    t->count++;
}

void table_remove(struct table *t, struct table_node *node)
{
    struct table_node **at = (struct table_node **)bucket_of(t, node->hash);
    while (*at && *at != node)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = node->next;
    *node = (struct table_node) { 0 };
    t->count--;
}

static struct table_node *same_hash(struct table_node *node, uint64_t hash)
{
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

struct table_node *table_first(const struct table *t, uint64_t hash)
{
    return same_hash(*bucket_of(t, hash), hash);
}

struct table_node *table_next(const struct table_node *node)
{
    return same_hash(node->next, node->hash);
}

/* The buckets of both arrays, numbered through; NULL past the last. */
static struct table_node *const *numbered(const struct table *t, size_t i)
{
    size_t old = t->old ? t->old_mask + 1 : 0;
    if (i < old)
        return &t->old[i];
    if (!t->buckets)
        return i ? NULL : &t->only;
    return i - old <= t->mask ? &t->buckets[i - old] : NULL;
}

struct table_node *table_each(const struct table *t, struct table_walk *walk)
{
    struct table_node *const *bucket;
    if (t->old && walk->bucket < t->moved)
        walk->bucket = t->moved; /* what was moved is met where it went */
    while (!walk->next && (bucket = numbered(t, walk->bucket)) != NULL) {
        walk->next = *bucket;
        walk->bucket++;
    }
    struct table_node *node = walk->next;
    walk->next = node ? node->next : NULL;
    return node;
}

/* --- the hash --- */

struct sip {
    uint64_t a, b, c, d;
};

static uint64_t rotated(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(struct sip *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = rotated(s->b, 13) ^ s->a;
    s->d = rotated(s->d, 16) ^ s->c;
    s->a = rotated(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = rotated(s->b, 17) ^ s->c;
    s->d = rotated(s->d, 21) ^ s->a;
    s->c = rotated(s->c, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->d ^= word;
    sip_round(s);
    s->a ^= word;
}

/* Up to eight bytes, the first one lowest. */
static uint64_t word_of(const char *at, size_t len)
{
    uint64_t word = 0;
    for (size_t i = len; i-- > 0;)
        word = word << 8 | (unsigned char)at[i];
    return word;
}

uint64_t table_hash(uint64_t hash, str s)
{
    uint64_t low = hash, high = ~rotated(hash, 32);
    struct sip sip = { low ^ UINT64_C(0x736f6d6570736575), high ^ UINT64_C(0x646f72616e646f6d),
                       low ^ UINT64_C(0x6c7967656e657261), high ^ UINT64_C(0x7465646279746573) };
    uint64_t len = s.len;
    for (; s.len >= 8; s = str_skip(s, 8))
        sip_word(&sip, word_of(s.ptr, 8));
    sip_word(&sip, word_of(s.ptr, s.len) | len << 56);
    sip.c ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&sip);
    return sip.a ^ sip.b ^ sip.c ^ sip.d;
}

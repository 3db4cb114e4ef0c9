/* SPDX-License-Identifier: MIT */
/* A hash table of budgets that are counted by their users: the last one to leave takes the budget
 * with it, and with it what was learned of the service's limits. A limiter and its texts are one
 * block. While the account is not known its owner stands for it in the hash and in comparing; once
 * it is known the owner does not count, and identities of one account meet. */
#include "client/limiter.h"

#include "pipepoll.h"

static uint64_t hash_of(uint64_t seed, const struct limiter_key *key)
{
    str owner = { (const char *)&key->owner, sizeof key->owner };
    uint64_t hash = table_hash(seed, key->account.len ? key->account : owner);
    return table_hash(table_hash(hash, key->region), key->url);
}

bool limiter_is(const struct limiter *limiter, const struct limiter_key *key)
{
    return str_eq(limiter->account, key->account) && str_eq(limiter->region, key->region) &&
           str_eq(limiter->url, key->url) && (key->account.len || limiter->owner == key->owner);
}

static struct limiter *limiter_new(struct limiters *all, const struct limiter_key *key,
                                   uint64_t now_ns)
{
    size_t size = sizeof(struct limiter) + key->account.len + key->region.len + key->url.len;
    struct limiter *limiter = alloc_new(&all->alloc, size);
    if (!limiter)
        return NULL;
    char *at = limiter->text;
    limiter->size = size;
    limiter->owner = key->owner;
    limiter->account = str_keep(&at, key->account);
    limiter->region = str_keep(&at, key->region);
    limiter->url = str_keep(&at, key->url);
    budget_init(&limiter->budget, all->ceiling_per_s, now_ns);
    return limiter;
}

static struct limiter *find(const struct limiters *all, const struct limiter_key *key,
                            uint64_t hash)
{
    for (struct table_node *n = table_first(&all->all, hash); n; n = table_next(n)) {
        struct limiter *limiter = CONTAINER_OF(n, struct limiter, node);
        if (limiter_is(limiter, key))
            return limiter;
    }
    return NULL;
}

int limiter_join(struct limiters *all, const struct limiter_key *key, uint64_t now_ns,
                 struct limiter **out)
{
    uint64_t hash = hash_of(all->all.seed, key);
    struct limiter *limiter = find(all, key, hash);
    if (!limiter) {
        limiter = limiter_new(all, key, now_ns);
        if (!limiter)
            return PIPEPOLL_ENOMEM;
        table_put(&all->all, &limiter->node, hash);
    }
    limiter->users++;
    *out = limiter;
    return 0;
}

void limiter_leave(struct limiters *all, struct limiter *limiter)
{
    if (!limiter || --limiter->users)
        return;
    table_remove(&all->all, &limiter->node);
    alloc_free(&all->alloc, limiter, limiter->size);
}

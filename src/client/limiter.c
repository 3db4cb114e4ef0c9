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

bool limiter_is(const struct limiter *a, const struct limiter_key *key)
{
    return str_eq(a->account, key->account) && str_eq(a->region, key->region) &&
           str_eq(a->url, key->url) && (key->account.len || a->owner == key->owner);
}

static str copy_text(char **at, str text)
{
    str copy = { *at, text.len };
    if (text.len)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

static struct limiter *limiter_new(struct limiters *all, const struct limiter_key *key,
                                   uint64_t now_ns)
{
    size_t size = sizeof(struct limiter) + key->account.len + key->region.len + key->url.len;
    struct limiter *a = alloc_new(&all->alloc, size);
    if (!a)
        return NULL;
    char *at = a->text;
    a->size = size;
    a->owner = key->owner;
    a->account = copy_text(&at, key->account);
    a->region = copy_text(&at, key->region);
    a->url = copy_text(&at, key->url);
    budget_init(&a->budget, all->ceiling_per_s, now_ns);
    return a;
}

static struct limiter *find(const struct limiters *all, const struct limiter_key *key,
                            uint64_t hash)
{
    for (struct table_node *n = table_first(&all->all, hash); n; n = table_next(n)) {
        struct limiter *a = CONTAINER_OF(n, struct limiter, node);
        if (limiter_is(a, key))
            return a;
    }
    return NULL;
}

int limiter_join(struct limiters *all, const struct limiter_key *key, uint64_t now_ns,
                 struct limiter **out)
{
    uint64_t hash = hash_of(all->all.seed, key);
    struct limiter *a = find(all, key, hash);
    if (!a) {
        a = limiter_new(all, key, now_ns);
        if (!a)
            return PIPEPOLL_ENOMEM;
        table_put(&all->all, &a->node, hash);
    }
    a->users++;
    *out = a;
    return 0;
}

void limiter_leave(struct limiters *all, struct limiter *a)
{
    if (!a || --a->users)
        return;
    table_remove(&all->all, &a->node);
    alloc_free(&all->alloc, a, a->size);
}

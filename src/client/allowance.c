#include "client/allowance.h"

#include "pipepoll.h"

static uint64_t hash_of(uint64_t seed, const struct allowance_key *key)
{
    str owner = { (const char *)&key->owner, sizeof key->owner };
    uint64_t hash = table_hash(seed, key->account.len ? key->account : owner);
    return table_hash(table_hash(hash, key->region), key->url);
}

bool allowance_is(const struct allowance *a, const struct allowance_key *key)
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

static struct allowance *allowance_new(struct allowances *all, const struct allowance_key *key,
                                       uint64_t now_ns)
{
    size_t size = sizeof(struct allowance) + key->account.len + key->region.len + key->url.len;
    struct allowance *a = alloc_new(&all->alloc, size);
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

static struct allowance *find(const struct allowances *all, const struct allowance_key *key,
                              uint64_t hash)
{
    for (struct table_node *n = table_first(&all->all, hash); n; n = table_next(n)) {
        struct allowance *a = CONTAINER_OF(n, struct allowance, node);
        if (allowance_is(a, key))
            return a;
    }
    return NULL;
}

int allowance_join(struct allowances *all, const struct allowance_key *key, uint64_t now_ns,
                   struct allowance **out)
{
    uint64_t hash = hash_of(all->all.seed, key);
    struct allowance *a = find(all, key, hash);
    if (!a) {
        a = allowance_new(all, key, now_ns);
        if (!a)
            return PIPEPOLL_ENOMEM;
        table_put(&all->all, &a->node, hash);
    }
    a->users++;
    *out = a;
    return 0;
}

void allowance_leave(struct allowances *all, struct allowance *a)
{
    if (!a || --a->users)
        return;
    table_remove(&all->all, &a->node);
    alloc_free(&all->alloc, a, a->size);
}

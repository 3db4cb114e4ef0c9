/* SPDX-License-Identifier: MIT */
/* A table of identities by what they are made of. The newest is asked first: targets come sorted,
 * so that it is nearly always that one. */
#include "config/credentials_cache.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"

struct credentials_cache_entry {
    struct table_node node;
    struct identity_config identity;
    struct pipepoll_credentials *credentials;
};

static uint64_t hash_of(const struct identity_config *id)
{
    uint64_t hash = table_hash(table_hash(0, id->profile), id->role_arn);
    return table_hash(table_hash(hash, id->external_id), id->role_session_name);
}

static struct credentials_cache_entry *find(const struct credentials_cache *cache,
                                            const struct identity_config *id, uint64_t hash)
{
    for (struct table_node *n = table_first(&cache->all, hash); n; n = table_next(n)) {
        struct credentials_cache_entry *e = CONTAINER_OF(n, struct credentials_cache_entry, node);
        if (identity_config_compare(&e->identity, id) == 0)
            return e;
    }
    return NULL;
}

static int add(struct credentials_cache *cache, const struct identity_config *id, uint64_t hash,
               struct pipepoll_error *why)
{
    struct credentials_cache_entry *new = calloc(1, sizeof *new);
    if (!new)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int r = identity_config_credentials(&new->credentials, id, why);
    if (r) {
        free(new);
        return r;
    }
    new->identity = *id;
    table_put(&cache->all, &new->node, hash);
    cache->newest = new;
    return PIPEPOLL_OK;
}

int credentials_cache_get(struct credentials_cache *cache, const struct identity_config *id,
                          struct pipepoll_credentials **out, struct pipepoll_error *why)
{
    if (!cache->newest || identity_config_compare(&cache->newest->identity, id) != 0) {
        uint64_t hash = hash_of(id);
        struct credentials_cache_entry *found = find(cache, id, hash);
        int r = found ? PIPEPOLL_OK : add(cache, id, hash, why);
        if (r)
            return r;
        if (found)
            cache->newest = found;
    }
    *out = cache->newest->credentials;
    return PIPEPOLL_OK;
}

void credentials_cache_deinit(struct credentials_cache *cache)
{
    struct table_walk walk = { 0 };
    for (struct table_node *n; (n = table_each(&cache->all, &walk)) != NULL;) {
        struct credentials_cache_entry *e = CONTAINER_OF(n, struct credentials_cache_entry, node);
        pipepoll_credentials_unref(e->credentials);
        free(e);
    }
    table_deinit(&cache->all);
    *cache = (struct credentials_cache) { .newest = NULL };
}

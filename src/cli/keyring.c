#include "cli/keyring.h"

#include <stdlib.h>

#include "base/log.h"

struct keyring_entry {
    struct identity identity;
    struct pipepoll_credentials *credentials;
};

static struct keyring_entry *add(struct keyring *k)
{
    if (k->count == k->cap) {
        size_t cap = k->cap ? k->cap * 2 : 4;
        struct keyring_entry *grown = realloc(k->entries, cap * sizeof *grown);
        if (!grown)
            return NULL;
        k->entries = grown;
        k->cap = cap;
    }
    return &k->entries[k->count];
}

/* The newest first: targets come sorted, so that it is nearly always that one. */
int keyring_get(struct keyring *k, const struct identity *id, struct pipepoll_credentials **out,
                struct pipepoll_error *why)
{
    for (size_t i = k->count; i-- > 0;) {
        if (identity_compare(&k->entries[i].identity, id) == 0) {
            *out = k->entries[i].credentials;
            return PIPEPOLL_OK;
        }
    }
    struct keyring_entry *new = add(k);
    if (!new)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int r = identity_credentials(&new->credentials, id, why);
    if (r)
        return r;
    new->identity = *id;
    k->count++;
    *out = new->credentials;
    return PIPEPOLL_OK;
}

void keyring_deinit(struct keyring *k)
{
    for (size_t i = 0; i < k->count; i++)
        pipepoll_credentials_unref(k->entries[i].credentials);
    free(k->entries);
    *k = (struct keyring) { .count = 0 };
}

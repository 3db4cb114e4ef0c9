/* SPDX-License-Identifier: MIT */
/* An entry is one block: its links, and behind them the id and the token, wiped when it goes. One
 * that is out of date goes when it is asked for, or when others push it out. */
#include "handler/token_cache.h"

#include <stdlib.h>

struct entry {
    struct table_node node;
    struct list link;
    uint64_t until_ms;
    str client_id, token; /* behind it */
};

static struct entry *entry_of(struct list *link)
{
    return CONTAINER_OF(link, struct entry, link);
}

static void drop(struct token_cache *c, struct entry *e)
{
    table_remove(&c->table, &e->node);
    list_remove(&e->link);
    explicit_bzero(e + 1, e->client_id.len + e->token.len);
    free(e);
    c->count--;
}

static struct entry *find(const struct token_cache *c, str client_id)
{
    struct table_node *n = table_first(&c->table, table_hash(c->table.seed, client_id));
    for (; n; n = table_next(n)) {
        struct entry *e = CONTAINER_OF(n, struct entry, node);
        if (str_eq(e->client_id, client_id))
            return e;
    }
    return NULL;
}

void token_cache_init(struct token_cache *c, size_t max, uint64_t ttl_ms, uint64_t unknown_ttl_ms,
                      uint64_t seed)
{
    *c = (struct token_cache) { .max = max, .ttl_ms = ttl_ms, .unknown_ttl_ms = unknown_ttl_ms };
    table_init(&c->table, (struct alloc) { 0 }, seed);
    list_init(&c->by_use);
}

void token_cache_deinit(struct token_cache *c)
{
    while (c->count)
        drop(c, entry_of(c->by_use.next));
    table_deinit(&c->table);
}

enum token_cached token_cache_get(struct token_cache *c, str client_id, uint64_t now_ms, str *token)
{
    struct entry *e = find(c, client_id);
    *token = (str) { NULL, 0 };
    if (!e)
        return TOKEN_NOT_CACHED;
    if (now_ms >= e->until_ms) {
        drop(c, e);
        return TOKEN_NOT_CACHED;
    }
    list_remove(&e->link);
    list_put_first(&c->by_use, &e->link);
    *token = e->token;
    return e->token.len ? TOKEN_CACHED : TOKEN_CACHED_UNKNOWN;
}

void token_cache_forget(struct token_cache *c, str client_id)
{
    struct entry *e = find(c, client_id);
    if (e)
        drop(c, e);
}

void token_cache_put(struct token_cache *c, str client_id, str token, uint64_t now_ms)
{
    struct entry *e = malloc(sizeof *e + client_id.len + token.len);
    token_cache_forget(c, client_id);
    if (!e)
        return;
    if (c->count == c->max)
        drop(c, entry_of(c->by_use.prev));
    char *at = (char *)(e + 1);
    *e = (struct entry) { .until_ms = now_ms + (token.len ? c->ttl_ms : c->unknown_ttl_ms) };
    e->client_id = str_keep(&at, client_id);
    e->token = str_keep(&at, token);
    list_init(&e->link);
    list_put_first(&c->by_use, &e->link);
    table_put(&c->table, &e->node, table_hash(c->table.seed, client_id));
    c->count++;
}

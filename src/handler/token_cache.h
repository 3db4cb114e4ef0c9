/* SPDX-License-Identifier: MIT */
/* What is known of clients' tokens, for a while: which token a client id has, or that it has none.
 * Bounded: the entry that was not asked for the longest gives way. Pure: time is an argument. */
#ifndef HANDLER_TOKEN_CACHE_H
#define HANDLER_TOKEN_CACHE_H

#include "base/list.h"
#include "base/table.h"

struct token_cache {
    struct table table;
    struct list by_use; /* the last used first */
    size_t count, max;  /* max: at least 1 */
    uint64_t ttl_ms, unknown_ttl_ms;
};

enum token_cached { TOKEN_CACHED, TOKEN_CACHED_UNKNOWN, TOKEN_NOT_CACHED };

/* seed: one that whoever chooses the client ids does not know. */
void token_cache_init(struct token_cache *c, size_t max, uint64_t ttl_ms, uint64_t unknown_ttl_ms,
                      uint64_t seed);
/* Wipes every token; fine on a zeroed one. */
void token_cache_deinit(struct token_cache *c);

/* *token lives until the next call of any other. */
enum token_cached token_cache_get(struct token_cache *c, str client_id, uint64_t now_ms,
                                  str *token);
/* token: copied; empty: the client id is unknown. Replaces what was there. Without memory the entry
 * is only not kept. */
void token_cache_put(struct token_cache *c, str client_id, str token, uint64_t now_ms);
/* Fine when it is not there. */
void token_cache_forget(struct token_cache *c, str client_id);

#endif

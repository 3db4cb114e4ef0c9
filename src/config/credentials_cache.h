/* SPDX-License-Identifier: MIT */
/* The credentials of the targets that a poller is given: one object for each identity, so that
 * those of equal identity share its credentials. The poller keeps its own references, and knows
 * equal credentials of another cache again: a cache lives no longer than the adding of targets. */
#ifndef CONFIG_CREDENTIALS_CACHE_H
#define CONFIG_CREDENTIALS_CACHE_H

#include "base/table.h"
#include "config/identity_config.h"

struct credentials_cache_entry;

struct credentials_cache {
    struct table all;
    struct credentials_cache_entry *newest; /* that was asked for */
};

/* Borrowed from the cache; the identity's slices must outlive it. As
 * identity_config_credentials(). */
int credentials_cache_get(struct credentials_cache *cache, const struct identity_config *id,
                          struct pipepoll_credentials **out, struct pipepoll_error *why);
void credentials_cache_deinit(struct credentials_cache *cache); /* fine on a zeroed one */

#endif

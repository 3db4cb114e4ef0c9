/* SPDX-License-Identifier: MIT */
/* Whose credentials sign the calls of a target: an identity as the poller sees it, shared by all
 * targets whose configurations name the same credentials. */
#ifndef CLIENT_PRINCIPAL_H
#define CLIENT_PRINCIPAL_H

#include "base/list.h"
#include "base/table.h"
#include "credentials/identity.h"
#include "credentials/profiles.h"

struct principal {
    struct table_node node;
    struct list news_link; /* in principals.news: look at it at the next tick */
    struct list clients;   /* those that it signs for; the poller's */
    struct principals *all;
    struct identity *identity;
    struct pipepoll_credentials *config; /* referenced */
    uint32_t client_count;
    uint32_t wanted;      /* by so many targets that are polled, and requests */
    bool refetch_wanted;  /* when its news are taken */
    bool refetch_running; /* its targets are to be polled when the fetch under way ends */
    uint32_t refetches;   /* such fetches that ended */
    uint64_t told_hash;   /* of what was told last */
    struct pipepoll_identity report;
};

/* What principals are made from and belong to. */
struct principals {
    struct table used; /* by configuration */
    struct list news;  /* those that may have changed, in the order in which they did */
    uint32_t open;     /* those that are closing included */
    struct provider_host host;
    struct profiles_recent recent; /* the host's */
    /* From the loop: a principal has news, or the last one that closes is gone. */
    void (*on_change)(void *ctx);
    void *ctx;
};

/* The principal of this configuration, made when no client uses it yet: then for the region of the
 * first one, this one. Counts the caller as one more. PIPEPOLL_ENOMEM. */
int principal_join(struct principals *all, struct pipepoll_credentials *config, str region,
                   struct principal **out);
/* The first with news, which it has no more then; NULL when there is none. */
struct principal *principal_next_changed(struct principals *all);

/* One client less; the last one ends it: principals.open goes down later, from the loop. */
void principal_leave(struct principal *principal);

/* One more that signs with it (a target that is polled, a request), or one less: without any its
 * credentials are neither fetched nor refreshed. Before principal_leave(). */
void principal_want(struct principal *principal);
void principal_unwant(struct principal *principal);

/* For all, as their news are taken (there may be many): credentials that are missing, refused or
 * degraded are fetched, and whoever waits for others tries again with what came. */
void principals_retry(struct principals *all);

/* Its texts live until the loop turns. */
const struct pipepoll_identity *principal_report(struct principal *principal);

/* Is this report worth telling? Not when it differs from the one before in the numbers of its
 * reason only: a fetch that fails again and again is told once. Remembers it as told. */
bool principal_is_news(struct principal *principal, const struct pipepoll_identity *report);

#endif

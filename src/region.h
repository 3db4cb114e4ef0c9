/* One region as a poller sees it: where its calls go, the key they are signed with, the connections
 * they use and the slots they share. What goes wrong in one stays in it. */
#ifndef REGION_H
#define REGION_H

#include "aws/endpoint.h"
#include "aws/sigv4.h"
#include "io/transport.h"
#include "poll/schedule.h"

struct region {
    struct list link;
    struct share share;
    struct endpoint endpoint;
    struct sigv4_key key;
    struct pool *pool;
    uint32_t target_count;
    size_t name_len;
    char name[64];
};

/* What regions are made from and belong to. */
struct regions {
    struct list all;
    struct alloc alloc;
    struct digest *digest;
    struct transport *transport;
    struct schedule *schedule;
};

static inline str region_name(const struct region *r)
{
    return (str) { r->name, r->name_len };
}

/* The region for this rule, made when no target uses it yet. Counts the caller as one more target.
 * PIPEPOLL_EINVAL (see endpoint_resolve), PIPEPOLL_ENOMEM, PIPEPOLL_ESYSTEM. */
int region_join(struct regions *all, const struct endpoint_rule *rule, struct region **out,
                struct pipepoll_error *why);
/* One target less, none of its calls in flight; the last one ends the region and its
 * connections. */
void region_leave(struct regions *all, struct region *r);

#endif

/* One region as the targets of one identity see it: where its calls go, the key they are signed
 * with, how far its clock is off, the connections they use, and what they may ask for. What goes
 * wrong in one stays in it. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "aws/clock_skew.h"
#include "aws/endpoint.h"
#include "aws/sigv4.h"
#include "client/limiter.h"
#include "client/principal.h"
#include "io/transport.h"
#include "poll/schedule.h"

struct region {
    struct table_node node;
    struct list link; /* in its principal's regions, or in regions.lagging */
    struct share share;
    struct endpoint endpoint;
    struct sigv4_key key;
    struct amz_date date; /* of the last call: made anew once a second */
    struct clock_skew clock;
    struct pool *pool;
    struct principal *principal;
    struct limiter *limiter;
    bool awaits_credentials; /* the service refused those there are, and others are being fetched */
    bool is_closed;          /* to this account: it refuses credentials that others accept */
    uint32_t credentials_serial,
        accepted_serial; /* of the set it was told of; that it accepted last */
    uint32_t retries;    /* of its principal, that it has followed */
    struct list waiting; /* the poller's targets that failed for the set or its account */
    uint32_t target_count;
    size_t name_len;
    char name[64];
};

/* What regions are made from and belong to. */
struct regions {
    struct table all;    /* by principal, name, URL and whether it is verified */
    struct list lagging; /* those whose principals' news they have not followed yet */
    struct alloc alloc;
    struct transport *transport;
    struct schedule *schedule;
    struct principals principals;
    struct limiters limiters;
};

static inline str region_name(const struct region *r)
{
    return (str) { r->name, r->name_len };
}

/* The region for this rule and these credentials, made when no target uses it yet. Counts the
 * caller as one more target. PIPEPOLL_EINVAL (see endpoint_resolve), PIPEPOLL_ENOMEM,
 * PIPEPOLL_ESYSTEM. */
int region_join(struct regions *all, const struct endpoint_rule *rule,
                struct pipepoll_credentials *config, struct region **out,
                struct pipepoll_error *why);
/* One target less, none of its calls in flight; the last one ends the region and its
 * connections. */
void region_leave(struct regions *all, struct region *r);

/* The principal has news: its regions lag from now on, which costs the same for any number. */
void regions_follow(struct regions *all, struct principal *principal);
/* Some regions follow their principals: their targets are held while there are no credentials, and
 * let go when there are; and it is seen which account they are of. What waited for other
 * credentials is moved to the end of `woken` when there are such, or when somebody asked for it
 * (principals_retry()). true: no region lags any more. */
bool regions_catch_up(struct regions *all, struct list *woken);

/* The service refused the current credentials: what for is said by its words. The verdict is one
 * of: FAULT_EXPIRED, others are on their way, and the region's targets wait for them;
 * FAULT_NOT_ENABLED, other regions accept them; FAULT_NO_CREDENTIALS. */
struct region_refusal {
    str code, message;
    enum pipepoll_cause cause;
};
enum fault region_credentials_refused(struct regions *all, struct region *r,
                                      const struct region_refusal *said);
/* It gave an answer that only good credentials get. */
void region_credentials_accepted(struct region *r);

#endif

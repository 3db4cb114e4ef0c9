/* SPDX-License-Identifier: MIT */
/* A client is one region as the targets of one identity see it: where its calls go, the key they
 * are signed with, how far its clock is off, the connections they use, and what they may ask for.
 * What goes wrong in one stays in it. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "aws/clock_skew.h"
#include "aws/endpoint.h"
#include "aws/sigv4.h"
#include "client/limiter.h"
#include "client/principal.h"
#include "io/transport.h"
#include "poll/schedule.h"

struct client {
    struct table_node node;
    struct list link; /* in its principal's clients, or in clients.lagging */
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
    uint32_t refetches;  /* of its principal, that it has followed */
    struct list waiting; /* the poller's targets that failed for the set or its account */
    uint32_t users;
    size_t name_len;
    char name[64];
};

/* What clients are made from and belong to. */
struct clients {
    struct table all;    /* by principal, name, URL and whether it is verified */
    struct list lagging; /* those whose principals' news they have not followed yet */
    struct alloc alloc;
    struct transport *transport;
    struct schedule *schedule;
    struct principals principals;
    struct limiters limiters;
};

static inline str client_name(const struct client *client)
{
    return (str) { client->name, client->name_len };
}

/* The client for this rule and these credentials, made when no target uses it yet. Counts the
 * caller as one more user. PIPEPOLL_EINVAL (see endpoint_resolve), PIPEPOLL_ENOMEM,
 * PIPEPOLL_ESYSTEM. */
int client_join(struct clients *all, const struct endpoint_rule *rule,
                struct pipepoll_credentials *config, struct client **out,
                struct pipepoll_error *why);
/* The same for a client that has users: one more. */
static inline struct client *client_ref(struct client *client)
{
    client->users++;
    return client;
}
/* One user (a target or a request) less, none of its calls in flight; the last one ends the
 * client and its connections. */
void client_leave(struct clients *all, struct client *client);

/* The principal has news: its clients lag from now on, which costs the same for any number. */
void clients_follow(struct clients *all, struct principal *principal);
/* Some clients follow their principals: their targets are held while there are no credentials, and
 * let go when there are; and it is seen which account they are of. What waited for other
 * credentials is moved to the end of `woken` when there are such, or when somebody asked for it
 * (principals_retry()). true: no client lags any more. */
bool clients_catch_up(struct clients *all, struct list *woken);

/* The service refused the current credentials: what for is said by its words. The verdict is one
 * of: FAULT_EXPIRED, others are on their way, and the client's targets wait for them;
 * FAULT_NOT_ENABLED, other regions accept them; FAULT_NO_CREDENTIALS. */
struct client_refusal {
    str code, message;
    enum pipepoll_cause cause;
};
enum fault client_credentials_refused(struct clients *all, struct client *client,
                                      const struct client_refusal *said);
/* It gave an answer that only good credentials get. */
void client_credentials_accepted(struct client *client);

#endif

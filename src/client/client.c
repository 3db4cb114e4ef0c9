/* SPDX-License-Identifier: MIT */
/* A client's link is in its principal's list while it is up to date, and in that of the lagging
 * otherwise: a whole list moves at once when there are news, and clients come back one by one, in
 * slices. Catching up means: follow the account to its limiter, hold or let go the share, and wake
 * what waited for other credentials.
 *
 * A client that was half made is freed as any other: each part of it may be missing but the
 * principal. */
#include "client/client.h"

#include "base/log.h"

/* A slice of so many takes some 10 us. */
enum { CAUGHT_UP_AT_ONCE = 64 };

static uint64_t hash_of(uint64_t seed, const struct endpoint *e, const struct principal *principal)
{
    str owner = { (const char *)&principal, sizeof principal };
    return table_hash(table_hash(table_hash(seed, owner), e->signing_region), e->url);
}

static struct client *find(const struct clients *all, const struct endpoint *e,
                           const struct principal *principal)
{
    uint64_t hash = hash_of(all->all.seed, e, principal);
    for (struct table_node *n = table_first(&all->all, hash); n; n = table_next(n)) {
        struct client *client = CONTAINER_OF(n, struct client, node);
        if (client->principal == principal && client->endpoint.insecure == e->insecure &&
            str_eq(client_name(client), e->signing_region) && str_eq(client->endpoint.url, e->url))
            return client;
    }
    return NULL;
}

/* --- credentials and accounts --- */

static void hold_without_credentials(struct clients *all, struct client *client)
{
    bool has_credentials = identity_current(client->principal->identity) != NULL;
    schedule_share_hold(all->schedule, &client->share,
                        !has_credentials || client->awaits_credentials, timers_now_ns());
}

static struct limiter_key limiter_key_of(const struct client *client)
{
    const struct credentials *credentials = identity_current(client->principal->identity);
    return (struct limiter_key) {
        .account = credentials ? credentials->account_id : STR(""),
        .owner = client->principal,
        .region = client_name(client),
        .url = client->endpoint.url,
    };
}

/* Out of memory, it stays with the limiter it has. */
static void follow_account(struct clients *all, struct client *client)
{
    struct limiter_key key = limiter_key_of(client);
    struct limiter *next;
    if (!identity_current(client->principal->identity) || limiter_is(client->limiter, &key) ||
        limiter_join(&all->limiters, &key, timers_now_ns(), &next))
        return;
    if (next->users == 1) /* new: what was told of the one before is meant for it */
        budget_set_share(&next->budget, &client->limiter->budget.share, timers_now_ns());
    schedule_share_use(all->schedule, &client->share, &next->budget);
    limiter_leave(&all->limiters, client->limiter);
    client->limiter = next;
}

static void wake_waiting(struct client *client, struct list *woken)
{
    uint32_t serial = identity_serial(client->principal->identity);
    if ((client->credentials_serial != serial && !client->is_closed) ||
        client->refetches != client->principal->refetches)
        list_move_all(woken, &client->waiting);
    client->credentials_serial = serial;
    client->refetches = client->principal->refetches;
}

void clients_follow(struct clients *all, struct principal *principal)
{
    if (principal->refetch_running && !identity_is_fetching(principal->identity)) {
        principal->refetch_running = false;
        principal->refetches++;
    }
    list_move_all(&all->lagging, &principal->clients);
}

static void catch_up(struct clients *all, struct client *client, struct list *woken)
{
    bool fetching = identity_is_fetching(client->principal->identity);
    client->awaits_credentials = client->awaits_credentials && fetching;
    follow_account(all, client);
    hold_without_credentials(all, client);
    if (!fetching)
        wake_waiting(client, woken);
}

bool clients_catch_up(struct clients *all, struct list *woken)
{
    struct list *l;
    for (int i = 0; i < CAUGHT_UP_AT_ONCE && (l = list_pop_first(&all->lagging)) != NULL; i++) {
        struct client *client = CONTAINER_OF(l, struct client, link);
        list_put_last(&client->principal->clients, &client->link);
        catch_up(all, client, woken);
    }
    return list_empty(&all->lagging);
}

/* A region that an account has not enabled knows none of its credentials, good as they are
 * elsewhere. One that accepted these very credentials before says something else: that they were
 * taken away. What was found of one set is believed of the next, until that one is refused where
 * others were not. */
static bool is_closed_to(const struct client *client, enum pipepoll_cause cause)
{
    const struct identity *id = client->principal->identity;
    bool knows_not = cause == PIPEPOLL_CAUSE_UNKNOWN_KEY;
    bool accepted_elsewhere =
        identity_is_accepted(id) && client->accepted_serial != identity_serial(id);
    return knows_not && (accepted_elsewhere || (client->is_closed && !identity_is_refused(id)));
}

enum fault client_credentials_refused(struct clients *all, struct client *client,
                                      const struct client_refusal *said)
{
    struct pipepoll_error why;
    str code = said->code, message = said->message;
    client->is_closed = is_closed_to(client, said->cause);
    if (client->is_closed)
        return FAULT_NOT_ENABLED;
    explain(&why, 0, "%.*s refused the credentials: %.*s%s%.*s", STR_ARG(client_name(client)),
            STR_ARG(code), message.len ? ": " : "", STR_ARG(message));
    explain_cause(&why, said->cause, STR(""));
    if (!identity_refused(client->principal->identity, &why))
        return FAULT_NO_CREDENTIALS;
    client->awaits_credentials = true;
    hold_without_credentials(all, client);
    return FAULT_EXPIRED;
}

void client_credentials_accepted(struct client *client)
{
    client->is_closed = false;
    client->accepted_serial = identity_serial(client->principal->identity);
    identity_accepted(client->principal->identity);
}

/* --- joining and leaving --- */

static void client_free(struct clients *all, struct client *client)
{
    if (client->pool)
        pool_close(client->pool);
    sigv4_key_deinit(&client->key);
    limiter_leave(&all->limiters, client->limiter);
    principal_leave(client->principal);
    alloc_free(&all->alloc, client, sizeof *client);
}

/* Takes over the caller's place at the principal. */
static int client_new(struct clients *all, const struct endpoint_rule *rule,
                      struct principal *principal, struct client **out)
{
    struct client *client = alloc_new(&all->alloc, sizeof *client);
    if (!client) {
        principal_leave(principal);
        return PIPEPOLL_ENOMEM;
    }
    client->principal = principal;
    list_init(&client->waiting);
    int failed = endpoint_resolve(&client->endpoint, rule, NULL);
    if (!failed) {
        /* Not as it was asked for, which may be "fips-us-east-1": signatures and limits are the
         * region's own. */
        client->name_len = client->endpoint.signing_region.len;
        memcpy(client->name, client->endpoint.signing_region.ptr,
               client->name_len); /* 63 at most */
    }
    if (!failed)
        failed = sigv4_key_init(&client->key, client_name(client), STR("codepipeline"));
    struct pool_options o = { .url = client->endpoint.url, .insecure = client->endpoint.insecure };
    if (!failed)
        failed = pool_open(&client->pool, all->transport, &o);
    struct limiter_key key = limiter_key_of(client);
    if (!failed)
        failed = limiter_join(&all->limiters, &key, timers_now_ns(), &client->limiter);
    if (!failed)
        failed = schedule_share_add(all->schedule, &client->share, &client->limiter->budget);
    if (failed) {
        client_free(all, client);
        return failed;
    }
    client->credentials_serial = identity_serial(principal->identity);
    client->refetches = principal->refetches;
    hold_without_credentials(all, client);
    table_put(&all->all, &client->node, hash_of(all->all.seed, &client->endpoint, principal));
    list_put_last(&principal->clients, &client->link);
    *out = client;
    return 0;
}

int client_join(struct clients *all, const struct endpoint_rule *rule,
                struct pipepoll_credentials *config, struct client **out,
                struct pipepoll_error *why)
{
    struct endpoint endpoint;
    int failed = endpoint_resolve(&endpoint, rule, why);
    if (failed)
        return failed;
    struct principal *principal;
    struct client *client = NULL;
    failed = principal_join(&all->principals, config, endpoint.signing_region, &principal);
    if (!failed) {
        client = find(all, &endpoint, principal);
        if (client)
            principal_leave(principal); /* the client has joined it already */
        else
            failed = client_new(all, rule, principal, &client);
    }
    if (failed)
        return explain(why, failed, "%s", pipepoll_strerror(failed));
    client->users++;
    *out = client;
    return 0;
}

void client_leave(struct clients *all, struct client *client)
{
    if (--client->users)
        return;
    schedule_share_remove(all->schedule, &client->share);
    table_remove(&all->all, &client->node);
    list_remove(&client->link);
    client_free(all, client);
}

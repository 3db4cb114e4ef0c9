/* A region's link is in its principal's list while it is up to date, and in that of the lagging
 * otherwise: a whole list moves at once when there are news, and regions come back one by one, in
 * slices. Catching up means: follow the account to its limiter, hold or let go the share, and wake
 * what waited for other credentials.
 *
 * A region that was half made is freed as any other: each part of it may be missing but the
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

static struct region *find(const struct regions *all, const struct endpoint *e,
                           const struct principal *principal)
{
    uint64_t hash = hash_of(all->all.seed, e, principal);
    for (struct table_node *n = table_first(&all->all, hash); n; n = table_next(n)) {
        struct region *r = CONTAINER_OF(n, struct region, node);
        if (r->principal == principal && r->endpoint.insecure == e->insecure &&
            str_eq(region_name(r), e->signing_region) && str_eq(r->endpoint.url, e->url))
            return r;
    }
    return NULL;
}

/* --- credentials and accounts --- */

static void hold_without_credentials(struct regions *all, struct region *r)
{
    bool has_credentials = identity_current(r->principal->identity) != NULL;
    schedule_share_hold(all->schedule, &r->share, !has_credentials || r->awaits_credentials,
                        wake_now_ns());
}

static struct limiter_key limiter_key_of(const struct region *r)
{
    const struct credentials *credentials = identity_current(r->principal->identity);
    return (struct limiter_key) {
        .account = credentials ? credentials->account_id : STR(""),
        .owner = r->principal,
        .region = region_name(r),
        .url = r->endpoint.url,
    };
}

/* Out of memory, it stays with the limiter it has. */
static void follow_account(struct regions *all, struct region *r)
{
    struct limiter_key key = limiter_key_of(r);
    struct limiter *next;
    if (!identity_current(r->principal->identity) || limiter_is(r->limiter, &key) ||
        limiter_join(&all->limiters, &key, wake_now_ns(), &next))
        return;
    schedule_share_use(all->schedule, &r->share, &next->budget);
    limiter_leave(&all->limiters, r->limiter);
    r->limiter = next;
}

static void wake_waiting(struct region *r, struct list *woken)
{
    uint32_t serial = identity_serial(r->principal->identity);
    if ((r->credentials_serial != serial && !r->is_closed) || r->retries != r->principal->retries)
        list_move_all(woken, &r->waiting);
    r->credentials_serial = serial;
    r->retries = r->principal->retries;
}

void regions_follow(struct regions *all, struct principal *principal)
{
    if (principal->retry && !identity_is_fetching(principal->identity)) {
        principal->retry = false;
        principal->retries++;
    }
    list_move_all(&all->lagging, &principal->regions);
}

static void catch_up(struct regions *all, struct region *r, struct list *woken)
{
    bool fetching = identity_is_fetching(r->principal->identity);
    r->awaits_credentials = r->awaits_credentials && fetching;
    follow_account(all, r);
    hold_without_credentials(all, r);
    if (!fetching)
        wake_waiting(r, woken);
}

bool regions_catch_up(struct regions *all, struct list *woken)
{
    struct list *l;
    for (int i = 0; i < CAUGHT_UP_AT_ONCE && (l = list_pop_first(&all->lagging)) != NULL; i++) {
        struct region *r = CONTAINER_OF(l, struct region, link);
        list_put_last(&r->principal->regions, &r->link);
        catch_up(all, r, woken);
    }
    return list_empty(&all->lagging);
}

/* A region that an account has not enabled knows none of its credentials, good as they are
 * elsewhere. One that accepted these very credentials before says something else: that they were
 * taken away. What was found of one set is believed of the next, until that one is refused where
 * others were not. */
static bool is_closed_to(const struct region *r, str code)
{
    const struct identity *id = r->principal->identity;
    bool knows_not = str_eq(code, STR("UnrecognizedClientException")) ||
                     str_eq(code, STR("InvalidClientTokenId"));
    bool accepted_elsewhere = identity_is_accepted(id) && r->accepted_serial != identity_serial(id);
    return knows_not && (accepted_elsewhere || (r->is_closed && !identity_is_refused(id)));
}

enum fault region_credentials_refused(struct regions *all, struct region *r,
                                      const struct region_refusal *said)
{
    struct pipepoll_error why;
    str code = said->code, message = said->message;
    r->is_closed = is_closed_to(r, code);
    if (r->is_closed)
        return FAULT_NOT_ENABLED;
    explain(&why, 0, "%.*s refused the credentials: %.*s%s%.*s", STR_ARG(region_name(r)),
            STR_ARG(code), message.len ? ": " : "", STR_ARG(message));
    explain_cause(&why, said->cause, STR(""));
    if (!identity_refused(r->principal->identity, &why))
        return FAULT_NO_CREDENTIALS;
    r->awaits_credentials = true;
    hold_without_credentials(all, r);
    return FAULT_EXPIRED;
}

void region_credentials_accepted(struct region *r)
{
    r->is_closed = false;
    r->accepted_serial = identity_serial(r->principal->identity);
    identity_accepted(r->principal->identity);
}

/* --- joining and leaving --- */

static void region_free(struct regions *all, struct region *r)
{
    if (r->pool)
        pool_close(r->pool);
    sigv4_key_deinit(&r->key);
    limiter_leave(&all->limiters, r->limiter);
    principal_leave(r->principal);
    alloc_free(&all->alloc, r, sizeof *r);
}

/* Takes over the caller's place at the principal. */
static int region_new(struct regions *all, const struct endpoint_rule *rule,
                      struct principal *principal, struct region **out)
{
    struct region *r = alloc_new(&all->alloc, sizeof *r);
    if (!r) {
        principal_leave(principal);
        return PIPEPOLL_ENOMEM;
    }
    r->principal = principal;
    list_init(&r->waiting);
    int failed = endpoint_resolve(&r->endpoint, rule, NULL);
    if (!failed) {
        /* Not as it was asked for, which may be "fips-us-east-1": signatures and limits are the
         * region's own. */
        r->name_len = r->endpoint.signing_region.len;
        memcpy(r->name, r->endpoint.signing_region.ptr, r->name_len); /* 63 at most */
    }
    if (!failed)
        failed = sigv4_key_init(&r->key, region_name(r), STR("codepipeline"));
    struct pool_options o = { .url = r->endpoint.url, .insecure = r->endpoint.insecure };
    if (!failed)
        failed = pool_open(&r->pool, all->transport, &o);
    struct limiter_key key = limiter_key_of(r);
    if (!failed)
        failed = limiter_join(&all->limiters, &key, wake_now_ns(), &r->limiter);
    if (!failed)
        failed = schedule_share_add(all->schedule, &r->share, &r->limiter->budget);
    if (failed) {
        region_free(all, r);
        return failed;
    }
    r->credentials_serial = identity_serial(principal->identity);
    r->retries = principal->retries;
    hold_without_credentials(all, r);
    table_put(&all->all, &r->node, hash_of(all->all.seed, &r->endpoint, principal));
    list_put_last(&principal->regions, &r->link);
    *out = r;
    return 0;
}

int region_join(struct regions *all, const struct endpoint_rule *rule,
                struct pipepoll_credentials *config, struct region **out,
                struct pipepoll_error *why)
{
    struct endpoint endpoint;
    int failed = endpoint_resolve(&endpoint, rule, why);
    if (failed)
        return failed;
    struct principal *principal;
    struct region *r = NULL;
    failed = principal_join(&all->principals, config, endpoint.signing_region, &principal);
    if (!failed) {
        r = find(all, &endpoint, principal);
        if (r)
            principal_leave(principal); /* the region has joined it already */
        else
            failed = region_new(all, rule, principal, &r);
    }
    if (failed)
        return explain(why, failed, "%s", pipepoll_strerror(failed));
    r->target_count++;
    *out = r;
    return 0;
}

void region_leave(struct regions *all, struct region *r)
{
    if (--r->target_count)
        return;
    schedule_share_remove(all->schedule, &r->share);
    table_remove(&all->all, &r->node);
    list_remove(&r->link);
    region_free(all, r);
}

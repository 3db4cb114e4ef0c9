/* SPDX-License-Identifier: MIT */
/* News are not told when they happen but queued, each principal once however often it changes, and
 * on_change() rings; the poller takes them one by one when it has time. A refetch of all is queued
 * likewise, and each fetch begins as its principal is taken. Leaving takes the principal out of the
 * table at once and frees it when its identity has closed: whoever joins meanwhile gets a new one.
 *
 * What was told last is kept as a hash, in which the digits of the reason are left out. */
#include "client/principal.h"

static struct principal *find(const struct principals *all, const struct credentials_config *config,
                              uint64_t hash)
{
    for (struct table_node *n = table_first(&all->used, hash); n; n = table_next(n)) {
        struct principal *principal = CONTAINER_OF(n, struct principal, node);
        if (credentials_config_eq(&principal->config->config, config))
            return principal;
    }
    return NULL;
}

static void on_identity_change(struct identity *id, void *ctx)
{
    struct principal *principal = ctx;
    if (list_empty(&principal->news_link))
        list_put_last(&principal->all->news, &principal->news_link);
    principal->all->on_change(principal->all->ctx);
}

static int principal_new(struct principals *all, struct pipepoll_credentials *config, str region,
                         struct principal **out)
{
    struct principal *principal = alloc_new(&all->host.alloc, sizeof *principal);
    if (!principal)
        return PIPEPOLL_ENOMEM;
    *principal = (struct principal) { .all = all, .config = config };
    list_init(&principal->news_link);
    list_init(&principal->clients);
    struct identity_options o = {
        .host = &all->host,
        .config = config,
        .region = region,
        .on_change = on_identity_change,
        .ctx = principal,
    };
    int r = identity_open(&principal->identity, &o);
    if (r) {
        alloc_free(&all->host.alloc, principal, sizeof *principal);
        return r;
    }
    pipepoll_credentials_ref(config);
    all->open++;
    if (identity_current(principal->identity))
        on_identity_change(principal->identity,
                           principal); /* those at hand are news; a fetch tells its own */
    *out = principal;
    return 0;
}

int principal_join(struct principals *all, struct pipepoll_credentials *config, str region,
                   struct principal **out)
{
    uint64_t hash = credentials_config_hash(all->used.seed, &config->config);
    struct principal *principal = find(all, &config->config, hash);
    if (!principal) {
        int r = principal_new(all, config, region, &principal);
        if (r)
            return r;
        table_put(&all->used, &principal->node, hash);
    }
    principal->client_count++;
    *out = principal;
    return 0;
}

void principal_want(struct principal *principal)
{
    if (!principal->wanted++)
        identity_want(principal->identity, true);
}

void principal_unwant(struct principal *principal)
{
    if (!--principal->wanted)
        identity_want(principal->identity, false);
}

static void refetch(struct principal *principal)
{
    principal->refetch_wanted = false;
    identity_retry(principal->identity);
    principal->refetch_running = true;
}

/* What a refetch brings at once is part of the news. */
struct principal *principal_next_changed(struct principals *all)
{
    if (list_empty(&all->news))
        return NULL;
    struct principal *principal = CONTAINER_OF(all->news.next, struct principal, news_link);
    if (principal->refetch_wanted)
        refetch(principal);
    list_remove(&principal->news_link);
    return principal;
}

static void on_identity_closed(void *ctx)
{
    struct principal *principal = ctx;
    struct principals *all = principal->all;
    pipepoll_credentials_unref(principal->config);
    alloc_free(&all->host.alloc, principal, sizeof *principal);
    all->open--;
    all->on_change(all->ctx);
}

void principal_leave(struct principal *principal)
{
    if (--principal->client_count)
        return;
    table_remove(&principal->all->used, &principal->node);
    list_remove(&principal->news_link);
    identity_close(principal->identity, on_identity_closed, principal);
}

void principals_retry(struct principals *all)
{
    struct table_walk walk = { 0 };
    for (struct table_node *n; (n = table_each(&all->used, &walk)) != NULL;) {
        struct principal *principal = CONTAINER_OF(n, struct principal, node);
        principal->refetch_wanted = true;
        if (list_empty(&principal->news_link))
            list_put_last(&all->news, &principal->news_link);
    }
    all->on_change(all->ctx);
}

const struct pipepoll_identity *principal_report(struct principal *principal)
{
    struct identity_report now;
    identity_report(principal->identity, &now);
    principal->report = (struct pipepoll_identity) {
        .size = sizeof principal->report,
        .usable = now.usable,
        .refused = now.refused,
        .degraded = now.degraded,
        .expires_s = now.expires_s,
        .source = str_of(now.label),
        .reason = str_of(now.why),
        .cause = now.cause,
        .subject = str_of(now.subject),
    };
    return &principal->report;
}

static uint64_t hash_words(uint64_t hash, str text)
{
    while (text.len) {
        size_t len = 0;
        while (len < text.len && !ascii_is_digit(text.ptr[len]))
            len++;
        hash = table_hash(hash, (str) { text.ptr, len });
        while (len < text.len && ascii_is_digit(text.ptr[len]))
            len++;
        text = str_skip(text, len);
    }
    return hash;
}

static str bytes_of(const void *bytes, size_t len)
{
    return (str) { bytes, len };
}

bool principal_is_news(struct principal *principal, const struct pipepoll_identity *report)
{
    const bool flags[] = { report->usable, report->refused, report->degraded };
    uint64_t hash = table_hash(1, bytes_of(flags, sizeof flags));
    hash = table_hash(hash, bytes_of(&report->expires_s, sizeof report->expires_s));
    hash = table_hash(hash, bytes_of(&report->cause, sizeof report->cause));
    hash = table_hash(hash, report->source);
    hash = hash_words(hash, report->reason);
    bool is_news = hash != principal->told_hash;
    principal->told_hash = hash;
    return is_news;
}

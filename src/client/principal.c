/* News are not told when they happen but queued, each principal once however often it changes, and
 * on_change() rings; the poller takes them one by one when it has time. A retry of all is queued
 * likewise, and each fetch begins as its principal is taken. Leaving takes the principal out of the
 * table at once and frees it when its identity has closed: whoever joins meanwhile gets a new one.
 *
 * What was told last is kept as a hash, in which the digits of the reason are left out. */
#include "client/principal.h"

static struct principal *find(const struct principals *all, const struct credentials_config *config,
                              uint64_t hash)
{
    for (struct table_node *n = table_first(&all->used, hash); n; n = table_next(n)) {
        struct principal *s = CONTAINER_OF(n, struct principal, node);
        if (credentials_config_eq(&s->config->config, config))
            return s;
    }
    return NULL;
}

static void on_identity_change(struct identity *id, void *ctx)
{
    struct principal *s = ctx;
    (void)id;
    if (list_empty(&s->news_link))
        list_put_last(&s->all->news, &s->news_link);
    s->all->on_change(s->all->ctx);
}

static int principal_new(struct principals *all, struct pipepoll_credentials *config, str region,
                         struct principal **out)
{
    struct principal *s = alloc_new(&all->host.alloc, sizeof *s);
    if (!s)
        return PIPEPOLL_ENOMEM;
    *s = (struct principal) { .all = all, .config = config };
    list_init(&s->news_link);
    list_init(&s->regions);
    struct identity_options o = {
        .host = &all->host,
        .config = config,
        .region = region,
        .on_change = on_identity_change,
        .ctx = s,
    };
    int r = identity_open(&s->identity, &o);
    if (r) {
        alloc_free(&all->host.alloc, s, sizeof *s);
        return r;
    }
    pipepoll_credentials_ref(config);
    all->open++;
    if (identity_current(s->identity))
        on_identity_change(s->identity, s); /* those at hand are news; a fetch tells its own */
    *out = s;
    return 0;
}

int principal_join(struct principals *all, struct pipepoll_credentials *config, str region,
                   struct principal **out)
{
    uint64_t hash = credentials_config_hash(all->used.seed, &config->config);
    struct principal *s = find(all, &config->config, hash);
    if (!s) {
        int r = principal_new(all, config, region, &s);
        if (r)
            return r;
        table_put(&all->used, &s->node, hash);
    }
    s->region_count++;
    *out = s;
    return 0;
}

static void retry(struct principal *s)
{
    s->is_to_retry = false;
    identity_retry(s->identity);
    s->retry = true;
}

/* What a retry brings at once is part of the news. */
struct principal *principal_next_changed(struct principals *all)
{
    if (list_empty(&all->news))
        return NULL;
    struct principal *s = CONTAINER_OF(all->news.next, struct principal, news_link);
    if (s->is_to_retry)
        retry(s);
    list_remove(&s->news_link);
    return s;
}

static void on_identity_closed(void *ctx)
{
    struct principal *s = ctx;
    struct principals *all = s->all;
    pipepoll_credentials_unref(s->config);
    alloc_free(&all->host.alloc, s, sizeof *s);
    all->open--;
    all->on_change(all->ctx);
}

void principal_leave(struct principal *s)
{
    if (--s->region_count)
        return;
    table_remove(&s->all->used, &s->node);
    list_remove(&s->news_link);
    identity_close(s->identity, on_identity_closed, s);
}

void principals_retry(struct principals *all)
{
    struct table_walk walk = { 0 };
    for (struct table_node *n; (n = table_each(&all->used, &walk)) != NULL;) {
        struct principal *s = CONTAINER_OF(n, struct principal, node);
        s->is_to_retry = true;
        if (list_empty(&s->news_link))
            list_put_last(&all->news, &s->news_link);
    }
    all->on_change(all->ctx);
}

const struct pipepoll_identity *principal_report(struct principal *s)
{
    struct identity_report now;
    identity_report(s->identity, &now);
    s->report = (struct pipepoll_identity) {
        .size = sizeof s->report,
        .usable = now.usable,
        .refused = now.refused,
        .degraded = now.degraded,
        .expires_s = now.expires_s,
        .source = str_of(now.label),
        .reason = str_of(now.why),
        .cause = now.cause,
        .subject = str_of(now.subject),
    };
    return &s->report;
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 1099511628211u; /* FNV-1a */
    return hash;
}

static uint64_t hash_words(uint64_t hash, str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            hash = hash_bytes(hash, &text.ptr[i], 1);
    return hash;
}

bool principal_is_news(struct principal *s, const struct pipepoll_identity *report)
{
    const bool flags[] = { report->usable, report->refused, report->degraded };
    uint64_t hash = hash_bytes(14695981039346656037u, flags, sizeof flags);
    hash = hash_bytes(hash, &report->expires_s, sizeof report->expires_s);
    hash = hash_bytes(hash, &report->cause, sizeof report->cause);
    hash = hash_bytes(hash, report->source.ptr, report->source.len);
    hash = hash_words(hash, report->reason);
    bool is_news = hash != s->told_hash;
    s->told_hash = hash;
    return is_news;
}

#include "region.h"

#include "base/log.h"

static struct region *find(const struct regions *all, str name, str url)
{
    for (struct list *l = all->all.next; l != &all->all; l = l->next) {
        struct region *r = CONTAINER_OF(l, struct region, link);
        if (str_eq(region_name(r), name) && str_eq(r->endpoint.url, url))
            return r;
    }
    return NULL;
}

static int region_new(struct regions *all, const struct endpoint_rule *rule, struct region **out)
{
    struct region *r = alloc_new(&all->alloc, sizeof *r);
    if (!r)
        return PIPEPOLL_ENOMEM;
    memcpy(r->name, rule->region.ptr, rule->region.len); /* 63 at most: it resolved before */
    r->name_len = rule->region.len;
    int failed = endpoint_resolve(&r->endpoint, rule, NULL);
    if (!failed)
        failed = sigv4_key_init(&r->key, all->digest, region_name(r), STR("codepipeline"));
    if (!failed)
        failed = pool_open(&r->pool, all->transport, r->endpoint.url);
    if (failed) {
        sigv4_key_deinit(&r->key);
        alloc_free(&all->alloc, r, sizeof *r);
        return failed;
    }
    schedule_share_add(all->schedule, &r->share);
    list_put_last(&all->all, &r->link);
    *out = r;
    return 0;
}

int region_join(struct regions *all, const struct endpoint_rule *rule, struct region **out,
                struct pipepoll_error *why)
{
    struct endpoint endpoint;
    int failed = endpoint_resolve(&endpoint, rule, why);
    if (failed)
        return failed;
    struct region *r = find(all, rule->region, endpoint.url);
    if (!r)
        failed = region_new(all, rule, &r);
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
    pool_close(r->pool);
    sigv4_key_deinit(&r->key);
    schedule_share_remove(all->schedule, &r->share);
    list_remove(&r->link);
    alloc_free(&all->alloc, r, sizeof *r);
}

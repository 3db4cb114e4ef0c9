#include "allowance.h"

#include "pipepoll.h"

bool allowance_is(const struct allowance *a, const struct allowance_key *key)
{
    return str_eq(a->account, key->account) && str_eq(a->region, key->region) &&
           str_eq(a->url, key->url) && (key->account.len || a->owner == key->owner);
}

static str copy_text(char **at, str text)
{
    str copy = { *at, text.len };
    if (text.len)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}

static struct allowance *allowance_new(struct allowances *all, const struct allowance_key *key,
                                       uint64_t now_ns)
{
    size_t size = sizeof(struct allowance) + key->account.len + key->region.len + key->url.len;
    struct allowance *a = alloc_new(&all->alloc, size);
    if (!a)
        return NULL;
    char *at = a->text;
    a->size = size;
    a->owner = key->owner;
    a->account = copy_text(&at, key->account);
    a->region = copy_text(&at, key->region);
    a->url = copy_text(&at, key->url);
    budget_init(&a->budget, all->ceiling_per_s, now_ns);
    list_put_last(&all->all, &a->link);
    return a;
}

int allowance_join(struct allowances *all, const struct allowance_key *key, uint64_t now_ns,
                   struct allowance **out)
{
    struct allowance *a = NULL;
    for (struct list *l = all->all.next; !a && l != &all->all; l = l->next)
        if (allowance_is(CONTAINER_OF(l, struct allowance, link), key))
            a = CONTAINER_OF(l, struct allowance, link);
    if (!a)
        a = allowance_new(all, key, now_ns);
    if (!a)
        return PIPEPOLL_ENOMEM;
    a->users++;
    *out = a;
    return 0;
}

void allowance_leave(struct allowances *all, struct allowance *a)
{
    if (!a || --a->users)
        return;
    list_remove(&a->link);
    alloc_free(&all->alloc, a, a->size);
}

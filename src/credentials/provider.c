#include "credentials/provider.h"

#include <stdlib.h>

#include "base/log.h"

static void fixed_free(struct pipepoll_credentials *p)
{
    free(p);
}

int provider_fixed(struct pipepoll_credentials **out, const char *kind, const str keys[3],
                   struct pipepoll_error *why)
{
    struct credentials *c;
    int r = credentials_new(&c, &(struct alloc) { 0 }, keys[0], keys[1], keys[2], UINT64_MAX);
    if (r == PIPEPOLL_EINVAL)
        return explain(why, r,
                       "the %s credentials are empty or hold a character that is not printable "
                       "ASCII (a line end, perhaps)",
                       kind);
    if (r)
        return explain(why, r, "out of memory");
    struct pipepoll_credentials *p = calloc(1, sizeof *p);
    if (!p) {
        credentials_unref(c);
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    }
    *p =
        (struct pipepoll_credentials) { .kind = kind, .free = fixed_free, .refs = 1, .current = c };
    *out = p;
    return 0;
}

struct pipepoll_credentials *pipepoll_credentials_ref(struct pipepoll_credentials *c)
{
    if (c)
        c->refs++;
    return c;
}

struct pipepoll_credentials *pipepoll_credentials_unref(struct pipepoll_credentials *c)
{
    if (!c || --c->refs)
        return NULL;
    credentials_unref(c->current);
    c->free(c);
    return NULL;
}

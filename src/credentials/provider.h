/* Where keys come from. A provider holds the current set and, later, renews it ahead of its expiry;
 * whoever signs takes the current set and never waits. One file per kind. */
#ifndef CREDENTIALS_PROVIDER_H
#define CREDENTIALS_PROVIDER_H

#include "aws/credentials.h"

/* Embedded first in the struct of a kind that needs more. */
struct pipepoll_credentials {
    const char *kind; /* "static", "environment": for logs and errors */
    void (*free)(struct pipepoll_credentials *p);
    unsigned refs;
    struct credentials *current; /* NULL: none yet, or none any more */
};

/* The set to sign with now, borrowed until the loop turns, or NULL. */
static inline struct credentials *provider_current(const struct pipepoll_credentials *p)
{
    return p->current;
}

/* A provider of one set that never changes, the base of kinds that read it once. Errors as
 * pipepoll_credentials_static(); `kind` is a literal and names it in the sentence. */
int provider_fixed(struct pipepoll_credentials **out, const char *kind, const str keys[3],
                   struct pipepoll_error *why);

#endif

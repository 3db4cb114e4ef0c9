/* SPDX-License-Identifier: MIT */
/* One set of credentials, as a provider hands it out: immutable, shared, wiped when the last user
 * goes. */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/str.h"

struct credentials {
    str access_key_id, secret_access_key;
    str session_token;  /* may be empty */
    str account_id;     /* 12 digits, or empty: not known */
    uint64_t expires_s; /* Unix seconds; UINT64_MAX: never */
    /* private */
    struct alloc alloc;
    unsigned refs;
    size_t size;
};

/* What a set is made from. Whoever puts it together wipes what the slices lie in. */
struct credentials_text {
    str access_key_id, secret_access_key, session_token, account_id;
};

/* Each call carries key and token, and a request has to fit the transport. */
enum { CREDENTIALS_KEY_MAX = 512, CREDENTIALS_TOKEN_MAX = 16 << 10 };

/* Why they can be no credentials: the end of a sentence about them, static; NULL: they can. */
const char *credentials_problem(const struct credentials_text *text);

/* Copies the texts, with a NUL after each. An account_id that is not 12 digits is dropped.
 * PIPEPOLL_EINVAL: see credentials_problem(); PIPEPOLL_ENOMEM. */
int credentials_new(struct credentials **out, const struct alloc *alloc,
                    const struct credentials_text *text, uint64_t expires_s);
/* The set that is none: calls with it go unsigned. PIPEPOLL_ENOMEM. */
int credentials_new_anonymous(struct credentials **out, const struct alloc *alloc);
static inline bool credentials_are_anonymous(const struct credentials *c)
{
    return !c->access_key_id.len;
}
/* Are id, secret and token the same? */
bool credentials_eq(const struct credentials *a, const struct credentials *b);
struct credentials *credentials_ref(struct credentials *c);   /* NULL in, NULL out; returns c */
struct credentials *credentials_unref(struct credentials *c); /* NULL in, NULL out; returns NULL */

#endif

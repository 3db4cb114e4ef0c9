/* One set of keys, as a provider hands it out: immutable, shared, wiped when the last user goes. */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/str.h"

struct credentials {
    str access_key_id, secret_access_key, session_token; /* token may be empty; NUL follows each */
    uint64_t expires_s;                                  /* Unix seconds; UINT64_MAX: never */
    /* private */
    struct alloc alloc;
    unsigned refs;
    size_t size;
};

/* Copies the three. PIPEPOLL_EINVAL: an empty key, or a byte below 0x20 or above 0x7e in any;
 * PIPEPOLL_ENOMEM. */
int credentials_new(struct credentials **out, const struct alloc *alloc, str access_key_id,
                    str secret_access_key, str session_token, uint64_t expires_s);
struct credentials *credentials_ref(struct credentials *c);   /* NULL in, NULL out; returns c */
struct credentials *credentials_unref(struct credentials *c); /* NULL in, NULL out; returns NULL */

#endif

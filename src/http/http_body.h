/* SPDX-License-Identifier: MIT */
/* The bytes of a reply that others may share: each who sends them has a reference, and they go
 * with the last. Whoever reads slowly keeps what it reads, and nobody waits for it. All on one
 * thread. */
#ifndef HTTP_HTTP_BODY_H
#define HTTP_HTTP_BODY_H

#include <stddef.h>

struct http_body {
    size_t references, len;
    char *bytes; /* owned */
};

/* With one reference. bytes is from malloc(), and taken in any case. NULL: no memory, or no
 * bytes. */
struct http_body *http_body_new(char *bytes, size_t len);

/* Both are fine on NULL. The second returns NULL. */
struct http_body *http_body_ref(struct http_body *body);
struct http_body *http_body_unref(struct http_body *body);

#endif

/* SPDX-License-Identifier: MIT */
/* A URL taken apart: the one reading of it, so that the host whose name is judged is the one that
 * is called, past no other's proxy. Nothing is judged here but what cannot be told apart. And
 * percent-encoding. Pure. */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>

#include "base/buf.h"

/* Slices of the text. Where a part is not there its ptr is NULL. */
struct url {
    str scheme;    /* what stands before "://" */
    str user;      /* before the last '@' of the authority: user, or user:password */
    str authority; /* host and port as they stand there, without the user; never NULL */
    str host;      /* of the authority, without the brackets of an IPv6 address; never NULL */
    str port;      /* behind its ':'; may be empty */
    str target;    /* from the first '/', '?' or '#' behind the authority on; may be empty */
    bool in_brackets;
};

/* How much of a text without a scheme is its authority. */
size_t url_authority_len(str text);

/* false: a '[' without its ']', or something between ']' and the port; nothing of *out may be used
 * then. */
bool url_split(struct url *out, str text);

/* Put a byte as "%2F". */
void url_put_escaped(struct buf *out, char byte);
/* Put a text with all escaped but the unreserved characters of RFC 3986 and those in `plain`. A '%'
 * that is there already is escaped like any other byte. */
void url_put_encoded(struct buf *out, str text, const char *plain);

#endif

/* SPDX-License-Identifier: MIT */
/* SHA-256 and its HMAC, at once. */
#ifndef SIM_SHA_H
#define SIM_SHA_H

#include "base/str.h"

enum { SHA_SIZE = 32, SHA_HEX_SIZE = 64 };

struct sha {
    unsigned char bytes[SHA_SIZE];
};

struct sha sha_of(str text);
struct sha sha_hmac(str key, str text);

static inline str sha_str(const struct sha *s)
{
    return (str) { (const char *)s->bytes, sizeof s->bytes };
}

/* 64 lower-case hex digits, no NUL. */
void sha_hex(char out[SHA_HEX_SIZE], const struct sha *in);

#endif

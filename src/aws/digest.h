/* SPDX-License-Identifier: MIT */
/* SHA-256 and HMAC-SHA-256, SHA-1 for file names, and public keys of Ed25519: OpenSSL lives behind
 * these lines and nowhere else in aws/. Nothing allocates but these two; nothing fails but they and
 * the check at start. State is the caller's, who copies it like any struct and wipes it where it is
 * secret. */
#ifndef AWS_DIGEST_H
#define AWS_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum {
    SHA256_SIZE = 32,
    SHA256_HEX_SIZE = 64,
    SHA256_BLOCK_SIZE = 64, /* an HMAC key that is longer counts as its SHA-256 */
    SHA1_SIZE = 20,
    SHA1_HEX_SIZE = 40
};

struct sha256 {
    unsigned char bytes[SHA256_SIZE];
};

/* A sum on its way. */
struct sha256_sum {
    uint32_t room[28]; /* OpenSSL's own state */
};

/* A key used again and again: the sums of its two pads, from where each HMAC goes on. */
struct hmac_key {
    struct sha256_sum inner, outer;
};

/* Known answers of all that is below but SHA-1, for once at start: what cannot fail can still be
 * wrong, in a library built otherwise. 0 or PIPEPOLL_ESYSTEM. */
int digest_check(void);

/* SHA-256 of many slices put one after the other. After end, s must begin anew. */
void sha256_begin(struct sha256_sum *s);
void sha256_put(struct sha256_sum *s, str in);
void sha256_end(struct sha256_sum *s, struct sha256 *out);
/* SHA-256 of one slice. */
void sha256(struct sha256 *out, str in);

/* HMAC with a key used once (the steps of key derivation); key may lie in *out. */
void hmac_sha256(struct sha256 *out, str key, str in);

/* Keep a key, of any length; its bytes are not needed after. */
void hmac_key_set(struct hmac_key *k, str key);
/* HMAC with the key that was set last. */
void hmac_key_sign(const struct hmac_key *k, struct sha256 *out, str in);
/* The same of many slices put one after the other. */
void hmac_key_sign_parts(const struct hmac_key *k, struct sha256 *out, const str *parts,
                         size_t count);
void hmac_key_wipe(struct hmac_key *k);

static inline str sha256_str(const struct sha256 *s)
{
    return (str) { (const char *)s->bytes, sizeof s->bytes };
}

/* 64 lower-case hex digits, no NUL. */
void sha256_hex(char out[SHA256_HEX_SIZE], const struct sha256 *in);

/* SHA-1 of one slice as 40 lower-case hex digits, no NUL: what the SSO token cache names its files
 * by, of use for nothing else. 0 or PIPEPOLL_ESYSTEM. */
int digest_sha1_hex(char out[SHA1_HEX_SIZE], str in);

/* The public key of an Ed25519 private key. 0 or PIPEPOLL_ESYSTEM. */
enum { ED25519_SIZE = 32 };
int digest_ed25519_public(unsigned char out[ED25519_SIZE], const unsigned char key[ED25519_SIZE]);

/* Are these bytes equal? How long it takes does not depend on where they differ. */
bool digest_eq(const void *a, const void *b, size_t size);

/* Zero memory in a way the compiler keeps. */
void digest_wipe(void *ptr, size_t size);

#endif

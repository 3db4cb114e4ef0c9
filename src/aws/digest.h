/* SHA-256 and HMAC-SHA-256: OpenSSL lives behind these lines and nowhere else in aws/.
 * One `struct digest` per poller; not shared between threads. We allocate in the two new() only;
 * OpenSSL itself takes and gives back a few blocks in every HMAC (it copies the keyed state). */
#ifndef AWS_DIGEST_H
#define AWS_DIGEST_H

#include <stddef.h>

#include "base/str.h"

enum { SHA256_SIZE = 32, SHA256_HEX_SIZE = 64 };

struct sha256 {
    unsigned char bytes[SHA256_SIZE];
};

struct digest;   /* fetched algorithms and their reused contexts */
struct hmac_key; /* a keyed context: one per signing key */

/* Fetches the algorithms and runs known-answer checks of SHA-256, HMAC and of re-keying (OpenSSL
 * before 3.0.3 gets the last wrong silently). PIPEPOLL_ENOMEM; PIPEPOLL_ESYSTEM: an answer is wrong
 * or an algorithm is missing. */
int digest_new(struct digest **out);
struct digest *digest_free(struct digest *d); /* NULL in, NULL out; returns NULL */

/* SHA-256 of one slice, or of many put one after the other between begin and end; there is one such
 * sum at a time, and digest_sha256() begins anew. 0 or PIPEPOLL_ESYSTEM. */
int digest_sha256(struct digest *d, struct sha256 *out, str in);
int digest_begin(struct digest *d);
int digest_put(struct digest *d, str in);
int digest_end(struct digest *d, struct sha256 *out);

/* HMAC with a key used once (the steps of key derivation); key may lie in *out. 0 or
 * PIPEPOLL_ESYSTEM. */
int digest_hmac(struct digest *d, struct sha256 *out, str key, str in);

/* A key used again and again: the HMAC of a request costs one pass. May outlive d. PIPEPOLL_ENOMEM
 * from new; PIPEPOLL_ESYSTEM from set, and from sign when no key was set. */
int hmac_key_new(struct digest *d, struct hmac_key **out);
int hmac_key_set(struct hmac_key *k, str key);
int hmac_key_sign(struct hmac_key *k, struct sha256 *out, str in);
struct hmac_key *hmac_key_free(struct hmac_key *k); /* wipes; NULL in, NULL out */

/* 64 lower-case hex digits, no NUL. */
void sha256_hex(char out[SHA256_HEX_SIZE], const struct sha256 *in);

/* Zero memory in a way the compiler keeps. */
void digest_wipe(void *ptr, size_t size);

#endif

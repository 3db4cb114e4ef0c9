/* SPDX-License-Identifier: MIT */
/* SHA-256 is OpenSSL's older set of functions, and HMAC is built on it here, for what the newer one
 * (EVP) does not give: the state lies in the caller's memory, so that nothing is allocated and
 * nothing can fail for lack of memory; and it copies by assignment. A kept key is two sums that
 * each HMAC copies and goes on with: its pads are hashed once per key, not per request.
 *
 * The price: providers are not consulted. Under a FIPS provider the hashes still come from
 * libcrypto itself, not from the validated module. */

/* The names as of OpenSSL 1.1: since 3.0 these functions are kept but marked deprecated. */
#define OPENSSL_API_COMPAT 0x10100000L

#include "aws/digest.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

/* Of one element type too, so that both may be read and written through either. */
_Static_assert(sizeof(SHA256_CTX) == sizeof(struct sha256_sum), "SHA256_CTX has another size");
_Static_assert(_Generic((SHA_LONG)0, uint32_t : 1, default : 0), "SHA_LONG is another type");

enum { INNER_PAD = 0x36, OUTER_PAD = 0x5c };

static SHA256_CTX *state_of(struct sha256_sum *s)
{
    return (SHA256_CTX *)s->room;
}

void sha256_begin(struct sha256_sum *s)
{
    SHA256_Init(state_of(s));
}

void sha256_put(struct sha256_sum *s, str in)
{
    SHA256_Update(state_of(s), in.ptr, in.len);
}

void sha256_end(struct sha256_sum *s, struct sha256 *out)
{
    SHA256_Final(out->bytes, state_of(s));
}

void sha256(struct sha256 *out, str in)
{
    struct sha256_sum s;
    sha256_begin(&s);
    sha256_put(&s, in);
    sha256_end(&s, out);
}

/* Begin a sum with the key's block: the key, filled up with zeros, each byte changed by `pad`. */
static void begin_padded(struct sha256_sum *s, str key, unsigned char pad)
{
    unsigned char block[SHA256_BLOCK_SIZE];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < key.len; i++)
        block[i] ^= (unsigned char)key.ptr[i];
    sha256_begin(s);
    sha256_put(s, (str) { (const char *)block, sizeof block });
    digest_wipe(block, sizeof block);
}

void hmac_key_set(struct hmac_key *k, str key)
{
    struct sha256 instead;
    bool is_long = key.len > SHA256_BLOCK_SIZE;
    if (is_long) {
        struct sha256_sum *s = &k->inner; /* begun anew below, so it keeps no trace of the key */
        sha256_begin(s);
        sha256_put(s, key);
        sha256_end(s, &instead);
        key = sha256_str(&instead);
    }
    begin_padded(&k->inner, key, INNER_PAD);
    begin_padded(&k->outer, key, OUTER_PAD);
    if (is_long)
        digest_wipe(&instead, sizeof instead);
}

/* The answer may be a secret, the next key of a derivation, and a sum that ended still holds it. */
void hmac_key_sign_parts(const struct hmac_key *k, struct sha256 *out, const str *parts,
                         size_t count)
{
    struct sha256_sum s = k->inner;
    struct sha256 inner;
    for (size_t i = 0; i < count; i++)
        sha256_put(&s, parts[i]);
    sha256_end(&s, &inner);
    s = k->outer;
    sha256_put(&s, sha256_str(&inner));
    sha256_end(&s, out);
    digest_wipe(&s, sizeof s);
    digest_wipe(&inner, sizeof inner);
}

void hmac_key_sign(const struct hmac_key *k, struct sha256 *out, str in)
{
    hmac_key_sign_parts(k, out, &in, 1);
}

void hmac_key_wipe(struct hmac_key *k)
{
    digest_wipe(k, sizeof *k);
}

void hmac_sha256(struct sha256 *out, str key, str in)
{
    struct hmac_key k;
    hmac_key_set(&k, key);
    hmac_key_sign(&k, out, in);
    hmac_key_wipe(&k);
}

/* Without a table: so compilers do sixteen bytes at a time. */
static inline void put_hex(char *restrict out, const unsigned char *restrict bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char high = bytes[i] >> 4, low = bytes[i] & 15;
        out[2 * i] = (char)(high + '0' + (high > 9) * ('a' - '9' - 1));
        out[2 * i + 1] = (char)(low + '0' + (low > 9) * ('a' - '9' - 1));
    }
}

void sha256_hex(char out[SHA256_HEX_SIZE], const struct sha256 *in)
{
    put_hex(out, in->bytes, sizeof in->bytes);
}

static bool sha256_is(const struct sha256 *got, const char *hex)
{
    char text[SHA256_HEX_SIZE];
    sha256_hex(text, got);
    return memcmp(text, hex, sizeof text) == 0;
}

/* SHA-256 of "abc" (FIPS 180-4) and test case 2 of RFC 4231, with a key used once, and twice with
 * one that is kept. */
int digest_check(void)
{
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    static const char mac[] = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const str key = STR("Jefe"), in = STR("what do ya want for nothing?");
    struct sha256 sum, once, fresh, again;
    struct hmac_key k;
    sha256(&sum, STR("abc"));
    hmac_sha256(&once, key, in);
    hmac_key_set(&k, key);
    hmac_key_sign(&k, &fresh, in);
    hmac_key_sign(&k, &again, in);
    bool ok = sha256_is(&sum, abc) && sha256_is(&once, mac) && sha256_is(&fresh, mac) &&
              sha256_is(&again, mac);
    return ok ? 0 : PIPEPOLL_ESYSTEM;
}

/* SHA1() goes by way of EVP and may fail for memory. OpenSSL's error queue is emptied then: libcurl
 * reads it on the same thread, and would take the error for one of its own. */
int digest_sha1_hex(char out[SHA1_HEX_SIZE], str in)
{
    unsigned char sum[SHA1_SIZE];
    if (!SHA1((const unsigned char *)in.ptr, in.len, sum)) {
        ERR_clear_error();
        return PIPEPOLL_ESYSTEM;
    }
    put_hex(out, sum, sizeof sum);
    return 0;
}

int digest_ed25519_public(unsigned char out[ED25519_SIZE], const unsigned char key[ED25519_SIZE])
{
    size_t size = ED25519_SIZE;
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key, ED25519_SIZE);
    bool ok = pair && EVP_PKEY_get_raw_public_key(pair, out, &size) == 1;
    EVP_PKEY_free(pair);
    if (!ok)
        ERR_clear_error();
    return ok ? 0 : PIPEPOLL_ESYSTEM;
}

bool digest_eq(const void *a, const void *b, size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}

void digest_wipe(void *ptr, size_t size)
{
    OPENSSL_cleanse(ptr, size);
}

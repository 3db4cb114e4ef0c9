/* What is dear in OpenSSL 3 is finding an algorithm and making a context, not hashing. So both are
 * done once: algorithms are fetched, contexts are made with them and begun again for each sum. A
 * keyed context begun again with a NULL key goes back to the state right after its two key pads.
 *
 * These objects live in OpenSSL's allocator, beside the ones that they wrap. Where OpenSSL fails,
 * its error queue is emptied: libcurl reads that queue on the same thread, and would take our error
 * for one of its own. */
#include "aws/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

struct digest {
    EVP_MD *sha256;
    EVP_MD_CTX *sum;
    EVP_MAC *hmac;
    EVP_MAC_CTX *mac; /* for keys used once */
};

struct hmac_key {
    EVP_MAC_CTX *mac;
    bool set;
};

/* OpenSSL's 1 for success to ours. */
static int outcome(int ok)
{
    if (ok == 1)
        return 0;
    ERR_clear_error();
    return PIPEPOLL_ESYSTEM;
}

/* A context for HMAC with SHA-256 and no key yet, or NULL and the caller clears the errors. */
static EVP_MAC_CTX *mac_new(EVP_MAC *hmac)
{
    char name[] = "SHA256"; /* OSSL_PARAM wants it writable */
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                            OSSL_PARAM_construct_end() };
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
    if (mac && EVP_MAC_CTX_set_params(mac, params) == 1)
        return mac;
    EVP_MAC_CTX_free(mac);
    return NULL;
}

static int mac_key(EVP_MAC_CTX *mac, str key)
{
    /* A NULL key would mean the one before, not the empty one. */
    const char *bytes = key.len ? key.ptr : "";
    return outcome(EVP_MAC_init(mac, (const unsigned char *)bytes, key.len, NULL));
}

static int mac_finish(EVP_MAC_CTX *mac, struct sha256 *out, str in)
{
    size_t len;
    return outcome(EVP_MAC_update(mac, (const unsigned char *)in.ptr, in.len) == 1 &&
                   EVP_MAC_final(mac, out->bytes, &len, sizeof out->bytes) == 1);
}

static bool sha256_is(const struct sha256 *got, const char *hex)
{
    char text[SHA256_HEX_SIZE];
    sha256_hex(text, got);
    return memcmp(text, hex, sizeof text) == 0;
}

/* SHA-256 of "abc" (FIPS 180-4) and test case 2 of RFC 4231, thrice: with a key used once, with a
 * key that was just set, and with the same key again. */
static int check_known_answers(struct digest *d)
{
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    static const char mac[] = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const str key = STR("Jefe"), in = STR("what do ya want for nothing?");
    struct sha256 sum, once, fresh, again;
    struct hmac_key *k;
    if (digest_sha256(d, &sum, STR("abc")) || digest_hmac(d, &once, key, in))
        return PIPEPOLL_ESYSTEM;
    int r = hmac_key_new(d, &k);
    if (r)
        return r;
    bool ok = !hmac_key_set(k, key) && !hmac_key_sign(k, &fresh, in) &&
              !hmac_key_sign(k, &again, in) && sha256_is(&sum, abc) && sha256_is(&once, mac) &&
              sha256_is(&fresh, mac) && sha256_is(&again, mac);
    hmac_key_free(k);
    return ok ? 0 : PIPEPOLL_ESYSTEM;
}

int digest_new(struct digest **out)
{
    int r = PIPEPOLL_ENOMEM;
    struct digest *d = OPENSSL_zalloc(sizeof *d);
    if (!d)
        goto out;
    r = PIPEPOLL_ESYSTEM;
    d->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    d->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (!d->sha256 || !d->hmac)
        goto out;
    r = PIPEPOLL_ENOMEM;
    d->sum = EVP_MD_CTX_new();
    d->mac = mac_new(d->hmac);
    if (!d->sum || !d->mac)
        goto out;
    r = check_known_answers(d);
    if (r)
        goto out;
    *out = d;
    d = NULL;
out:
    if (r)
        ERR_clear_error();
    digest_free(d);
    return r;
}

struct digest *digest_free(struct digest *d)
{
    if (!d)
        return NULL;
    EVP_MAC_CTX_free(d->mac);
    EVP_MD_CTX_free(d->sum);
    EVP_MAC_free(d->hmac);
    EVP_MD_free(d->sha256);
    OPENSSL_free(d);
    return NULL;
}

int digest_sha256(struct digest *d, struct sha256 *out, str in)
{
    int r = digest_begin(d);
    if (!r)
        r = digest_put(d, in);
    return r ? r : digest_end(d, out);
}

int digest_begin(struct digest *d)
{
    return outcome(EVP_DigestInit_ex2(d->sum, d->sha256, NULL));
}

int digest_put(struct digest *d, str in)
{
    return outcome(EVP_DigestUpdate(d->sum, in.ptr, in.len));
}

int digest_end(struct digest *d, struct sha256 *out)
{
    return outcome(EVP_DigestFinal_ex(d->sum, out->bytes, NULL));
}

int digest_hmac(struct digest *d, struct sha256 *out, str key, str in)
{
    int r = mac_key(d->mac, key);
    return r ? r : mac_finish(d->mac, out, in);
}

int hmac_key_new(struct digest *d, struct hmac_key **out)
{
    struct hmac_key *k = OPENSSL_zalloc(sizeof *k);
    if (k)
        k->mac = mac_new(d->hmac);
    if (!k || !k->mac) {
        ERR_clear_error();
        hmac_key_free(k);
        return PIPEPOLL_ENOMEM;
    }
    *out = k;
    return 0;
}

int hmac_key_set(struct hmac_key *k, str key)
{
    int r = mac_key(k->mac, key);
    k->set = r == 0;
    return r;
}

int hmac_key_sign(struct hmac_key *k, struct sha256 *out, str in)
{
    if (!k->set)
        return PIPEPOLL_ESYSTEM;
    int r = outcome(EVP_MAC_init(k->mac, NULL, 0, NULL));
    return r ? r : mac_finish(k->mac, out, in);
}

struct hmac_key *hmac_key_free(struct hmac_key *k)
{
    if (!k)
        return NULL;
    EVP_MAC_CTX_free(k->mac); /* wipes the key and its pads */
    OPENSSL_free(k);
    return NULL;
}

void sha256_hex(char out[SHA256_HEX_SIZE], const struct sha256 *in)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        out[2 * i] = digits[in->bytes[i] >> 4];
        out[2 * i + 1] = digits[in->bytes[i] & 15];
    }
}

void digest_wipe(void *ptr, size_t size)
{
    OPENSSL_cleanse(ptr, size);
}

/* SPDX-License-Identifier: MIT */
/* OpenSSL's own one-shot calls, and not aws/digest: the simulator judges what that computes, and
 * must not share its mistakes. */
#include "sim/sha.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

struct sha sha_of(str text)
{
    struct sha out = { 0 };
    SHA256((const unsigned char *)text.ptr, text.len, out.bytes);
    return out;
}

struct sha sha_hmac(str key, str text)
{
    struct sha out = { 0 };
    unsigned len = sizeof out.bytes;
    HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)text.ptr, text.len, out.bytes,
         &len);
    return out;
}

void sha_hex(char out[SHA_HEX_SIZE], const struct sha *in)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof in->bytes; i++) {
        out[2 * i] = digits[in->bytes[i] >> 4];
        out[2 * i + 1] = digits[in->bytes[i] & 15];
    }
}

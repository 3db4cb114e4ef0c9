/* SPDX-License-Identifier: MIT */
/* The form that users of other webhooks know. Its time is part of what is signed, so that an old
 * request cannot be sent again later. */
#include "handler/webhook_signature.h"

#include "base/buf.h"

enum { DIGITS_MAX = 12 };

str webhook_sign(char out[WEBHOOK_SIGNATURE_SIZE], const struct hmac_key *key, str timestamp,
                 str body)
{
    const str parts[] = { timestamp, STR("."), body };
    struct sha256 sum;
    hmac_key_sign_parts(key, &sum, parts, sizeof parts / sizeof *parts);
    memcpy(out, "v1=", 3);
    sha256_hex(out + 3, &sum);
    digest_wipe(&sum, sizeof sum);
    return (str) { out, WEBHOOK_SIGNATURE_SIZE };
}

/* false: it is none. */
static bool read_time(str text, int64_t *time_s)
{
    *time_s = 0;
    for (size_t i = 0; i < text.len && i < DIGITS_MAX; i++) {
        if (!ascii_is_digit(text.ptr[i]))
            return false;
        *time_s = *time_s * 10 + (text.ptr[i] - '0');
    }
    return text.len && text.len <= DIGITS_MAX;
}

const char *webhook_signature_problem(const struct hmac_key *key, str timestamp, str signature,
                                      str body, int64_t now_s)
{
    char right[WEBHOOK_SIGNATURE_SIZE];
    int64_t time_s;
    if (!read_time(timestamp, &time_s))
        return "Pipepoll-Timestamp is not a Unix time in seconds";
    if (time_s < now_s - WEBHOOK_AGE_MAX_S || time_s > now_s + WEBHOOK_AGE_MAX_S)
        return "Pipepoll-Timestamp is more than 5 minutes off";
    webhook_sign(right, key, timestamp, body);
    bool is_right = signature.len == sizeof right && digest_eq(signature.ptr, right, sizeof right);
    digest_wipe(right, sizeof right);
    return is_right ? NULL : "Pipepoll-Signature is not that of this body, by this key";
}

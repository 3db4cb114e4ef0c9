/* SPDX-License-Identifier: MIT */
/* A token reads `pipepoll1.KIND.OWNER.RUN.PART.UNTIL.SIGNATURE`, numbers in hex but for PART and
 * UNTIL. The signature is HMAC-SHA-256 of what is before it and of the subject, each text of which
 * is preceded by its length, so that no two subjects look alike. A token is read by making it once
 * more from its own numbers: only the very same text is right. */
#include "handler/continuation.h"

#include <inttypes.h>
#include <stdio.h>

static const str prefix = STR_INIT("pipepoll1.");

static void sum_text(struct sha256_sum *sum, str text)
{
    char length[24];
    struct buf b = BUF_ON(length);
    buf_put_u64(&b, text.len);
    buf_put_char(&b, ':');
    sha256_put(sum, buf_str(&b));
    sha256_put(sum, text);
}

struct sha256 continuation_subject(str client_id, str pipeline, str stage, str action, str provider)
{
    struct sha256_sum sum;
    struct sha256 digest;
    sha256_begin(&sum);
    sum_text(&sum, client_id);
    sum_text(&sum, pipeline);
    sum_text(&sum, stage);
    sum_text(&sum, action);
    sum_text(&sum, provider);
    sha256_end(&sum, &digest);
    return digest;
}

static void sign(struct sha256 *out, str text, const struct hmac_key *key,
                 const struct sha256 *subject)
{
    struct sha256_sum sum;
    struct sha256 digest;
    sha256_begin(&sum);
    sha256_put(&sum, sha256_str(subject));
    sha256_put(&sum, text);
    sha256_end(&sum, &digest);
    hmac_key_sign(key, out, sha256_str(&digest));
}

void continuation_put(struct buf *out, const struct continuation *c, const struct hmac_key *key,
                      const struct sha256 *subject)
{
    size_t start = out->len;
    struct sha256 signature;
    char hex[SHA256_HEX_SIZE];
    buf_put(out, prefix);
    buf_printf(out, "%c.%016" PRIx64 ".%016" PRIx64 ".%" PRIu32 ".%" PRId64,
               c->kind == CONTINUATION_AGAIN ? 'a' : 'r', c->owner, c->run, c->part, c->until_s);
    sign(&signature, (str) { out->at + start, out->len - start }, key, subject);
    sha256_hex(hex, &signature);
    buf_put_char(out, '.');
    buf_put(out, (str) { hex, sizeof hex });
}

static bool read_numbers(struct continuation *out, str token)
{
    char text[CONTINUATION_LEN_MAX + 1], kind;
    if (token.len > CONTINUATION_LEN_MAX)
        return false;
    memcpy(text, token.ptr, token.len);
    text[token.len] = '\0';
    int found = sscanf(text, "pipepoll1.%c.%16" SCNx64 ".%16" SCNx64 ".%" SCNu32 ".%" SCNd64 ".",
                       &kind, &out->owner, &out->run, &out->part, &out->until_s);
    out->kind = kind == 'a' ? CONTINUATION_AGAIN : CONTINUATION_RUNNING;
    return found == 5;
}

struct continuation continuation_read(str token, const struct hmac_key *key,
                                      const struct sha256 *subject)
{
    struct continuation c = { .kind = CONTINUATION_NONE };
    char text[CONTINUATION_LEN_MAX];
    struct buf right = BUF_ON(text);
    if (!continuation_is_reserved(token))
        return c;
    if (read_numbers(&c, token))
        continuation_put(&right, &c, key, subject);
    if (right.overflow || right.len != token.len || !digest_eq(right.at, token.ptr, token.len))
        c = (struct continuation) { .kind = CONTINUATION_FORGED };
    return c;
}

bool continuation_is_reserved(str token)
{
    return str_starts(token, STR("pipepoll"));
}

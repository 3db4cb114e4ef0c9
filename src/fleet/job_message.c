/* SPDX-License-Identifier: MIT */
/* Ids come from the service and may have any characters, so strings are unescaped, in a copy. What
 * is wrong with a body is not quoted anywhere: it may hold a nonce. */
#include "fleet/job_message.h"

#include <inttypes.h>

#include "aws/digest.h"
#include "base/jsontext.h"
#include "fleet/message.h"
#include "fleet/message_text.h"

/* --- keys --- */

static bool put_word(struct buf *out, str word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i], lower = ascii_lower(c);
        if (!ascii_is_digit(c) && (lower < 'a' || lower > 'z') && c != '-' && c != '_')
            return false;
    }
    buf_put(out, word);
    return word.len > 0;
}

static bool put_type(struct buf *out, const struct pipepoll_action_type *type)
{
    const str words[] = { type->owner, type->category, type->provider, type->version };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        buf_put_char(out, '.');
        if (!put_word(out, words[i]))
            return false;
    }
    return true;
}

bool job_message_put_key(struct buf *out, str region, const struct pipepoll_action_type *type)
{
    return put_word(out, region) && put_type(out, type);
}

bool job_message_put_filter(struct buf *out, const struct pipepoll_action_type *type)
{
    buf_put_char(out, '*');
    return put_type(out, type);
}

/* --- bodies --- */

void job_message_put(struct buf *out, const struct job_message *job)
{
    message_open(out);
    jsontext_member(out, "region", job->region);
    message_text_put_type(out, &job->action_type);
    jsontext_member(out, "jobId", job->job_id);
    jsontext_member_if(out, "clientId", job->client_id);
    jsontext_member_if(out, "nonce", job->nonce);
    jsontext_member_if(out, "accountId", job->account_id);
    if (job->target)
        message_hash(out, "target", job->target);
    jsontext_member_if(out, "member", job->member);
    if (job->epoch)
        jsontext_count(out, "epoch", job->epoch);
    jsontext_count(out, "foundAtMs", job->found_ms > 0 ? (uint64_t)job->found_ms : 0);
    buf_put_char(out, '}');
}

void job_message_put_once(struct buf *out, str job_id, str nonce, int64_t generation)
{
    enum { DIGITS = 32 };
    struct sha256_sum sum;
    struct sha256 digest;
    char hex[SHA256_HEX_SIZE];
    sha256_begin(&sum);
    sha256_put(&sum, job_id);
    sha256_put(&sum, nonce);
    sha256_end(&sum, &digest);
    sha256_hex(hex, &digest);
    buf_put(out, (str) { hex, DIGITS });
    buf_printf(out, ":%" PRId64, generation);
}

static bool get_members(struct json *j, struct job_message *job)
{
    uint64_t found_ms;
    bool is_fine = message_get_hash(j, "target", &job->target) &&
                   message_get_number(j, "epoch", &job->epoch) &&
                   message_get_number(j, "foundAtMs", &found_ms) && found_ms <= INT64_MAX;
    is_fine = is_fine && message_text_get(j, JSON_ROOT, "region", &job->region) &&
              message_text_get_type(j, &job->action_type) &&
              message_text_get(j, JSON_ROOT, "jobId", &job->job_id) &&
              message_text_get(j, JSON_ROOT, "clientId", &job->client_id) &&
              message_text_get(j, JSON_ROOT, "nonce", &job->nonce) &&
              message_text_get(j, JSON_ROOT, "accountId", &job->account_id) &&
              message_text_get(j, JSON_ROOT, "member", &job->member);
    if (is_fine)
        job->found_ms = (int64_t)found_ms;
    return is_fine && job->region.len && job->job_id.len;
}

enum beat_read job_message_read(struct job_message_text *out, str body)
{
    struct json json;
    out->job = (struct job_message) { 0 };
    if (body.len > sizeof out->text)
        return BEAT_MALFORMED;
    if (body.len)
        memcpy(out->text, body.ptr, body.len);
    if (json_parse(&json, out->text, body.len, out->tokens, JOB_MESSAGE_TOKENS, NULL) != JSON_OK)
        return BEAT_MALFORMED;
    enum beat_read r = message_version(&json);
    return r != BEAT_OK || get_members(&json, &out->job) ? r : BEAT_MALFORMED;
}

void job_message_wipe(struct job_message_text *m)
{
    digest_wipe(m, sizeof *m);
}

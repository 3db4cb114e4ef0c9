/* Each operation: its input's rules, its body, its row. The checks keep the model's own limits, so
 * that what the service would refuse is refused before a call. The body of a poll is put together
 * from constant pieces: names that have passed the checks hold nothing to escape, so that no JSON
 * writer is needed in the way of each poll. What others give (job ids, tokens) may hold anything.
 * No sentence quotes a token. */
#include "aws/operation.h"

#include "aws/job.h"
#include "aws/job_details.h"
#include "base/jsontext.h"
#include "base/log.h"
#include "base/nearest.h"

enum { QUOTE_MAX = 48 };

#define TARGET(operation) STR_INIT("CodePipeline_20150709." operation)
#define CODES(list)       .codes = list, .code_count = sizeof list / sizeof *list

const struct pipepoll_str operation_content_type = STR_INIT("application/x-amz-json-1.1");

/* --- PollForThirdPartyJobs --- */

/* The names that a field may have: ActionCategory and ActionOwner of the model. */
static const char *const categories[] = { "Source", "Build",    "Deploy",  "Test",
                                          "Invoke", "Approval", "Compute", NULL };
static const char *const owners[] = { "AWS", "ThirdParty", "Custom", NULL };

/* Fill why: `FIELD "VALUE" is not RULE`. */
static int refuse(struct pipepoll_error *why, const char *field, str value, const char *rule)
{
    size_t shown = value.len < QUOTE_MAX ? value.len : QUOTE_MAX;
    return explain(why, PIPEPOLL_EINVAL, "%s \"%.*s%s\" is not %s", field, (int)shown, value.ptr,
                   shown < value.len ? "..." : "", rule);
}

static int check_choice(const char *field, str value, const char *const *names,
                        struct pipepoll_error *why)
{
    char text[128], hint[64];
    struct buf rule = BUF_ON(text);
    struct nearest near = nearest_to(value);
    buf_put(&rule, STR("one of "));
    for (size_t i = 0; names[i]; i++) {
        if (str_eq(value, str_of(names[i])))
            return 0;
        buf_printf(&rule, i ? ", %s" : "%s", names[i]);
        nearest_try(&near, str_of(names[i]));
    }
    buf_put(&rule, str_of(nearest_hint(&near, hint, sizeof hint)));
    return refuse(why, field, value, buf_cstr(&rule));
}

static int check_name(const char *field, str value, size_t max, struct pipepoll_error *why)
{
    bool ok = value.len > 0 && value.len <= max;
    for (size_t i = 0; ok && i < value.len; i++) {
        char c = value.ptr[i], lower = ascii_lower(c);
        ok = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    }
    if (ok)
        return 0;
    char text[64];
    struct buf rule = BUF_ON(text);
    buf_printf(&rule, "1 to %zu of a-z, A-Z, 0-9, '_' and '-'", max);
    return refuse(why, field, value, buf_cstr(&rule));
}

int action_type_check(const struct pipepoll_action_type *a, struct pipepoll_error *why)
{
    int r = check_choice("category", a->category, categories, why);
    if (!r)
        r = check_choice("owner", a->owner, owners, why);
    if (!r)
        r = check_name("provider", a->provider, 35, why);
    if (!r)
        r = check_name("version", a->version, 9, why);
    return r;
}

int max_batch_size_check(uint32_t max_batch_size, struct pipepoll_error *why)
{
    /* An integer of the model has 32 bits with a sign. The model gives no other maximum. */
    if (max_batch_size <= INT32_MAX)
        return 0;
    return explain(why, PIPEPOLL_EINVAL, "max batch size %u is not 1 to %d, or 0 for not sent",
                   (unsigned)max_batch_size, INT32_MAX);
}

static void put_member(struct buf *out, str before, str value)
{
    buf_put(out, before);
    buf_put(out, value);
}

static void encode_poll(struct buf *out, const void *input)
{
    const struct poll_input *poll = input;
    const struct pipepoll_action_type *a = poll->action_type;
    put_member(out, STR("{\"actionTypeId\":{\"category\":\""), a->category);
    put_member(out, STR("\",\"owner\":\""), a->owner);
    put_member(out, STR("\",\"provider\":\""), a->provider);
    put_member(out, STR("\",\"version\":\""), a->version);
    buf_put(out, STR("\"}"));
    if (poll->max_batch_size) {
        buf_put(out, STR(",\"maxBatchSize\":"));
        buf_put_u64(out, poll->max_batch_size);
    }
    buf_put_char(out, '}');
}

static enum decode_result decode_poll(void *result, struct decode_memory *memory, str body,
                                      struct pipepoll_error *why)
{
    return job_decode(result, memory, body, why);
}

static const struct answer_code poll_codes[] = {
    { STR_INIT("ActionTypeNotFoundException"), FAULT_NOT_FOUND, PIPEPOLL_CAUSE_NO_ACTION_TYPE, 0 },
};

const struct operation operation_poll_for_third_party_jobs = {
    .target = TARGET("PollForThirdPartyJobs"),
    .repeat = OPERATION_MAY_REPEAT,
    CODES(poll_codes),
    .encode = encode_poll,
    .decode = decode_poll,
};

/* --- GetThirdPartyJobDetails --- */

static int check_text(const char *field, str text, size_t max, struct pipepoll_error *why)
{
    size_t characters = jsontext_characters(text);
    if (characters >= 1 && characters <= max)
        return 0;
    if (characters == SIZE_MAX)
        return explain(why, PIPEPOLL_EINVAL, "%s is not UTF-8", field);
    return explain(why, PIPEPOLL_EINVAL, "%s has %zu characters, not 1 to %zu", field, characters,
                   max);
}

static int check_job(const void *input, struct pipepoll_error *why)
{
    const struct job_input *job = input;
    int r = check_text("jobId", job->job_id, 512, why);
    return r ? r : check_text("clientToken", job->client_token, 256, why);
}

static void encode_job(struct buf *out, const void *input)
{
    const struct job_input *job = input;
    buf_put_char(out, '{');
    jsontext_member(out, "jobId", job->job_id);
    jsontext_member(out, "clientToken", job->client_token);
    buf_put_char(out, '}');
}

static str secret_of_job(const void *input, size_t i)
{
    const struct job_input *job = input;
    return i == 0 ? job->client_token : STR("");
}

static enum decode_result decode_job_details(void *result, struct decode_memory *memory, str body,
                                             struct pipepoll_error *why)
{
    return job_details_decode(result, memory, body, why);
}

/* The documentation has the same words for the first two: the job was not found, or its id is of
 * the wrong format. */
static const struct answer_code job_codes[] = {
    { STR_INIT("JobNotFoundException"), FAULT_REFUSED, PIPEPOLL_CAUSE_REQUEST, JOB_UNKNOWN },
    { STR_INIT("InvalidJobException"), FAULT_REFUSED, PIPEPOLL_CAUSE_REQUEST, JOB_UNKNOWN },
    { STR_INIT("InvalidClientTokenException"), FAULT_REFUSED, PIPEPOLL_CAUSE_REQUEST,
      JOB_CLIENT_TOKEN_WRONG },
};

const struct operation operation_get_third_party_job_details = {
    .target = TARGET("GetThirdPartyJobDetails"),
    .repeat = OPERATION_MAY_REPEAT,
    .has_secrets = true,
    CODES(job_codes),
    .check = check_job,
    .encode = encode_job,
    .decode = decode_job_details,
    .secret = secret_of_job,
};

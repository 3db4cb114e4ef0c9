/* SPDX-License-Identifier: MIT */
/* Details and acknowledgement of one job, for both families. What others give (job ids, tokens) may
 * hold anything, so a JSON writer puts it.
 *
 * An acknowledgement is never sent again by itself after its answer was lost. It can have had its
 * effect, and what the service says to the same nonce a second time is not documented: a refusal
 * would look like a lost race, though the job is ours, and a status like a claim of ours, though
 * another worker may hold the job. So the caller decides what to ask next, knowing that. Details
 * have no effect. */
#include "aws/input.h"
#include "aws/job_details.h"
#include "aws/operation_row.h"
#include "base/jsontext.h"

/* --- the rules --- */

static int check_third_party_details(const void *input, struct pipepoll_error *why)
{
    const struct job_input *job = input;
    return input_check_third_party_job(job->job_id, job->client_token, why);
}

static int check_custom_details(const void *input, struct pipepoll_error *why)
{
    const struct job_input *job = input;
    return input_check_custom_job(job->job_id, job->client_token, why);
}

static int check_third_party_acknowledge(const void *input, struct pipepoll_error *why)
{
    const struct acknowledge_input *a = input;
    int r = input_check_third_party_job(a->job_id, a->client_token, why);
    return r ? r : input_check_text("nonce", a->nonce, 50, why);
}

static int check_custom_acknowledge(const void *input, struct pipepoll_error *why)
{
    const struct acknowledge_input *a = input;
    int r = input_check_custom_job(a->job_id, a->client_token, why);
    return r ? r : input_check_text("nonce", a->nonce, 50, why);
}

/* --- bodies --- */

static void encode_details(struct buf *out, const void *input)
{
    const struct job_input *job = input;
    buf_put_char(out, '{');
    jsontext_member(out, "jobId", job->job_id);
    if (job->client_token.len)
        jsontext_member(out, "clientToken", job->client_token);
    buf_put_char(out, '}');
}

static void encode_acknowledge(struct buf *out, const void *input)
{
    const struct acknowledge_input *a = input;
    buf_put_char(out, '{');
    jsontext_member(out, "jobId", a->job_id);
    jsontext_member(out, "nonce", a->nonce);
    if (a->client_token.len)
        jsontext_member(out, "clientToken", a->client_token);
    buf_put_char(out, '}');
}

static str secret_of_job(const void *input, size_t i)
{
    const struct job_input *job = input;
    return i == 0 ? job->client_token : STR("");
}

static str secret_of_acknowledge(const void *input, size_t i)
{
    const struct acknowledge_input *a = input;
    return i == 0 ? a->nonce : i == 1 ? a->client_token : STR("");
}

/* --- the rows --- */

static enum decode_result decode_details(void *result, struct decode_memory *memory, str body,
                                         struct pipepoll_error *why)
{
    return job_details_decode(result, memory, body, why);
}

static enum decode_result decode_status(void *result, struct decode_memory *memory, str body,
                                        struct pipepoll_error *why)
{
    return job_status_decode(result, memory, body, why);
}

#define COMMON .has_secrets = true, .codes = operation_job_codes, .code_count = OPERATION_JOB_CODES

const struct operation operation_get_third_party_job_details = {
    .target = OPERATION_TARGET("GetThirdPartyJobDetails"),
    .repeat = OPERATION_MAY_REPEAT,
    COMMON,
    .check = check_third_party_details,
    .encode = encode_details,
    .decode = decode_details,
    .secret = secret_of_job,
};

const struct operation operation_get_job_details = {
    .target = OPERATION_TARGET("GetJobDetails"),
    .repeat = OPERATION_MAY_REPEAT,
    COMMON,
    .check = check_custom_details,
    .encode = encode_details,
    .decode = decode_details,
    .secret = secret_of_job,
};

const struct operation operation_acknowledge_third_party_job = {
    .target = OPERATION_TARGET("AcknowledgeThirdPartyJob"),
    .repeat = OPERATION_IF_UNDONE,
    COMMON,
    .check = check_third_party_acknowledge,
    .encode = encode_acknowledge,
    .decode = decode_status,
    .secret = secret_of_acknowledge,
};

const struct operation operation_acknowledge_job = {
    .target = OPERATION_TARGET("AcknowledgeJob"),
    .repeat = OPERATION_IF_UNDONE,
    COMMON,
    .check = check_custom_acknowledge,
    .encode = encode_acknowledge,
    .decode = decode_status,
    .secret = secret_of_acknowledge,
};

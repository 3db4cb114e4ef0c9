/* SPDX-License-Identifier: MIT */
/* What is polled: its rules, and the bodies. A body is put together from constant pieces: names
 * that have passed the checks hold nothing to escape, so that no JSON writer is needed in the way
 * of each poll. */
#include "aws/input.h"
#include "aws/job.h"
#include "aws/job_details.h"
#include "aws/operation_row.h"
#include "base/jsontext.h"
#include "base/log.h"

/* The names that a field may have: ActionCategory, and those of ActionOwner that hand out jobs. */
static const char *const categories[] = { "Source", "Build",    "Deploy",  "Test",
                                          "Invoke", "Approval", "Compute", NULL };
static const char *const owners[] = { "ThirdParty", "Custom", NULL };

int action_type_check(const struct pipepoll_action_type *a, struct pipepoll_error *why)
{
    int r = input_check_choice("category", a->category, categories, why);
    if (!r && str_eq(a->owner, STR("AWS")))
        return explain(why, PIPEPOLL_EINVAL,
                       "owner \"AWS\" has no jobs for others, as AWS works on its own actions "
                       "itself: it must be ThirdParty or Custom");
    if (!r)
        r = input_check_choice("owner", a->owner, owners, why);
    if (!r)
        r = input_check_name("provider", a->provider, 35, why);
    if (!r)
        r = input_check_name("version", a->version, 9, why);
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

int query_param_check(str key, str value, struct pipepoll_error *why)
{
    if (!key.len && !value.len)
        return 0;
    int r = input_check_text("the key of queryParam", key, 50, why);
    return r ? r : input_check_name("the value of queryParam", value, 50, why);
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
    if (poll->query_key.len) {
        buf_put(out, STR(",\"queryParam\":{"));
        jsontext_string(out, poll->query_key);
        put_member(out, STR(":\""), poll->query_value);
        buf_put(out, STR("\"}"));
    }
    buf_put_char(out, '}');
}

static enum decode_result decode_poll(void *result, struct decode_memory *memory, str body,
                                      struct pipepoll_error *why)
{
    return job_decode(result, memory, body, why);
}

static enum decode_result decode_poll_for_jobs(void *result, struct decode_memory *memory, str body,
                                               struct pipepoll_error *why)
{
    return job_details_decode_list(result, memory, body, why);
}

static const struct answer_code poll_codes[] = {
    { STR_INIT("ActionTypeNotFoundException"), FAULT_NOT_FOUND, PIPEPOLL_CAUSE_NO_ACTION_TYPE, 0 },
};

const struct operation operation_poll_for_third_party_jobs = {
    .target = OPERATION_TARGET("PollForThirdPartyJobs"),
    .repeat = OPERATION_MAY_REPEAT,
    .codes = poll_codes,
    .code_count = sizeof poll_codes / sizeof *poll_codes,
    .encode = encode_poll,
    .decode = decode_poll,
};

const struct operation operation_poll_for_jobs = {
    .target = OPERATION_TARGET("PollForJobs"),
    .repeat = OPERATION_MAY_REPEAT,
    .has_secrets = true,
    .codes = poll_codes,
    .code_count = sizeof poll_codes / sizeof *poll_codes,
    .encode = encode_poll,
    .decode = decode_poll_for_jobs,
};

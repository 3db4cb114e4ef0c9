/* SPDX-License-Identifier: MIT */
/* Success and failure of one job, for both families. What an answer may be is nearly anything,
 * since these operations have no output: nothing, or an object of any members. But a text that is
 * no object is no word of the service.
 *
 * A result is sent again after its answer was lost. It counts once: the service says of the second
 * that the job is not in progress any more (JOB_STATE_INVALID), and whoever sent the first knows
 * what that means. */
#include <inttypes.h>

#include "aws/input.h"
#include "aws/json_check.h"
#include "aws/operation_row.h"
#include "base/jsontext.h"
#include "base/log.h"

/* --- the rules --- */

const char *const operation_failure_types[OPERATION_FAILURE_TYPES + 1] = { "JobFailed",
                                                                           "ConfigurationError",
                                                                           "PermissionError",
                                                                           "RevisionOutOfSync",
                                                                           "RevisionUnavailable",
                                                                           "SystemUnavailable",
                                                                           NULL };

/* 0001-01-01 to 9999-12-31. */
static const int64_t created_min_s = -62135596800, created_max_s = 253402300799;

static int check_revision(const struct revision_input *v, struct pipepoll_error *why)
{
    int r = input_check_text("currentRevision.revision", v->revision, 1500, why);
    if (!r)
        r = input_check_text("currentRevision.changeIdentifier", v->change_identifier, 100, why);
    if (!r)
        r = input_check_optional("currentRevision.revisionSummary", v->summary, 2048, why);
    if (!r && (v->created_s < created_min_s || v->created_s > created_max_s))
        r = explain(why, PIPEPOLL_EINVAL,
                    "currentRevision.created is not within the years 1 to 9999");
    return r;
}

static int check_execution(const struct execution_input *e, struct pipepoll_error *why)
{
    int r = input_check_optional("executionDetails.summary", e->summary, 2048, why);
    if (!r)
        r = input_check_optional("executionDetails.externalExecutionId", e->external_execution_id,
                                 1500, why);
    if (!r && e->has_percent && e->percent_complete > 100)
        r = explain(why, PIPEPOLL_EINVAL, "executionDetails.percentComplete %u is not 0 to 100",
                    (unsigned)e->percent_complete);
    return r;
}

static bool is_variable_name(str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i], lower = ascii_lower(c);
        bool is_letter = lower >= 'a' && lower <= 'z';
        if (!is_letter && !ascii_is_digit(c) && c != '@' && c != '_' && c != '-')
            return false;
    }
    return name.len > 0;
}

static bool is_repeated(const struct success_input *s, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_eq(s->variables[k].name, s->variables[i].name))
            return true;
    return false;
}

/* Values may be secrets: only their number is told. */
static int check_variable(const struct success_input *s, size_t i, struct pipepoll_error *why)
{
    const struct variable_input *v = &s->variables[i];
    if (!is_variable_name(v->name))
        return explain(why, PIPEPOLL_EINVAL,
                       "outputVariables[%zu] has a name that is not 1 or more of a-z, A-Z, 0-9, "
                       "'@', '_' and '-'",
                       i);
    if (is_repeated(s, i))
        return explain(why, PIPEPOLL_EINVAL, "outputVariables[%zu] has the name of another", i);
    if (jsontext_characters(v->value) == SIZE_MAX)
        return explain(why, PIPEPOLL_EINVAL, "outputVariables[%zu] is not UTF-8", i);
    return 0;
}

static int check_variables(const struct success_input *s, struct pipepoll_error *why)
{
    size_t size = 0;
    int r = 0;
    if (s->variable_count && s->continuation_token.len)
        return explain(why, PIPEPOLL_EINVAL,
                       "outputVariables go with the last result only, not with a "
                       "continuationToken");
    if (s->variable_count > OPERATION_VARIABLES_MAX)
        return explain(why, PIPEPOLL_EINVAL, "outputVariables are %zu, more than %d",
                       s->variable_count, OPERATION_VARIABLES_MAX);
    for (size_t i = 0; !r && i < s->variable_count; i++) {
        r = check_variable(s, i, why);
        size += jsontext_size(s->variables[i].name) + jsontext_size(s->variables[i].value) + 2;
    }
    if (!r && size > OPERATION_VARIABLES_SIZE_MAX)
        r = explain(why, PIPEPOLL_EINVAL, "outputVariables take %zu bytes, more than %d", size,
                    OPERATION_VARIABLES_SIZE_MAX);
    return r;
}

static int check_success(const struct success_input *s, struct pipepoll_error *why)
{
    int r = input_check_optional("continuationToken", s->continuation_token, 2048, why);
    if (!r && s->revision)
        r = check_revision(s->revision, why);
    if (!r && s->execution)
        r = check_execution(s->execution, why);
    return r;
}

static int check_third_party_success(const void *input, struct pipepoll_error *why)
{
    const struct success_input *s = input;
    int r = input_check_third_party_job(s->job_id, s->client_token, why);
    if (!r)
        r = input_check_absent("outputVariables", !s->variable_count, why);
    return r ? r : check_success(s, why);
}

static int check_custom_success(const void *input, struct pipepoll_error *why)
{
    const struct success_input *s = input;
    int r = input_check_custom_job(s->job_id, s->client_token, why);
    if (!r)
        r = check_success(s, why);
    return r ? r : check_variables(s, why);
}

static int check_failure(const struct failure_input *f, struct pipepoll_error *why)
{
    int r = input_check_choice("failureDetails.type", f->type, operation_failure_types, why);
    if (!r)
        r = input_check_text("failureDetails.message", f->message, 5000, why);
    if (!r)
        r = input_check_optional("failureDetails.externalExecutionId", f->external_execution_id,
                                 1500, why);
    return r;
}

static int check_third_party_failure(const void *input, struct pipepoll_error *why)
{
    const struct failure_input *f = input;
    int r = input_check_third_party_job(f->job_id, f->client_token, why);
    return r ? r : check_failure(f, why);
}

static int check_custom_failure(const void *input, struct pipepoll_error *why)
{
    const struct failure_input *f = input;
    int r = input_check_custom_job(f->job_id, f->client_token, why);
    return r ? r : check_failure(f, why);
}

/* --- bodies, in the order of the model --- */

static void put_optional(struct buf *out, const char *name, str value)
{
    if (value.len)
        jsontext_member(out, name, value);
}

static void put_object(struct buf *out, const char *name)
{
    jsontext_name(out, str_of(name));
    buf_put_char(out, '{');
}

static void put_revision(struct buf *out, const struct revision_input *v)
{
    put_object(out, "currentRevision");
    jsontext_member(out, "revision", v->revision);
    jsontext_member(out, "changeIdentifier", v->change_identifier);
    if (v->created_s) {
        jsontext_name(out, STR("created"));
        buf_printf(out, "%" PRId64, v->created_s);
    }
    put_optional(out, "revisionSummary", v->summary);
    buf_put_char(out, '}');
}

static void put_execution(struct buf *out, const struct execution_input *e)
{
    put_object(out, "executionDetails");
    put_optional(out, "summary", e->summary);
    put_optional(out, "externalExecutionId", e->external_execution_id);
    if (e->has_percent) {
        jsontext_name(out, STR("percentComplete"));
        buf_put_u64(out, e->percent_complete);
    }
    buf_put_char(out, '}');
}

static void put_variables(struct buf *out, const struct success_input *s)
{
    put_object(out, "outputVariables");
    for (size_t i = 0; i < s->variable_count; i++) {
        jsontext_name(out, s->variables[i].name);
        jsontext_string(out, s->variables[i].value);
    }
    buf_put_char(out, '}');
}

static void encode_success(struct buf *out, const void *input)
{
    const struct success_input *s = input;
    buf_put_char(out, '{');
    jsontext_member(out, "jobId", s->job_id);
    put_optional(out, "clientToken", s->client_token);
    if (s->revision)
        put_revision(out, s->revision);
    put_optional(out, "continuationToken", s->continuation_token);
    if (s->execution)
        put_execution(out, s->execution);
    if (s->variable_count)
        put_variables(out, s);
    buf_put_char(out, '}');
}

static void encode_failure(struct buf *out, const void *input)
{
    const struct failure_input *f = input;
    buf_put_char(out, '{');
    jsontext_member(out, "jobId", f->job_id);
    put_optional(out, "clientToken", f->client_token);
    put_object(out, "failureDetails");
    jsontext_member(out, "type", f->type);
    jsontext_member(out, "message", f->message);
    put_optional(out, "externalExecutionId", f->external_execution_id);
    buf_put(out, STR("}}"));
}

static str secret_of_success(const void *input, size_t i)
{
    const struct success_input *s = input;
    const str secrets[] = { s->client_token, s->continuation_token, STR("") };
    size_t first = secrets[0].len ? 0 : 1;
    return first + i < 2 ? secrets[first + i] : STR("");
}

static str secret_of_failure(const void *input, size_t i)
{
    const struct failure_input *f = input;
    return i == 0 ? f->client_token : STR("");
}

/* --- the answer, and the rows --- */

static enum decode_result decode_nothing(void *result, struct decode_memory *memory, str body,
                                         struct pipepoll_error *why)
{
    struct json j = { .text = (char *)body.ptr, .len = body.len };
    memory->tokens_needed = 0;
    memory->items_needed = 0;
    if (!str_trim(body).len)
        return DECODE_OK;
    return json_check(&j, why) == JSON_OK ? DECODE_OK : DECODE_BAD;
}

#define RESULT(name, family, of)                                                                   \
    {                                                                                              \
        .target = OPERATION_TARGET(name), .repeat = OPERATION_MAY_REPEAT, .has_secrets = true,     \
        .codes = operation_job_codes, .code_count = OPERATION_JOB_CODES,                           \
        .check = check_##family##_##of, .encode = encode_##of, .decode = decode_nothing,           \
        .secret = secret_of_##of                                                                   \
    }

const struct operation operation_put_third_party_job_success_result =
    RESULT("PutThirdPartyJobSuccessResult", third_party, success);
const struct operation operation_put_job_success_result =
    RESULT("PutJobSuccessResult", custom, success);
const struct operation operation_put_third_party_job_failure_result =
    RESULT("PutThirdPartyJobFailureResult", third_party, failure);
const struct operation operation_put_job_failure_result =
    RESULT("PutJobFailureResult", custom, failure);

/* SPDX-License-Identifier: MIT */
/* The eight operations on one job. AWS does not say which of two wrong things it tells first, nor
 * when a job is invalid instead of not found: here the job comes first, then whether it is of the
 * operation's family (one of another owner is invalid where the model has that error), then the
 * client token. Details of a job that is over are unavailable. */
#include <stdlib.h>

#include "sim/api_call.h"
#include "sim/client_tokens.h"
#include "sim/job_json.h"
#include "sim/validate.h"

/* Of names and values together, for one action: a quota of CodePipeline. */
enum { VARIABLES_MAX = 122880 };

static bool refuse_unknown(struct api_call *c)
{
    return http_message_refuse(&c->refusal, "JobNotFoundException", "%s", "Job was not found");
}

static bool check_job(struct api_call *c, const struct validate_job *in)
{
    struct service_job job;
    struct sim_scope scope;
    bool third_party = model_is_third_party(c->op);
    if (!service_job(c->api->service, in->job_id, &job, &scope, c->when.now_ns) ||
        !str_eq(scope.region, c->scope.region))
        return refuse_unknown(c);
    if (!str_eq(scope.action_type.owner, third_party ? STR("ThirdParty") : STR("Custom")))
        return c->op == MODEL_GET_THIRD_PARTY_JOB_DETAILS
                   ? http_message_refuse(&c->refusal, "InvalidJobException", "%s",
                                         "Job is not of a third party")
                   : refuse_unknown(c);
    return !third_party ||
           client_tokens_match(c->api->client_tokens, job.client_id, in->client_token) ||
           http_message_refuse(&c->refusal, "InvalidClientTokenException", "%s",
                               "Client token is not valid for this job");
}

/* What the service said, as an error. */
static bool refuse_answer(struct api_call *c, enum service_answer answer)
{
    switch (answer) {
    case SERVICE_DONE:
        return true;
    case SERVICE_NO_JOB:
        return refuse_unknown(c);
    case SERVICE_WRONG_NONCE:
        return http_message_refuse(&c->refusal, "InvalidNonceException", "%s",
                                   "Nonce is not valid for this job");
    case SERVICE_WRONG_STATE:
        return http_message_refuse(&c->refusal, "InvalidJobStateException", "%s",
                                   "Job is not in progress");
    case SERVICE_NO_MEMORY:
        http_message_refuse(&c->refusal, "InternalFailure", "%s", "Out of memory");
        c->refusal.status = 500;
        return false;
    }
    return false;
}

static bool get_details(struct api_call *c, const struct service_request *by)
{
    struct service_job job;
    struct sim_scope scope;
    if (!service_credentials(c->api->service, by, &job, &scope))
        return refuse_unknown(c);
    json_t *details = model_is_third_party(c->op) ? job_json_third_party_details(&job, &scope)
                                                  : job_json_details(&job, &scope);
    http_message_reply_json(c->reply, 200, json_pack("{s:o}", "jobDetails", details));
    return true;
}

static bool acknowledge(struct api_call *c, const struct service_request *by, str nonce)
{
    enum job_state state = JOB_CREATED;
    if (!refuse_answer(c, service_acknowledge(c->api->service, by, nonce, &state)))
        return false;
    json_t *answer = json_object();
    if (!c->api->acknowledge_without_status)
        json_object_set_new(answer, "status", json_string(job_life_status(state)));
    http_message_reply_json(c->reply, 200, answer);
    return true;
}

/* --- results --------------------------------------------------------------------------------- */

static bool check_variables(struct api_call *c, json_t *variables)
{
    size_t size = 0;
    const char *name;
    json_t *value;
    json_object_foreach(variables, name, value)
    {
        size += strlen(name) + json_string_length(value);
    }
    return size <= VARIABLES_MAX ||
           http_message_refuse(&c->refusal, "OutputVariablesSizeExceededException",
                               "The output variables have %zu bytes, more than %d", size,
                               VARIABLES_MAX);
}

/* What was reported, without the ids and the token that proved it; of malloc(). NULL: no memory. */
static char *result_text(const struct api_call *c)
{
    static const char *const names[] = { "currentRevision", "continuationToken", "executionDetails",
                                         "outputVariables", "failureDetails" };
    json_t *result = json_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *value = json_object_get(c->document, names[i]);
        if (value)
            json_object_set(result, names[i], value);
    }
    char *text = json_dumps(result, JSON_COMPACT);
    json_decref(result);
    return text;
}

/* An operation without output answers an empty object. */
static bool put_result(struct api_call *c, const struct service_request *by,
                       const struct validate_job *in, bool success)
{
    if (!check_variables(c, in->output_variables))
        return false;
    char *text = result_text(c);
    str result = str_of(text);
    enum service_answer answer =
        !success
            ? service_fail(c->api->service, by, result)
            : service_succeed(c->api->service, by,
                              &(struct service_success) {
                                  .result = result, .continuation_token = in->continuation_token });
    free(text);
    if (!refuse_answer(c, answer))
        return false;
    http_message_reply_json(c->reply, 200, json_object());
    return true;
}

bool api_job_answer(struct api_call *c)
{
    struct validate_job in;
    if (!validate_job(&c->refusal, &in, c->op, c->document) || !check_job(c, &in))
        return false;
    const struct service_request by = { in.job_id, c->reply->request_id, c->when.now_ns };
    switch (c->op) {
    case MODEL_GET_JOB_DETAILS:
    case MODEL_GET_THIRD_PARTY_JOB_DETAILS:
        return get_details(c, &by);
    case MODEL_ACKNOWLEDGE_JOB:
    case MODEL_ACKNOWLEDGE_THIRD_PARTY_JOB:
        return acknowledge(c, &by, in.nonce);
    case MODEL_PUT_JOB_SUCCESS_RESULT:
    case MODEL_PUT_THIRD_PARTY_JOB_SUCCESS_RESULT:
        return put_result(c, &by, &in, true);
    case MODEL_PUT_JOB_FAILURE_RESULT:
    case MODEL_PUT_THIRD_PARTY_JOB_FAILURE_RESULT:
        return put_result(c, &by, &in, false);
    case MODEL_UNKNOWN:
    case MODEL_POLL_FOR_JOBS:
    case MODEL_POLL_FOR_THIRD_PARTY_JOBS:
        return false;
    }
    return false;
}

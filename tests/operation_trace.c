/* SPDX-License-Identifier: MIT */
/* Bodies of operations by stdin's lines, for witnesses to compare with their own:
 * "OPERATION<tab>MEMBER=VALUE<tab>..." with members as paths, such as currentRevision.created; or
 * "OPERATION<tab>!CODE" for what an error means. For each line of input one of output: the body,
 * "error: WHY", or "FAULT MEANING" in numbers. */
#include <stdio.h>
#include <stdlib.h>

#include "aws/operation.h"

enum { VARIABLES_MAX = 8 };

/* All that an input may hold; of which each operation takes its own. */
struct given {
    struct poll_input poll;
    struct pipepoll_action_type action_type;
    struct job_input job;
    struct acknowledge_input acknowledge;
    struct success_input success;
    struct failure_input failure;
    struct revision_input revision;
    struct execution_input execution;
    struct variable_input variables[VARIABLES_MAX];
};

static const struct {
    const char *name;
    const struct operation *operation;
    size_t input; /* in struct given */
} operations[] = {
    { "PollForThirdPartyJobs", &operation_poll_for_third_party_jobs, offsetof(struct given, poll) },
    { "PollForJobs", &operation_poll_for_jobs, offsetof(struct given, poll) },
    { "GetThirdPartyJobDetails", &operation_get_third_party_job_details,
      offsetof(struct given, job) },
    { "GetJobDetails", &operation_get_job_details, offsetof(struct given, job) },
    { "AcknowledgeThirdPartyJob", &operation_acknowledge_third_party_job,
      offsetof(struct given, acknowledge) },
    { "AcknowledgeJob", &operation_acknowledge_job, offsetof(struct given, acknowledge) },
    { "PutThirdPartyJobSuccessResult", &operation_put_third_party_job_success_result,
      offsetof(struct given, success) },
    { "PutJobSuccessResult", &operation_put_job_success_result, offsetof(struct given, success) },
    { "PutThirdPartyJobFailureResult", &operation_put_third_party_job_failure_result,
      offsetof(struct given, failure) },
    { "PutJobFailureResult", &operation_put_job_failure_result, offsetof(struct given, failure) },
};

enum { OPERATIONS = sizeof operations / sizeof *operations };

static const struct {
    const char *member;
    size_t text; /* a str in struct given */
} texts[] = {
    { "actionTypeId.category", offsetof(struct given, action_type.category) },
    { "actionTypeId.owner", offsetof(struct given, action_type.owner) },
    { "actionTypeId.provider", offsetof(struct given, action_type.provider) },
    { "actionTypeId.version", offsetof(struct given, action_type.version) },
    { "jobId", offsetof(struct given, job.job_id) },
    { "clientToken", offsetof(struct given, job.client_token) },
    { "nonce", offsetof(struct given, acknowledge.nonce) },
    { "continuationToken", offsetof(struct given, success.continuation_token) },
    { "currentRevision.revision", offsetof(struct given, revision.revision) },
    { "currentRevision.changeIdentifier", offsetof(struct given, revision.change_identifier) },
    { "currentRevision.revisionSummary", offsetof(struct given, revision.summary) },
    { "executionDetails.summary", offsetof(struct given, execution.summary) },
    { "executionDetails.externalExecutionId",
      offsetof(struct given, execution.external_execution_id) },
    { "failureDetails.type", offsetof(struct given, failure.type) },
    { "failureDetails.message", offsetof(struct given, failure.message) },
    { "failureDetails.externalExecutionId", offsetof(struct given, failure.external_execution_id) },
};

static str take(str *line, char end)
{
    size_t len = str_find(*line, end);
    str field = { line->ptr, len };
    *line = str_skip(*line, len < line->len ? len + 1 : len);
    return field;
}

static void read_member(struct given *g, str member, str value)
{
    static const str variables = STR_INIT("outputVariables."), query = STR_INIT("queryParam.");
    if (str_starts(member, STR("currentRevision")))
        g->success.revision = &g->revision;
    if (str_starts(member, STR("executionDetails")))
        g->success.execution = &g->execution;
    if (str_starts(member, variables))
        g->variables[g->success.variable_count++ % VARIABLES_MAX] =
            (struct variable_input) { str_skip(member, variables.len), value };
    if (str_starts(member, query)) {
        g->poll.query_key = str_skip(member, query.len);
        g->poll.query_value = value;
    }
    if (str_eq(member, STR("maxBatchSize")))
        g->poll.max_batch_size = (uint32_t)atoll(value.ptr);
    if (str_eq(member, STR("currentRevision.created")))
        g->revision.created_s = atoll(value.ptr);
    if (str_eq(member, STR("executionDetails.percentComplete"))) {
        g->execution.has_percent = true;
        g->execution.percent_complete = (uint32_t)atoll(value.ptr);
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (str_eq(member, str_of(texts[i].member)))
            *(str *)((char *)g + texts[i].text) = value;
}

static void read_members(struct given *g, str line)
{
    *g = (struct given) { .success.variables = g->variables };
    while (line.len) {
        str value = take(&line, '\t'), member = take(&value, '=');
        read_member(g, member, value);
    }
    g->poll.action_type = &g->action_type;
    g->acknowledge.job_id = g->success.job_id = g->failure.job_id = g->job.job_id;
    g->acknowledge.client_token = g->job.client_token;
    g->success.client_token = g->failure.client_token = g->job.client_token;
}

static void tell_error(const struct operation *o, str code)
{
    const struct answer a = {
        .codes = o->codes, .code_count = o->code_count, .http_status = 400, .error_type = code
    };
    struct answer_fault got;
    char body[] = "{}";
    struct json_token tokens[4];
    answer_read(&got, &a, body, 2, tokens, 4);
    printf("%d %d\n", (int)got.fault, got.meaning);
}

/* Whoever makes the input of a poll has checked it: here. */
static int check_poll(const struct poll_input *poll, struct pipepoll_error *why)
{
    int r = action_type_check(poll->action_type, why);
    if (!r)
        r = max_batch_size_check(poll->max_batch_size, why);
    return r ? r : query_param_check(poll->query_key, poll->query_value, why);
}

static void tell_body(const struct operation *o, const void *input)
{
    static char body[OPERATION_BODY_MAX];
    struct pipepoll_error why;
    struct buf out = BUF_ON(body);
    if (o->check ? o->check(input, &why) : check_poll(input, &why)) {
        printf("error: %s\n", why.text);
        return;
    }
    o->encode(&out, input);
    printf("%.*s\n", STR_ARG(buf_str(&out)));
}

int main(void)
{
    char *text = NULL;
    size_t cap = 0;
    for (ssize_t len; (len = getline(&text, &cap, stdin)) > 0;) {
        static struct given given;
        str line = { text, (size_t)len - 1 }, name = take(&line, '\t');
        text[len - 1] = '\0';
        for (size_t i = 0; i < OPERATIONS; i++) {
            if (!str_eq(name, str_of(operations[i].name)))
                continue;
            if (str_starts(line, STR("!"))) {
                tell_error(operations[i].operation, str_skip(line, 1));
                continue;
            }
            read_members(&given, line);
            tell_body(operations[i].operation, (char *)&given + operations[i].input);
        }
    }
    free(text);
    return 0;
}

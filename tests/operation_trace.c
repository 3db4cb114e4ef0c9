/* SPDX-License-Identifier: MIT */
/* Bodies of operations by stdin's lines, for witnesses to compare with their own:
 * "OPERATION<tab>MEMBER=VALUE<tab>..." with members as paths, such as currentRevision.created; or
 * "OPERATION<tab>!CODE" for what an error means; or "?" for the names of all operations. For each
 * line of input one of output: the body, "error: WHY", or "FAULT MEANING" in numbers. */
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

/* Each operation's own input in what is given, by a word of its name. */
static const struct {
    const char *word;
    size_t input; /* in struct given */
} inputs[] = {
    { "Poll", offsetof(struct given, poll) },
    { "Details", offsetof(struct given, job) },
    { "Acknowledge", offsetof(struct given, acknowledge) },
    { "Success", offsetof(struct given, success) },
    { "Failure", offsetof(struct given, failure) },
};

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

static str name_of(const struct operation *o)
{
    return str_skip(o->target, STR("CodePipeline_20150709.").len);
}

static const struct operation *operation_of(str name)
{
    for (size_t i = 0; i < OPERATION_COUNT; i++)
        if (str_eq(name, name_of(operations[i])))
            return operations[i];
    return NULL;
}

static const void *input_of(const struct given *g, str name)
{
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        if (memmem(name.ptr, name.len, inputs[i].word, strlen(inputs[i].word)))
            return (const char *)g + inputs[i].input;
    fprintf(stderr, "%.*s: what is its input?\n", STR_ARG(name));
    exit(1);
}

static void tell_names(void)
{
    for (size_t i = 0; i < OPERATION_COUNT; i++)
        printf("%.*s\n", STR_ARG(name_of(operations[i])));
}

static void answer(str line)
{
    static struct given given;
    str name = take(&line, '\t');
    const struct operation *o = operation_of(name);
    if (!o) {
        tell_names();
    } else if (str_starts(line, STR("!"))) {
        tell_error(o, str_skip(line, 1));
    } else {
        read_members(&given, line);
        tell_body(o, input_of(&given, name));
    }
}

int main(void)
{
    char *text = NULL;
    size_t cap = 0;
    for (ssize_t len; (len = getline(&text, &cap, stdin)) > 0;) {
        text[len - 1] = '\0';
        answer((str) { text, (size_t)len - 1 });
    }
    free(text);
    return 0;
}

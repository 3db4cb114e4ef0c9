/* SPDX-License-Identifier: MIT */
/* aws/operation: what all rows have in common: their names, and what errors mean. */
#include "aws/operation.h"

#include <stdio.h>

#include "lib/check.h"

static const struct pipepoll_str version = STR_INIT("CodePipeline_20150709.");

static bool is_of(const struct operation *o, const char *word)
{
    return memmem(o->target.ptr, o->target.len, word, strlen(word)) != NULL;
}

static void the_target_names_version_and_operation(void **state)
{
    static const char *const names[] = {
        "PollForThirdPartyJobs",         "PollForJobs",
        "GetThirdPartyJobDetails",       "GetJobDetails",
        "AcknowledgeThirdPartyJob",      "AcknowledgeJob",
        "PutThirdPartyJobSuccessResult", "PutJobSuccessResult",
        "PutThirdPartyJobFailureResult", "PutJobFailureResult",
    };
    assert_int_equal(sizeof names / sizeof *names, OPERATION_COUNT);
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        assert_true(str_starts(operations[i]->target, version));
        assert_str_equal(str_skip(operations[i]->target, version.len), names[i]);
    }
    assert_str_equal(operation_content_type, "application/x-amz-json-1.1");
}

static struct answer_fault read_code(const struct operation *o, const char *code)
{
    char body[128];
    int len = snprintf(body, sizeof body, "{\"__type\":\"%s\"}", code);
    struct answer a = { .codes = o->codes, .code_count = o->code_count, .http_status = 400 };
    struct answer_fault got;
    struct json_token tokens[8];
    answer_read(&got, &a, body, (size_t)len, tokens, 8);
    return got;
}

static void every_error_of_the_model_means_something_of_its_own_to_a_worker(void **state)
{
    static const struct {
        const char *code;
        enum job_refusal meaning;
    } rows[] = {
        { "JobNotFoundException", JOB_UNKNOWN },
        { "InvalidJobException", JOB_UNKNOWN },
        { "InvalidClientTokenException", JOB_CLIENT_TOKEN_WRONG },
        { "InvalidNonceException", JOB_NONCE_INVALID },
        { "InvalidJobStateException", JOB_STATE_INVALID },
        { "OutputVariablesSizeExceededException", JOB_OUTPUT_TOO_LARGE },
        { "ValidationException", JOB_INPUT_INVALID },
        { "SomethingElseException", JOB_NOT_REFUSED },
    };
    for (size_t o = 0; o < OPERATION_COUNT; o++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows && !is_of(operations[o], "Poll"); i++) {
            struct answer_fault got = read_code(operations[o], rows[i].code);
            assert_int_equal(got.meaning, rows[i].meaning);
            if (rows[i].meaning)
                assert_int_equal(got.fault, FAULT_REFUSED);
        }
}

/* Credentials and throttling are everybody's, and refuse no job. */
static void other_errors_refuse_no_job(void **state)
{
    struct answer_fault got = read_code(&operation_acknowledge_job, "ThrottlingException");
    assert_int_equal(got.fault, FAULT_THROTTLED);
    assert_int_equal(got.meaning, JOB_NOT_REFUSED);
    got = read_code(&operation_poll_for_third_party_jobs, "ActionTypeNotFoundException");
    assert_int_equal(got.fault, FAULT_NOT_FOUND);
    got = read_code(&operation_poll_for_jobs, "ActionTypeNotFoundException");
    assert_int_equal(got.fault, FAULT_NOT_FOUND);
}

/* A result that comes twice counts once, and the service says so. */
static void only_an_acknowledgement_is_not_repeated(void **state)
{
    for (size_t i = 0; i < OPERATION_COUNT; i++)
        assert_int_equal(operations[i]->repeat, is_of(operations[i], "Acknowledge")
                                                    ? OPERATION_IF_UNDONE
                                                    : OPERATION_MAY_REPEAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_target_names_version_and_operation),
        cmocka_unit_test(every_error_of_the_model_means_something_of_its_own_to_a_worker),
        cmocka_unit_test(other_errors_refuse_no_job),
        cmocka_unit_test(only_an_acknowledgement_is_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* aws/operation: what all rows have in common: their names, and what errors mean. */
#include "aws/operation.h"

#include <stdio.h>

#include "lib/check.h"

static void the_target_names_version_and_operation(void **state)
{
    static const struct {
        const struct operation *operation;
        const char *target;
    } rows[] = {
        { &operation_poll_for_third_party_jobs, "CodePipeline_20150709.PollForThirdPartyJobs" },
        { &operation_poll_for_jobs, "CodePipeline_20150709.PollForJobs" },
        { &operation_get_third_party_job_details, "CodePipeline_20150709.GetThirdPartyJobDetails" },
        { &operation_get_job_details, "CodePipeline_20150709.GetJobDetails" },
        { &operation_acknowledge_third_party_job,
          "CodePipeline_20150709.AcknowledgeThirdPartyJob" },
        { &operation_acknowledge_job, "CodePipeline_20150709.AcknowledgeJob" },
        { &operation_put_third_party_job_success_result,
          "CodePipeline_20150709.PutThirdPartyJobSuccessResult" },
        { &operation_put_job_success_result, "CodePipeline_20150709.PutJobSuccessResult" },
        { &operation_put_third_party_job_failure_result,
          "CodePipeline_20150709.PutThirdPartyJobFailureResult" },
        { &operation_put_job_failure_result, "CodePipeline_20150709.PutJobFailureResult" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_str_equal(rows[i].operation->target, rows[i].target);
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
    static const struct operation *const operations[] = {
        &operation_get_third_party_job_details,        &operation_get_job_details,
        &operation_acknowledge_third_party_job,        &operation_acknowledge_job,
        &operation_put_third_party_job_success_result, &operation_put_job_success_result,
        &operation_put_third_party_job_failure_result, &operation_put_job_failure_result,
    };
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
    (void)state;
    for (size_t o = 0; o < sizeof operations / sizeof *operations; o++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct answer_fault got = read_code(operations[o], rows[i].code);
            assert_int_equal(got.meaning, rows[i].meaning);
            if (rows[i].meaning)
                assert_int_equal(got.fault, FAULT_REFUSED);
        }
}

/* Credentials and throttling are everybody's, and refuse no job. */
static void other_errors_refuse_no_job(void **state)
{
    (void)state;
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
    (void)state;
    assert_int_equal(operation_poll_for_third_party_jobs.repeat, OPERATION_MAY_REPEAT);
    assert_int_equal(operation_poll_for_jobs.repeat, OPERATION_MAY_REPEAT);
    assert_int_equal(operation_get_third_party_job_details.repeat, OPERATION_MAY_REPEAT);
    assert_int_equal(operation_get_job_details.repeat, OPERATION_MAY_REPEAT);
    assert_int_equal(operation_acknowledge_third_party_job.repeat, OPERATION_IF_UNDONE);
    assert_int_equal(operation_acknowledge_job.repeat, OPERATION_IF_UNDONE);
    assert_int_equal(operation_put_third_party_job_success_result.repeat, OPERATION_MAY_REPEAT);
    assert_int_equal(operation_put_job_success_result.repeat, OPERATION_MAY_REPEAT);
    assert_int_equal(operation_put_third_party_job_failure_result.repeat, OPERATION_MAY_REPEAT);
    assert_int_equal(operation_put_job_failure_result.repeat, OPERATION_MAY_REPEAT);
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

/* SPDX-License-Identifier: MIT */
/* The model's rules, in AWS's words. */
#include "sim/validate.h"

#include <stdio.h>

#include "lib/check.h"

struct checked {
    bool ok;
    struct refusal refusal;
    struct validate_poll in;
    json_t *document; /* what the input's slices lie in */
};

static struct checked check(enum model_operation op, const char *text)
{
    struct checked c = { .document = validate_document(str_of(text)) };
    c.ok = validate_poll(&c.refusal, &c.in, op, c.document);
    return c;
}

static void assert_refused(enum model_operation op, const char *text, const char *code,
                           const char *message)
{
    struct checked c = check(op, text);
    assert_false(c.ok);
    assert_string_equal(c.refusal.code, code);
    assert_string_equal(c.refusal.message, message);
    assert_int_equal(c.refusal.status, 400);
    json_decref(c.document);
}

#define THIRD MODEL_POLL_FOR_THIRD_PARTY_JOBS

/* An input of the four members as given, JSON and all. */
#define INPUT(category, owner, provider, version, more)                                            \
    "{\"actionTypeId\":{\"category\":" category ",\"owner\":" owner ",\"provider\":" provider      \
    ",\"version\":" version "}" more "}"
#define GOOD(more) INPUT("\"Build\"", "\"ThirdParty\"", "\"Acme\"", "\"1\"", more)

static void the_ten_job_operations_are_known_by_their_targets(void **state)
{
    static const char *const names[] = {
        "PollForJobs",
        "GetJobDetails",
        "AcknowledgeJob",
        "PutJobSuccessResult",
        "PutJobFailureResult",
        "PollForThirdPartyJobs",
        "GetThirdPartyJobDetails",
        "AcknowledgeThirdPartyJob",
        "PutThirdPartyJobSuccessResult",
        "PutThirdPartyJobFailureResult",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char target[96];
        snprintf(target, sizeof target, "CodePipeline_20150709.%s", names[i]);
        enum model_operation op = model_operation(str_of(target));
        assert_int_equal(op, i + 1);
        assert_int_equal(model_is_third_party(op), strstr(names[i], "ThirdParty") != NULL);
        assert_string_equal(model_target_name(str_of(target)).ptr, names[i]);
    }
    assert_int_equal(model_operation(STR("CodePipeline_20150709.ListPipelines")), MODEL_UNKNOWN);
    assert_int_equal(model_operation(STR("PollForJobs")), MODEL_UNKNOWN);
    assert_int_equal(model_operation(STR("")), MODEL_UNKNOWN);
}

static void a_good_input_is_read(void **state)
{
    struct checked c = check(THIRD, GOOD(",\"maxBatchSize\":7,\"unknown\":[1]"));
    assert_true(c.ok);
    assert_int_equal(c.in.max_batch, 7);
    assert_str_equal(c.in.action_type.provider, "Acme");
    json_decref(c.document);
    c = check(THIRD, GOOD(",\"maxBatchSize\":null"));
    assert_true(c.ok);
    assert_int_equal(c.in.max_batch, 0);
    json_decref(c.document);
    c = check(THIRD, GOOD(",\"maxBatchSize\":2147483647"));
    assert_true(c.ok);
    assert_true(c.in.max_batch == INT32_MAX);
    json_decref(c.document);
}

static void a_provider_that_is_too_long_is_quoted_with_the_limit(void **state)
{
    assert_refused(THIRD,
                   INPUT("\"Build\"", "\"ThirdParty\"", "\"aaaaaaaaaabbbbbbbbbbccccccccccdddddd\"",
                         "\"1\"", ""),
                   "ValidationException",
                   "1 validation error detected: Value 'aaaaaaaaaabbbbbbbbbbccccccccccdddddd' at "
                   "'actionTypeId.provider' failed to satisfy constraint: Member must have length "
                   "less than or equal to 35");
}

static void all_errors_are_told_at_once(void **state)
{
    assert_refused(THIRD,
                   INPUT("\"Bake\"", "\"ThirdParty\"", "\"A b\"", "null", ",\"maxBatchSize\":0"),
                   "ValidationException",
                   "4 validation errors detected: Value 'Bake' at 'actionTypeId.category' failed "
                   "to satisfy constraint: Member must satisfy enum value set: [Source, Build, "
                   "Deploy, Test, Invoke, Approval, Compute]; Value 'A b' at "
                   "'actionTypeId.provider' failed to satisfy constraint: Member must satisfy "
                   "regular expression pattern: [0-9A-Za-z_-]+; Value null at "
                   "'actionTypeId.version' failed to satisfy constraint: Member must not be null; "
                   "Value '0' at 'maxBatchSize' failed to satisfy constraint: Member must have "
                   "value greater than or equal to 1");
}

static void a_missing_action_type_is_told(void **state)
{
    assert_refused(THIRD, "{}", "ValidationException",
                   "1 validation error detected: Value null at 'actionTypeId' failed to satisfy "
                   "constraint: Member must not be null");
}

static void wrong_types_are_no_matter_of_validation(void **state)
{
    assert_refused(THIRD, "{", "SerializationException", "");
    assert_refused(THIRD, "null", "SerializationException",
                   "VALUE_NULL can not be converted to a Structure");
    assert_refused(THIRD, "[]", "SerializationException",
                   "START_ARRAY can not be converted to a Structure");
    assert_refused(THIRD, GOOD(",\"maxBatchSize\":\"10\""), "SerializationException",
                   "STRING_VALUE can not be converted to an Integer");
    assert_refused(THIRD, GOOD(",\"maxBatchSize\":1.5"), "SerializationException",
                   "DECIMAL_VALUE can not be converted to an Integer");
    assert_refused(THIRD, GOOD(",\"maxBatchSize\":123456789012345678901234567890"),
                   "SerializationException", "NUMBER_VALUE can not be converted to an Integer");
    assert_refused(THIRD, INPUT("1", "1", "1", "1", ""), "SerializationException",
                   "NUMBER_VALUE can not be converted to a String");
}

static void each_poll_serves_its_own_owner(void **state)
{
    assert_refused(MODEL_POLL_FOR_JOBS, INPUT("\"Build\"", "\"AWS\"", "\"Acme\"", "\"1\"", ""),
                   "ValidationException", "ActionType with owner 'AWS' is not supported");
    assert_refused(MODEL_POLL_FOR_JOBS, GOOD(""), "ValidationException",
                   "ActionType with owner 'ThirdParty' is not supported");
    assert_refused(THIRD, INPUT("\"Build\"", "\"Custom\"", "\"Acme\"", "\"1\"", ""),
                   "ValidationException", "ActionType with owner 'Custom' is not supported");
}

static void the_query_of_custom_polls_is_checked(void **state)
{
#define CUSTOM(more) INPUT("\"Build\"", "\"Custom\"", "\"Acme\"", "\"1\"", more)
    struct checked c = check(MODEL_POLL_FOR_JOBS, CUSTOM(",\"queryParam\":{\"Project\":\"P1\"}"));
    assert_true(c.ok);
    json_decref(c.document);
    assert_refused(
        MODEL_POLL_FOR_JOBS, CUSTOM(",\"queryParam\":{\"a\":\"1\",\"b\":\"2\"}"),
        "ValidationException",
        "1 validation error detected: Value '{a=1, b=2}' at 'queryParam' failed to satisfy "
        "constraint: Member must have length less than or equal to 1");
    assert_refused(MODEL_POLL_FOR_JOBS, CUSTOM(",\"queryParam\":{\"a\":\"b c\"}"),
                   "ValidationException",
                   "1 validation error detected: Value 'b c' at 'queryParam' failed to satisfy "
                   "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+");
    assert_refused(MODEL_POLL_FOR_JOBS, CUSTOM(",\"queryParam\":{\"a\":1}"),
                   "SerializationException", "NUMBER_VALUE can not be converted to a String");
}

static void a_nul_is_a_wrong_value_and_not_the_end_of_the_text(void **state)
{
    assert_refused(THIRD, INPUT("\"Build\"", "\"ThirdParty\"", "\"a\\u0000b\"", "\"1\"", ""),
                   "ValidationException",
                   "1 validation error detected: Value 'a\\u0000b' at 'actionTypeId.provider' "
                   "failed to satisfy constraint: Member must satisfy regular expression pattern: "
                   "[0-9A-Za-z_-]+");
}

static void a_huge_value_is_cut_between_characters(void **state)
{
    char text[4096] = "{\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"ThirdParty\","
                      "\"version\":\"1\",\"provider\":\"a";
    for (int i = 0; i < 1000; i++)
        memcpy(text + strlen(text), "\xc3\xa9", 3);
    memcpy(text + strlen(text), "\"}}", 4);
    struct checked c = check(THIRD, text);
    assert_false(c.ok);
    json_t *message = json_string(c.refusal.message); /* NULL when it is not UTF-8 */
    assert_non_null(message);
    assert_true(strlen(c.refusal.message) < 2000);
    json_decref(message);
    json_decref(c.document);
}

/* --- jobs ------------------------------------------------------------------------------------ */

static void assert_job_refused(enum model_operation op, const char *text, const char *code,
                               const char *message)
{
    struct refusal refusal = { 0 };
    struct validate_job in;
    json_t *document = validate_document(str_of(text));
    assert_false(validate_job(&refusal, &in, op, document));
    assert_string_equal(refusal.code, code);
    assert_string_equal(refusal.message, message);
    json_decref(document);
}

static void assert_job_good(enum model_operation op, const char *text)
{
    struct refusal refusal = { 0 };
    struct validate_job in;
    json_t *document = validate_document(str_of(text));
    if (!validate_job(&refusal, &in, op, document))
        fail_msg("%s: %s", text, refusal.message);
    json_decref(document);
}

#define ID   "\"jobId\":\"01234567-89ab-4cde-8f01-23456789abcd\""
#define MUST " failed to satisfy constraint: Member must "

static void the_input_of_a_job_operation_is_read_and_checked(void **state)
{
    struct refusal refusal;
    struct validate_job in;
    enum model_operation op = MODEL_GET_THIRD_PARTY_JOB_DETAILS;
    json_t *document = validate_document(STR("{\"clientToken\":\"t\",\"jobId\":\"j\",\"x\":1}"));
    assert_true(validate_job(&refusal, &in, op, document));
    assert_str_equal(in.job_id, "j");
    assert_str_equal(in.client_token, "t");
    json_decref(document);
    assert_job_refused(op, "{}", "ValidationException",
                       "2 validation errors detected: Value null at 'jobId'" MUST
                       "not be null; Value null at 'clientToken'" MUST "not be null");
    assert_job_refused(op, "{\"jobId\":\"\",\"clientToken\":\"t\"}", "ValidationException",
                       "1 validation error detected: Value '' at 'jobId'" MUST
                       "have length greater than or equal to 1");
    assert_job_refused(op, "{\"jobId\":1,\"clientToken\":\"t\"}", "SerializationException",
                       "NUMBER_VALUE can not be converted to a String");
    assert_job_refused(op, "[]", "SerializationException",
                       "START_ARRAY can not be converted to a Structure");
}

static void a_custom_job_is_named_by_a_uuid(void **state)
{
    assert_job_good(MODEL_ACKNOWLEDGE_JOB, "{" ID ",\"nonce\":\"3\"}");
    assert_job_refused(
        MODEL_ACKNOWLEDGE_JOB,
        "{\"jobId\":\"01234567-89AB-4cde-8f01-23456789abcd\",\"nonce\":\"\"}",
        "ValidationException",
        "2 validation errors detected: Value '01234567-89AB-4cde-8f01-23456789abcd' at 'jobId'" MUST
        "satisfy regular expression pattern: "
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}; Value '' at 'nonce'" MUST
        "have length greater than or equal to 1");
}

static void the_members_of_a_result_are_named_by_their_paths(void **state)
{
    assert_job_good(MODEL_PUT_JOB_SUCCESS_RESULT,
                    "{" ID ",\"currentRevision\":{\"revision\":\"r\",\"changeIdentifier\":\"c\","
                    "\"created\":1767323045.678},\"executionDetails\":{\"percentComplete\":100,"
                    "\"summary\":null},\"outputVariables\":{\"a@-_1\":\"\"}}");
    assert_job_refused(MODEL_PUT_JOB_SUCCESS_RESULT,
                       "{" ID ",\"currentRevision\":{\"revision\":\"\"},\"executionDetails\":"
                       "{\"percentComplete\":101},\"outputVariables\":{\"a b\":\"x\"}}",
                       "ValidationException",
                       "4 validation errors detected: Value '' at 'currentRevision.revision'" MUST
                       "have length greater than or equal to 1; Value null at "
                       "'currentRevision.changeIdentifier'" MUST
                       "not be null; Value '101' at 'executionDetails.percentComplete'" MUST
                       "have value less than or equal to 100; Value 'a b' at 'outputVariables'" MUST
                       "satisfy regular expression pattern: [A-Za-z0-9@\\-_]+");
    assert_job_refused(
        MODEL_PUT_JOB_SUCCESS_RESULT, "{" ID ",\"executionDetails\":{\"percentComplete\":-1}}",
        "ValidationException",
        "1 validation error detected: Value '-1' at "
        "'executionDetails.percentComplete'" MUST "have value greater than or equal to 0");
    assert_job_refused(
        MODEL_PUT_JOB_SUCCESS_RESULT, "{" ID ",\"currentRevision\":{\"created\":\"2026\"}}",
        "SerializationException", "STRING_VALUE can not be converted to milliseconds since epoch");
    assert_job_refused(MODEL_PUT_JOB_FAILURE_RESULT,
                       "{" ID ",\"failureDetails\":{\"type\":\"Other\"}}", "ValidationException",
                       "2 validation errors detected: Value 'Other' at 'failureDetails.type'" MUST
                       "satisfy enum value set: [JobFailed, ConfigurationError, PermissionError, "
                       "RevisionOutOfSync, RevisionUnavailable, SystemUnavailable]; Value null at "
                       "'failureDetails.message'" MUST "not be null");
    assert_job_refused(MODEL_PUT_THIRD_PARTY_JOB_FAILURE_RESULT,
                       "{\"jobId\":\"j\",\"clientToken\":\"t\",\"failureDetails\":[]}",
                       "SerializationException", "START_ARRAY can not be converted to a Structure");
}

static void output_variables_come_with_the_last_result_alone(void **state)
{
    assert_job_refused(MODEL_PUT_JOB_SUCCESS_RESULT,
                       "{" ID ",\"continuationToken\":\"t\",\"outputVariables\":{\"a\":\"b\"}}",
                       "ValidationException",
                       "outputVariables can be included only when there is no continuationToken in "
                       "the request");
    /* A member that the operation does not have is no member at all. */
    assert_job_good(MODEL_PUT_THIRD_PARTY_JOB_SUCCESS_RESULT,
                    "{\"jobId\":\"j\",\"clientToken\":\"t\",\"continuationToken\":\"t\","
                    "\"outputVariables\":7}");
}

static void lengths_are_counted_in_characters(void **state)
{
    char text[4096] = "{\"clientToken\":\"t\",\"jobId\":\"";
    for (int i = 0; i < 512; i++)
        memcpy(text + strlen(text), "\xc3\xa9", 3);
    size_t end = strlen(text);
    memcpy(text + end, "\"}", 3);
    assert_job_good(MODEL_GET_THIRD_PARTY_JOB_DETAILS, text);
    memcpy(text + end, "x\"}", 4);
    struct refusal refusal;
    struct validate_job in;
    json_t *document = validate_document(str_of(text));
    assert_false(validate_job(&refusal, &in, MODEL_GET_THIRD_PARTY_JOB_DETAILS, document));
    assert_non_null(strstr(refusal.message, "have length less than or equal to 512"));
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ten_job_operations_are_known_by_their_targets),
        cmocka_unit_test(a_good_input_is_read),
        cmocka_unit_test(a_provider_that_is_too_long_is_quoted_with_the_limit),
        cmocka_unit_test(all_errors_are_told_at_once),
        cmocka_unit_test(a_missing_action_type_is_told),
        cmocka_unit_test(wrong_types_are_no_matter_of_validation),
        cmocka_unit_test(each_poll_serves_its_own_owner),
        cmocka_unit_test(the_query_of_custom_polls_is_checked),
        cmocka_unit_test(a_nul_is_a_wrong_value_and_not_the_end_of_the_text),
        cmocka_unit_test(a_huge_value_is_cut_between_characters),
        cmocka_unit_test(the_input_of_a_job_operation_is_read_and_checked),
        cmocka_unit_test(a_custom_job_is_named_by_a_uuid),
        cmocka_unit_test(the_members_of_a_result_are_named_by_their_paths),
        cmocka_unit_test(output_variables_come_with_the_last_result_alone),
        cmocka_unit_test(lengths_are_counted_in_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

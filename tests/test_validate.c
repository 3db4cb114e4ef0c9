/* The model's rules, in AWS's words. */
#include "sim/validate.h"

#include "lib/check.h"

struct checked {
    bool ok;
    struct refusal refusal;
    struct validate_input in;
    json_t *document; /* what the input's slices lie in */
};

static struct checked check(enum validate_operation op, const char *text)
{
    struct checked c = { .document = validate_document(str_of(text)) };
    c.ok = validate_poll(&c.refusal, &c.in, op, c.document);
    return c;
}

static void assert_refused(enum validate_operation op, const char *text, const char *code,
                           const char *message)
{
    struct checked c = check(op, text);
    assert_false(c.ok);
    assert_string_equal(c.refusal.code, code);
    assert_string_equal(c.refusal.message, message);
    assert_int_equal(c.refusal.status, 400);
    json_decref(c.document);
}

#define THIRD VALIDATE_POLL_FOR_THIRD_PARTY_JOBS

/* An input of the four members as given, JSON and all. */
#define INPUT(category, owner, provider, version, more)                                            \
    "{\"actionTypeId\":{\"category\":" category ",\"owner\":" owner ",\"provider\":" provider      \
    ",\"version\":" version "}" more "}"
#define GOOD(more) INPUT("\"Build\"", "\"ThirdParty\"", "\"Acme\"", "\"1\"", more)

static void the_ten_job_operations_are_known_by_their_targets(void **state)
{
    (void)state;
    assert_int_equal(validate_operation(STR("CodePipeline_20150709.PollForThirdPartyJobs")), THIRD);
    assert_int_equal(validate_operation(STR("CodePipeline_20150709.PollForJobs")),
                     VALIDATE_POLL_FOR_JOBS);
    assert_int_equal(validate_operation(STR("CodePipeline_20150709.GetThirdPartyJobDetails")),
                     VALIDATE_GET_THIRD_PARTY_JOB_DETAILS);
    assert_int_equal(validate_operation(STR("CodePipeline_20150709.PutJobFailureResult")),
                     VALIDATE_NOT_SIMULATED);
    assert_int_equal(validate_operation(STR("CodePipeline_20150709.ListPipelines")),
                     VALIDATE_UNKNOWN);
    assert_int_equal(validate_operation(STR("PollForJobs")), VALIDATE_UNKNOWN);
    assert_int_equal(validate_operation(STR("")), VALIDATE_UNKNOWN);
}

static void a_good_input_is_read(void **state)
{
    struct checked c = check(THIRD, GOOD(",\"maxBatchSize\":7,\"unknown\":[1]"));
    (void)state;
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
    (void)state;
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
    (void)state;
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
    (void)state;
    assert_refused(THIRD, "{}", "ValidationException",
                   "1 validation error detected: Value null at 'actionTypeId' failed to satisfy "
                   "constraint: Member must not be null");
}

static void wrong_types_are_no_matter_of_validation(void **state)
{
    (void)state;
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
    (void)state;
    assert_refused(VALIDATE_POLL_FOR_JOBS, INPUT("\"Build\"", "\"AWS\"", "\"Acme\"", "\"1\"", ""),
                   "ValidationException", "ActionType with owner 'AWS' is not supported");
    assert_refused(VALIDATE_POLL_FOR_JOBS, GOOD(""), "ValidationException",
                   "ActionType with owner 'ThirdParty' is not supported");
    assert_refused(THIRD, INPUT("\"Build\"", "\"Custom\"", "\"Acme\"", "\"1\"", ""),
                   "ValidationException", "ActionType with owner 'Custom' is not supported");
}

static void the_query_of_custom_polls_is_checked(void **state)
{
    (void)state;
#define CUSTOM(more) INPUT("\"Build\"", "\"Custom\"", "\"Acme\"", "\"1\"", more)
    struct checked c =
        check(VALIDATE_POLL_FOR_JOBS, CUSTOM(",\"queryParam\":{\"Project\":\"P1\"}"));
    assert_true(c.ok);
    json_decref(c.document);
    assert_refused(
        VALIDATE_POLL_FOR_JOBS, CUSTOM(",\"queryParam\":{\"a\":\"1\",\"b\":\"2\"}"),
        "ValidationException",
        "1 validation error detected: Value '{a=1, b=2}' at 'queryParam' failed to satisfy "
        "constraint: Member must have length less than or equal to 1");
    assert_refused(VALIDATE_POLL_FOR_JOBS, CUSTOM(",\"queryParam\":{\"a\":\"b c\"}"),
                   "ValidationException",
                   "1 validation error detected: Value 'b c' at 'queryParam' failed to satisfy "
                   "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+");
    assert_refused(VALIDATE_POLL_FOR_JOBS, CUSTOM(",\"queryParam\":{\"a\":1}"),
                   "SerializationException", "NUMBER_VALUE can not be converted to a String");
}

static void a_nul_is_a_wrong_value_and_not_the_end_of_the_text(void **state)
{
    (void)state;
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
    (void)state;
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

static void assert_job_refused(const char *text, const char *code, const char *message)
{
    struct refusal refusal = { 0 };
    struct validate_job in;
    json_t *document = validate_document(str_of(text));
    assert_false(validate_job(&refusal, &in, document));
    assert_string_equal(refusal.code, code);
    assert_string_equal(refusal.message, message);
    json_decref(document);
}

static void the_input_of_a_job_operation_is_read_and_checked(void **state)
{
    (void)state;
    struct refusal refusal;
    struct validate_job in;
    json_t *document = validate_document(STR("{\"clientToken\":\"t\",\"jobId\":\"j\",\"x\":1}"));
    assert_true(validate_job(&refusal, &in, document));
    assert_str_equal(in.job_id, "j");
    assert_str_equal(in.client_token, "t");
    json_decref(document);
    assert_job_refused("{}", "ValidationException",
                       "2 validation errors detected: Value null at 'jobId' failed to satisfy "
                       "constraint: Member must not be null; Value null at 'clientToken' failed to "
                       "satisfy constraint: Member must not be null");
    assert_job_refused("{\"jobId\":\"\",\"clientToken\":\"t\"}", "ValidationException",
                       "1 validation error detected: Value '' at 'jobId' failed to satisfy "
                       "constraint: Member must have length greater than or equal to 1");
    assert_job_refused("{\"jobId\":1,\"clientToken\":\"t\"}", "SerializationException",
                       "NUMBER_VALUE can not be converted to a String");
    assert_job_refused("[]", "SerializationException",
                       "START_ARRAY can not be converted to a Structure");
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

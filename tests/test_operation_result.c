/* SPDX-License-Identifier: MIT */
/* aws/operation_result: results of one job: rules, bodies, secrets, and answers of nothing. */
#include "aws/operation.h"

#include <stdlib.h>

#include "lib/check.h"

#define UUID "0123abcd-4567-89ef-0123-456789abcdef"

static const struct operation *const success = &operation_put_third_party_job_success_result;
static const struct operation *const custom_success = &operation_put_job_success_result;
static const struct operation *const failure = &operation_put_third_party_job_failure_result;
static const struct operation *const custom_failure = &operation_put_job_failure_result;

/* --- bodies --- */

static void assert_body(const struct operation *o, const void *input, const char *body)
{
    char text[1024];
    struct buf out = BUF_ON(text);
    assert_int_equal(o->check(input, NULL), 0);
    o->encode(&out, input);
    assert_string_equal(buf_cstr(&out), body);
    for (size_t cap = 0; cap < strlen(body); cap++) {
        struct buf small = { .at = text, .cap = cap };
        o->encode(&small, input);
        assert_true(small.overflow);
    }
}

static void a_success_says_no_more_than_it_has_to(void **state)
{
    assert_body(success,
                &(struct success_input) { .job_id = STR("j"), .client_token = STR("tok+/=1") },
                "{\"jobId\":\"j\",\"clientToken\":\"tok+/=1\"}");
    assert_body(custom_success, &(struct success_input) { .job_id = STR(UUID) },
                "{\"jobId\":\"" UUID "\"}");
    assert_body(success,
                &(struct success_input) { .job_id = STR("j"),
                                          .client_token = STR("t"),
                                          .execution = &(struct execution_input) { { 0 } } },
                "{\"jobId\":\"j\",\"clientToken\":\"t\",\"executionDetails\":{}}");
}

static void a_success_may_say_everything_in_the_order_of_the_model(void **state)
{
    static const struct revision_input revision = { STR_INIT("r\"1"), STR_INIT("c1"), 1767323045,
                                                    STR_INIT("line\n") };
    static const struct execution_input execution = { STR_INIT("done"), STR_INIT("x/1"), true, 0 };
    static const struct variable_input variables[] = { { STR_INIT("A@b-_1"), STR_INIT("") },
                                                       { STR_INIT("B"), STR_INIT("\xc3\xa9\\") } };
    assert_body(
        success,
        &(struct success_input) {
            .job_id = STR("j"),
            .client_token = STR("t"),
            .revision = &revision,
            .continuation_token = STR("ct-1"),
            .execution = &execution,
        },
        "{\"jobId\":\"j\",\"clientToken\":\"t\",\"currentRevision\":{\"revision\":\"r\\\"1\","
        "\"changeIdentifier\":\"c1\",\"created\":1767323045,\"revisionSummary\":"
        "\"line\\u000a\"},\"continuationToken\":\"ct-1\",\"executionDetails\":{\"summary\":"
        "\"done\",\"externalExecutionId\":\"x/1\",\"percentComplete\":0}}");
    assert_body(
        custom_success,
        &(struct success_input) {
            .job_id = STR(UUID),
            .execution = &(struct execution_input) { .has_percent = true, .percent_complete = 100 },
            .variables = variables,
            .variable_count = 2,
        },
        "{\"jobId\":\"" UUID "\",\"executionDetails\":{\"percentComplete\":100},"
        "\"outputVariables\":{\"A@b-_1\":\"\",\"B\":\"\xc3\xa9\\\\\"}}");
    assert_body(custom_success,
                &(struct success_input) {
                    .job_id = STR(UUID),
                    .revision = &(struct revision_input) { STR("r"), STR("c"), -1, STR("") },
                },
                "{\"jobId\":\"" UUID "\",\"currentRevision\":{\"revision\":\"r\","
                "\"changeIdentifier\":\"c\",\"created\":-1}}");
}

static void a_failure_has_a_type_and_a_message(void **state)
{
    static const char *const types[] = { "JobFailed",           "ConfigurationError",
                                         "PermissionError",     "RevisionOutOfSync",
                                         "RevisionUnavailable", "SystemUnavailable" };
    assert_body(
        failure,
        &(struct failure_input) { STR("j"), STR("t"), STR("JobFailed"), STR("boom"), STR("x/1") },
        "{\"jobId\":\"j\",\"clientToken\":\"t\",\"failureDetails\":{\"type\":\"JobFailed\","
        "\"message\":\"boom\",\"externalExecutionId\":\"x/1\"}}");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char text[256];
        struct buf want = BUF_ON(text);
        buf_printf(&want,
                   "{\"jobId\":\"%s\",\"failureDetails\":{\"type\":\"%s\",\"message\":\"m\"}}",
                   UUID, types[i]);
        assert_body(custom_failure,
                    &(struct failure_input) {
                        .job_id = STR(UUID), .type = str_of(types[i]), .message = STR("m") },
                    buf_cstr(&want));
    }
}

/* --- rules --- */

static void assert_refused(const struct operation *o, const void *input, const char *sentence)
{
    struct pipepoll_error why;
    assert_int_equal(o->check(input, NULL), PIPEPOLL_EINVAL);
    assert_int_equal(o->check(input, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, sentence);
}

/* n characters of two bytes each: a model counts characters. */
static str characters(size_t n)
{
    static char text[2 * 6000];
    for (size_t i = 0; i < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    return (str) { text, 2 * n };
}

static struct success_input third_party(void)
{
    return (struct success_input) { .job_id = STR("j"), .client_token = STR("secret") };
}

static void the_longest_of_each_text_is_taken_and_a_longer_one_named(void **state)
{
    struct revision_input revision;
    struct execution_input execution;
    struct failure_input f;
    struct success_input s = third_party();
    static const struct {
        bool of_revision; /* else of the execution */
        size_t offset, max;
        const char *sentence;
    } rows[] = {
        { true, offsetof(struct revision_input, revision), 1500,
          "currentRevision.revision has 1501 characters, not 1 to 1500" },
        { true, offsetof(struct revision_input, change_identifier), 100,
          "currentRevision.changeIdentifier has 101 characters, not 1 to 100" },
        { true, offsetof(struct revision_input, summary), 2048,
          "currentRevision.revisionSummary has 2049 characters, not 1 to 2048" },
        { false, offsetof(struct execution_input, summary), 2048,
          "executionDetails.summary has 2049 characters, not 1 to 2048" },
        { false, offsetof(struct execution_input, external_execution_id), 1500,
          "executionDetails.externalExecutionId has 1501 characters, not 1 to 1500" },
    };
    s.revision = &revision;
    s.execution = &execution;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        revision = (struct revision_input) { STR("r"), STR("c"), 0, STR("") };
        execution = (struct execution_input) { { 0 } };
        char *part = rows[i].of_revision ? (char *)&revision : (char *)&execution;
        str *text = (str *)(part + rows[i].offset);
        *text = characters(rows[i].max);
        assert_int_equal(success->check(&s, NULL), 0);
        *text = characters(rows[i].max + 1);
        assert_refused(success, &s, rows[i].sentence);
    }
    s = third_party();
    s.continuation_token = characters(2048);
    assert_int_equal(success->check(&s, NULL), 0);
    s.continuation_token = characters(2049);
    assert_refused(success, &s, "continuationToken has 2049 characters, not 1 to 2048");
    f = (struct failure_input) { STR("j"), STR("t"), STR("JobFailed"), characters(5000),
                                 characters(1500) };
    assert_int_equal(failure->check(&f, NULL), 0);
    f.external_execution_id = characters(1501);
    assert_refused(failure, &f,
                   "failureDetails.externalExecutionId has 1501 characters, not 1 to 1500");
    f.message = characters(5001);
    assert_refused(failure, &f, "failureDetails.message has 5001 characters, not 1 to 5000");
}

static void what_the_model_requires_is_missed_by_name(void **state)
{
    struct revision_input revision = { STR("r"), STR(""), 0, STR("") };
    struct success_input s = third_party();
    s.revision = &revision;
    assert_refused(success, &s, "currentRevision.changeIdentifier has 0 characters, not 1 to 100");
    revision = (struct revision_input) { STR(""), STR("c"), 0, STR("") };
    assert_refused(success, &s, "currentRevision.revision has 0 characters, not 1 to 1500");
    s = (struct success_input) { .job_id = STR("j") };
    assert_refused(success, &s, "clientToken has 0 characters, not 1 to 256");
    s = (struct success_input) { .client_token = STR("t") };
    assert_refused(success, &s, "jobId has 0 characters, not 1 to 512");
    assert_refused(
        failure, &(struct failure_input) { STR("j"), STR("t"), STR("JobFailed"), STR(""), STR("") },
        "failureDetails.message has 0 characters, not 1 to 5000");
    assert_refused(
        failure,
        &(struct failure_input) { STR("j"), STR("t"), STR("Jobfailed"), STR("m"), STR("") },
        "failureDetails.type \"Jobfailed\" is not one of JobFailed, ConfigurationError, "
        "PermissionError, RevisionOutOfSync, RevisionUnavailable, SystemUnavailable (did "
        "you mean \"JobFailed\"?)");
}

static void numbers_have_their_bounds(void **state)
{
    static const int64_t years[] = { -62135596800, 253402300799, INT64_MIN,
                                     INT64_MAX,    -62135596801, 253402300800 };
    struct execution_input execution = { .has_percent = true, .percent_complete = 101 };
    struct success_input s = third_party();
    s.execution = &execution;
    assert_refused(success, &s, "executionDetails.percentComplete 101 is not 0 to 100");
    execution.percent_complete = UINT32_MAX;
    assert_refused(success, &s, "executionDetails.percentComplete 4294967295 is not 0 to 100");
    execution.has_percent = false; /* it is not sent */
    assert_int_equal(success->check(&s, NULL), 0);
    for (size_t i = 0; i < 6; i++) {
        const struct revision_input revision = { STR("r"), STR("c"), years[i], STR("") };
        s.revision = &revision;
        if (i < 2)
            assert_int_equal(success->check(&s, NULL), 0);
        else
            assert_refused(success, &s,
                           "currentRevision.created is not within the years 1 to 9999");
    }
}

static void each_family_refuses_what_only_the_other_has(void **state)
{
    static const struct variable_input variable = { STR_INIT("A"), STR_INIT("1") };
    struct success_input s = third_party();
    s.variables = &variable;
    s.variable_count = 1;
    assert_refused(success, &s, "outputVariables is no member of this operation");
    s.job_id = STR(UUID);
    assert_refused(custom_success, &s, "clientToken is no member of this operation");
    s.client_token = STR("");
    assert_int_equal(custom_success->check(&s, NULL), 0);
    s.job_id = STR("j");
    assert_refused(custom_success, &s, "jobId \"j\" is not a UUID: 8-4-4-4-12 of 0-9 and a-f");
    assert_refused(
        custom_failure,
        &(struct failure_input) { STR(UUID), STR("t"), STR("JobFailed"), STR("m"), STR("") },
        "clientToken is no member of this operation");
    assert_refused(
        custom_failure,
        &(struct failure_input) { STR("j"), STR(""), STR("JobFailed"), STR("m"), STR("") },
        "jobId \"j\" is not a UUID: 8-4-4-4-12 of 0-9 and a-f");
}

/* --- variables --- */

static struct success_input with(const struct variable_input *variables, size_t count)
{
    return (struct success_input) { .job_id = STR(UUID),
                                    .variables = variables,
                                    .variable_count = count };
}

static void variables_have_names_of_their_own_and_any_text(void **state)
{
    static const char *const bad[] = { "", "a b", "a.b", "\xc3\xa9", "a\"" };
    struct variable_input v[2] = { { STR("A"), STR("secret") }, { STR("B"), STR("\xff") } };
    struct success_input s = with(v, 2);
    assert_refused(custom_success, &s, "outputVariables[1] is not UTF-8");
    v[1] = (struct variable_input) { STR("A"), STR("other") };
    assert_refused(custom_success, &s, "outputVariables[1] has the name of another");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        v[1].name = str_of(bad[i]);
        assert_refused(custom_success, &s,
                       "outputVariables[1] has a name that is not 1 or more of a-z, A-Z, 0-9, '@', "
                       "'_' and '-'");
    }
    s = with(v, 1);
    s.continuation_token = STR("ct");
    assert_refused(custom_success, &s,
                   "outputVariables go with the last result only, not with a continuationToken");
}

/* As many and as large as may be still fit a body. */
static void variables_are_bounded_so_that_the_body_is(void **state)
{
    static struct variable_input v[OPERATION_VARIABLES_MAX + 1];
    static char names[OPERATION_VARIABLES_MAX + 1][8], body[OPERATION_BODY_MAX];
    static char large[OPERATION_VARIABLES_SIZE_MAX];
    struct buf out = BUF_ON(body);
    struct revision_input revision = { characters(1500), characters(100), 1, characters(2048) };
    struct execution_input execution = { characters(2048), characters(1500), true, 100 };
    struct success_input s = with(v, OPERATION_VARIABLES_MAX);
    for (unsigned i = 0; i <= OPERATION_VARIABLES_MAX; i++) {
        struct buf name = BUF_ON(names[i]);
        buf_printf(&name, "n%u", i);
        v[i].name = buf_str(&name);
    }
    assert_int_equal(custom_success->check(&s, NULL), 0);
    s.variable_count++;
    assert_refused(custom_success, &s, "outputVariables are 1025, more than 1024");

    s = with(v, 1); /* "n0":"" and one for a comma: 8 bytes, and six for each control character */
    memset(large, 1, sizeof large);
    v[0].value = (str) { large, (OPERATION_VARIABLES_SIZE_MAX - 8) / 6 };
    s.revision = &revision;
    s.execution = &execution;
    assert_int_equal(custom_success->check(&s, NULL), 0);
    custom_success->encode(&out, &s);
    assert_false(out.overflow);
    v[0].value.len++;
    assert_refused(custom_success, &s, "outputVariables take 196610 bytes, more than 196608");
}

/* --- secrets and answers --- */

static void their_secrets_are_the_tokens(void **state)
{
    struct success_input s = third_party();
    const struct failure_input f = { STR("j"), STR("token"), STR("JobFailed"), STR("m"), STR("") };
    assert_true(success->has_secrets && custom_success->has_secrets);
    assert_true(failure->has_secrets && custom_failure->has_secrets);
    assert_str_equal(success->secret(&s, 0), "secret");
    assert_int_equal(success->secret(&s, 1).len, 0);
    s.continuation_token = STR("ct");
    assert_str_equal(success->secret(&s, 0), "secret");
    assert_str_equal(success->secret(&s, 1), "ct");
    assert_int_equal(success->secret(&s, 2).len, 0);
    s.client_token = STR("");
    assert_str_equal(custom_success->secret(&s, 0), "ct");
    assert_int_equal(custom_success->secret(&s, 1).len, 0);
    assert_str_equal(failure->secret(&f, 0), "token");
    assert_int_equal(failure->secret(&f, 1).len, 0);
}

static enum decode_result decode(const char *text, struct pipepoll_error *why)
{
    struct decode_memory none = { 0 };
    return success->decode(NULL, &none, str_of(text), why);
}

static void an_answer_of_nothing_or_of_anything_is_a_success_but_no_other_text(void **state)
{
    static const char *const good[] = { "", " \r\n", "{}", "{\"x\":[{\"y\":null}],\"x\":1}" };
    static const char *const bad[] = { "OK", "[]", "{", "{}{}", "null", "<html></html>", "\"\"" };
    struct pipepoll_error why;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(decode(good[i], NULL), DECODE_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(decode(bad[i], &why), DECODE_BAD);
    assert_int_equal(decode("OK", &why), DECODE_BAD);
    assert_string_equal(why.text, "found 'O' at byte 0, not a JSON object");
    assert_ptr_equal(success->decode, custom_failure->decode);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_success_says_no_more_than_it_has_to),
        cmocka_unit_test(a_success_may_say_everything_in_the_order_of_the_model),
        cmocka_unit_test(a_failure_has_a_type_and_a_message),
        cmocka_unit_test(the_longest_of_each_text_is_taken_and_a_longer_one_named),
        cmocka_unit_test(what_the_model_requires_is_missed_by_name),
        cmocka_unit_test(numbers_have_their_bounds),
        cmocka_unit_test(each_family_refuses_what_only_the_other_has),
        cmocka_unit_test(variables_have_names_of_their_own_and_any_text),
        cmocka_unit_test(variables_are_bounded_so_that_the_body_is),
        cmocka_unit_test(their_secrets_are_the_tokens),
        cmocka_unit_test(an_answer_of_nothing_or_of_anything_is_a_success_but_no_other_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

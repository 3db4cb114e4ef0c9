/* SPDX-License-Identifier: MIT */
/* aws/answer: which fault an answer is, and what AWS said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/operation.h"

enum { TOKENS = 32 };

struct reading {
    struct answer_fault got;
    char *body; /* of its exact size, so that a sanitizer sees any step outside */
    struct json_token tokens[TOKENS];
};

static void answer(struct reading *r, int http_status, str error_type, str body)
{
    r->body = malloc(body.len ? body.len : 1);
    assert_non_null(r->body);
    if (body.len)
        memcpy(r->body, body.ptr, body.len);
    struct answer a = { .codes = operation_poll_for_third_party_jobs.codes,
                        .code_count = operation_poll_for_third_party_jobs.code_count,
                        .http_status = http_status,
                        .error_type = error_type,
                        .request_id = STR("id") };
    answer_read(&r->got, &a, r->body, body.len, r->tokens, TOKENS);
}

static void assert_str(str got, str expected)
{
    if (!str_eq(got, expected))
        fail_msg("got '%.*s', not '%.*s'", STR_ARG(got), STR_ARG(expected));
}

static void assert_answer(str error_type, str body, str code, str message)
{
    struct reading r;
    answer(&r, 400, error_type, body);
    assert_str(r.got.code, code);
    assert_str(r.got.message, message);
    free(r.body);
}

static enum fault fault_of(int http_status, const char *code)
{
    char body[256];
    int n = snprintf(body, sizeof body, "{\"__type\":\"%s\"}", code);
    struct reading r;
    answer(&r, http_status, STR(""), (str) { body, (size_t)n });
    free(r.body);
    return r.got.fault;
}

static void code_and_message_are_found_in_every_spelling(void **state)
{
    const str none = STR(""), x = STR("X"), m = STR("m");
    const str header = STR("X"), tail = STR("X:http://internal.amazon.com/coral/");
    assert_answer(none, STR("{\"__type\":\"X\",\"message\":\"m\"}"), x, m);
    assert_answer(none, STR("{\"__type\":\"com.amazonaws.codepipeline#X\",\"message\":\"m\"}"), x,
                  m);
    assert_answer(none, STR("{\"__type\":\"X:http://internal.amazon.com/\"}"), x, none);
    assert_answer(none, STR("{\"__type\":\"ns#X:http://a/#b\"}"), x, none);
    assert_answer(none, STR("{\"__type\":\"a#b#X\"}"), x, none);
    assert_answer(header, STR("{\"message\":\"m\"}"), x, m);
    assert_answer(tail, STR("{\"message\":\"m\"}"), x, m);
    assert_answer(STR("ns#X"), STR("{\"message\":\"m\"}"), x, m);
    assert_answer(header, none, x, none);
    assert_answer(header, STR("{\"__type\":\"Y\",\"code\":\"Z\"}"), STR("Y"), none);
    assert_answer(header, STR("{\"code\":\"Z\"}"), STR("Z"), none);
    assert_answer(none, STR("{\"code\":\"X\",\"message\":\"m\"}"), x, m);
    assert_answer(none, STR("{\"__type\":\"X\",\"Message\":\"m\"}"), x, m);
    assert_answer(none, STR("{\"Message\":\"n\",\"message\":\"m\"}"), none, m);
    assert_answer(none, STR("{}"), none, none);
    assert_answer(none, none, none, none);
    assert_answer(none, STR("{\"__ty\\u0070e\":\"\\u0058\",\"message\":\"\\u006d\"}"), x, m);
}

static void the_error_of_sts_is_one_level_down(void **state)
{
    const str none = STR(""), x = STR("X"), m = STR("m");
    assert_answer(none,
                  STR("{\"Error\":{\"Code\":\"X\",\"Message\":\"m\",\"Type\":\"Sender\"},"
                      "\"RequestId\":\"r\"}"),
                  x, m);
    assert_answer(STR("H"), STR("{\"Error\":{\"Code\":\"X\"}}"), x, none);
    assert_answer(STR("H"), STR("{\"Error\":{\"Message\":\"m\"}}"), STR("H"), m);
    assert_answer(none, STR("{\"__type\":\"Y\",\"Error\":{\"Code\":\"X\",\"Message\":\"m\"}}"),
                  STR("Y"), m);
    assert_answer(none, STR("{\"Error\":\"X\",\"message\":\"m\"}"), none, m);
    assert_answer(none, STR("{\"Error\":{\"Code\":{},\"Message\":7}}"), none, none);
    assert_answer(none, STR("{\"Error\":[{\"Code\":\"X\"}]}"), none, none);
    assert_answer(none, STR("{\"Error\":{\"Code\":\"X\"},\"Error\":null}"), x, none);
    assert_answer(none,
                  STR("<ErrorResponse xmlns='u'><Error><Type>Sender</Type><Code>X</Code>"
                      "<Message> m\n</Message></Error><RequestId>1</RequestId></ErrorResponse>"),
                  x, m);
    assert_answer(none, STR("<Response><Errors><Error><Code>X</Code></Error></Errors></Response>"),
                  x, none);
    assert_answer(none, STR("<?xml version='1.0'?><Error><Code>X</Code></Error>"), x, none);
    assert_answer(none, STR("<a><b/></a>"), none, STR("<a><b/></a>"));
}

static void what_is_no_string_or_no_code_is_passed_over(void **state)
{
    const str none = STR("");
    assert_answer(STR("H"), STR("{\"__type\":null,\"code\":7,\"message\":{}}"), STR("H"), none);
    assert_answer(STR("H"), STR("{\"__type\":\"\",\"code\":\"ns#\"}"), STR("H"), none);
    assert_answer(STR("H"), STR("{\"__type\":\"a b\",\"code\":\"c\\n\"}"), STR("c"), none);
    assert_answer(none, STR("{\"__type\":\"\xc3\xa9\"}"), none, none);
    assert_answer(none, STR("{\"x\":{\"__type\":\"X\",\"message\":\"m\"}}"), none, none);

    char body[256], code[ANSWER_CODE_LEN_MAX + 1];
    memset(code, 'c', sizeof code);
    int n = snprintf(body, sizeof body, "{\"code\":\"%.*s\"}", ANSWER_CODE_LEN_MAX, code);
    assert_answer(none, (str) { body, (size_t)n }, (str) { code, ANSWER_CODE_LEN_MAX }, none);
    n = snprintf(body, sizeof body, "{\"code\":\"%.*s\"}", (int)sizeof code, code);
    assert_answer(none, (str) { body, (size_t)n }, none, none);
}

static void a_body_that_is_not_json_is_quoted_from_its_start(void **state)
{
    const str none = STR("");
    assert_answer(none, STR("\r\n<html>502</html>\n"), none, STR("502"));
    assert_answer(STR("X"), STR("{\"message\":\"cut"), STR("X"), STR("{\"message\":\"cut"));
    assert_answer(none, STR("[\"message\"]"), none, STR("[\"message\"]"));

    char body[200];
    memset(body, 'b', sizeof body);
    assert_answer(none, (str) { body, sizeof body }, none, (str) { body, 120 });
    memcpy(body + 118, "\xf0\x9f\x98\x80", 4);
    assert_answer(none, (str) { body, sizeof body }, none, (str) { body, 118 });
    memset(body, '\x80', sizeof body);
    assert_answer(none, (str) { body, sizeof body }, none, (str) { body, 117 });
}

static void too_few_tokens_make_a_body_count_as_not_json(void **state)
{
    char body[] = "{\"message\":\"m\",\"a\":[0]}";
    struct json_token tokens[5];
    struct answer a = { .http_status = 500 };
    struct answer_fault got;
    answer_read(&got, &a, body, sizeof body - 1, tokens, 5);
    assert_str(got.message, STR("{\"message\":\"m\",\"a\":[0]}"));
    answer_read(&got, &a, body, sizeof body - 1, NULL, 0);
    assert_int_equal(got.fault, FAULT_SERVICE);
}

static void the_code_decides_whatever_the_status(void **state)
{
    static const struct {
        const char *code;
        enum fault fault;
    } rows[] = {
        { "Throttling", FAULT_THROTTLED },
        { "ThrottlingException", FAULT_THROTTLED },
        { "ThrottledException", FAULT_THROTTLED },
        { "RequestThrottledException", FAULT_THROTTLED },
        { "TooManyRequestsException", FAULT_THROTTLED },
        { "ProvisionedThroughputExceededException", FAULT_THROTTLED },
        { "TransactionInProgressException", FAULT_THROTTLED },
        { "RequestLimitExceeded", FAULT_THROTTLED },
        { "BandwidthLimitExceeded", FAULT_THROTTLED },
        { "LimitExceededException", FAULT_THROTTLED },
        { "RequestThrottled", FAULT_THROTTLED },
        { "SlowDown", FAULT_THROTTLED },
        { "PriorRequestNotComplete", FAULT_THROTTLED },
        { "EC2ThrottledException", FAULT_THROTTLED },
        { "RequestTimeout", FAULT_SERVICE },
        { "RequestTimeoutException", FAULT_SERVICE },
        { "InternalFailure", FAULT_SERVICE },
        { "ServiceUnavailable", FAULT_SERVICE },
        { "IDPCommunicationError", FAULT_SERVICE },
        { "ExpiredToken", FAULT_EXPIRED },
        { "ExpiredTokenException", FAULT_EXPIRED },
        { "UnrecognizedClientException", FAULT_EXPIRED },
        { "InvalidClientTokenId", FAULT_EXPIRED },
        { "InvalidAccessKeyId", FAULT_EXPIRED },
        { "InvalidSignatureException", FAULT_NO_CREDENTIALS },
        { "SignatureDoesNotMatch", FAULT_NO_CREDENTIALS },
        { "IncompleteSignature", FAULT_NO_CREDENTIALS },
        { "IncompleteSignatureException", FAULT_NO_CREDENTIALS },
        { "MissingAuthenticationToken", FAULT_NO_CREDENTIALS },
        { "MissingAuthenticationTokenException", FAULT_NO_CREDENTIALS },
        { "AuthFailure", FAULT_NO_CREDENTIALS },
        { "RequestExpired", FAULT_NO_CREDENTIALS },
        { "RequestTimeTooSkewed", FAULT_NO_CREDENTIALS },
        { "RequestInTheFuture", FAULT_NO_CREDENTIALS },
        { "AccessDenied", FAULT_DENIED },
        { "AccessDeniedException", FAULT_DENIED },
        { "NotAuthorized", FAULT_DENIED },
        { "UnauthorizedOperation", FAULT_DENIED },
        { "OptInRequired", FAULT_DENIED },
        { "ActionTypeNotFoundException", FAULT_NOT_FOUND },
        { "ValidationException", FAULT_REFUSED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static const int statuses[] = { 400, 403, 429, 500, 503 };
        for (size_t s = 0; s < 5; s++)
            if (fault_of(statuses[s], rows[i].code) != rows[i].fault)
                fail_msg("%s with %d", rows[i].code, statuses[s]);
    }
}

static void an_operations_own_codes_win_and_bring_their_meaning(void **state)
{
    enum { OURS = 7 };
    static const struct answer_code codes[] = {
        { STR_INIT("ValidationException"), FAULT_SERVICE, PIPEPOLL_CAUSE_SERVICE, OURS },
    };
    char body[] = "{\"__type\":\"ValidationException\"}", other[] = "{\"__type\":\"Throttling\"}";
    struct answer a = { .codes = codes, .code_count = 1, .http_status = 400 };
    struct answer_fault got;
    struct json_token tokens[8];
    answer_read(&got, &a, body, sizeof body - 1, tokens, 8);
    assert_int_equal(got.fault, FAULT_SERVICE);
    assert_int_equal(got.cause, PIPEPOLL_CAUSE_SERVICE);
    assert_int_equal(got.meaning, OURS);
    answer_read(&got, &a, other, sizeof other - 1, tokens, 8);
    assert_int_equal(got.fault, FAULT_THROTTLED);
    assert_int_equal(got.meaning, 0);
}

static void the_status_decides_when_the_code_is_unknown(void **state)
{
    static const struct {
        int status;
        enum fault fault;
    } rows[] = {
        { 429, FAULT_THROTTLED }, { 500, FAULT_SERVICE },   { 502, FAULT_SERVICE },
        { 503, FAULT_SERVICE },   { 504, FAULT_SERVICE },   { 599, FAULT_SERVICE },
        { 501, FAULT_SERVICE },   { 505, FAULT_SERVICE },   { 509, FAULT_SERVICE },
        { 408, FAULT_SERVICE },   { 401, FAULT_DENIED },    { 403, FAULT_DENIED },
        { 400, FAULT_REFUSED },   { 404, FAULT_REFUSED },   { 413, FAULT_REFUSED },
        { 499, FAULT_REFUSED },   { 600, FAULT_MALFORMED }, { 100, FAULT_MALFORMED },
        { 204, FAULT_MALFORMED }, { 301, FAULT_MALFORMED }, { 0, FAULT_MALFORMED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (fault_of(rows[i].status, "Unheard.Of") != rows[i].fault)
            fail_msg("status %d", rows[i].status);
}

static void the_cause_is_finer_than_the_fault(void **state)
{
    static const struct {
        const char *code, *message;
        enum pipepoll_cause cause;
    } rows[] = {
        { "ExpiredTokenException", "", PIPEPOLL_CAUSE_EXPIRED },
        { "UnrecognizedClientException", "", PIPEPOLL_CAUSE_UNKNOWN_KEY },
        { "InvalidSignatureException",
          "The request signature we calculated does not match the signature you provided.",
          PIPEPOLL_CAUSE_WRONG_SECRET },
        { "InvalidSignatureException", "Signature expired: 1 is now earlier than 2",
          PIPEPOLL_CAUSE_CLOCK },
        { "InvalidSignatureException", "Signature not yet current: 1", PIPEPOLL_CAUSE_CLOCK },
        { "InvalidSignatureException", "Credential should be scoped to a valid region, not 'x'.",
          PIPEPOLL_CAUSE_WRONG_REGION },
        { "InvalidSignatureException", "no", PIPEPOLL_CAUSE_SIGNATURE },
        { "RequestTimeTooSkewed", "", PIPEPOLL_CAUSE_CLOCK },
        { "AccessDeniedException", "", PIPEPOLL_CAUSE_DENIED },
        { "OptInRequired", "", PIPEPOLL_CAUSE_OPT_IN },
        { "SubscriptionRequiredException", "", PIPEPOLL_CAUSE_SUBSCRIPTION },
        { "ActionTypeNotFoundException", "", PIPEPOLL_CAUSE_NO_ACTION_TYPE },
        { "ValidationException", "ActionType with owner 'AWS' is not supported",
          PIPEPOLL_CAUSE_OWNER },
        { "ValidationException", "1 validation error detected", PIPEPOLL_CAUSE_REQUEST },
        { "ThrottlingException", "", PIPEPOLL_CAUSE_THROTTLED },
        { "InternalFailure", "", PIPEPOLL_CAUSE_SERVICE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[512];
        struct reading r;
        int n = snprintf(body, sizeof body, "{\"__type\":\"%s\",\"message\":\"%s\"}", rows[i].code,
                         rows[i].message);
        answer(&r, 400, STR(""), (str) { body, (size_t)n });
        if (r.got.cause != rows[i].cause)
            fail_msg("%s: %s", rows[i].code, rows[i].message);
        free(r.body);
    }
}

#define PAGE "<!DOCTYPE html>\n<html><head><title> Access\n denied </title></head><body>no</body>"

static void what_bears_no_mark_of_aws_comes_from_a_middle_box(void **state)
{
    static const struct {
        int status;
        str request_id, error_type, body;
        bool is_metadata, is_foreign;
        enum fault fault;
        str message;
    } rows[] = {
        { 403, STR_INIT(""), STR_INIT(""), STR_INIT(PAGE), false, true, FAULT_MALFORMED,
          STR_INIT("Access denied") },
        { 401, STR_INIT(""), STR_INIT(""), STR_INIT("who are you?"), false, true, FAULT_MALFORMED,
          STR_INIT("who are you?") },
        { 404, STR_INIT(""), STR_INIT(""), STR_INIT("{\"message\":\"no\"}"), false, true,
          FAULT_MALFORMED, STR_INIT("no") },
        { 403, STR_INIT("id"), STR_INIT(""), STR_INIT("<html><body>a<p>b</p>"), false, true,
          FAULT_MALFORMED, STR_INIT("a b") },
        { 502, STR_INIT(""), STR_INIT(""), STR_INIT(PAGE), false, true, FAULT_SERVICE,
          STR_INIT("Access denied") },
        { 429, STR_INIT(""), STR_INIT(""), STR_INIT(""), false, true, FAULT_THROTTLED,
          STR_INIT("") },
        { 403, STR_INIT("id"), STR_INIT(""), STR_INIT("no"), false, false, FAULT_DENIED,
          STR_INIT("no") },
        { 403, STR_INIT(""), STR_INIT("Forbidden"), STR_INIT(PAGE), false, false, FAULT_DENIED,
          STR_INIT("Access denied") },
        { 403, STR_INIT(""), STR_INIT(""), STR_INIT("{\"__type\":\"AccessDeniedException\"}"),
          false, false, FAULT_DENIED, STR_INIT("") },
        { 403, STR_INIT(""), STR_INIT(""), STR_INIT(PAGE), true, false, FAULT_DENIED,
          STR_INIT("Access denied") },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[256];
        struct json_token tokens[TOKENS];
        struct answer_fault got;
        const struct answer a = { .http_status = rows[i].status,
                                  .request_id = rows[i].request_id,
                                  .error_type = rows[i].error_type,
                                  .is_metadata = rows[i].is_metadata };
        memcpy(body, rows[i].body.ptr, rows[i].body.len);
        answer_read(&got, &a, body, rows[i].body.len, tokens, TOKENS);
        if ((got.cause == PIPEPOLL_CAUSE_MIDDLE_BOX) != rows[i].is_foreign ||
            got.fault != rows[i].fault)
            fail_msg("row %zu: cause %d, fault %d", i, got.cause, got.fault);
        assert_str(got.message, rows[i].message);
    }
}

static void a_middle_box_is_quoted_with_its_name(void **state)
{
    struct pipepoll_error why;
    struct answer a = { .http_status = 403, .server = STR("squid/5.7") };
    answer_tell_middle_box(&a, STR("Access denied"), &why);
    assert_string_equal(why.text, "HTTP 403 comes from something on the way, not from AWS (Server: "
                                  "squid/5.7): Access denied");
    assert_int_equal(why.cause, PIPEPOLL_CAUSE_MIDDLE_BOX);
    assert_string_equal(why.subject, "squid/5.7");
    a.server = STR("");
    answer_tell_middle_box(&a, STR(""), &why);
    assert_string_equal(why.text,
                        "HTTP 403 comes from something on the way, not from AWS, and says "
                        "nothing more");
}

static void a_code_in_the_header_alone_decides_too(void **state)
{
    struct reading r;
    answer(&r, 400, STR("ThrottlingException:http://internal.amazon.com/"), STR(""));
    assert_int_equal(r.got.fault, FAULT_THROTTLED);
    free(r.body);
}

static void only_a_plain_number_is_a_retry_hint(void **state)
{
    static const struct {
        str text;
        uint32_t ms;
    } rows[] = {
        { STR_INIT("1500"), 1500 },
        { STR_INIT(" 1500 "), 1500 },
        { STR_INIT("0"), 0 },
        { STR_INIT(""), 0 },
        { { NULL, 0 }, 0 },
        { STR_INIT("-1"), 0 },
        { STR_INIT("+1"), 0 },
        { STR_INIT("1.5"), 0 },
        { STR_INIT("1e3"), 0 },
        { STR_INIT("10 s"), 0 },
        { STR_INIT("soon"), 0 },
        { STR_INIT("007"), 7 },
        { STR_INIT("4294967295"), UINT32_MAX },
        { STR_INIT("4294967296"), 0 },
        { STR_INIT("99999999999999999999999999"), 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct answer a = { .http_status = 503, .retry_after = rows[i].text };
        struct answer_fault got;
        answer_read(&got, &a, NULL, 0, NULL, 0);
        assert_int_equal(got.retry_after_ms, rows[i].ms);
    }
}

static void a_secret_is_hidden_wherever_it_stands_and_a_short_one_is_none(void **state)
{
    char text[] = "tokentoken: a tokentoken, tokentoke";
    answer_hide((str) { text, strlen(text) }, STR("tokentoken"));
    assert_string_equal(text, "**********: a **********, tokentoke");
    answer_hide((str) { text, strlen(text) }, STR(": a"));
    answer_hide((str) { text, strlen(text) }, (str) { NULL, 0 });
    assert_string_equal(text, "**********: a **********, tokentoke");
    answer_hide((str) { NULL, 0 }, STR("tokentoken"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_hidden_wherever_it_stands_and_a_short_one_is_none),
        cmocka_unit_test(code_and_message_are_found_in_every_spelling),
        cmocka_unit_test(the_error_of_sts_is_one_level_down),
        cmocka_unit_test(what_is_no_string_or_no_code_is_passed_over),
        cmocka_unit_test(a_body_that_is_not_json_is_quoted_from_its_start),
        cmocka_unit_test(too_few_tokens_make_a_body_count_as_not_json),
        cmocka_unit_test(the_code_decides_whatever_the_status),
        cmocka_unit_test(an_operations_own_codes_win_and_bring_their_meaning),
        cmocka_unit_test(the_status_decides_when_the_code_is_unknown),
        cmocka_unit_test(the_cause_is_finer_than_the_fault),
        cmocka_unit_test(what_bears_no_mark_of_aws_comes_from_a_middle_box),
        cmocka_unit_test(a_middle_box_is_quoted_with_its_name),
        cmocka_unit_test(a_code_in_the_header_alone_decides_too),
        cmocka_unit_test(only_a_plain_number_is_a_retry_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

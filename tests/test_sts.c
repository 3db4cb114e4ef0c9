/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/stage.h"

#define ARN "arn:aws:iam::123456789012:role/Poller"

/* A token as services make them: with bytes that forms and URLs escape. */
#define SOURCE_TOKEN "source-" STAGE_CANARY "/+=="

#define ANSWER(operation, expiration)                                                              \
    {                                                                                              \
        .headers = "Date: Tue, 21 Sep 2021 17:41:25 GMT\r\n",                                      \
        .body = "{\"" operation "Response\":{\"" operation "Result\":{\"AssumedRoleUser\":{"       \
                "\"Arn\":\"arn:aws:sts::210987654321:assumed-role/Poller/x\"},\"Credentials\":{"   \
                "\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"secret-" STAGE_CANARY              \
                "\",\"SessionToken\":\"token-" STAGE_CANARY "\",\"Expiration\":" expiration "}}}}" \
    }
#define KEYS ANSWER("AssumeRole", "1.632249686E9")
#define WEB  ANSWER("AssumeRoleWithWebIdentity", "1632249686.5")
#define REFUSAL(http_status, code, words)                                                          \
    {                                                                                              \
        .status = http_status, .headers = "Date: Tue, 21 Sep 2021 17:41:25 GMT\r\n",               \
        .body = "{\"Error\":{\"Code\":\"" code "\",\"Message\":\"" words                           \
                "\",\"Type\":\"Sender\"},\"RequestId\":\"1\"}"                                     \
    }

static const int64_t answer_date_s = 1632246085; /* of the Date above */

static struct credentials *source_credentials(void)
{
    const struct credentials_text text = {
        .access_key_id = STR("SOURCEKEY"),
        .secret_access_key = STR("secret-" STAGE_CANARY),
        .session_token = STR(SOURCE_TOKEN),
    };
    struct credentials *credentials;
    assert_int_equal(credentials_new(&credentials, &(struct alloc) { 0 }, &text, UINT64_MAX), 0);
    return credentials;
}

static struct chain chain_of(struct stage *s)
{
    return (struct chain) {
        .roles = { { .arn = STR(ARN) } },
        .role_count = 1,
        .web_identity = { .arn = STR(ARN), .session_name = STR("ses@sion") },
        .sts_region = STR("eu-west-1"),
        .sts_endpoint_url = str_of(s->server.url),
    };
}

static void assume(struct stage *s, const struct chain *chain)
{
    struct credentials *source = source_credentials();
    s->now_s = answer_date_s;
    assert_true(stage_run(s, &provider_role, chain, &chain->roles[0], source));
    credentials_unref(source);
}

/* --- AssumeRole --- */

static void a_role_is_assumed_by_a_signed_form(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, KEYS);
    assume(s, &chain);
    stage_assert_credentials(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
    assert_str_equal(s->outcome.credentials->account_id, "210987654321");
    assert_int_equal(s->outcome.credentials->expires_s, 1632249686);
    assert_int_equal(s->outcome.dated_s, answer_date_s);
    stage_assert_asked(s, 1, "POST / HTTP/1.1\r\nHost: 127.0.0.1:");
    stage_assert_asked(s, 1, "\r\nAccept: application/json\r\n");
    stage_assert_asked(s, 1, "\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    stage_assert_asked(s, 1, "\r\nX-Amz-Date: 20210921T174125Z\r\n");
    stage_assert_asked(s, 1, "\r\nX-Amz-Security-Token: " SOURCE_TOKEN "\r\n");
    stage_assert_asked(s, 1,
                       "\r\nAuthorization: AWS4-HMAC-SHA256 "
                       "Credential=SOURCEKEY/20210921/eu-west-1/sts/aws4_request, "
                       "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
                       "Signature=");
    stage_assert_asked(s, 1,
                       "\r\n\r\nAction=AssumeRole&Version=2011-06-15"
                       "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2FPoller"
                       "&RoleSessionName=pipepoll-1632246085");
    assert_null(strstr(s->request[0], "ExternalId"));
    assert_null(strstr(s->request[0], "DurationSeconds"));
}

static void all_of_a_role_is_sent(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    chain.roles[0].session_name = STR("a=b,c@d");
    chain.roles[0].external_id = STR("x y/z~1.2_3");
    chain.roles[0].duration_s = 900;
    STAGE_PLAY(s, KEYS);
    assume(s, &chain);
    stage_assert_asked(s, 1,
                       "&RoleSessionName=a%3Db%2Cc%40d&ExternalId=x%20y%2Fz~1.2_3"
                       "&DurationSeconds=900");
}

static void a_refusal_says_what_the_service_says_and_what_to_do(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, REFUSAL(403, "AccessDenied", "User x is not authorized"));
    assume(s, &chain);
    stage_assert_failed(s, true, "AssumeRole of " ARN " by STS at 127.0.0.1:");
    stage_assert_failed(s, true, ": AccessDenied (HTTP 403); the caller needs sts:AssumeRole");
    assert_int_equal(s->requests, 1);
    STAGE_PLAY(s, REFUSAL(400, "ValidationError", "two\\nlines"));
    assume(s, &chain);
    stage_assert_failed(s, true, ": ValidationError (HTTP 400): two?lines");
}

static void what_may_pass_is_tried_three_times(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, { .status = 503 }, { .raw = true, .end = SERVER_CLOSE }, KEYS);
    assume(s, &chain);
    assert_non_null(s->outcome.credentials);
    assert_int_equal(s->requests, 3);
    STAGE_PLAY(s, { .status = 500, .body = "oops" });
    assume(s, &chain);
    stage_assert_failed(s, false, "oops (HTTP 500)");
    assert_int_equal(s->requests, 3);
}

static void expired_source_credentials_are_a_passing_trouble(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, REFUSAL(403, "ExpiredToken", "The security token is expired"));
    assume(s, &chain);
    stage_assert_failed(s, false, "ExpiredToken (HTTP 403)");
}

static void a_refusal_that_quotes_the_token_is_masked(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, REFUSAL(403, "SignatureDoesNotMatch", "token:" SOURCE_TOKEN " is signed"));
    assume(s, &chain);
    stage_assert_failed(s, true, "token:****");
}

static void a_wrong_clock_is_corrected_once(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    struct credentials *source = source_credentials();
    STAGE_PLAY(s, REFUSAL(403, "SignatureDoesNotMatch", "Signature expired"), KEYS);
    s->now_s = answer_date_s - 86400;
    assert_true(stage_run(s, &provider_role, &chain, &chain.roles[0], source));
    assert_non_null(s->outcome.credentials);
    stage_assert_asked(s, 1, "\r\nX-Amz-Date: 20210920T174125Z\r\n");
    stage_assert_asked(s, 2, "\r\nX-Amz-Date: 20210921T174125Z\r\n");
    STAGE_PLAY(s, REFUSAL(403, "SignatureDoesNotMatch", "Signature expired"));
    assert_true(stage_run(s, &provider_role, &chain, &chain.roles[0], source));
    assert_int_equal(s->requests, 2);
    stage_assert_failed(s, true, "SignatureDoesNotMatch");
    /* A service whose clock runs away is not run after. */
    STAGE_PLAY(s, REFUSAL(403, "SignatureDoesNotMatch", "Signature expired"),
               { .status = 403,
                 .headers = "Date: Wed, 22 Sep 2021 17:41:25 GMT\r\n",
                 .body = "{\"Error\":{\"Code\":\"SignatureDoesNotMatch\"}}" });
    assert_true(stage_run(s, &provider_role, &chain, &chain.roles[0], source));
    assert_int_equal(s->requests, 2);
    /* A clock that is right explains nothing. */
    s->now_s = answer_date_s - 60;
    STAGE_PLAY(s, REFUSAL(403, "SignatureDoesNotMatch", "wrong secret"));
    assert_true(stage_run(s, &provider_role, &chain, &chain.roles[0], source));
    assert_int_equal(s->requests, 1);
    credentials_unref(source);
}

static void a_wrong_clock_is_left_alone_where_the_operator_says_so(void **state)
{
    struct stage *s = *state;
    static const char *const variables[] = { "AWS_DISABLE_CLOCK_SKEW_CORRECTION=true", NULL };
    struct chain chain = chain_of(s);
    struct credentials *source = source_credentials();
    STAGE_PLAY(s, REFUSAL(403, "SignatureDoesNotMatch", "Signature expired"), KEYS);
    s->now_s = answer_date_s - 86400;
    s->variables = variables;
    assert_true(stage_run(s, &provider_role, &chain, &chain.roles[0], source));
    assert_int_equal(s->requests, 1);
    stage_assert_failed(s, true, "SignatureDoesNotMatch");
    credentials_unref(source);
}

static void answers_without_credentials_are_refused(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    static const char *const bodies[] = {
        "{}",
        "{\"AssumeRoleResponse\":{}}",
        "{\"AssumeRoleResponse\":\"" STAGE_CANARY "\"}",
        "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{\"Credentials\":[]}}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        STAGE_PLAY(s, { .body = bodies[i] });
        assume(s, &chain);
        stage_assert_failed(s, false, "there are no Credentials in the answer");
    }
    STAGE_PLAY(s, { .body = STAGE_CANARY });
    assume(s, &chain);
    stage_assert_failed(s, false, "what is not JSON");
}

/* --- XML --- */

#define XML_CREDENTIALS(members)                                                                   \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AssumeRoleResponse "                             \
    "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n <AssumeRoleResult>\n"                  \
    "  <Credentials>" members "</Credentials>\n  <AssumedRoleUser><Arn>arn:aws:sts::210987654321:" \
    "assumed-role/Poller/x</Arn></AssumedRoleUser>\n <PackedPolicySize>6</PackedPolicySize>"       \
    "</AssumeRoleResult>\n <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\n"        \
    "</AssumeRoleResponse>"
#define XML_SECRETS                                                                                \
    "<AccessKeyId>AKID</AccessKeyId><SecretAccessKey> secret-" STAGE_CANARY                        \
    "\n</SecretAccessKey><SessionToken>token-" STAGE_CANARY "</SessionToken>"

static void credentials_in_xml_are_read_too(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, { .headers = "Date: Tue, 21 Sep 2021 17:41:25 GMT\r\n",
                    .body = XML_CREDENTIALS(XML_SECRETS
                                            "<Expiration>2021-09-21T18:41:26Z</Expiration>") });
    assume(s, &chain);
    stage_assert_credentials(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
    assert_str_equal(s->outcome.credentials->account_id, "210987654321");
    assert_int_equal(s->outcome.credentials->expires_s, 1632249686);
    assert_int_equal(s->outcome.dated_s, answer_date_s);
}

static void refusals_in_xml_tell_their_code(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s,
               { .status = 403,
                 .body = "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>AccessDenied"
                         "</Code><Message>User: a is not authorized to perform &quot;x&quot;"
                         "</Message></Error><RequestId>1</RequestId></ErrorResponse>" });
    assume(s, &chain);
    stage_assert_failed(s, true,
                        ": AccessDenied (HTTP 403); the caller needs sts:AssumeRole, and the "
                        "role's trust policy must allow it: User: a is not authorized to perform "
                        "\"x\"");
    STAGE_PLAY(s,
               { .status = 400,
                 .body = "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>" },
               KEYS);
    assume(s, &chain);
    assert_non_null(s->outcome.credentials);
    assert_int_equal(s->requests, 2);
    STAGE_PLAY(s,
               { .status = 403,
                 .body = "<ErrorResponse><Error><Code>RegionDisabledException</Code><Message>STS "
                         "is not activated</Message></Error></ErrorResponse>" });
    assume(s, &chain);
    stage_assert_failed(s, true, "RegionDisabledException (HTTP 403); activate STS in this region");
}

static void xml_without_credentials_is_refused(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    static const char *const rows[][2] = {
        { "<html><body>hello</body></html>", "there are no Credentials" },
        { "<AssumeRoleResponse>" STAGE_CANARY, "XML that is not understood: an end before" },
        { "<!DOCTYPE a [<!ENTITY e '" STAGE_CANARY "'>]><a>&e;</a>",
          "XML that is not understood: a declaration" },
        { "<AssumeRoleWithWebIdentityResponse/>", "there are no Credentials" },
        { XML_CREDENTIALS(XML_SECRETS), "gave no Expiration" },
        { XML_CREDENTIALS(XML_SECRETS "<Expiration>soon</Expiration>"),
          "an Expiration that is not a time" },
        { XML_CREDENTIALS("<AccessKeyId>A</AccessKeyId>"), "gave no SecretAccessKey" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        STAGE_PLAY(s, { .body = rows[i][0] });
        assume(s, &chain);
        stage_assert_failed(s, false, rows[i][1]);
    }
}

/* A region is looked for where none is configured; it is in the scope of the signature. */
static void without_a_configured_region_the_targets_tell(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    chain.sts_region = STR("");
    STAGE_PLAY(s, KEYS);
    s->region = STR("ap-east-1");
    assume(s, &chain);
    stage_assert_asked(s, 1, "/ap-east-1/sts/aws4_request");
    chain.roles[0].arn = STR("arn:aws-cn:iam::123456789012:role/Poller");
    STAGE_PLAY(s, KEYS);
    assume(s, &chain);
    stage_assert_asked(s, 1, "/cn-north-1/sts/aws4_request");
    s->region = STR("");
}

static void a_bad_region_or_endpoint_needs_a_person(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    chain.sts_endpoint_url = STR("ftp://x");
    assume(s, &chain);
    stage_assert_failed(s, true, "endpoint URL \"ftp://x\"");
    chain = chain_of(s);
    chain.sts_region = STR("Moon_1");
    assume(s, &chain);
    stage_assert_failed(s, true, "region \"Moon_1\"");
}

static void an_endpoint_of_ones_own_is_taken_though_fips_is_wanted(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    chain.fips = chain.dualstack = true;
    STAGE_PLAY(s, KEYS);
    assume(s, &chain);
    assert_non_null(s->outcome.credentials);
}

static void too_long_a_request_is_refused(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    static char id[20000];
    memset(id, 'x', sizeof id);
    chain.roles[0].external_id = (str) { id, sizeof id };
    STAGE_PLAY(s, KEYS);
    assume(s, &chain);
    assert_int_equal(s->requests, 0);
    stage_assert_failed(s, true, "longer than pipepoll can send");
}

/* --- AssumeRoleWithWebIdentity --- */

static void with_token(struct stage *s, struct chain *chain, const char *token)
{
    static char path[64];
    stage_write_file(path, sizeof path, token);
    chain->token_file = str_of(path);
    s->now_s = answer_date_s;
    assert_true(stage_run(s, &provider_web_identity, chain, NULL, NULL));
    unlink(path);
}

static void a_web_identity_is_vouched_for_by_its_file(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, WEB);
    with_token(s, &chain, "eyJ." STAGE_CANARY "_-\n");
    stage_assert_credentials(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
    assert_int_equal(s->outcome.credentials->expires_s, 1632249686);
    stage_assert_asked(s, 1,
                       "\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15"
                       "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2FPoller"
                       "&RoleSessionName=ses%40sion&WebIdentityToken=eyJ." STAGE_CANARY "_-");
    assert_null(strstr(s->request[0], "Authorization"));
    assert_null(strstr(s->request[0], "X-Amz-Date"));
}

static void an_identity_provider_that_is_slow_gets_time(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, REFUSAL(400, "IDPCommunicationError", "no answer"),
               REFUSAL(400, "InvalidIdentityToken", "no key yet"), WEB);
    with_token(s, &chain, STAGE_CANARY);
    assert_non_null(s->outcome.credentials);
    assert_int_equal(s->requests, 3);
    STAGE_PLAY(s, REFUSAL(400, "InvalidIdentityToken", "No provider " STAGE_CANARY));
    with_token(s, &chain, STAGE_CANARY);
    assert_int_equal(s->requests, 3);
    stage_assert_failed(s, true, "InvalidIdentityToken (HTTP 400): No provider ****");
}

static void troubles_of_a_web_identity_are_explained(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, REFUSAL(403, "AccessDenied", "Not authorized"));
    with_token(s, &chain, STAGE_CANARY);
    stage_assert_failed(s, true, "the role's trust policy must allow this identity provider");
    STAGE_PLAY(s, REFUSAL(400, "ExpiredTokenException", "Token expired"));
    with_token(s, &chain, STAGE_CANARY);
    stage_assert_failed(s, false, "see to what refreshes it");
    assert_int_equal(s->requests, 1);
    with_token(s, &chain, "\n");
    stage_assert_failed(s, true, "it is empty");
    chain.token_file = STR("/nonexistent/token");
    assert_true(stage_run(s, &provider_web_identity, &chain, NULL, NULL));
    stage_assert_failed(s, true, "token file /nonexistent/token: No such file or directory");
}

/* --- ends --- */

static void both_stop_at_every_turn(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    struct credentials *source = source_credentials();
    char path[64];
    stage_write_file(path, sizeof path, STAGE_CANARY);
    chain.token_file = str_of(path);
    bool in_time = true;
    for (unsigned loop_stats = 0; in_time; loop_stats++) {
        STAGE_PLAY(s, { .status = 503 }, WEB);
        in_time = stage_run_and_stop(s, &provider_web_identity, &chain, NULL, loop_stats);
    }
    assert_non_null(s->outcome.credentials);
    in_time = true;
    for (unsigned loop_stats = 0; in_time; loop_stats++) {
        STAGE_PLAY(s, { .status = 503 }, KEYS);
        in_time = stage_run_and_stop(s, &provider_role, &chain, source, loop_stats);
    }
    assert_non_null(s->outcome.credentials);
    credentials_unref(source);
    unlink(path);
}

static void memory_that_is_short_ends_the_run_or_forbids_it(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    struct credentials *source = source_credentials();
    char path[64];
    stage_write_file(path, sizeof path, STAGE_CANARY);
    chain.token_file = str_of(path);
    STAGE_PLAY(s, WEB);
    stage_starve(s, &provider_web_identity, &chain, NULL);
    STAGE_PLAY(s, KEYS);
    stage_starve(s, &provider_role, &chain, source);
    credentials_unref(source);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_is_assumed_by_a_signed_form),
        cmocka_unit_test(all_of_a_role_is_sent),
        cmocka_unit_test(a_refusal_says_what_the_service_says_and_what_to_do),
        cmocka_unit_test(what_may_pass_is_tried_three_times),
        cmocka_unit_test(expired_source_credentials_are_a_passing_trouble),
        cmocka_unit_test(a_refusal_that_quotes_the_token_is_masked),
        cmocka_unit_test(a_wrong_clock_is_corrected_once),
        cmocka_unit_test(a_wrong_clock_is_left_alone_where_the_operator_says_so),
        cmocka_unit_test(answers_without_credentials_are_refused),
        cmocka_unit_test(credentials_in_xml_are_read_too),
        cmocka_unit_test(refusals_in_xml_tell_their_code),
        cmocka_unit_test(xml_without_credentials_is_refused),
        cmocka_unit_test(without_a_configured_region_the_targets_tell),
        cmocka_unit_test(a_bad_region_or_endpoint_needs_a_person),
        cmocka_unit_test(an_endpoint_of_ones_own_is_taken_though_fips_is_wanted),
        cmocka_unit_test(too_long_a_request_is_refused),
        cmocka_unit_test(a_web_identity_is_vouched_for_by_its_file),
        cmocka_unit_test(an_identity_provider_that_is_slow_gets_time),
        cmocka_unit_test(troubles_of_a_web_identity_are_explained),
        cmocka_unit_test(both_stop_at_every_turn),
        cmocka_unit_test(memory_that_is_short_ends_the_run_or_forbids_it),
    };
    return cmocka_run_group_tests(tests, stage_open, stage_close);
}

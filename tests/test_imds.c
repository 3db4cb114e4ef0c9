/* SPDX-License-Identifier: MIT */
#include "lib/check.h"
#include "lib/stage.h"

#define TOKEN                                                                                      \
    {                                                                                              \
        .body = "TOKEN-" STAGE_CANARY                                                              \
    }
#define ROLE                                                                                       \
    {                                                                                              \
        .body = "poller-role\n"                                                                    \
    }
#define KEYS(code)                                                                                 \
    {                                                                                              \
        .headers = "Date: Tue, 21 Sep 2021 17:41:25 GMT\r\n",                                      \
        .body = "{\"Code\":\"" code "\",\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":"             \
                "\"secret-" STAGE_CANARY "\",\"Token\":\"token-" STAGE_CANARY "\","                \
                "\"Expiration\":\"2021-09-21T23:41:25Z\"}"                                         \
    }
#define STATUS(n)                                                                                  \
    {                                                                                              \
        .status = n                                                                                \
    }

static struct chain chain_of(struct stage *s)
{
    return (struct chain) {
        .source = SOURCE_IMDS,
        .imds_url = { s->server.url, strlen(s->server.url) - 1 }, /* without the '/' */
        .imds_timeout_ms = 5000,
        .imds_attempts = 2,
    };
}

static void run(struct stage *s)
{
    struct chain chain = chain_of(s);
    assert_true(stage_run(s, &provider_imds, &chain, NULL, NULL));
}

static void a_token_then_the_role_then_its_credentials(void **state)
{
    struct stage *s = *state;
    STAGE_PLAY(s, TOKEN, ROLE, KEYS("Success"));
    run(s);
    stage_assert_credentials(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
    assert_int_equal(s->outcome.credentials->expires_s, 1632267685);
    assert_int_equal(s->outcome.dated_s, 1632246085);
    assert_int_equal(s->requests, 3);
    stage_assert_asked(s, 1, "PUT /latest/api/token HTTP/1.1\r\n");
    stage_assert_asked(s, 1, "\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\n");
    stage_assert_asked(s, 1, "\r\nContent-Length: 0\r\n");
    stage_assert_asked(s, 2, "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\n");
    stage_assert_asked(s, 2, "\r\nx-aws-ec2-metadata-token: TOKEN-" STAGE_CANARY "\r\n");
    stage_assert_asked(s, 3,
                       "GET /latest/meta-data/iam/security-credentials/poller-role HTTP/1.1\r\n");
    stage_assert_asked(s, 3, "\r\nx-aws-ec2-metadata-token: TOKEN-" STAGE_CANARY "\r\n");
    assert_int_equal(s->server.connections, 1);
}

static void each_request_is_made_again_after_a_5xx(void **state)
{
    struct stage *s = *state;
    STAGE_PLAY(s, STATUS(503), TOKEN, STATUS(500), ROLE, STATUS(502), KEYS("Success"));
    run(s);
    stage_assert_credentials(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
    assert_int_equal(s->requests, 6);
}

static void attempts_are_as_many_as_the_chain_says(void **state)
{
    struct stage *s = *state;
    STAGE_PLAY(s, STATUS(503));
    run(s);
    assert_int_equal(s->requests, 2);
    stage_assert_failed(s, false, "(HTTP 503)");
}

static void a_token_that_is_over_is_refreshed_once(void **state)
{
    struct stage *s = *state;
    STAGE_PLAY(s, TOKEN, STATUS(401), TOKEN, ROLE, KEYS("Success"));
    run(s);
    stage_assert_credentials(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
    STAGE_PLAY(s, TOKEN, STATUS(401), TOKEN, STATUS(401));
    run(s);
    assert_int_equal(s->requests, 4);
    stage_assert_failed(s, true, "(HTTP 401)");
}

static void version_1_is_asked_only_where_it_is_allowed_and_no_token_is_given(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    chain.imds_v1 = true;
    STAGE_PLAY(s, STATUS(404), ROLE, KEYS("Success"));
    assert_true(stage_run(s, &provider_imds, &chain, NULL, NULL));
    stage_assert_credentials(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
    assert_int_equal(s->requests, 3);
    STAGE_PLAY(s, STATUS(405), STATUS(401));
    assert_true(stage_run(s, &provider_imds, &chain, NULL, NULL));
    assert_int_equal(s->requests, 2);
    stage_assert_failed(s, true, "(HTTP 401)");
    STAGE_PLAY(s, TOKEN, ROLE, KEYS("Success"));
    assert_true(stage_run(s, &provider_imds, &chain, NULL, NULL));
    stage_assert_asked(s, 2, "\r\nx-aws-ec2-metadata-token: TOKEN-" STAGE_CANARY "\r\n");
    chain.imds_v1 = false;
    STAGE_PLAY(s, STATUS(404), ROLE, KEYS("Success"));
    assert_true(stage_run(s, &provider_imds, &chain, NULL, NULL));
    stage_assert_failed(s, true, "AWS_EC2_METADATA_V1_DISABLED=false");
}

static void each_failure_says_what_to_do(void **state)
{
    struct stage *s = *state;
    STAGE_PLAY(s, STATUS(403));
    run(s);
    stage_assert_failed(s, true, "is disabled (HTTP 403): enable it");
    STAGE_PLAY(s, STATUS(404));
    run(s);
    stage_assert_failed(s, true, "version 2 is needed");
    STAGE_PLAY(s, TOKEN, STATUS(404));
    run(s);
    stage_assert_failed(s, true, "attach an IAM role");
    STAGE_PLAY(s, TOKEN, ROLE, STATUS(404));
    run(s);
    stage_assert_failed(s, true, "knows no credentials of its role (HTTP 404)");
    STAGE_PLAY(s, TOKEN, ROLE, KEYS("AssumeRoleUnauthorizedAccess"));
    run(s);
    stage_assert_failed(s, false, "Code is \"AssumeRoleUnauthorizedAccess\", not \"Success\"");
    STAGE_PLAY(s, TOKEN, ROLE, { .body = "{\"AccessKeyId\":\"" STAGE_CANARY "\"}" });
    run(s);
    stage_assert_failed(s, false, "Code is \"\", not \"Success\"");
    STAGE_PLAY(s, TOKEN, ROLE, { .body = "<html>" STAGE_CANARY });
    run(s);
    stage_assert_failed(s, false, "answered with what is not JSON");
    STAGE_PLAY(s, { .body = "a token\r\nwith a line end" });
    run(s);
    stage_assert_failed(s, false, "answered the request for a token with something else");
    STAGE_PLAY(s, TOKEN, { .body = "" });
    run(s);
    stage_assert_failed(s, false, "answered the request for the role's name");
}

static void a_service_that_echoes_the_token_is_not_quoted(void **state)
{
    struct stage *s = *state;
    STAGE_PLAY(s, TOKEN,
               { .status = 400, .body = "{\"message\":\"bad token TOKEN-" STAGE_CANARY "\"}" });
    run(s);
    stage_assert_failed(s, true, "bad token ****");
}

static void silence_is_explained_by_the_hop_limit(void **state)
{
    struct stage *s = *state;
    struct chain chain;
    STAGE_PLAY(s, { .raw = true, .end = SERVER_HANG });
    chain = chain_of(s);
    chain.imds_timeout_ms = 20;
    chain.imds_attempts = 1;
    assert_true(stage_run(s, &provider_imds, &chain, NULL, NULL));
    stage_assert_failed(s, false, "raise the hop limit");
}

static void nobody_there_is_no_ec2(void **state)
{
    struct stage *s = *state;
    struct chain chain;
    chain = chain_of(s);
    chain.imds_url = STR("http://127.0.0.1:1");
    assert_true(stage_run(s, &provider_imds, &chain, NULL, NULL));
    stage_assert_failed(s, false, "is this an EC2 instance?");
}

static void it_stops_at_every_turn(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    bool in_time = true;
    for (unsigned loop_stats = 0; in_time; loop_stats++) {
        STAGE_PLAY(s, TOKEN, STATUS(503), ROLE, KEYS("Success"));
        in_time = stage_run_and_stop(s, &provider_imds, &chain, NULL, loop_stats);
    }
    assert_non_null(s->outcome.credentials); /* all turns of a whole run were tried */
}

static void memory_that_is_short_ends_the_run_or_forbids_it(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, TOKEN, ROLE, KEYS("Success"));
    stage_starve(s, &provider_imds, &chain, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_then_the_role_then_its_credentials),
        cmocka_unit_test(each_request_is_made_again_after_a_5xx),
        cmocka_unit_test(attempts_are_as_many_as_the_chain_says),
        cmocka_unit_test(a_token_that_is_over_is_refreshed_once),
        cmocka_unit_test(version_1_is_asked_only_where_it_is_allowed_and_no_token_is_given),
        cmocka_unit_test(each_failure_says_what_to_do),
        cmocka_unit_test(a_service_that_echoes_the_token_is_not_quoted),
        cmocka_unit_test(silence_is_explained_by_the_hop_limit),
        cmocka_unit_test(nobody_there_is_no_ec2),
        cmocka_unit_test(it_stops_at_every_turn),
        cmocka_unit_test(memory_that_is_short_ends_the_run_or_forbids_it),
    };
    return cmocka_run_group_tests(tests, stage_open, stage_close);
}

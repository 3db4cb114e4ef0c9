/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/stage.h"

#define KEYS                                                                                       \
    {                                                                                              \
        .headers = "Date: Tue, 21 Sep 2021 17:41:25 GMT\r\n",                                      \
        .body = "{\"RoleArn\":\"arn:aws:iam::123456789012:role/task\",\"AccessKeyId\":\"AKID\","   \
                "\"SecretAccessKey\":\"secret-" STAGE_CANARY "\",\"Token\":\"token-" STAGE_CANARY  \
                "\",\"Expiration\":\"2021-09-21T23:41:25Z\",\"AccountId\":\"210987654321\"}"       \
    }

static struct chain chain_of(struct stage *s)
{
    static char url[128];
    snprintf(url, sizeof url, "%sv2/credentials/abc?x=y", s->server.url);
    return (struct chain) { .source = SOURCE_CONTAINER, .container_url = str_of(url) };
}

static void run(struct stage *s, const struct chain *chain)
{
    assert_true(stage_run(s, &provider_container, chain, NULL, NULL));
}

static void the_url_is_asked_for_credentials(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, KEYS);
    run(s, &chain);
    stage_assert_credentials(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
    assert_str_equal(s->outcome.credentials->account_id, "210987654321");
    assert_int_equal(s->outcome.credentials->expires_s, 1632267685);
    assert_int_equal(s->outcome.dated_s, 1632246085);
    stage_assert_asked(s, 1, "GET /v2/credentials/abc?x=y HTTP/1.1\r\nHost: 127.0.0.1:");
    stage_assert_asked(s, 1, "\r\nAccept: application/json\r\n");
    assert_null(strstr(s->request[0], "Authorization"));
}

static void a_token_is_sent_as_it_stands(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    chain.container_token = STR("Basic " STAGE_CANARY);
    STAGE_PLAY(s, KEYS);
    run(s, &chain);
    stage_assert_asked(s, 1, "\r\nAuthorization: Basic " STAGE_CANARY "\r\n");
}

static void the_file_goes_before_the_token_and_is_read_anew(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    char path[64];
    stage_write_file(path, sizeof path, "first-" STAGE_CANARY "\n");
    chain.container_token = STR("never");
    chain.container_token_file = str_of(path);
    STAGE_PLAY(s, KEYS);
    run(s, &chain);
    stage_assert_asked(s, 1, "\r\nAuthorization: first-" STAGE_CANARY "\r\n");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("second-" STAGE_CANARY, f);
    fclose(f);
    run(s, &chain);
    stage_assert_asked(s, 2, "\r\nAuthorization: second-" STAGE_CANARY "\r\n");
    unlink(path);
}

static void assert_token_file_fails(struct stage *s, const char *text, const char *sentence)
{
    struct chain chain = chain_of(s);
    char path[64];
    stage_write_file(path, sizeof path, text);
    chain.container_token_file = str_of(path);
    STAGE_PLAY(s, KEYS);
    run(s, &chain);
    unlink(path);
    stage_assert_failed(s, true, sentence);
    assert_int_equal(s->requests, 0);
}

static void a_token_that_breaks_a_header_is_refused_and_not_shown(void **state)
{
    struct stage *s = *state;
    assert_token_file_fails(s, STAGE_CANARY "\r\nX-Other: 1", "not printable");
    assert_token_file_fails(s, STAGE_CANARY "\nmore", "not printable");
    assert_token_file_fails(s, " \n", "it is empty");
}

static void a_token_file_that_is_not_there_is_named(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    chain.container_token_file = STR("/nonexistent/token");
    run(s, &chain);
    stage_assert_failed(s, true, "token file /nonexistent/token: No such file or directory");
}

static void its_error_is_quoted_without_secrets(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    chain.container_token = STR(STAGE_CANARY "/+=");
    STAGE_PLAY(s, { .status = 403,
                    .body = "{\"code\":\"AccessDeniedException\",\"message\":\"no\\u0007 to "
                            "\\\"" STAGE_CANARY "\\/+=\\\"\"}" });
    run(s, &chain);
    stage_assert_failed(s, true, "AccessDeniedException (HTTP 403): no? to \"****");
    assert_int_equal(s->requests, 1);
    STAGE_PLAY(s, { .status = 400, .body = "<p>" STAGE_CANARY "/+= is wrong</p>" });
    run(s, &chain);
    stage_assert_failed(s, true, "**** is wrong</p> (HTTP 400)");
}

/* Only the start of an answer that is not JSON is quoted: its cut may go through a secret. */
static void a_cut_through_a_secret_shows_no_half_of_it(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    char body[512];
    chain.container_token = STR(STAGE_CANARY STAGE_CANARY);
    snprintf(body, sizeof body, "%0100d" STAGE_CANARY STAGE_CANARY " is wrong", 0);
    STAGE_PLAY(s, { .status = 400, .body = body });
    run(s, &chain);
    stage_assert_failed(s, true, "0********************");
}

static void it_is_asked_three_times(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, { .status = 500 }, { .end = SERVER_RESET, .raw = true }, KEYS);
    run(s, &chain);
    assert_non_null(s->outcome.credentials);
    assert_int_equal(s->requests, 3);
    STAGE_PLAY(s, { .status = 500 });
    run(s, &chain);
    stage_assert_failed(s, false, "(HTTP 500)");
    assert_int_equal(s->requests, 3);
}

static void what_it_gives_must_be_credentials(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, { .body = "{}" });
    run(s, &chain);
    stage_assert_failed(s, false, "gave no AccessKeyId");
    STAGE_PLAY(s, { .body = STAGE_CANARY });
    run(s, &chain);
    stage_assert_failed(s, false, "what is not JSON");
}

/* An answer that outgrew its first memory leaves nothing behind either. */
static void a_long_token_is_wiped_as_well(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    char body[4096];
    snprintf(body, sizeof body,
             "{\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"" STAGE_CANARY
             "\",\"Token\":\"%0*d\"}",
             3000, 0);
    STAGE_PLAY(s, { .body = body });
    run(s, &chain);
    assert_int_equal(s->outcome.credentials->session_token.len, 3000);
    assert_int_equal(s->outcome.credentials->expires_s, UINT64_MAX);
    assert_int_equal(s->canaries_let_go, 0);
}

static void it_stops_at_every_turn(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    char path[64];
    stage_write_file(path, sizeof path, STAGE_CANARY);
    chain.container_token_file = str_of(path);
    bool in_time = true;
    for (unsigned loop_stats = 0; in_time; loop_stats++) {
        STAGE_PLAY(s, { .status = 503 }, KEYS);
        in_time = stage_run_and_stop(s, &provider_container, &chain, NULL, loop_stats);
    }
    assert_non_null(s->outcome.credentials);
    unlink(path);
}

static void memory_that_is_short_ends_the_run_or_forbids_it(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    char path[64];
    stage_write_file(path, sizeof path, STAGE_CANARY);
    chain.container_token_file = str_of(path);
    STAGE_PLAY(s, KEYS);
    stage_starve(s, &provider_container, &chain, NULL);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_url_is_asked_for_credentials),
        cmocka_unit_test(a_token_is_sent_as_it_stands),
        cmocka_unit_test(the_file_goes_before_the_token_and_is_read_anew),
        cmocka_unit_test(a_token_that_breaks_a_header_is_refused_and_not_shown),
        cmocka_unit_test(a_token_file_that_is_not_there_is_named),
        cmocka_unit_test(its_error_is_quoted_without_secrets),
        cmocka_unit_test(a_cut_through_a_secret_shows_no_half_of_it),
        cmocka_unit_test(it_is_asked_three_times),
        cmocka_unit_test(what_it_gives_must_be_credentials),
        cmocka_unit_test(a_long_token_is_wiped_as_well),
        cmocka_unit_test(it_stops_at_every_turn),
        cmocka_unit_test(memory_that_is_short_ends_the_run_or_forbids_it),
    };
    return cmocka_run_group_tests(tests, stage_open, stage_close);
}

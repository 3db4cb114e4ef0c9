/* SPDX-License-Identifier: MIT */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/digest.h"
#include "lib/check.h"
#include "lib/stage.h"

#define BEARER "bearer-" STAGE_CANARY

#define KEYS                                                                                       \
    {                                                                                              \
        .headers = "Date: Tue, 21 Sep 2021 17:41:25 GMT\r\n",                                      \
        .body = "{\"roleCredentials\":{\"accessKeyId\":\"AKID\",\"secretAccessKey\":"              \
                "\"secret-" STAGE_CANARY "\",\"sessionToken\":\"token-" STAGE_CANARY               \
                "\",\"expiration\":1632267685999}}"                                                \
    }
#define LOGIN(expiry)                                                                              \
    "{\"startUrl\":\"https://acme.example/start\",\"accessToken\":\"" BEARER                       \
    "\",\"expiresAt\":\"" expiry "\",\"scopes\":[\"a\",\"b\"]}"

static char home[64], home_variable[80];
static const char *const variables[] = { home_variable, NULL };

static struct chain chain_of(struct stage *s)
{
    s->now_s = 1632246085;
    s->variables = variables;
    return (struct chain) {
        .source = SOURCE_SSO,
        .sso_session = STR("acme"),
        .sso_start_url = STR("https://acme.example/start"),
        .sso_region = STR("eu-west-1"),
        .sso_account_id = STR("123456789012"),
        .sso_role_name = STR("Poll er"),
        .sso_endpoint_url = str_of(s->server.url),
        .sso_oidc_endpoint_url = str_of(s->server.url),
        .base_profile = STR("work"),
    };
}

static void cache_path(char *path, size_t size, str login_name)
{
    char name[SHA1_HEX_SIZE];
    assert_int_equal(digest_sha1_hex(name, login_name), 0);
    snprintf(path, size, "%s/.aws/sso/cache/%.*s.json", home, (int)sizeof name, name);
}

/* The file that a login leaves; text NULL: none. */
static void log_in(str login_name, const char *text)
{
    char path[256];
    cache_path(path, sizeof path, login_name);
    unlink(path);
    if (!text)
        return;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void run(struct stage *s, const struct chain *chain)
{
    assert_true(stage_run(s, &provider_sso, chain, NULL, NULL));
}

static void the_token_of_a_login_buys_credentials(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    log_in(chain.sso_session, LOGIN("2021-09-21T17:41:26Z"));
    STAGE_PLAY(s, KEYS);
    run(s, &chain);
    stage_assert_credentials(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
    assert_int_equal(s->outcome.credentials->expires_s, 1632267685);
    assert_int_equal(s->outcome.dated_s, 1632246085);
    assert_str_equal(s->outcome.credentials->account_id, "123456789012");
    stage_assert_asked(s, 1,
                       "GET /federation/credentials?role_name=Poll%20er&account_id=123456789012 "
                       "HTTP/1.1\r\n");
    stage_assert_asked(s, 1, "\r\nx-amz-sso_bearer_token: " BEARER "\r\n");
}

static void without_a_session_the_start_url_names_the_file(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    log_in(chain.sso_session, NULL);
    log_in(chain.sso_start_url, LOGIN("2021-09-21T17:41:26UTC"));
    chain.sso_session = STR("");
    STAGE_PLAY(s, KEYS);
    run(s, &chain);
    assert_non_null(s->outcome.credentials);
    log_in(chain.sso_start_url, NULL);
    run(s, &chain);
    stage_assert_failed(s, true, "run: aws sso login --profile work");
}

static void a_login_that_is_over_names_the_command(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    STAGE_PLAY(s, KEYS);
    log_in(chain.sso_session, LOGIN("2021-09-21T17:41:25Z"));
    run(s, &chain);
    stage_assert_failed(s, true, "holds a token that has expired");
    assert_int_equal(s->requests, 0);
    log_in(chain.sso_session, LOGIN("2021-09-21T17:41:26Z"));
    STAGE_PLAY(s, { .status = 401,
                    .headers = "x-amzn-ErrorType: UnauthorizedException\r\n",
                    .body = "{\"message\":\"Session token " BEARER " invalid\"}" });
    run(s, &chain);
    stage_assert_failed(s, true, "no longer accepted; run: aws sso login --sso-session acme");
    assert_int_equal(s->requests, 1);
}

/* --- refresh --- */

#define LONG_LOGIN(expiry, registration)                                                           \
    "{\"startUrl\": \"https://acme.example/start\", \"region\":\"eu-west-1\",\n \"accessToken\":"  \
    "\"" BEARER "\",\"expiresAt\":\"" expiry                                                       \
    "\",\"clientId\":\"client\",\"clientSecret\":\"s\\\\cret-" STAGE_CANARY                        \
    "\",\"registrationExpiresAt\":\"" registration "\",\"refreshToken\":\"refresh-" STAGE_CANARY   \
    "\",\"of\\u0020others\": {\"kept\": [1.50, \"\\u00e4\"]}}"
#define RENEWED                                                                                    \
    {                                                                                              \
        .headers = "Date: Tue, 21 Sep 2021 17:41:25 GMT\r\n",                                      \
        .body = "{\"accessToken\":\"new-" STAGE_CANARY                                             \
                "\",\"expiresIn\":3600,\"refreshToken\":\"next-" STAGE_CANARY                      \
                "\",\"tokenType\":\"Bearer\"}"                                                     \
    }

static void read_login(char *text, size_t size, str login_name)
{
    char path[256];
    struct stat st;
    cache_path(path, sizeof path, login_name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, size - 1, f)] = '\0';
    fclose(f);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_token_is_refreshed_and_written_back(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    char text[2048];
    for (int i = 0; i < 2; i++) { /* over; or good for a quarter of an hour yet */
        log_in(chain.sso_session, NULL);
        if (i)
            log_in(chain.sso_session, LONG_LOGIN("2021-09-21T17:56:24Z", "2021-10-21T17:41:26Z"));
        else
            log_in(chain.sso_session, LONG_LOGIN("2021-09-21T17:41:25Z", "2021-10-21T17:41:26Z"));
        STAGE_PLAY(s, RENEWED, KEYS);
        run(s, &chain);
        stage_assert_credentials(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
        assert_int_equal(s->requests, 2);
        stage_assert_asked(s, 1, "POST /token HTTP/1.1\r\n");
        stage_assert_asked(s, 1, "\r\nContent-Type: application/json\r\n");
        stage_assert_asked(
            s, 1,
            "\r\n\r\n{\"clientId\": \"client\", \"clientSecret\": \"s\\\\cret-" STAGE_CANARY
            "\", \"grantType\": \"refresh_token\", \"refreshToken\": "
            "\"refresh-" STAGE_CANARY "\"}");
        stage_assert_asked(s, 2, "\r\nx-amz-sso_bearer_token: new-" STAGE_CANARY "\r\n");
        read_login(text, sizeof text, chain.sso_session);
        assert_string_equal(
            text,
            "{\"startUrl\": \"https://acme.example/start\", \"region\": \"eu-west-1\", "
            "\"accessToken\": \"new-" STAGE_CANARY
            "\", \"expiresAt\": \"2021-09-21T18:41:25Z\", \"clientId\": \"client\", "
            "\"clientSecret\": \"s\\\\cret-" STAGE_CANARY
            "\", \"registrationExpiresAt\": \"2021-10-21T17:41:26Z\", \"refreshToken\": "
            "\"next-" STAGE_CANARY "\", \"of\\u0020others\": {\"kept\": [1.50, \"\\u00e4\"]}}");
    }
}

static void a_token_that_lives_long_enough_is_not_refreshed(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    log_in(chain.sso_session, LONG_LOGIN("2021-09-21T17:56:25Z", "2021-10-21T17:41:26Z"));
    STAGE_PLAY(s, KEYS);
    run(s, &chain);
    assert_non_null(s->outcome.credentials);
    assert_int_equal(s->requests, 1);
}

#define INVALID_GRANT                                                                              \
    {                                                                                              \
        .status = 400, .headers = "x-amzn-ErrorType: InvalidGrantException\r\n",                   \
        .body = "{\"error\":\"invalid_grant\",\"message\":\"refresh-" STAGE_CANARY                 \
                " of s\\\\cret-" STAGE_CANARY " is over\"}"                                        \
    }

static void a_refresh_that_is_refused_names_the_command(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    log_in(chain.sso_session, LONG_LOGIN("2021-09-21T17:41:25Z", "2021-10-21T17:41:26Z"));
    STAGE_PLAY(s, INVALID_GRANT);
    run(s, &chain);
    stage_assert_failed(s, true,
                        "the SSO token could not be refreshed: InvalidGrantException (HTTP 400); "
                        "run: aws sso login --sso-session acme: ****");
    assert_int_equal(s->requests, 1);
    log_in(chain.sso_session, LONG_LOGIN("2021-09-21T17:41:25Z", "2021-09-21T17:41:25Z"));
    run(s, &chain);
    stage_assert_failed(s, true, "so has the registration to refresh it with; run: aws sso login");
    assert_int_equal(s->requests, 1);
    STAGE_PLAY(s, { .status = 503 });
    log_in(chain.sso_session, LONG_LOGIN("2021-09-21T17:41:25Z", "2021-10-21T17:41:26Z"));
    run(s, &chain);
    stage_assert_failed(s, false, "the SSO token could not be refreshed: ");
    STAGE_PLAY(s, { .body = "{\"accessToken\":\"" STAGE_CANARY "\"}" });
    run(s, &chain);
    stage_assert_failed(s, false, "no expiresIn in seconds");
    STAGE_PLAY(s, { .body = "{\"accessToken\":\"" STAGE_CANARY "\",\"expiresIn\":36.5}" });
    run(s, &chain);
    stage_assert_failed(s, false, "no expiresIn in seconds");
    STAGE_PLAY(s, { .body = "{\"accessToken\":\"" STAGE_CANARY "\",\"expiresIn\":1e3}" });
    run(s, &chain);
    stage_assert_failed(s, false, "no expiresIn in seconds");
}

static void while_a_token_is_good_a_refusal_does_not_matter(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    log_in(chain.sso_session, LONG_LOGIN("2021-09-21T17:41:26Z", "2021-10-21T17:41:26Z"));
    STAGE_PLAY(s, INVALID_GRANT, KEYS);
    run(s, &chain);
    assert_non_null(s->outcome.credentials);
    stage_assert_asked(s, 2, "\r\nx-amz-sso_bearer_token: " BEARER "\r\n");
}

static void refresh_stops_at_every_turn(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    bool in_time = true;
    for (unsigned loop_stats = 0; in_time; loop_stats++) {
        log_in(chain.sso_session, LONG_LOGIN("2021-09-21T17:41:25Z", "2021-10-21T17:41:26Z"));
        STAGE_PLAY(s, { .status = 503 }, RENEWED, KEYS);
        in_time = stage_run_and_stop(s, &provider_sso, &chain, NULL, loop_stats);
    }
    assert_non_null(s->outcome.credentials);
}

static void a_file_that_is_no_login_is_named(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        { NULL, "cannot be read (No such file or directory); run: aws sso login" },
        { "", "is not what `aws sso login` writes" },
        { STAGE_CANARY, "is not what `aws sso login` writes" },
        { "{\"expiresAt\":\"2030-01-01T00:00:00Z\"}", "has no accessToken" },
        { "{\"accessToken\":\"" BEARER "\"}", "no expiresAt that is a time" },
        { LOGIN("soon"), "no expiresAt that is a time" },
        { "{\"accessToken\":\"" BEARER "\\r\\nX: 1\",\"expiresAt\":\"2030-01-01T00:00:00Z\"}",
          "has no accessToken" },
    };
    STAGE_PLAY(s, KEYS);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        log_in(chain.sso_session, rows[i].text);
        run(s, &chain);
        stage_assert_failed(s, true, rows[i].sentence);
    }
    assert_int_equal(s->requests, 0);
}

static void what_the_service_refuses_is_told(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    log_in(chain.sso_session, LOGIN("2021-09-21T17:41:26Z"));
    STAGE_PLAY(s, { .status = 403,
                    .headers = "x-amzn-ErrorType: ForbiddenException\r\n",
                    .body = "{\"message\":\"No access\"}" });
    run(s, &chain);
    stage_assert_failed(s, true, "is the role assigned to this user?");
    STAGE_PLAY(s, { .status = 503 });
    run(s, &chain);
    stage_assert_failed(s, false, "(HTTP 503)");
    assert_int_equal(s->requests, 3);
    STAGE_PLAY(s, { .body = "{\"roleCredentials\":null}" });
    run(s, &chain);
    stage_assert_failed(s, false, "there are no roleCredentials in the answer");
    STAGE_PLAY(s, { .body = "{\"roleCredentials\":{\"accessKeyId\":\"" STAGE_CANARY "\"}}" });
    run(s, &chain);
    stage_assert_failed(s, false, "gave no secretAccessKey");
}

static void without_a_home_the_user_s_own_is_looked_at(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    s->variables = NULL;
    run(s, &chain);
    char want[512];
    snprintf(want, sizeof want, "SSO token file %s/.aws/sso/cache/", getpwuid(geteuid())->pw_dir);
    stage_assert_failed(s, true, want);
}

static void it_stops_at_every_turn(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    log_in(chain.sso_session, LOGIN("2021-09-21T17:41:26Z"));
    bool in_time = true;
    for (unsigned loop_stats = 0; in_time; loop_stats++) {
        STAGE_PLAY(s, { .status = 503 }, KEYS);
        in_time = stage_run_and_stop(s, &provider_sso, &chain, NULL, loop_stats);
    }
    assert_non_null(s->outcome.credentials);
}

static void memory_that_is_short_ends_the_run_or_forbids_it(void **state)
{
    struct stage *s = *state;
    struct chain chain = chain_of(s);
    log_in(chain.sso_session, LOGIN("2021-09-21T17:41:26Z"));
    STAGE_PLAY(s, KEYS);
    stage_starve(s, &provider_sso, &chain, NULL);
}

static int open_home(void **state)
{
    char path[128];
    snprintf(home, sizeof home, "/tmp/pipepoll-test-XXXXXX");
    if (!mkdtemp(home))
        return -1;
    snprintf(home_variable, sizeof home_variable, "HOME=%s", home);
    static const char *const below[] = { "/.aws", "/.aws/sso", "/.aws/sso/cache" };
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", home, below[i]);
        mkdir(path, 0700);
    }
    return stage_open(state);
}

static int close_home(void **state)
{
    char path[128];
    static const char *const below[] = { "/.aws/sso/cache", "/.aws/sso", "/.aws", "" };
    log_in(STR("acme"), NULL);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", home, below[i]);
        rmdir(path);
    }
    return stage_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_token_of_a_login_buys_credentials),
        cmocka_unit_test(without_a_session_the_start_url_names_the_file),
        cmocka_unit_test(a_login_that_is_over_names_the_command),
        cmocka_unit_test(a_token_is_refreshed_and_written_back),
        cmocka_unit_test(a_token_that_lives_long_enough_is_not_refreshed),
        cmocka_unit_test(a_refresh_that_is_refused_names_the_command),
        cmocka_unit_test(while_a_token_is_good_a_refusal_does_not_matter),
        cmocka_unit_test(refresh_stops_at_every_turn),
        cmocka_unit_test(a_file_that_is_no_login_is_named),
        cmocka_unit_test(what_the_service_refuses_is_told),
        cmocka_unit_test(without_a_home_the_user_s_own_is_looked_at),
        cmocka_unit_test(it_stops_at_every_turn),
        cmocka_unit_test(memory_that_is_short_ends_the_run_or_forbids_it),
    };
    return cmocka_run_group_tests(tests, open_home, close_home);
}

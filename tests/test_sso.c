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

static struct recipe recipe_of(struct stage *s)
{
    s->now_s = 1632246085;
    s->variables = variables;
    return (struct recipe) {
        .origin = ORIGIN_SSO,
        .sso_session = STR("acme"),
        .sso_start_url = STR("https://acme.example/start"),
        .sso_region = STR("eu-west-1"),
        .sso_account_id = STR("123456789012"),
        .sso_role_name = STR("Poll er"),
        .sso_endpoint_url = str_of(s->server.url),
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

static void run(struct stage *s, const struct recipe *r)
{
    assert_true(stage_run(s, &provider_sso, r, NULL, NULL));
}

static void the_token_of_a_login_buys_keys(void **state)
{
    struct stage *s = *state;
    struct recipe r = recipe_of(s);
    log_in(r.sso_session, LOGIN("2021-09-21T17:41:26Z"));
    STAGE_PLAY(s, KEYS);
    run(s, &r);
    stage_assert_keys(s, "AKID", "secret-" STAGE_CANARY, "token-" STAGE_CANARY);
    assert_int_equal(s->outcome.keys->expires_s, 1632267685);
    assert_int_equal(s->outcome.dated_s, 1632246085);
    assert_str_equal(s->outcome.keys->account_id, "123456789012");
    stage_assert_asked(s, 1,
                       "GET /federation/credentials?role_name=Poll%20er&account_id=123456789012 "
                       "HTTP/1.1\r\n");
    stage_assert_asked(s, 1, "\r\nx-amz-sso_bearer_token: " BEARER "\r\n");
}

static void without_a_session_the_start_url_names_the_file(void **state)
{
    struct stage *s = *state;
    struct recipe r = recipe_of(s);
    log_in(r.sso_session, NULL);
    log_in(r.sso_start_url, LOGIN("2021-09-21T17:41:26UTC"));
    r.sso_session = STR("");
    STAGE_PLAY(s, KEYS);
    run(s, &r);
    assert_non_null(s->outcome.keys);
    log_in(r.sso_start_url, NULL);
    run(s, &r);
    stage_assert_failed(s, true, "run: aws sso login --profile work");
}

static void a_login_that_is_over_names_the_command(void **state)
{
    struct stage *s = *state;
    struct recipe r = recipe_of(s);
    STAGE_PLAY(s, KEYS);
    log_in(r.sso_session, LOGIN("2021-09-21T17:41:25Z"));
    run(s, &r);
    stage_assert_failed(s, true, "holds a token that has expired");
    assert_int_equal(s->requests, 0);
    log_in(r.sso_session, LOGIN("2021-09-21T17:41:26Z"));
    STAGE_PLAY(s, { .status = 401,
                    .headers = "x-amzn-ErrorType: UnauthorizedException\r\n",
                    .body = "{\"message\":\"Session token " BEARER " invalid\"}" });
    run(s, &r);
    stage_assert_failed(s, true, "no longer accepted; run: aws sso login --sso-session acme");
    assert_int_equal(s->requests, 1);
}

static void a_file_that_is_no_login_is_named(void **state)
{
    struct stage *s = *state;
    struct recipe r = recipe_of(s);
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        { NULL, "can't be read (No such file or directory); run: aws sso login" },
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
        log_in(r.sso_session, rows[i].text);
        run(s, &r);
        stage_assert_failed(s, true, rows[i].sentence);
    }
    assert_int_equal(s->requests, 0);
}

static void what_the_service_refuses_is_told(void **state)
{
    struct stage *s = *state;
    struct recipe r = recipe_of(s);
    log_in(r.sso_session, LOGIN("2021-09-21T17:41:26Z"));
    STAGE_PLAY(s, { .status = 403,
                    .headers = "x-amzn-ErrorType: ForbiddenException\r\n",
                    .body = "{\"message\":\"No access\"}" });
    run(s, &r);
    stage_assert_failed(s, true, "is the role assigned to this user?");
    STAGE_PLAY(s, { .status = 503 });
    run(s, &r);
    stage_assert_failed(s, false, "(HTTP 503)");
    assert_int_equal(s->requests, 3);
    STAGE_PLAY(s, { .body = "{\"roleCredentials\":null}" });
    run(s, &r);
    stage_assert_failed(s, false, "there are no roleCredentials in the answer");
    STAGE_PLAY(s, { .body = "{\"roleCredentials\":{\"accessKeyId\":\"" STAGE_CANARY "\"}}" });
    run(s, &r);
    stage_assert_failed(s, false, "gave no secretAccessKey");
}

static void without_a_home_the_user_s_own_is_looked_at(void **state)
{
    struct stage *s = *state;
    struct recipe r = recipe_of(s);
    s->variables = NULL;
    run(s, &r);
    char want[512];
    snprintf(want, sizeof want, "SSO token file %s/.aws/sso/cache/", getpwuid(geteuid())->pw_dir);
    stage_assert_failed(s, true, want);
}

static void it_stops_at_every_turn(void **state)
{
    struct stage *s = *state;
    struct recipe r = recipe_of(s);
    log_in(r.sso_session, LOGIN("2021-09-21T17:41:26Z"));
    bool in_time = true;
    for (unsigned turns = 0; in_time; turns++) {
        STAGE_PLAY(s, { .status = 503 }, KEYS);
        in_time = stage_run_and_stop(s, &provider_sso, &r, NULL, turns);
    }
    assert_non_null(s->outcome.keys);
}

static void memory_that_is_short_ends_the_run_or_forbids_it(void **state)
{
    struct stage *s = *state;
    struct recipe r = recipe_of(s);
    log_in(r.sso_session, LOGIN("2021-09-21T17:41:26Z"));
    STAGE_PLAY(s, KEYS);
    stage_starve(s, &provider_sso, &r, NULL);
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
        cmocka_unit_test(the_token_of_a_login_buys_keys),
        cmocka_unit_test(without_a_session_the_start_url_names_the_file),
        cmocka_unit_test(a_login_that_is_over_names_the_command),
        cmocka_unit_test(a_file_that_is_no_login_is_named),
        cmocka_unit_test(what_the_service_refuses_is_told),
        cmocka_unit_test(without_a_home_the_user_s_own_is_looked_at),
        cmocka_unit_test(it_stops_at_every_turn),
        cmocka_unit_test(memory_that_is_short_ends_the_run_or_forbids_it),
    };
    return cmocka_run_group_tests(tests, open_home, close_home);
}

/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/check.h"
#include "lib/stage.h"

#define SECRET "secret-" STAGE_CANARY
#define METADATA(expiration)                                                                       \
    { .body = "token" }, { .body = "instance-role" },                                              \
    {                                                                                              \
        .body = "{\"Code\":\"Success\",\"AccessKeyId\":\"AKIDIMDS\",\"SecretAccessKey\":\"" SECRET \
                "\",\"Token\":\"token-" STAGE_CANARY "\",\"Expiration\":\"" expiration "\"}"       \
    }
#define ASSUMED(id, expiration)                                                                    \
    {                                                                                              \
        .headers = "Date: Tue, 21 Sep 2021 17:41:25 GMT\r\n",                                      \
        .body =                                                                                    \
            "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{\"Credentials\":{\"AccessKeyId\":"     \
            "\"" id "\",\"SecretAccessKey\":\"" SECRET "\",\"SessionToken\":\"token-" STAGE_CANARY \
            "\",\"Expiration\":" #expiration "}}}}"                                                \
    }

static const char *const no_files[] = { "HOME=/nonexistent", NULL };
static const char *const credentials_in_environment[] = { "AWS_ACCESS_KEY_ID=AKIDENV",
                                                          "AWS_SECRET_ACCESS_KEY=" SECRET, NULL };

/* An environment in which instance metadata and STS are the stage's service. */
static const char *const *all_on_stage(struct stage *s)
{
    static char imds[128], sts[128];
    static const char *const variables[] = { imds, sts, "HOME=/nonexistent", "AWS_REGION=eu-west-1",
                                             NULL };
    snprintf(imds, sizeof imds, "AWS_EC2_METADATA_SERVICE_ENDPOINT=%s", s->server.url);
    snprintf(sts, sizeof sts, "AWS_ENDPOINT_URL_STS=%s", s->server.url);
    return variables;
}

static const struct credentials_config with_two_roles = {
    .kind = CREDENTIALS_CONFIG_DEFAULT,
    .roles = { { .arn = STR_INIT("arn:aws:iam::123456789012:role/One") },
               { .arn = STR_INIT("arn:aws:iam::123456789012:role/Two") } },
    .role_count = 2,
};

static void fetch(struct stage *s, const struct credentials_config *config)
{
    assert_true(stage_fetch(s, config));
}

static void assert_failed(const struct stage *s, bool lasting, const char *text)
{
    assert_null(s->fetched.credentials);
    if (!strstr(s->fetched.why.text, text) || strstr(s->fetched.why.text, "CANARY"))
        fail_msg("\"%s\" is not said by \"%s\"", text, s->fetched.why.text);
    assert_int_equal(s->fetched.lasting, lasting);
}

/* --- at once --- */

static void credentials_in_the_environment_are_at_hand(void **state)
{
    struct stage *s = *state;
    const struct credentials_config config = { .kind = CREDENTIALS_CONFIG_DEFAULT };
    struct fetch_outcome got;
    s->variables = credentials_in_environment;
    assert_true(fetch_at_once(&got, &config, &s->host));
    assert_str_equal(got.credentials->access_key_id, "AKIDENV");
    assert_true(got.label[0]);
    assert_false(got.outlives_expiry);
    assert_int_equal(got.dated_s, s->now_s);
    credentials_unref(got.credentials);
}

static void given_credentials_are_at_hand_and_never_change(void **state)
{
    struct stage *s = *state;
    const struct credentials_text text = { .access_key_id = STR("AKID"),
                                           .secret_access_key = STR(SECRET) };
    struct credentials_config config = { .kind = CREDENTIALS_CONFIG_FIXED };
    struct fetch_outcome got;
    assert_int_equal(credentials_new(&config.fixed, &s->host.alloc, &text, UINT64_MAX), 0);
    assert_true(fetch_at_once(&got, &config, &s->host));
    assert_str_equal(got.credentials->secret_access_key, SECRET);
    assert_false(got.may_change);
    credentials_unref(got.credentials);
    fetch(s, &config);
    assert_non_null(s->fetched.credentials);
    credentials_unref(config.fixed);
}

static void what_must_be_asked_for_is_not_at_hand(void **state)
{
    struct stage *s = *state;
    struct fetch_outcome got;
    s->variables = no_files;
    assert_false(fetch_at_once(
        &got, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_DEFAULT }, &s->host));
    assert_false(fetch_at_once(
        &got, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_ENVIRONMENT }, &s->host));
    s->variables = credentials_in_environment;
    assert_false(fetch_at_once(&got, &with_two_roles, &s->host));
    assert_null(got.credentials);
}

/* --- by files --- */

static void profile_of(struct stage *s, const char *config)
{
    static char path[64], variable[96];
    static const char *const variables[] = { variable, "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
                                             NULL };
    stage_write_file(path, sizeof path, config);
    snprintf(variable, sizeof variable, "AWS_CONFIG_FILE=%s", path);
    s->variables = variables;
    fetch(s, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_PROFILE,
                                            .profile = STR("acme") });
    unlink(path);
}

static double thread_cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Nearly a MiB of profiles, of which the last is ours. */
static char *many_profiles(void)
{
    enum { SIZE = 1000000 };
    char *text = malloc(SIZE + 256);
    size_t len = 0;
    for (unsigned i = 0; len < SIZE; i++)
        len += (size_t)sprintf(text + len, "[profile p%u]\nregion = eu-west-1\n", i);
    sprintf(text + len,
            "[profile acme]\naws_access_key_id = AKIDFILE\naws_secret_access_key = " SECRET "\n");
    return text;
}

/* By comparison, so that it holds on any machine: what the loop's thread works for a fetch is a
 * small part of what it takes to parse the file. */
static void a_large_file_is_parsed_off_the_loop(void **state)
{
    struct stage *s = *state;
    char *text = many_profiles();
    double parse_ms = -thread_cpu_ms();
    struct profiles_part *part =
        profiles_part_new(&provider_lasting_alloc, PROFILES_CONFIG, str_of(text));
    parse_ms += thread_cpu_ms();
    profiles_part_free(part);
    char path[64], variable[96];
    const char *const variables[] = { variable, "AWS_SHARED_CREDENTIALS_FILE=/dev/null", NULL };
    stage_write_file(path, sizeof path, text);
    snprintf(variable, sizeof variable, "AWS_CONFIG_FILE=%s", path);
    s->variables = variables;
    double loop_ms = -thread_cpu_ms();
    fetch(s, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_PROFILE,
                                            .profile = STR("acme") });
    loop_ms += thread_cpu_ms();
    unlink(path);
    free(text);
    assert_non_null(s->fetched.credentials);
    assert_str_equal(s->fetched.credentials->access_key_id, "AKIDFILE");
    if (loop_ms > parse_ms / 4)
        fail_msg("%.2f ms on the loop, and parsing takes %.2f ms", loop_ms, parse_ms);
}

static void credentials_of_a_profile_may_change(void **state)
{
    struct stage *s = *state;
    profile_of(s, "[profile acme]\naws_access_key_id = AKIDFILE\n"
                  "aws_secret_access_key = " SECRET "\n");
    assert_non_null(s->fetched.credentials);
    assert_str_equal(s->fetched.credentials->access_key_id, "AKIDFILE");
    assert_true(s->fetched.may_change);
    assert_non_null(strstr(s->fetched.label, "acme"));
}

static void the_credentials_file_is_read_as_well(void **state)
{
    struct stage *s = *state;
    char path[64], variable[96];
    const char *const variables[] = { "AWS_CONFIG_FILE=/nonexistent/config", variable, NULL };
    stage_write_file(path, sizeof path,
                     "[acme]\naws_access_key_id = AKIDFILE\naws_secret_access_key = " SECRET "\n");
    snprintf(variable, sizeof variable, "AWS_SHARED_CREDENTIALS_FILE=%s", path);
    s->variables = variables;
    fetch(s, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_PROFILE,
                                            .profile = STR("acme") });
    assert_str_equal(s->fetched.credentials->access_key_id, "AKIDFILE");
    s->variables = NULL;
    unlink(path);
}

static void a_file_that_is_broken_is_named_with_its_line(void **state)
{
    struct stage *s = *state;
    profile_of(s, "[profile acme]\n" STAGE_CANARY "\n");
    assert_failed(s, true, "/tmp/pipepoll-test-");
    assert_failed(s, true, ":2:");
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    struct stage *s = *state;
    static const char *const variables[] = { "AWS_CONFIG_FILE=/dev",
                                             "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
                                             "AWS_EC2_METADATA_DISABLED=true", NULL };
    s->variables = variables;
    fetch(s, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_DEFAULT });
    assert_failed(s, true, "(/dev is not a regular file)");
}

static void what_is_not_configured_is_a_lasting_failure(void **state)
{
    struct stage *s = *state;
    s->variables = no_files;
    fetch(s, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_PROFILE,
                                            .profile = STR("acme") });
    assert_failed(s, true, "acme");
}

static void a_program_named_by_a_profile_is_asked(void **state)
{
    struct stage *s = *state;
    profile_of(s, "[profile acme]\ncredential_process = /bin/sh -c 'exit 7'\n");
    assert_failed(s, false, "exit status 7");
    assert_true(s->fetched.may_change);
}

/* --- by services --- */

static void metadata_credentials_outlive_their_expiry(void **state)
{
    struct stage *s = *state;
    s->variables = all_on_stage(s);
    STAGE_PLAY(s, METADATA("2021-09-21T23:41:25Z"));
    fetch(s, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_DEFAULT });
    assert_str_equal(s->fetched.credentials->access_key_id, "AKIDIMDS");
    assert_true(s->fetched.outlives_expiry);
    assert_true(s->fetched.may_change);
}

static void roles_are_assumed_one_with_the_credentials_of_the_other(void **state)
{
    struct stage *s = *state;
    s->variables = all_on_stage(s);
    STAGE_PLAY(s, METADATA("2021-09-21T23:41:25Z"), ASSUMED("AKIDONE", 1632249686),
               ASSUMED("AKIDTWO", 1632249680));
    fetch(s, &with_two_roles);
    assert_str_equal(s->fetched.credentials->access_key_id, "AKIDTWO");
    assert_int_equal(s->fetched.credentials->expires_s, 1632249680);
    assert_int_equal(s->fetched.dated_s, 1632246085);
    assert_false(s->fetched.outlives_expiry);
    stage_assert_asked(s, 4, "Credential=AKIDIMDS/");
    stage_assert_asked(s, 4, "role%2FOne");
    stage_assert_asked(s, 5, "Credential=AKIDONE/");
    stage_assert_asked(s, 5, "role%2FTwo");
}

static void a_chain_lives_no_longer_than_its_first_link(void **state)
{
    struct stage *s = *state;
    s->variables = all_on_stage(s);
    STAGE_PLAY(s, METADATA("2021-09-21T17:42:00Z"), ASSUMED("AKIDONE", 1632249686),
               ASSUMED("AKIDTWO", 1632249680));
    fetch(s, &with_two_roles);
    assert_int_equal(s->fetched.credentials->expires_s, 1632246120);
}

static void a_chain_that_breaks_gives_no_credentials(void **state)
{
    struct stage *s = *state;
    s->variables = all_on_stage(s);
    STAGE_PLAY(s, METADATA("2021-09-21T23:41:25Z"), ASSUMED("AKIDONE", 1632249686),
               { .status = 403, .body = "{\"Error\":{\"Code\":\"AccessDenied\"}}" });
    fetch(s, &with_two_roles);
    assert_failed(s, true, "role/Two");
    assert_failed(s, true, "AccessDenied (HTTP 403)");
}

/* --- ends --- */

static bool fetch_and_stop(struct stage *s, unsigned turns)
{
    struct fetch *f = stage_fetch_begin(s, &with_two_roles);
    assert_non_null(f);
    for (; turns && !s->done; turns--)
        stage_turn(s);
    bool in_time = !s->done;
    unsigned asked = s->requests;
    if (in_time)
        fetch_stop(f);
    stage_fetch_end(s);
    assert_true(s->requests <= asked + 1); /* one may have been on its way */
    return in_time;
}

static void it_stops_at_every_turn(void **state)
{
    struct stage *s = *state;
    s->variables = all_on_stage(s);
    bool in_time = true;
    for (unsigned turns = 0; in_time; turns++) {
        STAGE_PLAY(s, METADATA("2021-09-21T23:41:25Z"), ASSUMED("AKIDONE", 1632249686),
                   ASSUMED("AKIDTWO", 1632249680));
        in_time = fetch_and_stop(s, turns);
    }
    assert_non_null(s->fetched.credentials);
}

static void memory_that_is_short_ends_the_fetch_or_forbids_it(void **state)
{
    struct stage *s = *state;
    const struct credentials_config config = { .kind = CREDENTIALS_CONFIG_DEFAULT };
    s->variables = all_on_stage(s);
    bool reached = true;
    for (size_t n = 1; reached; n++) {
        STAGE_PLAY(s, METADATA("2021-09-21T23:41:25Z"));
        s->allocations = 0;
        s->fail_at = n;
        bool started = stage_fetch(s, &config);
        reached = s->allocations >= n;
        s->fail_at = 0;
        assert_true(started || reached);
        if (started && !s->fetched.credentials)
            assert_false(s->fetched.lasting);
    }
    assert_non_null(s->fetched.credentials);
}

static void credentials_at_hand_for_which_there_is_no_memory_are_no_fault_of_the_set_up(
    void **state)
{
    struct stage *s = *state;
    const struct credentials_config config = { .kind = CREDENTIALS_CONFIG_DEFAULT };
    s->variables = credentials_in_environment;
    bool reached = true;
    unsigned short_of = 0;
    for (size_t n = 1; reached; n++) {
        s->allocations = 0;
        s->fail_at = n;
        bool started = stage_fetch(s, &config);
        reached = s->allocations >= n;
        s->fail_at = 0;
        if (!started || s->fetched.credentials)
            continue;
        short_of++;
        assert_false(s->fetched.lasting);
    }
    assert_non_null(s->fetched.credentials);
    assert_true(short_of > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_in_the_environment_are_at_hand),
        cmocka_unit_test(
            credentials_at_hand_for_which_there_is_no_memory_are_no_fault_of_the_set_up),
        cmocka_unit_test(given_credentials_are_at_hand_and_never_change),
        cmocka_unit_test(what_must_be_asked_for_is_not_at_hand),
        cmocka_unit_test(a_large_file_is_parsed_off_the_loop),
        cmocka_unit_test(credentials_of_a_profile_may_change),
        cmocka_unit_test(the_credentials_file_is_read_as_well),
        cmocka_unit_test(a_file_that_is_broken_is_named_with_its_line),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(what_is_not_configured_is_a_lasting_failure),
        cmocka_unit_test(a_program_named_by_a_profile_is_asked),
        cmocka_unit_test(metadata_credentials_outlive_their_expiry),
        cmocka_unit_test(roles_are_assumed_one_with_the_credentials_of_the_other),
        cmocka_unit_test(a_chain_lives_no_longer_than_its_first_link),
        cmocka_unit_test(a_chain_that_breaks_gives_no_credentials),
        cmocka_unit_test(it_stops_at_every_turn),
        cmocka_unit_test(memory_that_is_short_ends_the_fetch_or_forbids_it),
    };
    return cmocka_run_group_tests(tests, stage_open, stage_close);
}

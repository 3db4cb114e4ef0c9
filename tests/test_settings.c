/* SPDX-License-Identifier: MIT */
/* What the environment and the shared files say of where calls go, and from where it is known. */
#include "lib/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[] = "/tmp/test_settings_XXXXXX";
static char config[64];

static const char *const variables[] = {
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_CODEPIPELINE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_CA_BUNDLE",
    "AWS_DEFAULT_PROFILE",
    "REQUESTS_CA_BUNDLE",
    "AWS_MAX_ATTEMPTS",
    "AWS_RETRY_MODE",
    "AWS_DEFAULT_OUTPUT",
    "AWS_SDK_UA_APP_ID",
};

static int make_directory(void **state)
{
    if (!mkdtemp(directory))
        return -1;
    snprintf(config, sizeof config, "%s/config", directory);
    setenv("AWS_CONFIG_FILE", config, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    return 0;
}

static int remove_directory(void **state)
{
    unlink(config);
    return rmdir(directory);
}

/* Each test begins without any of the variables and with this file. */
static int set_up(void **state)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    FILE *f = fopen(config, "w");
    if (!f)
        return -1;
    fputs("[default]\nregion = eu-west-1\n"
          "[profile acme]\nregion = eu-west-2\nendpoint_url = http://acme\nca_bundle = /ca.pem\n"
          "use_fips_endpoint = True\nuse_dualstack_endpoint = FALSE\n"
          "[profile served]\nservices = s\nendpoint_url = http://never\n"
          "[services s]\ncodepipeline =\n  endpoint_url = http://served\n"
          "[profile lost]\nservices = nowhere\n"
          "[profile typo]\nuse_fips_endpoint = ture\n"
          "[profile long]\nregion = eu\n  west-1\n"
          "[profile habits]\nmax_attempts = 7\nretry_mode = Adaptive\noutput = yaml\n"
          "sdk_ua_app_id = Acme/1\nca_bundle = ~/$SUB/roots.pem\n"
          "[profile empty]\nendpoint_url =\n[profile hollow]\nservices = h\n"
          "[services h]\nsts =\n  endpoint_url =\n"
          "[profile bad]\nendpoint_url\n[profile dim]\nregion\noutput = text\n",
          f);
    return fclose(f);
}

static struct pipepoll_settings *load(const char *profile)
{
    struct pipepoll_settings *s = NULL;
    struct pipepoll_error why = { .text = "" };
    if (pipepoll_settings_load(&s, str_of(profile), &why))
        fail_msg("%s", why.text);
    return s;
}

static void check(const struct pipepoll_settings *s, enum pipepoll_setting which, const char *value,
                  const char *from)
{
    str where;
    assert_str_equal(pipepoll_settings_get(s, which, &where), value);
    assert_str_equal(where, from);
    pipepoll_settings_get(s, which, NULL);
}

static void check_error(const char *profile, int status, const char *want)
{
    struct pipepoll_settings *s = NULL;
    struct pipepoll_error why = { .text = "" };
    assert_int_equal(pipepoll_settings_load(&s, str_of(profile), &why), status);
    assert_null(s);
    if (!strstr(why.text, want))
        fail_msg("got \"%s\", want \"%s\"", why.text, want);
}

static void a_bare_machine_has_the_default_profile_and_no_more(void **state)
{
    unlink(config);
    struct pipepoll_settings *s = load("");
    check(s, PIPEPOLL_SETTING_PROFILE, "default", "by default");
    for (int i = PIPEPOLL_SETTING_REGION; i < PIPEPOLL_SETTING_COUNT; i++)
        check(s, (enum pipepoll_setting)i, "", "");
    assert_null(pipepoll_settings_free(s));
    assert_null(pipepoll_settings_free(NULL));
}

static void a_profile_says_all(void **state)
{
    struct pipepoll_settings *s = load("acme");
    check(s, PIPEPOLL_SETTING_PROFILE, "acme", "as asked for");
    check(s, PIPEPOLL_SETTING_REGION, "eu-west-2", "profile acme");
    check(s, PIPEPOLL_SETTING_ENDPOINT_URL, "http://acme", "profile acme");
    check(s, PIPEPOLL_SETTING_FIPS, "true", "profile acme");
    check(s, PIPEPOLL_SETTING_DUALSTACK, "", "");
    check(s, PIPEPOLL_SETTING_CA_BUNDLE, "/ca.pem", "profile acme");
    pipepoll_settings_free(s);
}

static void the_environment_comes_first(void **state)
{
    setenv("AWS_PROFILE", "acme", 1);
    setenv("AWS_DEFAULT_REGION", "eu-west-3", 1);
    setenv("AWS_ENDPOINT_URL", "http://all", 1);
    setenv("AWS_USE_FIPS_ENDPOINT", "false", 1);
    setenv("AWS_USE_DUALSTACK_ENDPOINT", "TRUE", 1);
    setenv("AWS_CA_BUNDLE", "/other.pem", 1);
    struct pipepoll_settings *s = load("");
    check(s, PIPEPOLL_SETTING_PROFILE, "acme", "AWS_PROFILE");
    check(s, PIPEPOLL_SETTING_REGION, "eu-west-3", "AWS_DEFAULT_REGION");
    check(s, PIPEPOLL_SETTING_ENDPOINT_URL, "http://all", "AWS_ENDPOINT_URL");
    check(s, PIPEPOLL_SETTING_FIPS, "", "");
    check(s, PIPEPOLL_SETTING_DUALSTACK, "true", "AWS_USE_DUALSTACK_ENDPOINT");
    check(s, PIPEPOLL_SETTING_CA_BUNDLE, "/other.pem", "AWS_CA_BUNDLE");
    pipepoll_settings_free(s);
    setenv("AWS_REGION", "eu-north-1", 1);
    setenv("AWS_ENDPOINT_URL_CODEPIPELINE", "http://one", 1);
    s = load("default");
    unsetenv("AWS_REGION"); /* what was read is kept */
    check(s, PIPEPOLL_SETTING_PROFILE, "default", "as asked for");
    check(s, PIPEPOLL_SETTING_REGION, "eu-north-1", "AWS_REGION");
    check(s, PIPEPOLL_SETTING_ENDPOINT_URL, "http://one", "AWS_ENDPOINT_URL_CODEPIPELINE");
    pipepoll_settings_free(s);
}

static void a_services_section_beats_the_profile_and_both_can_be_ignored(void **state)
{
    struct pipepoll_settings *s = load("served");
    check(s, PIPEPOLL_SETTING_ENDPOINT_URL, "http://served", "services section s");
    pipepoll_settings_free(s);
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    s = load("served");
    check(s, PIPEPOLL_SETTING_ENDPOINT_URL, "", "");
    pipepoll_settings_free(s);
}

static void what_is_named_must_be_there(void **state)
{
    check_error("acne", PIPEPOLL_EINVAL, "profile \"acne\" is in neither ");
    check_error("acne", PIPEPOLL_EINVAL, "(did you mean \"acme\"?)");
    setenv("AWS_PROFILE", "gone", 1);
    check_error("", PIPEPOLL_EINVAL, "profile \"gone\" (AWS_PROFILE) is in neither ");
    check_error("lost", PIPEPOLL_EINVAL, "services = nowhere, but there is no [services nowhere]");
}

/* A misspelt wish for FIPS must not become a call to another endpoint. */
static void a_switch_that_is_neither_on_nor_off_is_refused(void **state)
{
    check_error("typo", PIPEPOLL_EINVAL,
                "profile typo: use_fips_endpoint is true or false, not \"ture\"");
    setenv("AWS_USE_DUALSTACK_ENDPOINT", "maybe", 1);
    check_error("acme", PIPEPOLL_EINVAL,
                "AWS_USE_DUALSTACK_ENDPOINT is true or false, not \"maybe\"");
}

/* A template whose variable was not set: it was to keep calls away from AWS. */
static void an_empty_endpoint_is_refused_wherever_it_stands(void **state)
{
    check_error("empty", PIPEPOLL_EINVAL,
                "profile empty: endpoint_url is empty: remove the line, or set a URL");
    check_error("hollow", PIPEPOLL_EINVAL, "services section h: endpoint_url is empty");
    setenv("AWS_ENDPOINT_URL", "http://all", 1);
    pipepoll_settings_free(load("empty"));
    setenv("AWS_ENDPOINT_URL", " ", 1);
    check_error("acme", PIPEPOLL_EINVAL, "AWS_ENDPOINT_URL is set, but empty");
}

static void an_empty_name_is_no_profile_rather_than_the_default_one(void **state)
{
    setenv("AWS_PROFILE", "", 1);
    check_error("", PIPEPOLL_EINVAL, "profile \"\" (AWS_PROFILE) has no name: unset the variable");
    pipepoll_settings_free(load("acme"));
    setenv("AWS_DEFAULT_PROFILE", "acme", 1);
    check_error("", PIPEPOLL_EINVAL, "profile \"\" (AWS_PROFILE) has no name");
    unsetenv("AWS_PROFILE");
    setenv("AWS_DEFAULT_PROFILE", " ", 1);
    check_error("", PIPEPOLL_EINVAL, "profile \"\" (AWS_DEFAULT_PROFILE) has no name");
}

static void the_services_that_give_out_credentials_have_endpoints_too(void **state)
{
    setenv("AWS_ENDPOINT_URL", "http://all", 1);
    setenv("AWS_ENDPOINT_URL_STS", "http://sts", 1);
    struct pipepoll_settings *s = load("");
    check(s, PIPEPOLL_SETTING_STS_ENDPOINT_URL, "http://sts", "AWS_ENDPOINT_URL_STS");
    check(s, PIPEPOLL_SETTING_SSO_ENDPOINT_URL, "http://all", "AWS_ENDPOINT_URL");
    pipepoll_settings_free(s);
}

static void the_older_variable_names_the_profile_when_the_newer_one_is_unset(void **state)
{
    setenv("AWS_DEFAULT_PROFILE", "acme", 1);
    struct pipepoll_settings *s = load("");
    check(s, PIPEPOLL_SETTING_PROFILE, "acme", "AWS_DEFAULT_PROFILE");
    assert_int_equal(pipepoll_settings_warning(s, 0).len, 0);
    pipepoll_settings_free(s);
    setenv("AWS_DEFAULT_PROFILE", "gone", 1);
    check_error("", PIPEPOLL_EINVAL, "profile \"gone\" (AWS_DEFAULT_PROFILE) is in neither ");
    setenv("AWS_PROFILE", "acme", 1);
    s = load("");
    check(s, PIPEPOLL_SETTING_PROFILE, "acme", "AWS_PROFILE");
    assert_str_equal(pipepoll_settings_warning(s, 0),
                     "AWS_PROFILE = acme overrides AWS_DEFAULT_PROFILE = gone, as in version 2 of "
                     "the AWS CLI (version 1 takes the other): unset one of them");
    assert_int_equal(pipepoll_settings_warning(s, 1).len, 0);
    pipepoll_settings_free(s);
}

static void roots_are_a_path_and_may_be_those_of_requests(void **state)
{
    setenv("SUB", "below", 1);
    setenv("HOME", "/h", 1);
    setenv("REQUESTS_CA_BUNDLE", "${HOME}/r.pem", 1);
    struct pipepoll_settings *s = load("");
    check(s, PIPEPOLL_SETTING_CA_BUNDLE, "/h/r.pem", "REQUESTS_CA_BUNDLE");
    pipepoll_settings_free(s);
    s = load("habits");
    check(s, PIPEPOLL_SETTING_CA_BUNDLE, "/h/below/roots.pem", "profile habits");
    pipepoll_settings_free(s);
}

static void habits_come_from_the_environment_or_the_profile(void **state)
{
    struct pipepoll_settings *s = load("habits");
    check(s, PIPEPOLL_SETTING_MAX_ATTEMPTS, "7", "profile habits");
    check(s, PIPEPOLL_SETTING_RETRY_MODE, "Adaptive", "profile habits");
    check(s, PIPEPOLL_SETTING_OUTPUT, "yaml", "profile habits");
    check(s, PIPEPOLL_SETTING_USER_AGENT_APP_ID, "Acme/1", "profile habits");
    pipepoll_settings_free(s);
    setenv("AWS_MAX_ATTEMPTS", "1", 1);
    setenv("AWS_RETRY_MODE", "legacy", 1);
    setenv("AWS_DEFAULT_OUTPUT", "text", 1);
    setenv("AWS_SDK_UA_APP_ID", "123456789012345678901234567890123456789012345678901", 1);
    s = load("habits");
    check(s, PIPEPOLL_SETTING_MAX_ATTEMPTS, "1", "AWS_MAX_ATTEMPTS");
    check(s, PIPEPOLL_SETTING_RETRY_MODE, "legacy", "AWS_RETRY_MODE");
    check(s, PIPEPOLL_SETTING_OUTPUT, "text", "AWS_DEFAULT_OUTPUT");
    assert_str_equal(
        pipepoll_settings_warning(s, 0),
        "AWS_SDK_UA_APP_ID: the app id of 51 characters is longer than the 50 that AWS "
        "asks for");
    pipepoll_settings_free(s);
    setenv("AWS_MAX_ATTEMPTS", "0", 1);
    check_error("habits", PIPEPOLL_EINVAL,
                "AWS_MAX_ATTEMPTS: max_attempts is 1 or more, not \"0\"");
    unsetenv("AWS_MAX_ATTEMPTS");
    setenv("AWS_RETRY_MODE", "often", 1);
    check_error("habits", PIPEPOLL_EINVAL,
                "AWS_RETRY_MODE: retry_mode is legacy, standard or adaptive, not \"often\"");
}

static void a_bad_line_is_an_error_where_it_says_where_calls_go_and_else_a_warning(void **state)
{
    check_error("bad", PIPEPOLL_EINVAL, ":36:1: a property needs an '='");
    struct pipepoll_settings *s = load("dim");
    check(s, PIPEPOLL_SETTING_REGION, "", "");
    check(s, PIPEPOLL_SETTING_OUTPUT, "text", "profile dim");
    if (!strstr(pipepoll_settings_warning(s, 0).ptr, ":38:1: a property needs an '='"))
        fail_msg("%.*s", STR_ARG(pipepoll_settings_warning(s, 0)));
    pipepoll_settings_free(s);
    setenv("AWS_ENDPOINT_URL", "http://all", 1); /* so that the line is not needed */
    setenv("AWS_REGION", "eu-north-1", 1);
    s = load("bad");
    check(s, PIPEPOLL_SETTING_ENDPOINT_URL, "http://all", "AWS_ENDPOINT_URL");
    assert_int_equal(pipepoll_settings_warning(s, 0).len, 0);
    pipepoll_settings_free(s);
}

static void a_value_of_two_lines_is_refused(void **state)
{
    check_error("long", PIPEPOLL_EINVAL, "profile long: the region has more than one line");
}

static void a_file_that_is_not_understood_is_an_error(void **state)
{
    FILE *f = fopen(config, "w");
    assert_non_null(f);
    fputs("region = eu-west-1\n", f);
    fclose(f);
    check_error("", PIPEPOLL_EINVAL, "config:1:1: a [section] header must come before this line");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_bare_machine_has_the_default_profile_and_no_more, set_up),
        cmocka_unit_test_setup(a_profile_says_all, set_up),
        cmocka_unit_test_setup(the_environment_comes_first, set_up),
        cmocka_unit_test_setup(a_services_section_beats_the_profile_and_both_can_be_ignored,
                               set_up),
        cmocka_unit_test_setup(what_is_named_must_be_there, set_up),
        cmocka_unit_test_setup(a_switch_that_is_neither_on_nor_off_is_refused, set_up),
        cmocka_unit_test_setup(an_empty_endpoint_is_refused_wherever_it_stands, set_up),
        cmocka_unit_test_setup(an_empty_name_is_no_profile_rather_than_the_default_one, set_up),
        cmocka_unit_test_setup(the_services_that_give_out_credentials_have_endpoints_too, set_up),
        cmocka_unit_test_setup(the_older_variable_names_the_profile_when_the_newer_one_is_unset,
                               set_up),
        cmocka_unit_test_setup(roots_are_a_path_and_may_be_those_of_requests, set_up),
        cmocka_unit_test_setup(habits_come_from_the_environment_or_the_profile, set_up),
        cmocka_unit_test_setup(
            a_bad_line_is_an_error_where_it_says_where_calls_go_and_else_a_warning, set_up),
        cmocka_unit_test_setup(a_value_of_two_lines_is_refused, set_up),
        cmocka_unit_test_setup(a_file_that_is_not_understood_is_an_error, set_up),
    };
    return cmocka_run_group_tests_name("settings", tests, make_directory, remove_directory);
}

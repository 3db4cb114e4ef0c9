/* SPDX-License-Identifier: MIT */
/* What an embedder may configure, which configurations are the same, and that credentials are
 * forgotten. */
#include "credentials/credentials_config.h"

#include "lib/check.h"

#include <stdlib.h>

static const str arn = STR_INIT("arn:aws:iam::123456789012:role/Poller");

static struct pipepoll_credentials *fixed(const char *id)
{
    struct pipepoll_credentials *c = NULL;
    assert_int_equal(pipepoll_credentials_static(&c, str_of(id), STR("secret"), STR("token"), NULL),
                     0);
    return c;
}

static struct pipepoll_role role_of(str role_arn)
{
    return (struct pipepoll_role) { .size = sizeof(struct pipepoll_role), .arn = role_arn };
}

static struct pipepoll_credentials *assumed(struct pipepoll_credentials *source)
{
    struct pipepoll_credentials *c = NULL;
    const struct pipepoll_role role = role_of(arn);
    struct pipepoll_error why = { .text = "" };
    if (pipepoll_credentials_role(&c, source, &role, &why))
        fail_msg("%s", why.text);
    return c;
}

static void a_session_token_of_more_than_16_kib_is_refused_when_it_is_given(void **state)
{
    struct pipepoll_credentials *c = NULL;
    struct pipepoll_error why = { .text = "" };
    char token[16 * 1024 + 1];
    memset(token, 'T', sizeof token);
    assert_int_equal(pipepoll_credentials_static(&c, STR("id"), STR("secret"),
                                                 (str) { token, sizeof token }, &why),
                     PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "session token of more than 16 KiB"));
    assert_null(strstr(why.text, "TTTT"));
    assert_int_equal(pipepoll_credentials_static(&c, STR("id"), STR("secret"),
                                                 (str) { token, sizeof token - 1 }, &why),
                     0);
    pipepoll_credentials_unref(c);
}

static void clear_environment(void)
{
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_SESSION_TOKEN");
    unsetenv("AWS_ACCOUNT_ID");
}

static void given_credentials_are_copied(void **state)
{
    char id[] = "AKID";
    struct pipepoll_credentials *c = fixed(id);
    id[0] = 'x';
    assert_int_equal(c->config.kind, CREDENTIALS_CONFIG_FIXED);
    assert_str_equal(c->config.fixed->access_key_id, "AKID");
    assert_str_equal(c->config.fixed->session_token, "token");
    assert_null(pipepoll_credentials_unref(c));
    assert_null(pipepoll_credentials_unref(NULL));
    assert_null(pipepoll_credentials_ref(NULL));
}

static void bad_credentials_are_refused_and_not_quoted(void **state)
{
    struct pipepoll_credentials *c = NULL;
    struct pipepoll_error why;
    const str none = { NULL, 0 };
    assert_int_equal(pipepoll_credentials_static(&c, none, STR("s"), none, &why), PIPEPOLL_EINVAL);
    assert_int_equal(pipepoll_credentials_static(&c, STR("id"), STR("se\ncret"), none, &why),
                     PIPEPOLL_EINVAL);
    assert_string_equal(why.text, "the static credentials are empty or hold a character that is "
                                  "not printable ASCII (a line end, perhaps)");
    assert_null(c);
}

static void the_environment_is_read_at_once(void **state)
{
    struct pipepoll_credentials *c = NULL;
    setenv("AWS_ACCESS_KEY_ID", "EID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "ES", 1);
    setenv("AWS_ACCOUNT_ID", "123456789012", 1);
    assert_int_equal(pipepoll_credentials_environment(&c, NULL), 0);
    clear_environment();
    assert_int_equal(c->config.kind, CREDENTIALS_CONFIG_ENVIRONMENT);
    assert_str_equal(c->config.fixed->access_key_id, "EID");
    assert_str_equal(c->config.fixed->session_token, "");
    assert_str_equal(c->config.fixed->account_id, "123456789012");
    pipepoll_credentials_unref(c);
}

static void credentials_of_the_environment_are_not_given_ones(void **state)
{
    struct pipepoll_credentials *read = NULL, *given = NULL;
    setenv("AWS_ACCESS_KEY_ID", "EID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "ES", 1);
    assert_int_equal(pipepoll_credentials_environment(&read, NULL), 0);
    assert_int_equal(pipepoll_credentials_static(&given, STR("EID"), STR("ES"), STR(""), NULL), 0);
    assert_false(credentials_config_eq(
        &read->config, &given->config)); /* people are told where credentials come from */
    pipepoll_credentials_unref(read);
    pipepoll_credentials_unref(given);
    clear_environment();
}

static void a_missing_variable_is_named(void **state)
{
    struct pipepoll_credentials *c = NULL;
    struct pipepoll_error why;
    clear_environment();
    assert_int_equal(pipepoll_credentials_environment(&c, &why), PIPEPOLL_ECREDENTIALS);
    assert_string_equal(why.text,
                        "no credentials: AWS_ACCESS_KEY_ID is not set in the environment");
    setenv("AWS_ACCESS_KEY_ID", "EID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", " ", 1);
    assert_int_equal(pipepoll_credentials_environment(&c, &why), PIPEPOLL_ECREDENTIALS);
    assert_string_equal(why.text,
                        "no credentials: AWS_SECRET_ACCESS_KEY is not set in the environment");
    clear_environment();
}

static void a_profile_has_a_name(void **state)
{
    struct pipepoll_credentials *c = NULL;
    struct pipepoll_error why;
    assert_int_equal(pipepoll_credentials_profile(&c, STR(""), &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, "the name of the profile is empty");
    assert_int_equal(pipepoll_credentials_profile(&c, STR("acme"), NULL), 0);
    assert_int_equal(c->config.kind, CREDENTIALS_CONFIG_PROFILE);
    assert_str_equal(c->config.profile, "acme");
    pipepoll_credentials_unref(c);
}

static void a_role_stands_on_a_copy_of_its_source(void **state)
{
    struct pipepoll_credentials *source = fixed("AKID"), *one = assumed(source);
    pipepoll_credentials_unref(source);
    struct pipepoll_credentials *two = assumed(one);
    pipepoll_credentials_unref(one);
    assert_int_equal(two->config.kind, CREDENTIALS_CONFIG_FIXED);
    assert_str_equal(two->config.fixed->access_key_id, "AKID");
    assert_int_equal(two->config.role_count, 2);
    assert_true(str_eq(two->config.roles[1].arn, arn));
    pipepoll_credentials_unref(two);
    struct pipepoll_credentials *on_default = assumed(NULL);
    assert_int_equal(on_default->config.kind, CREDENTIALS_CONFIG_DEFAULT);
    pipepoll_credentials_unref(on_default);
}

static void a_role_that_sts_would_refuse_is_refused(void **state)
{
    char long_name[65];
    memset(long_name, 'n', sizeof long_name);
    const struct {
        struct pipepoll_role role;
        const char *want;
    } rows[] = {
        { { .arn = STR("arn:aws:iam::1:user/u") },
          "arn \"arn:aws:iam::1:user/u\" is not a role's" },
        { { .arn = STR("arn:aws:iam::12x:role/r") }, "is not a role's ARN" },
        { { .arn = STR("arn:aws:sts::1:role/r") }, "is not a role's ARN" },
        { { .arn = STR("arn:aws:iam:us-east-1:1:role/r") }, "is not a role's ARN" },
        { { .arn = STR("arn:aws:iam::1:role/") }, "is not a role's ARN" },
        { { .arn = STR("arn:aws:iam::1:role/a\nb") }, "is not a role's ARN" },
        { { .arn = STR("") }, "is not a role's ARN" },
        { { .arn = arn, .session_name = STR("x") }, "session_name \"x\" must be 2 to 64" },
        { { .arn = arn, .session_name = { long_name, 65 } }, "must be 2 to 64" },
        { { .arn = arn, .session_name = STR("a/b") }, "session_name \"a/b\" must be" },
        { { .arn = arn, .external_id = STR("a b") }, "external_id must be 2 to 1224" },
        { { .arn = arn, .duration_s = 899 }, "duration_s 899 must be 900 to 43200 seconds" },
        { { .arn = arn, .duration_s = 43201 }, "duration_s 43201 must be" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pipepoll_credentials *c = NULL;
        struct pipepoll_role role = rows[i].role;
        struct pipepoll_error why = { .text = "" };
        role.size = sizeof role;
        assert_int_equal(pipepoll_credentials_role(&c, NULL, &role, &why), PIPEPOLL_EINVAL);
        assert_null(c);
        if (!strstr(why.text, rows[i].want))
            fail_msg("got \"%s\", want \"%s\"", why.text, rows[i].want);
    }
}

static void the_limits_themselves_are_fine(void **state)
{
    char name[64];
    memset(name, 'n', sizeof name);
    struct pipepoll_role role = role_of(STR("arn:aws-us-gov:iam::123456789012:role/path/to/Name"));
    role.session_name = (str) { name, sizeof name };
    role.external_id = STR("a:b/c");
    role.duration_s = 43200;
    struct pipepoll_credentials *c = NULL;
    assert_int_equal(pipepoll_credentials_role(&c, NULL, &role, NULL), 0);
    assert_int_equal(c->config.roles[0].duration_s, 43200);
    assert_str_equal(c->config.roles[0].external_id, "a:b/c");
    assert_str_equal(role_account(c->config.roles[0].arn), "123456789012");
    pipepoll_credentials_unref(c);
}

static void four_roles_are_the_most_and_an_hour_for_all_but_the_first(void **state)
{
    struct pipepoll_credentials *c = NULL, *none = NULL;
    struct pipepoll_role role = role_of(arn);
    struct pipepoll_error why;
    for (int i = 0; i < 4; i++) {
        struct pipepoll_credentials *below = c;
        c = assumed(below);
        pipepoll_credentials_unref(below);
    }
    assert_int_equal(pipepoll_credentials_role(&none, c, &role, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, "more than 4 roles one upon the other");
    pipepoll_credentials_unref(c);
    c = assumed(NULL);
    role.duration_s = 3601;
    assert_int_equal(pipepoll_credentials_role(&none, c, &role, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "duration_s 3601 is more than the 3600"));
    assert_null(none);
    pipepoll_credentials_unref(c);
}

static void nobody_assumes_no_role(void **state)
{
    struct pipepoll_credentials *nobody, *c = NULL;
    struct pipepoll_error why;
    const struct pipepoll_role role = { .size = sizeof role,
                                        .arn = STR("arn:aws:iam::123456789012:role/r") };
    assert_int_equal(pipepoll_credentials_anonymous(&nobody, NULL), 0);
    assert_int_equal(pipepoll_credentials_role(&c, nobody, &role, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, "anonymous credentials sign nothing, so they assume no role");
    assert_null(c);
    pipepoll_credentials_unref(nobody);
}

static void a_role_of_an_older_caller_is_read_as_far_as_it_goes(void **state)
{
    struct pipepoll_role role = role_of(arn);
    struct pipepoll_credentials *c = NULL;
    struct pipepoll_error why;
    role.size = offsetof(struct pipepoll_role, external_id);
    role.external_id = STR("not there");
    assert_int_equal(pipepoll_credentials_role(&c, NULL, &role, NULL), 0);
    assert_str_equal(c->config.roles[0].external_id, "");
    pipepoll_credentials_unref(c);
    role.size = 0;
    assert_int_equal(pipepoll_credentials_role(&c, NULL, &role, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text,
                        "the size of the role is 0: begin with PIPEPOLL_..._INIT, which sets it");
}

static void check_same(struct pipepoll_credentials *a, struct pipepoll_credentials *b, bool want)
{
    assert_int_equal(credentials_config_eq(&a->config, &b->config), want);
    assert_int_equal(credentials_config_eq(&b->config, &a->config), want);
    pipepoll_credentials_unref(a);
    pipepoll_credentials_unref(b);
}

static struct pipepoll_credentials *profile(const char *name)
{
    struct pipepoll_credentials *c = NULL;
    assert_int_equal(pipepoll_credentials_profile(&c, str_of(name), NULL), 0);
    return c;
}

static struct pipepoll_credentials *by_default(void)
{
    struct pipepoll_credentials *c = NULL;
    assert_int_equal(pipepoll_credentials_default(&c, NULL), 0);
    return c;
}

static struct pipepoll_credentials *in_session(const char *session_name)
{
    struct pipepoll_credentials *c = NULL;
    struct pipepoll_role role = role_of(arn);
    role.session_name = str_of(session_name);
    assert_int_equal(pipepoll_credentials_role(&c, NULL, &role, NULL), 0);
    return c;
}

static void configs_of_the_same_credentials_are_equal(void **state)
{
    check_same(by_default(), by_default(), true);
    check_same(fixed("A1"), fixed("A1"), true);
    check_same(fixed("A1"), fixed("A2"), false);
    check_same(profile("a"), profile("a"), true);
    check_same(profile("a"), profile("b"), false);
    check_same(profile("default"), by_default(), false);
    check_same(in_session("one"), in_session("one"), true);
    check_same(in_session("one"), in_session("two"), false);
    check_same(in_session("one"), by_default(), false);
}

static void a_reference_keeps_a_config(void **state)
{
    struct pipepoll_credentials *c = profile("kept");
    assert_ptr_equal(pipepoll_credentials_ref(c), c);
    pipepoll_credentials_unref(c);
    assert_str_equal(c->config.profile, "kept");
    pipepoll_credentials_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_credentials_are_copied),
        cmocka_unit_test(bad_credentials_are_refused_and_not_quoted),
        cmocka_unit_test(a_session_token_of_more_than_16_kib_is_refused_when_it_is_given),
        cmocka_unit_test(the_environment_is_read_at_once),
        cmocka_unit_test(credentials_of_the_environment_are_not_given_ones),
        cmocka_unit_test(a_missing_variable_is_named),
        cmocka_unit_test(a_profile_has_a_name),
        cmocka_unit_test(a_role_stands_on_a_copy_of_its_source),
        cmocka_unit_test(a_role_that_sts_would_refuse_is_refused),
        cmocka_unit_test(the_limits_themselves_are_fine),
        cmocka_unit_test(four_roles_are_the_most_and_an_hour_for_all_but_the_first),
        cmocka_unit_test(nobody_assumes_no_role),
        cmocka_unit_test(a_role_of_an_older_caller_is_read_as_far_as_it_goes),
        cmocka_unit_test(configs_of_the_same_credentials_are_equal),
        cmocka_unit_test(a_reference_keeps_a_config),
    };
    return cmocka_run_group_tests_name("credentials_config", tests, NULL, NULL);
}

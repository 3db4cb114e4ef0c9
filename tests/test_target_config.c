/* SPDX-License-Identifier: MIT */
/* What a target section may say of credentials, pace and endpoint, and what the machine's settings
 * fill in where it says nothing. */
#include <stdio.h>
#include <unistd.h>

#include "lib/config_text.h"

static void a_target_may_name_whose_credentials_it_is_polled_with(void **state)
{
    struct config c =
        accept("[pipepoll]\nprofile = base\n[target a]\nregions = us-east-1\ncategory = Build\n"
               "provider = A\nversion = 1\nprofile = acme\n"
               "role-arn = arn:aws:iam::123456789012:role/Poller\nexternal-id = x-1\n"
               "role-session-name = me\n"
               "[target b]\nregions = us-east-1\ncategory = Build\nprovider = B\nversion = 1\n");
    const struct identity_config *a = &c.plan.targets[0].identity, *b = &c.plan.targets[1].identity;
    assert_str_equal(a->profile, "acme");
    assert_str_equal(a->role_arn, "arn:aws:iam::123456789012:role/Poller");
    assert_str_equal(a->external_id, "x-1");
    assert_str_equal(a->role_session_name, "me");
    assert_str_equal(b->profile, "base");
    assert_int_equal(b->role_arn.len, 0);
    config_deinit(&c);
}

static void a_wrong_identity_is_told_where_it_stands(void **state)
{
    assert_refused_at(WEB "role-arn = Poller\n", "p.ini:6:12: arn ", "Poller");
    assert_refused_at(WEB "role-arn = arn:aws:iam::123456789012:role/P\n"
                          "role-session-name = a b\n",
                      "p.ini:7:21: session_name ", "a b");
    assert_refused(WEB "external-id = x\n",
                   "p.ini:6:15: external-id goes with a role-arn, and [target web] has none\n");
    assert_refused(WEB "role_arn = x\n", "p.ini:6:1: unknown key \"role_arn\" in [target web] "
                                         "(did you mean \"role-arn\"?)\n");
}

static void an_external_id_for_all_is_no_fault_of_targets_without_a_role(void **state)
{
    struct config c = accept("[pipepoll]\nexternal-id = x\n" WEB);
    assert_int_equal(c.plan.targets[0].identity.external_id.len, 0);
    config_deinit(&c);
}

static void a_pickup_goal_stands_instead_of_an_interval(void **state)
{
    struct config c = accept(WEB "pickup-goal = 5s\nslowest-interval = 2m\n");
    const struct pipepoll_target_options *o = &c.plan.targets[0].options;
    assert_int_equal(o->pickup_goal_ms, 5000);
    assert_int_equal(o->slowest_interval_ms, 120000);
    assert_int_equal(o->interval_ms, 0);
    config_deinit(&c);
    c = accept("[pipepoll]\ninterval = 9s\n" WEB "pickup-goal = 5s\n");
    assert_int_equal(c.plan.targets[0].options.pickup_goal_ms, 5000);
    config_deinit(&c);
    c = accept("[pipepoll]\npickup-goal = 9s\nslowest-interval = 5m\n" WEB "interval = 5s\n");
    assert_int_equal(c.plan.targets[0].options.pickup_goal_ms, 0);
    assert_int_equal(c.plan.targets[0].options.interval_ms, 5000);
    config_deinit(&c);
    assert_refused(WEB "interval = 5s\npickup-goal = 5s\n",
                   "p.ini:7:15: pickup-goal stands instead of interval, which is given at line 6: "
                   "one of both must go\n");
    assert_refused(WEB "slowest-interval = 5s\n",
                   "p.ini:6:20: slowest-interval goes with a pickup-goal, and [target web] has "
                   "none\n");
    assert_refused(WEB "pickup-goal = soon\n",
                   "p.ini:6:15: pickup-goal is a time from 1ms to 24h such as 500ms, 5s or 2m, not "
                   "\"soon\"\n");
}

static void a_ceiling_is_a_decimal_number(void **state)
{
    struct config c = accept("[pipepoll]\nmax-polls-per-second = 0.5\n" WEB);
    assert_true(c.max_polls_per_s == 0.5);
    config_deinit(&c);
    assert_refused("[pipepoll]\nmax-polls-per-second = 0\n" WEB,
                   "p.ini:2:24: max-polls-per-second is a number from 0.001 to 100000 such as 2 or "
                   "0.5, not \"0\"\n");
    assert_refused(WEB "max-polls-per-second = 1\n",
                   "p.ini:6:1: \"max-polls-per-second\" belongs in [pipepoll]\n");
}

static void a_goal_that_the_ceiling_forbids_is_a_warning(void **state)
{
    struct config config;
    struct diagnostics c;
    const char *text = "[pipepoll]\nmax-polls-per-second = 0.1\n" WEB "pickup-goal = 1s\n";
    assert_int_equal(parse(&config, text, &c), 0);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.list[0].level, PIPEPOLL_WARNING);
    assert_int_equal(c.list[0].at.line, 3);
    assert_non_null(strstr(c.list[0].text, "pickup goal of 1 s will not hold in us-east-1"));
    config_deinit(&config);
}

/* --- what the machine's settings fill in --- */

struct machine {
    char folder[64], config[96];
};

static const char *const settings_names[] = { "AWS_REGION",
                                              "AWS_DEFAULT_REGION",
                                              "AWS_PROFILE",
                                              "AWS_ENDPOINT_URL",
                                              "AWS_ENDPOINT_URL_CODEPIPELINE",
                                              "AWS_USE_FIPS_ENDPOINT",
                                              "AWS_USE_DUALSTACK_ENDPOINT",
                                              "AWS_CA_BUNDLE",
                                              "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" };

/* A machine with these shared files and none of the variables. */
static void set_up(struct machine *m, const char *shared_config)
{
    for (size_t i = 0; i < sizeof settings_names / sizeof *settings_names; i++)
        unsetenv(settings_names[i]);
    snprintf(m->folder, sizeof m->folder, "/tmp/test_config_XXXXXX");
    assert_non_null(mkdtemp(m->folder));
    snprintf(m->config, sizeof m->config, "%s/config", m->folder);
    FILE *f = fopen(m->config, "w");
    assert_non_null(f);
    assert_true(fputs(shared_config, f) >= 0);
    assert_int_equal(fclose(f), 0);
    setenv("AWS_CONFIG_FILE", m->config, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
}

static void tear_down(const struct machine *m)
{
    unlink(m->config);
    rmdir(m->folder);
    for (size_t i = 0; i < sizeof settings_names / sizeof *settings_names; i++)
        unsetenv(settings_names[i]);
}

static int parse_here(struct config *out, const char *text, struct diagnostics *c)
{
    struct settings settings = { 0 };
    size_t len = strlen(text);
    char *copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, text, len);
    *c = (struct diagnostics) { .file = STR("p.ini") };
    return config_parse(out, copy, len, &settings, c);
}

static struct config accept_here(const char *text)
{
    struct config config;
    struct diagnostics c;
    int r = parse_here(&config, text, &c);
    assert_lines(&c, "");
    assert_int_equal(r, 0);
    return config;
}

#define BARE "[target web]\ncategory = Build\nprovider = Acme\nversion = 1\n"

static void what_a_target_leaves_out_comes_from_its_profile(void **state)
{
    struct machine m;
    set_up(&m, "[default]\nregion = us-west-2\n"
               "[profile acme]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:7\n"
               "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n");
    struct config c = accept_here(BARE "[target b]\ncategory = Build\nprovider = B\nversion = 1\n"
                                       "profile = acme\n");
    const struct plan_target *a = &c.plan.targets[0], *b = &c.plan.targets[1];
    assert_str_equal(a->options.region, "us-west-2");
    assert_int_equal(a->options.endpoint_url.len, 0);
    assert_int_equal(a->in_force, 1u << PIPEPOLL_SETTING_REGION);
    assert_str_equal(b->options.region, "eu-west-1");
    assert_str_equal(b->options.endpoint_url, "http://127.0.0.1:7");
    assert_int_equal(b->in_force,
                     1u << PIPEPOLL_SETTING_REGION | 1u << PIPEPOLL_SETTING_ENDPOINT_URL);
    config_deinit(&c);
    tear_down(&m);
}

static void the_files_own_credentials_go_before_the_machines_settings(void **state)
{
    struct machine m;
    set_up(&m, "");
    setenv("AWS_REGION", "eu-west-1", 1);
    setenv("AWS_USE_FIPS_ENDPOINT", "true", 1);
    struct config c = accept_here(WEB);
    assert_str_equal(c.plan.targets[0].options.region, "us-east-1");
    assert_true(c.plan.targets[0].options.fips);
    config_deinit(&c);
    c = accept_here(WEB "fips = no\n");
    assert_false(c.plan.targets[0].options.fips);
    config_deinit(&c);
    c = accept_here(WEB "endpoint-url = http://127.0.0.1:9\n");
    assert_false(c.plan.targets[0].options.fips);
    assert_int_equal(c.plan.targets[0].in_force, 0);
    config_deinit(&c);
    unsetenv("AWS_USE_FIPS_ENDPOINT");
    setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:7", 1);
    c = accept_here(WEB "fips = yes\n");
    assert_int_equal(c.plan.targets[0].options.endpoint_url.len, 0);
    config_deinit(&c);
    tear_down(&m);
}

static void a_setting_that_cannot_be_used_is_told_by_its_name(void **state)
{
    struct machine m;
    struct config config;
    struct diagnostics c;
    set_up(&m, "");
    setenv("AWS_ENDPOINT_URL", "ftp://x", 1);
    setenv("AWS_CA_BUNDLE", "/nonexistent/ca.pem", 1);
    assert_int_equal(parse_here(&config, WEB, &c), PIPEPOLL_EINVAL);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.list[0].text, "AWS_CA_BUNDLE: cannot read the CA bundle "
                                        "/nonexistent/ca.pem: No such file or directory");
    assert_non_null(strstr(c.list[1].text, "AWS_ENDPOINT_URL: endpoint URL \"ftp://x\""));
    assert_int_equal(c.list[1].at.line, 1);
    tear_down(&m);
}

static void a_profile_that_is_not_there_is_told_where_it_is_named(void **state)
{
    struct machine m;
    struct config config;
    struct diagnostics c;
    set_up(&m, "[profile acme]\n");
    assert_int_equal(parse_here(&config, BARE "profile = amce\n", &c), PIPEPOLL_EINVAL);
    assert_int_equal(c.count, 1); /* not that there is no region as well */
    assert_int_equal(c.list[0].at.line, 5);
    assert_int_equal(c.list[0].at.column, 11);
    assert_non_null(strstr(c.list[0].text, "\"amce\""));
    tear_down(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_may_name_whose_credentials_it_is_polled_with),
        cmocka_unit_test(a_wrong_identity_is_told_where_it_stands),
        cmocka_unit_test(an_external_id_for_all_is_no_fault_of_targets_without_a_role),
        cmocka_unit_test(a_pickup_goal_stands_instead_of_an_interval),
        cmocka_unit_test(a_ceiling_is_a_decimal_number),
        cmocka_unit_test(a_goal_that_the_ceiling_forbids_is_a_warning),
        cmocka_unit_test(what_a_target_leaves_out_comes_from_its_profile),
        cmocka_unit_test(the_files_own_credentials_go_before_the_machines_settings),
        cmocka_unit_test(a_setting_that_cannot_be_used_is_told_by_its_name),
        cmocka_unit_test(a_profile_that_is_not_there_is_told_where_it_is_named),
    };
    return cmocka_run_group_tests_name("draft", tests, NULL, NULL);
}

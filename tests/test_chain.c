/* SPDX-License-Identifier: MIT */
/* The chain, the kinds of profiles and the rules of each source, by hand. AWS's vectors of the same
 * are in test_recipe_vectors.c. */
#include "credentials/chain.h"

#include "lib/check.h"
#include "lib/environment.h"

#include <stdio.h>

static const struct alloc libc_alloc = { 0 };
static const struct profiles_paths paths = { "/h/.aws/config", "/h/.aws/credentials" };
static const struct credentials_config default_config = { .kind = CREDENTIALS_CONFIG_DEFAULT };

/* One question: what the environment (JSON with ' for ") and the config file make of a
 * configuration. */
struct question {
    json_t *members;
    struct environment environment;
    struct profiles *profiles;
    struct chain chain;
    struct pipepoll_error why;
};

static void question_init(struct question *q, const char *environment, const char *shared)
{
    char text[2048];
    *q = (struct question) { 0 };
    snprintf(text, sizeof text, "{%s}", environment);
    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    q->members = json_loads(text, 0, NULL);
    assert_non_null(q->members);
    q->environment = environment_of(q->members);
    const struct profiles_file files[PROFILES_FILES] = { { .text = str_of(shared) } };
    if (shared && profiles_new(&q->profiles, &libc_alloc, &paths, files, &q->why))
        fail_msg("%s", q->why.text);
}

static int ask(struct question *q, const struct credentials_config *config)
{
    return chain_resolve(&q->chain, config, &q->environment, q->profiles, &q->why);
}

static void question_deinit(struct question *q)
{
    profiles_free(q->profiles);
    json_decref(q->members);
}

static void check_label(const char *environment, const char *shared,
                        const struct credentials_config *config, const char *want)
{
    struct question q;
    question_init(&q, environment, shared);
    if (ask(&q, config))
        fail_msg("wanted %s, got the error: %s", want, q.why.text);
    assert_string_equal(q.chain.label, want);
    question_deinit(&q);
}

static void check_error(const char *environment, const char *shared,
                        const struct credentials_config *config, const char *want)
{
    struct question q;
    question_init(&q, environment, shared);
    assert_int_equal(ask(&q, config), PIPEPOLL_ECREDENTIALS);
    assert_string_equal(q.why.text, want);
    question_deinit(&q);
}

/* --- the chain --- */

static const char everything[] =
    "'AWS_ACCESS_KEY_ID': 'AK', 'AWS_SECRET_ACCESS_KEY': 'SK',"
    "'AWS_WEB_IDENTITY_TOKEN_FILE': '/t', 'AWS_ROLE_ARN': 'arn:aws:iam::1:role/w',"
    "'AWS_CONTAINER_CREDENTIALS_FULL_URI': 'http://localhost/c'";

static void the_chain_takes_the_first_that_is_configured(void **state)
{
    static const char profile[] = "[default]\naws_access_key_id = a\naws_secret_access_key = s\n";
    const char *rest = strstr(everything, "'AWS_WEB");
    const char *container = strstr(everything, "'AWS_CONTAINER");
    check_label(everything, profile, &default_config, "environment");
    const char *const web = "role arn:aws:iam::1:role/w, from web identity";
    check_label(rest, profile, &default_config, web);
    check_label(rest, "[default]\nregion = r\n", &default_config, web);
    check_label(container, profile, &default_config, "profile default");
    check_label(container, "", &default_config, "container");
    check_label("'AWS_ROLE_ARN': 'arn:aws:iam::1:role/w'", "", &default_config, "IMDS");
}

static void a_web_identity_may_be_half_in_the_profile_but_a_role_of_it_comes_first(void **state)
{
    static const char profile[] = "[default]\nrole_arn = arn:aws:iam::2:role/p\n"
                                  "web_identity_token_file = /p\n";
    static const char role[] = "[default]\nrole_arn = arn:aws:iam::2:role/p\n"
                               "source_profile = s\n[profile s]\naws_access_key_id = a\n"
                               "aws_secret_access_key = s\n";
    static const char token[] = "'AWS_WEB_IDENTITY_TOKEN_FILE': '~/t'";
    check_label(token, profile, &default_config, "role arn:aws:iam::2:role/p, from web identity");
    check_label("'AWS_ROLE_ARN': 'arn:aws:iam::1:role/e'", profile, &default_config,
                "role arn:aws:iam::1:role/e, from web identity");
    check_label("'AWS_WEB_IDENTITY_TOKEN_FILE': '/t', 'AWS_ROLE_ARN': 'arn:aws:iam::1:role/e'",
                role, &default_config,
                "profile default, role arn:aws:iam::2:role/p, from profile s");
    struct question q;
    question_init(&q,
                  "'AWS_WEB_IDENTITY_TOKEN_FILE': '$D/t', 'D': '~', 'HOME': '/h/', "
                  "'AWS_ROLE_ARN': 'arn:aws:iam::1:role/e'",
                  "");
    assert_int_equal(ask(&q, &default_config), 0);
    assert_str_equal(q.chain.token_file, "/h/t");
    question_deinit(&q);
}

static void what_is_configured_but_broken_ends_the_chain(void **state)
{
    const char *container = strstr(everything, "'AWS_CONTAINER");
    char environment[256];
    check_error("'AWS_ACCESS_KEY_ID': 'AK', 'AWS_SECRET_ACCESS_KEY': ' '", NULL, &default_config,
                "the environment has AWS_ACCESS_KEY_ID but not AWS_SECRET_ACCESS_KEY: set both, or "
                "neither");
    check_error(container, "[default]\naws_access_key_id = a\n", &default_config,
                "profile \"default\" has aws_access_key_id but no aws_secret_access_key: it takes "
                "both");
    snprintf(environment, sizeof environment, "'AWS_WEB_IDENTITY_TOKEN_FILE': '/t', %s", container);
    check_error(environment, "", &default_config,
                "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not: set both, or neither");
    snprintf(environment, sizeof environment, "'AWS_PROFILE': 'acne', %s", container);
    check_error(environment, "[profile acme]\n", &default_config,
                "profile \"acne\" (AWS_PROFILE) is in neither /h/.aws/config nor "
                "/h/.aws/credentials (did you mean \"acme\"?)");
}

static void nothing_configured_is_an_error_that_lists_what_could_be(void **state)
{
    check_error("'AWS_EC2_METADATA_DISABLED': 'TRUE'", "", &default_config,
                "nothing is configured: no credentials in the environment, none in profile "
                "\"default\", no web "
                "identity, no container, and AWS_EC2_METADATA_DISABLED forbids to ask EC2: set one "
                "of these up");
}

static void the_files_are_asked_for_only_when_they_matter(void **state)
{
    const struct credentials_config profile = { .kind = CREDENTIALS_CONFIG_PROFILE,
                                                .profile = STR("a") };
    struct credentials_config role = { .kind = CREDENTIALS_CONFIG_DEFAULT, .role_count = 1 };
    role.roles[0].arn = STR("arn:aws:iam::1:role/x");
    struct question q;
    question_init(&q, everything, NULL);
    assert_int_equal(ask(&q, &default_config), 0);
    assert_int_equal(ask(&q, &profile), CHAIN_NEED_FILES);
    assert_int_equal(ask(&q, &role), CHAIN_NEED_FILES); /* where is STS? */
    question_deinit(&q);
    question_init(&q, "", NULL);
    assert_int_equal(ask(&q, &default_config), CHAIN_NEED_FILES);
    question_deinit(&q);
}

static void credentials_given_or_in_the_environment_are_taken_as_they_are(void **state)
{
    struct credentials *credentials;
    const struct credentials_text text = { STR("GK"), STR("GS"), STR("GT"), STR("") };
    assert_int_equal(credentials_new(&credentials, &libc_alloc, &text, UINT64_MAX), 0);
    const struct credentials_config given = { .kind = CREDENTIALS_CONFIG_FIXED,
                                              .fixed = credentials };
    struct question q;
    question_init(&q, everything, NULL);
    assert_int_equal(ask(&q, &given), 0);
    assert_str_equal(q.chain.access_key_id, "GK");
    assert_str_equal(q.chain.session_token, "GT");
    assert_false(q.chain.may_change);
    assert_string_equal(q.chain.label, "given credentials");
    assert_int_equal(
        ask(&q, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_ENVIRONMENT }), 0);
    assert_str_equal(q.chain.secret_access_key, "SK");
    assert_string_equal(q.chain.label, "environment");
    question_deinit(&q);
    check_error("", NULL, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_ENVIRONMENT },
                "no credentials: AWS_ACCESS_KEY_ID is not set in the environment");
    credentials_unref(credentials);
}

/* --- profiles --- */

static const struct credentials_config profile_a = { .kind = CREDENTIALS_CONFIG_PROFILE,
                                                     .profile = STR_INIT("a") };

static void each_kind_of_profile_has_its_source_and_label(void **state)
{
    static const struct {
        const char *shared, *want;
    } rows[] = {
        { "aws_access_key_id = a\naws_secret_access_key = s\naws_account_id = 123456789012",
          "profile a, account 123456789012" },
        { "role_arn = arn:aws:iam::1:role/r\nsource_profile = b",
          "profile a, role arn:aws:iam::1:role/r, from profile b" },
        { "role_arn = arn:aws:iam::1:role/r\ncredential_source = ec2instancemetadata",
          "profile a, role arn:aws:iam::1:role/r, from IMDS" },
        { "role_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = /t",
          "profile a, role arn:aws:iam::1:role/r, from web identity" },
        { "sso_session = s\nsso_account_id = 1\nsso_role_name = n",
          "profile a, from SSO, account 1" },
        { "credential_process = /bin/p", "profile a, from credential_process" },
        { "credential_source = Ec2InstanceMetadata", "profile a, from IMDS" },
        /* Several at once: access keys beat a process, IAM Identity Center beats access keys. */
        /* The CLI's order, where both are in the config file. */
        { "credential_process = p\naws_access_key_id = a\naws_secret_access_key = s",
          "profile a, from credential_process" },
        { "aws_access_key_id = a\naws_secret_access_key = s\nsso_session = s\nsso_account_id = 1\n"
          "sso_role_name = n",
          "profile a, from SSO, account 1" },
        { "aws_access_key_id = a\naws_secret_access_key = s\nsso_session = s", "profile a" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char shared[512];
        snprintf(shared, sizeof shared,
                 "[profile a]\n%s\n[profile b]\naws_access_key_id = b\naws_secret_access_key = t\n"
                 "[sso-session s]\nsso_region = r\nsso_start_url = u\n",
                 rows[i].shared);
        check_label("", shared, &profile_a, rows[i].want);
    }
}

static void a_broken_profile_is_told_with_its_key_and_what_to_do(void **state)
{
#define ROLE "role_arn = arn:aws:iam::1:role/r\n"
    static const struct {
        const char *shared, *want;
    } rows[] = {
        { "region = r", "has no credentials: it takes a role_arn with its source, sso_account_id "
                        "and sso_role_name, access keys, or credential_process" },
        { "login_session = x",
          "has login_session, the log-in of a person, which a program that "
          "runs unattended cannot refresh: use a role, or IAM Identity Center" },
        { ROLE "source_profile = a", "names itself as its source_profile but has no "
                                     "aws_access_key_id" },
        { ROLE "mfa_serial = m\nsource_profile = a",
          "has mfa_serial: its role needs a code that a person types, and nobody is there: use a "
          "role without it" },
        { ROLE "source_profile = bb", "has source_profile = bb, which is in neither /h/.aws/config "
                                      "nor /h/.aws/credentials" },
        { ROLE "credential_source = Environment", "has credential_source = Environment, but "
                                                  "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are "
                                                  "not set" },
        { ROLE "credential_source = EcsContainer",
          "has credential_source = EcsContainer, but neither "
          "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor _FULL_URI is set: this is no container of "
          "ECS or EKS" },
        { ROLE "credential_source = Eks", "has credential_source = Eks: it is one of Environment, "
                                          "Ec2InstanceMetadata and EcsContainer" },
        { "sso_session = t\nsso_account_id = 1\nsso_role_name = n",
          "says sso_session = t, but there is no [sso-session t] in /h/.aws/config" },
        { "sso_account_id = 1\nsso_role_name = n\nsso_region = r",
          "or its sso-session lacks sso_start_url: `aws configure sso` sets it up" },
        { ROLE "source_profile = b\nduration_seconds = 1h",
          "has duration_seconds = 1h, which is no number of seconds" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char shared[512], want[512];
        snprintf(shared, sizeof shared, "[profile a]\n%s\n[profile b]\n", rows[i].shared);
        snprintf(want, sizeof want, "profile \"a\" %s", rows[i].want);
        check_error("", shared, &profile_a, want);
    }
}

static void a_role_that_sts_would_refuse_is_refused_before_it_is_asked(void **state)
{
    static const struct {
        const char *shared, *want;
    } rows[] = {
        { "role_arn = arn:aws:iam::1:user/u",
          "role_arn \"arn:aws:iam::1:user/u\" is not a role's ARN, such as "
          "arn:aws:iam::123456789012:role/Name" },
        { ROLE "role_session_name = a b", "role_session_name \"a b\" must be 2 to 64 of A-Z a-z "
                                          "0-9 + = , . @ _ -" },
        { ROLE "external_id = s3cret!", "external_id must be 2 to 1224 of A-Z a-z 0-9 + = , . @ : "
                                        "/ _ -" },
        { ROLE "duration_seconds = 899", "duration_seconds 899 must be 900 to 43200 seconds" },
        { ROLE "duration_seconds = 43201", "duration_seconds 43201 must be 900 to 43200 seconds" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char shared[512], want[512];
        snprintf(shared, sizeof shared,
                 "[profile a]\nsource_profile = b\n%s\n[profile b]\naws_access_key_id = b\n"
                 "aws_secret_access_key = t\n",
                 rows[i].shared);
        snprintf(want, sizeof want, "profile \"a\": %s", rows[i].want);
        check_error("", shared, &profile_a, want);
    }
#undef ROLE
}

static void a_circle_of_profiles_is_named(void **state)
{
    check_error("",
                "[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = b\n"
                "[profile b]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = a\n",
                &profile_a,
                "profile \"b\" has source_profile = a, which leads back to it: a circle without "
                "credentials");
}

/* A chain of `count` profiles, each with a role, above one with credentials. */
static void write_chain(char *text, size_t size, int count, const char *more)
{
    size_t len = (size_t)snprintf(text, size,
                                  "[profile p%d]\naws_access_key_id = a\n"
                                  "aws_secret_access_key = s\n",
                                  count);
    for (int i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, size - len,
                                "[profile p%d]\nrole_arn = arn:aws:iam::%d:role/r\n%s"
                                "source_profile = p%d\n",
                                i, i, i == 0 ? more : "", i + 1);
}

static void a_chain_has_eight_roles_at_most_those_on_top_included(void **state)
{
    char shared[2048];
    struct credentials_config config = { .kind = CREDENTIALS_CONFIG_PROFILE,
                                         .profile = STR_INIT("p0") };
    struct question q;
    write_chain(shared, sizeof shared, 8, "");
    question_init(&q, "", shared);
    assert_int_equal(ask(&q, &config), 0);
    assert_int_equal(q.chain.role_count, 8);
    assert_str_equal(q.chain.roles[0].arn, "arn:aws:iam::7:role/r");
    assert_str_equal(q.chain.roles[7].arn, "arn:aws:iam::0:role/r");
    config.roles[config.role_count++].arn = STR("arn:aws:iam::9:role/top");
    assert_int_equal(ask(&q, &config), PIPEPOLL_ECREDENTIALS);
    assert_non_null(strstr(q.why.text, "more than 8 roles"));
    question_deinit(&q);
    write_chain(shared, sizeof shared, 9, "");
    question_init(&q, "", shared);
    config.role_count = 0;
    assert_int_equal(ask(&q, &config), PIPEPOLL_ECREDENTIALS);
    assert_non_null(strstr(q.why.text, "more than 8 roles"));
    question_deinit(&q);
}

static void roles_of_the_config_come_last(void **state)
{
    struct credentials_config config = { .kind = CREDENTIALS_CONFIG_PROFILE,
                                         .profile = STR_INIT("p0"),
                                         .role_count = 1 };
    config.roles[0].arn = STR("arn:aws:iam::9:role/top");
    char shared[512];
    write_chain(shared, sizeof shared, 1, "");
    check_label("", shared, &config, "profile p0, role arn:aws:iam::9:role/top, from profile p1");
    config.kind = CREDENTIALS_CONFIG_DEFAULT;
    check_label("", "", &config, "role arn:aws:iam::9:role/top, from IMDS");
}

static void a_role_with_another_roles_credentials_lasts_an_hour_at_most(void **state)
{
    const struct credentials_config config = { .kind = CREDENTIALS_CONFIG_PROFILE,
                                               .profile = STR_INIT("p0") };
    char shared[512];
    write_chain(shared, sizeof shared, 1, "duration_seconds = 7200\n");
    check_label("", shared, &config, "profile p0, role arn:aws:iam::0:role/r, from profile p1");
    write_chain(shared, sizeof shared, 2, "duration_seconds = 7200\n");
    check_error("", shared, &config,
                "role arn:aws:iam::0:role/r: a duration of 7200 seconds is more than the 3600 that "
                "AWS allows for a role assumed with the credentials of another role");
}

static void a_label_is_cut_where_it_ends(void **state)
{
    char shared[1024], name[300];
    memset(name, 'n', sizeof name);
    const struct credentials_config config = { .kind = CREDENTIALS_CONFIG_PROFILE,
                                               .profile = { name, sizeof name } };
    snprintf(shared, sizeof shared, "[profile %.300s]\ncredential_process = p\n", name);
    struct question q;
    question_init(&q, "", shared);
    assert_int_equal(ask(&q, &config), 0);
    assert_int_equal(strlen(q.chain.label), CHAIN_LABEL_SIZE - 1);
    question_deinit(&q);
}

/* --- where STS and IAM Identity Center are --- */

static void the_override_of_an_endpoint_is_found_in_the_order_of_the_sdks(void **state)
{
    static const char shared[] =
        "[default]\nendpoint_url = http://profile\nservices = s\nregion = profile-region\n"
        "use_fips_endpoint = true\n[services s]\nsts =\n endpoint_url = http://services\n"
        "[profile ignoring]\nservices = s\nignore_configured_endpoint_urls = true\n"
        "[profile lost]\nservices = nowhere\n";
    static const struct {
        const char *environment, *sts, *sso, *region;
    } rows[] = {
        { "'AWS_ENDPOINT_URL_STS': 'http://e-sts', 'AWS_ENDPOINT_URL': 'http://e'", "http://e-sts",
          "http://e", "profile-region" },
        { "'AWS_ENDPOINT_URL': 'http://e', 'AWS_DEFAULT_REGION': 'd'", "http://e", "http://e",
          "d" },
        { "'AWS_REGION': 'r', 'AWS_DEFAULT_REGION': 'd'", "http://services", "http://profile",
          "r" },
        { "'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS': 'True', 'AWS_ENDPOINT_URL_STS': 'http://e'", "",
          "", "profile-region" },
        { "'AWS_PROFILE': 'ignoring', 'AWS_ENDPOINT_URL': 'http://e'", "", "", "" },
        { "'AWS_PROFILE': 'ignoring', 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS': 'false'",
          "http://services", "", "" },
    };
    struct credentials_config role = { .kind = CREDENTIALS_CONFIG_DEFAULT, .role_count = 1 };
    role.roles[0].arn = STR("arn:aws:iam::1:role/x");
    struct question q;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        question_init(&q, rows[i].environment, shared);
        assert_int_equal(ask(&q, &role), 0);
        assert_str_equal(q.chain.sts_endpoint_url, rows[i].sts);
        assert_str_equal(q.chain.sso_endpoint_url, rows[i].sso);
        assert_str_equal(q.chain.sts_region, rows[i].region);
        question_deinit(&q);
    }
    check_error("'AWS_PROFILE': 'lost'", shared, &role,
                "profile \"lost\" says services = nowhere, but there is no [services nowhere] in "
                "/h/.aws/config");
}

static void the_environment_may_switch_off_what_the_profile_switches_on(void **state)
{
    static const char shared[] = "[default]\nuse_fips_endpoint = TRUE\n"
                                 "use_dualstack_endpoint = true\nsts_regional_endpoints = legacy\n";
    struct credentials_config role = { .kind = CREDENTIALS_CONFIG_DEFAULT, .role_count = 1 };
    role.roles[0].arn = STR("arn:aws:iam::1:role/x");
    struct question q;
    question_init(&q, "'AWS_USE_DUALSTACK_ENDPOINT': 'false'", shared);
    assert_int_equal(ask(&q, &role), 0);
    assert_true(q.chain.fips);
    assert_false(q.chain.dualstack);
    question_deinit(&q);
}

/* --- containers --- */

static void a_containers_url_must_be_safe(void **state)
{
    static const struct {
        const char *url, *error;
    } rows[] = {
        { "http://127.0.0.1/c", NULL },
        { "http://127.9.9.9:99/c", NULL },
        { "http://[::1]:8080/c", NULL },
        { "http://LOCALHOST", NULL },
        { "https://any.host.example/c?d=e", NULL },
        { "http://127.0.0.1.example.com/", "names 127.0.0.1.example.com" },
        { "http://169.254.170.3/", "names 169.254.170.3" },
        { "http://169.254.169.254/", "names 169.254.169.254" },
        { "http://[::ffff:127.0.0.1]/", "names ::ffff:127.0.0.1" },
        { "http://127.1/", "names 127.1" },
        { "http://localhost@example.com/", "does not name a host" },
        { "https://user:word@localhost/", "does not name a host" },
        { "http://localhost\\\\.example.com/", "does not name a host" },
        { "http://localhost:123456/", "does not name a host" },
        { "http://[::1/", "does not name a host" },
        { "http://[::1]x/", "does not name a host" },
        { "http:///c", "does not name a host" },
        { "https://a b/", "holds a blank" },
        { "https://a/#b", "has a fragment" },
        { "ftp://localhost/", "does not begin with http" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char environment[256];
        struct question q;
        snprintf(environment, sizeof environment, "'AWS_CONTAINER_CREDENTIALS_FULL_URI': '%s'",
                 rows[i].url);
        question_init(&q, environment, "");
        int r = ask(&q, &default_config);
        if (rows[i].error ? r != PIPEPOLL_ECREDENTIALS || !strstr(q.why.text, rows[i].error) : r)
            fail_msg("%s: %d, %s", rows[i].url, r, q.why.text);
        if (!rows[i].error)
            assert_str_equal(q.chain.container_url, rows[i].url);
        question_deinit(&q);
    }
}

static void a_relative_uri_can_not_name_another_host(void **state)
{
    struct question q;
    question_init(&q, "'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI': '@example.com/'", "");
    assert_int_equal(ask(&q, &default_config), PIPEPOLL_ECREDENTIALS);
    assert_non_null(strstr(q.why.text, "must begin with '/'"));
    question_deinit(&q);
}

static void a_containers_token_comes_from_the_file_first_and_is_never_quoted(void **state)
{
    static const char both[] = "'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI': '/c',"
                               "'AWS_CONTAINER_AUTHORIZATION_TOKEN': 'TOKEN\\r\\nX: y'";
    struct question q;
    char environment[256];
    snprintf(environment, sizeof environment,
             "%s, 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE': '/token'", both);
    question_init(&q, environment, "");
    assert_int_equal(ask(&q, &default_config), 0);
    assert_str_equal(q.chain.container_url, "http://169.254.170.2/c");
    assert_str_equal(q.chain.container_token_file, "/token");
    assert_str_equal(q.chain.container_token, "");
    question_deinit(&q);
    check_error(both, "", &default_config,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN holds a line end or another control character: "
                "it would end a header line");
}

/* --- EC2 --- */

static void the_patience_with_ec2_can_be_set(void **state)
{
    struct question q;
    question_init(&q, "", "");
    assert_int_equal(ask(&q, &default_config), 0);
    assert_int_equal(q.chain.imds_timeout_ms, 1000);
    assert_int_equal(q.chain.imds_attempts, 3);
    question_deinit(&q);
    question_init(&q, "'AWS_METADATA_SERVICE_TIMEOUT': '5'",
                  "[default]\nmetadata_service_num_attempts = 10\n");
    assert_int_equal(ask(&q, &default_config), 0);
    assert_int_equal(q.chain.imds_timeout_ms, 5000);
    assert_int_equal(q.chain.imds_attempts, 10);
    question_deinit(&q);
    check_error("'AWS_METADATA_SERVICE_TIMEOUT': '0'", "", &default_config,
                "AWS_METADATA_SERVICE_TIMEOUT: metadata_service_timeout must be 1 to 60 seconds, "
                "not \"0\"");
    check_error("", "[default]\nmetadata_service_num_attempts = many\n", &default_config,
                "profile default: metadata_service_num_attempts must be 1 to 10 attempts, not "
                "\"many\"");
}

static void the_url_of_ec2s_service_loses_its_last_slash(void **state)
{
    struct question q;
    question_init(&q, "'AWS_EC2_METADATA_SERVICE_ENDPOINT': 'http://127.0.0.1:99/'", "");
    assert_int_equal(ask(&q, &default_config), 0);
    assert_str_equal(q.chain.imds_url, "http://127.0.0.1:99");
    question_deinit(&q);
}

static void version_1_of_ec2s_service_is_allowed_in_so_many_words_only(void **state)
{
    static const struct {
        const char *environment;
        bool allowed;
    } rows[] = { { "", false },
                 { "'AWS_EC2_METADATA_V1_DISABLED': 'true'", false },
                 { "'AWS_EC2_METADATA_V1_DISABLED': 'False'", true } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct question q;
        question_init(&q, rows[i].environment, "");
        assert_int_equal(ask(&q, &default_config), 0);
        assert_int_equal(q.chain.imds_v1, rows[i].allowed);
        question_deinit(&q);
    }
    check_error("'AWS_EC2_METADATA_V1_DISABLED': 'no'", "", &default_config,
                "AWS_EC2_METADATA_V1_DISABLED: whether version 1 is disabled is true or false, "
                "not \"no\"");
}

static void a_bad_url_is_not_quoted_since_it_may_hold_a_password(void **state)
{
    check_error("'AWS_EC2_METADATA_SERVICE_ENDPOINT': 'http://me:SECRET@host'", "", &default_config,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT: the endpoint of EC2's metadata service does "
                "not name a host, or not as host:port and nothing else");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chain_takes_the_first_that_is_configured),
        cmocka_unit_test(a_web_identity_may_be_half_in_the_profile_but_a_role_of_it_comes_first),
        cmocka_unit_test(what_is_configured_but_broken_ends_the_chain),
        cmocka_unit_test(nothing_configured_is_an_error_that_lists_what_could_be),
        cmocka_unit_test(the_files_are_asked_for_only_when_they_matter),
        cmocka_unit_test(credentials_given_or_in_the_environment_are_taken_as_they_are),
        cmocka_unit_test(each_kind_of_profile_has_its_source_and_label),
        cmocka_unit_test(a_broken_profile_is_told_with_its_key_and_what_to_do),
        cmocka_unit_test(a_role_that_sts_would_refuse_is_refused_before_it_is_asked),
        cmocka_unit_test(a_circle_of_profiles_is_named),
        cmocka_unit_test(a_chain_has_eight_roles_at_most_those_on_top_included),
        cmocka_unit_test(roles_of_the_config_come_last),
        cmocka_unit_test(a_role_with_another_roles_credentials_lasts_an_hour_at_most),
        cmocka_unit_test(a_label_is_cut_where_it_ends),
        cmocka_unit_test(the_override_of_an_endpoint_is_found_in_the_order_of_the_sdks),
        cmocka_unit_test(the_environment_may_switch_off_what_the_profile_switches_on),
        cmocka_unit_test(a_containers_url_must_be_safe),
        cmocka_unit_test(a_relative_uri_can_not_name_another_host),
        cmocka_unit_test(a_containers_token_comes_from_the_file_first_and_is_never_quoted),
        cmocka_unit_test(the_patience_with_ec2_can_be_set),
        cmocka_unit_test(version_1_of_ec2s_service_is_allowed_in_so_many_words_only),
        cmocka_unit_test(the_url_of_ec2s_service_loses_its_last_slash),
        cmocka_unit_test(a_bad_url_is_not_quoted_since_it_may_hold_a_password),
    };
    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What AWS's SDKs share of tests of the chain: 28 of assumed roles, 11 of container URLs, 14 of the
 * metadata service's endpoint, and 47 machines set up in one way or another, of which the part that
 * needs no traffic is checked here: where the credentials are looked for, or why not. */
#include "lib/check.h"
#include "lib/environment.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "credentials/chain.h"
#include "credentials/metadata.h"

#include "vectors.h"

#define VECTORS SHARED_DATA "/sdk/aws/rust-runtime/aws-config/test-data/"

static const struct alloc libc_alloc = { 0 };
static const struct profiles_paths paths = { "/h/.aws/config", "/h/.aws/credentials" };

static json_t *load_vectors(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", VECTORS, name);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

static str member(json_t *object, const char *key)
{
    return str_of(json_string_value(json_object_get(object, key)));
}

static struct profiles *profiles_of(str config, str credentials)
{
    struct profiles *p = NULL;
    struct pipepoll_error why;
    const struct profiles_file files[] = { { .text = config }, { .text = credentials } };
    if (profiles_new(&p, &libc_alloc, &paths, files, &why))
        fail_msg("%s", why.text);
    return p;
}

static bool contains(const struct pipepoll_error *why, const char *part)
{
    return part && strstr(why->text, part);
}

/* --- assume-role-tests.json --- */

static void write_sections(struct buf *b, const char *word, json_t *sections)
{
    const char *name, *key;
    json_t *section, *value;
    json_object_foreach(sections, name, section)
    {
        buf_printf(b, "[%s %s]\n", word, name);
        json_object_foreach(section, key, value)
            buf_printf(b, "%s = %s\n", key, json_string_value(value));
    }
}

/* Our sentence for theirs; NULL: none. */
static const char *our_words(str theirs)
{
    static const char *const words[][2] = {
        { "profile must contain `source_profile`",
          "has role_arn, but neither source_profile nor credential_source" },
        { "profile contained both source_profile and credential_source",
          "has both source_profile and credential_source" },
        { "profile missing aws_secret_access_key", "but no aws_secret_access_key" },
        { "profile missing aws_access_key_id", "but no aws_access_key_id" },
        { "profile `B` did not contain credential information",
          "\"B\" has no credentials, but profile \"A\" names it" },
        { "profile `A` did not contain credential information", "\"A\" has no credentials" },
        { "could not find source profile B referenced from A",
          "\"A\" has source_profile = B, which is in neither" },
        { "No profiles were defined", "\"A\" is in neither" },
        { "profile formed an infinite loop", "a circle without credentials" },
        { "`role_arn` was missing", "but no role_arn" },
        { "if `sso_role_name` is set, then `sso_account_id` must also be set",
          "has sso_role_name but no sso_account_id" },
        { "if `sso_account_id` is set, then `sso_role_name` must also be set",
          "has sso_account_id but no sso_role_name" },
        { "`sso_region` can only be specified in the [sso-session] config when a session name is "
          "given",
          "differ in sso_region: leave it to the session" },
        { "sso-session named `oops` (referenced by profile `A`) was not found",
          "there is no [sso-session oops]" },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq(theirs, str_of(words[i][0])))
            return words[i][1];
    return NULL;
}

#define assert_member(got, object, key) assert_true(str_eq(got, member(object, key)))

static void check_role(const struct role *got, json_t *want)
{
    assert_member(got->arn, want, "role_arn");
    assert_member(got->session_name, want, "role_session_name");
    assert_member(got->external_id, want, "external_id");
}

static void check_base(const struct chain *got, json_t *want)
{
    json_t *credentials = json_object_get(want, "AccessKey"), *sso = json_object_get(want, "Sso");
    json_t *web = json_object_get(want, "WebIdentityToken");
    if (credentials) {
        assert_int_equal(got->source, SOURCE_FIXED);
        assert_member(got->access_key_id, credentials, "access_key_id");
        assert_member(got->secret_access_key, credentials, "secret_access_key");
        assert_member(got->account_id, credentials, "account_id");
    } else if (sso) {
        assert_int_equal(got->source, SOURCE_SSO);
        assert_member(got->sso_region, sso, "sso_region");
        assert_member(got->sso_start_url, sso, "sso_start_url");
        assert_member(got->sso_account_id, sso, "sso_account_id");
        assert_member(got->sso_role_name, sso, "sso_role_name");
        assert_member(got->sso_session, sso, "sso_session");
    } else if (web) {
        assert_int_equal(got->source, SOURCE_WEB_IDENTITY);
        assert_member(got->token_file, web, "web_identity_token_file");
        check_role(&got->web_identity, web);
    } else {
        assert_str_equal(member(want, "NamedSource"), "Ec2InstanceMetadata");
        assert_int_equal(got->source, SOURCE_IMDS);
    }
}

static void check_chain(const struct chain *got, json_t *want)
{
    assert_int_equal(got->role_count + 1, json_array_size(want));
    check_base(got, json_array_get(want, 0));
    for (size_t i = 0; i < got->role_count; i++)
        check_role(&got->roles[i], json_object_get(json_array_get(want, i + 1), "AssumeRole"));
}

/* An SDK resolves this to a bearer token for other services; it signs nothing. */
static bool is_bearer_token(json_t *vector)
{
    return str_eq(member(vector, "docs"), STR("SSO token profile selected"));
}

static void check_assume_role(json_t *vector)
{
    json_t *input = json_object_get(vector, "input"), *output = json_object_get(vector, "output");
    const struct environment e = environment_of(vector); /* has none of the variables */
    const struct credentials_config config = { .kind = CREDENTIALS_CONFIG_PROFILE,
                                               .profile = member(input, "selected_profile") };
    char text[2048];
    struct buf sections = BUF_ON(text);
    write_sections(&sections, "profile", json_object_get(input, "profiles"));
    write_sections(&sections, "sso-session", json_object_get(input, "sso_sessions"));
    struct profiles *p = profiles_of(buf_str(&sections), STR(""));
    struct chain got;
    struct pipepoll_error why = { .text = "" };
    int r = chain_resolve(&got, &config, &e, p, &why);
    str error = member(output, "Error");
    const char *words = error.len ? our_words(error) : "gives an access token";
    if (!error.len && !is_bearer_token(vector)) {
        if (r)
            fail_msg("%.*s: %s", STR_ARG(member(vector, "docs")), why.text);
        check_chain(&got, json_object_get(output, "ProfileChain"));
    } else if (r != PIPEPOLL_ECREDENTIALS || !contains(&why, words)) {
        fail_msg("%.*s: %d, %s", STR_ARG(member(vector, "docs")), r, why.text);
    }
    profiles_free(p);
}

static void roles_and_profiles_form_the_chains_of_the_sdks(void **state)
{
    json_t *root = load_vectors("assume-role-tests.json"), *vector;
    size_t i;
    json_array_foreach(root, i, vector) check_assume_role(vector);
    print_message("differs on purpose: \"SSO token profile selected\" is an error here\n");
    assert_int_equal(i, 28);
    json_decref(root);
}

/* --- ecs-tests.json --- */

static void the_urls_of_containers_are_those_of_the_sdks(void **state)
{
    json_t *root = load_vectors("ecs-tests.json"), *vector;
    size_t i;
    json_array_foreach(json_object_get(root, "tests"), i, vector)
    {
        json_t *members = json_object_get(vector, "env"), *want = json_object_get(vector, "result");
        const struct environment e = environment_of(members);
        const struct configured c = { .environment = &e };
        struct chain got;
        struct pipepoll_error why = { .text = "" };
        memset(&got, 0, sizeof got);
        int r = metadata_container(&got, &c, &why);
        str error = member(want, "ErrorContains");
        if (str_starts(error, STR("No environment variables")))
            assert_int_equal(r, SOURCE_NOT_CONFIGURED);
        else if (error.len)
            assert_true(r == PIPEPOLL_ECREDENTIALS && contains(&why, "does not begin with http"));
        else
            assert_true(r == 0 && str_eq(got.container_url, member(want, "Ok")));
    }
    assert_int_equal(i, 11);
    json_decref(root);
}

/* --- imds-endpoint-tests.json --- */

static void check_imds(json_t *vector)
{
    json_t *want = json_object_get(vector, "result");
    const struct environment e = environment_of(json_object_get(vector, "env"));
    struct profiles *p = profiles_of(member(json_object_get(vector, "fs"), "config"), STR(""));
    struct chain got;
    struct pipepoll_error why = { .text = "" };
    int r = chain_resolve(&got, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_DEFAULT },
                          &e, p, &why);
    str ok = member(want, "Ok"), path = STR("/latest/api/token");
    if (ok.len) {
        assert_int_equal(r, 0);
        assert_int_equal(got.imds_url.len + path.len, ok.len);
        assert_true(str_starts(ok, got.imds_url));
    } else {
        assert_int_equal(r, PIPEPOLL_ECREDENTIALS);
        assert_true(contains(&why, "endpoint of EC2's metadata service") ||
                    contains(&why, "endpoint mode of EC2's metadata service is IPv4 or IPv6"));
    }
    profiles_free(p);
}

static void the_metadata_service_is_where_the_sdks_look(void **state)
{
    json_t *root = load_vectors("imds-config/imds-endpoint-tests.json"), *vector;
    size_t i, excluded = 0;
    json_array_foreach(json_object_get(root, "tests"), i, vector)
    {
        if (json_object_get(vector, "endpoint_override") ||
            json_object_get(vector, "mode_override")) {
            print_message("excluded, needs an override that we do not offer in code: %.*s\n",
                          STR_ARG(member(vector, "docs")));
            excluded++;
            continue;
        }
        check_imds(vector);
    }
    assert_int_equal(i, 14);
    assert_int_equal(excluded, 3);
    json_decref(root);
}

/* --- machines --- */

#define WHOLE    "default-credential-provider-chain/"
#define PROFILE  "profile-provider/"
#define STS_ROLE "role arn:aws:iam::123456789:role/integration-test"

/* What is found there: a label, or with `!` the part of an error. */
static const struct machine {
    const char *name, *want;
    const char *region, *url; /* of STS; NULL: not looked at */
} machines[] = {
    { WHOLE "e2e_fips_and_dual_stack_sso", "profile sso-test, from SSO, account 123456789",
      "us-west-2", "" },
    { WHOLE "ecs_assume_role",
      "profile default, role arn:aws:iam::130633740322:role/imds-chained-role-test, from container",
      "us-east-1", "" },
    { WHOLE "ecs_credentials", "container", NULL, NULL },
    { WHOLE "ecs_credentials_invalid_profile", "container", NULL, NULL },
    { WHOLE "eks_pod_identity_credentials", "container", NULL, NULL },
    { WHOLE "eks_pod_identity_no_token_file", "container", NULL, NULL },
    { WHOLE "environment_variables", "environment, account 123456789001", NULL, NULL },
    { WHOLE "environment_variables_blank", "profile some_profile", NULL, NULL },
    { WHOLE "imds_assume_role",
      "profile default, role arn:aws:iam::130633740322:role/imds-chained-role-test, from IMDS",
      "us-east-1", "" },
    { WHOLE "imds_config_with_no_creds", "IMDS", NULL, NULL },
    { WHOLE "imds_default_chain_error", "IMDS", NULL, NULL },
    { WHOLE "imds_default_chain_retries", "IMDS", NULL, NULL },
    { WHOLE "imds_default_chain_success", "IMDS", NULL, NULL },
    { WHOLE "imds_disabled", "!AWS_EC2_METADATA_DISABLED forbids to ask EC2", NULL, NULL },
    { WHOLE "imds_no_iam_role", "profile default, " STS_ROLE ", from IMDS", "us-east-1", "" },
    { WHOLE "imds_token_fail", "profile default, " STS_ROLE ", from IMDS", "us-east-1", "" },
    { WHOLE "prefer_environment", "environment", NULL, NULL },
    { WHOLE "profile_name", "profile some-thing:long/the_one%only.foo@bar+", NULL, NULL },
    { WHOLE "profile_overrides_web_identity",
      "!profile \"A\" has credential_source = Environment, but AWS_ACCESS_KEY_ID", NULL, NULL },
    { WHOLE "profile_static_keys", "profile default", NULL, NULL },
    { WHOLE "profile_static_keys_case_insensitive", "profile default", NULL, NULL },
    { WHOLE "sso_assume_role", "profile sso-test, from SSO, account 123456789", "us-west-2", "" },
    { WHOLE "sso_no_token_file", "profile sso-test, from SSO, account 123456789", "us-west-2", "" },
    { WHOLE "sso_server_error", "profile sso-test, from SSO, account 123456789", "us-west-2", "" },
    { WHOLE "web_identity_source_profile_no_env",
      "!profile \"B\" has web_identity_token_file but no role_arn", NULL, NULL },
    { WHOLE "web_identity_token_env",
      "role arn:aws:iam::123456789012:role/test-role, from web identity", "eu-west-1", "" },
    { WHOLE "web_identity_token_invalid_jwt",
      "profile A, role arn:aws:iam::123456789:role/RoleA, from web identity", "us-east-1", "" },
    { WHOLE "web_identity_token_profile",
      "profile A, role arn:aws:iam::1234567890123:role/RoleA, from web identity", "us-east-1", "" },
    { WHOLE "web_identity_token_source_profile",
      "profile A, role arn:aws:iam::123456789:role/RoleA, from web identity", "us-east-1", "" },
    { PROFILE "assume_role_override_global_env_url",
      "profile default, " STS_ROLE ", from profile base", "us-east-1",
      "http://aws.global-env-override" },
    { PROFILE "assume_role_override_global_profile_url",
      "profile default, " STS_ROLE ", from profile base", "us-east-1",
      "http://aws.global-profile-override" },
    { PROFILE "assume_role_override_service_env_url",
      "profile default, " STS_ROLE ", from profile base", "us-east-1",
      "http://aws.sts-env-override" },
    { PROFILE "assume_role_override_service_profile_url",
      "profile default, " STS_ROLE ", from profile base", "us-east-1",
      "http://aws.service-profile-override" },
    { PROFILE "credential_process",
      "profile default, from credential_process, account 123456789001", NULL, NULL },
    { PROFILE "credential_process_account_id_fallback",
      "profile default, from credential_process, account 123456789001", NULL, NULL },
    { PROFILE "credential_process_failure", "profile default, from credential_process", NULL,
      NULL },
    { PROFILE "credential_process_invalid", "profile default, from credential_process", NULL,
      NULL },
    { PROFILE "e2e_assume_role", "profile default, " STS_ROLE ", from profile base", "us-east-1",
      "" },
    { PROFILE "e2e_fips_and_dual_stack_sts", "profile default, " STS_ROLE ", from profile base",
      "us-east-1", "" },
    { PROFILE "empty_config", "!profile \"default\" is in neither", NULL, NULL },
    { PROFILE "invalid_config", "!config:2:1: there is no name before the '='", NULL, NULL },
    { PROFILE "invalid_sso_credentials_config", "!gives an access token", NULL, NULL },
    { PROFILE "region_override", "profile default, " STS_ROLE ", from profile base", "us-east-2",
      "" },
    { PROFILE "retry_on_error", "profile default, " STS_ROLE ", from profile base", "us-east-1",
      "" },
    { PROFILE "sso_credentials", "profile default, from SSO, account 012345678901", "us-east-1",
      "" },
    { PROFILE "sso_override_global_env_url", "profile default, from SSO, account 012345678901",
      "us-east-1", "http://aws.global-env-override" },
    { PROFILE "sso_token", "!gives an access token", NULL, NULL },
};

enum { MACHINE_COUNT = sizeof machines / sizeof *machines };

/* The text of a file of the machine; empty when it has none. */
static str read_text(const struct machine *m, const char *path, char *text, size_t size)
{
    char whole[8192];
    snprintf(whole, sizeof whole, "%s%s/fs%s", VECTORS, m->name, path);
    FILE *f = fopen(whole, "r");
    size_t len = f ? fread(text, 1, size, f) : 0;
    if (f)
        fclose(f);
    return (str) { text, len };
}

static void check_found(const struct machine *m, const struct chain *got)
{
    assert_string_equal(got->label, m->want);
    if (!m->region)
        return;
    bool both = strstr(m->name, "fips_and_dual_stack") != NULL;
    assert_str_equal(got->sts_region, m->region);
    assert_str_equal(got->sts_endpoint_url, m->url);
    assert_int_equal(got->fips, both);
    assert_int_equal(got->dualstack, both);
    if (strstr(m->name, "sso_override"))
        assert_str_equal(got->sso_endpoint_url, m->url);
}

static int resolve(const struct machine *m, json_t *members, struct pipepoll_error *why)
{
    const struct environment e = environment_of(members);
    const struct credentials_config whole = { .kind = CREDENTIALS_CONFIG_DEFAULT };
    const struct credentials_config profile = { .kind = CREDENTIALS_CONFIG_PROFILE,
                                                .profile = profiles_wanted(&e) };
    struct profiles_paths found;
    struct profiles *p = NULL;
    struct chain got;
    char config[4096], credentials[4096];
    assert_int_equal(profiles_find(&found, &e, why), 0);
    const struct profiles_file files[] = {
        { .text = read_text(m, found.config, config, sizeof config) },
        { .text = read_text(m, found.credentials, credentials, sizeof credentials) },
    };
    int r = profiles_new(&p, &libc_alloc, &found, files, why);
    if (!r)
        r = chain_resolve(&got, str_starts(str_of(m->name), STR(PROFILE)) ? &profile : &whole, &e,
                          p, why);
    if (!r && m->want[0] != '!')
        check_found(m, &got);
    profiles_free(p);
    return r;
}

static void credentials_are_looked_for_where_the_sdks_look(void **state)
{
    for (size_t i = 0; i < MACHINE_COUNT; i++) {
        const struct machine *m = &machines[i];
        char path[256];
        struct pipepoll_error why = { .text = "" };
        snprintf(path, sizeof path, "%s/env.json", m->name);
        json_t *members = load_vectors(path);
        int r = resolve(m, members, &why);
        if (m->want[0] == '!' ? !r || !contains(&why, m->want + 1) : r)
            fail_msg("%s: %d, %s", m->name, r, why.text);
        json_decref(members);
    }
}

static size_t count_directories(const char *name)
{
    char path[512];
    size_t n = 0;
    snprintf(path, sizeof path, "%s%s", VECTORS, name);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (const struct dirent *entry = readdir(d); entry; entry = readdir(d))
        n += entry->d_name[0] != '.';
    closedir(d);
    return n;
}

static void no_machine_is_left_out(void **state)
{
    assert_int_equal(count_directories(WHOLE) + count_directories(PROFILE), MACHINE_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_and_profiles_form_the_chains_of_the_sdks),
        cmocka_unit_test(the_urls_of_containers_are_those_of_the_sdks),
        cmocka_unit_test(the_metadata_service_is_where_the_sdks_look),
        cmocka_unit_test(credentials_are_looked_for_where_the_sdks_look),
        cmocka_unit_test(no_machine_is_left_out),
    };
    if (vectors_missing(VECTORS))
        return VECTORS_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

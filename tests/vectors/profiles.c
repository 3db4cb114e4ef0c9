/* SPDX-License-Identifier: MIT */
/* The shared files by AWS's own vectors: where they are, and what whole files mean. */
#include "credentials/profiles.h"

#include "lib/check.h"
#include "lib/environment.h"

#include <stdio.h>

#include "base/ini.h"
#include "vectors.h"

#define VECTORS SHARED_DATA "/sdk/aws/rust-runtime/aws-runtime/test-data/"

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

static const char *member(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void the_files_are_where_the_sdks_look(void **state)
{
    json_t *root = load_vectors("file-location-tests.json"), *vector;
    size_t i, excluded = 0;
    json_array_foreach(json_object_get(root, "tests"), i, vector)
    {
        if (strcmp(member(vector, "platform"), "windows") == 0) {
            print_message("excluded, Windows only: %s\n", member(vector, "name"));
            excluded++;
            continue;
        }
        const struct environment e = environment_of(json_object_get(vector, "environment"));
        struct profiles_paths found;
        assert_int_equal(profiles_find(&found, &e, NULL), 0);
        assert_string_equal(found.config, member(vector, "configLocation"));
        assert_string_equal(found.credentials, member(vector, "credentialsLocation"));
        const char *profile = member(vector, "profile");
        assert_str_equal(profiles_wanted(&e), profile ? profile : "default");
    }
    assert_int_equal(i, 9);
    assert_int_equal(excluded, 5);
    json_decref(root);
}

/* A multi-line value that begins with a line end is a list of sub-properties. */
static void check_subs(const struct profiles *p, enum profiles_kind kind, str name, str key,
                       const char *lines)
{
    str rest = str_of(lines + 1);
    while (rest.len) {
        str line = { rest.ptr, str_find(rest, '\n') };
        size_t equals = str_find(line, '=');
        str sub = str_trim((str) { line.ptr, equals });
        str want = str_trim(str_skip(line, equals + 1));
        assert_true(str_eq(profiles_get_sub(p, kind, name, key, sub), want));
        rest = str_skip(rest, line.len < rest.len ? line.len + 1 : line.len);
    }
}

static void check_sections(const struct profiles *p, enum profiles_kind kind, json_t *sections)
{
    const char *name, *key;
    json_t *section, *value;
    json_object_foreach(sections, name, section)
    {
        assert_true(profiles_has(p, kind, str_of(name)));
        json_object_foreach(section, key, value)
        {
            const char *want = json_string_value(value);
            if (want[0] == '\n')
                check_subs(p, kind, str_of(name), str_of(key), want);
            else
                assert_str_equal(profiles_get(p, kind, str_of(name), str_of(key)), want);
        }
    }
}

static json_t *by_name(json_t *sections, str name)
{
    char text[256];
    snprintf(text, sizeof text, "%.*s", STR_ARG(name));
    return json_object_get(sections, text);
}

static bool is_wanted_key(json_t *section, str key)
{
    const char *name;
    json_t *value;
    json_object_foreach(section, name, value) if (str_eq_nocase(str_of(name), key)) return true;
    return false;
}

/* Whatever name or key stands in the text is there only if the vector says so. */
static void check_no_more(const struct profiles *p, enum profiles_kind kind, json_t *sections,
                          const char *text)
{
    struct ini in;
    struct ini_item item;
    str names[64];
    size_t count = 0;
    ini_init(&in, str_of(text));
    for (ini_next(&in, &item); item.kind != INI_END; ini_next(&in, &item)) {
        if (item.kind == INI_SECTION) {
            assert_true(count + 2 <= 64);
            names[count++] = item.name;
            names[count++] = item.value;
        }
        for (size_t i = 0; i < count; i++) {
            json_t *section = by_name(sections, names[i]);
            assert_true(names[i].len == 0 || !profiles_has(p, kind, names[i]) == !section);
            if (item.kind == INI_PROPERTY && !is_wanted_key(section, item.name))
                assert_null(profiles_get(p, kind, names[i], item.name).ptr);
        }
    }
}

static const char *our_words(const char *theirs)
{
    static const char *const words[][2] = {
        { "Expected a profile definition", "a [section] header must come before" },
        { "Profile definition must end with ']'", "must end with ']'" },
        { "Expected an '=' sign defining a property", "a property needs an '='" },
        { "Property did not have a name", "there is no name before the '='" },
        { "Expected a property definition", "a property needs an '='" },
        { "Expected a property definition, found continuation", "a property needs an '='" },
        { "Expected an '=' sign defining a sub-property", "below an empty value needs an '='" },
        { "Sub-property did not have a name", "no name before the '=' of this indented line" },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], theirs) == 0)
            return words[i][1];
    fail_msg("an error that is new to this test: %s", theirs);
    return "";
}

/* What the AWS CLI accepts, we accept. */
static bool is_laxer_in_the_cli(const char *name)
{
    static const char *const names[] = {
        "Profile names support alphanumeric characters and - / . % @ _ : +",
        "Property definitions must contain an equals sign.",
        "Invalid property names are ignored.",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void check_vector(json_t *vector)
{
    json_t *input = json_object_get(vector, "input"), *output = json_object_get(vector, "output");
    json_t *want = json_object_get(output, "config");
    json_t *profiles = json_object_get(want, "profiles");
    json_t *sessions = json_object_get(want, "sso_sessions");
    const char *config = member(input, "configFile"), *error = member(output, "errorContaining");
    const char *credentials = member(input, "credentialsFile");
    const struct profiles_file files[] = { { .text = str_of(config) },
                                           { .text = str_of(credentials) } };
    struct profiles *p = NULL;
    char doubt[512];
    if (is_laxer_in_the_cli(member(vector, "name")))
        return;
    assert_int_equal(profiles_new(&p, &libc_alloc, &paths, files, NULL), 0);
    if (error && !strstr(profiles_doubt(p, doubt, sizeof doubt), our_words(error)))
        fail_msg("%s: got \"%s\"", member(vector, "name"), doubt);
    if (!error) {
        check_sections(p, PROFILES_PROFILE, profiles);
        check_sections(p, PROFILES_SSO_SESSION, sessions);
    }
    for (size_t i = 0; !error && i < 2; i++) {
        const char *text = i ? credentials : config;
        check_no_more(p, PROFILES_PROFILE, profiles, text ? text : "");
        check_no_more(p, PROFILES_SSO_SESSION, sessions, text ? text : "");
    }
    profiles_free(p);
}

static void whole_files_mean_what_they_mean_to_the_sdks(void **state)
{
    json_t *root = load_vectors("profile-parser-tests.json"), *vector;
    size_t i;
    json_array_foreach(json_object_get(root, "tests"), i, vector) check_vector(vector);
    assert_int_equal(i, 65);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_are_where_the_sdks_look),
        cmocka_unit_test(whole_files_mean_what_they_mean_to_the_sdks),
    };
    if (vectors_missing(VECTORS))
        return VECTORS_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

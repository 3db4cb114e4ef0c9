/* SPDX-License-Identifier: MIT */
/* The INI reader by the 65 vectors that AWS's SDKs share for their profile files. The rules above
 * the grammar (which sections are profiles, who wins) stand here, not in the reader. */
#include "base/ini.h"

#include "lib/check.h"

#include <jansson.h>

#include "vectors.h"

#define VECTORS SHARED_DATA "/sdk/aws/rust-runtime/aws-runtime/test-data/profile-parser-tests.json"

static bool is_name(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || !strchr("-/.%@_:+", c)))
            return false;
    }
    return s.len > 0;
}

struct profiles {
    json_t *profiles, *sessions; /* name -> {key: value} */
    bool default_has_prefix;
    json_t *section; /* borrowed; NULL: properties are ignored */
    char key[256];
    bool ignored;
};

static json_t *named(json_t *all, str name)
{
    char key[256];
    snprintf(key, sizeof key, "%.*s", STR_ARG(name));
    json_t *found = json_object_get(all, key);
    if (!found)
        json_object_set_new(all, key, found = json_object());
    return found;
}

static json_t *config_section(struct profiles *p, const struct ini_item *item)
{
    if (item->value.len == 0)
        return str_eq(item->name, STR("default")) && !p->default_has_prefix
                   ? named(p->profiles, item->name)
                   : NULL;
    if (!is_name(item->value))
        return NULL;
    if (str_eq(item->name, STR("sso-session")))
        return named(p->sessions, item->value);
    if (!str_eq(item->name, STR("profile")))
        return NULL;
    json_t *section = named(p->profiles, item->value);
    if (str_eq(item->value, STR("default")) && !p->default_has_prefix) {
        p->default_has_prefix = true;
        json_object_clear(section);
    }
    return section;
}

static json_t *credentials_section(struct profiles *p, const struct ini_item *item)
{
    return item->value.len == 0 && is_name(item->name) ? named(p->profiles, item->name) : NULL;
}

static void set_property(struct profiles *p, const struct ini_item *item)
{
    p->ignored = !p->section || !is_name(item->name);
    if (p->ignored)
        return;
    size_t n = 0;
    while (n < item->name.len) {
        p->key[n] = ascii_lower(item->name.ptr[n]);
        n++;
    }
    p->key[n] = '\0';
    json_object_set_new(p->section, p->key, json_stringn(item->value.ptr, item->value.len));
}

static void append_line(struct profiles *p, const struct ini_item *item)
{
    if (p->ignored)
        return;
    json_t *joined = json_sprintf(
        "%s\n%.*s", json_string_value(json_object_get(p->section, p->key)), STR_ARG(item->value));
    if (item->kind == INI_SUB_PROPERTY) {
        json_decref(joined);
        joined =
            json_sprintf("%s\n%.*s =%s%.*s", json_string_value(json_object_get(p->section, p->key)),
                         STR_ARG(item->name), item->value.len ? " " : "", STR_ARG(item->value));
    }
    json_object_set_new(p->section, p->key, joined);
}

/* The first fault, or INI_FINE. */
static enum ini_fault read_profiles(struct profiles *p, const char *text,
                                    json_t *(*section)(struct profiles *, const struct ini_item *))
{
    struct ini in;
    struct ini_item item;
    ini_init(&in, str_of(text));
    for (ini_next(&in, &item); item.kind != INI_END; ini_next(&in, &item)) {
        switch (item.kind) {
        case INI_SECTION:
            p->section = section(p, &item);
            break;
        case INI_PROPERTY:
            set_property(p, &item);
            break;
        case INI_CONTINUATION:
        case INI_SUB_PROPERTY:
            append_line(p, &item);
            break;
        case INI_BAD:
            return item.fault;
        case INI_END:
            break;
        }
    }
    return INI_FINE;
}

static const char *aws_words(enum ini_fault fault)
{
    switch (fault) {
    case INI_NO_SECTION:
        return "Expected a profile definition";
    case INI_OPEN_HEADER:
        return "Profile definition must end with ']'";
    case INI_NO_EQUALS:
        return "Expected an '=' sign defining a property";
    case INI_NO_NAME:
        return "Property did not have a name";
    case INI_SUB_NO_EQUALS:
        return "Expected an '=' sign defining a sub-property";
    case INI_SUB_NO_NAME:
        return "Sub-property did not have a name";
    case INI_FINE:
    case INI_CONTROL:
        break;
    }
    return "";
}

/* What the AWS CLI accepts, we accept. */
static bool is_laxer_in_the_cli(const char *name)
{
    return strcmp(name, "Property definitions must contain an equals sign.") == 0;
}

static void check_vector(const json_t *vector)
{
    const char *name = json_string_value(json_object_get(vector, "name"));
    const json_t *input = json_object_get(vector, "input");
    const json_t *output = json_object_get(vector, "output");
    const char *config = json_string_value(json_object_get(input, "configFile"));
    const char *credentials = json_string_value(json_object_get(input, "credentialsFile"));
    const char *error = json_string_value(json_object_get(output, "errorContaining"));
    const json_t *want = json_object_get(output, "config");

    if (is_laxer_in_the_cli(name))
        return;
    struct profiles p = { .profiles = json_object(), .sessions = json_object() };
    enum ini_fault fault = config ? read_profiles(&p, config, config_section) : INI_FINE;
    if (!fault && credentials)
        fault = read_profiles(&p, credentials, credentials_section);
    bool is_continuation = error && strstr(error, "Expected a property definition");
    if (error && !(is_continuation && fault == INI_NO_EQUALS) && !strstr(aws_words(fault), error))
        fail_msg("%s: got \"%s\"", name, aws_words(fault));
    if (!error && fault)
        fail_msg("%s: fault %d", name, (int)fault);
    if (!error && !json_equal(p.profiles, json_object_get(want, "profiles")))
        fail_msg("%s: got %s", name, json_dumps(p.profiles, 0));
    const json_t *sessions = json_object_get(want, "sso_sessions");
    if (sessions && !json_equal(p.sessions, sessions))
        fail_msg("%s: got %s", name, json_dumps(p.sessions, 0));
    json_decref(p.profiles);
    json_decref(p.sessions);
}

static void the_shared_files_of_aws_are_read_as_its_sdks_read_them(void **state)
{
    json_error_t why;
    json_t *root = json_load_file(VECTORS, 0, &why);
    assert_non_null(root);
    size_t i;
    const json_t *vector;
    json_array_foreach(json_object_get(root, "tests"), i, vector) check_vector(vector);
    assert_int_equal(i, 65);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shared_files_of_aws_are_read_as_its_sdks_read_them),
    };
    if (vectors_missing(VECTORS))
        return VECTORS_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The INI reader: by hand, and by the 65 vectors AWS's SDKs share for their profile files. The
 * rules above the grammar (which sections are profiles, who wins) stand here, not in the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ini.h"

#define VECTORS SHARED_DATA "/sdk/aws/rust-runtime/aws-runtime/test-data/profile-parser-tests.json"

static void assert_str(str got, const char *want)
{
    if (!str_eq(got, str_of(want)))
        fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(got), want);
}

static struct ini_item next_item(struct ini *in, enum ini_kind kind)
{
    struct ini_item item;
    ini_next(in, &item);
    assert_int_equal(item.kind, kind);
    return item;
}

static struct ini_item assert_bad(struct ini *in, enum ini_fault fault, uint32_t line,
                                  uint32_t column)
{
    struct ini_item item = next_item(in, INI_BAD);
    assert_int_equal(item.fault, fault);
    assert_int_equal(item.line, line);
    assert_int_equal(item.column, column);
    assert_true(strlen(ini_fault_text(fault)) > 0);
    return item;
}

static void a_file_comes_out_as_sections_and_properties_with_their_places(void **state)
{
    (void)state;
    struct ini in;
    ini_init(&in,
             STR("\xef\xbb\xbf# head\r\n[target  web app]; tail\r\n\r\nname \t=  a = b # cut\r\n"));
    struct ini_item section = next_item(&in, INI_SECTION);
    assert_str(section.name, "target");
    assert_str(section.value, "web app");
    assert_int_equal(section.line, 2);
    assert_int_equal(section.column, 1);
    assert_int_equal(section.value_column, 10);
    struct ini_item property = next_item(&in, INI_PROPERTY);
    assert_str(property.name, "name");
    assert_str(property.value, "a = b");
    assert_int_equal(property.line, 4);
    assert_int_equal(property.column, 1);
    assert_int_equal(property.value_column, 10);
    next_item(&in, INI_END);
    next_item(&in, INI_END);
}

static void an_indented_line_continues_a_value_or_is_a_pair_below_an_empty_one(void **state)
{
    (void)state;
    struct ini in;
    ini_init(&in, STR("[a]\nlist = x,\n  y # kept\ns3 =\n  k = v\n\n  n = w"));
    next_item(&in, INI_SECTION);
    assert_str(next_item(&in, INI_PROPERTY).value, "x,");
    struct ini_item more = next_item(&in, INI_CONTINUATION);
    assert_str(more.value, "y # kept");
    assert_int_equal(more.column, 3);
    assert_str(next_item(&in, INI_PROPERTY).value, "");
    struct ini_item sub = next_item(&in, INI_SUB_PROPERTY);
    assert_str(sub.name, "k");
    assert_str(sub.value, "v");
    assert_int_equal(sub.value_column, 7);
    assert_str(next_item(&in, INI_SUB_PROPERTY).name, "n");
    next_item(&in, INI_END);
}

static void every_fault_says_where_it_is_and_reading_goes_on(void **state)
{
    (void)state;
    struct ini in;
    ini_init(&in, STR("stray = 1\nstray = 2\n[open\nlost = 1\n[a]\n  early\nno equals\n  its tail\n"
                      " = v\n= v\ns3 =\n  bare\n  = v\nbell = \a\nlast = 1"));
    assert_bad(&in, INI_NO_SECTION, 1, 1);
    assert_bad(&in, INI_OPEN_HEADER, 3, 6);
    next_item(&in, INI_SECTION);
    assert_bad(&in, INI_NO_PROPERTY, 6, 3);
    assert_bad(&in, INI_NO_EQUALS, 7, 1);
    assert_bad(&in, INI_NO_NAME, 10, 1);
    next_item(&in, INI_PROPERTY);
    assert_bad(&in, INI_SUB_NO_EQUALS, 12, 3);
    assert_bad(&in, INI_SUB_NO_NAME, 13, 3);
    assert_bad(&in, INI_CONTROL, 14, 8);
    assert_str(next_item(&in, INI_PROPERTY).name, "last");
    next_item(&in, INI_END);
}

static void no_text_is_no_items(void **state)
{
    (void)state;
    struct ini in;
    ini_init(&in, STR(""));
    assert_int_equal(next_item(&in, INI_END).line, 1);
    ini_init(&in, STR("\n\n"));
    assert_int_equal(next_item(&in, INI_END).line, 3);
}

static void a_value_of_a_megabyte_is_one_slice(void **state)
{
    (void)state;
    size_t size = 1 << 20;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'v', size);
    memcpy(text, "[a]\nb =", 7);
    struct ini in;
    ini_init(&in, (str) { text, size });
    next_item(&in, INI_SECTION);
    assert_int_equal(next_item(&in, INI_PROPERTY).value.len, size - 7);
    next_item(&in, INI_END);
    free(text);
}

/* --- AWS's vectors --------------------------------------------------------------------------- */

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
    case INI_NO_PROPERTY:
        return "Expected a property definition, found continuation";
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

static void check_vector(const json_t *vector)
{
    const char *name = json_string_value(json_object_get(vector, "name"));
    const json_t *input = json_object_get(vector, "input");
    const json_t *output = json_object_get(vector, "output");
    const char *config = json_string_value(json_object_get(input, "configFile"));
    const char *credentials = json_string_value(json_object_get(input, "credentialsFile"));
    const char *error = json_string_value(json_object_get(output, "errorContaining"));
    const json_t *want = json_object_get(output, "config");

    struct profiles p = { .profiles = json_object(), .sessions = json_object() };
    enum ini_fault fault = config ? read_profiles(&p, config, config_section) : INI_FINE;
    if (!fault && credentials)
        fault = read_profiles(&p, credentials, credentials_section);
    if (error && !strstr(aws_words(fault), error))
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
    (void)state;
    json_error_t why;
    json_t *root = json_load_file(VECTORS, 0, &why);
    if (!root) {
        print_message("skipped: no %s\n", VECTORS);
        skip();
    }
    size_t i;
    const json_t *vector;
    json_array_foreach(json_object_get(root, "tests"), i, vector) check_vector(vector);
    assert_int_equal(i, 65);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_comes_out_as_sections_and_properties_with_their_places),
        cmocka_unit_test(an_indented_line_continues_a_value_or_is_a_pair_below_an_empty_one),
        cmocka_unit_test(every_fault_says_where_it_is_and_reading_goes_on),
        cmocka_unit_test(no_text_is_no_items),
        cmocka_unit_test(a_value_of_a_megabyte_is_one_slice),
        cmocka_unit_test(the_shared_files_of_aws_are_read_as_its_sdks_read_them),
    };
    return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The INI reader: the grammar alone. Which sections are profiles, and who wins, is not its. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ini.h"

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
    struct ini in;
    ini_init(&in, STR("stray = 1\nstray = 2\n[open\nlost = 1\n[a]\n  early\nno equals\n  its tail\n"
                      " = v\n= v\ns3 =\n  bare\n  = v\nbell = \a\nlast = 1"));
    assert_bad(&in, INI_NO_SECTION, 1, 1);
    assert_bad(&in, INI_OPEN_HEADER, 3, 6);
    next_item(&in, INI_SECTION);
    assert_bad(&in, INI_NO_EQUALS, 6, 3);
    assert_bad(&in, INI_NO_EQUALS, 7, 1);
    assert_bad(&in, INI_NO_NAME, 10, 1);
    next_item(&in, INI_PROPERTY);
    assert_bad(&in, INI_SUB_NO_EQUALS, 12, 3);
    assert_bad(&in, INI_SUB_NO_NAME, 13, 3);
    assert_bad(&in, INI_CONTROL, 14, 8);
    assert_str(next_item(&in, INI_PROPERTY).name, "last");
    next_item(&in, INI_END);
}

/* kind letters: S section, P property, C continuation, U sub-property, B bad. */
static void the_cli_s_reading_of_lines_is_ours(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "[a]\n  k = 1\n  l = 2\n", "S(a)P(k=1)P(l=2)" },
        { "[a]\n  k = 1\n    more\n l = 2\n", "S(a)P(k=1)C(more)P(l=2)" },
        { "  [a]\n\tk = 1\n [b]\n", "S(a)P(k=1)S(b)" },
        { "[a]\nk = 1\n  [b]\n", "S(a)P(k=1)C([b])" },
        { "[a] trailing text\nk = 1\n", "S(a)P(k=1)" },
        { "[a] # see [1]\n[b] x]\n", "S(a)S(b] x)" },
        { "[a#b]\n[c;d] ; e\n", "S(a#b)S(c;d)" },
        { "[a]\nk: 1\nl : a=b\nm = c:d\nn= # c\n", "S(a)P(k=1)P(l=a=b)P(m=c:d)P(n=)" },
        { "[a]\nk\xc2\xa0=\xc2\xa0v\xe3\x80\x80\n\xc2\xa0more\n", "S(a)P(k=v)C(more)" },
        { "[a]\nk = 1\n  # comment\n\n  more\n", "S(a)P(k=1)C(more)" },
        { "[a]\rk = 1\r\n[b]\r", "S(a)P(k=1)S(b)" },
        { "[a]\nk = p \"x # y\" 'z ; w' # cut\n", "S(a)P(k=p \"x # y\" 'z ; w')" },
        { "[a]\nk = it's # cut\nl = \"a\\\" # b\" # cut\n", "S(a)P(k=it's)P(l=\"a\\\" # b\")" },
        { "[a]\nk\f=\v1\n", "S(a)P(k=1)" },
        { "[a]\nb ; c = d\ne ;\nf # g\n", "S(a)P(b ; c=d)BB" },
        { "[]\n", "S()" },
        { "[a\nk = 1\n  [b]\nl = 2\n", "BS(b)P(l=2)" },
        { "[a]\nbad\n  its tail\nk = 1\n", "S(a)BP(k=1)" },
    };
    static const char letters[] = { [INI_SECTION] = 'S',
                                    [INI_PROPERTY] = 'P',
                                    [INI_CONTINUATION] = 'C',
                                    [INI_SUB_PROPERTY] = 'U',
                                    [INI_BAD] = 'B' };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char got[256] = "";
        struct ini in;
        struct ini_item item;
        ini_init(&in, str_of(rows[i].text));
        for (ini_next(&in, &item); item.kind != INI_END; ini_next(&in, &item)) {
            size_t len = strlen(got);
            str name = item.kind == INI_SECTION ? item.title : item.name;
            bool is_pair = item.kind == INI_PROPERTY || item.kind == INI_SUB_PROPERTY;
            if (item.kind == INI_BAD)
                snprintf(got + len, sizeof got - len, "B");
            else
                snprintf(got + len, sizeof got - len, "%c(%.*s%s%.*s)", letters[item.kind],
                         STR_ARG(name), is_pair ? "=" : "",
                         item.kind == INI_SECTION ? 0 : (int)item.value.len, item.value.ptr);
        }
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("row %zu: got %s, want %s", i, got, rows[i].want);
    }
    print_message("%zu rows\n", sizeof rows / sizeof *rows);
}

static void what_is_no_text_is_told_from_what_is(void **state)
{
    static const struct {
        str text;
        const char *want;
    } rows[] = {
        { STR_INIT(""), NULL },
        { STR_INIT("[a]\nk = \xff\xfe \x1b[1m\n"), NULL },
        { STR_INIT("\xff\xfe[\0"), "is UTF-16 text: save it as UTF-8" },
        { STR_INIT("\xfe\xff\0["), "is UTF-16 text: save it as UTF-8" },
        { STR_INIT("[\0a\0"), "is UTF-16 text: save it as UTF-8" },
        { STR_INIT("\0[\0a"), "is UTF-16 text: save it as UTF-8" },
        { STR_INIT("[a]\nk = 1\0\n"), "is binary, not a text file" },
        { STR_INIT("\1\2\3\4"), "is binary, not a text file" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = ini_foreign_text(rows[i].text);
        if (got != rows[i].want && (!got || !rows[i].want || strcmp(got, rows[i].want) != 0))
            fail_msg("row %zu: got %s", i, got ? got : "NULL");
    }
}

static void no_text_is_no_items(void **state)
{
    struct ini in;
    ini_init(&in, STR(""));
    assert_int_equal(next_item(&in, INI_END).line, 1);
    ini_init(&in, STR("\n\n"));
    assert_int_equal(next_item(&in, INI_END).line, 3);
}

static void a_value_of_a_megabyte_is_one_slice(void **state)
{
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_comes_out_as_sections_and_properties_with_their_places),
        cmocka_unit_test(an_indented_line_continues_a_value_or_is_a_pair_below_an_empty_one),
        cmocka_unit_test(every_fault_says_where_it_is_and_reading_goes_on),
        cmocka_unit_test(the_cli_s_reading_of_lines_is_ours),
        cmocka_unit_test(what_is_no_text_is_told_from_what_is),
        cmocka_unit_test(no_text_is_no_items),
        cmocka_unit_test(a_value_of_a_megabyte_is_one_slice),
    };
    return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}

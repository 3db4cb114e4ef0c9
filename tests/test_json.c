/* SPDX-License-Identifier: MIT */
/* aws/json: another reader's verdicts, hostile shapes, and the walk over what was accepted. */
#include "lib/json_verdict.h"

#include <stdio.h>

/* head, then unit as often as a MiB takes, then tail; a comma before the tail is left out. */
static str hostile(str head, str unit, str tail)
{
    char *text = exact(MIB);
    size_t len = 0;
    memcpy(text, head.ptr, head.len);
    for (len = head.len; len + unit.len + tail.len <= MIB; len += unit.len)
        memcpy(text + len, unit.ptr, unit.len);
    if (tail.len && text[len - 1] == ',')
        len--;
    if (tail.len)
        memcpy(text + len, tail.ptr, tail.len);
    return (str) { text, len + tail.len };
}

static void hostile_shapes_of_a_mib_get_the_right_verdict(void **state)
{
    static const struct {
        str head, unit, tail;
        int verdict;
    } shapes[] = {
        { STR_INIT(""), STR_INIT("["), STR_INIT(""), JSON_BAD },
        { STR_INIT("{\"a\":"), STR_INIT("["), STR_INIT(""), JSON_BAD },
        { STR_INIT(""), STR_INIT("{\"a\":"), STR_INIT(""), JSON_BAD },
        { STR_INIT("{\"a\":"), STR_INIT(" "), STR_INIT("0}"), JSON_OK },
        { STR_INIT("{\"a\":"), STR_INIT(" "), STR_INIT(""), JSON_BAD },
        { STR_INIT("{\"a\":\""), STR_INIT("x"), STR_INIT("\"}"), JSON_OK },
        { STR_INIT("{\"a\":\""), STR_INIT("x"), STR_INIT(""), JSON_BAD },
        { STR_INIT("{\"a\":\""), STR_INIT("\\ud83d\\ude00"), STR_INIT("\"}"), JSON_OK },
        { STR_INIT("{\"a\":\""), STR_INIT("\xf0\x9f\x98\x80"), STR_INIT("\"}"), JSON_OK },
        { STR_INIT("{\"a\":"), STR_INIT("1"), STR_INIT("}"), JSON_OK },
        { STR_INIT("{\"a\":["), STR_INIT("0,"), STR_INIT("]}"), JSON_OK },
        { STR_INIT("{\"a\":["), STR_INIT("[],"), STR_INIT("]}"), JSON_OK },
        { STR_INIT("{\"a\":["), STR_INIT("[[[[[[{\"\":0}]]]]]],"), STR_INIT("]}"), JSON_OK },
        { STR_INIT("{"), STR_INIT("\"a\":0,"), STR_INIT("}"), JSON_OK },
        { STR_INIT("{"), STR_INIT("\"\":{},"), STR_INIT("}"), JSON_OK },
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        str text = hostile(shapes[i].head, shapes[i].unit, shapes[i].tail);
        struct parse p;
        assert_int_equal(parse(&p, text), shapes[i].verdict);
        if (shapes[i].verdict == JSON_OK) {
            int top = 0;
            for (int key = json_first(&p.json, 0); key != JSON_NONE; key = json_next(&p.json, key))
                top++;
            assert_true(top > 0);
        }
        drop(&p);
        free((char *)(uintptr_t)text.ptr);
    }
}

static void the_tokens_needed_are_exact_and_one_less_is_not_enough(void **state)
{
    char text[] = "{\"a\":[1,{\"b\":null},\"c\"]}";
    struct json_token tokens[8];
    struct json j;
    assert_int_equal(json_parse(&j, text, sizeof text - 1, tokens, 7, NULL), JSON_NEED_TOKENS);
    assert_int_equal(j.tokens_needed, 8);
    assert_int_equal(json_parse(&j, text, sizeof text - 1, tokens, 8, NULL), JSON_OK);
    assert_int_equal(j.token_count, 8);
}

static void a_walk_goes_past_what_is_below_and_ends_at_the_last(void **state)
{
    struct parse p;
    assert_int_equal(parse(&p, STR(" {\"a\":[[1,[2]],{\"k\":{}},\"s\",null,true,-0],\"b\":{},"
                                   "\"c\":false} ")),
                     JSON_OK);
    struct json *j = &p.json;
    assert_int_equal(json_type(j, JSON_ROOT), JSON_OBJECT);
    assert_int_equal(json_next(j, JSON_ROOT), JSON_NONE);

    int a = json_first(j, JSON_ROOT), b = json_next(j, a), c = json_next(j, b);
    assert_true(json_is(j, a, STR("a")) && json_is(j, b, STR("b")) && json_is(j, c, STR("c")));
    assert_int_equal(json_next(j, c), JSON_NONE);
    assert_int_equal(json_type(j, json_value(c)), JSON_BOOL);
    assert_int_equal(json_first(j, json_value(b)), JSON_NONE);

    static const enum json_type types[] = { JSON_ARRAY, JSON_OBJECT, JSON_STRING,
                                            JSON_NULL,  JSON_BOOL,   JSON_NUMBER };
    assert_int_equal(json_count(j, json_value(a)), 6);
    int element = json_first(j, json_value(a));
    for (size_t i = 0; i < 6; i++, element = json_next(j, element))
        assert_int_equal(json_type(j, element), types[i]);
    assert_int_equal(element, JSON_NONE);
    drop(&p);
}

static void every_type_has_a_name_for_sentences(void **state)
{
    assert_string_equal(json_type_name(JSON_NULL), "null");
    assert_string_equal(json_type_name(JSON_BOOL), "a boolean");
    assert_string_equal(json_type_name(JSON_NUMBER), "a number");
    assert_string_equal(json_type_name(JSON_STRING), "a string");
    assert_string_equal(json_type_name(JSON_ARRAY), "a list");
    assert_string_equal(json_type_name(JSON_OBJECT), "an object");
}

static void assert_unescaped(str escaped, str plain)
{
    char text[128];
    int n = snprintf(text, sizeof text, "{\"%.*s\":0,\"\\u006e\":1}", STR_ARG(escaped));
    struct parse p;
    assert_int_equal(parse(&p, (str) { text, (size_t)n }), JSON_OK);
    int key = json_first(&p.json, JSON_ROOT);
    for (int round = 0; round < 2; round++) {
        assert_true(json_is(&p.json, key, plain));
        assert_false(json_is(&p.json, key, STR("another")));
        if (plain.len)
            assert_false(json_is(&p.json, key, (str) { plain.ptr, plain.len - 1 }));
        str got = json_text(&p.json, key);
        assert_int_equal(got.len, plain.len);
        assert_memory_equal(got.ptr, plain.ptr, plain.len);
    }
    key = json_next(&p.json, key);
    assert_true(json_is(&p.json, key, STR("n"))); /* the walk survives what was moved */
    assert_int_equal(json_next(&p.json, key), JSON_NONE);
    drop(&p);
}

static void strings_are_unescaped_in_place_and_only_once(void **state)
{
    assert_unescaped(STR(""), STR(""));
    assert_unescaped(STR("plain"), STR("plain"));
    assert_unescaped(STR("\\\"\\\\\\/\\b\\f\\n\\r\\t"), STR("\"\\/\b\f\n\r\t"));
    assert_unescaped(STR("\\\\n"), STR("\\n"));
    assert_unescaped(STR("a\\u0031\\u004aB\\u00e9"), STR("a1JB\xc3\xa9"));
    assert_unescaped(STR("\\u0000x"), STR("\0x"));
    assert_unescaped(STR("\\u007f\\u0080\\u07ff"), STR("\x7f\xc2\x80\xdf\xbf"));
    assert_unescaped(STR("\\u0800\\uFFFF"), STR("\xe0\xa0\x80\xef\xbf\xbf"));
    assert_unescaped(STR("\\ud800\\udc00\\uDBFF\\uDFFF"), STR("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    assert_unescaped(STR("\xf0\x9f\x98\x80\\ud83d\\ude00"),
                     STR("\xf0\x9f\x98\x80\xf0\x9f\x98\x80"));
}

static void lone_surrogates_become_replacement_characters(void **state)
{
    assert_unescaped(STR("\\ud83d"), STR("\xef\xbf\xbd"));
    assert_unescaped(STR("\\ud83d\\n"), STR("\xef\xbf\xbd\n"));
    assert_unescaped(STR("\\ud83dude00"), STR("\xef\xbf\xbdude00"));
    assert_unescaped(STR("\\ude00\\ud83d"), STR("\xef\xbf\xbd\xef\xbf\xbd"));
    assert_unescaped(STR("\\ude00\\ude00"), STR("\xef\xbf\xbd\xef\xbf\xbd"));
    assert_unescaped(STR("\\ud83d\\u0041"), STR("\xef\xbf\xbd"
                                                "A"));
    assert_unescaped(STR("\\ud83d\\ud83d\\ude00"), STR("\xef\xbf\xbd\xf0\x9f\x98\x80"));
}

/* A line: the verdict, 1 or 0, and the bytes in hex. */
static void try_line(const char *line)
{
    char text[1024];
    size_t len = 0;
    const char *at = line + 2;
    for (unsigned byte = 0; *at > ' ' && len < sizeof text; at += 2) {
        assert_int_equal(sscanf(at, "%2x", &byte), 1);
        text[len++] = (char)byte;
    }
    assert_true(*at <= ' ');
    if ((verdict((str) { text, len }) == JSON_OK) != (*line == '1'))
        fail_msg("the wrong verdict for %c %.*s", *line, (int)len, text);
}

static void texts_get_the_verdict_of_another_reader(void **state)
{
    char *line = NULL;
    size_t cap = 0, tried = 0;
    FILE *f = fopen(TEST_DATA "/json.txt", "rb");
    assert_non_null(f);
    for (; getline(&line, &cap, f) > 0; tried++)
        try_line(line);
    free(line);
    fclose(f);
    assert_int_equal(tried, 1200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_get_the_verdict_of_another_reader),
        cmocka_unit_test(hostile_shapes_of_a_mib_get_the_right_verdict),
        cmocka_unit_test(the_tokens_needed_are_exact_and_one_less_is_not_enough),
        cmocka_unit_test(a_walk_goes_past_what_is_below_and_ends_at_the_last),
        cmocka_unit_test(every_type_has_a_name_for_sentences),
        cmocka_unit_test(strings_are_unescaped_in_place_and_only_once),
        cmocka_unit_test(lone_surrogates_become_replacement_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

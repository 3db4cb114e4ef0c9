/* SPDX-License-Identifier: MIT */
/* aws/json_check: what is refused, in which words, at every limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/json_check.h"

/* The text lies in a block of its exact size, so that a sanitizer sees any step outside. */
static int check(str text, struct pipepoll_error *why)
{
    struct json j = { .text = malloc(text.len ? text.len : 1), .len = text.len };
    assert_non_null(j.text);
    memcpy(j.text, text.ptr, text.len);
    int r = json_check(&j, why);
    free(j.text);
    return r;
}

static int verdict(str text)
{
    return check(text, NULL);
}

static void assert_refused(str text, const char *sentence)
{
    struct pipepoll_error why;
    assert_int_equal(check(text, &why), JSON_BAD);
    assert_string_equal(why.text, sentence);
}

static void a_refusal_says_what_was_found_and_at_which_byte(void **state)
{
    assert_refused(STR(""), "the body is empty");
    assert_refused(STR(" \r\n\t"), "the body is empty");
    assert_refused(STR("<html>"), "found '<' at byte 0, not a JSON object");
    assert_refused(STR(" []"), "found '[' at byte 1, not a JSON object");
    assert_refused(STR("\"a\""), "found '\"' at byte 0, not a JSON object");
    assert_refused(STR("\xef\xbb\xbf{}"), "found 0xef at byte 0, not a JSON object");
    assert_refused(STR("{"), "cut short at byte 1");
    assert_refused(STR("{ "), "cut short at byte 2");
    assert_refused(STR("{\"a\":tr"), "cut short at byte 7");
    assert_refused(STR("{} {}"), "more text after the object at byte 3");
    assert_refused(STR("{}\0"), "more text after the object at byte 2");
    assert_refused(STR("{\0}"), "found 0x00 at byte 1, not a key or '}'");
    assert_refused(STR("{1:2}"), "found '1' at byte 1, not a key or '}'");
    assert_refused(STR("{\"a\":1,}"), "found '}' at byte 7, not a key");
    assert_refused(STR("{\"a\"}"), "found '}' at byte 4, not ':'");
    assert_refused(STR("{\"a\":}"), "found '}' at byte 5, not a value");
    assert_refused(STR("{\"a\":1 \"b\":2}"), "found '\"' at byte 7, not ',' or '}'");
    assert_refused(STR("{\"a\":[,1]}"), "found ',' at byte 6, not a value or ']'");
    assert_refused(STR("{\"a\":[1}"), "found '}' at byte 7, not ',' or ']'");
    assert_refused(STR("{\"a\":[[1}]}"), "found '}' at byte 8, not ',' or ']'");
    assert_refused(STR("{\"a\":nil}"), "found 'i' at byte 6, not null");
    assert_refused(STR("{\"a\":-}"), "found '}' at byte 6, not a digit");
    assert_refused(STR("{\"a\":01}"), "found '1' at byte 6, not ',' or '}'");
    assert_refused(STR("{\"a\":1.}"), "found '}' at byte 7, not a digit");
    assert_refused(STR("{\"a\":1e+}"), "found '}' at byte 8, not a digit");
    assert_refused(STR("{\"a\":\"\n\"}"), "found 0x0a at byte 6, not a character of a string");
    assert_refused(STR("{\"a\":\"\\x\"}"), "found 'x' at byte 7, not an escape");
    assert_refused(STR("{\"a\":\"\\\0\"}"), "found 0x00 at byte 7, not an escape");
    assert_refused(STR("{\"a\":\"\\u12g4\"}"), "found 'g' at byte 10, not a hex digit");
    assert_refused(STR("{\"a\":\"\\u123\"}"), "found '\"' at byte 11, not a hex digit");
    assert_refused(STR("{\"a\":\"\\u12"), "cut short at byte 10");
    assert_refused(STR("{\"a\":\"\\"), "cut short at byte 7");
    assert_refused(STR("{\"abc\":\"\xff\"}"), "invalid UTF-8 at byte 8");
}

static void every_limit_of_utf_8_holds(void **state)
{
    static const str good[] = {
        STR_INIT("\x7f"),         STR_INIT("\xc2\x80"),         STR_INIT("\xdf\xbf"),
        STR_INIT("\xe0\xa0\x80"), STR_INIT("\xed\x9f\xbf"),     STR_INIT("\xee\x80\x80"),
        STR_INIT("\xef\xbf\xbf"), STR_INIT("\xf0\x90\x80\x80"), STR_INIT("\xf4\x8f\xbf\xbf"),
    };
    static const str bad[] = {
        STR_INIT("\x80"),
        STR_INIT("\xbf"),
        STR_INIT("\xc0\x80"),
        STR_INIT("\xc1\xbf"),
        STR_INIT("\xc2"),
        STR_INIT("\xc2\x41"),
        STR_INIT("\xe0\x9f\xbf"),
        STR_INIT("\xed\xa0\x80"),
        STR_INIT("\xe1\x80"),
        STR_INIT("\xe1\x80\xc0"),
        STR_INIT("\xf0\x8f\xbf\xbf"),
        STR_INIT("\xf4\x90\x80\x80"),
        STR_INIT("\xf1\x80\x80\x2e"),
        STR_INIT("\xf5\x80\x80\x80"),
        STR_INIT("\xff"),
    };
    char text[32];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int n = snprintf(text, sizeof text, "{\"\":\"%.*s\"}", STR_ARG(good[i]));
        assert_int_equal(verdict((str) { text, (size_t)n }), JSON_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int n = snprintf(text, sizeof text, "{\"\":\"%.*s\"}", STR_ARG(bad[i]));
        assert_refused((str) { text, (size_t)n }, "invalid UTF-8 at byte 5");
        assert_int_equal(verdict((str) { text, 5 + bad[i].len }),
                         JSON_BAD); /* the text ends there */
    }
}

/* Strings are skipped eight bytes at a time: no place in such a block may be blind. */
static void a_special_byte_is_seen_at_every_place_of_a_string(void **state)
{
    static const char special[] = { '\0', '\x1f', '\n', '"', '\\', '\x80', '\xff' };
    char text[64] = "{\"\":\"";
    for (size_t len = 1; len < 34; len++) {
        memset(text + 5, 'x', len);
        memcpy(text + 5 + len, "\"}", 2);
        assert_int_equal(verdict((str) { text, len + 7 }), JSON_OK);
        for (size_t at = 5; at < 5 + len; at++) {
            for (size_t i = 0; i < sizeof special; i++) {
                text[at] = special[i];
                assert_int_equal(verdict((str) { text, len + 7 }), JSON_BAD);
            }
            text[at] = 'x';
        }
    }
}

static void every_prefix_of_an_answer_is_refused(void **state)
{
    str answer =
        STR("{\"jobs\":[{\"clientId\":\"\xc3\xa9\\u00e9\\n\",\"jobId\":null,\"n\":-1.5e+3},"
            "{\"t\":true,\"f\":false}],\"x\":{}}");
    assert_int_equal(verdict(answer), JSON_OK);
    for (size_t len = 0; len < answer.len; len++)
        assert_int_equal(verdict((str) { answer.ptr, len }), JSON_BAD);
}

/* {"a":{"a": ... 0 ... }} or {"a":[[ ... 0 ... ]]}, so many brackets deep. */
static str nested(char *text, size_t depth, bool lists)
{
    size_t len = 0;
    for (size_t i = 0; i < depth; i++) {
        str open = lists && i ? STR("[") : STR("{\"a\":");
        memcpy(text + len, open.ptr, open.len);
        len += open.len;
    }
    text[len++] = '0';
    for (size_t i = depth; i-- > 0;)
        text[len++] = lists && i ? ']' : '}';
    return (str) { text, len };
}

static void the_deepest_nest_is_taken_and_one_deeper_is_refused(void **state)
{
    char text[512];
    assert_int_equal(JSON_DEPTH_MAX, 16);
    assert_int_equal(verdict(nested(text, JSON_DEPTH_MAX, true)), JSON_OK);
    assert_int_equal(verdict(nested(text, JSON_DEPTH_MAX, false)), JSON_OK);
    assert_refused(nested(text, JSON_DEPTH_MAX + 1, true), "nested deeper than 16 at byte 20");
    assert_refused(nested(text, JSON_DEPTH_MAX + 1, false), "nested deeper than 16 at byte 80");
}

static void a_text_longer_than_the_limit_is_not_read(void **state)
{
    struct json j = { .len = (size_t)JSON_LEN_MAX + 1 };
    struct pipepoll_error why;
    assert_int_equal(json_check(&j, &why), JSON_BAD);
    assert_string_equal(why.text, "16777217 bytes of JSON, more than 16777216");
}

static void tokens_are_counted_and_escapes_noticed(void **state)
{
    struct json plain = { .text = (char[]) { "{\"a\":[1,{\"b\":null},\"c\"]}" }, .len = 24 };
    assert_int_equal(json_check(&plain, NULL), JSON_OK);
    assert_int_equal(plain.tokens_needed, 8);
    assert_false(plain.has_escapes);
    struct json escaped = { .text = (char[]) { "{\"\\n\":0}" }, .len = 8 };
    assert_int_equal(json_check(&escaped, NULL), JSON_OK);
    assert_int_equal(escaped.tokens_needed, 3);
    assert_true(escaped.has_escapes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_says_what_was_found_and_at_which_byte),
        cmocka_unit_test(every_limit_of_utf_8_holds),
        cmocka_unit_test(a_special_byte_is_seen_at_every_place_of_a_string),
        cmocka_unit_test(every_prefix_of_an_answer_is_refused),
        cmocka_unit_test(the_deepest_nest_is_taken_and_one_deeper_is_refused),
        cmocka_unit_test(a_text_longer_than_the_limit_is_not_read),
        cmocka_unit_test(tokens_are_counted_and_escapes_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

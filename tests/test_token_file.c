/* SPDX-License-Identifier: MIT */
#include "handler/token_file.h"

#include <stdlib.h>

#include "lib/check.h"

static int parse(struct token_file *f, const char *text, size_t len, struct pipepoll_error *why)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    return token_file_parse(f, "tokens", copy, len, why);
}

static void check_bad(const char *text, const char *want)
{
    struct token_file f;
    struct pipepoll_error why;
    assert_int_equal(parse(&f, text, strlen(text), &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, want);
    assert_null(f.text);
}

static void tokens_are_found_by_client_id(void **state)
{
    static const char text[] =
        "\xef\xbb\xbf# comment\n\n  b\ttoken+of/b=  \r\nc x\n \t# more\na #a";
    struct token_file f;
    assert_int_equal(parse(&f, text, sizeof text - 1, NULL), 0);
    assert_int_equal(f.count, 3);
    assert_str_equal(token_file_find(&f, STR("a")), "#a");
    assert_str_equal(token_file_find(&f, STR("b")), "token+of/b=");
    assert_str_equal(token_file_find(&f, STR("c")), "x");
    assert_str_equal(token_file_find(&f, STR("d")), "");
    assert_str_equal(token_file_find(&f, STR("")), "");
    token_file_deinit(&f);
}

static void an_empty_file_knows_nobody(void **state)
{
    struct token_file f;
    assert_int_equal(parse(&f, "", 0, NULL), 0);
    assert_str_equal(token_file_find(&f, STR("a")), "");
    token_file_deinit(&f);
}

static void what_is_wrong_is_told_with_its_place_and_without_the_token(void **state)
{
    check_bad("a b\n  lonely\n", "tokens:2:9: a client id must be followed by its token");
    check_bad("a secret word\n", "tokens:1:10: only a client id and its token may stand in a line");
    check_bad("a sec\001ret\n", "tokens:1:6: a control character");
    check_bad("\n\na\001 b\n", "tokens:3:2: a control character");
    check_bad("a 1\nb 2\n \ta 3\n",
              "tokens:3:3: a second token for client id a (the first is at line 1)");
}

static void a_nul_is_a_control_character(void **state)
{
    struct token_file f;
    struct pipepoll_error why;
    assert_int_equal(parse(&f, "a b\0c", 5, &why), PIPEPOLL_EINVAL);
    assert_string_equal(why.text, "tokens:1:4: a control character");
}

static void a_token_has_at_most_256_characters(void **state)
{
    char text[300] = "a ";
    memset(text + 2, 'x', 256);
    struct token_file f;
    assert_int_equal(parse(&f, text, 258, NULL), 0);
    assert_int_equal(token_file_find(&f, STR("a")).len, 256);
    token_file_deinit(&f);
    text[258] = 'x';
    check_bad(text, "tokens:1:3: a token has at most 256 characters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_found_by_client_id),
        cmocka_unit_test(an_empty_file_knows_nobody),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place_and_without_the_token),
        cmocka_unit_test(a_nul_is_a_control_character),
        cmocka_unit_test(a_token_has_at_most_256_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

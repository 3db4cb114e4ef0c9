/* SPDX-License-Identifier: MIT */
#include "base/words.h"

#include "lib/check.h"

struct row {
    const char *line;
    const char *words[5]; /* NULL at the end */
    const char *problem;
};

static void lines_are_split_as_a_shell_quotes(void **state)
{
    static const struct row rows[] = {
        { "/bin/echo", { "/bin/echo" }, NULL },
        { "  a\tb \n c ", { "a", "b", "c" }, NULL },
        { "'a b' \"c d\"", { "a b", "c d" }, NULL },
        { "a'b'\"c\"d", { "abcd" }, NULL },
        { "'' \"\" x", { "", "", "x" }, NULL },
        { "a\\ b \\'c\\\\", { "a b", "'c\\" }, NULL },
        { "'a\\b' \"a\\b\"", { "a\\b", "a\\b" }, NULL },
        { "\"a\\\"b\" \"a\\\\b\"", { "a\"b", "a\\b" }, NULL },
        { "\"it's\" '\"'", { "it's", "\"" }, NULL },
        { "a # $HOME `b` *;|&", { "a", "#", "$HOME", "`b`", "*;|&" }, NULL },
        { "'a", { NULL }, "has a quote that is not closed" },
        { "b \"a\\\"", { NULL }, "has a quote that is not closed" },
        { "a\\", { NULL }, "ends with a backslash" },
        { " \t", { NULL }, "is empty" },
        { "", { NULL }, "is empty" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char room[64];
        char *argv[WORDS_MAX + 1];
        const char *problem = words_split(str_of(rows[i].line), room, argv);
        assert_str_equal(str_of(problem), rows[i].problem ? rows[i].problem : "");
        for (size_t w = 0; !problem && w < 5; w++) {
            if (!rows[i].words[w]) {
                assert_null(argv[w]);
                break;
            }
            assert_non_null(argv[w]);
            assert_string_equal(argv[w], rows[i].words[w]);
        }
    }
}

static void the_room_is_as_long_as_the_line_and_one_more(void **state)
{
    char *argv[WORDS_MAX + 1];
    char *room = test_malloc(4);
    assert_null(words_split(STR("a b"), room, argv));
    assert_string_equal(argv[1], "b");
    test_free(room);
}

static void too_many_words_are_refused(void **state)
{
    char line[2 * WORDS_MAX + 2], room[sizeof line + 1];
    char *argv[WORDS_MAX + 1];
    for (size_t i = 0; i < sizeof line; i++)
        line[i] = i % 2 ? ' ' : 'a';
    assert_null(words_split((str) { line, 2 * WORDS_MAX }, room, argv));
    assert_non_null(words_split((str) { line, sizeof line }, room, argv));
}

static void a_nul_is_refused(void **state)
{
    char room[8];
    char *argv[WORDS_MAX + 1];
    assert_string_equal(words_split((str) { "a\0b", 3 }, room, argv), "holds a NUL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_split_as_a_shell_quotes),
        cmocka_unit_test(the_room_is_as_long_as_the_line_and_one_more),
        cmocka_unit_test(too_many_words_are_refused),
        cmocka_unit_test(a_nul_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What is left of a program's diagnostic. */
#include "credentials/mask.h"

#include "lib/check.h"

static char text[512];

static str given(const char *words)
{
    size_t len = strlen(words);
    memcpy(text, words, len + 1);
    return (str) { text, len };
}

static void words_that_stood_elsewhere_are_masked(void **state)
{
    static const char *const rows[][3] = {
        { "--user joe hunter2secret", "login of joe by hunter2secret failed",
          "login of joe by ************* failed" },
        { "--password=hunter2secret", "bad --password=hunter2secret",
          "bad --password=*************" },
        { "-c 'curl -H \"X: hunter2secret\"'", "X: hunter2secret;", "X: *************;" },
        { "/opt/helper.py ./helper.py ../other.py", "/opt/helper.py: line 3",
          "/opt/helper.py: line 3" },
        { "--profile prod", "--profile prod: none", "--profile prod: none" },
        { "", "all", "all" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mask_words(given(rows[i][1]), str_of(rows[i][0]), 8);
        assert_string_equal(text, rows[i][2]);
    }
}

static void what_is_called_secret_is_masked(void **state)
{
    static const char *const rows[][2] = {
        { "{\"SecretAccessKey\": \"abc\", \"SessionToken\":\"d\"}",
          "{\"SecretAccessKey\": \"***\", \"SessionToken\":\"*\"}" },
        { "aws_secret_access_key = abc", "aws_secret_access_key = ***" },
        { "PASSWORD=abc, token: x", "PASSWORD=***, token: *" },
        { "the token has expired", "the token has expired" },
        { "no secret", "no secret" },
        { "token:", "token:" },
        { "secret=", "secret=" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mask_named(given(rows[i][0]));
        assert_string_equal(text, rows[i][1]);
    }
}

static void what_looks_like_a_key_is_masked(void **state)
{
    static const char *const rows[][2] = {
        { "key wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY.",
          "key ****************************************." },
        { "request 0f8fad5b-d9cb-469f-a165-70867728950e", /* an id may be told to somebody */
          "request 0f8fad5b-d9cb-469f-a165-70867728950e" },
        { "arn:aws:iam::123456789012:role/Poller", "arn:aws:iam::123456789012:role/Poller" },
        { "An error occurred (ExpiredTokenException)",
          "An error occurred (ExpiredTokenException)" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mask_shapes(given(rows[i][0]));
        assert_string_equal(text, rows[i][1]);
    }
}

static void the_last_words_make_one_plain_line(void **state)
{
    char out[16];
    static const char *const rows[][2] = {
        { " one\r\ntwo\n", "one  two" },
        { "\033[1m\a", "?[1m?" },
        { "", "" },
        { "\n\t ", "" },
        { "0123456789abcde", "0123456789abcde" },
        { "xxx first second", "first second" },
        { "xxxxxxxxxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxx" },
        { "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
          "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mask_last_line(out, sizeof out, str_of(rows[i][0]));
        assert_string_equal(out, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_stood_elsewhere_are_masked),
        cmocka_unit_test(what_is_called_secret_is_masked),
        cmocka_unit_test(what_looks_like_a_key_is_masked),
        cmocka_unit_test(the_last_words_make_one_plain_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "handler/lines.h"

#include <stdio.h>

#include "base/buf.h"
#include "lib/check.h"

enum { CAP = 8 };

struct log {
    struct buf seen; /* each line in brackets, a '+' behind one that was cut */
    char room[256], line[CAP];
    struct lines lines;
};

static void on_line(void *ctx, char *line, size_t len, bool cut)
{
    struct log *l = ctx;
    buf_printf(&l->seen, "[%.*s]%s", (int)len, line, cut ? "+" : "");
}

static void begin(struct log *l)
{
    l->seen = BUF_ON(l->room);
    l->lines = (struct lines) { .at = l->line, .cap = CAP, .on_line = on_line, .ctx = l };
}

static void check(const char *text, const char *want)
{
    for (size_t step = 1; step <= strlen(text); step++) {
        struct log l;
        begin(&l);
        for (str rest = str_of(text); rest.len;) {
            size_t n = rest.len < step ? rest.len : step;
            lines_put(&l.lines, (str) { rest.ptr, n });
            rest = str_skip(rest, n);
        }
        lines_end(&l.lines);
        assert_str_equal(buf_str(&l.seen), want);
    }
}

static void lines_are_told_however_they_come(void **state)
{
    check("one\ntwo\n", "[one][two]");
    check("a\r\nb", "[a][b]");
    check("\n\n", "[][]");
}

static void a_line_that_just_fits_is_whole(void **state)
{
    check("12345678\nx\n", "[12345678][x]");
    check("12345678", "[12345678]");
}

static void a_line_that_is_too_long_is_told_once_and_cut(void **state)
{
    check("123456789\nx\n", "[12345678]+[x]");
    check("1234567812345678123456781\n\nx", "[12345678]+[][x]");
    check("123456789", "[12345678]+");
}

static void check_clean(const char *line, bool cut, const char *want)
{
    char text[64];
    size_t len = strlen(line);
    memcpy(text, line, len);
    assert_str_equal(((str) { text, lines_clean(text, len, cut) }), want);
}

static void a_line_for_the_log_has_text_alone(void **state)
{
    check_clean("a\tb\033[1m\x7f", false, "a b?[1m?");
    check_clean("\xc3\xa4", false, "\xc3\xa4");
    check_clean("\xc3\xa4\xff", false, "???");
    check_clean("x\xe2\x82", true, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_told_however_they_come),
        cmocka_unit_test(a_line_that_just_fits_is_whole),
        cmocka_unit_test(a_line_that_is_too_long_is_told_once_and_cut),
        cmocka_unit_test(a_line_for_the_log_has_text_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

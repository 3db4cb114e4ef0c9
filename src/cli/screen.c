/* SPDX-License-Identifier: MIT */
/* A text is walked character by character; of those that a terminal would obey instead of show,
 * UTF-8 knows more than ASCII: C1 controls, and marks of direction, of width zero, of lines. */
#include "cli/screen.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/jsontext.h"

/* The bytes of the first character; of what is no UTF-8, 1. */
static size_t first_length(str s)
{
    for (size_t n = 1; n <= SCREEN_CHARACTER_MAX && n <= s.len; n++)
        if (jsontext_characters((str) { s.ptr, n }) == 1)
            return n;
    return 1;
}

static bool is_between(str c, const char *first, const char *last)
{
    return c.len == strlen(first) && memcmp(c.ptr, first, c.len) >= 0 &&
           memcmp(c.ptr, last, c.len) <= 0;
}

static bool is_obeyed(str c)
{
    unsigned char byte = (unsigned char)c.ptr[0];
    if (c.len == 1)
        return byte < 0x20 || byte >= 0x7f;
    return is_between(c, "\xc2\x80", "\xc2\x9f") ||         /* C1 */
           is_between(c, "\xd8\x9c", "\xd8\x9c") ||         /* U+061C */
           is_between(c, "\xe2\x80\x8b", "\xe2\x80\x8f") || /* U+200B to U+200F */
           is_between(c, "\xe2\x80\xa8", "\xe2\x80\xae") || /* U+2028 to U+202E */
           is_between(c, "\xe2\x81\xa0", "\xe2\x81\xaf") || /* U+2060 to U+206F */
           is_between(c, "\xef\xbb\xbf", "\xef\xbb\xbf");   /* U+FEFF */
}

/* What is shown of it. */
static str shown(str c)
{
    bool is_blank = c.ptr[0] == '\t' || c.ptr[0] == '\n' || c.ptr[0] == '\r';
    return is_blank ? STR(" ") : is_obeyed(c) ? STR("?") : c;
}

size_t screen_width(str s)
{
    size_t width = 0;
    for (; s.len; s = str_skip(s, first_length(s)))
        width++;
    return width;
}

static void print(void *ctx, str text)
{
    fwrite(text.ptr, 1, text.len, stdout);
}

static void print_error(void *ctx, str text)
{
    fwrite(text.ptr, 1, text.len, stderr);
}

static void append(void *ctx, str text)
{
    buf_put(ctx, text);
}

static size_t show(str s, size_t columns, void (*put)(void *ctx, str text), void *ctx)
{
    size_t width = screen_width(s);
    size_t dots = width <= columns ? 0 : columns < 3 ? columns : 3;
    size_t whole = width <= columns ? width : columns - dots;
    for (size_t i = 0; i < whole; i++) {
        size_t len = first_length(s);
        put(ctx, shown((str) { s.ptr, len }));
        s = str_skip(s, len);
    }
    put(ctx, (str) { "...", dots });
    return whole + dots;
}

size_t screen_print(str s, size_t columns)
{
    return show(s, columns, print, NULL);
}

void screen_print_error(str s)
{
    show(s, SIZE_MAX, print_error, NULL);
}

size_t screen_put(struct buf *out, str s, size_t columns)
{
    return show(s, columns, append, out);
}

void screen_print_cell(str s, size_t columns)
{
    size_t taken = screen_print(s, columns);
    printf("%*s", (int)(columns - taken + 2), "");
}

size_t screen_columns(void)
{
    struct winsize size;
    bool is_terminal = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col;
    return is_terminal ? size.ws_col : SIZE_MAX;
}

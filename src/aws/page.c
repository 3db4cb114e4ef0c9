/* SPDX-License-Identifier: MIT */
/* Not a parser of HTML: a page is only quoted, so that a human can tell whose it is. Tags go,
 * and so does what stands in scripts and styles; blanks become one. Any bytes will do, and the
 * result is never longer than the page. */
#include "aws/page.h"

static size_t find(str text, str what)
{
    for (size_t i = 0; i + what.len <= text.len; i++)
        if (str_eq_nocase((str) { text.ptr + i, what.len }, what))
            return i;
    return text.len;
}

bool page_is(str body)
{
    str start = str_trim(body);
    if (str_starts(start, STR("\xef\xbb\xbf")))
        start = str_skip(start, 3);
    if (!start.len || start.ptr[0] != '<')
        return false;
    enum { FAR = 1024 }; /* behind comments and an XML declaration */
    start.len = start.len < FAR ? start.len : FAR;
    static const str signs[] = { STR_INIT("<!doctype html"), STR_INIT("<html"), STR_INIT("<head"),
                                 STR_INIT("<body"), STR_INIT("<title") };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (find(start, signs[i]) < start.len)
            return true;
    return false;
}

/* At a '<': how long is that which is not shown? */
static size_t hidden_len(str at)
{
    static const struct {
        str from, to;
    } blocks[] = { { STR_INIT("<!--"), STR_INIT("-->") },
                   { STR_INIT("<script"), STR_INIT("</script") },
                   { STR_INIT("<style"), STR_INIT("</style") } };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (at.len >= blocks[i].from.len &&
            str_eq_nocase((str) { at.ptr, blocks[i].from.len }, blocks[i].from)) {
            size_t end = find(at, blocks[i].to);
            str rest = str_skip(at, end);
            size_t close = str_find(rest, '>');
            return end + close + (close < rest.len);
        }
    size_t close = str_find(at, '>');
    return close + (close < at.len);
}

static bool is_blank(char c)
{
    return (unsigned char)c <= ' ';
}

/* In place: what is kept is never ahead of what is read. */
static str strip(str html)
{
    char *to = (char *)html.ptr;
    size_t n = 0;
    bool gap = false;
    for (size_t i = 0; i < html.len;) {
        char c = html.ptr[i];
        if (c == '<' || is_blank(c)) {
            i += c == '<' ? hidden_len(str_skip(html, i)) : 1;
            gap = n > 0;
            continue;
        }
        if (gap)
            to[n++] = ' ';
        gap = false;
        to[n++] = c;
        i++;
    }
    return (str) { html.ptr, n };
}

str page_words(char *body, size_t len)
{
    str page = { body, len };
    size_t at = find(page, STR("<title"));
    if (at < len) {
        str title = str_skip(page, at);
        title = str_skip(title, hidden_len(title));
        str words = strip((str) { title.ptr, find(title, STR("</title")) });
        if (words.len)
            return words;
    }
    return strip(page);
}

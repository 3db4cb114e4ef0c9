/* SPDX-License-Identifier: MIT */
/* What one line is depends on its indentation, as in Python's configparser, which the AWS CLI reads
 * its files with: deeper than the property above, it continues that one, else it is a header or a
 * property of its own. `scope` remembers what stands above. A line that is not understood is one
 * INI_BAD item and harms no other; after a bad header nothing is told until the next one, for no
 * line below it is where it seems to be.
 *
 * Two things are AWS's SDKs' rather than the CLI's: a " #" or " ;" outside quotes ends a value, and
 * sections and properties may repeat. */
#include "base/ini.h"

const char *ini_fault_text(enum ini_fault f)
{
    switch (f) {
    case INI_FINE:
        return "fine";
#define X(name, text)                                                                              \
    case INI_##name:                                                                               \
        return text;
        INI_FAULT_MAP(X)
#undef X
    }
    return "unknown";
}

/* --- what is no text --- */

/* Bytes that no text has: not even a sloppy one, so that one in sixteen are too many. */
static bool is_binary(str text)
{
    size_t odd = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == 0)
            return true;
        odd += c < 0x09 || (c > 0x0d && c < 0x20 && c != 0x1b) || c == 0x7f;
    }
    return odd > text.len / 16;
}

const char *ini_foreign_text(str text)
{
    bool has_marks = str_starts(text, STR("\xff\xfe")) || str_starts(text, STR("\xfe\xff"));
    bool has_gaps = text.len >= 4 && ((!text.ptr[0] && !text.ptr[2] && text.ptr[1]) ||
                                      (!text.ptr[1] && !text.ptr[3] && text.ptr[0]));
    if (has_marks || has_gaps)
        return "is UTF-16 text: save it as UTF-8";
    return is_binary(text) ? "is binary, not a text file" : NULL;
}

void ini_init(struct ini *in, str text)
{
    const str mark = STR_INIT("\xef\xbb\xbf");
    *in = (struct ini) { .rest = str_starts(text, mark) ? str_skip(text, mark.len) : text };
}

/* --- blanks --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The length of the white space that s begins with, in bytes: what Python takes for it, so that the
 * no-break spaces of web pages and word processors count. 0: none. */
static size_t space_len(str s)
{
    static const char *const wide[] = { "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80",
                                        "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
                                        "\xe2\x81\x9f", "\xe3\x80\x80" };
    unsigned char c = s.len ? (unsigned char)s.ptr[0] : 'x';
    if (c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f))
        return 1;
    if (c < 0x80 || s.len < 2)
        return 0;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (str_starts(s, str_of(wide[i])))
            return strlen(wide[i]);
    bool is_typographic = str_starts(s, STR("\xe2\x80")) && s.len > 2 &&
                          (unsigned char)s.ptr[2] >= 0x80 && (unsigned char)s.ptr[2] <= 0x8a;
    return is_typographic ? 3 : 0;
}

/* The same of its end. */
static size_t space_len_at_end(str s)
{
    for (size_t n = 1; n <= 3 && n <= s.len; n++)
        if (space_len(str_skip(s, s.len - n)) == n)
            return n;
    return 0;
}

static str trim(str s)
{
    size_t n;
    while ((n = space_len(s)) > 0)
        s = str_skip(s, n);
    while ((n = space_len_at_end(s)) > 0)
        s.len -= n;
    return s;
}

/* In characters. */
static size_t indent_of(str line)
{
    size_t count = 0;
    for (size_t n; (n = space_len(line)) > 0; count++)
        line = str_skip(line, n);
    return count;
}

static bool is_comment(char c)
{
    return c == '#' || c == ';';
}

/* Lines end with "\n", "\r\n" or "\r". */
static str take_line(struct ini *in)
{
    str line = in->rest;
    line.len = 0;
    while (line.len < in->rest.len && line.ptr[line.len] != '\n' && line.ptr[line.len] != '\r')
        line.len++;
    str end = str_skip(in->rest, line.len);
    in->rest = str_skip(end, str_starts(end, STR("\r\n")) ? 2 : end.len > 0);
    in->line++;
    return line;
}

static uint32_t column_of(str line, const char *at)
{
    return (uint32_t)(at - line.ptr) + 1;
}

/* --- what is wrong --- */

/* What a line that is not understood was probably about: its first word. */
static str first_word(str text)
{
    size_t len = 0;
    while (len < text.len && !space_len(str_skip(text, len)) && text.ptr[len] != '=' &&
           text.ptr[len] != ':')
        len++;
    return (str) { text.ptr, len };
}

static void bad(struct ini_item *item, enum ini_fault fault, uint32_t column)
{
    item->kind = INI_BAD;
    item->fault = fault;
    item->column = item->value_column = column;
}

static void bad_header(struct ini *in, struct ini_item *item, str text)
{
    in->lost = true;
    in->scope = INI_IN_RUIN;
    item->title = trim(str_skip(text, 1));
}

/* --- headers --- */

/* The index of the ']' that ends a header: the first with nothing but a comment behind it, else the
 * last, for the CLI minds no text there; text.len: there is none. */
static size_t header_end(str text)
{
    size_t last = text.len;
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] != ']')
            continue;
        str behind = trim(str_skip(text, i + 1));
        if (!behind.len || is_comment(behind.ptr[0]))
            return i;
        last = i;
    }
    return last;
}

static void read_header(struct ini *in, struct ini_item *item, str line, str text)
{
    size_t end = header_end(text);
    if (end == text.len) {
        bad_header(in, item, text);
        bad(item, INI_OPEN_HEADER, column_of(line, text.ptr + text.len));
        return;
    }
    in->lost = false;
    in->scope = INI_IN_SECTION;
    item->kind = INI_SECTION;
    item->title = trim((str) { text.ptr + 1, end - 1 });
    size_t word = 0;
    while (word < item->title.len && !is_blank(item->title.ptr[word]))
        word++;
    item->name = (str) { item->title.ptr, word };
    item->value = trim(str_skip(item->title, word));
    item->column = column_of(line, text.ptr);
    item->value_column = column_of(line, item->value.ptr);
}

/* --- properties --- */

/* The index of the quote that closes the one at `at`, or s.len: there is none. */
static size_t quote_end(str s, size_t at)
{
    size_t i = at + 1;
    while (i < s.len && s.ptr[i] != s.ptr[at])
        i += s.ptr[at] == '"' && s.ptr[i] == '\\' ? 2 : 1;
    return i < s.len ? i : s.len;
}

/* A comment begins with a sign behind a blank, so that values may hold the two signs; within quotes
 * they belong to a command line. A quote that nothing closes is a letter, and so are all behind
 * it. */
static str without_comment(str line)
{
    bool may_quote = true;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (may_quote && (c == '"' || c == '\'')) {
            size_t end = quote_end(line, i);
            may_quote = end < line.len;
            i = may_quote ? end : i;
        } else if (may_quote && c == '\\') {
            i++;
        } else if (is_comment(c) && space_len_at_end((str) { line.ptr, i })) {
            return (str) { line.ptr, i };
        }
    }
    return line;
}

/* `name = value`, where `text` lies in `line`, divided at `at`; false when there is no name, or
 * nothing that divides. */
static bool read_pair(struct ini_item *item, str line, str text, size_t at)
{
    item->name = trim((str) { text.ptr, at });
    if (at == text.len || item->name.len == 0)
        return false;
    item->value = trim(str_skip(text, at + 1));
    item->column = column_of(line, item->name.ptr);
    item->value_column = column_of(line, item->value.ptr);
    return true;
}

static void read_property(struct ini *in, struct ini_item *item, str line, str text)
{
    size_t equals = str_find(text, '='), colon = str_find(text, ':');
    size_t at = equals < colon ? equals : colon;
    if (in->scope == INI_BEFORE_ALL) {
        in->lost = true;
        item->title = first_word(text);
        bad(item, INI_NO_SECTION, column_of(line, text.ptr));
        return;
    }
    if (!read_pair(item, line, text, at)) {
        in->scope = INI_IN_RUIN;
        item->title = first_word(text);
        bad(item, item->name.len ? INI_NO_EQUALS : INI_NO_NAME, column_of(line, text.ptr));
        return;
    }
    item->value = trim(without_comment(str_skip(text, at + 1)));
    item->kind = INI_PROPERTY;
    in->scope = item->value.len ? INI_IN_PROPERTY : INI_IN_PARENT;
}

/* Comments behind it are not cut: they belong to the value. */
static void read_deeper(struct ini *in, struct ini_item *item, str line, str text)
{
    uint32_t column = column_of(line, text.ptr);
    if (in->scope == INI_IN_PROPERTY) {
        item->kind = INI_CONTINUATION;
        item->value = text;
        item->column = item->value_column = column;
        return;
    }
    item->kind = INI_SUB_PROPERTY;
    if (!read_pair(item, line, text, str_find(text, '=')))
        bad(item, item->name.len ? INI_SUB_NO_EQUALS : INI_SUB_NO_NAME, column);
}

/* --- lines --- */

/* The index of the first byte that belongs in no line, or line.len. */
static size_t find_control(str line)
{
    size_t i = 0;
    while (i < line.len && ((unsigned char)line.ptr[i] >= 0x20 || space_len(str_skip(line, i))) &&
           line.ptr[i] != 0x7f)
        i++;
    return i;
}

static bool is_deeper(const struct ini *in, str line)
{
    return in->scope != INI_BEFORE_ALL && in->scope != INI_IN_SECTION &&
           indent_of(line) > in->indent;
}

static bool is_skipped(const struct ini *in, str line, str text)
{
    if (text.len == 0 || is_comment(text.ptr[0]))
        return true;
    if (text.ptr[0] == '[' && (in->lost || !is_deeper(in, line)))
        return false;
    return in->lost || (in->scope == INI_IN_RUIN && is_deeper(in, line));
}

static void read_control(struct ini *in, struct ini_item *item, str text, uint32_t column)
{
    if (text.ptr[0] == '[')
        bad_header(in, item, text);
    else
        item->title = first_word(text);
    in->scope = in->scope == INI_BEFORE_ALL ? in->scope : INI_IN_RUIN;
    bad(item, INI_CONTROL, column);
}

void ini_next(struct ini *in, struct ini_item *item)
{
    while (in->rest.len) {
        str line = take_line(in), text = trim(line);
        if (is_skipped(in, line, text))
            continue;
        bool deeper = is_deeper(in, line) && !in->lost;
        size_t control = find_control(line);
        *item = (struct ini_item) { .line = in->line };
        if (!deeper)
            in->indent = indent_of(line);
        if (control < line.len)
            read_control(in, item, text, (uint32_t)control + 1);
        else if (deeper)
            read_deeper(in, item, line, text);
        else if (text.ptr[0] == '[')
            read_header(in, item, line, text);
        else
            read_property(in, item, line, text);
        return;
    }
    *item = (struct ini_item) { .kind = INI_END, .line = in->line + 1, .column = 1 };
}

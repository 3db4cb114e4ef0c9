/* SPDX-License-Identifier: MIT */
/* YAML in block style: strings stand plain where no reader can take them for anything else, in
 * single quotes where one could, and in double quotes where they hold what quotes must escape. */
#include <stdlib.h>

#include "cli/format.h"

static bool is_word(str s)
{
    static const char *const words[] = { "null", "Null",  "NULL",  "~",     "true", "True",
                                         "TRUE", "false", "False", "FALSE", "=",    "<<" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq(s, str_of(words[i])))
            return true;
    return false;
}

/* How many of the characters in `set` s begins with. */
static size_t span(str s, const char *set)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] && strchr(set, s.ptr[n]))
        n++;
    return n;
}

static bool is_based_number(str s)
{
    static const struct {
        str prefix;
        const char *digits;
    } bases[] = { { STR_INIT("0x"), "0123456789abcdefABCDEF_" },
                  { STR_INIT("0o"), "01234567_" },
                  { STR_INIT("0b"), "01_" } };
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
        if (str_starts(s, bases[i].prefix) && s.len > 2 &&
            span(str_skip(s, 2), bases[i].digits) == s.len - 2)
            return true;
    return false;
}

static bool is_number(str s)
{
    if (s.len && (*s.ptr == '-' || *s.ptr == '+'))
        s = str_skip(s, 1);
    if (str_eq_nocase(s, STR(".inf")) || str_eq_nocase(s, STR(".nan")) || is_based_number(s))
        return true;
    size_t whole = span(s, "0123456789_");
    s = str_skip(s, whole);
    size_t part = 0;
    if (s.len && *s.ptr == '.') {
        part = span(str_skip(s, 1), "0123456789_");
        s = str_skip(s, part + 1);
    }
    if (whole + part == 0)
        return false;
    if (s.len && (*s.ptr == 'e' || *s.ptr == 'E')) {
        s = str_skip(s, 1);
        if (s.len && (*s.ptr == '-' || *s.ptr == '+'))
            s = str_skip(s, 1);
        return s.len && span(s, "0123456789") == s.len;
    }
    return s.len == 0;
}

/* 2026-11-28, with or without a time. */
static bool is_date(str s)
{
    static const char *const shape = "0000-00-00";
    if (s.len < 8 || span(s, "0123456789") != 4 || s.ptr[4] != '-')
        return false;
    for (size_t i = 0; i < 10 && i < s.len; i++)
        if (ascii_is_digit(shape[i]) != ascii_is_digit(s.ptr[i]))
            return false;
    return s.len == 10 || (s.len > 10 && strchr("Tt \t", s.ptr[10]));
}

static bool needs_escapes(str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return true;
    return false;
}

static bool may_be_plain(str s)
{
    if (s.len == 0 || strchr("#,[]{}&*!|>'\"%@` ", *s.ptr) || s.ptr[s.len - 1] == ' ')
        return false;
    if (strchr("-?:", *s.ptr) && (s.len == 1 || s.ptr[1] == ' '))
        return false;
    if (str_starts(s, STR("---")) || str_starts(s, STR("...")))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool last = i + 1 == s.len;
        if ((s.ptr[i] == ':' && (last || s.ptr[i + 1] == ' ')) ||
            (s.ptr[i] == ' ' && !last && s.ptr[i + 1] == '#'))
            return false;
    }
    return !is_word(s) && !is_number(s) && !is_date(s);
}

static void put_string(struct text *out, str s)
{
    if (needs_escapes(s)) {
        text_put_quoted(out, s, false);
    } else if (may_be_plain(s)) {
        text_put(out, s);
    } else {
        text_put_char(out, '\'');
        for (size_t i = 0; i < s.len; i++)
            text_put(out, s.ptr[i] == '\'' ? STR("''") : (str) { s.ptr + i, 1 });
        text_put_char(out, '\'');
    }
}

static void put_scalar(struct text *out, const struct datum *v)
{
    if (v->type == DATUM_STRING)
        put_string(out, v->text);
    else
        datum_write(out, v, DATUM_COMPACT);
}

enum { STEP = 2 };

static void put_block(struct text *out, const struct datum *v, size_t indent);

/* What stands behind "name:" or "-". */
static void put_inner(struct text *out, const struct datum *v, size_t indent, bool in_list)
{
    if (datum_is_scalar(v) || v->count == 0) {
        text_put_char(out, ' ');
        put_scalar(out, v);
        text_put_char(out, '\n');
    } else if (in_list) {
        text_put_char(out, ' ');
        put_block(out, v, indent + STEP);
    } else {
        text_put_char(out, '\n');
        size_t inner = v->type == DATUM_LIST ? indent : indent + STEP;
        text_pad(out, ' ', inner);
        put_block(out, v, inner);
    }
}

/* The caller has put the indent of its first line. */
static void put_block(struct text *out, const struct datum *v, size_t indent)
{
    bool in_list = v->type == DATUM_LIST;
    const size_t *order = in_list ? NULL : datum_sorted(out->arena, v);
    for (size_t i = 0; (in_list || order) && i < v->count; i++) {
        size_t at = in_list ? i : order[i];
        if (i)
            text_pad(out, ' ', indent);
        if (in_list) {
            text_put_char(out, '-');
        } else {
            put_string(out, v->names[at]);
            text_put_char(out, ':');
        }
        put_inner(out, v->items[at], indent, in_list);
    }
}

void format_put_yaml(struct text *out, const struct datum *v)
{
    if (!datum_is_scalar(v) && v->count) {
        put_block(out, v, 0);
        return;
    }
    put_scalar(out, v);
    text_put_char(out, '\n');
}

/* SPDX-License-Identifier: MIT */
/* Three nets, because none is tight: what is known to be secret by where it stood, what is called
 * so, and what looks so. A word too many under stars costs a reader a guess, one too few costs a
 * key. */
#include "credentials/mask.h"

#include "aws/answer.h"
#include "base/buf.h"

enum { SHAPE_MIN = 32 };

static bool is_letter(char c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static bool is_word(char c)
{
    return ascii_is_digit(c) || is_letter(c) || (c && strchr("+/=_.-", c));
}

static bool is_base64(char c)
{
    return is_word(c) && c != '.';
}

static void star(str s)
{
    memset((char *)s.ptr, '*', s.len);
}

/* How many bytes from the start are of a kind. */
static size_t span(str s, bool (*is)(char c))
{
    size_t n = 0;
    while (n < s.len && is(s.ptr[n]))
        n++;
    return n;
}

static bool is_path_or_option(str word)
{
    return str_starts(word, STR("-")) || str_starts(word, STR("/")) ||
           str_starts(word, STR("./")) || str_starts(word, STR("../"));
}

/* One word, and what stands behind its first '=': --password=... */
static void mask_word(str text, str word, size_t least)
{
    if (word.len >= least && !is_path_or_option(word))
        answer_hide(text, word);
    size_t equals = str_find(word, '=');
    if (equals >= word.len)
        return;
    str value = str_skip(word, equals + 1);
    if (value.len >= least)
        answer_hide(text, value);
}

void mask_words(str text, str from, size_t least)
{
    while (from.len) {
        size_t n = span(from, is_word);
        mask_word(text, (str) { from.ptr, n }, least);
        from = str_skip(from, n < from.len ? n + 1 : n);
    }
}

/* --- by name --- */

/* Does a name of something secret begin here? Its length, or 0. */
static size_t secret_name(str s)
{
    static const str names[] = { STR_INIT("secret"),     STR_INIT("token"),
                                 STR_INIT("password"),   STR_INIT("passwd"),
                                 STR_INIT("passphrase"), STR_INIT("authorization") };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (s.len >= names[i].len && str_eq_nocase((str) { s.ptr, names[i].len }, names[i]))
            return names[i].len;
    return 0;
}

static bool is_name(char c)
{
    return ascii_is_digit(c) || is_letter(c) || c == '_' || c == '-';
}

static bool is_between(char c)
{
    return c == ' ' || c == '\t' || c == '"' || c == '\'' || c == '\\';
}

static bool is_value(char c)
{
    return (unsigned char)c > ' ' && c != 0x7f && !strchr("\"',;}", c);
}

/* From after a name: the value that it has, or nothing. */
static str value_after(str s)
{
    s = str_skip(s, span(s, is_name));
    s = str_skip(s, span(s, is_between));
    if (!s.len || (s.ptr[0] != ':' && s.ptr[0] != '='))
        return (str) { s.ptr, 0 };
    s = str_skip(s, 1);
    s = str_skip(s, span(s, is_between));
    return (str) { s.ptr, span(s, is_value) };
}

void mask_named(str text)
{
    for (str s = text; s.len; s = str_skip(s, 1)) {
        size_t name = secret_name(s);
        if (name)
            star(value_after(str_skip(s, name)));
    }
}

/* --- by shape --- */

static bool looks_secret(str s)
{
    bool upper = false, lower = false, digit = false;
    for (size_t i = 0; i < s.len; i++) {
        digit = digit || ascii_is_digit(s.ptr[i]);
        lower = lower || (s.ptr[i] >= 'a' && s.ptr[i] <= 'z');
        upper = upper || (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z');
    }
    return s.len >= SHAPE_MIN && upper && lower && digit;
}

void mask_shapes(str text)
{
    while (text.len) {
        str run = { text.ptr, span(text, is_base64) };
        if (looks_secret(run))
            star(run);
        text = str_skip(text, run.len < text.len ? run.len + 1 : run.len);
    }
}

/* --- for people --- */

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

void mask_last_line(char *out, size_t size, str text)
{
    struct buf b = { .at = out, .cap = size };
    text = str_trim(text);
    if (text.len >= size) {
        text = str_skip(text, text.len - (size - 1));
        size_t word = str_find(text, ' ');
        text = str_skip(text, word < text.len ? word + 1 : 0);
    }
    while (text.len && ((unsigned char)text.ptr[0] & 0xc0) == 0x80)
        text = str_skip(text, 1); /* not from the middle of a character */
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_blank = c == '\n' || c == '\r' || c == '\t';
        buf_put_char(&b, is_blank ? ' ' : is_control(c) ? '?' : c);
    }
    buf_cstr(&b);
}

/* SPDX-License-Identifier: MIT */
/* JSON values from text and back: the reader is the library's own (aws/json.h), so that there is
 * one opinion on what JSON is; the writer lays out as Python's json module does, which is what the
 * AWS CLI prints by. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/json.h"
#include "base/log.h"
#include "cli/datum.h"

/* --- reading --- */

static const struct datum *convert(struct arena *a, struct json *j, int node);

static const struct datum *convert_number(struct arena *a, str text)
{
    char copy[64];
    if (text.len >= sizeof copy)
        return datum_number(a, 0, false);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return datum_number(a, strtod(copy, NULL), strpbrk(copy, ".eE") != NULL);
}

static const struct datum *convert_list(struct arena *a, struct json *j, int node)
{
    struct datum *v = datum_list(a);
    for (int i = json_first(j, node); i != JSON_NONE; i = json_next(j, i))
        datum_append(a, v, convert(a, j, i));
    return v;
}

static const struct datum *convert_object(struct arena *a, struct json *j, int node)
{
    struct datum *v = datum_object(a);
    for (int i = json_first(j, node); i != JSON_NONE; i = json_next(j, i)) {
        const struct datum *member = convert(a, j, json_value(i));
        datum_set(a, v, json_text(j, i), member);
    }
    return v;
}

/* No deeper than the reader lets a text nest. */
static const struct datum *convert(struct arena *a, struct json *j, int node)
{
    switch (json_type(j, node)) {
    case JSON_NULL:
        return datum_null();
    case JSON_BOOL:
        return datum_bool(json_scalar(j, node).ptr[0] == 't');
    case JSON_NUMBER:
        return convert_number(a, json_scalar(j, node));
    case JSON_STRING:
        return datum_string(a, json_text(j, node));
    case JSON_ARRAY:
        return convert_list(a, j, node);
    case JSON_OBJECT:
        return convert_object(a, j, node);
    }
    return datum_null();
}

static int parse(struct arena *a, struct json *j, str text, struct pipepoll_error *why)
{
    int r = json_parse(j, (char *)(uintptr_t)text.ptr, text.len, NULL, 0, why);
    if (r != JSON_NEED_TOKENS)
        return r;
    size_t needed = j->tokens_needed;
    struct json_token *tokens = arena_take(a, needed * sizeof *tokens);
    if (!tokens)
        return explain(why, JSON_BAD, "out of memory");
    return json_parse(j, (char *)(uintptr_t)text.ptr, text.len, tokens, needed, why);
}

/* The reader takes objects alone: anything else is read as the one member of an object. */
const struct datum *datum_read(struct arena *a, str json, struct pipepoll_error *why)
{
    struct json j;
    json = str_trim(json);
    bool is_object = str_starts(json, STR("{"));
    struct text wrapped = { .arena = a };
    text_put(&wrapped, is_object ? STR("") : STR("{\"\":"));
    text_put(&wrapped, json);
    text_put(&wrapped, is_object ? STR("") : STR("}"));
    if (a->failed || parse(a, &j, buf_str(&wrapped.buf), why))
        return NULL;
    const struct datum *v = convert(a, &j, JSON_ROOT);
    if (is_object || a->failed)
        return a->failed ? NULL : v;
    if (v->count == 1 && v->names[0].len == 0)
        return v->items[0];
    explain(why, JSON_BAD, "more than one value");
    return NULL;
}

/* --- writing --- */

static bool reserve(struct text *t, size_t more)
{
    struct buf *b = &t->buf;
    if (more <= b->cap - b->len)
        return true;
    size_t cap = (b->len + more) * 2 + 256;
    char *at = arena_take(t->arena, cap);
    if (!at)
        return false;
    if (b->len)
        memcpy(at, b->at, b->len);
    b->at = at;
    b->cap = cap;
    return true;
}

void text_put(struct text *t, str s)
{
    if (reserve(t, s.len))
        buf_put(&t->buf, s);
}

void text_put_char(struct text *t, char c)
{
    text_put(t, (str) { &c, 1 });
}

void text_pad(struct text *t, char c, size_t n)
{
    while (n--)
        text_put_char(t, c);
}

/* The shortest digits that read back as the same number, laid out as Python does: with an exponent
 * below 1e-4 and from 1e16 on. */
static void put_float(struct text *t, double n)
{
    char text[64];
    int digits = 1;
    do
        snprintf(text, sizeof text, "%.*e", digits - 1, n);
    while (!(strtod(text, NULL) >= n && strtod(text, NULL) <= n) && ++digits <= 17);
    const char *mark = strchr(text, 'e');
    int exponent = mark ? atoi(mark + 1) : 0;
    if (exponent >= -4 && exponent < 16) {
        int decimals = digits - 1 - exponent;
        snprintf(text, sizeof text, "%.*f", decimals > 0 ? decimals : 1, n);
    }
    text_put(t, str_of(text));
}

void text_put_number(struct text *t, const struct datum *number)
{
    char text[64];
    if (number->is_float) {
        put_float(t, number->number);
        return;
    }
    snprintf(text, sizeof text, fabs(number->number) < 1e30 ? "%.0f" : "%g", number->number);
    text_put(t, str_of(text));
}

static void put_escape(struct text *t, unsigned unit)
{
    char text[8];
    snprintf(text, sizeof text, "\\u%04x", unit & 0xffff);
    text_put(t, str_of(text));
}

static void put_control(struct text *t, char c)
{
    static const char *const shorts = "\bb\tt\nn\ff\rr\"\"\\\\";
    for (const char *s = shorts; *s; s += 2) {
        if (*s == c) {
            text_put_char(t, '\\');
            text_put_char(t, s[1]);
            return;
        }
    }
    put_escape(t, (unsigned char)c);
}

/* The code point at s->ptr, which is taken; a byte that begins none is U+FFFD. */
static unsigned take_code_point(str *s)
{
    unsigned char first = (unsigned char)*s->ptr;
    size_t size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    if (size == 0 || size > s->len) {
        *s = str_skip(*s, 1);
        return 0xfffd;
    }
    unsigned c = size == 1 ? first : first & (0x7fu >> size);
    for (size_t i = 1; i < size; i++)
        c = c << 6 | ((unsigned char)s->ptr[i] & 0x3f);
    *s = str_skip(*s, size);
    return c;
}

static void put_ascii(struct text *t, unsigned c)
{
    if (c >= 0x10000) {
        put_escape(t, 0xd800 + ((c - 0x10000) >> 10));
        put_escape(t, 0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
        put_escape(t, c);
    }
}

void text_put_quoted(struct text *t, str s, bool ascii)
{
    text_put_char(t, '"');
    while (s.len) {
        char c = *s.ptr;
        if (c & 0x80 && ascii) {
            put_ascii(t, take_code_point(&s));
            continue;
        }
        if ((unsigned char)c < ' ' || c == '"' || c == '\\')
            put_control(t, c);
        else
            text_put_char(t, c);
        s = str_skip(s, 1);
    }
    text_put_char(t, '"');
}

enum { INDENT = 4 };

static void write_line(struct text *out, enum datum_layout layout, size_t depth)
{
    if (layout == DATUM_COMPACT)
        return;
    text_put_char(out, '\n');
    text_pad(out, ' ', depth * INDENT);
}

static void write_at(struct text *out, const struct datum *v, enum datum_layout layout,
                     size_t depth);

static void write_items(struct text *out, const struct datum *v, enum datum_layout layout,
                        size_t depth)
{
    bool is_object = v->type == DATUM_OBJECT;
    text_put_char(out, is_object ? '{' : '[');
    for (size_t i = 0; i < v->count; i++) {
        if (i)
            text_put_char(out, ',');
        write_line(out, layout, depth + 1);
        if (is_object) {
            text_put_quoted(out, v->names[i], layout == DATUM_COMPACT);
            text_put(out, layout == DATUM_COMPACT ? STR(":") : STR(": "));
        }
        write_at(out, v->items[i], layout, depth + 1);
    }
    if (v->count)
        write_line(out, layout, depth);
    text_put_char(out, is_object ? '}' : ']');
}

static void write_at(struct text *out, const struct datum *v, enum datum_layout layout,
                     size_t depth)
{
    switch (v->type) {
    case DATUM_NULL:
        text_put(out, STR("null"));
        break;
    case DATUM_BOOL:
        text_put(out, v->truth ? STR("true") : STR("false"));
        break;
    case DATUM_NUMBER:
        text_put_number(out, v);
        break;
    case DATUM_STRING:
        text_put_quoted(out, v->text, layout == DATUM_COMPACT);
        break;
    case DATUM_LIST:
    case DATUM_OBJECT:
        write_items(out, v, layout, depth);
        break;
    }
}

void datum_write(struct text *out, const struct datum *v, enum datum_layout layout)
{
    write_at(out, v, layout, 0);
}

/* SPDX-License-Identifier: MIT */
/* jsmn keeps offsets and parent links; that is all the walk needs. Token memory is only ever
 * touched as jsmn's own type: struct json_token is how others make room for it. */
#include "aws/json.h"

#include <assert.h>
#include <stdint.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include "aws/json_check.h"
#include "base/log.h"

static_assert(sizeof(struct json_token) == sizeof(jsmntok_t), "jsmn's token has grown");
static_assert(_Alignof(struct json_token) == _Alignof(jsmntok_t), "jsmn's token is aligned anew");

/* In the size of a string's token: there is nothing left to unescape. */
enum { UNESCAPED = -1 };

static jsmntok_t *token(const struct json *j, int node)
{
    assert(node >= 0 && node < j->token_count);
    return (jsmntok_t *)(void *)j->tokens + node;
}

static str token_text(const struct json *j, int node)
{
    const jsmntok_t *t = token(j, node);
    return (str) { j->text + t->start, (size_t)(t->end - t->start) };
}

int json_parse(struct json *out, char *text, size_t len, struct json_token *tokens,
               size_t token_cap, struct pipepoll_error *why)
{
    *out = (struct json) { .text = text, .len = len, .tokens = tokens };
    int r = json_check(out, why);
    if (r)
        return r;
    if (out->tokens_needed > token_cap)
        return JSON_NEED_TOKENS;

    jsmn_parser parser;
    jsmn_init(&parser);
    out->token_count =
        jsmn_parse(&parser, text, len, (jsmntok_t *)(void *)tokens, (unsigned)out->tokens_needed);
    bool whole = parser.pos == len && out->token_count > 0;
    if (!whole || (size_t)out->token_count != out->tokens_needed)
        return explain(why, JSON_BAD, "jsmn found %d tokens in %u bytes, not %zu in %zu",
                       out->token_count, parser.pos, out->tokens_needed, len);
    return JSON_OK;
}

enum json_type json_type(const struct json *j, int node)
{
    const jsmntok_t *t = token(j, node);
    switch (t->type) {
    case JSMN_OBJECT:
        return JSON_OBJECT;
    case JSMN_ARRAY:
        return JSON_ARRAY;
    case JSMN_STRING:
        return JSON_STRING;
    case JSMN_PRIMITIVE:
    case JSMN_UNDEFINED:
        break;
    }
    char first = j->text[t->start];
    return first == 'n' ? JSON_NULL : first == 't' || first == 'f' ? JSON_BOOL : JSON_NUMBER;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",       [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
        [JSON_STRING] = "a string", [JSON_ARRAY] = "a list",   [JSON_OBJECT] = "an object",
    };
    return names[type];
}

/* The node at i when it is a child of parent. */
static int child_at(const struct json *j, int i, int parent)
{
    return i < j->token_count && token(j, i)->parent == parent ? i : JSON_NONE;
}

int json_first(const struct json *j, int parent)
{
    return child_at(j, parent + 1, parent);
}

int json_value(int key)
{
    return key + 1;
}

/* Tokens lie in the order of the text: what is below a sibling has a later parent than the siblings
 * have, and what follows after the last of them has an earlier one. */
int json_next(const struct json *j, int node)
{
    int parent = token(j, node)->parent, i = node + 1;
    while (i < j->token_count && token(j, i)->parent > parent)
        i++;
    return child_at(j, i, parent);
}

str json_scalar(const struct json *j, int node)
{
    return token_text(j, node);
}

size_t json_count(const struct json *j, int list)
{
    return (size_t)token(j, list)->size;
}

static unsigned hex4(const char *at)
{
    unsigned n = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)at[i];
        n = n << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return n;
}

static size_t put_utf8(char out[4], unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> size) | c);
    return size;
}

/* The code point of the \u escape or pair of escapes at *at. A quote stands behind every string, so
 * looking for the second half of a pair stays inside the text. */
static unsigned decode_unicode(const char **at)
{
    unsigned c = hex4(*at + 2);
    *at += 6;
    if (c < 0xd800 || c > 0xdfff)
        return c;
    if (c < 0xdc00 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        unsigned low = hex4(*at + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *at += 6;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return 0xfffd;
}

/* Step over one byte or escape of a string at *at. The UTF-8 bytes it stands for go to out: never
 * more than were stepped over. Returns how many. */
static size_t decode(const char **at, char out[4])
{
    const char *from = *at;
    if (from[0] != '\\') {
        out[0] = from[0];
        *at += 1;
        return 1;
    }
    if (from[1] == 'u')
        return put_utf8(out, decode_unicode(at));
    *at += 2;
    switch (from[1]) {
    case 'b':
        out[0] = '\b';
        break;
    case 'f':
        out[0] = '\f';
        break;
    case 'n':
        out[0] = '\n';
        break;
    case 'r':
        out[0] = '\r';
        break;
    case 't':
        out[0] = '\t';
        break;
    default: /* a quote, a slash or a backslash stands for itself */
        out[0] = from[1];
        break;
    }
    return 1;
}

static bool is_plain(const struct json *j, int node)
{
    return !j->has_escapes || token(j, node)->size == UNESCAPED;
}

str json_raw(const struct json *j, int node)
{
    str s = token_text(j, node);
    return token(j, node)->type == JSMN_STRING ? (str) { s.ptr - 1, s.len + 2 } : s;
}

bool json_is(const struct json *j, int node, str what)
{
    str s = token_text(j, node);
    if (is_plain(j, node))
        return str_eq(s, what);
    const char *at = s.ptr, *end = s.ptr + s.len;
    while (at < end) {
        char c[4];
        str one = { c, decode(&at, c) };
        if (!str_starts(what, one))
            return false;
        what = str_skip(what, one.len);
    }
    return what.len == 0;
}

str json_text(struct json *j, int node)
{
    str s = token_text(j, node);
    if (is_plain(j, node))
        return s;
    char *to = j->text + token(j, node)->start + str_find(s, '\\');
    const char *at = to, *end = s.ptr + s.len;
    while (at < end) {
        char c[4];
        size_t n = decode(&at, c);
        memcpy(to, c, n);
        to += n;
    }
    s.len = (size_t)(to - s.ptr);
    token(j, node)->end = token(j, node)->start + (int)s.len;
    token(j, node)->size = UNESCAPED;
    return s;
}

int json_member(const struct json *j, int object, const char *name)
{
    int found = JSON_NONE;
    for (int key = json_first(j, object); key != JSON_NONE; key = json_next(j, key))
        if (json_is(j, key, str_of(name)))
            found = json_value(key);
    return found;
}

str json_member_text(struct json *j, int object, const char *name)
{
    int node = json_member(j, object, name);
    return node != JSON_NONE && json_type(j, node) == JSON_STRING ? json_text(j, node) : STR("");
}

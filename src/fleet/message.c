/* SPDX-License-Identifier: MIT */
/* JSON in by aws/json.h, in place: no text of ours needs an escape, so a string with one is
 * malformed and the message is never written to. Numbers are read digit by digit: no locale, no
 * rounding. */
#include "fleet/message.h"

#include "base/jsontext.h"

/* --- numbers as text --- */

void message_put_hex(struct buf *out, uint64_t n)
{
    char digits[MESSAGE_HEX];
    for (int i = MESSAGE_HEX - 1; i >= 0; i--, n >>= 4)
        digits[i] = "0123456789abcdef"[n & 15];
    buf_put(out, (str) { digits, MESSAGE_HEX });
}

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(ascii_lower(c) - 'a' + 10);
}

bool message_read_hex(str s, uint64_t *out)
{
    uint64_t n = 0;
    if (s.len != MESSAGE_HEX)
        return false;
    for (size_t i = 0; i < MESSAGE_HEX; i++) {
        if (!ascii_is_hex(s.ptr[i]))
            return false;
        n = n << 4 | hex_value(s.ptr[i]);
    }
    *out = n;
    return true;
}

static bool read_digit(uint64_t *n, char c)
{
    if (!ascii_is_digit(c) || *n > (UINT64_MAX - 9) / 10)
        return false;
    *n = *n * 10 + (uint64_t)(c - '0');
    return true;
}

bool message_read_decimal(str s, uint64_t *out)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        if (!read_digit(&n, s.ptr[i]))
            return false;
    *out = n;
    return s.len > 0;
}

/* A number with a fraction, in parts of one: `parts` is a power of ten; finer digits go. */
static bool read_parts(str s, uint64_t parts, uint64_t *out)
{
    size_t dot = str_find(s, '.');
    str fraction = str_skip(s, dot < s.len ? dot + 1 : s.len);
    uint64_t n;
    if (!message_read_decimal((str) { s.ptr, dot }, &n))
        return false;
    for (size_t i = 0; parts > 1; i++, parts /= 10)
        if (!read_digit(&n, i < fraction.len ? fraction.ptr[i] : '0'))
            return false;
    *out = n;
    return true;
}

/* --- members of a body --- */

void message_open(struct buf *out)
{
    buf_put(out, STR("{\"v\":1"));
}

void message_hash(struct buf *out, const char *name, uint64_t n)
{
    jsontext_name(out, str_of(name));
    buf_put_char(out, '"');
    message_put_hex(out, n);
    buf_put_char(out, '"');
}

enum beat_read message_version(const struct json *j)
{
    uint64_t version;
    int node = json_member(j, JSON_ROOT, "v");
    if (node == JSON_NONE || json_type(j, node) != JSON_NUMBER)
        return BEAT_MALFORMED;
    if (!message_read_decimal(json_scalar(j, node), &version))
        return BEAT_MALFORMED;
    return version == 1 ? BEAT_OK : BEAT_OTHER_VERSION;
}

enum beat_read message_read(struct message *b, str body)
{
    /* Nothing below writes to the text: json_text() is not called. */
    if (json_parse(&b->json, (char *)body.ptr, body.len, b->tokens, MESSAGE_TOKENS, NULL) !=
        JSON_OK)
        return BEAT_MALFORMED;
    return message_version(&b->json);
}

int message_member(const struct json *j, int object, const char *name)
{
    int node = json_member(j, object, name);
    return node != JSON_NONE && json_type(j, node) == JSON_NULL ? JSON_NONE : node;
}

/* The string of this name without quotes; empty if there is none. false: it is of another type. */
bool message_get_text(const struct json *j, int object, const char *name, str *out)
{
    int node = message_member(j, object, name);
    *out = STR("");
    if (node == JSON_NONE)
        return true;
    if (json_type(j, node) != JSON_STRING)
        return false;
    str raw = json_raw(j, node);
    *out = (str) { raw.ptr + 1, raw.len - 2 };
    return str_find(*out, '\\') == out->len;
}

bool message_get_parts(const struct json *j, int object, const char *name, uint64_t parts,
                       uint64_t *out)
{
    int node = message_member(j, object, name);
    *out = 0;
    if (node == JSON_NONE)
        return true;
    return json_type(j, node) == JSON_NUMBER && read_parts(json_scalar(j, node), parts, out);
}

bool message_get_number(const struct json *j, const char *name, uint64_t *out)
{
    return message_get_parts(j, JSON_ROOT, name, 1, out);
}

bool message_get_u32(const struct json *j, const char *name, uint32_t *out)
{
    uint64_t n;
    bool is_fine = message_get_number(j, name, &n);
    *out = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
    return is_fine;
}

bool message_get_hash(const struct json *j, const char *name, uint64_t *out)
{
    str text;
    *out = 0;
    return message_get_text(j, JSON_ROOT, name, &text) &&
           (!text.len || message_read_hex(text, out));
}

bool message_get_flag(const struct json *j, const char *name, bool *out)
{
    int node = message_member(j, JSON_ROOT, name);
    *out = false;
    if (node == JSON_NONE)
        return true;
    *out = str_eq(json_scalar(j, node), STR("true"));
    return json_type(j, node) == JSON_BOOL;
}

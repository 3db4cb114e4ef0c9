/* SPDX-License-Identifier: MIT */
/* A table of states over classes of bytes says what may come next; strings, numbers and words are
 * scanned by loops of their own. What the open brackets are is a stack of bits, so depth costs
 * neither recursion nor memory. jsmn skips most of these rules even in strict mode, yet its tree
 * can be trusted once the grammar is known to hold. */
#include "aws/json_check.h"

#include <stdint.h>

#include "base/log.h"

enum byte_class {
    OTHER,
    BLANK,
    QUOTE,
    OBJECT_OPEN,
    OBJECT_CLOSE,
    LIST_OPEN,
    LIST_CLOSE,
    COMMA,
    COLON,
    NUMBER,
    WORD,
    CLASS_COUNT
};

static const unsigned char class_of[256] = {
    [' '] = BLANK,      ['\t'] = BLANK,      ['\r'] = BLANK,       ['\n'] = BLANK,
    ['"'] = QUOTE,      ['{'] = OBJECT_OPEN, ['}'] = OBJECT_CLOSE, ['['] = LIST_OPEN,
    [']'] = LIST_CLOSE, [','] = COMMA,       [':'] = COLON,        ['-'] = NUMBER,
    ['0'] = NUMBER,     ['1'] = NUMBER,      ['2'] = NUMBER,       ['3'] = NUMBER,
    ['4'] = NUMBER,     ['5'] = NUMBER,      ['6'] = NUMBER,       ['7'] = NUMBER,
    ['8'] = NUMBER,     ['9'] = NUMBER,      ['t'] = WORD,         ['f'] = WORD,
    ['n'] = WORD,
};

enum state {
    REFUSED,
    VALUE_DONE, /* the bracket around the value decides */
    AT_ROOT,
    AT_END,
    AT_FIRST_KEY,
    AT_KEY,
    AT_COLON,
    AT_VALUE,
    AT_FIRST_ELEMENT,
    IN_OBJECT,
    IN_LIST,
    STATE_COUNT
};

#define ANY_VALUE                                                                                  \
    [QUOTE] = VALUE_DONE, [NUMBER] = VALUE_DONE, [WORD] = VALUE_DONE,                              \
    [OBJECT_OPEN] = AT_FIRST_KEY, [LIST_OPEN] = AT_FIRST_ELEMENT

static const unsigned char next_state[STATE_COUNT][CLASS_COUNT] = {
    [AT_ROOT] = { [OBJECT_OPEN] = AT_FIRST_KEY },
    [AT_FIRST_KEY] = { [QUOTE] = AT_COLON, [OBJECT_CLOSE] = VALUE_DONE },
    [AT_KEY] = { [QUOTE] = AT_COLON },
    [AT_COLON] = { [COLON] = AT_VALUE },
    [AT_VALUE] = { ANY_VALUE },
    [AT_FIRST_ELEMENT] = { ANY_VALUE, [LIST_CLOSE] = VALUE_DONE },
    [IN_OBJECT] = { [COMMA] = AT_KEY, [OBJECT_CLOSE] = VALUE_DONE },
    [IN_LIST] = { [COMMA] = AT_VALUE, [LIST_CLOSE] = VALUE_DONE },
};

static const char *const wanted[STATE_COUNT] = {
    [AT_ROOT] = "a JSON object", [AT_FIRST_KEY] = "a key or '}'",
    [AT_KEY] = "a key",          [AT_COLON] = "':'",
    [AT_VALUE] = "a value",      [AT_FIRST_ELEMENT] = "a value or ']'",
    [IN_OBJECT] = "',' or '}'",  [IN_LIST] = "',' or ']'",
};

struct check {
    const unsigned char *text, *end;
    size_t tokens;
    unsigned depth;
    uint32_t objects; /* one bit per open bracket, the innermost lowest; 1: an object */
    bool has_escapes;
    struct pipepoll_error *why;
};

/* All that follow step over what begins at `at`: they return what comes behind it, or NULL when
 * they refused it. (A position that goes through memory at every step would halve the speed.) */
typedef const unsigned char *position;

static position refuse(const struct check *c, position at, const char *instead_of)
{
    size_t byte = (size_t)(at - c->text);
    if (at == c->end)
        explain(c->why, 0, "cut short at byte %zu", byte);
    else if (*at > ' ' && *at < 0x7f)
        explain(c->why, 0, "found '%c' at byte %zu, not %s", *at, byte, instead_of);
    else
        explain(c->why, 0, "found 0x%02x at byte %zu, not %s", *at, byte, instead_of);
    return NULL;
}

/* Overlong forms, surrogates and what is above U+10FFFF show in the second byte. */
static position check_utf8(const struct check *c, position at)
{
    unsigned lead = at[0], low = 0x80, high = 0xbf;
    ptrdiff_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead < 0xc2 || lead > 0xf4 || c->end - at < size)
        goto invalid;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (at[1] < low || at[1] > high)
        goto invalid;
    for (ptrdiff_t i = 2; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            goto invalid;
    return at + size;
invalid:
    explain(c->why, 0, "invalid UTF-8 at byte %zu", (size_t)(at - c->text));
    return NULL;
}

static bool is_hex(unsigned char b)
{
    return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'f') || (b >= 'A' && b <= 'F');
}

static position check_escape(struct check *c, position at)
{
    c->has_escapes = true;
    at++;
    if (at < c->end && *at != 'u')
        return memchr("\"\\/bfnrt", *at, 8) ? at + 1 : refuse(c, at, "an escape");
    if (at < c->end)
        at++;
    for (int i = 0; i < 4; i++, at++)
        if (at == c->end || !is_hex(*at))
            return refuse(c, at, "a hex digit");
    return at;
}

/* Eight bytes at once, each in its lane of w: a lane's top bit comes up when its byte is below
 * 0x20, a quote, a backslash or no ASCII. A borrow may disturb higher lanes, but only from a lane
 * that is up itself. */
static bool are_plain(const unsigned char at[8])
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t w;
    memcpy(&w, at, sizeof w);
    uint64_t control = w - ones * 0x20, quote = (w ^ ones * '"') - ones;
    uint64_t backslash = (w ^ ones * '\\') - ones;
    return !((control | quote | backslash | w) & ones * 0x80);
}

static position skip_plain(const struct check *c, position at)
{
    while (c->end - at >= 8 && are_plain(at))
        at += 8;
    while (at < c->end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static position check_string(struct check *c, position at)
{
    for (at++; at;) {
        at = skip_plain(c, at);
        if (at == c->end || *at < 0x20)
            return refuse(c, at, "a character of a string");
        if (*at == '"')
            return at + 1;
        at = *at == '\\' ? check_escape(c, at) : check_utf8(c, at);
    }
    return NULL;
}

/* One digit or more. */
static position check_digits(const struct check *c, position at)
{
    position first = at;
    while (at < c->end && *at >= '0' && *at <= '9')
        at++;
    return at > first ? at : refuse(c, at, "a digit");
}

static bool is_one_of(const struct check *c, position at, char one, char other)
{
    return at < c->end && (*at == one || *at == other);
}

static position check_number(const struct check *c, position at)
{
    if (*at == '-')
        at++;
    at = is_one_of(c, at, '0', '0') ? at + 1 : check_digits(c, at);
    if (at && is_one_of(c, at, '.', '.'))
        at = check_digits(c, at + 1);
    if (at && is_one_of(c, at, 'e', 'E'))
        at = check_digits(c, is_one_of(c, at + 1, '+', '-') ? at + 2 : at + 1);
    return at;
}

static position check_word(const struct check *c, position at)
{
    const char *word = *at == 't' ? "true" : *at == 'f' ? "false" : "null";
    for (const char *w = word; *w; w++, at++)
        if (at == c->end || *at != (unsigned char)*w)
            return refuse(c, at, word);
    return at;
}

static position check_open(struct check *c, position at, uint32_t object)
{
    if (c->depth == JSON_DEPTH_MAX) {
        explain(c->why, 0, "nested deeper than %d at byte %zu", JSON_DEPTH_MAX,
                (size_t)(at - c->text));
        return NULL;
    }
    c->depth++;
    c->objects = c->objects << 1 | object;
    return at + 1;
}

static position check_item(struct check *c, position at, enum byte_class class)
{
    switch (class) {
    case QUOTE:
        c->tokens++;
        return check_string(c, at);
    case NUMBER:
        c->tokens++;
        return check_number(c, at);
    case WORD:
        c->tokens++;
        return check_word(c, at);
    case OBJECT_OPEN:
    case LIST_OPEN:
        c->tokens++;
        return check_open(c, at, class == OBJECT_OPEN);
    case OBJECT_CLOSE:
    case LIST_CLOSE:
        c->depth--;
        c->objects >>= 1;
        return at + 1;
    case COMMA:
    case COLON:
    case BLANK:
    case OTHER:
    case CLASS_COUNT:
        break;
    }
    return at + 1;
}

/* What may follow a value. */
static enum state after_value(const struct check *c)
{
    if (!c->depth)
        return AT_END;
    return c->objects & 1 ? IN_OBJECT : IN_LIST;
}

/* The text ended, or its next byte is not for this state. */
static int check_end(const struct check *c, position at, enum state state)
{
    bool ended = at == c->end;
    if (state == AT_END && ended)
        return JSON_OK;
    if (state == AT_END)
        return explain(c->why, JSON_BAD, "more text after the object at byte %zu",
                       (size_t)(at - c->text));
    if (state == AT_ROOT && ended)
        return explain(c->why, JSON_BAD, "the body is empty");
    refuse(c, at, wanted[state]);
    return JSON_BAD;
}

static int check_text(struct check *c)
{
    enum state state = AT_ROOT;
    position at = c->text;
    for (;;) {
        enum byte_class class = BLANK; /* and so is the end: no state takes it */
        while (at < c->end && (class = class_of[*at]) == BLANK)
            at++;
        enum state next = next_state[state][class];
        if (next == REFUSED)
            return check_end(c, at, state);
        at = check_item(c, at, class);
        if (!at)
            return JSON_BAD;
        state = next == VALUE_DONE ? after_value(c) : next;
    }
}

int json_check(struct json *j, struct pipepoll_error *why)
{
    if (j->len > JSON_LEN_MAX)
        return explain(why, JSON_BAD, "%zu bytes of JSON, more than %d", j->len, JSON_LEN_MAX);
    if (!j->len)
        return explain(why, JSON_BAD, "the body is empty");
    position text = (position)j->text;
    struct check c = { .text = text, .end = text + j->len, .why = why };
    int r = check_text(&c);
    j->tokens_needed = c.tokens;
    j->has_escapes = c.has_escapes;
    return r;
}

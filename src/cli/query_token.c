/* SPDX-License-Identifier: MIT */
/* Tokens of a query, one at a time. Literals are read here: `json`, 'raw' and "quoted names". */
#include <stdlib.h>

#include "base/log.h"
#include "cli/query_tree.h"

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* From an opening delimiter to its end, which a backslash hides. */
static bool take_delimited(struct token *out, str rest, struct pipepoll_error *why)
{
    size_t i = 1;
    while (i < rest.len && rest.ptr[i] != rest.ptr[0])
        i += rest.ptr[i] == '\\' ? 2 : 1;
    if (i >= rest.len) {
        explain(why, PIPEPOLL_EINVAL, "unclosed %c", rest.ptr[0]);
        return false;
    }
    out->text = (str) { rest.ptr, i + 1 };
    return true;
}

static str inside(const struct token *t)
{
    return (str) { t->text.ptr + 1, t->text.len - 2 };
}

/* Without the backslashes that stand before c. */
static str unescape(struct arena *a, str s, char c)
{
    struct text t = { .arena = a };
    for (size_t i = 0; i < s.len; i++)
        if (!(s.ptr[i] == '\\' && i + 1 < s.len && s.ptr[i + 1] == c))
            text_put_char(&t, s.ptr[i]);
    return buf_str(&t.buf);
}

/* JSON; or, as older queries have it, a string without its quotes. */
static const struct datum *read_literal(struct arena *a, str text)
{
    const struct datum *v = datum_read(a, text, NULL);
    if (v)
        return v;
    struct text quoted = { .arena = a };
    while (text.len && (*text.ptr == ' ' || *text.ptr == '\t' || *text.ptr == '\n'))
        text = str_skip(text, 1);
    text_put_char(&quoted, '"');
    text_put(&quoted, text);
    text_put_char(&quoted, '"');
    v = datum_read(a, buf_str(&quoted.buf), NULL);
    return v && v->type == DATUM_STRING ? v : NULL;
}

static bool take_literal(struct token *out, struct arena *a, str rest, struct pipepoll_error *why)
{
    if (!take_delimited(out, rest, why))
        return false;
    out->type = TOKEN_LITERAL;
    str text = unescape(a, inside(out), rest.ptr[0]);
    out->literal = rest.ptr[0] == '`' ? read_literal(a, text) : datum_string(a, text);
    if (!out->literal)
        explain(why, PIPEPOLL_EINVAL, "%.*s is not JSON", STR_ARG(out->text));
    return out->literal;
}

static bool take_quoted_name(struct token *out, struct arena *a, str rest,
                             struct pipepoll_error *why)
{
    if (!take_delimited(out, rest, why))
        return false;
    const struct datum *v = datum_read(a, out->text, why);
    if (!v)
        return false;
    out->type = TOKEN_QUOTED_NAME;
    out->literal = v;
    return true;
}

static bool take_number(struct token *out, str rest, struct pipepoll_error *why)
{
    enum { DIGITS_MAX = 15 };
    size_t i = 1;
    while (i < rest.len && ascii_is_digit(rest.ptr[i]))
        i++;
    out->type = TOKEN_NUMBER;
    out->text = (str) { rest.ptr, i };
    if (i > DIGITS_MAX || (i == 1 && rest.ptr[0] == '-')) {
        explain(why, PIPEPOLL_EINVAL, "unknown token %.*s", STR_ARG(out->text));
        return false;
    }
    char copy[DIGITS_MAX + 1];
    memcpy(copy, rest.ptr, i);
    copy[i] = '\0';
    out->number = strtoll(copy, NULL, 10);
    return true;
}

/* Longer ones first. */
static const struct {
    str text;
    enum token_type type;
} signs[] = {
    { STR_INIT("[]"), TOKEN_FLATTEN }, { STR_INIT("[?"), TOKEN_FILTER },
    { STR_INIT("||"), TOKEN_OR },      { STR_INIT("&&"), TOKEN_AND },
    { STR_INIT("<="), TOKEN_LE },      { STR_INIT(">="), TOKEN_GE },
    { STR_INIT("!="), TOKEN_NE },      { STR_INIT("=="), TOKEN_EQ },
    { STR_INIT("<"), TOKEN_LT },       { STR_INIT(">"), TOKEN_GT },
    { STR_INIT("!"), TOKEN_NOT },      { STR_INIT("|"), TOKEN_PIPE },
    { STR_INIT("&"), TOKEN_EXPREF },   { STR_INIT("["), TOKEN_LBRACKET },
    { STR_INIT("]"), TOKEN_RBRACKET }, { STR_INIT("{"), TOKEN_LBRACE },
    { STR_INIT("}"), TOKEN_RBRACE },   { STR_INIT("("), TOKEN_LPAREN },
    { STR_INIT(")"), TOKEN_RPAREN },   { STR_INIT("."), TOKEN_DOT },
    { STR_INIT("*"), TOKEN_STAR },     { STR_INIT(","), TOKEN_COMMA },
    { STR_INIT(":"), TOKEN_COLON },    { STR_INIT("@"), TOKEN_CURRENT },
};

static bool take_sign(struct token *out, str rest, struct pipepoll_error *why)
{
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (!str_starts(rest, signs[i].text))
            continue;
        out->type = signs[i].type;
        out->text = (str) { rest.ptr, signs[i].text.len };
        return true;
    }
    explain(why, PIPEPOLL_EINVAL, "unknown token %c%s", rest.ptr[0],
            rest.ptr[0] == '=' ? ": equal is ==" : "");
    return false;
}

static void take_name(struct token *out, str rest)
{
    size_t i = 1;
    while (i < rest.len && (is_name_start(rest.ptr[i]) || ascii_is_digit(rest.ptr[i])))
        i++;
    out->type = TOKEN_NAME;
    out->text = (str) { rest.ptr, i };
}

static bool take(struct token *out, struct arena *a, str rest, struct pipepoll_error *why)
{
    char c = rest.ptr[0];
    if (c == '`' || c == '\'')
        return take_literal(out, a, rest, why);
    if (c == '"')
        return take_quoted_name(out, a, rest, why);
    if (c == '-' || ascii_is_digit(c))
        return take_number(out, rest, why);
    if (!is_name_start(c))
        return take_sign(out, rest, why);
    take_name(out, rest);
    return true;
}

bool token_next(struct token *out, struct arena *a, str expression, size_t *at,
                struct pipepoll_error *why)
{
    str rest = str_skip(expression, *at);
    while (rest.len && strchr(" \t\r\n", *rest.ptr) && *rest.ptr)
        rest = str_skip(rest, 1);
    *out = (struct token) { .type = TOKEN_END, .at = expression.len - rest.len, .text = rest };
    *at = out->at;
    if (rest.len == 0)
        return true;
    if (!take(out, a, rest, why))
        return false;
    *at = out->at + out->text.len;
    if (out->type == TOKEN_QUOTED_NAME)
        out->text = out->literal->text;
    return true;
}

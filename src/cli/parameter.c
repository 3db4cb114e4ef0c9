/* SPDX-License-Identifier: MIT */
/* Shorthand is walked once, with a position, so that an error can tell its column. A value ends at
 * a comma; what follows the comma and has no "=" makes a list of the value, as the CLI sees it,
 * which the input's rules then refuse. */
#include "cli/parameter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "config/config.h"

/* --- files --- */

/* The name in braces or not, at the "$" that text begins with; 0 characters: none. */
static str variable_name(str text, size_t *len)
{
    bool braced = text.len > 1 && text.ptr[1] == '{';
    size_t start = braced ? 2 : 1, end = start;
    while (end < text.len &&
           (text.ptr[end] == '_' || (text.ptr[end] >= '0' && text.ptr[end] <= '9') ||
            (ascii_lower(text.ptr[end]) >= 'a' && ascii_lower(text.ptr[end]) <= 'z')))
        end++;
    bool whole = end > start && (!braced || (end < text.len && text.ptr[end] == '}'));
    *len = whole ? end + braced : 0;
    return (str) { text.ptr + start, end - start };
}

static const char *variable(struct arena *a, str name)
{
    struct text t = { .arena = a };
    text_put(&t, name);
    text_put_char(&t, '\0');
    return t.buf.at ? getenv(t.buf.at) : NULL;
}

/* A NUL ends it. */
static str expand_path(struct arena *a, str path)
{
    struct text t = { .arena = a };
    const char *home = getenv("HOME");
    if (home && str_starts(path, STR("~")) && (path.len == 1 || path.ptr[1] == '/')) {
        text_put(&t, str_of(home));
        path = str_skip(path, 1);
    }
    while (path.len) {
        size_t len = 0;
        str name = *path.ptr == '$' ? variable_name(path, &len) : STR("");
        const char *value = len ? variable(a, name) : NULL;
        text_put(&t, value ? str_of(value) : (str) { path.ptr, len ? len : 1 });
        path = str_skip(path, len ? len : 1);
    }
    text_put_char(&t, '\0');
    return buf_str(&t.buf);
}

static int read_all(struct arena *a, FILE *f, str *out)
{
    struct text t = { .arena = a };
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0 && t.buf.len <= PARAMETER_SIZE_MAX)
        text_put(&t, (str) { piece, n });
    *out = buf_str(&t.buf);
    return ferror(f) ? errno : t.buf.len > PARAMETER_SIZE_MAX ? EFBIG : 0;
}

int parameter_load(struct arena *a, str value, str *out, struct pipepoll_error *why)
{
    str prefix = str_starts(value, STR("file://"))    ? STR("file://")
                 : str_starts(value, STR("fileb://")) ? STR("fileb://")
                                                      : STR("");
    *out = value;
    if (!prefix.len)
        return PIPEPOLL_OK;
    str path = expand_path(a, str_skip(value, prefix.len));
    if (!path.len)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    FILE *f = fopen(path.ptr, "re");
    int error = f ? read_all(a, f, out) : errno;
    if (f)
        fclose(f);
    if (error)
        return explain(why, PIPEPOLL_EINVAL, "Unable to load paramfile %.*s: %s", STR_ARG(value),
                       error == EFBIG ? "more than 1 MiB" : config_file_error(path.ptr, error));
    if (memchr(out->len ? out->ptr : "", '\0', out->len))
        return explain(why, PIPEPOLL_EINVAL,
                       "Unable to load paramfile %.*s: it is a binary file, or UTF-16",
                       STR_ARG(value));
    return PIPEPOLL_OK;
}

/* --- shorthand --- */

struct shorthand {
    struct arena *arena;
    str text;
    size_t at;
    struct pipepoll_error *why;
};

static char current(const struct shorthand *s)
{
    return s->at < s->text.len ? s->text.ptr[s->at] : '\0';
}

static void skip_blanks(struct shorthand *s)
{
    while (s->at < s->text.len && strchr(" \t\r\n", current(s)))
        s->at++;
}

static int wrong(struct shorthand *s, const char *expected)
{
    char found[8] = { current(s) };
    return explain(s->why, PIPEPOLL_EINVAL,
                   "Expected: '%s', received: '%s' for input: %.*s (column %zu)", expected,
                   s->at < s->text.len ? found : "EOF", STR_ARG(s->text), s->at + 1);
}

static int expect(struct shorthand *s, char c)
{
    char expected[2] = { c };
    skip_blanks(s);
    if (s->at >= s->text.len || current(s) != c)
        return wrong(s, expected);
    s->at++;
    skip_blanks(s);
    return PIPEPOLL_OK;
}

static str take_key(struct shorthand *s)
{
    size_t start = s->at;
    while (s->at < s->text.len &&
           ((ascii_lower(current(s)) >= 'a' && ascii_lower(current(s)) <= 'z') ||
            (current(s) && strchr("0123456789-_.#/:", current(s)))))
        s->at++;
    return (str) { s->text.ptr + start, s->at - start };
}

static int take_quoted(struct shorthand *s, struct text *out)
{
    char quote = current(s);
    size_t start = s->at++;
    for (; s->at < s->text.len && current(s) != quote; s->at++) {
        if (current(s) == '\\' && s->at + 1 < s->text.len &&
            (s->text.ptr[s->at + 1] == quote || s->text.ptr[s->at + 1] == '\\'))
            s->at++;
        text_put_char(out, current(s));
    }
    if (s->at < s->text.len) {
        s->at++;
        return PIPEPOLL_OK;
    }
    s->at = start;
    return wrong(s, quote == '"' ? "<double quoted>" : "<single quoted>");
}

static void take_plain(struct shorthand *s, struct text *out)
{
    size_t end = 0;
    for (; s->at < s->text.len && !strchr(",\"'", current(s)); s->at++) {
        if (current(s) == '\\' && s->at + 1 < s->text.len && s->text.ptr[s->at + 1] == ',')
            s->at++;
        text_put_char(out, current(s));
        if (!strchr(" \t\r\n", current(s)))
            end = out->buf.len;
    }
    out->buf.len = end; /* without blanks at the end */
}

static int take_value(struct shorthand *s, const struct datum **out)
{
    struct text text = { .arena = s->arena };
    int r = PIPEPOLL_OK;
    if (current(s) == '"' || current(s) == '\'')
        r = take_quoted(s, &text);
    else if (s->at < s->text.len && strchr("[{", current(s)))
        return explain(s->why, PIPEPOLL_EINVAL, "a list or a structure where a string is due: %.*s",
                       STR_ARG(str_skip(s->text, s->at)));
    else
        take_plain(s, &text);
    *out = datum_string(s->arena, buf_str(&text.buf));
    return r;
}

/* Is it the next item of a list, rather than name=value? */
static bool is_item(const struct shorthand *s)
{
    str rest = str_skip(s->text, s->at);
    rest.len = str_find(rest, ',');
    return s->at < s->text.len && (strchr("\"'", current(s)) || str_find(rest, '=') == rest.len);
}

static int take_pair(struct shorthand *s, struct datum *object)
{
    const struct datum *value;
    size_t start = s->at;
    str key = take_key(s);
    int r = expect(s, '=');
    if (!r)
        r = take_value(s, &value);
    if (!r && datum_member(object, key))
        return explain(s->why, PIPEPOLL_EINVAL,
                       "Second instance of key \"%.*s\" encountered for input: %.*s (column %zu)",
                       STR_ARG(key), STR_ARG(s->text), start + 1);
    if (r)
        return r;
    datum_set(s->arena, object, key, value);
    struct datum *list = datum_list(s->arena);
    datum_append(s->arena, list, value);
    for (skip_blanks(s); !r && s->at < s->text.len && (r = expect(s, ',')) == 0 && is_item(s);
         skip_blanks(s)) {
        r = take_value(s, &value);
        datum_append(s->arena, list, value);
        datum_set(s->arena, object, key, list);
    }
    return r;
}

static int parse_shorthand(struct arena *a, str text, const struct datum **out,
                           struct pipepoll_error *why)
{
    struct shorthand s = { .arena = a, .text = text, .why = why };
    struct datum *object = datum_object(a);
    int r;
    *out = object;
    do {
        r = take_pair(&s, object);
        if (!r && s.at >= text.len && text.len && text.ptr[text.len - 1] == ',')
            return wrong(&s, "<second>");
    } while (!r && s.at < text.len);
    return r;
}

int parameter_parse(struct arena *a, str text, const struct datum **out, struct pipepoll_error *why)
{
    struct pipepoll_error found;
    text = str_trim(text);
    if (!str_starts(text, STR("{")) && !str_starts(text, STR("[")))
        return parse_shorthand(a, text, out, why);
    *out = datum_read(a, text, &found);
    if (!*out)
        return explain(why, PIPEPOLL_EINVAL, "Invalid JSON: %s", found.text);
    if ((*out)->type != DATUM_OBJECT)
        return explain(why, PIPEPOLL_EINVAL, "Invalid JSON: %.*s is no object", STR_ARG(text));
    return PIPEPOLL_OK;
}

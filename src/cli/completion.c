/* SPDX-License-Identifier: MIT */
/* What the three scripts have in common: how the table is read. */
#include "cli/completion.h"

#include "config/region.h"

/* Take the first alternative of a value "text|json". */
static bool next_alternative(str *rest, str *word)
{
    size_t end = str_find(*rest, '|');
    *word = (str) { rest->ptr, end };
    *rest = str_skip(*rest, end < rest->len ? end + 1 : end);
    return word->len;
}

static bool is_word(str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z')
            return false;
    return text.len;
}

enum completion_kind completion_kind(const struct flag *f)
{
    if (!f->value)
        return COMPLETION_NONE;
    if (str_eq(str_of(f->value), STR("FILE")))
        return COMPLETION_FILE;
    if (str_eq(str_of(f->value), STR("DIR")))
        return COMPLETION_FOLDER;
    str rest = str_of(f->value), word;
    while (next_alternative(&rest, &word))
        if (is_word(word) || str_eq(word, STR("REGION")))
            return COMPLETION_WORDS;
    return COMPLETION_ANY;
}

static void put_word(struct buf *out, size_t start, str word)
{
    if (out->len > start)
        buf_put_char(out, ' ');
    buf_put(out, word);
}

void completion_words(struct buf *out, const struct flag *f, str regions)
{
    size_t start = out->len;
    str rest = str_of(f->value), word;
    while (next_alternative(&rest, &word)) {
        if (str_eq(word, STR("REGION")))
            put_word(out, start, regions);
        else if (is_word(word))
            put_word(out, start, word);
    }
}

void completion_regions(struct buf *out)
{
    size_t start = out->len;
    for (size_t i = 0; region_nth(i).len; i++)
        put_word(out, start, region_nth(i));
}

const struct flag *completion_operand(const struct command *c, str operand)
{
    for (size_t i = 0; operand.len && i < c->flag_count; i++)
        if (str_eq(c->flags[i].name, operand))
            return &c->flags[i];
    return NULL;
}

/* Where the first clause ends: at a ';', a parenthesis, or a ':' before a blank. */
static size_t clause_len(const char *help)
{
    size_t len = 0;
    while (help[len] && help[len] != ';' && help[len] != '(' &&
           !(help[len] == ':' && (help[len + 1] == ' ' || help[len + 1] == '\n')))
        len++;
    return len;
}

/* At a blank, so that a list of options stays one line each. */
static size_t fitting_len(const char *text, size_t len)
{
    enum { WIDTH = 70 };
    if (len <= WIDTH)
        return len;
    for (len = WIDTH; len && text[len] != ' ' && text[len] != '\n'; len--)
        ;
    return len;
}

static void put_quoted(struct buf *out, char c, str quote, const char *escaped)
{
    if (c == '\'') {
        buf_put(out, quote);
        return;
    }
    if (strchr(escaped, c))
        buf_put_char(out, '\\');
    buf_put_char(out, c == '\n' ? ' ' : c);
}

void completion_describe(struct buf *out, const char *help, str quote, const char *escaped)
{
    size_t whole = clause_len(help), len = fitting_len(help, whole);
    bool is_cut = len < whole;
    while (len && strchr(" \n,", help[len - 1]))
        len--;
    for (size_t i = 0; i < len; i++)
        put_quoted(out, help[i], quote, escaped);
    if (is_cut)
        buf_put(out, STR(" ..."));
}

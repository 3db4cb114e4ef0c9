/* SPDX-License-Identifier: MIT */
/* Slices of the text, sorted: a look-up is a binary search, and two lines for one client id are
 * neighbours. */
#include "handler/token_file.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/order.h"

struct token_line {
    str client_id, token;
    uint32_t line;
};

struct reading {
    struct token_file *out;
    const char *name;
    struct pipepoll_error *why;
    uint32_t line;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static size_t word_len(str s)
{
    size_t len = 0;
    while (len < s.len && !is_blank(s.ptr[len]))
        len++;
    return len;
}

static size_t blanks_len(str s)
{
    size_t len = 0;
    while (len < s.len && is_blank(s.ptr[len]))
        len++;
    return len;
}

/* The index of the first byte that no word has, or s.len. */
static size_t find_control(str s)
{
    size_t i = 0;
    while (i < s.len && (unsigned char)s.ptr[i] > 0x20 && s.ptr[i] != 0x7f)
        i++;
    return i;
}

bool token_is_right(str token)
{
    return token.len && token.len <= TOKEN_LEN_MAX && find_control(token) == token.len;
}

static int refuse(const struct reading *r, size_t column, const char *what)
{
    return explain(r->why, PIPEPOLL_EINVAL, "%s:%u:%zu: %s", r->name, r->line, column + 1, what);
}

static int check_words(const struct reading *r, str id, size_t id_at, str token, size_t token_at)
{
    if (find_control(id) < id.len)
        return refuse(r, id_at + find_control(id), "a control character");
    if (!token.len)
        return refuse(r, id_at + id.len, "a client id must be followed by its token");
    if (find_control(token) < token.len)
        return refuse(r, token_at + find_control(token), "a control character");
    if (id.len > CLIENT_ID_LEN_MAX)
        return refuse(r, id_at, "a client id has at most 256 characters");
    return token.len > TOKEN_LEN_MAX ? refuse(r, token_at, "a token has at most 256 characters")
                                     : 0;
}

static int read_line(struct reading *r, str line)
{
    size_t id_at = blanks_len(line);
    str id = str_skip(line, id_at);
    if (!id.len || id.ptr[0] == '#')
        return 0;
    id.len = word_len(id);
    size_t token_at = id_at + id.len + blanks_len(str_skip(line, id_at + id.len));
    str token = str_skip(line, token_at);
    token.len = word_len(token);
    int bad = check_words(r, id, id_at, token, token_at);
    size_t end = token_at + token.len + blanks_len(str_skip(line, token_at + token.len));
    if (!bad && end < line.len)
        bad = refuse(r, end, "only a client id and its token may stand in a line");
    if (!bad)
        r->out->lines[r->out->count++] = (struct token_line) { id, token, r->line };
    return bad;
}

static int compare(const void *a, const void *b)
{
    const struct token_line *one = a, *other = b;
    int r = order_str(one->client_id, other->client_id);
    return r ? r : order_size(one->line, other->line);
}

static int sort(struct reading *r)
{
    const struct token_line *lines = r->out->lines;
    if (r->out->count)
        qsort(r->out->lines, r->out->count, sizeof *lines, compare);
    for (size_t i = 1; i < r->out->count; i++) {
        if (!str_eq(lines[i - 1].client_id, lines[i].client_id))
            continue;
        r->line = lines[i].line;
        size_t at = 0;
        while (is_blank(lines[i].client_id.ptr[-1 - (ptrdiff_t)at])) /* up to a line's end */
            at++;
        return explain(r->why, PIPEPOLL_EINVAL,
                       "%s:%u:%zu: a second token for client id %.*s (the first is at line %u)",
                       r->name, r->line, at + 1, STR_ARG(lines[i].client_id), lines[i - 1].line);
    }
    return 0;
}

static int read_lines(struct reading *r, str rest)
{
    const str mark = STR_INIT("\xef\xbb\xbf");
    int bad = 0;
    if (str_starts(rest, mark))
        rest = str_skip(rest, mark.len);
    for (r->line = 1; rest.len && !bad; r->line++) {
        str line = { rest.ptr, str_find(rest, '\n') };
        rest = str_skip(rest, line.len < rest.len ? line.len + 1 : line.len);
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        bad = read_line(r, line);
    }
    return bad ? bad : sort(r);
}

static size_t count_lines(str text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    return count;
}

int token_file_parse(struct token_file *out, const char *name, char *text, size_t len,
                     struct pipepoll_error *why)
{
    struct reading r = { .out = out, .name = name, .why = why };
    *out = (struct token_file) { .text = text, .len = len };
    out->lines = calloc(count_lines((str) { text, len }), sizeof *out->lines);
    int bad = out->lines ? read_lines(&r, (str) { text, len })
                         : explain(why, PIPEPOLL_ENOMEM, "%s: out of memory", name);
    if (bad)
        token_file_deinit(out);
    return bad;
}

void token_file_deinit(struct token_file *f)
{
    if (f->text)
        explicit_bzero(f->text, f->len);
    free(f->text);
    free(f->lines);
    *f = (struct token_file) { 0 };
}

str token_file_find(const struct token_file *f, str client_id)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int r = order_str(f->lines[middle].client_id, client_id);
        if (!r)
            return f->lines[middle].token;
        if (r < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (str) { NULL, 0 };
}

/* SPDX-License-Identifier: MIT */
/* A list sorted by inserting: at one location the order of finding stays, and what has no location
 * comes first. Once it is full the rest is counted only, be it of an earlier location: the bound is
 * on memory and on the patience of the reader. A sentence is cut to its array, and no control
 * character of a file gets through to a terminal. */
#include "config/diagnostic.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/control.h"

__attribute__((format(printf, 3, 0))) static void write_text(char *text, size_t size,
                                                             const char *format, va_list args)
{
    vsnprintf(text, size, format, args);
    control_mask(text, strlen(text));
}

static bool comes_before(struct location a, struct location b)
{
    return a.line < b.line || (a.line == b.line && a.column < b.column);
}

static bool is_same(const struct diagnostic *a, const struct diagnostic *b)
{
    return a->at.line == b->at.line && a->at.column == b->at.column && !strcmp(a->text, b->text);
}

static bool is_known(const struct diagnostics *diagnostics, const struct diagnostic *new)
{
    for (size_t i = 0; i < diagnostics->count; i++)
        if (is_same(&diagnostics->list[i], new))
            return true;
    return false;
}

static void add(struct diagnostics *diagnostics, const struct diagnostic *new)
{
    if (is_known(diagnostics, new))
        return;
    if (new->level == PIPEPOLL_ERROR) {
        diagnostics->errors++;
        diagnostics->elsewhere += new->elsewhere;
    }
    if (diagnostics->count == DIAGNOSTICS_MAX) {
        diagnostics->left_out++;
        return;
    }
    size_t i = diagnostics->count++;
    for (; i > 0 && comes_before(new->at, diagnostics->list[i - 1].at); i--)
        diagnostics->list[i] = diagnostics->list[i - 1];
    diagnostics->list[i] = *new;
}

void complain(struct diagnostics *diagnostics, enum pipepoll_level level, struct location at,
              const char *format, ...)
{
    struct diagnostic new = { .level = level, .at = at };
    va_list args;
    va_start(args, format);
    write_text(new.text, sizeof new.text, format, args);
    va_end(args);
    add(diagnostics, &new);
}

void complain_elsewhere(struct diagnostics *diagnostics, enum pipepoll_level level,
                        const char *format, ...)
{
    struct diagnostic new = { .level = level, .elsewhere = true };
    va_list args;
    va_start(args, format);
    write_text(new.text, sizeof new.text, format, args);
    va_end(args);
    add(diagnostics, &new);
}

/* "FILE:LINE:COLUMN: [warning: ]TEXT" */
static str put_line(struct buf *b, const struct diagnostics *diagnostics,
                    const struct diagnostic *one, const char *tag)
{
    if (!one->elsewhere)
        buf_printf(b, "%.*s:", diagnostics->file.len > 512 ? 512 : (int)diagnostics->file.len,
                   diagnostics->file.ptr);
    if (one->at.line)
        buf_printf(b, "%u:%u:", one->at.line, one->at.column);
    buf_printf(b, "%s%s%s", one->elsewhere ? "" : " ", tag, one->text);
    control_mask(b->at, b->len); /* a file's name may hold anything */
    return buf_str(b);
}

void diagnostics_each(const struct diagnostics *diagnostics,
                      void (*line)(void *ctx, enum pipepoll_level level, str text), void *ctx)
{
    char text[DIAGNOSTIC_TEXT_MAX + 600];
    for (size_t i = 0; i < diagnostics->count; i++) {
        struct buf b = BUF_ON(text);
        line(ctx, diagnostics->list[i].level, put_line(&b, diagnostics, &diagnostics->list[i], ""));
    }
    if (diagnostics->left_out) {
        struct buf b = BUF_ON(text);
        buf_printf(&b, "... and %zu more", diagnostics->left_out);
        line(ctx, diagnostics->errors ? PIPEPOLL_ERROR : PIPEPOLL_WARNING, buf_str(&b));
    }
}

void diagnostics_print(const struct diagnostics *diagnostics)
{
    char text[DIAGNOSTIC_TEXT_MAX + 600];
    for (size_t i = 0; i < diagnostics->count; i++) {
        struct buf b = BUF_ON(text);
        const char *tag = diagnostics->list[i].level == PIPEPOLL_WARNING ? "warning: " : "";
        str line = put_line(&b, diagnostics, &diagnostics->list[i], tag);
        fprintf(stderr, "%.*s\n", STR_ARG(line));
    }
    if (diagnostics->left_out)
        fprintf(stderr, "... and %zu more\n", diagnostics->left_out);
}

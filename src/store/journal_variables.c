/* SPDX-License-Identifier: MIT */
/* The length tells where a value ends, so nothing in it needs an escape, and any sqlite3 shows it
 * as it is. */
#include "store/journal_variables.h"

enum { DIGITS_MAX = 9 };

static size_t digits_of(size_t number)
{
    size_t digits = 1;
    for (; number > 9; number /= 10)
        digits++;
    return digits;
}

size_t journal_variables_size(const struct pipepoll_success *s)
{
    size_t size = 0;
    for (size_t i = 0; i < s->variable_count; i++) {
        const struct pipepoll_variable *v = &s->variables[i];
        size += v->name.len + 1 + digits_of(v->value.len) + 1 + v->value.len;
    }
    return size;
}

void journal_variables_put(struct buf *out, const struct pipepoll_success *s)
{
    for (size_t i = 0; i < s->variable_count; i++) {
        buf_put(out, s->variables[i].name);
        buf_put_char(out, ':');
        buf_put_u64(out, s->variables[i].value.len);
        buf_put_char(out, ':');
        buf_put(out, s->variables[i].value);
    }
}

/* What stands before the next ':'. false: there is none. */
static bool take(str *text, str *out)
{
    size_t len = str_find(*text, ':');
    if (len >= text->len)
        return false;
    *out = (str) { text->ptr, len };
    *text = str_skip(*text, len + 1);
    return true;
}

bool journal_variables_next(str *text, struct pipepoll_variable *out)
{
    str rest = *text, digits;
    size_t len = 0;
    if (!take(&rest, &out->name) || !take(&rest, &digits) || !digits.len || digits.len > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (!ascii_is_digit(digits.ptr[i]))
            return false;
        len = len * 10 + (size_t)(digits.ptr[i] - '0');
    }
    if (len > rest.len)
        return false;
    out->value = (str) { rest.ptr, len };
    *text = str_skip(rest, len);
    return true;
}

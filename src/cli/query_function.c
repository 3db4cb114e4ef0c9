/* SPDX-License-Identifier: MIT */
/* The functions of queries: a table of names, of what each argument may be, and of who computes.
 * Arguments are judged before the call, so that the functions themselves need no doubts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/query_order.h"

/* What an argument may be: bits. */
enum {
    IS_NUMBER = 1,
    IS_STRING = 2,
    IS_LIST = 4,
    IS_OBJECT = 8,
    IS_EXPREF = 16,
    OF_NUMBERS = 32, /* lists whose items are all such */
    OF_STRINGS = 64,
    IS_ANY = 128
};

enum { ARGUMENTS_MAX = 2 };

typedef const struct datum *compute(struct search *s, const struct arguments *a);

const struct datum *function_fail(struct search *s, const char *name, const char *what)
{
    if (!s->failed)
        explain(s->why, PIPEPOLL_EINVAL, "In function %s(), %s", name, what);
    s->failed = true;
    return datum_null();
}

static const struct datum *text_value(struct search *s, const struct text *t)
{
    return datum_string(s->arena, buf_str(&t->buf));
}

/* --- numbers --- */

static const struct datum *do_abs(struct search *s, const struct arguments *a)
{
    return datum_number(s->arena, fabs(a->at[0]->number), a->at[0]->is_float);
}

static const struct datum *do_ceil(struct search *s, const struct arguments *a)
{
    return datum_number(s->arena, ceil(a->at[0]->number), false);
}

static const struct datum *do_floor(struct search *s, const struct arguments *a)
{
    return datum_number(s->arena, floor(a->at[0]->number), false);
}

static const struct datum *do_sum(struct search *s, const struct arguments *a)
{
    struct datum *sum = datum_number(s->arena, 0, false);
    for (size_t i = 0; i < a->at[0]->count; i++) {
        sum->number += a->at[0]->items[i]->number;
        sum->is_float |= a->at[0]->items[i]->is_float;
    }
    return sum;
}

static const struct datum *do_avg(struct search *s, const struct arguments *a)
{
    if (a->at[0]->count == 0)
        return datum_null();
    return datum_number(s->arena, do_sum(s, a)->number / (double)a->at[0]->count, true);
}

/* --- strings --- */

static bool ends_with(str s, str end)
{
    return s.len >= end.len && str_eq(str_skip(s, s.len - end.len), end);
}

static const struct datum *do_ends_with(struct search *s, const struct arguments *a)
{
    return datum_bool(ends_with(a->at[0]->text, a->at[1]->text));
}

static const struct datum *do_starts_with(struct search *s, const struct arguments *a)
{
    return datum_bool(str_starts(a->at[0]->text, a->at[1]->text));
}

static const struct datum *do_join(struct search *s, const struct arguments *a)
{
    struct text t = { .arena = s->arena };
    for (size_t i = 0; i < a->at[1]->count; i++) {
        text_put(&t, i ? a->at[0]->text : STR(""));
        text_put(&t, a->at[1]->items[i]->text);
    }
    return text_value(s, &t);
}

static const struct datum *do_to_string(struct search *s, const struct arguments *a)
{
    struct text t = { .arena = s->arena };
    if (a->at[0]->type == DATUM_STRING)
        return a->at[0];
    datum_write(&t, a->at[0], DATUM_COMPACT);
    return text_value(s, &t);
}

static const struct datum *do_to_number(struct search *s, const struct arguments *a)
{
    char copy[64], *end;
    if (a->at[0]->type == DATUM_NUMBER)
        return a->at[0];
    str text = str_trim(a->at[0]->text);
    if (a->at[0]->type != DATUM_STRING || text.len == 0 || text.len >= sizeof copy)
        return datum_null();
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (strspn(copy, "+-0123456789.eE") != text.len)
        return datum_null();
    double n = strtod(copy, &end);
    return *end ? datum_null() : datum_number(s->arena, n, strpbrk(copy, ".eE") != NULL);
}

static size_t code_points(str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += (s.ptr[i] & 0xc0) != 0x80;
    return n;
}

static const struct datum *reverse_text(struct search *s, str text)
{
    struct text t = { .arena = s->arena };
    while (text.len) {
        size_t start = text.len - 1;
        while (start && (text.ptr[start] & 0xc0) == 0x80)
            start--;
        text_put(&t, str_skip(text, start));
        text.len = start;
    }
    return text_value(s, &t);
}

/* --- lists and objects --- */

static const struct datum *do_reverse(struct search *s, const struct arguments *a)
{
    const struct datum *of = a->at[0];
    if (of->type == DATUM_STRING)
        return reverse_text(s, of->text);
    struct datum *out = datum_list(s->arena);
    for (size_t i = of->count; i-- > 0;)
        datum_append(s->arena, out, of->items[i]);
    return out;
}

static const struct datum *do_length(struct search *s, const struct arguments *a)
{
    const struct datum *of = a->at[0];
    size_t n = of->type == DATUM_STRING ? code_points(of->text) : of->count;
    return datum_number(s->arena, (double)n, false);
}

static const struct datum *do_contains(struct search *s, const struct arguments *a)
{
    const struct datum *of = a->at[0], *what = a->at[1];
    if (of->type == DATUM_STRING) {
        if (what->type != DATUM_STRING)
            return function_fail(s, "contains", "a string contains strings alone");
        return datum_bool(
            what->text.len == 0 ||
            (of->text.len && memmem(of->text.ptr, of->text.len, what->text.ptr, what->text.len)));
    }
    for (size_t i = 0; i < of->count; i++)
        if (datum_equals(of->items[i], what))
            return datum_bool(true);
    return datum_bool(false);
}

static const struct datum *do_keys(struct search *s, const struct arguments *a)
{
    struct datum *out = datum_list(s->arena);
    for (size_t i = 0; i < a->at[0]->count; i++)
        datum_append(s->arena, out, datum_string(s->arena, a->at[0]->names[i]));
    return out;
}

static const struct datum *do_values(struct search *s, const struct arguments *a)
{
    struct datum *out = datum_list(s->arena);
    for (size_t i = 0; i < a->at[0]->count; i++)
        datum_append(s->arena, out, a->at[0]->items[i]);
    return out;
}

static const struct datum *do_merge(struct search *s, const struct arguments *a)
{
    struct datum *out = datum_object(s->arena);
    for (size_t i = 0; i < a->count; i++) {
        if (a->at[i]->type != DATUM_OBJECT)
            return function_fail(s, "merge", "every argument must be an object");
        for (size_t j = 0; j < a->at[i]->count; j++)
            datum_set(s->arena, out, a->at[i]->names[j], a->at[i]->items[j]);
    }
    return out;
}

static const struct datum *do_to_array(struct search *s, const struct arguments *a)
{
    if (a->at[0]->type == DATUM_LIST)
        return a->at[0];
    struct datum *out = datum_list(s->arena);
    datum_append(s->arena, out, a->at[0]);
    return out;
}

static const struct datum *do_map(struct search *s, const struct arguments *a)
{
    struct datum *out = datum_list(s->arena);
    for (size_t i = 0; i < a->at[1]->count && !s->failed; i++)
        datum_append(s->arena, out, node_evaluate(s, a->call->items[0]->left, a->at[1]->items[i]));
    return out;
}

static const struct datum *do_not_null(struct search *s, const struct arguments *a)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->at[i]->type != DATUM_NULL)
            return a->at[i];
    return datum_null();
}

static const struct datum *do_type(struct search *s, const struct arguments *a)
{
    static const char *const names[] = {
        [DATUM_NULL] = "null",     [DATUM_BOOL] = "boolean", [DATUM_NUMBER] = "number",
        [DATUM_STRING] = "string", [DATUM_LIST] = "array",   [DATUM_OBJECT] = "object",
    };
    return datum_string(s->arena, str_of(names[a->at[0]->type]));
}

/* --- calls --- */

static const struct function {
    const char *name;
    compute *call;
    unsigned argument_count;
    bool is_variadic; /* that many or more; the last rule is for the rest */
    unsigned may_be[ARGUMENTS_MAX];
} functions[] = {
    { "abs", do_abs, 1, false, { IS_NUMBER } },
    { "avg", do_avg, 1, false, { OF_NUMBERS } },
    { "ceil", do_ceil, 1, false, { IS_NUMBER } },
    { "contains", do_contains, 2, false, { IS_LIST | IS_STRING, IS_ANY } },
    { "ends_with", do_ends_with, 2, false, { IS_STRING, IS_STRING } },
    { "floor", do_floor, 1, false, { IS_NUMBER } },
    { "join", do_join, 2, false, { IS_STRING, OF_STRINGS } },
    { "keys", do_keys, 1, false, { IS_OBJECT } },
    { "length", do_length, 1, false, { IS_STRING | IS_LIST | IS_OBJECT } },
    { "map", do_map, 2, false, { IS_EXPREF, IS_LIST } },
    { "max", order_max, 1, false, { OF_NUMBERS | OF_STRINGS } },
    { "max_by", order_max, 2, false, { IS_LIST, IS_EXPREF } },
    { "merge", do_merge, 1, true, { IS_OBJECT } },
    { "min", order_min, 1, false, { OF_NUMBERS | OF_STRINGS } },
    { "min_by", order_min, 2, false, { IS_LIST, IS_EXPREF } },
    { "not_null", do_not_null, 1, true, { IS_ANY } },
    { "reverse", do_reverse, 1, false, { IS_LIST | IS_STRING } },
    { "sort", order_sort, 1, false, { OF_NUMBERS | OF_STRINGS } },
    { "sort_by", order_sort, 2, false, { IS_LIST, IS_EXPREF } },
    { "starts_with", do_starts_with, 2, false, { IS_STRING, IS_STRING } },
    { "sum", do_sum, 1, false, { OF_NUMBERS } },
    { "to_array", do_to_array, 1, false, { IS_ANY } },
    { "to_number", do_to_number, 1, false, { IS_ANY } },
    { "to_string", do_to_string, 1, false, { IS_ANY } },
    { "type", do_type, 1, false, { IS_ANY } },
    { "values", do_values, 1, false, { IS_OBJECT } },
};

static bool all_are(const struct datum *list, enum datum_type type)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->type != type)
            return false;
    return true;
}

static bool may_be(const struct datum *v, bool is_expref, unsigned rule)
{
    if (is_expref)
        return rule & IS_EXPREF;
    if (rule & IS_ANY)
        return true;
    switch (v->type) {
    case DATUM_NUMBER:
        return rule & IS_NUMBER;
    case DATUM_STRING:
        return rule & IS_STRING;
    case DATUM_OBJECT:
        return rule & IS_OBJECT;
    case DATUM_LIST:
        return (rule & IS_LIST) || (rule & OF_NUMBERS && all_are(v, DATUM_NUMBER)) ||
               (rule & OF_STRINGS && all_are(v, DATUM_STRING));
    case DATUM_NULL:
    case DATUM_BOOL:
        break;
    }
    return false;
}

static const char *rule_text(unsigned rule, char text[64])
{
    static const char *const names[] = { "a number",         "a string",    "a list",
                                         "an object",        "&expression", "a list of numbers",
                                         "a list of strings" };
    struct buf b = { .at = text, .cap = 64 };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (rule & 1u << i)
            buf_printf(&b, "%s%s", b.len ? " or " : "", names[i]);
    return buf_cstr(&b);
}

static bool check_arguments(struct search *s, const struct function *f, const struct arguments *a)
{
    char what[160], rules[64];
    if (f->is_variadic ? a->count < f->argument_count : a->count != f->argument_count) {
        snprintf(what, sizeof what, "%s%u argument%s expected, not %zu",
                 f->is_variadic ? "at least " : "", f->argument_count,
                 f->argument_count == 1 ? " is" : "s are", a->count);
        function_fail(s, f->name, what);
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        unsigned rule = f->may_be[i < f->argument_count ? i : f->argument_count - 1];
        if (may_be(a->at[i], a->call->items[i]->type == NODE_EXPREF, rule))
            continue;
        snprintf(what, sizeof what, "argument %zu must be %s", i + 1, rule_text(rule, rules));
        function_fail(s, f->name, what);
        return false;
    }
    return true;
}

static const struct function *find(str name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (str_eq(str_of(functions[i].name), name))
            return &functions[i];
    return NULL;
}

const struct datum *function_call(struct search *s, const struct node *call, const struct datum *in)
{
    const struct function *f = find(call->name);
    if (!f) {
        explain(s->why, PIPEPOLL_EINVAL, "Unknown function: %.*s()", STR_ARG(call->name));
        s->failed = true;
        return datum_null();
    }
    struct arguments a = { .name = f->name, .call = call, .count = call->count };
    a.at = arena_take(s->arena, (call->count + 1) * sizeof(struct datum *));
    if (!a.at)
        return datum_null();
    for (size_t i = 0; i < call->count; i++)
        a.at[i] = node_evaluate(s, call->items[i], in);
    if (s->failed || !check_arguments(s, f, &a))
        return datum_null();
    return f->call(s, &a);
}

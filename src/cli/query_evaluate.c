/* SPDX-License-Identifier: MIT */
/* What a query finds. The tree's depth was bounded when it was parsed, so recursion is; what a
 * query may make of an answer is bounded by the arena. */
#include "base/log.h"
#include "cli/query_tree.h"

static const struct datum *or_null(const struct datum *v)
{
    return v ? v : datum_null();
}

/* --- lists --- */

static const struct datum *at_index(const struct datum *list, int64_t i)
{
    if (list->type != DATUM_LIST)
        return datum_null();
    int64_t count = (int64_t)list->count;
    i = i < 0 ? i + count : i;
    return i >= 0 && i < count ? list->items[i] : datum_null();
}

/* As Python slices: a bound counts from the end when it is negative, and stays within the list. */
static int64_t bound(int64_t i, int64_t count, bool backwards)
{
    int64_t low = backwards ? -1 : 0, high = backwards ? count - 1 : count;
    i = i < 0 ? i + count : i;
    return i < low ? low : i > high ? high : i;
}

static const struct datum *slice(struct search *s, const struct node *n, const struct datum *list)
{
    int64_t count = (int64_t)list->count, step = n->has_part[2] ? n->parts[2] : 1;
    if (list->type != DATUM_LIST)
        return datum_null();
    if (step == 0) {
        explain(s->why, PIPEPOLL_EINVAL, "slice step cannot be zero");
        s->failed = true;
        return datum_null();
    }
    bool backwards = step < 0;
    int64_t from = n->has_part[0] ? bound(n->parts[0], count, backwards)
                   : backwards    ? count - 1
                                  : 0;
    int64_t to = n->has_part[1] ? bound(n->parts[1], count, backwards) : backwards ? -1 : count;
    struct datum *out = datum_list(s->arena);
    for (int64_t i = from; backwards ? i > to : i < to; i += step)
        datum_append(s->arena, out, list->items[i]);
    return out;
}

static const struct datum *flatten(struct search *s, const struct datum *list)
{
    if (list->type != DATUM_LIST)
        return datum_null();
    struct datum *out = datum_list(s->arena);
    for (size_t i = 0; i < list->count; i++) {
        const struct datum *item = list->items[i];
        if (item->type != DATUM_LIST)
            datum_append(s->arena, out, item);
        for (size_t j = 0; item->type == DATUM_LIST && j < item->count; j++)
            datum_append(s->arena, out, item->items[j]);
    }
    return out;
}

/* --- projections --- */

/* What right makes of each item, nulls left out; of those alone for which a condition holds. */
static const struct datum *project(struct search *s, const struct node *n, const struct datum *in,
                                   enum datum_type over)
{
    const struct datum *base = node_evaluate(s, n->left, in);
    if (base->type != over)
        return datum_null();
    struct datum *out = datum_list(s->arena);
    for (size_t i = 0; i < base->count && !s->failed; i++) {
        if (n->condition && datum_is_false(node_evaluate(s, n->condition, base->items[i])))
            continue;
        const struct datum *made = node_evaluate(s, n->right, base->items[i]);
        if (made->type != DATUM_NULL)
            datum_append(s->arena, out, made);
    }
    return out;
}

static const struct datum *select_all(struct search *s, const struct node *n,
                                      const struct datum *in)
{
    if (in->type == DATUM_NULL)
        return in;
    struct datum *out = n->type == NODE_LIST ? datum_list(s->arena) : datum_object(s->arena);
    for (size_t i = 0; i < n->count; i++) {
        const struct datum *made = node_evaluate(s, n->items[i], in);
        if (n->type == NODE_LIST)
            datum_append(s->arena, out, made);
        else
            datum_set(s->arena, out, n->names[i], made);
    }
    return out;
}

/* --- logic --- */

static bool is_ordered(const struct datum *v)
{
    return v->type == DATUM_NUMBER || v->type == DATUM_STRING;
}

static const struct datum *order(struct search *s, enum token_type by, const struct datum *a,
                                 const struct datum *b)
{
    if (!is_ordered(a) || !is_ordered(b))
        return datum_null();
    if (a->type != b->type) {
        explain(s->why, PIPEPOLL_EINVAL, "a string and a number cannot be compared");
        s->failed = true;
        return datum_null();
    }
    int sign = a->type == DATUM_STRING ? datum_compare_text(a->text, b->text)
                                       : (a->number > b->number) - (a->number < b->number);
    return datum_bool(by == TOKEN_LT   ? sign < 0
                      : by == TOKEN_LE ? sign <= 0
                      : by == TOKEN_GT ? sign > 0
                                       : sign >= 0);
}

static const struct datum *compare(struct search *s, const struct node *n, const struct datum *in)
{
    const struct datum *a = node_evaluate(s, n->left, in), *b = node_evaluate(s, n->right, in);
    if (n->comparator == TOKEN_EQ || n->comparator == TOKEN_NE)
        return datum_bool(datum_equals(a, b) == (n->comparator == TOKEN_EQ));
    return order(s, n->comparator, a, b);
}

static const struct datum *either(struct search *s, const struct node *n, const struct datum *in)
{
    const struct datum *left = node_evaluate(s, n->left, in);
    bool left_counts = datum_is_false(left) == (n->type == NODE_AND);
    return left_counts ? left : node_evaluate(s, n->right, in);
}

const struct datum *node_evaluate(struct search *s, const struct node *n, const struct datum *in)
{
    if (s->failed || s->arena->failed)
        return datum_null();
    switch (n->type) {
    case NODE_CURRENT:
        return in;
    case NODE_FIELD:
        return or_null(datum_member(in, n->name));
    case NODE_LITERAL:
        return n->literal;
    case NODE_INDEX:
        return at_index(in, n->parts[0]);
    case NODE_SLICE:
        return slice(s, n, in);
    case NODE_SUB:
        return node_evaluate(s, n->right, node_evaluate(s, n->left, in));
    case NODE_PROJECTION:
    case NODE_FILTER:
        return project(s, n, in, DATUM_LIST);
    case NODE_VALUES:
        return project(s, n, in, DATUM_OBJECT);
    case NODE_FLATTEN:
        return flatten(s, node_evaluate(s, n->left, in));
    case NODE_OR:
    case NODE_AND:
        return either(s, n, in);
    case NODE_NOT:
        return datum_bool(datum_is_false(node_evaluate(s, n->left, in)));
    case NODE_COMPARE:
        return compare(s, n, in);
    case NODE_LIST:
    case NODE_OBJECT:
        return select_all(s, n, in);
    case NODE_FUNCTION:
        return function_call(s, n, in);
    case NODE_EXPREF:
        break; /* means something as an argument alone */
    }
    return datum_null();
}

const struct datum *query_search(struct arena *a, const struct query *q, const struct datum *in,
                                 struct pipepoll_error *why)
{
    struct search s = { .arena = a, .why = why };
    const struct datum *found = node_evaluate(&s, q->root, in);
    if (!s.failed && a->failed)
        explain(why, PIPEPOLL_ENOMEM, "what --query makes takes too much memory");
    return s.failed || a->failed ? NULL : found;
}

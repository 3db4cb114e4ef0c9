/* SPDX-License-Identifier: MIT */
/* Items are put in order by themselves or by what an expression makes of them: each key is computed
 * once, all must be numbers or all strings, and what is equal stays in its order. */
#include "cli/query_order.h"

#include <stdlib.h>

/* An item and what it is put in order by: itself, or what an expression makes of it. */
struct keyed {
    const struct datum *item, *key;
    size_t at; /* equal ones stay as they were */
};

static int compare_keys(const struct keyed *a, const struct keyed *b)
{
    if (a->key->type == DATUM_STRING)
        return datum_compare_text(a->key->text, b->key->text);
    return (a->key->number > b->key->number) - (a->key->number < b->key->number);
}

static int compare_keyed(const void *x, const void *y)
{
    const struct keyed *a = x, *b = y;
    int order = compare_keys(a, b);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

/* NULL: a key that has no order, or no memory; s->failed says which. */
static struct keyed *key_all(struct search *s, const struct arguments *a)
{
    const struct datum *list = a->at[0];
    const struct node *by = a->count > 1 ? a->call->items[1]->left : NULL;
    struct keyed *all = arena_take(s->arena, list->count * sizeof *all);
    for (size_t i = 0; all && i < list->count; i++) {
        const struct datum *item = list->items[i];
        all[i] = (struct keyed) { item, by ? node_evaluate(s, by, item) : item, i };
        enum datum_type type = all[i].key->type, first = all[0].key->type;
        if ((type != DATUM_STRING && type != DATUM_NUMBER) || type != first) {
            function_fail(s, a->name, "the keys must be all numbers or all strings");
            return NULL;
        }
    }
    return s->failed ? NULL : all;
}

const struct datum *order_sort(struct search *s, const struct arguments *a)
{
    struct datum *out = datum_list(s->arena);
    size_t count = a->at[0]->count;
    struct keyed *all = count ? key_all(s, a) : NULL;
    if (all)
        qsort(all, count, sizeof *all, compare_keyed);
    for (size_t i = 0; all && i < count; i++)
        datum_append(s->arena, out, all[i].item);
    return out;
}

/* The first of the greatest, or with a sign of -1 of the least. */
static const struct datum *extreme(struct search *s, const struct arguments *a, int sign)
{
    size_t count = a->at[0]->count;
    struct keyed *all = count ? key_all(s, a) : NULL, *best = all;
    for (size_t i = 1; all && i < count; i++)
        if (compare_keys(&all[i], best) * sign > 0)
            best = &all[i];
    return best ? best->item : datum_null();
}

const struct datum *order_max(struct search *s, const struct arguments *a)
{
    return extreme(s, a, 1);
}

const struct datum *order_min(struct search *s, const struct arguments *a)
{
    return extreme(s, a, -1);
}

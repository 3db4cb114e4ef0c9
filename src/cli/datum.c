/* SPDX-License-Identifier: MIT */
/* Trees of JSON values. They are small (an answer has at most some thousand ids) and live as long
 * as one command, so memory comes from an arena of a few blocks that is freed as a whole, lists
 * double as they grow, and members are looked up one by one. Running out of memory sets a flag that
 * the command looks at once, before it prints: no caller in between needs an error path. */
#include "cli/datum.h"

#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t at[];
};

enum { BLOCK_SIZE = 64 << 10, ALIGNMENT = sizeof(max_align_t) };

static struct arena_block *add_block(struct arena *a, size_t size)
{
    if (size < BLOCK_SIZE)
        size = BLOCK_SIZE;
    if (size > ARENA_SIZE_MAX - a->size)
        return NULL;
    struct arena_block *b = calloc(1, sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    b->next = a->blocks;
    a->size += size;
    a->blocks = b;
    return b;
}

void *arena_take(struct arena *a, size_t size)
{
    struct arena_block *b = a->blocks;
    if (size > ARENA_SIZE_MAX) {
        a->failed = true;
        return NULL;
    }
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!b || size > b->size - b->used)
        b = add_block(a, size);
    if (!b) {
        a->failed = true;
        return NULL;
    }
    void *taken = (char *)b->at + b->used;
    b->used += size;
    return taken;
}

str arena_copy(struct arena *a, str text)
{
    char *at = text.len ? arena_take(a, text.len) : NULL;
    if (!at)
        return STR("");
    memcpy(at, text.ptr, text.len);
    return (str) { at, text.len };
}

void arena_free(struct arena *a)
{
    for (struct arena_block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    *a = (struct arena) { .blocks = NULL };
}

/* --- values --- */

static struct datum *new_value(struct arena *a, enum datum_type type)
{
    static _Thread_local struct datum nowhere; /* what is written to when memory has run out */
    struct datum *v = arena_take(a, sizeof *v);
    if (!v) {
        nowhere = (struct datum) { .type = type };
        return &nowhere;
    }
    v->type = type;
    return v;
}

const struct datum *datum_null(void)
{
    static const struct datum v = { .type = DATUM_NULL };
    return &v;
}

const struct datum *datum_bool(bool truth)
{
    static const struct datum values[] = { { .type = DATUM_BOOL },
                                           { .type = DATUM_BOOL, .truth = true } };
    return &values[truth];
}

struct datum *datum_number(struct arena *a, double n, bool is_float)
{
    struct datum *v = new_value(a, DATUM_NUMBER);
    v->number = n;
    v->is_float = is_float;
    return v;
}

struct datum *datum_string(struct arena *a, str text)
{
    struct datum *v = new_value(a, DATUM_STRING);
    v->text = text.len ? text : STR("");
    return v;
}

struct datum *datum_list(struct arena *a)
{
    return new_value(a, DATUM_LIST);
}

struct datum *datum_object(struct arena *a)
{
    return new_value(a, DATUM_OBJECT);
}

static bool grow(struct arena *a, struct datum *v)
{
    if (v->count < v->cap)
        return true;
    size_t cap = v->cap ? v->cap * 2 : 4;
    const struct datum **items = arena_take(a, cap * sizeof(struct datum *));
    str *names = v->type == DATUM_OBJECT ? arena_take(a, cap * sizeof *names) : NULL;
    if (!items || (v->type == DATUM_OBJECT && !names))
        return false;
    for (size_t i = 0; i < v->count; i++) {
        items[i] = v->items[i];
        if (names)
            names[i] = v->names[i];
    }
    v->items = items;
    v->names = names;
    v->cap = cap;
    return true;
}

void datum_append(struct arena *a, struct datum *list, const struct datum *item)
{
    if (grow(a, list))
        list->items[list->count++] = item;
}

/* The index of a name, or the count of all. */
static size_t find(const struct datum *object, str name)
{
    size_t i = 0;
    while (i < object->count && !str_eq(object->names[i], name))
        i++;
    return i;
}

void datum_set(struct arena *a, struct datum *object, str name, const struct datum *v)
{
    size_t i = find(object, name);
    if (i == object->count) {
        if (!grow(a, object))
            return;
        object->names[object->count++] = name;
    }
    object->items[i] = v;
}

void datum_set_text(struct arena *a, struct datum *object, const char *name, str text)
{
    datum_set(a, object, str_of(name), datum_string(a, arena_copy(a, text)));
}

const struct datum *datum_member(const struct datum *object, str name)
{
    if (object->type != DATUM_OBJECT)
        return NULL;
    size_t i = find(object, name);
    return i < object->count ? object->items[i] : NULL;
}

bool datum_is_false(const struct datum *v)
{
    switch (v->type) {
    case DATUM_NULL:
        return true;
    case DATUM_BOOL:
        return !v->truth;
    case DATUM_NUMBER:
        return false;
    case DATUM_STRING:
        return v->text.len == 0;
    case DATUM_LIST:
    case DATUM_OBJECT:
        return v->count == 0;
    }
    return true;
}

bool datum_is_scalar(const struct datum *v)
{
    return v->type != DATUM_LIST && v->type != DATUM_OBJECT;
}

static bool items_equal(const struct datum *a, const struct datum *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct datum *other =
            a->type == DATUM_OBJECT ? datum_member(b, a->names[i]) : b->items[i];
        if (!other || !datum_equals(a->items[i], other))
            return false;
    }
    return true;
}

bool datum_equals(const struct datum *a, const struct datum *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case DATUM_NULL:
        return true;
    case DATUM_BOOL:
        return a->truth == b->truth;
    case DATUM_NUMBER:
        return a->number >= b->number && a->number <= b->number;
    case DATUM_STRING:
        return str_eq(a->text, b->text);
    case DATUM_LIST:
    case DATUM_OBJECT:
        return items_equal(a, b);
    }
    return false;
}

int datum_compare_text(str a, str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_names(const void *x, const void *y, void *names)
{
    const str *of = names;
    return datum_compare_text(of[*(const size_t *)x], of[*(const size_t *)y]);
}

const size_t *datum_sorted(struct arena *a, const struct datum *object)
{
    size_t *order = object->count ? arena_take(a, object->count * sizeof *order) : NULL;
    for (size_t i = 0; order && i < object->count; i++)
        order[i] = i;
    if (order)
        qsort_r(order, object->count, sizeof *order, compare_names, object->names);
    return order;
}

/* SPDX-License-Identifier: MIT */
/* The rows and columns of the grid: keys are found in a hash table in the order of the targets,
 * which is that of the config file; of too many the worst stay, in that order, and all others are
 * the last. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/order.h"
#include "base/table.h"
#include "status/page_view.h"

/* One key of an axis, as it is found. */
struct found {
    struct table_node node;
    struct page_head head;
    uint32_t index;
    uint32_t shown; /* where it ends up */
};

struct axis {
    struct found *found;
    size_t count;
    struct table by_key;
};

enum status_state page_worst(const size_t states[STATUS_STATES])
{
    for (int i = STATUS_STATES; i-- > 0;)
        if (states[i])
            return (enum status_state)i;
    return STATUS_STATES;
}

/* --- keys --- */

static str put_together(struct arena *memory, const str *parts, size_t count, str between)
{
    char text[PAGE_KEY_MAX];
    struct buf b = BUF_ON(text);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_put(&b, between);
        buf_put(&b, parts[i]);
    }
    return arena_text(memory, buf_str(&b));
}

static void name_type(struct page_head *h, const struct status_target *t, struct arena *memory)
{
    const str key[] = { t->category, t->owner, t->provider, t->version };
    const str more[] = { t->category, t->owner, t->version };
    h->key = put_together(memory, key, 4, STR("/"));
    h->label = t->provider;
    h->more = put_together(memory, more, 3, STR(" \xc2\xb7 "));
}

static uint64_t hash_of(const struct axis *a, const struct status_target *t, bool by_provider)
{
    uint64_t hash = table_hash(a->by_key.seed, t->provider);
    if (by_provider)
        return hash;
    hash = table_hash(hash, t->category);
    return table_hash(table_hash(hash, t->owner), t->version);
}

static bool is_same_type(const struct status_target *a, const struct status_target *b)
{
    return str_eq(a->category, b->category) && str_eq(a->owner, b->owner) &&
           str_eq(a->version, b->version);
}

/* The place of a key that is there already, or of a new one. */
static struct found *put_key(struct axis *a, uint64_t hash)
{
    struct found *f = &a->found[a->count];
    *f = (struct found) { .index = (uint32_t)a->count++ };
    table_put(&a->by_key, &f->node, hash);
    return f;
}

/* `first` has a target of each key that was found. */
static struct found *find_row(struct axis *a, const struct status_target *t, bool by_provider,
                              const struct status_target **first)
{
    uint64_t hash = hash_of(a, t, by_provider);
    for (struct table_node *n = table_first(&a->by_key, hash); n; n = table_next(n)) {
        struct found *f = (struct found *)n;
        const struct status_target *other = first[f->index];
        if (str_eq(other->provider, t->provider) && (by_provider || is_same_type(other, t)))
            return f;
    }
    first[a->count] = t;
    return put_key(a, hash);
}

static struct found *find_column(struct axis *a, const struct status_target *t)
{
    uint64_t hash = table_hash(a->by_key.seed, t->region);
    for (struct table_node *n = table_first(&a->by_key, hash); n; n = table_next(n))
        if (str_eq(((struct found *)n)->head.key, t->region))
            return (struct found *)n;
    struct found *f = put_key(a, hash);
    f->head.key = f->head.label = t->region;
    return f;
}

/* --- of many, the worst --- */

static int by_trouble(const void *a, const void *b)
{
    const struct found *x = *(struct found *const *)a, *y = *(struct found *const *)b;
    for (int i = STATUS_STATES; i-- > STATUS_SLOWED;)
        if (x->head.states[i] != y->head.states[i])
            return -order_size(x->head.states[i], y->head.states[i]);
    return order_size(x->index, y->index);
}

static int by_label(const void *a, const void *b)
{
    const struct found *x = *(struct found *const *)a, *y = *(struct found *const *)b;
    return order_str(x->head.label, y->head.label);
}

static int by_index(const void *a, const void *b)
{
    const struct found *x = *(struct found *const *)a, *y = *(struct found *const *)b;
    return order_size(x->index, y->index);
}

static void add_states(size_t to[STATUS_STATES], const size_t from[STATUS_STATES])
{
    for (size_t i = 0; i < STATUS_STATES; i++)
        to[i] += from[i];
}

/* The heads that are shown: at most `max`, ordered, and one more for the others. */
static struct page_head *show(struct axis *a, size_t max, int (*order)(const void *, const void *),
                              struct arena *memory, size_t *count)
{
    struct found **sorted = arena_array(memory, a->count, sizeof *sorted);
    size_t shown = a->count > max ? max : a->count, left = a->count - shown;
    struct page_head *heads = arena_array(memory, shown + 1, sizeof *heads);
    if (!sorted || !heads)
        return NULL;
    for (size_t i = 0; i < a->count; i++)
        sorted[i] = &a->found[i];
    if (left)
        qsort(sorted, a->count, sizeof *sorted, by_trouble);
    qsort(sorted, shown, sizeof *sorted, order);
    for (size_t i = 0; i < a->count; i++) {
        sorted[i]->shown = (uint32_t)(i < shown ? i : shown);
        if (i < shown)
            heads[i] = sorted[i]->head;
        else
            add_states(heads[shown].states, sorted[i]->head.states);
    }
    if (left) {
        char text[32];
        struct buf b = BUF_ON(text);
        buf_printf(&b, "%zu others", left);
        heads[shown].key = STR("*");
        heads[shown].label = arena_text(memory, buf_str(&b));
    }
    *count = shown + (left > 0);
    return heads;
}

/* --- the grid --- */

/* Which row each target is in, as an index of what was found. With too many action types it stops,
 * for rows will be providers. */
static bool find_rows(struct axis *a, struct page_grid *g, const struct status *s,
                      struct arena *memory, bool by_provider)
{
    const struct status_target **first = arena_array(memory, s->target_count, sizeof *first);
    a->found = arena_array(memory, s->target_count, sizeof *a->found);
    a->count = 0;
    if (!first || !a->found)
        return false;
    for (size_t i = 0; i < s->target_count && (by_provider || a->count <= PAGE_TYPES_MAX); i++) {
        const struct status_target *t = &s->targets[i];
        struct found *f = find_row(a, t, by_provider, first);
        f->head.states[t->state]++;
        g->row_of[i] = f->index;
    }
    for (size_t i = 0; i < a->count; i++) {
        struct page_head *h = &a->found[i].head;
        if (by_provider)
            h->key = h->label = first[i]->provider;
        else if (a->count <= PAGE_TYPES_MAX)
            name_type(h, first[i], memory);
    }
    g->by_provider = by_provider;
    return true;
}

static bool find_columns(struct axis *a, struct page_grid *g, const struct status *s,
                         struct arena *memory)
{
    a->found = arena_array(memory, s->target_count, sizeof *a->found);
    if (!a->found)
        return false;
    for (size_t i = 0; i < s->target_count; i++) {
        struct found *f = find_column(a, &s->targets[i]);
        f->head.states[s->targets[i].state]++;
        g->column_of[i] = f->index;
    }
    return true;
}

static bool count_cells(struct page_grid *g, const struct status *s, struct arena *memory)
{
    size_t count = g->row_count * g->column_count;
    g->cells = arena_array(memory, count, sizeof *g->cells);
    if (!g->cells)
        return false;
    for (size_t i = 0; i < count; i++)
        g->cells[i].incident_index = -1;
    for (size_t i = 0; i < s->target_count; i++) {
        const struct status_target *t = &s->targets[i];
        struct page_cell *c = &g->cells[g->row_of[i] * g->column_count + g->column_of[i]];
        c->states[t->state]++;
        if (c->incident_index < 0 ||
            (t->incident_index >= 0 && t->incident_index < c->incident_index))
            c->incident_index = t->incident_index;
    }
    return true;
}

static bool fill(struct page_grid *g, const struct status *s, struct arena *memory,
                 struct axis *rows, struct axis *columns)
{
    g->row_of = arena_array(memory, s->target_count, sizeof *g->row_of);
    g->column_of = arena_array(memory, s->target_count, sizeof *g->column_of);
    if (!g->row_of || !g->column_of || !find_rows(rows, g, s, memory, false))
        return false;
    if (rows->count > PAGE_TYPES_MAX) {
        table_deinit(&rows->by_key);
        rows->by_key = (struct table) { .count = 0 };
        if (!find_rows(rows, g, s, memory, true))
            return false;
    }
    if (!find_columns(columns, g, s, memory))
        return false;
    g->rows = show(rows, PAGE_ROWS_MAX, by_index, memory, &g->row_count);
    g->columns = show(columns, PAGE_COLUMNS_MAX, by_label, memory, &g->column_count);
    if (!g->rows || !g->columns)
        return false;
    for (size_t i = 0; i < s->target_count; i++) {
        g->row_of[i] = rows->found[g->row_of[i]].shown;
        g->column_of[i] = columns->found[g->column_of[i]].shown;
    }
    return count_cells(g, s, memory);
}

bool page_grid_fill(struct page_grid *g, const struct status *s, struct arena *memory)
{
    struct axis rows = { .count = 0 }, columns = { .count = 0 };
    bool is_filled = !s->target_count || fill(g, s, memory, &rows, &columns);
    table_deinit(&rows.by_key);
    table_deinit(&columns.by_key);
    return is_filled;
}

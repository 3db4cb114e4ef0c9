/* SPDX-License-Identifier: MIT */
/* The query, and what it chooses; the rest of a view is put together by page_grid.c and
 * page_figures.c. */
#include "status/page_view.h"

#include <stdlib.h>

#include "base/order.h"

/* --- the query --- */

static int hex_value(char c)
{
    c = ascii_lower(c);
    return ascii_is_digit(c) ? c - '0' : c - 'a' + 10;
}

/* Decoded, with its NUL; the empty text if it is too long. */
static void decode(char out[PAGE_KEY_MAX], str value)
{
    size_t len = 0;
    for (size_t i = 0; i < value.len && len < PAGE_KEY_MAX - 1; i++) {
        char c = value.ptr[i];
        if (c == '%' && value.len - i > 2 && ascii_is_hex(value.ptr[i + 1]) &&
            ascii_is_hex(value.ptr[i + 2])) {
            c = (char)(hex_value(value.ptr[i + 1]) * 16 + hex_value(value.ptr[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        out[len++] = c;
    }
    out[len < PAGE_KEY_MAX - 1 ? len : 0] = '\0';
}

static void read_query(struct page_view *v, str query)
{
    while (query.len) {
        str part = { query.ptr, str_find(query, '&') };
        query = str_skip(query, part.len < query.len ? part.len + 1 : part.len);
        if (str_starts(part, STR("row=")))
            decode(v->row, str_skip(part, 4));
        else if (str_starts(part, STR("region=")))
            decode(v->region, str_skip(part, 7));
    }
}

/* What is not there (any more) chooses nothing by itself. */
static void forget_unknown(const struct page_head *heads, size_t count, char *key)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(heads[i].key, str_of(key)))
            return;
    *key = '\0';
}

bool page_view_chooses(const struct page_view *v, size_t target)
{
    const struct page_head *row = &v->grid.rows[v->grid.row_of[target]];
    const struct page_head *column = &v->grid.columns[v->grid.column_of[target]];
    return (!*v->row || str_eq(row->key, str_of(v->row))) &&
           (!*v->region || str_eq(column->key, str_of(v->region)));
}

/* --- the whole --- */

str page_reason(const struct status *s, enum status_state state, int64_t incident_index)
{
    switch (state) {
    case STATUS_FAILING:
        if (incident_index >= 0 && (size_t)incident_index < s->incident_count)
            return s->incidents[incident_index].words;
        return STR("its polls fail; the log says why");
    case STATUS_LATE:
        return STR(
            "no good poll for too long, and no failure that says why: a slow reader, a limit "
            "that is too low, or a loop that hangs");
    case STATUS_SLOWED:
        return STR("throttled by the service: polled less often until it allows more");
    case STATUS_WAITING:
        return STR("new: its first poll has not been answered yet");
    case STATUS_ELSEWHERE:
        return STR("another member of the fleet polls it, or nobody yet");
    case STATUS_WELL:
    case STATUS_STATES:
        break;
    }
    return STR("");
}

double page_use(const struct status_region *r)
{
    return r->allowed_per_s > 0 ? r->polls_per_s / r->allowed_per_s : 0;
}

struct account {
    double use;
    size_t index;
};

static int by_use(const void *a, const void *b)
{
    const struct account *x = a, *y = b;
    int r = order_real(y->use, x->use);
    return r ? r : order_size(x->index, y->index);
}

static int by_index(const void *a, const void *b)
{
    return order_size(*(const size_t *)a, *(const size_t *)b);
}

static bool choose_accounts(struct page_view *v, const struct status *s)
{
    size_t count = s->region_count, shown = count < PAGE_LIST_MAX ? count : PAGE_LIST_MAX;
    struct account *all = arena_array(&v->memory, count, sizeof *all);
    v->accounts = arena_array(&v->memory, shown, sizeof *v->accounts);
    if (!count)
        return true;
    if (!all || !v->accounts)
        return false;
    for (size_t i = 0; i < count; i++)
        all[i] = (struct account) { page_use(&s->regions[i]), i };
    if (shown < count)
        qsort(all, count, sizeof *all, by_use);
    for (size_t i = 0; i < shown; i++)
        v->accounts[i] = all[i].index;
    qsort(v->accounts, shown, sizeof *v->accounts, by_index);
    v->account_count = shown;
    return true;
}

bool page_view_init(struct page_view *v, const struct status *s, str query)
{
    *v = (struct page_view) { .status = s };
    v->figures = arena_array(&v->memory, PAGE_FIGURES_MAX, sizeof *v->figures);
    if (!v->figures || !choose_accounts(v, s) || !page_grid_fill(&v->grid, s, &v->memory))
        return false;
    read_query(v, query);
    forget_unknown(v->grid.rows, v->grid.row_count, v->row);
    forget_unknown(v->grid.columns, v->grid.column_count, v->region);
    page_figures(v);
    return true;
}

void page_view_deinit(struct page_view *v)
{
    arena_deinit(&v->memory);
}

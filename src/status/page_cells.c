/* SPDX-License-Identifier: MIT */
/* A cell of the document is a link: its text is how many of its targets are in its worst state, the
 * state's mark is drawn by the style sheet, and its title tells everything. page.js composes the
 * same of an event; tests/test_page.py compares the two. */
#include "status/page_cells.h"

#include "base/jsontext.h"
#include "base/url.h"
#include "status/page_out.h"

enum { TITLE_MAX = 2048 };

static size_t sum_of(const size_t states[STATUS_STATES])
{
    size_t sum = 0;
    for (size_t i = 0; i < STATUS_STATES; i++)
        sum += states[i];
    return sum;
}

/* --- HTML --- */

/* `href="?row=KEY&amp;region=KEY#targets"`; NULL: without that part. */
static void put_link(struct buf *out, const struct page_head *row, const struct page_head *column)
{
    char text[8 * PAGE_KEY_MAX];
    struct buf key = BUF_ON(text);
    if (row) {
        buf_put(&key, STR("row="));
        url_put_encoded(&key, row->key, "!'()*");
    }
    if (row && column)
        buf_put_char(&key, '&');
    if (column) {
        buf_put(&key, STR("region="));
        url_put_encoded(&key, column->key, "!'()*");
    }
    buf_put(out, STR(" href=\"?"));
    page_escape(out, buf_str(&key));
    buf_put(out, STR("#targets\""));
}

/* "1 failing, 2 throttled, 22 well", the worst first. */
static void put_states(struct buf *out, const size_t states[STATUS_STATES])
{
    const char *between = "";
    for (int i = STATUS_STATES; i-- > 0;) {
        if (!states[i])
            continue;
        buf_printf(out, "%s%zu %s", between, states[i], status_state_name((enum status_state)i));
        between = ", ";
    }
}

static void put_title(struct buf *out, const struct page_view *v, const struct page_head *row,
                      const struct page_head *column, const struct page_cell *c)
{
    char text[TITLE_MAX];
    struct buf title = BUF_ON(text);
    str reason = page_reason(v->status, page_worst(c->states), c->incident_index);
    buf_put(&title, row->label);
    buf_put(&title, STR(" in "));
    buf_put(&title, column->label);
    buf_put_char(&title, '\n');
    put_states(&title, c->states);
    if (reason.len) {
        buf_put_char(&title, '\n');
        buf_put(&title, reason);
    }
    buf_put(out, STR(" title=\""));
    page_escape(out, buf_str(&title));
    buf_put_char(out, '"');
}

static void put_current(struct buf *out, const char *chosen_row, const char *chosen_column,
                        const struct page_head *row, const struct page_head *column)
{
    if (str_eq(str_of(chosen_row), row ? row->key : STR("")) &&
        str_eq(str_of(chosen_column), column ? column->key : STR("")))
        buf_put(out, STR(" aria-current=\"true\""));
}

static void put_cell(struct buf *out, const struct page_view *v, const struct page_head *row,
                     const struct page_head *column, const struct page_cell *c)
{
    enum status_state worst = page_worst(c->states);
    size_t all = sum_of(c->states);
    if (!all) {
        buf_put(out, STR("<td></td>"));
        return;
    }
    buf_printf(out, "<td data-s=\"%s\"><a", status_state_name(worst));
    put_link(out, row, column);
    put_title(out, v, row, column, c);
    put_current(out, v->row, v->region, row, column);
    buf_put_char(out, '>');
    if (all > 1)
        buf_put_u64(out, c->states[worst]);
    buf_put(out, STR("</a></td>"));
}

static void put_head(struct buf *out, const struct page_view *v, const struct page_head *row,
                     const struct page_head *column)
{
    const struct page_head *h = row ? row : column;
    buf_printf(out, "<th scope=\"%s\"><a", row ? "row" : "col");
    put_link(out, row, column);
    put_current(out, v->row, v->region, row, column);
    buf_put_char(out, '>');
    page_escape(out, h->label);
    buf_put(out, STR("</a>"));
    if (h->more.len) {
        buf_put(out, STR("<small>"));
        page_escape(out, h->more);
        buf_put(out, STR("</small>"));
    }
    buf_put(out, STR("</th>"));
}

static str corner_of(const struct page_grid *g)
{
    return g->by_provider ? STR("Provider") : STR("Action type");
}

void page_cells_html(struct buf *out, const struct page_view *v)
{
    const struct page_grid *g = &v->grid;
    buf_put(out, STR("<thead><tr><th scope=\"col\">"));
    buf_put(out, corner_of(g));
    buf_put(out, STR("</th>"));
    for (size_t i = 0; i < g->column_count; i++)
        put_head(out, v, NULL, &g->columns[i]);
    buf_put(out, STR("</tr></thead><tbody>"));
    for (size_t r = 0; r < g->row_count; r++) {
        buf_put(out, STR("<tr>"));
        put_head(out, v, &g->rows[r], NULL);
        for (size_t i = 0; i < g->column_count; i++)
            put_cell(out, v, &g->rows[r], &g->columns[i], &g->cells[r * g->column_count + i]);
        buf_put(out, STR("</tr>"));
    }
    buf_put(out, STR("</tbody>"));
}

/* --- JSON --- */

static void put_counts(struct buf *out, const struct page_cell *c)
{
    size_t all = sum_of(c->states);
    if (c->states[STATUS_WELL] == all) {
        buf_put_u64(out, all);
        return;
    }
    buf_put_char(out, '[');
    for (size_t i = 0; i < STATUS_STATES; i++) {
        buf_put_u64(out, c->states[i]);
        buf_put_char(out, ',');
    }
    buf_printf(out, "%lld]", (long long)c->incident_index);
}

static void put_key(struct buf *out, size_t index, const struct page_head *h)
{
    buf_put(out, index ? STR(",[") : STR("["));
    jsontext_string(out, h->key);
    buf_put_char(out, ',');
    jsontext_string(out, h->label);
}

void page_cells_json(struct buf *out, const struct page_view *v)
{
    const struct page_grid *g = &v->grid;
    buf_put_char(out, '{');
    jsontext_member(out, "corner", corner_of(g));
    buf_put(out, STR(",\"columns\":["));
    for (size_t i = 0; i < g->column_count; i++) {
        put_key(out, i, &g->columns[i]);
        buf_put_char(out, ']');
    }
    buf_put(out, STR("],\"rows\":["));
    for (size_t r = 0; r < g->row_count; r++) {
        put_key(out, r, &g->rows[r]);
        buf_put_char(out, ',');
        jsontext_string(out, g->rows[r].more);
        buf_put(out, STR(",["));
        for (size_t i = 0; i < g->column_count; i++) {
            if (i)
                buf_put_char(out, ',');
            put_counts(out, &g->cells[r * g->column_count + i]);
        }
        buf_put(out, STR("]]"));
    }
    buf_put(out, STR("]}"));
}

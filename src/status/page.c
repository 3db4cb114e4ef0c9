/* SPDX-License-Identifier: MIT */
/* The document is copied up to each "{{WHAT:NAME}}", and what that names is put in its place; an
 * event has the same, by name. */
#include "status/page.h"

#include "base/jsontext.h"
#include "status/grown.h"
#include "status/page_cells.h"
#include "status/page_document.h"
#include "status/page_out.h"
#include "status/page_tables.h"
#include "status/page_view.h"

enum { HTML_BYTES = 1 << 18, EVENT_BYTES = 1 << 16 };

static size_t count_rows(const struct page_table *t, const struct page_view *v)
{
    struct buf none = { .cap = 0 };
    struct page_out o = { .out = &none, .form = PAGE_COUNT };
    t->put(&o, v);
    return o.rows;
}

static const struct page_table *find_table(str name)
{
    for (size_t i = 0; i < page_table_count; i++)
        if (str_eq(name, str_of(page_tables[i].name)))
            return &page_tables[i];
    return NULL;
}

/* --- the document --- */

static void put_figure(struct buf *out, const struct page_view *v, str name)
{
    for (size_t i = 0; i < v->figure_count; i++)
        if (str_eq(name, str_of(v->figures[i].name)))
            page_escape(out, str_of(v->figures[i].text));
}

/* "grid", "figure:NAME", "rows:NAME", or "hidden:NAME", an attribute where there are none. */
static void put_named(struct buf *out, const struct page_view *v, str what)
{
    size_t kind = str_find(what, ':');
    str name = str_skip(what, kind < what.len ? kind + 1 : what.len);
    const struct page_table *t = find_table(name);
    what.len = kind;
    if (str_eq(what, STR("grid")))
        page_cells_html(out, v);
    else if (str_eq(what, STR("figure")))
        put_figure(out, v, name);
    else if (t && str_eq(what, STR("rows")))
        t->put(&(struct page_out) { .out = out, .form = PAGE_HTML }, v);
    else if (t && str_eq(what, STR("hidden")) && !count_rows(t, v))
        buf_put(out, STR("hidden"));
}

static void put_document(struct buf *out, const void *from)
{
    str rest = { page_document, page_document_len };
    while (rest.len) {
        const char *open = memmem(rest.ptr, rest.len, "{{", 2);
        const char *end = open ? memmem(open, rest.len - (size_t)(open - rest.ptr), "}}", 2) : NULL;
        if (!end) {
            buf_put(out, rest);
            return;
        }
        buf_put(out, (str) { rest.ptr, (size_t)(open - rest.ptr) });
        put_named(out, from, (str) { open + 2, (size_t)(end - open) - 2 });
        rest = str_skip(rest, (size_t)(end - rest.ptr) + 2);
    }
}

/* --- an event --- */

static void put_tables(struct buf *out, const struct page_view *v)
{
    jsontext_name(out, STR("tables"));
    buf_put_char(out, '{');
    for (size_t i = 0; i < page_table_count; i++) {
        jsontext_name(out, str_of(page_tables[i].name));
        buf_put_char(out, '[');
        page_tables[i].put(&(struct page_out) { .out = out, .form = PAGE_JSON }, v);
        buf_put_char(out, ']');
    }
    buf_put_char(out, '}');
}

static void put_reasons(struct buf *out, const struct page_view *v)
{
    jsontext_name(out, STR("reasons"));
    for (int i = 0; i < STATUS_STATES; i++) {
        buf_put_char(out, i ? ',' : '[');
        jsontext_string(out, page_reason(v->status, (enum status_state)i, -1));
    }
    buf_put_char(out, ']');
}

static void put_event(struct buf *out, const void *from)
{
    const struct page_view *v = from;
    buf_put(out, STR("data: {\"figures\":{"));
    for (size_t i = 0; i < v->figure_count; i++)
        jsontext_member(out, v->figures[i].name, str_of(v->figures[i].text));
    buf_put_char(out, '}');
    put_tables(out, v);
    jsontext_name(out, STR("grid"));
    page_cells_json(out, v);
    put_reasons(out, v);
    buf_put(out, STR("}\n\n"));
}

/* --- both --- */

static char *put_view(const struct status *s, str query, void (*put)(struct buf *, const void *),
                      size_t size, size_t *len)
{
    struct page_view v;
    char *text = page_view_init(&v, s, query) ? grown(put, &v, size, len) : NULL;
    page_view_deinit(&v);
    return text;
}

char *page_html(const struct status *s, str query, size_t *len)
{
    return put_view(s, query, put_document, HTML_BYTES, len);
}

char *page_event(const struct status *s, str query, size_t *len)
{
    return put_view(s, query, put_event, EVENT_BYTES, len);
}

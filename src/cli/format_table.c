/* SPDX-License-Identifier: MIT */
/* Tables. A value becomes sections, each with a title, perhaps headers, and rows; a list of objects
 * is one section, or one for each object where objects hold lists of their own, which are sections
 * further in. All sections are as wide as the widest: columns are scaled to fit. A table that is
 * wider than the screen is drawn again with the sections of one row turned on their side. */
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/format.h"

enum { SECTIONS_MAX = 65536, CELL_PADDING = 4, BORDERS = 2 };

struct section {
    str title;
    size_t indent;
    struct datum *headers; /* a list; NULL: none */
    struct datum *rows;    /* a list of lists of strings */
    size_t columns;        /* 0: not known yet */
    size_t *widths;        /* of the columns */
};

struct table {
    struct arena *arena;
    struct section *sections;
    size_t count, cap;
    struct pipepoll_error *why;
    bool failed;
};

static size_t width_of(str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += (s.ptr[i] & 0xc0) != 0x80;
    return n;
}

/* --- building --- */

static struct section *add_section(struct table *t, str title, size_t indent)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 16;
        struct section *grown = arena_take(t->arena, cap * sizeof *grown);
        if (!grown)
            return NULL;
        if (t->count)
            memcpy(grown, t->sections, t->count * sizeof *grown);
        t->sections = grown;
        t->cap = cap;
    }
    struct section *s = &t->sections[t->count++];
    *s = (struct section) { title, indent, NULL, datum_list(t->arena), 0, NULL };
    return s;
}

static void fail(struct table *t, size_t columns, size_t found)
{
    if (!t->failed)
        explain(t->why, PIPEPOLL_EINVAL, "Row should have %zu elements, instead it has %zu",
                columns, found);
    t->failed = true;
}

static void measure(struct table *t, struct section *s, const struct datum *row)
{
    if (s->columns == 0) {
        s->columns = row->count;
        s->widths = arena_take(t->arena, (row->count + 1) * sizeof *s->widths);
    }
    if (row->count != s->columns) {
        fail(t, s->columns, row->count);
        return;
    }
    for (size_t i = 0; s->widths && i < row->count; i++)
        if (width_of(row->items[i]->text) > s->widths[i])
            s->widths[i] = width_of(row->items[i]->text);
}

static void append_cell(struct table *t, struct datum *row, const struct datum *v)
{
    struct text text = { .arena = t->arena };
    if (v)
        format_put_plain(&text, v);
    datum_append(t->arena, row, datum_string(t->arena, buf_str(&text.buf)));
}

static void add_row(struct table *t, struct datum *row)
{
    if (t->count == 0)
        return;
    struct section *s = &t->sections[t->count - 1];
    datum_append(t->arena, s->rows, row);
    measure(t, s, row);
}

static void add_headers(struct table *t, struct datum *headers)
{
    if (t->count == 0)
        return;
    struct section *s = &t->sections[t->count - 1];
    s->headers = headers;
    measure(t, s, headers);
}

/* Sorted names of members that are scalars, or of those that are not. */
static void add_names(struct table *t, struct datum *names, const struct datum *object,
                      bool scalars)
{
    for (size_t i = 0; i < object->count; i++)
        if (datum_is_scalar(object->items[i]) == scalars)
            datum_set(t->arena, names, object->names[i], datum_null());
}

static struct datum *sorted_names(struct table *t, const struct datum *names)
{
    const size_t *order = datum_sorted(t->arena, names);
    struct datum *out = datum_list(t->arena);
    for (size_t i = 0; order && i < names->count; i++)
        datum_append(t->arena, out, datum_string(t->arena, names->names[order[i]]));
    return out;
}

static struct datum *row_of(struct table *t, const struct datum *object,
                            const struct datum *headers)
{
    struct datum *row = datum_list(t->arena);
    for (size_t i = 0; i < headers->count; i++)
        append_cell(t, row, datum_member(object, headers->items[i]->text));
    return row;
}

static bool build(struct table *t, const str *title, const struct datum *v, size_t indent);

static void build_members(struct table *t, const struct datum *object, const struct datum *names,
                          size_t indent)
{
    for (size_t i = 0; i < names->count; i++) {
        str name = names->items[i]->text;
        const struct datum *member = datum_member(object, name);
        if (member)
            build(t, &name, member, indent + 1);
    }
}

static void build_object(struct table *t, const struct datum *v, size_t indent)
{
    struct datum *scalars = datum_object(t->arena), *others = datum_object(t->arena);
    add_names(t, scalars, v, true);
    add_names(t, others, v, false);
    struct datum *headers = sorted_names(t, scalars), *row = row_of(t, v, headers);
    if (headers->count == 1) {
        struct datum *pair = datum_list(t->arena);
        append_cell(t, pair, headers->items[0]);
        append_cell(t, pair, row->items[0]);
        add_row(t, pair);
    } else if (headers->count) {
        add_headers(t, headers);
        add_row(t, row);
    }
    build_members(t, v, sorted_names(t, others), indent);
}

static void build_objects(struct table *t, const struct datum *list, str title, size_t indent)
{
    struct datum *scalars = datum_object(t->arena), *others = datum_object(t->arena);
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->type != DATUM_OBJECT) {
            explain(t->why, PIPEPOLL_EINVAL, "a list of objects and others is no table");
            t->failed = true;
            return;
        }
        add_names(t, scalars, list->items[i], true);
        add_names(t, others, list->items[i], false);
    }
    struct datum *headers = sorted_names(t, scalars), *more = sorted_names(t, others);
    add_headers(t, headers);
    for (size_t i = 0; i < list->count && !t->failed; i++) {
        if (i && more->count) {
            add_section(t, title, indent);
            add_headers(t, headers);
        }
        add_row(t, row_of(t, list->items[i], headers));
        build_members(t, list->items[i], more, indent);
    }
}

static void build_item(struct table *t, const struct datum *item)
{
    struct datum *row = datum_list(t->arena);
    bool flat = true;
    for (size_t i = 0; item->type == DATUM_LIST && i < item->count; i++)
        flat = flat && datum_is_scalar(item->items[i]);
    if (!flat) {
        build(t, NULL, item, 0);
        return;
    }
    if (datum_is_scalar(item))
        append_cell(t, row, item);
    for (size_t i = 0; !datum_is_scalar(item) && i < item->count; i++) {
        if (item->type == DATUM_LIST)
            append_cell(t, row, item->items[i]);
        else
            datum_append(t->arena, row, datum_string(t->arena, item->names[i]));
    }
    add_row(t, row);
}

/* What Python calls false. */
static bool is_nothing(const struct datum *v)
{
    return v->type == DATUM_NUMBER ? fpclassify(v->number) == FP_ZERO : datum_is_false(v);
}

static bool build(struct table *t, const str *title, const struct datum *v, size_t indent)
{
    if (is_nothing(v) || t->failed || t->count >= SECTIONS_MAX)
        return false;
    if (title)
        add_section(t, *title, indent);
    if (v->type == DATUM_OBJECT)
        build_object(t, v, indent);
    else if (v->type == DATUM_LIST && v->items[0]->type == DATUM_OBJECT)
        build_objects(t, v, title ? *title : STR(""), indent);
    for (size_t i = 0; v->type == DATUM_LIST && v->items[0]->type != DATUM_OBJECT && i < v->count;
         i++)
        build_item(t, v->items[i]);
    return true;
}

/* --- measures --- */

static size_t section_width(const struct section *s)
{
    size_t total = BORDERS + 2 * s->indent, title = width_of(s->title) + BORDERS + 2 * s->indent;
    for (size_t i = 0; i < s->columns; i++)
        total += s->widths[i] + CELL_PADDING;
    return title > total ? title : total;
}

static size_t table_width(const struct table *t)
{
    size_t width = 0;
    for (size_t i = 0; i < t->count; i++)
        if (section_width(&t->sections[i]) > width)
            width = section_width(&t->sections[i]);
    return width;
}

/* The columns of a section as they are drawn: together as wide as the table within. */
static void scale(const struct section *s, size_t width, size_t *scaled)
{
    size_t sum = 0, n = s->columns;
    long off = -(long)width;
    for (size_t i = 0; i < n; i++)
        sum += s->widths[i] + CELL_PADDING;
    for (size_t i = 0; i < n; i++) {
        double ideal = (double)width / (double)sum * (double)(s->widths[i] + CELL_PADDING);
        scaled[i] = (size_t)nearbyint(ideal);
        off += (long)scaled[i];
    }
    for (size_t i = 0; off > 0; i = (i + 1) % n, off--)
        scaled[i]--;
    for (size_t i = 0; off < 0; i = (i + 1) % n, off++)
        scaled[n - 1 - i]++;
}

/* A section of one row with headers becomes a row for each of them. */
static void turn(struct table *t, struct section *s)
{
    if (s->rows->count != 1 || !s->headers || !s->headers->count)
        return;
    const struct datum *headers = s->headers, *values = s->rows->items[0];
    struct section turned = { s->title, s->indent, NULL, datum_list(t->arena), 0, NULL };
    *s = turned;
    for (size_t i = 0; i < headers->count; i++) {
        struct datum *row = datum_list(t->arena);
        datum_append(t->arena, row, headers->items[i]);
        datum_append(t->arena, row, values->items[i]);
        datum_append(t->arena, s->rows, row);
        measure(t, s, row);
    }
}

/* --- drawing --- */

struct pen {
    struct text *out;
    bool colored;
};

static void edge(const struct pen *pen, size_t indent)
{
    for (size_t i = 0; i < indent; i++)
        text_put(pen->out, pen->colored ? STR("\033[2m\033[33m|\033[0m") : STR("|"));
}

static void put_spaces(const struct pen *pen, long n)
{
    text_pad(pen->out, ' ', n > 0 ? (size_t)n : 0);
}

/* In the middle of `width` columns, of which the edges are some. */
static void put_centered(const struct pen *pen, str s, size_t width, bool left_edge)
{
    long text = (long)width_of(s), before = (long)(width / 2) - text / 2 - 1;
    text_put(pen->out, left_edge ? STR("|") : STR(""));
    put_spaces(pen, before);
    text_put(pen->out, s);
    put_spaces(pen, (long)width - 1 - (left_edge ? 1 : 0) - (before > 0 ? before : 0) - text);
    text_put_char(pen->out, '|');
}

static void put_cell(const struct pen *pen, str s, size_t width, bool left_edge)
{
    long text = (long)width_of(s), edges = left_edge ? 2 : 1;
    long padding = text + 2 + edges <= (long)width ? 2 : 0;
    text_put(pen->out, left_edge ? STR("|") : STR(""));
    put_spaces(pen, padding);
    text_put(pen->out, pen->colored ? STR("\033[1m\033[34m") : STR(""));
    text_put(pen->out, s);
    text_put(pen->out, pen->colored ? STR("\033[0m") : STR(""));
    put_spaces(pen, (long)width - edges - padding - text);
    text_put_char(pen->out, '|');
}

static void put_rule(const struct pen *pen, const struct section *s, const size_t *widths)
{
    edge(pen, s->indent);
    for (size_t i = 0; i < s->columns; i++) {
        text_put(pen->out, i ? STR("") : STR("+"));
        text_pad(pen->out, '-', widths[i] > (i ? 1u : 2u) ? widths[i] - (i ? 1 : 2) : 0);
        text_put_char(pen->out, '+');
    }
    edge(pen, s->indent);
    text_put_char(pen->out, '\n');
}

static void put_line(const struct pen *pen, const struct section *s, const struct datum *row,
                     const size_t *widths, bool centered)
{
    edge(pen, s->indent);
    for (size_t i = 0; i < row->count; i++)
        (centered ? put_centered : put_cell)(pen, row->items[i]->text, widths[i], i == 0);
    edge(pen, s->indent);
    text_put_char(pen->out, '\n');
}

static void put_title(const struct pen *pen, const struct section *s, size_t width)
{
    if (!s->title.len)
        return;
    edge(pen, s->indent);
    put_centered(pen, s->title, width, true);
    edge(pen, s->indent);
    text_put_char(pen->out, '\n');
    if (s->headers && s->headers->count ? true : s->rows->count > 0)
        return;
    edge(pen, s->indent);
    text_put_char(pen->out, '+');
    text_pad(pen->out, '-', width - BORDERS);
    text_put_char(pen->out, '+');
    edge(pen, s->indent);
    text_put_char(pen->out, '\n');
}

static void draw_section(const struct pen *pen, const struct section *s, size_t width)
{
    width -= 2 * s->indent;
    put_title(pen, s, width);
    size_t *widths = arena_take(pen->out->arena, (s->columns + 1) * sizeof *widths);
    if (!widths || s->columns == 0)
        return;
    scale(s, width, widths);
    if (s->headers && s->headers->count) {
        put_rule(pen, s, widths);
        put_line(pen, s, s->headers, widths, true);
    }
    if (s->rows->count == 0)
        return;
    put_rule(pen, s, widths);
    for (size_t i = 0; i < s->rows->count; i++)
        put_line(pen, s, s->rows->items[i], widths, false);
    put_rule(pen, s, widths);
}

bool format_put_table(struct text *out, const struct datum *v, const struct format_screen *screen,
                      struct pipepoll_error *why)
{
    struct table t = { .arena = out->arena, .why = why };
    const struct pen pen = { out, screen->colored };
    str title = str_of(screen->title);
    if (!build(&t, &title, v, 0))
        return !t.failed;
    if (t.failed || out->arena->failed)
        return false;
    if (table_width(&t) > screen->width)
        for (size_t i = 0; i < t.count; i++)
            turn(&t, &t.sections[i]);
    size_t width = table_width(&t);
    text_pad(out, '-', width);
    text_put_char(out, '\n');
    for (size_t i = 0; i < t.count; i++)
        draw_section(&pen, &t.sections[i], width);
    return true;
}

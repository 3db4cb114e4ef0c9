/* SPDX-License-Identifier: MIT */
/* Formats but for the table: JSON by datum_write(), lines of tabs for shells, and YAML. The AWS CLI
 * is the specification, tests/witness_dropin.py the comparison. */
#include "cli/format.h"

static const struct {
    str name;
    enum format format;
} formats[] = {
    { STR_INIT("json"), FORMAT_JSON },
    { STR_INIT("text"), FORMAT_TEXT },
    { STR_INIT("table"), FORMAT_TABLE },
    { STR_INIT("yaml"), FORMAT_YAML },
    { STR_INIT("yaml-stream"), FORMAT_YAML_STREAM },
    { STR_INIT("off"), FORMAT_OFF },
};

const char format_names[] = "json, text, table, yaml, yaml-stream or off";

bool format_read(str word, enum format *out)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (str_eq(word, formats[i].name)) {
            *out = formats[i].format;
            return true;
        }
    }
    return false;
}

/* --- text --- */

void format_put_plain(struct text *out, const struct datum *scalar)
{
    switch (scalar->type) {
    case DATUM_NULL:
        text_put(out, STR("None"));
        break;
    case DATUM_BOOL:
        text_put(out, scalar->truth ? STR("True") : STR("False"));
        break;
    case DATUM_NUMBER:
        text_put_number(out, scalar);
        break;
    case DATUM_STRING:
        text_put(out, scalar->text);
        break;
    case DATUM_LIST:
    case DATUM_OBJECT:
        datum_write(out, scalar, DATUM_COMPACT);
        break;
    }
}

static void put_upper(struct text *out, str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        text_put_char(out, c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
}

/* `columns`: an object whose names are the columns of the list that this one is in; NULL: its own
 * scalars are. `name` is what it is called where it stands; empty at the top. */
static void put_item(struct text *out, const struct datum *v, str name,
                     const struct datum *columns);

static void put_cell(struct text *out, bool *first, const struct datum *v)
{
    if (!*first)
        text_put_char(out, '\t');
    *first = false;
    if (v)
        format_put_plain(out, v);
}

static void put_row(struct text *out, const struct datum *v, str name, const struct datum *columns)
{
    const size_t *order = datum_sorted(out->arena, columns);
    bool first = true;
    size_t cells = 0;
    for (size_t i = 0; order && i < columns->count; i++) {
        const struct datum *cell = datum_member(v, columns->names[order[i]]);
        if (cells++ == 0 && name.len) {
            put_upper(out, name);
            first = false;
        }
        put_cell(out, &first, cell);
    }
    if (cells)
        text_put_char(out, '\n');
}

static void add_columns(struct arena *a, struct datum *columns, const struct datum *object)
{
    for (size_t i = 0; i < object->count; i++)
        if (datum_is_scalar(object->items[i]))
            datum_set(a, columns, object->names[i], datum_null());
}

static void put_object(struct text *out, const struct datum *v, str name,
                       const struct datum *columns)
{
    struct datum *own = datum_object(out->arena);
    add_columns(out->arena, own, v);
    put_row(out, v, name, columns ? columns : own);
    const size_t *order = datum_sorted(out->arena, v);
    for (size_t i = 0; order && i < v->count; i++) {
        str member = v->names[order[i]];
        bool in_row = datum_member(columns ? columns : own, member);
        if (!in_row)
            put_item(out, v->items[order[i]], member, NULL);
    }
}

static void put_scalars(struct text *out, const struct datum *list, str name)
{
    bool first = true;
    for (size_t i = 0; i < list->count; i++) {
        if (!datum_is_scalar(list->items[i]))
            continue;
        if (name.len) {
            put_upper(out, name);
            text_put_char(out, '\t');
            format_put_plain(out, list->items[i]);
            text_put_char(out, '\n');
        } else {
            put_cell(out, &first, list->items[i]);
        }
    }
    if (!first)
        text_put_char(out, '\n');
}

static void put_list(struct text *out, const struct datum *v, str name)
{
    struct datum *columns = datum_object(out->arena);
    bool has_objects = false;
    for (size_t i = 0; i < v->count; i++) {
        if (v->items[i]->type == DATUM_OBJECT) {
            has_objects = true;
            add_columns(out->arena, columns, v->items[i]);
        }
    }
    if (!has_objects)
        put_scalars(out, v, name);
    for (size_t i = 0; i < v->count; i++)
        if (has_objects || !datum_is_scalar(v->items[i]))
            put_item(out, v->items[i], name, has_objects ? columns : NULL);
}

static void put_item(struct text *out, const struct datum *v, str name, const struct datum *columns)
{
    if (v->type == DATUM_OBJECT) {
        put_object(out, v, name, columns);
    } else if (v->type == DATUM_LIST) {
        put_list(out, v, name);
    } else {
        format_put_plain(out, v);
        text_put_char(out, '\n');
    }
}

void format_put_text(struct text *out, const struct datum *v)
{
    put_item(out, v, STR(""), NULL);
}

/* --- the choice --- */

static bool is_empty_object(const struct datum *v)
{
    return v->type == DATUM_OBJECT && v->count == 0;
}

static void put_json(struct text *out, const struct datum *v)
{
    datum_write(out, v, DATUM_INDENTED);
    text_put_char(out, '\n');
}

static void put_stream(struct text *out, const struct datum *v)
{
    struct datum *list = datum_list(out->arena);
    datum_append(out->arena, list, v);
    format_put_yaml(out, list);
}

bool format_put(struct text *out, const struct datum *v, enum format f,
                const struct format_screen *screen, struct pipepoll_error *why)
{
    if (f == FORMAT_TEXT)
        format_put_text(out, v);
    else if (f == FORMAT_TABLE)
        return format_put_table(out, v, screen, why);
    else if (is_empty_object(v) || f == FORMAT_OFF)
        return true;
    else if (f == FORMAT_JSON || (f == FORMAT_YAML && datum_is_scalar(v)))
        put_json(out, v);
    else if (f == FORMAT_YAML)
        format_put_yaml(out, v);
    else
        put_stream(out, v);
    return true;
}

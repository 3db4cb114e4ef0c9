/* One pass over the items of base/ini: a reader keeps the section and the value that the next line
 * may belong to, and NULL for either skips what follows a mistake. A known key is stored whatever
 * is wrong with it, and for a misspelt one it is noted which was meant, so that nobody complains
 * later that the key is missing. Keys are found by a walk through their table, and a second target
 * of a name by a walk through all before it. */
#include "config/section.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/ini.h"
#include "base/nearest.h"

enum scope { SCOPE_TARGET, SCOPE_PROCESS };

static const struct {
    str name;
    enum scope scope;
} keys[] = {
#define X(key, name, scope) [KEY_##key] = { STR_INIT(name), SCOPE_##scope },
    KEY_MAP(X)
#undef X
};

struct reader {
    struct sections *out;
    struct diagnostics *diagnostics;
    char *text;
    struct section *section; /* NULL: an unknown or second one, whose keys are skipped */
    struct value *value;     /* the last one, for continuation lines; NULL: skip these */
    enum key key;            /* of value */
};

const char *key_name(enum key k)
{
    return keys[k].name.ptr;
}

const struct value *sections_value(const struct sections *s, const struct section *target,
                                   enum key k)
{
    return target->values[k].text.ptr ? &target->values[k] : &s->process.values[k];
}

static struct section *add_target(struct sections *s)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        struct section *grown = realloc(s->targets, cap * sizeof *grown);
        if (!grown)
            return NULL;
        s->targets = grown;
        s->cap = cap;
    }
    struct section *added = &s->targets[s->count++];
    *added = (struct section) { 0 };
    return added;
}

static bool is_taken(struct reader *r, str name, struct location at)
{
    for (size_t i = 0; i < r->out->count; i++) {
        const struct section *other = &r->out->targets[i];
        if (str_eq(other->name, name)) {
            complain(r->diagnostics, PIPEPOLL_ERROR, at,
                     "a second [target %.*s] (the first is at line %u)", STR_ARG(name),
                     other->at.line);
            return true;
        }
    }
    return false;
}

static int begin_target(struct reader *r, const struct ini_item *item, struct location at)
{
    if (item->value.len == 0)
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "[target] needs a name, such as [target web]");
    else if (is_taken(r, item->value, at))
        return PIPEPOLL_OK; /* its keys are skipped: they were meant for one of both */
    r->section = add_target(r->out);
    if (!r->section)
        return PIPEPOLL_ENOMEM;
    r->section->name = item->value;
    r->section->at = at;
    return PIPEPOLL_OK;
}

static void begin_process(struct reader *r, const struct ini_item *item, struct location at)
{
    struct section *process = &r->out->process;
    if (item->value.len)
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "[pipepoll] takes no name");
    else if (process->at.line)
        complain(r->diagnostics, PIPEPOLL_ERROR, at,
                 "a second [pipepoll] (the first is at line %u)", process->at.line);
    else
        process->at = at;
    r->section = process;
}

static int begin_section(struct reader *r, const struct ini_item *item)
{
    struct location at = { item->line, item->column };
    r->section = NULL;
    r->value = NULL;
    if (str_eq(item->name, STR("target")))
        return begin_target(r, item, at);
    if (str_eq(item->name, STR("pipepoll"))) {
        begin_process(r, item, at);
        return PIPEPOLL_OK;
    }
    struct nearest near = nearest_to(item->name);
    nearest_try(&near, STR("pipepoll"));
    nearest_try(&near, STR("target"));
    char hint[96];
    complain(r->diagnostics, PIPEPOLL_ERROR, at,
             "unknown section [%.*s%s%.*s]%s: there are [pipepoll] and [target NAME]",
             STR_ARG(item->name), item->value.len ? " " : "", STR_ARG(item->value),
             nearest_hint(&near, hint, sizeof hint));
    return PIPEPOLL_OK;
}

/* " in [target web]", " in [pipepoll]" */
static const char *where(const struct reader *r, char *text, size_t size)
{
    struct buf b = { .at = text, .cap = size };
    if (r->section == &r->out->process)
        buf_printf(&b, " in [pipepoll]");
    else
        buf_printf(&b, " in [target %.*s]", STR_ARG(r->section->name));
    return buf_cstr(&b);
}

static bool may_stand_here(const struct reader *r, enum key k)
{
    return r->section == &r->out->process || keys[k].scope == SCOPE_TARGET;
}

static enum key find_key(str name)
{
    enum key k = 0;
    while (k < KEY_COUNT && !str_eq_nocase(keys[k].name, name))
        k++;
    return k;
}

static void unknown_key(struct reader *r, const struct ini_item *item)
{
    struct nearest near = nearest_to(item->name);
    for (enum key k = 0; k < KEY_COUNT; k++)
        if (may_stand_here(r, k))
            nearest_try(&near, keys[k].name);
    if (near.best.len) {
        r->section->misspelt[find_key(near.best)] = true;
        r->section->has_misspelt = true;
    }
    char hint[96], place[128];
    complain(r->diagnostics, PIPEPOLL_ERROR, (struct location) { item->line, item->column },
             "unknown key \"%.*s\"%s%s", STR_ARG(item->name), where(r, place, sizeof place),
             nearest_hint(&near, hint, sizeof hint));
}

static void set_key(struct reader *r, const struct ini_item *item)
{
    struct location at = { item->line, item->column };
    r->value = NULL;
    if (!r->section)
        return;
    enum key k = find_key(item->name);
    if (k == KEY_COUNT) {
        unknown_key(r, item);
        return;
    }
    struct value *v = &r->section->values[k];
    if (!may_stand_here(r, k))
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "\"%s\" belongs in [pipepoll]", key_name(k));
    else if (v->at.line)
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "a second \"%s\" (the first is at line %u)",
                 key_name(k), v->at.line);
    else if (item->value.len == 0)
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "\"%s\" has no value on its line",
                 key_name(k));
    else
        r->value = v;
    *v = (struct value) { .text = item->value, .at = { item->line, item->value_column } };
    r->key = k;
}

static void continue_value(struct reader *r, const struct ini_item *item)
{
    struct value *v = r->value;
    if (!v)
        return;
    size_t from = (size_t)(v->text.ptr - r->text) + v->text.len;
    size_t to = (size_t)(item->value.ptr - r->text);
    memset(r->text + from, ' ', to - from);
    v->text.len += to - from + item->value.len;
}

static int read_item(struct reader *r, const struct ini_item *item)
{
    switch (item->kind) {
    case INI_SECTION:
        return begin_section(r, item);
    case INI_PROPERTY:
        set_key(r, item);
        break;
    case INI_CONTINUATION:
        continue_value(r, item);
        break;
    case INI_BAD:
        /* Below an empty value, of which we have complained already, any line is wrong. */
        if (item->fault != INI_SUB_NO_EQUALS && item->fault != INI_SUB_NO_NAME)
            complain(r->diagnostics, PIPEPOLL_ERROR, (struct location) { item->line, item->column },
                     "%s", ini_fault_text(item->fault));
        break;
    case INI_SUB_PROPERTY:
    case INI_END:
        break;
    }
    return PIPEPOLL_OK;
}

int sections_read(struct sections *out, char *text, size_t len, struct diagnostics *diagnostics)
{
    struct reader r = { .out = out, .diagnostics = diagnostics, .text = text };
    struct ini in;
    struct ini_item item;
    *out = (struct sections) { 0 };
    ini_init(&in, (str) { text, len });
    for (ini_next(&in, &item); item.kind != INI_END; ini_next(&in, &item)) {
        if (read_item(&r, &item)) {
            sections_deinit(out);
            return PIPEPOLL_ENOMEM;
        }
    }
    return PIPEPOLL_OK;
}

void sections_deinit(struct sections *s)
{
    free(s->targets);
    *s = (struct sections) { 0 };
}

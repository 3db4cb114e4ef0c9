/* SPDX-License-Identifier: MIT */
/* One pass over the items of base/ini: a reader keeps the section and the value that the next line
 * may belong to, and NULL for either skips what follows a mistake. A known key is stored whatever
 * is wrong with it, and for a misspelt one it is noted which was meant, so that nobody complains
 * later that the key is missing. Keys are found by a walk through their table, and a second target
 * or handler of a name by a walk through all before it. */
#include "config/section.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/control.h"
#include "base/ini.h"
#include "base/nearest.h"
#include "config/config_file.h"

enum scope { SCOPE_PROCESS, SCOPE_TARGET, SCOPE_HANDLER, SCOPE_HTTP, SCOPE_FLEET, SCOPES };
enum effect { RELOAD, START };

static const char *const section_names[] = { [SCOPE_PROCESS] = "pipepoll",
                                             [SCOPE_TARGET] = "target",
                                             [SCOPE_HANDLER] = "handler",
                                             [SCOPE_HTTP] = "http",
                                             [SCOPE_FLEET] = "fleet" };

static const struct {
    str name;
    enum scope scope;
    enum effect effect;
} keys[] = {
#define X(key, name, scope, effect) [KEY_##key] = { STR_INIT(name), SCOPE_##scope, effect },
    KEY_MAP(X)
#undef X
};

struct reader {
    struct sections *out;
    struct diagnostics *diagnostics;
    char *text;
    struct section *section; /* NULL: an unknown or second one, whose keys are skipped */
    enum scope scope;        /* of section */
    struct value *value;     /* the last one, for continuation lines; NULL: skip these */
    enum key key;            /* of value */
};

const char *key_name(enum key k)
{
    return keys[k].name.ptr;
}

const char *key_section(enum key k)
{
    return section_names[keys[k].scope];
}

bool key_waits(enum key k)
{
    return keys[k].effect == START;
}

int sections_load(const char *path, sections_read_fn *read, void *out,
                  struct diagnostics *diagnostics)
{
    struct sections s;
    struct diagnostics of_the_rest = { 0 };
    char *text;
    size_t len;
    int r = config_file_read(&text, &len, path, diagnostics);
    if (r)
        return r;
    r = sections_read(&s, text, len, &of_the_rest);
    if (!r) {
        r = read(out, &s, diagnostics);
        sections_deinit(&s);
    }
    free(text);
    return !r && diagnostics->errors ? PIPEPOLL_EINVAL : r;
}

void section_complain_misspelt(const struct section *s, const char *name,
                               struct diagnostics *diagnostics)
{
    if (s->has_misspelt)
        complain(diagnostics, PIPEPOLL_ERROR, s->at,
                 "a key of [%s] is not known: `pipepoll check` says which", name);
}

const struct value *sections_value(const struct sections *s, const struct section *target,
                                   enum key k)
{
    return target->values[k].text.ptr ? &target->values[k] : &s->process.values[k];
}

static struct section *add_section(struct section_list *l)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        struct section *grown = realloc(l->list, cap * sizeof *grown);
        if (!grown)
            return NULL;
        l->list = grown;
        l->cap = cap;
    }
    struct section *added = &l->list[l->count++];
    *added = (struct section) { 0 };
    return added;
}

static bool is_taken(struct reader *r, const struct section_list *l, const struct ini_item *item,
                     struct location at)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct section *other = &l->list[i];
        if (str_eq(other->name, item->value)) {
            complain(r->diagnostics, PIPEPOLL_ERROR, at,
                     "a second [%.*s %.*s] (the first is at line %u)", STR_ARG(item->name),
                     STR_ARG(item->value), other->at.line);
            return true;
        }
    }
    return false;
}

/* Names and values are shown in tables, in logs and on pages: none may command a terminal. Most
 * control characters no line may hold, by base/ini; it knows nothing of C1, and takes some others
 * for blanks, as Python does, which are none within a name. */
static void check_controls(struct reader *r, const struct ini_item *item)
{
    str s = item->value;
    for (size_t i = 0; i < s.len; i++) {
        size_t len = control_len(str_skip(s, i));
        if (len < 2 && (!len || item->kind != INI_SECTION))
            continue;
        complain(r->diagnostics, PIPEPOLL_ERROR,
                 (struct location) { item->line, item->value_column + (uint32_t)i }, "%s",
                 ini_fault_text(INI_CONTROL));
        return;
    }
}

static bool is_named(enum scope scope)
{
    return scope == SCOPE_TARGET || scope == SCOPE_HANDLER;
}

/* [target NAME], [handler NAME] */
static int begin_named(struct reader *r, const struct ini_item *item, struct location at,
                       enum scope scope)
{
    struct section_list *l = scope == SCOPE_TARGET ? &r->out->targets : &r->out->handlers;
    if (item->value.len == 0)
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "[%.*s] needs a name, such as [%.*s %s]",
                 STR_ARG(item->name), STR_ARG(item->name), scope == SCOPE_TARGET ? "web" : "build");
    else if (is_taken(r, l, item, at))
        return PIPEPOLL_OK; /* its keys are skipped: they were meant for one of both */
    check_controls(r, item);
    r->section = add_section(l);
    if (!r->section)
        return PIPEPOLL_ENOMEM;
    /* What else is wrong with one that has no name is told of [target NAME]. */
    r->section->name = item->value.len ? item->value : STR("NAME");
    r->section->at = at;
    r->scope = scope;
    return PIPEPOLL_OK;
}

static struct section *only_of(struct sections *s, enum scope scope)
{
    return scope == SCOPE_PROCESS ? &s->process : scope == SCOPE_HTTP ? &s->http : &s->fleet;
}

/* [pipepoll], [http], [fleet] */
static void begin_only(struct reader *r, const struct ini_item *item, struct location at,
                       enum scope scope)
{
    struct section *only = only_of(r->out, scope);
    if (item->value.len)
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "[%s] takes no name", section_names[scope]);
    else if (only->at.line)
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "a second [%s] (the first is at line %u)",
                 section_names[scope], only->at.line);
    else
        only->at = at;
    r->section = only;
    r->scope = scope;
}

static void unknown_section(struct reader *r, const struct ini_item *item, struct location at)
{
    char hint[96], text[128];
    struct buf names = BUF_ON(text);
    struct nearest near = nearest_to(item->name);
    for (enum scope s = 0; s < SCOPES; s++) {
        nearest_try(&near, str_of(section_names[s]));
        buf_printf(&names, "%s[%s%s]",
                   !s               ? ""
                   : s + 1 < SCOPES ? ", "
                                    : " and ",
                   section_names[s], is_named(s) ? " NAME" : "");
    }
    complain(r->diagnostics, PIPEPOLL_ERROR, at, "unknown section [%.*s%s%.*s]%s: there are %s",
             STR_ARG(item->name), item->value.len ? " " : "", STR_ARG(item->value),
             nearest_hint(&near, hint, sizeof hint), buf_cstr(&names));
}

static int begin_section(struct reader *r, const struct ini_item *item)
{
    struct location at = { item->line, item->column };
    enum scope scope = 0;
    r->section = NULL;
    r->value = NULL;
    while (scope < SCOPES && !str_eq(item->name, str_of(section_names[scope])))
        scope++;
    if (scope < SCOPES && is_named(scope))
        return begin_named(r, item, at, scope);
    if (scope < SCOPES)
        begin_only(r, item, at, scope);
    else
        unknown_section(r, item, at);
    return PIPEPOLL_OK;
}

/* " in [target web]", " in [pipepoll]" */
static const char *where(const struct reader *r, char *text, size_t size)
{
    struct buf b = { .at = text, .cap = size };
    if (is_named(r->scope))
        buf_printf(&b, " in [%s %.*s]", section_names[r->scope], STR_ARG(r->section->name));
    else
        buf_printf(&b, " in [%s]", section_names[r->scope]);
    return buf_cstr(&b);
}

static bool may_stand_here(const struct reader *r, enum key k)
{
    return keys[k].scope == r->scope ||
           (r->scope == SCOPE_PROCESS && keys[k].scope == SCOPE_TARGET);
}

static const char *place_of(enum key k)
{
    static const char *const places[] = { [SCOPE_TARGET] = "[target NAME] or [pipepoll]",
                                          [SCOPE_PROCESS] = "[pipepoll]",
                                          [SCOPE_HANDLER] = "[handler NAME]",
                                          [SCOPE_HTTP] = "[http]",
                                          [SCOPE_FLEET] = "[fleet]" };
    return places[keys[k].scope];
}

static enum key find_key(str name)
{
    enum key k = 0;
    while (k < KEY_COUNT && !str_eq_nocase(keys[k].name, name))
        k++;
    return k;
}

/* What people try in a fleet, as other programs have it: no slip makes these of our keys. NULL: it
 * is none of them. */
static const char *fleet_hint(const struct reader *r, str name)
{
    static const struct {
        const char *tried, *hint;
    } rows[] = {
        { "token", ": there is no login by a token; it is user with password-file, nkey-file or "
                   "creds-file" },
        { "password", ": it is in a file of its own, password-file" },
        { "nkey", ": it is in a file of its own, nkey-file" },
        { "creds", ": it is in a file of its own, creds-file" },
        { "credentials", ": it is in a file of its own, creds-file" },
        { "url", ": it is servers, a list" },
        { "urls", ": it is servers" },
        { "ca", ": it is tls-ca" },
        { "ca-bundle", ": it is tls-ca" },
        { "cert", ": it is tls-cert, with tls-key" },
        { "key", ": it is tls-key, with tls-cert" },
    };
    for (size_t i = 0; r->scope == SCOPE_FLEET && i < sizeof rows / sizeof *rows; i++)
        if (str_eq_nocase(name, str_of(rows[i].tried)))
            return rows[i].hint;
    return NULL;
}

static void unknown_key(struct reader *r, const struct ini_item *item)
{
    const char *tried = fleet_hint(r, item->name);
    struct nearest near = nearest_to(item->name);
    for (enum key k = 0; !tried && k < KEY_COUNT; k++)
        if (may_stand_here(r, k))
            nearest_try(&near, keys[k].name);
    if (near.best.len) {
        r->section->misspelt[find_key(near.best)] = true;
        r->section->has_misspelt = true;
    }
    char hint[96], place[128];
    complain(r->diagnostics, PIPEPOLL_ERROR, (struct location) { item->line, item->column },
             "unknown key \"%.*s\"%s%s", STR_ARG(item->name), where(r, place, sizeof place),
             tried ? tried : nearest_hint(&near, hint, sizeof hint));
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
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "\"%s\" belongs in %s", key_name(k),
                 place_of(k));
    else if (v->at.line)
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "a second \"%s\" (the first is at line %u)",
                 key_name(k), v->at.line);
    else if (item->value.len == 0)
        complain(r->diagnostics, PIPEPOLL_ERROR, at, "\"%s\" has no value on its line",
                 key_name(k));
    else
        r->value = v;
    check_controls(r, item);
    *v = (struct value) { .text = item->value, .at = { item->line, item->value_column } };
    r->key = k;
}

static void continue_value(struct reader *r, const struct ini_item *item)
{
    struct value *v = r->value;
    if (!v)
        return;
    check_controls(r, item);
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
    free(s->targets.list);
    free(s->handlers.list);
    *s = (struct sections) { 0 };
}

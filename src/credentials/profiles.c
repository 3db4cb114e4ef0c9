/* A file becomes a row of records: one for each section header, property and sub-property, in
 * their order, config before credentials. Nothing is merged: whoever looks for a key looks from the
 * end, so that the last one wins, repeated sections add up, and the credentials file beats the
 * config file. Sub-properties stand right behind their property; a later property of the same name
 * hides them together with it. */
#include "credentials/profiles.h"

#include <stdio.h>

#include "aws/digest.h"
#include "base/ini.h"
#include "base/log.h"
#include "base/nearest.h"

struct record {
    enum profiles_kind kind;
    str name; /* of the section */
    str key;  /* empty: the header itself */
    str sub;  /* empty: the property itself */
    str value;
};

struct profiles {
    struct alloc alloc;
    size_t size;
    struct profiles_paths paths;
    char *text; /* both files, behind the records */
    size_t count;
    struct record records[];
};

static bool is_name(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && str_find(STR("-/.%@_:+"), c) == 8)
            return false;
    }
    return s.len > 0;
}

/* --- reading --- */

struct reader {
    struct profiles *p;
    bool plain_default; /* [default] counts in the config file: there is no [profile default] */
    bool (*open_section)(struct reader *, const struct ini_item *);
    enum profiles_kind kind;
    str name;
    bool in_section, in_property; /* false: what follows is ignored */
};

static bool is_prefixed_default(const struct ini_item *item)
{
    return str_eq(item->name, STR("profile")) && str_eq(item->value, STR("default"));
}

static struct record *put(struct reader *r)
{
    struct record *record = &r->p->records[r->p->count++];
    *record = (struct record) { .kind = r->kind, .name = r->name };
    return record;
}

static bool open_plain_config_section(struct reader *r, str name)
{
    bool is_default = str_eq(name, STR("default"));
    r->kind = is_default ? PROFILES_PROFILE : PROFILES_UNPREFIXED;
    r->name = name;
    if (!is_default)
        put(r);
    return is_default && r->plain_default;
}

static bool open_config_section(struct reader *r, const struct ini_item *item)
{
    if (!item->value.len)
        return open_plain_config_section(r, item->name);
    r->name = item->value;
    if (str_eq(item->name, STR("profile")))
        r->kind = PROFILES_PROFILE;
    else if (str_eq(item->name, STR("sso-session")))
        r->kind = PROFILES_SSO_SESSION;
    else if (str_eq(item->name, STR("services")))
        r->kind = PROFILES_SERVICES;
    else
        return false;
    return is_name(r->name);
}

static bool open_credentials_section(struct reader *r, const struct ini_item *item)
{
    r->kind = PROFILES_PROFILE;
    r->name = item->name;
    return !item->value.len && is_name(item->name);
}

/* There is room for the line end and the text behind the value: a line end and a blank at least
 * stood between the two. */
static void join_line(struct profiles *p, struct record *record, str line)
{
    char *end = p->text + (record->value.ptr - p->text) + record->value.len;
    *end = '\n';
    memmove(end + 1, line.ptr, line.len);
    record->value.len += 1 + line.len;
}

static void take_item(struct reader *r, const struct ini_item *item)
{
    struct record *record;
    switch (item->kind) {
    case INI_SECTION:
        r->in_section = r->open_section(r, item);
        r->in_property = false;
        if (r->in_section)
            put(r);
        return;
    case INI_PROPERTY:
        r->in_property = r->in_section && is_name(item->name);
        if (r->in_property) {
            record = put(r);
            record->key = item->name;
            record->value = item->value;
        }
        return;
    case INI_CONTINUATION:
        if (r->in_property)
            join_line(r->p, &r->p->records[r->p->count - 1], item->value);
        return;
    case INI_SUB_PROPERTY:
        if (r->in_property) {
            str parent = r->p->records[r->p->count - 1].key;
            record = put(r);
            record->key = parent;
            record->sub = item->name;
            record->value = item->value;
        }
        return;
    case INI_BAD: /* found by survey() */
    case INI_END:
        return;
    }
}

static void read_text(struct reader *r, str text)
{
    struct ini in;
    struct ini_item item;
    r->in_section = r->in_property = false;
    ini_init(&in, text);
    for (ini_next(&in, &item); item.kind != INI_END; ini_next(&in, &item))
        take_item(r, &item);
}

struct survey {
    size_t items;
    bool prefixed_default;
};

static int survey(struct survey *s, str text, const char *path, struct pipepoll_error *why)
{
    struct ini in;
    struct ini_item item;
    ini_init(&in, text);
    for (ini_next(&in, &item); item.kind != INI_END; ini_next(&in, &item)) {
        if (item.kind == INI_BAD)
            return explain(why, PIPEPOLL_EINVAL, "%s:%u:%u: %s", path, item.line, item.column,
                           ini_fault_text(item.fault));
        s->items++;
        s->prefixed_default |= item.kind == INI_SECTION && is_prefixed_default(&item);
    }
    return 0;
}

static str keep(char *at, str text)
{
    if (text.len)
        memcpy(at, text.ptr, text.len);
    return (str) { at, text.len };
}

int profiles_new(struct profiles **out, const struct alloc *alloc,
                 const struct profiles_paths *paths, str config, str credentials,
                 struct pipepoll_error *why)
{
    struct survey of_config = { 0 }, of_credentials = { 0 };
    int r = survey(&of_config, config, paths->config, why);
    if (!r)
        r = survey(&of_credentials, credentials, paths->credentials, why);
    if (r)
        return r;
    size_t head =
        sizeof(struct profiles) + (of_config.items + of_credentials.items) * sizeof(struct record);
    struct profiles *p = alloc_new(alloc, head + config.len + credentials.len);
    if (!p)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    p->alloc = *alloc;
    p->size = head + config.len + credentials.len;
    p->paths = *paths;
    p->text = (char *)p + head;
    struct reader reader = { .p = p, .plain_default = !of_config.prefixed_default };
    reader.open_section = open_config_section;
    read_text(&reader, keep(p->text, config));
    reader.open_section = open_credentials_section;
    read_text(&reader, keep(p->text + config.len, credentials));
    *out = p;
    return 0;
}

struct profiles *profiles_free(struct profiles *p)
{
    if (!p)
        return NULL;
    struct alloc alloc = p->alloc;
    size_t size = p->size;
    digest_wipe(p, size);
    return alloc_free(&alloc, p, size);
}

/* --- asking --- */

str profiles_wanted(const struct environment *e)
{
    str name = str_trim(environment_get(e, "AWS_PROFILE"));
    return name.len ? name : STR("default");
}

const struct profiles_paths *profiles_paths(const struct profiles *p)
{
    return &p->paths;
}

/* The last property of that name, or the last header when key is empty. */
static const struct record *find(const struct profiles *p, enum profiles_kind kind, str name,
                                 str key)
{
    for (size_t i = p->count; i-- > 0;) {
        const struct record *record = &p->records[i];
        if (!record->sub.len && record->kind == kind && str_eq_nocase(record->key, key) &&
            str_eq(record->name, name))
            return record;
    }
    return NULL;
}

bool profiles_has(const struct profiles *p, enum profiles_kind kind, str name)
{
    return find(p, kind, name, STR("")) != NULL;
}

const char *profiles_explain_missing(const struct profiles *p, str name, char *text, size_t size)
{
    char hint[96] = "";
    struct nearest n = nearest_to(name);
    for (size_t i = 0; i < p->count; i++)
        if (p->records[i].kind == PROFILES_PROFILE && !p->records[i].key.len)
            nearest_try(&n, p->records[i].name);
    if (find(p, PROFILES_UNPREFIXED, name, STR("")))
        snprintf(text, size, "is not in %s: [%.*s] there must read [profile %.*s]", p->paths.config,
                 STR_ARG(name), STR_ARG(name));
    else
        snprintf(text, size, "is in neither %s nor %s%s", p->paths.config, p->paths.credentials,
                 nearest_hint(&n, hint, sizeof hint));
    return text;
}

str profiles_get(const struct profiles *p, enum profiles_kind kind, str name, str key)
{
    const struct record *record = find(p, kind, name, key);
    return record ? record->value : (str) { NULL, 0 };
}

str profiles_get_sub(const struct profiles *p, enum profiles_kind kind, str name, str key, str sub)
{
    str value = { NULL, 0 };
    const struct record *record = find(p, kind, name, key), *end = p->records + p->count;
    if (!record)
        return value;
    while (++record < end && record->sub.len)
        if (str_eq_nocase(record->sub, sub))
            value = record->value;
    return value;
}

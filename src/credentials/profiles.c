/* A file becomes a row of records: one for each section header, property, sub-property and bad
 * line, in their order, config before credentials. Nothing is merged: whoever looks for a key looks
 * from the end, so that the last one wins, repeated sections add up, and the credentials file beats
 * the config file. Sub-properties stand right behind their property; a later property of the same
 * name hides them together with it. Bad lines are found by profiles_check() alone. */
#include "credentials/profiles.h"

#include "aws/digest.h"
#include "base/log.h"
#include "base/table.h"
#include "credentials/profiles_record.h"

/* --- reading --- */

struct reader {
    struct profiles *p;
    enum profiles_which file;
    enum profiles_kind kind;
    str name;
    bool plain, has_prefixed_default;
    bool in_section; /* false: what follows is ignored */
};

static struct record *put(struct reader *r, const struct ini_item *item)
{
    struct record *record = &r->p->records[r->p->count++];
    *record = (struct record) {
        .kind = r->kind,
        .file = r->file,
        .name = r->name,
        .line = item->line,
        .column = item->column,
        .plain = r->plain,
    };
    return record;
}

/* The value of a quoted word within a command line's rules, in place: 'a b', "a b", a\ b. false: it
 * is not exactly one word. */
static bool unquote(struct profiles *p, str *s)
{
    char *from = p->text + (s->ptr - p->text), *to = from, *end = from + s->len, quote = '\0';
    for (; from < end; from++) {
        bool escapes = *from == '\\' && quote != '\'' && from + 1 < end &&
                       (!quote || from[1] == quote || from[1] == '\\');
        if (!escapes && !quote && (*from == '"' || *from == '\'')) {
            quote = *from;
        } else if (!escapes && quote && *from == quote) {
            quote = '\0';
        } else if (!escapes && !quote && (*from == ' ' || *from == '\t')) {
            return false;
        } else {
            from += escapes;
            *to++ = *from;
        }
    }
    s->len = (size_t)(to - (p->text + (s->ptr - p->text)));
    return s->len > 0 && !quote;
}

/* botocore looks at how the first word begins, so that [profiles x] is a profile too. */
static bool open_config_section(struct reader *r, const struct ini_item *item)
{
    r->name = item->value.len ? item->value : item->name;
    r->kind = PROFILES_UNUSED;
    r->plain = str_eq(item->title, STR("default"));
    if (r->plain)
        r->kind = PROFILES_PROFILE;
    else if (!item->value.len || !unquote(r->p, &r->name))
        return !item->value.len;
    else if (str_starts(item->name, STR("profile")))
        r->kind = PROFILES_PROFILE;
    else if (str_starts(item->name, STR("sso-session")))
        r->kind = PROFILES_SSO_SESSION;
    else if (str_starts(item->name, STR("services")))
        r->kind = PROFILES_SERVICES;
    r->has_prefixed_default |=
        r->kind == PROFILES_PROFILE && !r->plain && str_eq(r->name, STR("default"));
    return r->kind != PROFILES_UNUSED;
}

static bool open_section(struct reader *r, const struct ini_item *item)
{
    if (r->file == PROFILES_CONFIG)
        return open_config_section(r, item);
    r->kind = PROFILES_PROFILE;
    r->name = item->title;
    r->plain = false;
    return item->title.len > 0;
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

/* What a line that begins no section hides is at least told to who looks for that section: lines
 * without a header were meant for the default profile, and a header without its end says which. */
static void take_bad_header(struct reader *r, const struct ini_item *item)
{
    const str prefix = STR_INIT("profile");
    str name = item->fault == INI_NO_SECTION ? STR("default") : item->title;
    bool is_prefixed = r->file == PROFILES_CONFIG && str_starts(name, prefix);
    r->in_section = r->plain = false;
    r->kind = PROFILES_PROFILE;
    r->name = is_prefixed ? str_trim(str_skip(name, prefix.len)) : name;
    put(r, item)->fault = item->fault;
}

static void take_bad(struct reader *r, const struct ini_item *item)
{
    bool is_sub = item->fault == INI_SUB_NO_EQUALS || item->fault == INI_SUB_NO_NAME;
    str parent = is_sub && r->p->count ? r->p->records[r->p->count - 1].key : STR("");
    if (item->fault == INI_NO_SECTION || item->fault == INI_OPEN_HEADER) {
        take_bad_header(r, item);
        return;
    }
    struct record *record = put(r, item);
    record->key = is_sub ? parent : item->title;
    record->fault = item->fault;
    if (!record->key.len)
        record->kind = PROFILES_UNUSED; /* of nothing that anybody could look for */
}

static void take_pair(struct reader *r, const struct ini_item *item)
{
    bool is_sub = item->kind == INI_SUB_PROPERTY;
    str parent = is_sub ? r->p->records[r->p->count - 1].key : STR("");
    struct record *record = put(r, item);
    record->key = is_sub ? parent : item->name;
    record->sub = is_sub ? item->name : STR("");
    record->value = item->value;
}

static void take_item(struct reader *r, const struct ini_item *item)
{
    switch (item->kind) {
    case INI_SECTION:
        r->in_section = open_section(r, item);
        if (r->in_section)
            put(r, item);
        return;
    case INI_PROPERTY:
    case INI_SUB_PROPERTY:
        if (r->in_section)
            take_pair(r, item);
        return;
    case INI_CONTINUATION:
        if (r->in_section)
            join_line(r->p, &r->p->records[r->p->count - 1], item->value);
        return;
    case INI_BAD:
        take_bad(r, item);
        return;
    case INI_END:
        return;
    }
}

static void read_text(struct reader *r, str text)
{
    struct ini in;
    struct ini_item item;
    r->in_section = false;
    ini_init(&in, text);
    for (ini_next(&in, &item); item.kind != INI_END; ini_next(&in, &item))
        take_item(r, &item);
}

static size_t count_items(str text)
{
    struct ini in;
    struct ini_item item;
    size_t count = 0;
    ini_init(&in, text);
    for (ini_next(&in, &item); item.kind != INI_END; ini_next(&in, &item))
        count++;
    return count;
}

static str keep(char *at, str text)
{
    if (text.len)
        memcpy(at, text.ptr, text.len);
    return (str) { at, text.len };
}

/* [profile default] hides [default] in the config file, as AWS's SDKs have it. */
static void hide_plain_default(struct profiles *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->records[i].plain)
            p->records[i].kind = PROFILES_UNUSED;
}

static void read_files(struct profiles *p, const struct profiles_file files[])
{
    struct reader reader = { .p = p };
    char *at = p->text;
    for (size_t i = 0; i < PROFILES_FILES; i++) {
        reader.file = (enum profiles_which)i;
        memcpy(p->problems[i], files[i].problem, sizeof p->problems[i]);
        p->shared[i] = files[i].shared;
        read_text(&reader, keep(at, files[i].text));
        at += files[i].text.len;
    }
    if (reader.has_prefixed_default)
        hide_plain_default(p);
}

int profiles_new(struct profiles **out, const struct alloc *alloc,
                 const struct profiles_paths *paths, const struct profiles_file files[],
                 struct pipepoll_error *why)
{
    size_t head = sizeof(struct profiles), text = 0;
    for (size_t i = 0; i < PROFILES_FILES; i++) {
        head += count_items(files[i].text) * sizeof(struct record);
        text += files[i].text.len;
    }
    struct profiles *p = alloc_new(alloc, head + text);
    if (!p)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    p->alloc = *alloc;
    p->size = head + text;
    p->users = 1;
    p->paths = *paths;
    p->text = (char *)p + head;
    read_files(p, files);
    *out = p;
    return 0;
}

static uint64_t hash_of(const struct profiles_file files[])
{
    uint64_t hash = 0;
    for (size_t i = 0; i < PROFILES_FILES; i++) {
        const struct profiles_file *f = &files[i];
        hash = table_hash(table_hash(hash, f->text), str_of(f->problem));
        hash = table_hash(hash, f->shared ? STR("shared") : STR(""));
    }
    return hash;
}

int profiles_new_shared(struct profiles **out, struct profiles_recent *recent,
                        const struct alloc *alloc, const struct profiles_paths *paths,
                        const struct profiles_file files[])
{
    struct profiles *known = recent->profiles;
    uint64_t hash = hash_of(files);
    if (known && hash == recent->hash) {
        known->users++;
        *out = known;
        return 0;
    }
    int r = profiles_new(out, alloc, paths, files, NULL);
    if (r)
        return r;
    if (known)
        known->recent = NULL;
    *recent = (struct profiles_recent) { .profiles = *out, .hash = hash };
    recent->profiles->recent = recent;
    return 0;
}

struct profiles *profiles_free(struct profiles *p)
{
    if (!p || --p->users)
        return NULL;
    if (p->recent)
        p->recent->profiles = NULL;
    struct alloc alloc = p->alloc;
    size_t size = p->size;
    digest_wipe(p, size);
    return alloc_free(&alloc, p, size);
}

/* --- asking --- */

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
        if (!record->fault && !record->sub.len && record->kind == kind &&
            str_eq_nocase(record->key, key) && str_eq(record->name, name))
            return record;
    }
    return NULL;
}

bool profiles_has(const struct profiles *p, enum profiles_kind kind, str name)
{
    return find(p, kind, name, STR("")) != NULL;
}

str profiles_get(const struct profiles *p, enum profiles_kind kind, str name, str key)
{
    const struct record *record = find(p, kind, name, key);
    return record ? record->value : (str) { NULL, 0 };
}

str profiles_get_beside(const struct profiles *p, enum profiles_kind kind, str name, str key,
                        str beside)
{
    const struct record *record = find(p, kind, name, key), *other = find(p, kind, name, beside);
    bool together = record && other && record->file == other->file;
    return together ? record->value : (str) { NULL, 0 };
}

bool profiles_is_in_credentials(const struct profiles *p, enum profiles_kind kind, str name,
                                str key)
{
    const struct record *record = find(p, kind, name, key);
    return record && record->file == PROFILES_CREDENTIALS;
}

str profiles_get_sub(const struct profiles *p, enum profiles_kind kind, str name, str key, str sub)
{
    str value = { NULL, 0 };
    const struct record *record = find(p, kind, name, key), *end = p->records + p->count;
    if (!record)
        return value;
    while (++record < end && (record->sub.len || record->fault))
        if (str_eq_nocase(record->sub, sub))
            value = record->value;
    return value;
}

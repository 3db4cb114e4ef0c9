/* SPDX-License-Identifier: MIT */
/* A file becomes a row of records: one for each section header, property, sub-property and bad
 * line, in their order. Nothing is merged: the last property of a name wins, so repeated sections
 * add up. Sub-properties stand right behind their property; a later property of the same name hides
 * them together with it. Two tables of indexes, made once, find the last of each name and the
 * lines of each section, for a file may name thousands of profiles, and each identity asks some
 * twenty times. */
#include "credentials/profiles_part.h"

#include "aws/digest.h"
#include "base/table.h"

/* --- reading --- */

struct reader {
    struct profiles_part *part;
    enum profiles_kind kind;
    str name;
    bool plain, has_prefixed_default;
    bool in_section; /* false: what follows is ignored */
};

static struct profiles_record *put(struct reader *r, const struct ini_item *item)
{
    struct profiles_record *record = &r->part->records[r->part->count++];
    *record = (struct profiles_record) {
        .kind = r->kind,
        .name = r->name,
        .line = item->line,
        .column = item->column,
        .plain = r->plain,
    };
    return record;
}

/* The value of a quoted word within a command line's rules, in place: 'a b', "a b", a\ b. false: it
 * is not exactly one word. */
static bool unquote(struct profiles_part *part, str *s)
{
    char *from = part->text + (s->ptr - part->text), *to = from, *end = from + s->len, quote = '\0';
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
    s->len = (size_t)(to - (part->text + (s->ptr - part->text)));
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
    else if (!item->value.len || !unquote(r->part, &r->name))
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
    if (r->part->which == PROFILES_CONFIG)
        return open_config_section(r, item);
    r->kind = PROFILES_PROFILE;
    r->name = item->title;
    r->plain = false;
    return item->title.len > 0;
}

/* There is room for the line end and the text behind the value: a line end and a blank at least
 * stood between the two. */
static void join_line(struct profiles_part *part, struct profiles_record *record, str line)
{
    char *end = part->text + (record->value.ptr - part->text) + record->value.len;
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
    bool is_prefixed = r->part->which == PROFILES_CONFIG && str_starts(name, prefix);
    r->in_section = r->plain = false;
    r->kind = PROFILES_PROFILE;
    r->name = is_prefixed ? str_trim(str_skip(name, prefix.len)) : name;
    put(r, item)->fault = item->fault;
}

static void take_bad(struct reader *r, const struct ini_item *item)
{
    bool is_sub = item->fault == INI_SUB_NO_EQUALS || item->fault == INI_SUB_NO_NAME;
    str parent = is_sub && r->part->count ? r->part->records[r->part->count - 1].key : STR("");
    if (item->fault == INI_NO_SECTION || item->fault == INI_OPEN_HEADER) {
        take_bad_header(r, item);
        return;
    }
    struct profiles_record *record = put(r, item);
    record->key = is_sub ? parent : item->title;
    record->fault = item->fault;
    if (!record->key.len)
        record->kind = PROFILES_UNUSED; /* of nothing that anybody could look for */
}

static void take_pair(struct reader *r, const struct ini_item *item)
{
    bool is_sub = item->kind == INI_SUB_PROPERTY;
    str parent = is_sub ? r->part->records[r->part->count - 1].key : STR("");
    struct profiles_record *record = put(r, item);
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
            join_line(r->part, &r->part->records[r->part->count - 1], item->value);
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

/* [profile default] hides [default] in the config file, as AWS's SDKs have it. */
static void hide_plain_default(struct profiles_part *part)
{
    for (size_t i = 0; i < part->count; i++)
        if (part->records[i].plain)
            part->records[i].kind = PROFILES_UNUSED;
}

/* --- the tables --- */

static bool is_of(const struct profiles_record *r, enum profiles_kind kind, str name)
{
    return r->kind == kind && str_eq(r->name, name);
}

static uint64_t hash_of_section(enum profiles_kind kind, str name)
{
    return table_hash((uint64_t)kind, name);
}

/* Of keys in any case; of a long one its beginning does. */
static uint64_t hash_of_key(enum profiles_kind kind, str name, str key)
{
    char folded[64];
    size_t len = key.len < sizeof folded ? key.len : sizeof folded;
    for (size_t i = 0; i < len; i++)
        folded[i] = ascii_lower(key.ptr[i]);
    return table_hash(hash_of_section(kind, name), (str) { folded, len });
}

/* Its index in the table, or the empty place where it belongs. */
static uint32_t *place_of_key(const struct profiles_part *part, enum profiles_kind kind, str name,
                              str key)
{
    size_t i = hash_of_key(kind, name, key) & part->mask;
    for (; part->by_key[i] != PROFILES_NONE; i = (i + 1) & part->mask) {
        const struct profiles_record *r = &part->records[part->by_key[i]];
        if (is_of(r, kind, name) && str_eq_nocase(r->key, key))
            break;
    }
    return &part->by_key[i];
}

static uint32_t *place_of_section(const struct profiles_part *part, enum profiles_kind kind,
                                  str name)
{
    size_t i = hash_of_section(kind, name) & part->mask;
    while (part->by_section[i] != PROFILES_NONE &&
           !is_of(&part->records[part->by_section[i]], kind, name))
        i = (i + 1) & part->mask;
    return &part->by_section[i];
}

/* From the end, so that the last of a name is found and the first of a section. */
static void fill_tables(struct profiles_part *part)
{
    memset(part->by_key, 0xff, 2 * (part->mask + 1) * sizeof *part->by_key);
    part->first_fault = PROFILES_NONE;
    for (uint32_t i = (uint32_t)part->count; i-- > 0;) {
        struct profiles_record *r = &part->records[i];
        uint32_t *section = place_of_section(part, r->kind, r->name);
        r->next_in_section = *section;
        *section = i;
        if (r->fault)
            part->first_fault = i;
        if (r->fault || r->sub.len)
            continue;
        uint32_t *key = place_of_key(part, r->kind, r->name, r->key);
        if (*key == PROFILES_NONE)
            *key = i;
    }
}

const struct profiles_record *profiles_part_find(const struct profiles_part *part,
                                                 enum profiles_kind kind, str name, str key)
{
    uint32_t i = *place_of_key(part, kind, name, key);
    return i != PROFILES_NONE ? &part->records[i] : NULL;
}

const struct profiles_record *profiles_part_first(const struct profiles_part *part,
                                                  enum profiles_kind kind, str name)
{
    uint32_t i = *place_of_section(part, kind, name);
    return i != PROFILES_NONE ? &part->records[i] : NULL;
}

const struct profiles_record *profiles_part_next(const struct profiles_part *part,
                                                 const struct profiles_record *r)
{
    return r->next_in_section != PROFILES_NONE ? &part->records[r->next_in_section] : NULL;
}

/* --- a part --- */

/* Places for twice as many, so that searches are short. */
static bool make_space(struct profiles_part *part, size_t count)
{
    size_t places = 2;
    while (places < 2 * count)
        places *= 2;
    size_t head = count * sizeof *part->records;
    part->mask = places - 1;
    part->records_size = head + 2 * places * sizeof *part->by_key;
    part->records = alloc_new(&part->alloc, part->records_size);
    if (!part->records)
        return false;
    part->by_key = (uint32_t *)((char *)part->records + head);
    part->by_section = part->by_key + places;
    return true;
}

struct profiles_part *profiles_part_new(const struct alloc *alloc, enum profiles_which which,
                                        str text)
{
    struct profiles_part *part = alloc_new(alloc, sizeof *part + text.len);
    if (!part)
        return NULL;
    part->alloc = *alloc;
    part->users = 1;
    part->which = which;
    part->hash = table_hash(0, text);
    part->foreign = ini_foreign_text(text);
    part->text_len = text.len;
    if (text.len)
        memcpy(part->text, text.ptr, text.len);
    str ours = { part->text, part->foreign ? 0 : text.len };
    if (!make_space(part, count_items(ours)))
        return profiles_part_free(part);
    struct reader reader = { .part = part };
    read_text(&reader, ours);
    if (reader.has_prefixed_default)
        hide_plain_default(part);
    fill_tables(part);
    return part;
}

struct profiles_part *profiles_part_ref(struct profiles_part *part)
{
    part->users++;
    return part;
}

struct profiles_part *profiles_part_free(struct profiles_part *part)
{
    if (!part || --part->users)
        return NULL;
    struct alloc alloc = part->alloc;
    size_t size = sizeof *part + part->text_len;
    if (part->records)
        alloc_free(&alloc, part->records, part->records_size);
    digest_wipe(part, size);
    return alloc_free(&alloc, part, size);
}

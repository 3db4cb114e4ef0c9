/* SPDX-License-Identifier: MIT */
/* The two files as one: whoever looks for a key looks into the credentials file first, so that it
 * beats the config file. Bad lines are found by profiles_check() alone. */
#include "credentials/profiles.h"

#include "base/log.h"
#include "base/table.h"
#include "credentials/profiles_merged.h"
#include "credentials/profiles_part.h"

/* --- merging --- */

static uint64_t hash_of(const struct profiles_file files[])
{
    uint64_t hash = 0;
    for (size_t i = 0; i < PROFILES_FILES; i++) {
        const struct profiles_file *f = &files[i];
        str part = { NULL, 0 };
        if (f->part)
            part = (str) { (const char *)&f->part->hash, sizeof f->part->hash };
        hash = table_hash(table_hash(hash, part), str_of(f->problem));
        hash = table_hash(hash, f->shared ? STR("shared") : STR(""));
    }
    return hash;
}

static int merge(struct profiles **out, const struct alloc *alloc,
                 const struct profiles_paths *paths, struct profiles_file files[])
{
    struct profiles *p = alloc_new(alloc, sizeof *p);
    if (!p)
        return PIPEPOLL_ENOMEM;
    p->alloc = *alloc;
    p->users = 1;
    p->paths = *paths;
    for (size_t i = 0; i < PROFILES_FILES; i++) {
        memcpy(p->problems[i], files[i].problem, sizeof p->problems[i]);
        p->shared[i] = files[i].shared;
        p->parts[i] = files[i].part;
        files[i].part = NULL;
    }
    *out = p;
    return 0;
}

void profiles_files_deinit(struct profiles_file files[])
{
    for (size_t i = 0; i < PROFILES_FILES; i++)
        files[i].part = profiles_part_free(files[i].part);
}

int profiles_merge(struct profiles **out, struct profiles_recent *recent, const struct alloc *alloc,
                   const struct profiles_paths *paths, struct profiles_file files[])
{
    struct profiles *known = recent->profiles;
    uint64_t hash = hash_of(files);
    if (known && hash == recent->hash) {
        known->users++;
        *out = known;
        profiles_files_deinit(files);
        return 0;
    }
    int r = merge(out, alloc, paths, files);
    if (r)
        return r;
    if (known)
        known->recent = NULL;
    *recent = (struct profiles_recent) { .profiles = *out, .hash = hash };
    recent->profiles->recent = recent;
    return 0;
}

int profiles_new(struct profiles **out, const struct alloc *alloc,
                 const struct profiles_paths *paths, const struct profiles_file given[],
                 struct pipepoll_error *why)
{
    struct profiles_file files[PROFILES_FILES];
    bool whole = true;
    for (size_t i = 0; i < PROFILES_FILES; i++) {
        files[i] = given[i];
        files[i].part = NULL;
        if (given[i].text.len)
            files[i].part = profiles_part_new(alloc, (enum profiles_which)i, given[i].text);
        whole = whole && (files[i].part || !given[i].text.len);
    }
    if (whole && merge(out, alloc, paths, files) == 0)
        return 0;
    profiles_files_deinit(files);
    return explain(why, PIPEPOLL_ENOMEM, "out of memory");
}

struct profiles *profiles_free(struct profiles *p)
{
    if (!p || --p->users)
        return NULL;
    if (p->recent)
        p->recent->profiles = NULL;
    struct alloc alloc = p->alloc;
    for (size_t i = 0; i < PROFILES_FILES; i++)
        profiles_part_free(p->parts[i]);
    return alloc_free(&alloc, p, sizeof *p);
}

/* --- asking --- */

const struct profiles_paths *profiles_paths(const struct profiles *p)
{
    return &p->paths;
}

/* The last property of that name, or the last header when key is empty. */
static const struct profiles_record *find(const struct profiles *p, enum profiles_kind kind,
                                          str name, str key, const struct profiles_part **in)
{
    const struct profiles_record *r = NULL;
    for (size_t i = PROFILES_FILES; !r && i-- > 0;) {
        *in = p->parts[i];
        r = p->parts[i] ? profiles_part_find(p->parts[i], kind, name, key) : NULL;
    }
    return r;
}

bool profiles_has(const struct profiles *p, enum profiles_kind kind, str name)
{
    const struct profiles_part *in;
    return find(p, kind, name, STR(""), &in) != NULL;
}

str profiles_get(const struct profiles *p, enum profiles_kind kind, str name, str key)
{
    const struct profiles_part *in;
    const struct profiles_record *record = find(p, kind, name, key, &in);
    return record ? record->value : (str) { NULL, 0 };
}

str profiles_get_beside(const struct profiles *p, enum profiles_kind kind, str name, str key,
                        str beside)
{
    const struct profiles_part *in, *other_in;
    const struct profiles_record *record = find(p, kind, name, key, &in);
    const struct profiles_record *other = find(p, kind, name, beside, &other_in);
    return record && other && in == other_in ? record->value : (str) { NULL, 0 };
}

bool profiles_is_in_credentials(const struct profiles *p, enum profiles_kind kind, str name,
                                str key)
{
    const struct profiles_part *in;
    return find(p, kind, name, key, &in) && in->which == PROFILES_CREDENTIALS;
}

str profiles_get_sub(const struct profiles *p, enum profiles_kind kind, str name, str key, str sub)
{
    str value = { NULL, 0 };
    const struct profiles_part *in;
    const struct profiles_record *record = find(p, kind, name, key, &in);
    if (!record)
        return value;
    const struct profiles_record *end = in->records + in->count;
    while (++record < end && (record->sub.len || record->fault))
        if (str_eq_nocase(record->sub, sub))
            value = record->value;
    return value;
}

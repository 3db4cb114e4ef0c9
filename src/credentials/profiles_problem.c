/* SPDX-License-Identifier: MIT */
/* What is wrong with the shared files, in sentences: a line is told of when something that is
 * needed stands in it, or when it may hide what is missing. */
#include <stdio.h>

#include "base/log.h"
#include "base/nearest.h"
#include "credentials/profiles_merged.h"

static const char *path_of(const struct profiles *p, enum profiles_which file)
{
    return profiles_path(&p->paths, file);
}

static bool is_one_of(str key, const char *const *keys)
{
    while (*keys && !str_eq_nocase(key, str_of(*keys)))
        keys++;
    return *keys != NULL;
}

static int check_line(const struct profiles *p, enum profiles_which which,
                      const struct profiles_record *r, const char *const *keys,
                      struct pipepoll_error *why)
{
    const char *path = path_of(p, which);
    bool is_bad_header = r->fault && !r->key.len;
    if (!is_bad_header && !is_one_of(r->key, keys))
        return 0;
    if (!is_bad_header && p->shared[which])
        return explain(why, PIPEPOLL_EINVAL,
                       "%s:%u:%u: everybody may write this file, so %.*s is not to be trusted: "
                       "chmod o-w %s (or, where that does nothing, set "
                       "PIPEPOLL_ALLOW_SHARED_FILES=1)",
                       path, r->line, r->column, STR_ARG(r->key), path);
    return r->fault ? explain(why, PIPEPOLL_EINVAL, "%s:%u:%u: %s", path, r->line, r->column,
                              ini_fault_text(r->fault))
                    : 0;
}

int profiles_check(const struct profiles *p, enum profiles_kind kind, str name,
                   const char *const *keys, struct pipepoll_error *why)
{
    int bad = 0;
    for (enum profiles_which which = 0; !bad && which < PROFILES_FILES; which++) {
        const struct profiles_part *part = p->parts[which];
        const struct profiles_record *r = part ? profiles_part_first(part, kind, name) : NULL;
        for (; !bad && r; r = profiles_part_next(part, r))
            bad = check_line(p, which, r, keys, why);
    }
    return bad;
}

const char *profiles_problem(const struct profiles *p, enum profiles_which which, char *text,
                             size_t size)
{
    bool is_fine = !p->problems[which][0];
    snprintf(text, size, "%s%s%s", is_fine ? "" : path_of(p, which), is_fine ? "" : " ",
             p->problems[which]);
    return text;
}

/* The first line that may have hidden a section. */
static bool put_first_fault(const struct profiles *p, char *text, size_t size)
{
    for (enum profiles_which which = 0; which < PROFILES_FILES; which++) {
        const struct profiles_part *part = p->parts[which];
        if (!part || part->first_fault == PROFILES_NONE)
            continue;
        const struct profiles_record *r = &part->records[part->first_fault];
        snprintf(text, size, " (%s:%u:%u: %s)", path_of(p, which), r->line, r->column,
                 ini_fault_text(r->fault));
        return true;
    }
    return false;
}

const char *profiles_doubt(const struct profiles *p, char *text, size_t size)
{
    for (enum profiles_which which = 0; which < PROFILES_FILES; which++) {
        if (!p->problems[which][0])
            continue;
        snprintf(text, size, " (%s %s)", path_of(p, which), p->problems[which]);
        return text;
    }
    if (!put_first_fault(p, text, size))
        text[0] = '\0';
    return text;
}

/* Is there a section in the credentials file with the prefix that only the config file has? */
static bool has_prefixed(const struct profiles *p, str name)
{
    const str prefix = STR_INIT("profile ");
    const struct profiles_part *part = p->parts[PROFILES_CREDENTIALS];
    for (size_t i = 0; part && i < part->count; i++) {
        const struct profiles_record *r = &part->records[i];
        if (str_starts(r->name, prefix) && str_eq(str_trim(str_skip(r->name, prefix.len)), name))
            return true;
    }
    return false;
}

/* Of so many profiles: comparing takes some microseconds each, on the loop. */
enum { TRIED_MAX = 500 };

static void try_names(struct nearest *n, const struct profiles_part *part, size_t *tried)
{
    for (size_t i = 0; part && i < part->count && *tried < TRIED_MAX; i++) {
        const struct profiles_record *r = &part->records[i];
        if (r->kind != PROFILES_PROFILE || r->key.len || r->fault)
            continue;
        nearest_try(n, r->name);
        ++*tried;
    }
}

static const char *hint_for(const struct profiles *p, str name, char *text, size_t size)
{
    struct nearest n = nearest_to(name);
    size_t tried = 0;
    for (size_t i = 0; i < PROFILES_FILES; i++)
        try_names(&n, p->parts[i], &tried);
    nearest_hint(&n, text, size);
    return *text ? text : profiles_doubt(p, text, size);
}

static const char *path_or_none(const char *path)
{
    return *path ? path : "a file (no path is known)";
}

const char *profiles_explain_missing(const struct profiles *p, str name, char *text, size_t size)
{
    char hint[400] = "";
    if (!name.len)
        snprintf(text, size, "has no name: unset the variable, or name a profile");
    else if (profiles_has(p, PROFILES_UNUSED, name))
        snprintf(text, size, "is not in %s: [%.*s] there must read [profile %.*s]", p->paths.config,
                 STR_ARG(name), STR_ARG(name));
    else if (has_prefixed(p, name))
        snprintf(text, size, "is not in %s: [profile %.*s] there must read [%.*s]",
                 p->paths.credentials, STR_ARG(name), STR_ARG(name));
    else
        snprintf(text, size, "is in neither %s nor %s%s", path_or_none(p->paths.config),
                 path_or_none(p->paths.credentials), hint_for(p, name, hint, sizeof hint));
    return text;
}

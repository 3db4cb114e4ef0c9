/* What is wrong with the shared files, in sentences: a line is told of when something that is
 * needed stands in it, or when it may hide what is missing. */
#include <stdio.h>

#include "base/log.h"
#include "base/nearest.h"
#include "credentials/profiles_record.h"

static const char *path_of(const struct profiles *p, enum profiles_which file)
{
    return file == PROFILES_CONFIG ? p->paths.config : p->paths.credentials;
}

static bool is_one_of(str key, const char *const *keys)
{
    while (*keys && !str_eq_nocase(key, str_of(*keys)))
        keys++;
    return *keys != NULL;
}

int profiles_check(const struct profiles *p, enum profiles_kind kind, str name,
                   const char *const *keys, struct pipepoll_error *why)
{
    for (const struct record *r = p->records; r < p->records + p->count; r++) {
        const char *path = path_of(p, r->file);
        bool is_bad_header = r->fault && !r->key.len;
        if (r->kind != kind || !str_eq(r->name, name) ||
            !(is_bad_header || is_one_of(r->key, keys)))
            continue;
        if (!is_bad_header && p->shared[r->file])
            return explain(why, PIPEPOLL_EINVAL,
                           "%s:%u:%u: everybody may write this file, so %.*s is not to be trusted: "
                           "chmod o-w %s (or, where that does nothing, set "
                           "PIPEPOLL_ALLOW_SHARED_FILES=1)",
                           path, r->line, r->column, STR_ARG(r->key), path);
        if (r->fault)
            return explain(why, PIPEPOLL_EINVAL, "%s:%u:%u: %s", path, r->line, r->column,
                           ini_fault_text(r->fault));
    }
    return 0;
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
static const struct record *first_fault(const struct profiles *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->records[i].fault)
            return &p->records[i];
    return NULL;
}

const char *profiles_doubt(const struct profiles *p, char *text, size_t size)
{
    const struct record *r = first_fault(p);
    for (enum profiles_which which = 0; which < PROFILES_FILES; which++) {
        if (!p->problems[which][0])
            continue;
        snprintf(text, size, " (%s %s)", path_of(p, which), p->problems[which]);
        return text;
    }
    if (r)
        snprintf(text, size, " (%s:%u:%u: %s)", path_of(p, r->file), r->line, r->column,
                 ini_fault_text(r->fault));
    else
        text[0] = '\0';
    return text;
}

/* Is there a section in the credentials file with the prefix that only the config file has? */
static bool has_prefixed(const struct profiles *p, str name)
{
    const str prefix = STR_INIT("profile ");
    for (size_t i = 0; i < p->count; i++) {
        const struct record *r = &p->records[i];
        if (r->file == PROFILES_CREDENTIALS && str_starts(r->name, prefix) &&
            str_eq(str_trim(str_skip(r->name, prefix.len)), name))
            return true;
    }
    return false;
}

static const char *hint_for(const struct profiles *p, str name, char *text, size_t size)
{
    struct nearest n = nearest_to(name);
    for (size_t i = 0; i < p->count; i++)
        if (p->records[i].kind == PROFILES_PROFILE && !p->records[i].key.len &&
            !p->records[i].fault)
            nearest_try(&n, p->records[i].name);
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

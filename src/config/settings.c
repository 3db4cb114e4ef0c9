/* SPDX-License-Identifier: MIT */
/* A list of what was loaded, by the profile's name as it was asked for: "" and "default" are two
 * entries. The list may move when it grows, what it points to does not. What could not be loaded is
 * not kept: whoever asks next tries again. */
#include "config/settings.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "config/quantity.h"

struct settings_set {
    char *profile;
    struct pipepoll_settings *loaded;
};

static const struct settings_set *find(const struct settings *s, str profile)
{
    for (size_t i = 0; i < s->count; i++)
        if (str_eq(str_of(s->sets[i].profile), profile))
            return &s->sets[i];
    return NULL;
}

static struct settings_set *add(struct settings *s)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 4;
        struct settings_set *grown = realloc(s->sets, cap * sizeof *grown);
        if (!grown)
            return NULL;
        s->sets = grown;
        s->cap = cap;
    }
    return &s->sets[s->count];
}

int settings_of(struct settings *s, str profile, const struct pipepoll_settings **out,
                struct pipepoll_error *why)
{
    const struct settings_set *known = find(s, profile);
    if (known) {
        *out = known->loaded;
        return PIPEPOLL_OK;
    }
    struct settings_set *new = add(s);
    char *name = new ? strndup(profile.len ? profile.ptr : "", profile.len) : NULL;
    if (!name)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    *new = (struct settings_set) { .profile = name };
    int r = pipepoll_settings_load(&new->loaded, profile, why);
    if (r) {
        free(name);
        return r;
    }
    s->count++;
    *out = new->loaded;
    return PIPEPOLL_OK;
}

void settings_deinit(struct settings *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->sets[i].profile);
        pipepoll_settings_free(s->sets[i].loaded);
    }
    free(s->sets);
    *s = (struct settings) { .count = 0 };
}

void settings_complain(const struct pipepoll_settings *s, struct diagnostics *diagnostics)
{
    str warning;
    for (size_t i = 0; (warning = pipepoll_settings_warning(s, i)).len; i++)
        complain_elsewhere(diagnostics, PIPEPOLL_WARNING, "%.*s", STR_ARG(warning));
}

const char *settings_origins(const struct pipepoll_settings *s, unsigned bits, char *text,
                             size_t size)
{
    struct buf b = { .at = text, .cap = size };
    str last = { NULL, 0 };
    for (enum pipepoll_setting which = 0; which < PIPEPOLL_SETTING_COUNT; which++) {
        str from;
        if (!(bits & 1u << which))
            continue;
        pipepoll_settings_get(s, which, &from);
        if (!str_eq(from, last))
            buf_printf(&b, "%s%.*s", b.len ? " and " : "", STR_ARG(from));
        last = from;
    }
    return buf_cstr(&b);
}

uint32_t settings_attempts(const struct pipepoll_settings *s)
{
    enum { ATTEMPTS_MOST = 1000 };
    uint32_t attempts;
    str given = pipepoll_settings_get(s, PIPEPOLL_SETTING_MAX_ATTEMPTS, NULL);
    if (given.len) /* a number: it was checked when it was read */
        return quantity_count(given, 1, ATTEMPTS_MOST, &attempts) ? attempts : ATTEMPTS_MOST;
    str mode = pipepoll_settings_get(s, PIPEPOLL_SETTING_RETRY_MODE, NULL);
    return str_eq_nocase(mode, STR("legacy")) ? 5 : 3;
}

const char *settings_name(enum pipepoll_setting which)
{
    static const char *const names[PIPEPOLL_SETTING_COUNT] = {
        [PIPEPOLL_SETTING_PROFILE] = "profile",
        [PIPEPOLL_SETTING_REGION] = "region",
        [PIPEPOLL_SETTING_ENDPOINT_URL] = "endpoint",
        [PIPEPOLL_SETTING_FIPS] = "fips",
        [PIPEPOLL_SETTING_DUALSTACK] = "dualstack",
        [PIPEPOLL_SETTING_CA_BUNDLE] = "ca-bundle",
        [PIPEPOLL_SETTING_STS_ENDPOINT_URL] = "STS endpoint",
        [PIPEPOLL_SETTING_SSO_ENDPOINT_URL] = "SSO endpoint",
        [PIPEPOLL_SETTING_MAX_ATTEMPTS] = "attempts at most",
        [PIPEPOLL_SETTING_RETRY_MODE] = "retry mode",
        [PIPEPOLL_SETTING_OUTPUT] = "output",
        [PIPEPOLL_SETTING_USER_AGENT_APP_ID] = "user-agent-app-id",
    };
    return names[which];
}

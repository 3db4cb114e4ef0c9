/* A snapshot: the environment may change and the files too, so all texts are copied once. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "credentials/configured.h"

struct setting {
    str value, from;
};

struct pipepoll_settings {
    struct setting of[PIPEPOLL_SETTING_COUNT];
    char text[];
};

/* What was found, before it is copied. */
struct found {
    struct configured_value of[PIPEPOLL_SETTING_COUNT];
};

static int find_profile(struct found *f, struct configured *c, str wanted,
                        struct pipepoll_error *why)
{
    struct configured_value *v = &f->of[PIPEPOLL_SETTING_PROFILE];
    bool by_variable = !wanted.len && environment_get(c->environment, "AWS_PROFILE").len;
    struct buf from = BUF_ON(v->from);
    c->profile = v->text = wanted.len ? wanted : profiles_wanted(c->environment);
    if (wanted.len)
        buf_put(&from, STR("as asked for"));
    else
        buf_put(&from, by_variable ? STR("AWS_PROFILE") : STR("by default"));
    buf_cstr(&from);
    if (!(wanted.len || by_variable) || profiles_has(c->profiles, PROFILES_PROFILE, c->profile))
        return 0;
    char text[sizeof why->text];
    return explain(why, PIPEPOLL_EINVAL, "profile \"%.*s\"%s %s", STR_ARG(c->profile),
                   by_variable ? " (AWS_PROFILE)" : "",
                   profiles_explain_missing(c->profiles, c->profile, text, sizeof text));
}

static int check_lines(const struct found *f, struct pipepoll_error *why)
{
    static const char *const names[] = { "the name of the profile", "the region",
                                         "the endpoint URL",        "use_fips_endpoint",
                                         "use_dualstack_endpoint",  "the CA bundle",
                                         "the endpoint URL of STS", "the endpoint URL of SSO" };
    for (size_t i = 0; i < PIPEPOLL_SETTING_COUNT; i++) {
        str text = f->of[i].text;
        if (str_find(text, '\n') < text.len || str_find(text, '\r') < text.len)
            return explain(why, PIPEPOLL_EINVAL, "%s: %s has more than one line", f->of[i].from,
                           names[i]);
    }
    return 0;
}

static int find_all(struct found *f, struct configured *c, str wanted, struct pipepoll_error *why)
{
    struct configured_value *of = f->of;
    int r = find_profile(f, c, wanted, why);
    if (!r)
        r = configured_endpoint_url(&of[PIPEPOLL_SETTING_ENDPOINT_URL], c, "CODEPIPELINE", why);
    if (!r)
        r = configured_endpoint_url(&of[PIPEPOLL_SETTING_STS_ENDPOINT_URL], c, "STS", why);
    if (!r)
        r = configured_endpoint_url(&of[PIPEPOLL_SETTING_SSO_ENDPOINT_URL], c, "SSO", why);
    if (!r)
        r = configured_switch(&of[PIPEPOLL_SETTING_FIPS], c, "AWS_USE_FIPS_ENDPOINT",
                              "use_fips_endpoint", why);
    if (!r)
        r = configured_switch(&of[PIPEPOLL_SETTING_DUALSTACK], c, "AWS_USE_DUALSTACK_ENDPOINT",
                              "use_dualstack_endpoint", why);
    if (r)
        return r;
    of[PIPEPOLL_SETTING_REGION] = configured_region(c);
    of[PIPEPOLL_SETTING_CA_BUNDLE] = configured_either(c, "AWS_CA_BUNDLE", "ca_bundle");
    return check_lines(f, why);
}

static str keep(char **at, str s)
{
    str kept = { *at, s.len };
    if (s.len)
        memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return kept;
}

static int copy(struct pipepoll_settings **out, const struct found *f, struct pipepoll_error *why)
{
    size_t size = 0;
    for (size_t i = 0; i < PIPEPOLL_SETTING_COUNT; i++)
        size += f->of[i].text.len + sizeof f->of[i].from;
    struct pipepoll_settings *s = calloc(1, sizeof *s + size);
    if (!s)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    char *at = s->text;
    for (size_t i = 0; i < PIPEPOLL_SETTING_COUNT; i++) {
        s->of[i].value = keep(&at, f->of[i].text);
        if (f->of[i].text.len)
            s->of[i].from = keep(&at, str_of(f->of[i].from));
    }
    *out = s;
    return 0;
}

int pipepoll_settings_load(struct pipepoll_settings **out, str profile, struct pipepoll_error *why)
{
    const struct environment e = { 0 };
    struct profiles *profiles;
    int r = profiles_load(&profiles, &(struct alloc) { 0 }, &e, why);
    if (r)
        return r;
    struct configured c = { .environment = &e, .profiles = profiles };
    struct found f;
    r = find_all(&f, &c, profile, why);
    if (!r)
        r = copy(out, &f, why);
    profiles_free(profiles);
    return r;
}

str pipepoll_settings_get(const struct pipepoll_settings *s, enum pipepoll_setting which, str *from)
{
    if (from)
        *from = s->of[which].from;
    return s->of[which].value;
}

struct pipepoll_settings *pipepoll_settings_free(struct pipepoll_settings *s)
{
    free(s);
    return NULL;
}

/* SPDX-License-Identifier: MIT */
/* One value at a time: the variable when it is set, else the profile's key, else, for endpoints,
 * what the profile's services section says. A key of a line that is not understood, or in a file
 * that everybody may write, counts as not given, and the reason is noted for the caller to
 * judge. */
#include "credentials/configured.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"

static bool may_use(const struct configured *c, enum profiles_kind kind, str section,
                    const char *key)
{
    const char *const keys[] = { key, NULL };
    struct pipepoll_error why;
    if (!profiles_check(c->profiles, kind, section, keys, &why))
        return true;
    if (c->doubt && !c->doubt->text[0])
        *c->doubt = why;
    return false;
}

str configured_key(const struct configured *c, const char *key)
{
    if (!may_use(c, PROFILES_PROFILE, c->profile, key))
        return (str) { NULL, 0 };
    return profiles_get(c->profiles, PROFILES_PROFILE, c->profile, str_of(key));
}

struct configured_value configured_variable(const struct configured *c, const char *name)
{
    struct configured_value v = { .text = str_trim(environment_get(c->environment, name)) };
    snprintf(v.from, sizeof v.from, "%s", name);
    return v;
}

static struct configured_value of_profile(const struct configured *c, const char *key)
{
    struct configured_value v = { .text = configured_key(c, key) };
    snprintf(v.from, sizeof v.from, "profile %.*s", STR_ARG(c->profile));
    return v;
}

struct configured_value configured_either(const struct configured *c, const char *variable,
                                          const char *key)
{
    struct configured_value v = configured_variable(c, variable);
    return v.text.len ? v : of_profile(c, key);
}

struct configured_value configured_region(const struct configured *c)
{
    struct configured_value v = configured_variable(c, "AWS_REGION");
    return v.text.len ? v : configured_either(c, "AWS_DEFAULT_REGION", "region");
}

bool configured_is_true(const struct configured_value *v)
{
    return str_eq_nocase(v->text, STR("true"));
}

int configured_switch(struct configured_value *out, const struct configured *c,
                      const char *variable, const char *key, struct pipepoll_error *why)
{
    bool by_variable = configured_variable(c, variable).text.len > 0;
    struct configured_value v = configured_either(c, variable, key);
    bool is_on = configured_is_true(&v);
    if (v.text.len && !is_on && !str_eq_nocase(v.text, STR("false")))
        return explain(why, PIPEPOLL_EINVAL, "%s%s%s is true or false, not \"%.*s\"", v.from,
                       by_variable ? "" : ": ", by_variable ? "" : key, STR_ARG(v.text));
    *out = v;
    out->text = is_on ? STR("true") : STR("");
    return 0;
}

/* The endpoint in the services section that the profile names, if it names one. */
static int of_services(struct configured_value *out, const struct configured *c,
                       const char *service, struct pipepoll_error *why)
{
    str section = configured_key(c, "services");
    *out = (struct configured_value) { 0 };
    if (!section.len)
        return 0;
    char doubt[400];
    if (!profiles_has(c->profiles, PROFILES_SERVICES, section))
        return explain(why, PIPEPOLL_EINVAL,
                       "profile \"%.*s\" says services = %.*s, but there is no [services %.*s] in "
                       "%s%s",
                       STR_ARG(c->profile), STR_ARG(section), STR_ARG(section),
                       profiles_paths(c->profiles)->config,
                       profiles_doubt(c->profiles, doubt, sizeof doubt));
    if (!may_use(c, PROFILES_SERVICES, section, service))
        return 0;
    out->text = profiles_get_sub(c->profiles, PROFILES_SERVICES, section, str_of(service),
                                 STR("endpoint_url"));
    snprintf(out->from, sizeof out->from, "services section %.*s", STR_ARG(section));
    return 0;
}

/* `export AWS_ENDPOINT_URL=$UNSET` was meant to keep calls away from AWS: to take it for "not
 * given", as the AWS tools do, would send them there, signed with keys not meant for it. */
static int refuse_blank(const struct configured *c, const char *name, struct pipepoll_error *why)
{
    if (!environment_has(c->environment, name) || environment_get(c->environment, name).len)
        return 0;
    return explain(why, PIPEPOLL_EINVAL, "%s is set, but empty: unset it, or set a URL", name);
}

/* The same of the files: a template whose variable was not set. */
static int refuse_empty(const struct configured_value *v, struct pipepoll_error *why)
{
    if (!v->text.ptr || v->text.len)
        return 0;
    return explain(why, PIPEPOLL_EINVAL, "%s: endpoint_url is empty: remove the line, or set a URL",
                   v->from);
}

int configured_endpoint_url(struct configured_value *out, const struct configured *c,
                            const char *service, struct pipepoll_error *why)
{
    *out = configured_either(c, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                             "ignore_configured_endpoint_urls");
    if (configured_is_true(out)) {
        *out = (struct configured_value) { 0 };
        return 0;
    }
    char name[64];
    struct buf b = BUF_ON(name);
    buf_printf(&b, "AWS_ENDPOINT_URL_%s", service);
    *out = configured_variable(c, buf_cstr(&b));
    int r = refuse_blank(c, buf_cstr(&b), why);
    if (!r && !out->text.len) {
        *out = configured_variable(c, "AWS_ENDPOINT_URL");
        r = refuse_blank(c, "AWS_ENDPOINT_URL", why);
    }
    if (r || out->text.len)
        return r;
    r = of_services(out, c, service, why);
    if (!r)
        r = refuse_empty(out, why);
    if (r || out->text.len)
        return r;
    *out = of_profile(c, "endpoint_url");
    return refuse_empty(out, why);
}

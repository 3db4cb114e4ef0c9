/* SPDX-License-Identifier: MIT */
/* A snapshot: the environment may change and the files too, so all texts are copied once. What only
 * some callers need (a region, an output format) is passed over with a warning when its line cannot
 * be used; what says where calls go is an error then, for nobody wants them to go elsewhere. */
#include <stdlib.h>

#include "aws/user_agent.h"
#include "base/buf.h"
#include "base/log.h"
#include "credentials/chain.h"
#include "credentials/configured.h"

enum { WARNINGS_MAX = 8, PATH_SIZE = 4096 };

struct setting {
    str value, from;
};

struct pipepoll_settings {
    struct setting of[PIPEPOLL_SETTING_COUNT];
    str warnings[WARNINGS_MAX];
    size_t warning_count;
    int credentials; /* of chain_check() */
    struct pipepoll_error why;
    char text[];
};

/* What was found, before it is copied. */
struct found {
    struct configured_value of[PIPEPOLL_SETTING_COUNT];
    struct pipepoll_error warnings[WARNINGS_MAX];
    size_t warning_count;
    int credentials;
    struct pipepoll_error why;
    char ca_bundle[PATH_SIZE];
};

static struct pipepoll_error *add_warning(struct found *f)
{
    return f->warning_count < WARNINGS_MAX ? &f->warnings[f->warning_count++] : NULL;
}

/* --- the profile --- */

static void warn_of_two_profiles(struct found *f, const struct environment *e)
{
    str first = str_trim(environment_get(e, "AWS_PROFILE"));
    str second = str_trim(environment_get(e, "AWS_DEFAULT_PROFILE"));
    if (first.len && second.len && !str_eq(first, second))
        explain(
            add_warning(f), 0,
            "AWS_PROFILE = %.*s overrides AWS_DEFAULT_PROFILE = %.*s, as in version 2 of the AWS "
            "CLI (version 1 takes the other): unset one of them",
            STR_ARG(first), STR_ARG(second));
}

static int find_profile(struct found *f, struct configured *c, str wanted,
                        struct pipepoll_error *why)
{
    struct configured_value *v = &f->of[PIPEPOLL_SETTING_PROFILE];
    const char *variable = wanted.len ? NULL : profiles_variable(c->environment);
    struct buf from = BUF_ON(v->from);
    c->profile = v->text = wanted.len ? wanted : profiles_wanted(c->environment);
    buf_put(&from, wanted.len ? STR("as asked for") : STR("by default"));
    if (variable) {
        buf_reset(&from);
        buf_put(&from, str_of(variable));
        warn_of_two_profiles(f, c->environment);
    }
    buf_cstr(&from);
    if (!(wanted.len || variable) || profiles_has(c->profiles, PROFILES_PROFILE, c->profile))
        return 0;
    char text[sizeof why->text];
    return explain(why, PIPEPOLL_EINVAL, "profile \"%.*s\"%s%s%s %s", STR_ARG(c->profile),
                   variable ? " (" : "", variable ? variable : "", variable ? ")" : "",
                   profiles_explain_missing(c->profiles, c->profile, text, sizeof text));
}

/* --- the rest --- */

static int check_lines(const struct found *f, struct pipepoll_error *why)
{
    static const char *const names[PIPEPOLL_SETTING_COUNT] = {
        [PIPEPOLL_SETTING_PROFILE] = "the name of the profile",
        [PIPEPOLL_SETTING_REGION] = "the region",
        [PIPEPOLL_SETTING_ENDPOINT_URL] = "the endpoint URL",
        [PIPEPOLL_SETTING_FIPS] = "use_fips_endpoint",
        [PIPEPOLL_SETTING_DUALSTACK] = "use_dualstack_endpoint",
        [PIPEPOLL_SETTING_CA_BUNDLE] = "the CA bundle",
        [PIPEPOLL_SETTING_STS_ENDPOINT_URL] = "the endpoint URL of STS",
        [PIPEPOLL_SETTING_SSO_ENDPOINT_URL] = "the endpoint URL of SSO",
        [PIPEPOLL_SETTING_MAX_ATTEMPTS] = "max_attempts",
        [PIPEPOLL_SETTING_RETRY_MODE] = "retry_mode",
        [PIPEPOLL_SETTING_OUTPUT] = "output",
        [PIPEPOLL_SETTING_USER_AGENT_APP_ID] = "sdk_ua_app_id",
    };
    for (size_t i = 0; i < PIPEPOLL_SETTING_COUNT; i++) {
        str text = f->of[i].text;
        if (str_find(text, '\n') < text.len || str_find(text, '\r') < text.len)
            return explain(why, PIPEPOLL_EINVAL, "%s: %s has more than one line", f->of[i].from,
                           names[i]);
    }
    return 0;
}

/* Where calls go. */
static int find_route(struct found *f, struct configured *c, struct pipepoll_error *why)
{
    struct configured_value *of = f->of;
    int r = configured_endpoint_url(&of[PIPEPOLL_SETTING_ENDPOINT_URL], c, "CODEPIPELINE", why);
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
    return r;
}

/* The last variable is that of Python's requests, which the AWS CLI looks at too. */
static int find_roots(struct found *f, struct configured *c, struct pipepoll_error *why)
{
    struct configured_value *v = &f->of[PIPEPOLL_SETTING_CA_BUNDLE];
    struct buf path = BUF_ON(f->ca_bundle);
    *v = configured_either(c, "AWS_CA_BUNDLE", "ca_bundle");
    if (!v->text.len)
        *v = configured_variable(c, "REQUESTS_CA_BUNDLE");
    environment_put_path(c->environment, &path, v->text);
    if (path.overflow)
        return explain(why, PIPEPOLL_EINVAL,
                       "%s: the path of the CA bundle is longer than %d bytes", v->from, PATH_SIZE);
    v->text = buf_str(&path);
    return 0;
}

static bool is_count(str text)
{
    bool fine = text.len > 0 && text.ptr[0] != '0';
    for (size_t i = 0; i < text.len; i++)
        fine = fine && ascii_is_digit(text.ptr[i]);
    return fine;
}

static int check_retries(const struct found *f, struct pipepoll_error *why)
{
    const struct configured_value *attempts = &f->of[PIPEPOLL_SETTING_MAX_ATTEMPTS];
    const struct configured_value *mode = &f->of[PIPEPOLL_SETTING_RETRY_MODE];
    if (attempts->text.len && !is_count(attempts->text))
        return explain(why, PIPEPOLL_EINVAL, "%s: max_attempts is 1 or more, not \"%.*s\"",
                       attempts->from, STR_ARG(attempts->text));
    if (mode->text.len && !str_eq_nocase(mode->text, STR("legacy")) &&
        !str_eq_nocase(mode->text, STR("standard")) && !str_eq_nocase(mode->text, STR("adaptive")))
        return explain(why, PIPEPOLL_EINVAL,
                       "%s: retry_mode is legacy, standard or adaptive, not \"%.*s\"", mode->from,
                       STR_ARG(mode->text));
    return 0;
}

/* What is of use to some callers only. */
static int find_habits(struct found *f, struct configured *c, struct pipepoll_error *why)
{
    struct configured_value *of = f->of;
    of[PIPEPOLL_SETTING_REGION] = configured_region(c);
    of[PIPEPOLL_SETTING_MAX_ATTEMPTS] = configured_either(c, "AWS_MAX_ATTEMPTS", "max_attempts");
    of[PIPEPOLL_SETTING_RETRY_MODE] = configured_either(c, "AWS_RETRY_MODE", "retry_mode");
    of[PIPEPOLL_SETTING_OUTPUT] = configured_either(c, "AWS_DEFAULT_OUTPUT", "output");
    of[PIPEPOLL_SETTING_USER_AGENT_APP_ID] =
        configured_either(c, "AWS_SDK_UA_APP_ID", "sdk_ua_app_id");
    const struct configured_value *id = &of[PIPEPOLL_SETTING_USER_AGENT_APP_ID];
    if (id->text.len > USER_AGENT_APP_ID_ADVISED)
        explain(add_warning(f), 0,
                "%s: the app id of %zu characters is longer than the %d that AWS "
                "asks for",
                id->from, id->text.len, USER_AGENT_APP_ID_ADVISED);
    if (c->doubt->text[0])
        explain(add_warning(f), 0, "%s", c->doubt->text);
    return check_retries(f, why);
}

static void warn_of_files(struct found *f, const struct profiles *p)
{
    char text[sizeof f->warnings[0].text];
    for (enum profiles_which which = 0; which < PROFILES_FILES; which++)
        if (*profiles_problem(p, which, text, sizeof text))
            explain(add_warning(f), 0, "%s: nothing in it is used", text);
}

static void check_credentials(struct found *f, const struct configured *c, str wanted)
{
    const struct credentials_config config = {
        .kind = wanted.len ? CREDENTIALS_CONFIG_PROFILE : CREDENTIALS_CONFIG_DEFAULT,
        .profile = wanted,
    };
    f->credentials = chain_check(&config, c->environment, c->profiles, &f->why);
}

static int find_all(struct found *f, struct configured *c, str wanted, struct pipepoll_error *why)
{
    int r = find_profile(f, c, wanted, why);
    warn_of_files(f, c->profiles);
    if (!r)
        r = find_route(f, c, why);
    if (!r)
        r = find_roots(f, c, why);
    if (!r && c->doubt->text[0])
        r = explain(why, PIPEPOLL_EINVAL, "%s", c->doubt->text);
    if (!r)
        r = find_habits(f, c, why);
    if (!r)
        check_credentials(f, c, wanted);
    return r ? r : check_lines(f, why);
}

/* --- the copy --- */

static int copy(struct pipepoll_settings **out, const struct found *f, struct pipepoll_error *why)
{
    size_t size = 0;
    for (size_t i = 0; i < PIPEPOLL_SETTING_COUNT; i++)
        size += f->of[i].text.len + sizeof f->of[i].from;
    for (size_t i = 0; i < f->warning_count; i++)
        size += strlen(f->warnings[i].text);
    struct pipepoll_settings *s = calloc(1, sizeof *s + size);
    if (!s)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    char *at = s->text;
    for (size_t i = 0; i < PIPEPOLL_SETTING_COUNT; i++) {
        s->of[i].value = str_keep(&at, f->of[i].text);
        if (f->of[i].text.len)
            s->of[i].from = str_keep(&at, str_of(f->of[i].from));
    }
    for (size_t i = 0; i < f->warning_count; i++)
        s->warnings[i] = str_keep(&at, str_of(f->warnings[i].text));
    s->warning_count = f->warning_count;
    s->credentials = f->credentials;
    s->why = f->why;
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
    struct pipepoll_error doubt = { .text = "" };
    struct configured c = { .environment = &e, .profiles = profiles, .doubt = &doubt };
    struct found *f = calloc(1, sizeof *f);
    r = f ? find_all(f, &c, profile, why) : explain(why, PIPEPOLL_ENOMEM, "out of memory");
    if (!r)
        r = copy(out, f, why);
    free(f);
    profiles_free(profiles);
    return r;
}

str pipepoll_settings_get(const struct pipepoll_settings *s, enum pipepoll_setting which, str *from)
{
    static const struct setting unknown; /* a setting of a later library's */
    bool is_known = (unsigned)which < PIPEPOLL_SETTING_COUNT;
    const struct setting *v = is_known ? &s->of[which] : &unknown;
    if (from)
        *from = v->from;
    return v->value;
}

str pipepoll_settings_warning(const struct pipepoll_settings *s, size_t i)
{
    return i < s->warning_count ? s->warnings[i] : (str) { NULL, 0 };
}

int pipepoll_settings_credentials(const struct pipepoll_settings *s, struct pipepoll_error *why)
{
    if (s->credentials && why)
        *why = s->why;
    return s->credentials;
}

struct pipepoll_settings *pipepoll_settings_free(struct pipepoll_settings *s)
{
    free(s);
    return NULL;
}

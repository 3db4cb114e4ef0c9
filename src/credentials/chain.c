/* SPDX-License-Identifier: MIT */
/* The chain is a table of looks: each fills in a source, says that it is not configured, or that
 * it is broken. It is the AWS CLI's order: a role of the profile, then a web identity of the
 * environment, then what else the profile has. */
#include "credentials/chain.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "credentials/metadata.h"
#include "credentials/profile_chain.h"

/* --- the source --- */

static int from_fixed(struct chain *out, const struct credentials *credentials)
{
    out->source = SOURCE_FIXED;
    out->access_key_id = credentials->access_key_id;
    out->secret_access_key = credentials->secret_access_key;
    out->session_token = credentials->session_token;
    out->account_id = credentials->account_id;
    out->expires_s = credentials->expires_s == UINT64_MAX ? 0 : (int64_t)credentials->expires_s;
    return 0;
}

static int from_environment(struct chain *out, const struct configured *c,
                            struct pipepoll_error *why)
{
    int r = source_environment(out, c, why);
    if (r != SOURCE_NOT_CONFIGURED)
        return r;
    explain(why, 0, "no credentials: AWS_ACCESS_KEY_ID is not set in the environment");
    explain_cause(why, PIPEPOLL_CAUSE_NOT_CONFIGURED, STR(""));
    return PIPEPOLL_ECREDENTIALS;
}

static int complain_of_missing(const struct configured *c, const char *by,
                               struct pipepoll_error *why)
{
    char text[sizeof why->text];
    return explain(why, PIPEPOLL_ECREDENTIALS, "profile \"%.*s\"%s %s", STR_ARG(c->profile), by,
                   profiles_explain_missing(c->profiles, c->profile, text, sizeof text));
}

/* The profile and nothing else. */
static int from_profile(struct chain *out, const struct configured *c, struct pipepoll_error *why)
{
    if (!profiles_has(c->profiles, PROFILES_PROFILE, c->profile))
        return complain_of_missing(c, "", why);
    int r = profile_chain_follow(out, c, why);
    if (r != SOURCE_NOT_CONFIGURED)
        return r;
    char doubt[sizeof out->doubt];
    return explain(why, PIPEPOLL_ECREDENTIALS,
                   "profile \"%.*s\" has no credentials: it takes a role_arn with its source, "
                   "sso_account_id and sso_role_name, access keys, or credential_process%s",
                   STR_ARG(c->profile), profiles_doubt(c->profiles, doubt, sizeof doubt));
}

/* The links of the chain. Only a profile that somebody named must be there. */
static int role_of_profile(struct chain *out, const struct configured *c,
                           struct pipepoll_error *why)
{
    const char *variable = profiles_variable(c->environment);
    char by[40];
    if (variable && !profiles_has(c->profiles, PROFILES_PROFILE, c->profile)) {
        snprintf(by, sizeof by, " (%s)", variable);
        return complain_of_missing(c, by, why);
    }
    return profile_chain_is_role(c) ? profile_chain_follow(out, c, why) : SOURCE_NOT_CONFIGURED;
}

static int from_chain(struct chain *out, const struct configured *c, struct pipepoll_error *why)
{
    static source_look *const links[] = { source_environment,  role_of_profile,
                                          source_web_identity, profile_chain_follow,
                                          metadata_container,  metadata_imds };
    char doubt[sizeof out->doubt];
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        if (i > 0 && !c->profiles)
            return CHAIN_NEED_FILES;
        int r = links[i](out, c, why);
        if (!r && (out->source == SOURCE_CONTAINER || out->source == SOURCE_IMDS))
            profiles_doubt(c->profiles, out->doubt, sizeof out->doubt);
        if (r != SOURCE_NOT_CONFIGURED)
            return r;
    }
    explain(why, 0,
            "nothing is configured: no credentials in the environment, none in profile \"%.*s\", "
            "no web "
            "identity, no container, and AWS_EC2_METADATA_DISABLED forbids to ask EC2: set "
            "one of these up%s",
            STR_ARG(c->profile), profiles_doubt(c->profiles, doubt, sizeof doubt));
    explain_cause(why, PIPEPOLL_CAUSE_NOT_CONFIGURED, STR(""));
    return PIPEPOLL_ECREDENTIALS;
}

static int find_source(struct chain *out, const struct credentials_config *config,
                       const struct configured *c, struct pipepoll_error *why)
{
    switch (config->kind) {
    case CREDENTIALS_CONFIG_ANONYMOUS:
        out->source = SOURCE_NONE;
        return 0;
    case CREDENTIALS_CONFIG_FIXED:
        return from_fixed(out, config->fixed);
    case CREDENTIALS_CONFIG_ENVIRONMENT:
        return config->fixed ? from_fixed(out, config->fixed) : from_environment(out, c, why);
    case CREDENTIALS_CONFIG_DEFAULT:
        return from_chain(out, c, why);
    case CREDENTIALS_CONFIG_PROFILE:
        return c->profiles ? from_profile(out, c, why) : CHAIN_NEED_FILES;
    }
    return PIPEPOLL_EINVAL;
}

/* --- the roles --- */

/* AWS allows an hour at most when the credentials are a role's already, whatever the role says. */
static int check_durations(const struct chain *chain, struct pipepoll_error *why)
{
    bool chained = chain->source != SOURCE_FIXED && chain->source != SOURCE_PROCESS;
    for (size_t i = 0; i < chain->role_count; i++, chained = true)
        if (chained && chain->roles[i].duration_s > ROLE_CHAINED_DURATION_S)
            return explain(why, PIPEPOLL_ECREDENTIALS,
                           "role %.*s: a duration of %u seconds is more than the %d that AWS "
                           "allows for a role assumed with the credentials of another role",
                           STR_ARG(chain->roles[i].arn), chain->roles[i].duration_s,
                           ROLE_CHAINED_DURATION_S);
    return 0;
}

static int put_roles_on_top(struct chain *out, const struct credentials_config *config,
                            struct pipepoll_error *why)
{
    if (config->role_count > CHAIN_ROLES_MAX - out->role_count)
        return explain(
            why, PIPEPOLL_ECREDENTIALS,
            "profile \"%.*s\" and what is to be assumed with its credentials make more than "
            "%d roles one upon the other",
            STR_ARG(out->profile), CHAIN_ROLES_MAX);
    for (size_t i = 0; i < config->role_count; i++)
        out->roles[out->role_count++] = config->roles[i];
    return check_durations(out, why);
}

/* --- where STS and IAM Identity Center are --- */

static int find_endpoints(struct chain *out, const struct configured *c, struct pipepoll_error *why)
{
    if (!c->profiles)
        return CHAIN_NEED_FILES;
    struct configured_value v;
    int r = configured_endpoint_url(&v, c, "STS", why);
    out->sts_endpoint_url = v.text;
    if (!r)
        r = configured_endpoint_url(&v, c, "SSO", why);
    out->sso_endpoint_url = v.text;
    if (!r)
        r = configured_endpoint_url(&v, c, "SSO_OIDC", why);
    out->sso_oidc_endpoint_url = v.text;
    if (!r)
        r = configured_switch(&v, c, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", why);
    out->fips = v.text.len > 0;
    if (!r)
        r = configured_switch(&v, c, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", why);
    out->dualstack = v.text.len > 0;
    out->sts_region = configured_region(c).text;
    return r ? PIPEPOLL_ECREDENTIALS : 0;
}

/* --- paths --- */

static int expand(struct chain *out, str *path, const struct environment *e,
                  struct pipepoll_error *why)
{
    struct buf b = BUF_ON(out->path);
    if (!path->len)
        return 0;
    environment_put_path(e, &b, *path);
    *path = buf_str(&b);
    return !b.overflow
               ? 0
               : explain(why, PIPEPOLL_ECREDENTIALS,
                         "the path of the token file is longer than %zu bytes", sizeof out->path);
}

/* Of the two sources that have a token in a file, one was found at most. */
static int expand_paths(struct chain *out, const struct environment *e, struct pipepoll_error *why)
{
    return expand(out, out->token_file.len ? &out->token_file : &out->container_token_file, e, why);
}

static bool calls_aws(const struct chain *chain)
{
    return chain->role_count || chain->source == SOURCE_WEB_IDENTITY || chain->source == SOURCE_SSO;
}

/* --- the label --- */

/* As much as fits. */
static void put(struct buf *b, str s)
{
    size_t room = b->cap - 1 - b->len;
    buf_put(b, (str) { s.ptr, s.len < room ? s.len : room });
}

static void put_part(struct buf *b, const char *word, str s)
{
    if (b->len)
        put(b, STR(", "));
    put(b, str_of(word));
    put(b, s);
}

static str source_words(const struct chain *chain, enum credentials_config_kind kind)
{
    switch (chain->source) {
    case SOURCE_NONE:
        return STR("no credentials, unsigned");
    case SOURCE_FIXED:
        return kind == CREDENTIALS_CONFIG_FIXED ? STR("given credentials") : STR("environment");
    case SOURCE_WEB_IDENTITY:
        return STR("web identity");
    case SOURCE_SSO:
        return STR("SSO");
    case SOURCE_PROCESS:
        return STR("credential_process");
    case SOURCE_CONTAINER:
        return STR("container");
    case SOURCE_IMDS:
        return STR("IMDS");
    }
    return STR("");
}

static void write_label(struct chain *chain, enum credentials_config_kind kind)
{
    struct buf b = BUF_ON(chain->label);
    const struct role *last = chain->role_count ? &chain->roles[chain->role_count - 1] : NULL;
    if (!last && chain->source == SOURCE_WEB_IDENTITY)
        last = &chain->web_identity;
    if (chain->profile.len)
        put_part(&b, "profile ", chain->profile);
    if (last)
        put_part(&b, "role ", last->arn);
    bool is_of_profile = chain->source == SOURCE_FIXED && chain->may_change;
    if (!is_of_profile)
        put_part(&b, b.len ? "from " : "", source_words(chain, kind));
    else if (!str_eq(chain->base_profile, chain->profile))
        put_part(&b, "from profile ", chain->base_profile);
    if (!last && chain->account_id.len)
        put_part(&b, "account ", chain->account_id);
    buf_cstr(&b);
}

int chain_resolve(struct chain *out, const struct credentials_config *config,
                  const struct environment *e, const struct profiles *profiles,
                  struct pipepoll_error *why)
{
    struct pipepoll_error doubt = { .text = "" };
    const struct configured c = {
        .environment = e,
        .profiles = profiles,
        .profile =
            config->kind == CREDENTIALS_CONFIG_PROFILE ? config->profile : profiles_wanted(e),
        .doubt = &doubt,
    };
    memset(out, 0, sizeof *out);
    int r = find_source(out, config, &c, why);
    if (!r)
        r = put_roles_on_top(out, config, why);
    if (!r)
        r = expand_paths(out, e, why);
    if (!r && calls_aws(out))
        r = find_endpoints(out, &c, why);
    if (!r && doubt.text[0])
        r = explain(why, PIPEPOLL_ECREDENTIALS, "%s", doubt.text);
    if (!r)
        write_label(out, config->kind);
    return r;
}

/* CHAIN_NEED_FILES too. */
static int judge(const struct credentials_config *config, const struct environment *e,
                 const struct profiles *profiles, struct pipepoll_error *why)
{
    struct chain chain;
    int r = chain_resolve(&chain, config, e, profiles, why);
    const struct credentials_text text = { .access_key_id = chain.access_key_id,
                                           .secret_access_key = chain.secret_access_key,
                                           .session_token = chain.session_token };
    const char *problem = !r && chain.source == SOURCE_FIXED ? credentials_problem(&text) : NULL;
    return problem
               ? explain(why, PIPEPOLL_ECREDENTIALS, "%s: the credentials %s", chain.label, problem)
               : r;
}

int chain_check(const struct credentials_config *config, const struct environment *e,
                const struct profiles *profiles, struct pipepoll_error *why)
{
    struct pipepoll_error found = { .text = "" };
    int without_files = judge(config, e, NULL, &found);
    int r = without_files == CHAIN_NEED_FILES ? judge(config, e, profiles, &found) : without_files;
    if (r != PIPEPOLL_ECREDENTIALS || found.cause == PIPEPOLL_CAUSE_NOT_CONFIGURED)
        return 0;
    *why = found;
    return without_files == CHAIN_NEED_FILES ? PIPEPOLL_ECREDENTIALS : PIPEPOLL_EINVAL;
}

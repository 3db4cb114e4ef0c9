/* SPDX-License-Identifier: MIT */
/* A profile with role_arn is a step: the role is noted, and the way goes on with the profile that
 * it names. Any other profile is the end. On the way, access keys beat a role: a source_profile
 * that has both lends its credentials. Only the first profile does not, since it was chosen for its
 * role. A profile that names itself lends its own credentials to its own role. */
#include "credentials/profile_chain.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "credentials/metadata.h"

struct profile_chain {
    struct chain *out;
    const struct configured *c;
    struct pipepoll_error *why;
    str names[CHAIN_ROLES_MAX + 1]; /* from the profile asked for on */
    size_t count;
};

static str current(const struct profile_chain *chain)
{
    return chain->names[chain->count - 1];
}

static str get(const struct profile_chain *chain, const char *key)
{
    return profiles_get(chain->c->profiles, PROFILES_PROFILE, current(chain), str_of(key));
}

/* The sentence begins with the current profile. */
__attribute__((format(printf, 2, 3))) static int complain(const struct profile_chain *chain,
                                                          const char *format, ...)
{
    char text[sizeof chain->why->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return explain(chain->why, PIPEPOLL_ECREDENTIALS, "profile \"%.*s\" %s",
                   STR_ARG(current(chain)), text);
}

/* --- what a profile may say of credentials --- */

static const char *const keys_of_profile[] = {
    "role_arn",          "source_profile",     "credential_source",
    "external_id",       "role_session_name",  "duration_seconds",
    "mfa_serial",        "aws_access_key_id",  "aws_secret_access_key",
    "aws_session_token", "aws_security_token", "web_identity_token_file",
    "aws_account_id",    "credential_process", "sso_session",
    "sso_account_id",    "sso_role_name",      "sso_region",
    "sso_start_url",     "login_session",      NULL,
};

/* Can what the current one says be relied on? */
static int check(const struct profile_chain *chain)
{
    int r = profiles_check(chain->c->profiles, PROFILES_PROFILE, current(chain), keys_of_profile,
                           chain->why);
    return r ? PIPEPOLL_ECREDENTIALS : 0;
}

/* --- sources --- */

static bool has_credentials(const struct profile_chain *chain)
{
    return get(chain, "aws_access_key_id").len && get(chain, "aws_secret_access_key").len;
}

/* The older name first, as botocore has it; and only of the file that the credentials are from: the
 * other file's token belongs to other credentials. */
static str token_beside_credentials(const struct profile_chain *chain)
{
    static const char *const names[] = { "aws_security_token", "aws_session_token" };
    str token = { NULL, 0 };
    for (size_t i = 0; i < sizeof names / sizeof *names && !token.len; i++)
        token = profiles_get_beside(chain->c->profiles, PROFILES_PROFILE, current(chain),
                                    str_of(names[i]), STR("aws_access_key_id"));
    return token;
}

static int take_credentials(struct profile_chain *chain)
{
    static const char id[] = "aws_access_key_id", secret[] = "aws_secret_access_key";
    struct chain *out = chain->out;
    out->access_key_id = get(chain, id);
    out->secret_access_key = get(chain, secret);
    if (!out->access_key_id.len && !out->secret_access_key.len)
        return complain(chain, "names itself as its source_profile but has no aws_access_key_id");
    if (!out->access_key_id.len || !out->secret_access_key.len)
        return complain(chain, "has %s but no %s: it takes both",
                        out->access_key_id.len ? id : secret, out->access_key_id.len ? secret : id);
    out->source = SOURCE_FIXED;
    out->session_token = token_beside_credentials(chain);
    out->account_id = get(chain, "aws_account_id");
    out->may_change = true;
    return 0;
}

static int read_role(struct profile_chain *chain, struct role *out)
{
    *out = (struct role) {
        .arn = get(chain, "role_arn"),
        .session_name = get(chain, "role_session_name"),
        .external_id = get(chain, "external_id"),
    };
    if (get(chain, "mfa_serial").len)
        return complain(chain, "has mfa_serial: its role needs a code that a person types, and "
                               "nobody is there: use a role without it");
    str duration = get(chain, "duration_seconds");
    for (size_t i = 0; i < duration.len; i++) {
        if (!ascii_is_digit(duration.ptr[i]) || i > 5)
            return complain(chain, "has duration_seconds = %.*s, which is no number of seconds",
                            STR_ARG(duration));
        out->duration_s = out->duration_s * 10 + (uint32_t)(duration.ptr[i] - '0');
    }
    return 0;
}

static int check_role(const struct profile_chain *chain, const struct role *role, str profile)
{
    char subject[128];
    snprintf(subject, sizeof subject, "profile \"%.*s\": ", STR_ARG(profile));
    const struct role_words words = {
        .subject = subject,
        .arn = "role_arn",
        .session_name = "role_session_name",
        .external_id = "external_id",
        .duration = "duration_seconds",
    };
    return role_explain(role, &words, PIPEPOLL_ECREDENTIALS, chain->why);
}

static int take_web_identity(struct profile_chain *chain)
{
    struct chain *out = chain->out;
    if (!get(chain, "role_arn").len)
        return complain(chain, "has web_identity_token_file but no role_arn: it takes both");
    out->source = SOURCE_WEB_IDENTITY;
    out->token_file = get(chain, "web_identity_token_file");
    int r = read_role(chain, &out->web_identity);
    out->web_identity.external_id = (str) { NULL, 0 }; /* AssumeRoleWithWebIdentity has none */
    out->account_id = role_account(out->web_identity.arn);
    return r ? r : check_role(chain, &out->web_identity, current(chain));
}

/* What the sso-session section says, which the profile may repeat but not contradict. */
static int read_sso_session(struct profile_chain *chain)
{
    struct chain *out = chain->out;
    const struct profiles *p = chain->c->profiles;
    str *const values[] = { &out->sso_region, &out->sso_start_url };
    static const char *const keys[] = { "sso_region", "sso_start_url", NULL };
    char doubt[400];
    if (profiles_check(p, PROFILES_SSO_SESSION, out->sso_session, keys, chain->why))
        return PIPEPOLL_ECREDENTIALS;
    if (!profiles_has(p, PROFILES_SSO_SESSION, out->sso_session))
        return complain(chain,
                        "says sso_session = %.*s, but there is no [sso-session %.*s] in %s%s",
                        STR_ARG(out->sso_session), STR_ARG(out->sso_session),
                        profiles_paths(p)->config, profiles_doubt(p, doubt, sizeof doubt));
    for (size_t i = 0; i < 2; i++) {
        str own = *values[i];
        *values[i] = profiles_get(p, PROFILES_SSO_SESSION, out->sso_session, str_of(keys[i]));
        if (own.len && !str_eq(own, *values[i]))
            return complain(chain, "and [sso-session %.*s] differ in %s: leave it to the session",
                            STR_ARG(out->sso_session), keys[i]);
    }
    return 0;
}

static int take_sso(struct profile_chain *chain)
{
    struct chain *out = chain->out;
    out->source = SOURCE_SSO;
    out->sso_session = get(chain, "sso_session");
    out->sso_region = get(chain, "sso_region");
    out->sso_start_url = get(chain, "sso_start_url");
    out->sso_account_id = out->account_id = get(chain, "sso_account_id");
    out->sso_role_name = get(chain, "sso_role_name");
    int r = out->sso_session.len ? read_sso_session(chain) : 0;
    if (r)
        return r;
    if (!out->sso_account_id.len && !out->sso_role_name.len)
        return complain(chain,
                        "gives an access token of IAM Identity Center, which signs no calls: "
                        "add sso_account_id and sso_role_name");
    if (!out->sso_account_id.len || !out->sso_role_name.len)
        return complain(chain, "has %s but no %s: it takes both",
                        out->sso_account_id.len ? "sso_account_id" : "sso_role_name",
                        out->sso_account_id.len ? "sso_role_name" : "sso_account_id");
    if (!out->sso_region.len || !out->sso_start_url.len)
        return complain(chain, "or its sso-session lacks %s: `aws configure sso` sets it up",
                        out->sso_region.len ? "sso_start_url" : "sso_region");
    return 0;
}

static int take_process(struct profile_chain *chain)
{
    chain->out->source = SOURCE_PROCESS;
    chain->out->process = get(chain, "credential_process");
    chain->out->account_id = get(chain, "aws_account_id");
    return 0;
}

static int take_credential_source(struct profile_chain *chain)
{
    static const struct {
        const char *name, *cause;
        source_look *look;
    } sources[] = {
        { "Environment", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
          source_environment },
        { "Ec2InstanceMetadata", "AWS_EC2_METADATA_DISABLED is true", metadata_imds },
        { "EcsContainer",
          "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor _FULL_URI is set: this is no "
          "container of ECS or EKS",
          metadata_container },
    };
    str name = get(chain, "credential_source");
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (!str_eq_nocase(name, str_of(sources[i].name)))
            continue;
        int r = sources[i].look(chain->out, chain->c, chain->why);
        return r != SOURCE_NOT_CONFIGURED ? r
                                          : complain(chain, "has credential_source = %s, but %s",
                                                     sources[i].name, sources[i].cause);
    }
    return complain(chain,
                    "has credential_source = %.*s: it is one of Environment, "
                    "Ec2InstanceMetadata and EcsContainer",
                    STR_ARG(name));
}

/* The AWS CLI's order: access keys of the credentials file, the program, access keys of the config
 * file. */
static bool has_credentials_before_process(const struct profile_chain *chain)
{
    return !get(chain, "credential_process").len ||
           profiles_is_in_credentials(chain->c->profiles, PROFILES_PROFILE, current(chain),
                                      STR("aws_access_key_id"));
}

static int take_source(struct profile_chain *chain)
{
    char doubt[400];
    if (get(chain, "web_identity_token_file").len)
        return take_web_identity(chain);
    if (get(chain, "sso_account_id").len || get(chain, "sso_role_name").len)
        return take_sso(chain);
    if ((get(chain, "aws_access_key_id").len || get(chain, "aws_secret_access_key").len) &&
        has_credentials_before_process(chain))
        return take_credentials(chain);
    if (get(chain, "credential_process").len)
        return take_process(chain);
    if (get(chain, "credential_source").len)
        return take_credential_source(chain);
    if (get(chain, "sso_session").len || get(chain, "sso_start_url").len)
        return take_sso(chain); /* which says what is missing */
    if (get(chain, "login_session").len)
        return complain(chain,
                        "has login_session, the log-in of a person, which a program that runs "
                        "unattended cannot refresh: use a role, or IAM Identity Center");
    if (chain->count == 1)
        return SOURCE_NOT_CONFIGURED;
    return complain(chain,
                    "has no credentials, but profile \"%.*s\" names it as its source_profile%s",
                    STR_ARG(chain->names[chain->count - 2]),
                    profiles_doubt(chain->c->profiles, doubt, sizeof doubt));
}

/* --- the way down --- */

/* Step down to the profile that the current one names. Each step has noted a role, so there is room
 * for the name. */
static int descend(struct profile_chain *chain, str source)
{
    char text[sizeof chain->why->text];
    if (!profiles_has(chain->c->profiles, PROFILES_PROFILE, source))
        return complain(chain, "has source_profile = %.*s, which %s", STR_ARG(source),
                        profiles_explain_missing(chain->c->profiles, source, text, sizeof text));
    for (size_t i = 0; i < chain->count; i++)
        if (str_eq(chain->names[i], source))
            return complain(chain,
                            "has source_profile = %.*s, which leads back to it: a circle without "
                            "credentials",
                            STR_ARG(source));
    chain->names[chain->count++] = source;
    return check(chain);
}

static bool is_step(const struct profile_chain *chain)
{
    return get(chain, "role_arn").len && !get(chain, "web_identity_token_file").len &&
           !(chain->count > 1 && has_credentials(chain));
}

bool profile_chain_is_role(const struct configured *c)
{
    return is_step(&(struct profile_chain) { .c = c, .names = { c->profile }, .count = 1 });
}

/* Note the role of the current profile, and go to where its credentials come from. *ended: that was
 * the source. */
static int step(struct profile_chain *chain, bool *ended)
{
    str source = get(chain, "source_profile");
    bool named = get(chain, "credential_source").len > 0;
    if (source.len && named)
        return complain(chain, "has both source_profile and credential_source: "
                               "the credentials for its role can come from one of them only");
    if (!source.len && !named)
        return complain(chain, "has role_arn, but neither source_profile nor credential_source "
                               "says whose credentials assume the role");
    if (chain->out->role_count == CHAIN_ROLES_MAX)
        return complain(chain, "is the end of a chain of more than %d roles", CHAIN_ROLES_MAX);
    int r = read_role(chain, &chain->out->roles[chain->out->role_count]);
    if (r)
        return r;
    chain->out->role_count++;
    *ended = named || str_eq(source, current(chain));
    if (named)
        return take_credential_source(chain);
    return *ended ? take_credentials(chain) : descend(chain, source);
}

/* They were noted on the way down, and are assumed on the way up. */
static int turn_roles(struct profile_chain *chain)
{
    struct chain *out = chain->out;
    int r = 0;
    for (size_t i = 0; !r && i < out->role_count; i++)
        r = check_role(chain, &out->roles[i], chain->names[i]);
    for (size_t i = 0; i < out->role_count / 2; i++) {
        struct role upper = out->roles[i];
        out->roles[i] = out->roles[out->role_count - 1 - i];
        out->roles[out->role_count - 1 - i] = upper;
    }
    return r;
}

int profile_chain_follow(struct chain *out, const struct configured *c, struct pipepoll_error *why)
{
    struct profile_chain chain = {
        .out = out, .c = c, .why = why, .names = { c->profile }, .count = 1
    };
    int r = check(&chain);
    if (!r && !profiles_has(c->profiles, PROFILES_PROFILE, c->profile))
        return SOURCE_NOT_CONFIGURED;
    bool ended = false;
    while (!r && !ended && is_step(&chain))
        r = step(&chain, &ended);
    if (!r && !ended)
        r = take_source(&chain);
    if (r)
        return r;
    out->profile = c->profile;
    out->base_profile = current(&chain);
    return turn_roles(&chain);
}

/* SPDX-License-Identifier: MIT */
/* Credentials of the environment are taken as they are. Of a web identity the AWS CLI takes each
 * value from the environment, else from the profile: a pod's variables may meet a profile that
 * knows the role. */
#include "credentials/source.h"

#include "base/log.h"

int source_environment(struct chain *out, const struct configured *c, struct pipepoll_error *why)
{
    struct credentials_text text;
    if (!credentials_config_read_environment(&text, c->environment, NULL)) {
        if (!text.access_key_id.len && !text.secret_access_key.len)
            return SOURCE_NOT_CONFIGURED;
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "the environment has %s but not %s: set both, or neither",
                       text.access_key_id.len ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                       text.access_key_id.len ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    }
    out->source = SOURCE_FIXED;
    out->access_key_id = text.access_key_id;
    out->secret_access_key = text.secret_access_key;
    out->session_token = text.session_token;
    out->account_id = text.account_id;
    return credentials_config_read_expiry(&out->expires_s, c->environment, why);
}

/* The variable, else the profile's key; *by_variable is set with the former. */
static str of_either(const struct configured *c, const char *variable, const char *key,
                     bool *by_variable)
{
    str value = environment_get(c->environment, variable);
    *by_variable |= value.len > 0;
    return value.len ? value : configured_key(c, key);
}

int source_web_identity(struct chain *out, const struct configured *c, struct pipepoll_error *why)
{
    static const struct role_words words = {
        .subject = "",
        .arn = "AWS_ROLE_ARN",
        .session_name = "AWS_ROLE_SESSION_NAME",
        .external_id = "",
        .duration = "",
    };
    bool ours = false;
    str token_file = of_either(c, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file", &ours);
    const struct role role = {
        .arn = of_either(c, "AWS_ROLE_ARN", "role_arn", &ours),
        .session_name = of_either(c, "AWS_ROLE_SESSION_NAME", "role_session_name", &ours),
    };
    if (!token_file.len || !ours)
        return SOURCE_NOT_CONFIGURED; /* the role by itself has other uses */
    if (!role.arn.len)
        return explain(why, PIPEPOLL_ECREDENTIALS,
                       "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not: set both, or "
                       "neither");
    out->token_file = token_file;
    out->web_identity = role;
    out->source = SOURCE_WEB_IDENTITY;
    out->account_id = role_account(out->web_identity.arn);
    return role_explain(&out->web_identity, &words, PIPEPOLL_ECREDENTIALS, why);
}

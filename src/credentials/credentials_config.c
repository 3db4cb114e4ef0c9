/* SPDX-License-Identifier: MIT */
/* A configuration never changes: another role on top makes another one, with copies of what was
 * below. */
#include "credentials/credentials_config.h"

#include <stdlib.h>

#include "aws/timestamp.h"
#include "base/log.h"
#include "base/sized.h"
#include "base/table.h"

/* --- made --- */

static size_t text_size(const struct credentials_config *config)
{
    size_t size = config->profile.len;
    for (size_t i = 0; i < config->role_count; i++)
        size += config->roles[i].arn.len + config->roles[i].session_name.len +
                config->roles[i].external_id.len;
    return size;
}

/* A copy of w, whose fixed credentials get one more reference. */
static int make(struct pipepoll_credentials **out, const struct credentials_config *config,
                struct pipepoll_error *why)
{
    struct pipepoll_credentials *c = calloc(1, sizeof *c + text_size(config));
    if (!c)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    char *at = c->text;
    c->refs = 1;
    c->config = *config;
    credentials_ref(config->fixed);
    c->config.profile = str_keep(&at, config->profile);
    for (size_t i = 0; i < config->role_count; i++) {
        struct role *r = &c->config.roles[i];
        r->arn = str_keep(&at, r->arn);
        r->session_name = str_keep(&at, r->session_name);
        r->external_id = str_keep(&at, r->external_id);
    }
    *out = c;
    return 0;
}

static int make_fixed(struct pipepoll_credentials **out, enum credentials_config_kind kind,
                      const struct credentials_text *text, uint64_t expires_s,
                      struct pipepoll_error *why)
{
    struct credentials_config config = { .kind = kind };
    int r = credentials_new(&config.fixed, &(struct alloc) { 0 }, text, expires_s);
    if (r == PIPEPOLL_EINVAL)
        return explain(why, r, "the %s credentials %s",
                       kind == CREDENTIALS_CONFIG_FIXED ? "static" : "environment",
                       credentials_problem(text));
    if (r)
        return explain(why, r, "out of memory");
    r = make(out, &config, why);
    credentials_unref(config.fixed);
    return r;
}

int pipepoll_credentials_static(struct pipepoll_credentials **out, str access_key_id,
                                str secret_access_key, str session_token,
                                struct pipepoll_error *why)
{
    const struct credentials_text text = {
        .access_key_id = access_key_id,
        .secret_access_key = secret_access_key,
        .session_token = session_token,
    };
    return make_fixed(out, CREDENTIALS_CONFIG_FIXED, &text, UINT64_MAX, why);
}

bool credentials_config_read_environment(struct credentials_text *out, const struct environment *e,
                                         struct pipepoll_error *why)
{
    *out = (struct credentials_text) {
        .access_key_id = environment_get(e, "AWS_ACCESS_KEY_ID"),
        .secret_access_key = environment_get(e, "AWS_SECRET_ACCESS_KEY"),
        .session_token = environment_get(e, "AWS_SECURITY_TOKEN"), /* first, as botocore has it */
        .account_id = environment_get(e, "AWS_ACCOUNT_ID"),
    };
    if (!out->session_token.len)
        out->session_token = environment_get(e, "AWS_SESSION_TOKEN");
    if (out->access_key_id.len && out->secret_access_key.len)
        return true;
    explain(why, PIPEPOLL_ECREDENTIALS, "no credentials: %s is not set in the environment",
            out->access_key_id.len ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    return false;
}

/* Who sets it means it: a time that is not understood is an error, not "for ever". */
int credentials_config_read_expiry(int64_t *out, const struct environment *e,
                                   struct pipepoll_error *why)
{
    str text = str_trim(environment_get(e, "AWS_CREDENTIAL_EXPIRATION"));
    *out = 0;
    if (!text.len || timestamp_iso8601(text, out))
        return 0;
    return explain(why, PIPEPOLL_ECREDENTIALS,
                   "AWS_CREDENTIAL_EXPIRATION \"%.*s\" is not a time such as 2026-11-22T01:02:03Z",
                   STR_ARG(text));
}

int pipepoll_credentials_environment(struct pipepoll_credentials **out, struct pipepoll_error *why)
{
    const struct environment e = { 0 };
    struct credentials_text text;
    int64_t expires_s;
    if (!credentials_config_read_environment(&text, &e, why) ||
        credentials_config_read_expiry(&expires_s, &e, why))
        return PIPEPOLL_ECREDENTIALS;
    return make_fixed(out, CREDENTIALS_CONFIG_ENVIRONMENT, &text,
                      expires_s ? (uint64_t)expires_s : UINT64_MAX, why);
}

int pipepoll_credentials_anonymous(struct pipepoll_credentials **out, struct pipepoll_error *why)
{
    return make(out, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_ANONYMOUS }, why);
}

int pipepoll_credentials_default(struct pipepoll_credentials **out, struct pipepoll_error *why)
{
    return make(out, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_DEFAULT }, why);
}

int pipepoll_credentials_profile(struct pipepoll_credentials **out, str name,
                                 struct pipepoll_error *why)
{
    if (!name.len)
        return explain(why, PIPEPOLL_EINVAL, "the name of the profile is empty");
    return make(
        out, &(struct credentials_config) { .kind = CREDENTIALS_CONFIG_PROFILE, .profile = name },
        why);
}

/* --- a role on top --- */

static int add_role(struct credentials_config *config, const struct role *role,
                    struct pipepoll_error *why)
{
    static const struct role_words words = { "", "arn", "session_name", "external_id",
                                             "duration_s" };
    int r = role_explain(role, &words, PIPEPOLL_EINVAL, why);
    if (r)
        return r;
    if (config->role_count == CREDENTIALS_CONFIG_ROLES_MAX)
        return explain(why, PIPEPOLL_EINVAL, "more than %d roles one upon the other",
                       CREDENTIALS_CONFIG_ROLES_MAX);
    if (config->role_count && role->duration_s > ROLE_CHAINED_DURATION_S)
        return explain(why, PIPEPOLL_EINVAL,
                       "duration_s %u is more than the %d that AWS allows for a role assumed with "
                       "the credentials of another role",
                       role->duration_s, ROLE_CHAINED_DURATION_S);
    config->roles[config->role_count++] = *role;
    return 0;
}

int pipepoll_credentials_role(struct pipepoll_credentials **out,
                              struct pipepoll_credentials *source, const struct pipepoll_role *role,
                              struct pipepoll_error *why)
{
    struct pipepoll_role given;
    int r = sized_read(&given, sizeof given, role, "role", why);
    if (r)
        return r;
    struct credentials_config config = { .kind = CREDENTIALS_CONFIG_DEFAULT };
    if (source)
        config = source->config;
    if (config.kind == CREDENTIALS_CONFIG_ANONYMOUS)
        return explain(why, PIPEPOLL_EINVAL,
                       "anonymous credentials sign nothing, so they assume "
                       "no role");
    const struct role added = {
        .arn = given.arn,
        .session_name = given.session_name,
        .external_id = given.external_id,
        .duration_s = given.duration_s,
    };
    r = add_role(&config, &added, why);
    return r ? r : make(out, &config, why);
}

/* --- shared --- */

struct pipepoll_credentials *pipepoll_credentials_ref(struct pipepoll_credentials *c)
{
    if (c)
        c->refs++;
    return c;
}

struct pipepoll_credentials *pipepoll_credentials_unref(struct pipepoll_credentials *c)
{
    if (!c || --c->refs)
        return NULL;
    credentials_unref(c->config.fixed);
    free(c);
    return NULL;
}

static bool same_credentials(const struct credentials *a, const struct credentials *b)
{
    if (!a || !b)
        return a == b;
    return str_eq(a->access_key_id, b->access_key_id) &&
           str_eq(a->secret_access_key, b->secret_access_key) &&
           str_eq(a->session_token, b->session_token);
}

bool credentials_config_eq(const struct credentials_config *a, const struct credentials_config *b)
{
    if (a->kind != b->kind || a->role_count != b->role_count ||
        !same_credentials(a->fixed, b->fixed) || !str_eq(a->profile, b->profile))
        return false;
    for (size_t i = 0; i < a->role_count; i++)
        if (!role_eq(&a->roles[i], &b->roles[i]))
            return false;
    return true;
}

static uint64_t role_hash(uint64_t hash, const struct role *r)
{
    str duration = { (const char *)&r->duration_s, sizeof r->duration_s };
    hash = table_hash(table_hash(hash, r->arn), r->session_name);
    return table_hash(table_hash(hash, r->external_id), duration);
}

/* Without the secret: the key's id and the token tell sets apart well enough. */
uint64_t credentials_config_hash(uint64_t seed, const struct credentials_config *config)
{
    str kind = { (const char *)&config->kind, sizeof config->kind };
    uint64_t hash = table_hash(table_hash(seed, kind), config->profile);
    if (config->fixed)
        hash = table_hash(table_hash(hash, config->fixed->access_key_id),
                          config->fixed->session_token);
    for (size_t i = 0; i < config->role_count; i++)
        hash = role_hash(hash, &config->roles[i]);
    return hash;
}

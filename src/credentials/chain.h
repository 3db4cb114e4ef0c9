/* SPDX-License-Identifier: MIT */
/* How to get the credentials that a configuration asks for: one source, then roles assumed one with
 * the credentials of the other. Decided from the environment and the shared files alone, before
 * anything is fetched, by the default chain documented at pipepoll_credentials_default(): what is
 * not configured is passed over, what is configured but broken is an error. Pure. */
#ifndef CREDENTIALS_CHAIN_H
#define CREDENTIALS_CHAIN_H

#include "credentials/credentials_config.h"
#include "credentials/profiles.h"

enum source {
    SOURCE_NONE,         /* no credentials: nothing is signed */
    SOURCE_FIXED,        /* credentials in hand: given, from the environment or from a profile */
    SOURCE_WEB_IDENTITY, /* STS AssumeRoleWithWebIdentity, by a token in a file */
    SOURCE_SSO,          /* IAM Identity Center, by the token that `aws sso login` left */
    SOURCE_PROCESS,      /* the output of a program */
    SOURCE_CONTAINER,    /* ECS, EKS Pod Identity */
    SOURCE_IMDS          /* EC2 instance metadata, version 2 */
};

enum { CHAIN_ROLES_MAX = 8, CHAIN_LABEL_SIZE = 256 };

/* Positive: for the direct caller. */
enum { CHAIN_NEED_FILES = 1 };

/* All slices lie in the configuration, the environment or the profiles, which must outlive it, or
 * in the chain itself, which must not be moved. */
struct chain {
    enum source source;
    str access_key_id, secret_access_key, session_token; /* FIXED */
    /* Whose the source's credentials are, as far as that is known before they come: FIXED and
     * PROCESS as configured, SSO, WEB_IDENTITY; empty: unknown. Of roles: role_account(). */
    str account_id;
    int64_t expires_s;        /* FIXED: Unix time, as AWS_CREDENTIAL_EXPIRATION says; 0: never */
    bool may_change;          /* FIXED: from a file, where others may stand the next time */
    struct role web_identity; /* WEB_IDENTITY */
    str token_file;           /* WEB_IDENTITY */
    str sso_region, sso_start_url, sso_session, sso_account_id, sso_role_name; /* SSO */
    str process;       /* PROCESS: the command line */
    str container_url; /* CONTAINER: whole; its host passed the rules */
    str container_token, container_token_file;
    str imds_url; /* IMDS: such as http://169.254.169.254, without a '/' at the end */
    uint32_t imds_timeout_ms, imds_attempts;
    bool imds_v1;                       /* ask without a token where none is given */
    struct role roles[CHAIN_ROLES_MAX]; /* from the source's credentials on */
    size_t role_count;
    /* For roles and WEB_IDENTITY. sts_regional_endpoints is not asked: STS is called in a region,
     * this one or, where it is empty, one that the role and the targets name. */
    str sts_region, sts_endpoint_url;
    str sso_endpoint_url, sso_oidc_endpoint_url;
    bool fips, dualstack;
    str profile;      /* that the way led through; empty: none */
    str base_profile; /* where the source was found: the same, or the last source_profile */
    /* CONTAINER and IMDS, when the chain came to them: what may have hidden a better source, for
     * the error when they fail; such as " (PATH cannot be read: Permission denied)", or empty. */
    char doubt[400];
    char path[2048];              /* of the token file, expanded */
    char composed[512];           /* for texts put together here, such as container_url */
    char label[CHAIN_LABEL_SIZE]; /* for people: "profile acme, role arn:..., from SSO" */
};

/* profiles NULL: they were not read yet; CHAIN_NEED_FILES when the answer depends on them.
 * PIPEPOLL_ECREDENTIALS: nothing is configured, or what is configured is broken; why names the
 * file, the profile and the key, or the variable. */
int chain_resolve(struct chain *out, const struct credentials_config *config,
                  const struct environment *e, const struct profiles *profiles,
                  struct pipepoll_error *why);

/* Can the credentials come, as far as the environment and the files tell? 0: they may, or nothing
 * is configured. PIPEPOLL_EINVAL: the environment is broken, which no file mends.
 * PIPEPOLL_ECREDENTIALS: a file must change first. why as above. */
int chain_check(const struct credentials_config *config, const struct environment *e,
                const struct profiles *profiles, struct pipepoll_error *why);

#endif

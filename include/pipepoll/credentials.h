/* SPDX-License-Identifier: MIT
 *
 * Whose credentials to use. A poller gets them, on its own loop and transport and without blocking,
 * when it opens or when you add a target that names them. It refreshes them 15 minutes (with some
 * jitter) before they expire, keeps the old ones while that fails and they are good, and fetches
 * new ones when the service refuses them. While credentials are missing or refused, it looks every
 * second, by stat(), at the files they come from (the shared files, a token's), and reads changed
 * ones again; it asks any other source once a minute at most. New credentials wake the targets that
 * failed with the old ones. Equal credentials share an identity. You may give them to several
 * pollers of one thread. All copies of credentials are wiped when they are released. */
#ifndef PIPEPOLL_CREDENTIALS_H
#define PIPEPOLL_CREDENTIALS_H

#include <stdint.h>

#include "pipepoll/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pipepoll_credentials; /* whose credentials to sign with, shared by reference count */

/* Fixed credentials. session_token may be empty. EINVAL: an empty key id or secret, one with a
 * control character, or a session_token of more than 16 KiB. ENOMEM. */
PIPEPOLL_API int pipepoll_credentials_static(struct pipepoll_credentials **out,
                                             struct pipepoll_str access_key_id,
                                             struct pipepoll_str secret_access_key,
                                             struct pipepoll_str session_token,
                                             struct pipepoll_error *why);

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SECURITY_TOKEN or AWS_SESSION_TOKEN, and
 * AWS_CREDENTIAL_EXPIRATION, read now; a blank one counts as unset. ECREDENTIALS: the key id or the
 * secret is not set, or the expiration is not a time. EINVAL, ENOMEM as above. */
PIPEPOLL_API int pipepoll_credentials_environment(struct pipepoll_credentials **out,
                                                  struct pipepoll_error *why);

/* None: polls are not signed, as with `aws --no-sign-request`; AWS refuses such polls. For test
 * services that know no credentials. ENOMEM. */
PIPEPOLL_API int pipepoll_credentials_anonymous(struct pipepoll_credentials **out,
                                                struct pipepoll_error *why);

/* The default chain: what the AWS CLI would use on this machine. It uses the first of these that is
 * configured, and it is an error if that one is broken:
 *  1. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with AWS_SESSION_TOKEN or AWS_SECURITY_TOKEN
 *     (the older name wins) and AWS_CREDENTIAL_EXPIRATION;
 *  2. a role (source_profile, credential_source) of the profile AWS_PROFILE, else
 *     AWS_DEFAULT_PROFILE, else "default", of AWS_CONFIG_FILE (~/.aws/config) and
 *     AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials);
 *  3. AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN;
 *  4. what else that profile has: a web identity, IAM Identity Center (as `aws sso login` left it;
 *     the refresh token refreshes its token, which is written back), access keys of the
 *     credentials file, credential_process, access keys of the config file;
 *  5. a container's: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI (ECS, EKS Pod Identity);
 *  6. EC2 instance metadata, unless AWS_EC2_METADATA_DISABLED: version 2, and version 1 only where
 *     AWS_EC2_METADATA_V1_DISABLED=false allows it.
 * A file or line that cannot be read or understood matters only when something in it is needed: it
 * is then reported. ENOMEM. */
PIPEPOLL_API int pipepoll_credentials_default(struct pipepoll_credentials **out,
                                              struct pipepoll_error *why);

/* A profile of the shared files, and nothing else. EINVAL: an empty name. ENOMEM. */
PIPEPOLL_API int pipepoll_credentials_profile(struct pipepoll_credentials **out,
                                              struct pipepoll_str name, struct pipepoll_error *why);

/* A role to assume (STS AssumeRole) with the credentials of `source` (NULL: the default chain). The
 * role references its source. */
struct pipepoll_role {
    size_t size;                      /* set by PIPEPOLL_ROLE_INIT; see "What may grow" */
    uint32_t duration_s;              /* 900 to 43200; 0: 3600 */
    struct pipepoll_str arn;          /* arn:aws:iam::123456789012:role/Name */
    struct pipepoll_str session_name; /* 2 to 64 of [A-Za-z0-9+=,.@_-]; empty: pipepoll-TIME */
    struct pipepoll_str external_id;  /* empty: none */
};
#define PIPEPOLL_ROLE_INIT PIPEPOLL_INIT(pipepoll_role)
/* EINVAL: not a role's ARN, a member out of range, an anonymous source, or more than 4 roles on top
 * of one another. ENOMEM. */
PIPEPOLL_API int pipepoll_credentials_role(struct pipepoll_credentials **out,
                                           struct pipepoll_credentials *source,
                                           const struct pipepoll_role *role,
                                           struct pipepoll_error *why);

/* Add or drop a reference; both accept NULL. The poller holds its own. unref returns NULL. */
PIPEPOLL_API struct pipepoll_credentials *pipepoll_credentials_ref(struct pipepoll_credentials *c);
PIPEPOLL_API struct pipepoll_credentials *pipepoll_credentials_unref(
    struct pipepoll_credentials *c);

#ifdef __cplusplus
}
#endif

#endif

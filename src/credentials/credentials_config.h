/* SPDX-License-Identifier: MIT */
/* Whose credentials are wanted, as the embedder said it: a description without any state, shared by
 * reference count between pollers of one thread. How to get them is chain's, getting them fetch's,
 * keeping them fresh identity's. */
#ifndef CREDENTIALS_CREDENTIALS_CONFIG_H
#define CREDENTIALS_CREDENTIALS_CONFIG_H

#include "aws/credentials.h"
#include "base/environment.h"
#include "credentials/role.h"

enum credentials_config_kind {
    CREDENTIALS_CONFIG_ANONYMOUS,   /* none: calls go unsigned */
    CREDENTIALS_CONFIG_FIXED,       /* the set in `fixed` */
    CREDENTIALS_CONFIG_ENVIRONMENT, /* AWS_ACCESS_KEY_ID and its fellows, and nothing else */
    CREDENTIALS_CONFIG_DEFAULT,     /* the default chain */
    CREDENTIALS_CONFIG_PROFILE      /* a profile of the shared files */
};

enum { CREDENTIALS_CONFIG_ROLES_MAX = 4 };

struct credentials_config {
    enum credentials_config_kind kind;
    struct credentials *fixed; /* FIXED; ENVIRONMENT: as it was read, NULL: read it when needed */
    str profile;               /* PROFILE */
    struct role roles[CREDENTIALS_CONFIG_ROLES_MAX]; /* assumed on top, in order */
    size_t role_count;
};

struct pipepoll_credentials {
    unsigned refs;
    struct credentials_config config; /* its slices lie in text */
    char text[];
};

/* The credentials that the environment holds, as slices of it. false, with an error of
 * PIPEPOLL_ECREDENTIALS in why: one of the two variables is not set. */
bool credentials_config_read_environment(struct credentials_text *out, const struct environment *e,
                                         struct pipepoll_error *why);

/* When these end, as AWS_CREDENTIAL_EXPIRATION says: Unix time, 0 when it is not set.
 * PIPEPOLL_ECREDENTIALS: it is no time. */
int credentials_config_read_expiry(int64_t *out, const struct environment *e,
                                   struct pipepoll_error *why);

/* Do both mean the same credentials? Then they can share an identity. */
bool credentials_config_eq(const struct credentials_config *a, const struct credentials_config *b);
/* Equal ones have the same; keyed, for a table. */
uint64_t credentials_config_hash(uint64_t seed, const struct credentials_config *config);

#endif

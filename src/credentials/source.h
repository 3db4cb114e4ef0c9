/* SPDX-License-Identifier: MIT */
/* What fills in its part of a chain when it is configured, and the two sources that are variables
 * of the environment and no more. Pure. */
#ifndef CREDENTIALS_SOURCE_H
#define CREDENTIALS_SOURCE_H

#include "credentials/chain.h"
#include "credentials/configured.h"

/* Positive: for the direct caller, who asks the next one. */
enum { SOURCE_NOT_CONFIGURED = 2 };

/* Each returns 0, SOURCE_NOT_CONFIGURED, or PIPEPOLL_ECREDENTIALS: configured, and broken. */
typedef int source_look(struct chain *out, const struct configured *c, struct pipepoll_error *why);

source_look source_environment; /* AWS_ACCESS_KEY_ID and its fellows */
/* AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME, each of them else from
 * the profile, when at least one is set. */
source_look source_web_identity;

#endif

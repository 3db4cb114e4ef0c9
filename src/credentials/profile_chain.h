/* SPDX-License-Identifier: MIT */
/* A profile, and those it names as its source_profile, down to one that has a source of its own.
 * Pure. */
#ifndef CREDENTIALS_PROFILE_CHAIN_H
#define CREDENTIALS_PROFILE_CHAIN_H

#include "credentials/source.h"

/* Fill in source and roles from c->profile on. SOURCE_NOT_CONFIGURED: the profile is not there, or
 * says nothing of credentials. */
source_look profile_chain_follow;

/* Is it a role that another profile's or service's credentials assume? */
bool profile_chain_is_role(const struct configured *c);

#endif

/* SPDX-License-Identifier: MIT */
/* Whose credentials a target is polled with, as a config file or a flag names them. */
#ifndef CONFIG_IDENTITY_CONFIG_H
#define CONFIG_IDENTITY_CONFIG_H

#include "base/buf.h"

/* All empty: the default chain. Slices are borrowed. */
struct identity_config {
    str profile;                        /* empty: the default chain */
    str role_arn;                       /* to assume with these; empty: none */
    str external_id, role_session_name; /* of the role */
};

enum { IDENTITY_CONFIG_NAME_MAX = 160 };

/* See base/order.h: 0 for those that mean the same credentials. */
int identity_config_compare(const struct identity_config *a, const struct identity_config *b);

/* For people: "default", "profile acme", "role 123456789012/Poller by profile acme". At most
 * IDENTITY_CONFIG_NAME_MAX bytes, cut. */
void identity_config_put(struct buf *out, const struct identity_config *id);

/* Ask for these credentials: a reference of the caller's. EINVAL: a member that is none; ENOMEM. */
int identity_config_credentials(struct pipepoll_credentials **out, const struct identity_config *id,
                                struct pipepoll_error *why);

#endif

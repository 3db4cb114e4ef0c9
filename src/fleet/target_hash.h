/* SPDX-License-Identifier: MIT */
/* What a target is, as 64 bits: the name by which the members of a fleet speak of it. It is the
 * same on every machine, for every version of the program, whatever the target is called in a
 * config file and however often it is polled. Pure. */
#ifndef FLEET_TARGET_HASH_H
#define FLEET_TARGET_HASH_H

#include <stdint.h>

#include "base/str.h"

struct target_hash_of {
    str region;
    struct pipepoll_action_type action_type;
    str endpoint_url; /* as calls go there; empty: the region's own */
    struct pipepoll_query_param query_param;
    /* Whose credentials: as the config names them, all empty for the default chain. */
    str profile, role_arn, external_id;
};

/* Never 0. Two targets of a config with the same hash are the same target. */
uint64_t target_hash(const struct target_hash_of *target);

#endif

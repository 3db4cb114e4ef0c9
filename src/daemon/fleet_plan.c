/* SPDX-License-Identifier: MIT */
/* The words of the config, not what they became: two machines that find the endpoint or the
 * credentials in other ways still mean one target. */
#include "daemon/fleet_plan.h"

#include "fleet/target_hash.h"

uint64_t fleet_plan_hash(const struct plan_target *t)
{
    const struct pipepoll_target_options *o = &t->options;
    const struct target_hash_of of = { .region = o->region,
                                       .action_type = o->action_type,
                                       .endpoint_url = o->endpoint_url,
                                       .query_param = o->query_param,
                                       .profile = t->identity.profile,
                                       .role_arn = t->identity.role_arn,
                                       .external_id = t->identity.external_id };
    return target_hash(&of);
}

uint64_t fleet_plan_group(const struct plan_target *t)
{
    const struct target_hash_of of = { .region = t->options.region,
                                       .profile = t->identity.profile,
                                       .role_arn = t->identity.role_arn };
    return target_hash(&of);
}

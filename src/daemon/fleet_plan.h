/* SPDX-License-Identifier: MIT */
/* What a target of a plan is to the members of a fleet. */
#ifndef DAEMON_FLEET_PLAN_H
#define DAEMON_FLEET_PLAN_H

#include "config/plan.h"

/* As target_hash(), in the words of the config: the same for every member. */
uint64_t fleet_plan_hash(const struct plan_target *t);
/* The account and region that it is polled in: the same for every target of them. */
uint64_t fleet_plan_group(const struct plan_target *t);

#endif

/* SPDX-License-Identifier: MIT */
/* Would the servers of [fleet] do, each by itself and all together? For `pipepoll doctor`. */
#ifndef CLI_FLEET_CHECK_H
#define CLI_FLEET_CHECK_H

#include "cli/part_finding.h"
#include "config/fleet_config.h"

/* One for each server, then one for what they keep together, if any server let us in. */
struct fleet_check {
    struct part_finding parts[FLEET_SERVERS_MAX + 1];
    size_t count;
};

/* None without a fleet. Blocks, for some seconds for each server that does not answer; changes
 * nothing there. */
void fleet_check(struct fleet_check *out, const struct fleet_config *c);

#endif

/* SPDX-License-Identifier: MIT */
/* Would the files that [fleet] names do, and its servers, each by itself and all together? */
#ifndef CLI_FLEET_CHECK_H
#define CLI_FLEET_CHECK_H

#include "cli/part_finding.h"
#include "config/fleet_config.h"

/* Complain of a file of a login or of TLS that is not what it must be, in the words of `run`.
 * Nothing without a fleet. 0, or PIPEPOLL_EINVAL: it was, or ENOMEM. No server is asked. */
int fleet_check_files(const struct fleet_config *c, struct diagnostics *diagnostics);

/* One for each server, then one for what they keep together, if any server let us in. */
struct fleet_check {
    struct part_finding parts[FLEET_SERVERS_MAX + 1];
    size_t count;
};

/* None without a fleet. Blocks, for some seconds for each server that does not answer; changes
 * nothing there. */
void fleet_check(struct fleet_check *out, const struct fleet_config *c);

#endif

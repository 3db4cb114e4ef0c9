/* SPDX-License-Identifier: MIT */
/* `pipepoll demo --fleet`: the simulated service here, and beside it three NATS servers and three
 * `pipepoll run`, of which each loses one. */
#ifndef SIM_DEMO_FLEET_H
#define SIM_DEMO_FLEET_H

#include "sim/demo_options.h"

/* Returns what to exit with; all was said. */
int demo_fleet(const struct demo_options *o);

#endif

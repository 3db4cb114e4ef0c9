/* SPDX-License-Identifier: MIT */
/* `pipepoll demo --work` and `--crash`: the simulated service here, and beside it `pipepoll run`
 * with a handler, as a child, which works the jobs, and may be killed in the middle. */
#ifndef SIM_DEMO_WORK_H
#define SIM_DEMO_WORK_H

#include "sim/demo_options.h"

/* Returns what to exit with; all was said. */
int demo_work(const struct demo_options *o);

#endif

/* SPDX-License-Identifier: MIT */
/* What the system says of this process. */
#ifndef DAEMON_PROCESS_FIGURES_H
#define DAEMON_PROCESS_FIGURES_H

#include "status/status.h"

/* Reads /proc, which is memory: does not block. What cannot be read stays 0. */
void process_figures_fill(struct status *out);

#endif

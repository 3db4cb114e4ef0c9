/* SPDX-License-Identifier: MIT */
/* A plausible status of a busy process, the same at each run: some targets fail, some are slow,
 * jobs are in hand, and names try to be HTML. */
#ifndef TESTS_LIB_STATUS_WORLD_H
#define TESTS_LIB_STATUS_WORLD_H

#include "status/status.h"

/* Noon of 2026-11-29. */
#define STATUS_WORLD_NOW_MS  INT64_C(1795953600000)
#define STATUS_WORLD_HOSTILE "<script>alert(\"it's in & out\")</script>"

enum { STATUS_WORLD_REGIONS = 25 };

/* Targets of so many providers in so many regions, at most STATUS_WORLD_REGIONS, as of so many
 * seconds after STATUS_WORLD_NOW_MS: counters have grown by then. */
void status_world_fill(struct status *s, size_t providers, size_t regions, unsigned second);

#endif

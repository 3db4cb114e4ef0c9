/* SPDX-License-Identifier: MIT */
/* What a poller is given once: these keys of [pipepoll] are in force as they were at the start,
 * however often the file is read again. */
#ifndef CLI_RUN_FIXED_H
#define CLI_RUN_FIXED_H

#include "base/buf.h"
#include "config/config.h"

enum { RUN_FIXED_KEYS = 9 };

struct run_fixed {
    char *values[RUN_FIXED_KEYS]; /* NULL: no memory, and no change of it is told */
};

void run_fixed_note(struct run_fixed *f, const struct config *at_start);
/* The names of those that are others in c, joined by ", " to what is in out. */
void run_fixed_put_changed(struct buf *out, const struct run_fixed *f, const struct config *c);
void run_fixed_deinit(struct run_fixed *f); /* fine on a zeroed one */

#endif

/* SPDX-License-Identifier: MIT */
/* Keys of [pipepoll], [http] and [fleet] that are in force as they were at the start, however often
 * the file is read again: config/section.h says which they are. */
#ifndef CLI_RUN_FIXED_H
#define CLI_RUN_FIXED_H

#include "base/buf.h"
#include "config/config.h"

struct run_fixed {
    char *values[KEY_COUNT]; /* NULL: none, or no memory, and no change of it is told */
    uint32_t max_attempts;   /* which is a setting, and no key */
    bool wants_token;        /* whose value is reloaded; whether one is needed is not */
};

void run_fixed_note(struct run_fixed *f, const struct config *at_start);
/* The names of those that are others in c, joined by ", " to what is in out. */
void run_fixed_put_changed(struct buf *out, const struct run_fixed *f, const struct config *c);
void run_fixed_deinit(struct run_fixed *f); /* fine on a zeroed one */

#endif

/* SPDX-License-Identifier: MIT */
/* The screen of `pipepoll top`: a model in a window of so many columns and rows. Pure. */
#ifndef CLI_TOP_SCREEN_H
#define CLI_TOP_SCREEN_H

#include "base/buf.h"
#include "cli/top_model.h"

struct top_window {
    size_t columns, rows; /* SIZE_MAX: as many as it takes, for what is no terminal */
    bool coloured;
    size_t page;          /* 0: the overview; from 1 on, pages of all targets */
    str told;             /* instead of the status of before, which is old: why; empty: it is new */
    int64_t told_since_s; /* Unix time: of what age that is */
    const char *keys;     /* a line at the bottom on what keys do; NULL: none */
};

/* Lines with their ends, but for the last one's, and no more than fit. Names show no control
 * character. */
void top_screen_put(struct buf *out, const struct top_model *m, const struct top_window *w);

/* How many pages of targets there are. */
size_t top_screen_pages(const struct top_model *m, const struct top_window *w);

#endif

/* SPDX-License-Identifier: MIT */
/* The command line of `pipepoll top`. */
#ifndef CLI_TOP_OPTIONS_H
#define CLI_TOP_OPTIONS_H

#include "cli/ask_where.h"

struct top_options {
    struct ask_where where;
    uint32_t interval_ms;
    bool once;
};

enum { TOP_FLAG_COUNT = 5 };
extern const struct flag top_flags[TOP_FLAG_COUNT];

/* true: *out is filled. false: *code is what to exit with. */
bool top_options_read(struct top_options *out, struct flags *f, int *code);

#endif

/* SPDX-License-Identifier: MIT */
/* The command line of `pipepoll jobs`. */
#ifndef CLI_JOBS_OPTIONS_H
#define CLI_JOBS_OPTIONS_H

#include "cli/command.h"
#include "cli/jobs_list.h"

struct jobs_options {
    const char *config, *state_dir; /* one of them */
    struct jobs_filter filter;
    bool json;
};

enum { JOBS_FLAG_COUNT = 8 };
extern const struct flag jobs_flags[JOBS_FLAG_COUNT];

/* true: *out is filled. false: *code is what to exit with. */
bool jobs_options_read(struct jobs_options *out, struct flags *f, int *code);

#endif

/* SPDX-License-Identifier: MIT */
/* The command line of `pipepoll run`. */
#ifndef CLI_RUN_OPTIONS_H
#define CLI_RUN_OPTIONS_H

#include "cli/command.h"

struct run_options {
    const char *config;
    bool has_level, has_format, log_json; /* given: they override what the file says */
    enum pipepoll_level level;
    uint32_t loops;
    const char *listen;        /* NULL: as the file says */
    uint32_t drain_timeout_ms; /* 0: as the file says */
    bool print_config;         /* and no more */
};

enum { RUN_FLAG_COUNT = 7 };
extern const struct flag run_flags[RUN_FLAG_COUNT];

/* true: *out is filled. false: *code is what to exit with. */
bool run_options_read(struct run_options *out, struct flags *f, int *code);

#endif

/* SPDX-License-Identifier: MIT */
/* The command line of `pipepoll fleet`. */
#ifndef CLI_FLEET_OPTIONS_H
#define CLI_FLEET_OPTIONS_H

#include "cli/command.h"

struct fleet_options_cli {
    const char *config;
    bool is_drain; /* else status */
    str member;    /* of drain */
    bool is_end;   /* of the drain */
    bool is_hasty; /* --no-wait */
    bool targets;  /* of status: them too */
    bool json;
    uint32_t timeout_ms;
};

enum { FLEET_FLAG_COUNT = 8 };
extern const struct flag fleet_flags[FLEET_FLAG_COUNT];

/* true: *out is filled. false: *code is what to exit with. */
bool fleet_options_read(struct fleet_options_cli *out, struct flags *f, int *code);

#endif

/* SPDX-License-Identifier: MIT */
/* The command line of `pipepoll doctor`, and the plan of what to examine. */
#ifndef CLI_DOCTOR_OPTIONS_H
#define CLI_DOCTOR_OPTIONS_H

#include "cli/command.h"
#include "cli/poll_options.h"
#include "config/config.h"

struct doctor_options {
    struct config config;     /* of the file, or made of the other flags */
    struct poll_options poll; /* what those say */
    bool made_up;             /* no action type was named */
    bool json, no_poll;
};

enum { DOCTOR_FLAG_COUNT = 9 };
extern const struct flag doctor_flags[DOCTOR_FLAG_COUNT];

/* true: *out is filled. false: *code is what to exit with, and the user was told why. Deinit in
 * either case. */
bool doctor_options_read(struct doctor_options *out, struct flags *f, int *code);
void doctor_options_deinit(struct doctor_options *o);

#endif

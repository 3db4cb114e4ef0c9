/* SPDX-License-Identifier: MIT */
/* The command line of `pipepoll bench`. */
#ifndef CLI_BENCH_OPTIONS_H
#define CLI_BENCH_OPTIONS_H

#include "cli/command.h"

struct bench_options {
    str endpoint_url, ca_bundle;
    str region; /* the first one that is signed for */
    uint32_t in_flight;
    uint32_t duration_ms, polls; /* one of them is 0 */
    uint32_t warm_up_ms;
    uint32_t regions, targets, loops;
    bool json, knows;
};

enum { BENCH_FLAG_COUNT = 12 };
extern const struct flag bench_flags[BENCH_FLAG_COUNT];

/* true: *out is filled, with no fewer regions and polls in flight than loops, and no fewer targets
 * than regions. false: *code is what to exit with. */
bool bench_options_read(struct bench_options *out, struct flags *f, int *code);

#endif

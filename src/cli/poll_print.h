/* SPDX-License-Identifier: MIT */
/* What `pipepoll poll` prints. What returns an int returns EXIT_FINE, or what to exit with, and the
 * user was told why. */
#ifndef CLI_POLL_PRINT_H
#define CLI_POLL_PRINT_H

#include "cli/poll_options.h"

/* Query and print, as the options say. */
int poll_print(struct poll_options *o, const struct datum *d);
/* --generate-cli-skeleton input. */
int poll_print_input(struct poll_options *o);

/* Did the service refuse? What was not understood is no refusal, nor is what another says. */
bool poll_is_refusal(const struct pipepoll_failure *f);
/* On stderr, one line. */
void poll_print_failure(const struct poll_options *o, str region, const struct pipepoll_failure *f);

#endif

/* SPDX-License-Identifier: MIT */
/* What a worker needs beyond its config file: do its handlers, client tokens and journal work?
 * Blocking. */
#ifndef CLI_WORKER_CHECK_H
#define CLI_WORKER_CHECK_H

#include "cli/part_finding.h"
#include "config/config.h"

/* Complain of a file of client tokens that is not understood, as `check` and `run` do before
 * anything starts. 0, or PIPEPOLL_EINVAL: it was, or PIPEPOLL_ENOMEM. */
int worker_check_tokens(const struct worker_config *w, struct diagnostics *diagnostics);

/* Every handler, the client tokens and the journal, in this order: calls take(). Starts no program,
 * calls no service, and leaves no trace in the state directory. */
void worker_check_each(const struct worker_config *w,
                       void (*take)(void *ctx, const struct part_finding *f), void *ctx);

#endif

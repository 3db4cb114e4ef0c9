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

/* Would `run` open its spool, journal and keys? In the order in which it does so, and in its words.
 * Makes and changes nothing. 0; PIPEPOLL_ESYSTEM, and *is_held: another process holds them, as the
 * one does that runs by this file. */
int worker_check_state(const struct config *c, bool *is_held, struct pipepoll_error *why);

/* The spool of a fleet's member, as a finding; false: it has none on a disk. */
bool worker_check_spool(struct part_finding *f, const struct fleet_config *fleet,
                        const struct worker_config *w);

/* Every handler, the client tokens, the journal and, where something is wrong with them, the keys
 * beside it, in this order: calls take(). Starts no program, calls no service, and leaves no trace
 * in the state directory. */
void worker_check_each(const struct worker_config *w,
                       void (*take)(void *ctx, const struct part_finding *f), void *ctx);

#endif

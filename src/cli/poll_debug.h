/* SPDX-License-Identifier: MIT */
/* `pipepoll poll --debug`: what is asked for, with whose credentials, by which way, and what came
 * of each attempt, as lines on stderr. Never a secret. Each is nothing without --debug. */
#ifndef CLI_POLL_DEBUG_H
#define CLI_POLL_DEBUG_H

#include "cli/poll_options.h"

/* Before anything is asked: endpoints, time-outs, attempts. */
void poll_debug_start(const struct poll_options *o);
void poll_debug_identity(const struct poll_options *o, const struct pipepoll_identity *identity);
void poll_debug_answer(const struct poll_options *o, const struct pipepoll_target *from,
                       const struct pipepoll_answer *answer);
void poll_debug_failure(const struct poll_options *o, const struct pipepoll_target *from,
                        const struct pipepoll_failure *failure);

/* For the poller's log. */
void poll_debug_log(void *ctx, enum pipepoll_level level, str line);

#endif

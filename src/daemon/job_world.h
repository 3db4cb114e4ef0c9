/* SPDX-License-Identifier: MIT */
/* What the job runners of all loops share: the journal, what it held at the start, and the key of
 * continuations. */
#ifndef DAEMON_JOB_WORLD_H
#define DAEMON_JOB_WORLD_H

#include "config/worker_config.h"
#include "daemon/job_recovery.h"
#include "daemon/logger.h"
#include "handler/continuation.h"
#include "store/journal.h"

struct job_world {
    const struct worker_config *config;
    struct journal *journal;       /* NULL: none */
    struct job_recovery *recovery; /* what it held at the start; NULL: nothing */
    struct hmac_key key;           /* of continuations */
    uint64_t owner;                /* of those that run here: the number of this state-dir */
};

/* c and logger must outlive it. Lines of the journal are written on other threads too. Blocks.
 * `why` says what is to be done; job_world_close() in any case. */
int job_world_open(struct job_world *w, const struct worker_config *c, const struct logger *logger,
                   struct pipepoll_error *why);

/* Would it refuse the key or the id? In its words, without the journal; makes and changes nothing.
 * PIPEPOLL_ESYSTEM. */
int job_world_check_keys(const struct worker_config *c, struct pipepoll_error *why);

/* What waits is written, for some seconds at most. false: the disk hangs, and a thread is left
 * behind: end by _exit(). Fine on a zeroed one. */
bool job_world_close(struct job_world *w);

#endif

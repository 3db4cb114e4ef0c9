/* SPDX-License-Identifier: MIT */
/* The jobs that the journal held when the process started, until their targets are there: read
 * before anything polls, and taken by each loop for its own targets. */
#ifndef DAEMON_JOB_RECOVERY_H
#define DAEMON_JOB_RECOVERY_H

#include "base/log.h"
#include "store/journal.h"

struct job_recovery;

/* Blocks. PIPEPOLL_ENOMEM, PIPEPOLL_ESYSTEM. */
int job_recovery_open(struct job_recovery **out, struct journal *journal,
                      struct pipepoll_error *why);
void job_recovery_close(struct job_recovery *r); /* NULL is fine */

size_t job_recovery_count(const struct job_recovery *r);

/* Each job of this target in this region, in the order of the journal; take() says whether it has
 * it, and it is not shown again then. A target's jobs are taken on one thread at a time. */
void job_recovery_take(struct job_recovery *r, str target, str region,
                       bool (*take)(void *ctx, const struct pipepoll_journal_entry *entry),
                       void *ctx);

/* A line for each that nobody took: it stays in the journal. Not while any are taken. */
void job_recovery_tell(const struct job_recovery *r, const struct log *log);

#endif

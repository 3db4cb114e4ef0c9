/* SPDX-License-Identifier: MIT */
/* The journal's rows: a batch of changes as one transaction, and all rows again. Blocking; one
 * thread at a time. */
#ifndef STORE_JOURNAL_TABLE_H
#define STORE_JOURNAL_TABLE_H

#include "store/journal_change.h"

struct journal_table;

struct journal_history {
    uint32_t jobs, age_s; /* as in journal_options */
};

/* Of a file that exists: opened, checked all of it, ready to be written. ESYSTEM: it is refused,
 * and left as it is; ENOMEM. */
int journal_table_open(struct journal_table **out, const char *path,
                       const struct journal_history *history, struct pipepoll_error *why);
void journal_table_close(struct journal_table *t); /* fine on NULL */

/* A list of struct journal_change. Durable when this returns OK; after a failure it may be so too,
 * and may be tried again: to write it twice is to write it once. */
int journal_table_write(struct journal_table *t, const struct list *changes, int64_t now_ms,
                        struct pipepoll_error *why);

/* Over a connection of its own, read-only: every row, or the open ones. ESYSTEM, ENOMEM. */
int journal_table_read(const char *path, bool open_only, journal_row_fn *row, void *ctx,
                       struct pipepoll_error *why);

#endif

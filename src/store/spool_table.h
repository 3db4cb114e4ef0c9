/* SPDX-License-Identifier: MIT */
/* The spool's SQLite file: a row for each job, written in batches. Blocking; one thread at a time.
 * Private to store/. */
#ifndef STORE_SPOOL_TABLE_H
#define STORE_SPOOL_TABLE_H

#include "base/list.h"
#include "store/spool.h"

struct spool_table;

/* One change, copied into one block. */
struct spool_change {
    struct list link;
    bool is_end; /* of the job only its number is set then */
    size_t size; /* of the block */
    struct spool_job job;
};

/* Made where there is none, and checked. ESYSTEM: refused, and left as it is; ENOMEM. */
int spool_table_open(struct spool_table **out, const char *path, struct pipepoll_error *why);
/* Would it be opened, or made in its folder? Makes and changes nothing. *is_held: of what is
 * refused, by another process's lock. ESYSTEM, in its words. */
int spool_table_check(const char *folder, const char *path, bool *is_held,
                      struct pipepoll_error *why);
void spool_table_close(struct spool_table *t); /* fine on NULL */

/* Every job, by number. */
int spool_table_read(struct spool_table *t, spool_job_fn *job, void *ctx,
                     struct pipepoll_error *why);

/* A list of struct spool_change, in one transaction: durable when this returns OK. After a failure
 * it may be so too, and may be tried again: to write it twice is to write it once. */
int spool_table_write(struct spool_table *t, const struct list *changes,
                      struct pipepoll_error *why);

#endif

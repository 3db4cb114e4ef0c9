/* SPDX-License-Identifier: MIT */
/* The journal's SQLite file: made, opened and checked. Blocking. */
#ifndef STORE_JOURNAL_DB_H
#define STORE_JOURNAL_DB_H

#include <stdbool.h>

#include "store/database.h"

extern const struct database_kind journal_kind;

/* A new, empty one, whole or not at all: it is made under another name. ESYSTEM, ENOMEM. */
int journal_db_create(const char *path, struct pipepoll_error *why);

/* Open it, and check that it is ours, of our format and undamaged. It is left as it is until
 * journal_db_make_ready(). path is borrowed. ESYSTEM, ENOMEM; nothing is to be closed then. */
int journal_db_open(struct database *out, const char *path, struct pipepoll_error *why);
/* Is it of an earlier format, without the column of variables? */
bool journal_db_is_old(struct database *d);
/* Write from now on, of the present format: now rather than by the first job. */
int journal_db_make_ready(struct database *d, struct pipepoll_error *why);

/* For reading alone, beside a process that writes. Only its kind is checked. */
int journal_db_open_reader(struct database *out, const char *path, struct pipepoll_error *why);

#endif

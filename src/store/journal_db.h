/* SPDX-License-Identifier: MIT */
/* The journal's SQLite file, and a connection to it: made, opened, checked, and what is wrong with
 * it in words. Blocking. */
#ifndef STORE_JOURNAL_DB_H
#define STORE_JOURNAL_DB_H

#include <stdbool.h>

#include "pipepoll.h"

struct sqlite3;

/* A new, empty one, whole or not at all: it is made under another name. ESYSTEM, ENOMEM. */
int journal_db_create(const char *path, struct pipepoll_error *why);

/* Open it, and check that it is ours, of our format and undamaged. It is left as it is: without
 * journal_db_make_ready() not even what its log holds is moved into it. ESYSTEM, ENOMEM. */
int journal_db_open(struct sqlite3 **out, const char *path, struct pipepoll_error *why);
/* Is it of an earlier format, without the column of variables? */
bool journal_db_is_old(struct sqlite3 *db);
/* Write from now on, of the present format, and prove that this gets to the disk: now rather than
 * by the first job. */
int journal_db_make_ready(struct sqlite3 *db, const char *path, struct pipepoll_error *why);

/* For reading alone, beside a process that writes. Only its kind is checked. */
int journal_db_open_reader(struct sqlite3 **out, const char *path, struct pipepoll_error *why);

/* OK for SQLITE_OK, _ROW and _DONE; else a status, and `why` names path, trouble and remedy. */
int journal_db_told(struct sqlite3 *db, int rc, const char *path, struct pipepoll_error *why);

#endif

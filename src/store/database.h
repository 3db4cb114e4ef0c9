/* SPDX-License-Identifier: MIT */
/* An SQLite file of ours, the journal's or the spool's, and one connection to it: opened, checked,
 * written in transactions, and what is wrong with it in words. What is called an `rc` is SQLite's
 * code, which database_told() turns into a status. Blocking; one thread at a time. */
#ifndef STORE_DATABASE_H
#define STORE_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "pipepoll.h"

struct sqlite3;
struct sqlite3_stmt;

struct database_kind {
    const char *name;        /* in messages: "journal" */
    const char *loss;        /* what moving a damaged one away does: "forgets the jobs in them" */
    const char *busy;        /* what it means that another process has locked it */
    uint32_t application_id; /* in its header, which says whose it is */
    uint32_t format;         /* user_version: of tables and columns, 1 or more */
};

struct database {
    const struct database_kind *kind;
    const char *path; /* borrowed, as long as it is used */
    struct sqlite3 *connection;
    struct sqlite3_stmt *begin, *commit;
};

/* Connect to a file that exists, which stays as it is: without database_make_ready() not even what
 * its log holds is moved into it. To be closed after a failure too. -> rc */
enum database_access { DATABASE_READ, DATABASE_WRITE };
int database_connect(struct database *d, enum database_access access);
void database_close(struct database *d); /* fine on a zeroed one; after all other statements */

/* OK for SQLITE_OK, _ROW and _DONE; else a status, and `why` names path, trouble and remedy. */
int database_told(const struct database *d, int rc, struct pipepoll_error *why);

/* The two numbers in the first bytes of a file, of which there are `len`. false: it is none of
 * SQLite's. */
enum { DATABASE_HEADER = 100 };
bool database_read_header(const unsigned char head[DATABASE_HEADER], size_t len,
                          uint32_t *application_id, uint32_t *format);
/* Is it ours, by the two numbers of a header, and of a format that we know? ESYSTEM. */
int database_judge(const struct database_kind *kind, const char *path, uint32_t application_id,
                   uint32_t format, struct pipepoll_error *why);

/* Statements without parameters or rows. -> rc */
int database_run(struct database *d, const char *sql);
/* The first column of the first row; empty or 0: there is none. -> rc */
int database_ask(struct database *d, const char *sql, char *out, size_t size);
int database_ask_number(struct database *d, const char *sql, int64_t *out);

/* Could its file be written, and is it ours, as far as can be seen without SQLite and a change?
 * Only when no connection of this process has it open. OK also where there is none. *is_held: of
 * what is refused, another process holds all of it. ESYSTEM, in the words of who opens it. */
int database_check_file(const struct database *d, bool *is_held, struct pipepoll_error *why);

/* SQLITE_CORRUPT: its pages contradict each other. -> rc */
int database_check_content(struct database *d);
/* Write from now on, with `sql` as the first transaction, which proves that this gets to the
 * disk. -> rc */
int database_make_ready(struct database *d, const char *sql);

/* A statement for many uses. SQLITE_CORRUPT: the tables have another shape than their format
 * says. -> rc */
int database_prepare(struct database *d, const char *sql, struct sqlite3_stmt **out);
/* A column of the present row, valid until the next one. */
str database_text(struct sqlite3_stmt *s, int column);

/* Parameters of a statement, by their index from 0; the first failure stays. */
struct database_parameters {
    struct sqlite3_stmt *s;
    int rc;
};
/* As TEXT, or as BLOB when a NUL is in it; valid until database_execute(). */
void database_put_text(struct database_parameters *p, int at, str text);
void database_put_number(struct database_parameters *p, int at, int64_t number);
/* The statement with them, which gives no rows. -> rc */
int database_execute(struct database_parameters *p);

/* Call write(ctx), which gives an rc, within a transaction: all of it is durable, or nothing is.
 * After a failure it may be durable too, when only the answer of the disk is missing. ESYSTEM also
 * where somebody has moved or removed the file; ENOMEM. */
int database_write(struct database *d, int (*write)(void *ctx), void *ctx,
                   struct pipepoll_error *why);

#endif

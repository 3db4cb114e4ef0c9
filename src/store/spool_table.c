/* SPDX-License-Identifier: MIT */
/* WAL with synchronous=FULL, as the journal: a commit is one append and one sync. The connection
 * locks the file for as long as it lives, so that two processes cannot spool into one file, whether
 * or not they have journals. A file is made by one transaction: one that was cut off leaves an
 * empty database, which the next start fills. What is deleted is overwritten, for the messages of
 * custom jobs have nonces in them. */
#include "store/spool_table.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum {
    APPLICATION_ID = 0x70697073, /* "pips" */
    FORMAT = 1,                  /* user_version */
    BUSY_MS = 1000,              /* for a lock that another process holds */
    LOG_KEPT = 16 << 20          /* bytes of the log that stay allocated after a checkpoint */
};

enum statement { BEGIN, PUT, END, READ, COMMIT, STATEMENTS };
static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [PUT] = "INSERT OR REPLACE INTO jobs (number, found_ms, id, key, body) VALUES (?, ?, ?, ?, ?)",
    [END] = "DELETE FROM jobs WHERE number = ?",
    [READ] = "SELECT number, found_ms, id, key, body FROM jobs ORDER BY number",
    [COMMIT] = "COMMIT",
};

struct spool_table {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    char path[];
};

/* --- what is wrong, in words --- */

static int tell_other(const struct spool_table *t, int rc, struct pipepoll_error *why)
{
    bool is_systems = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
    int number = t->db && is_systems ? sqlite3_system_errno(t->db) : 0;
    if ((rc & 0xff) == SQLITE_FULL || number == ENOSPC || number == EDQUOT)
        return explain(why, PIPEPOLL_ESYSTEM, "spool %s: the disk is full; free some space",
                       t->path);
    return explain(why, PIPEPOLL_ESYSTEM, "spool %s: %s%s%s", t->path, sqlite3_errstr(rc),
                   number ? ": " : "", number ? strerror(number) : "");
}

static int tell(const struct spool_table *t, int rc, struct pipepoll_error *why)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return PIPEPOLL_OK;
    case SQLITE_NOMEM:
        return explain(why, PIPEPOLL_ENOMEM, "spool %s: out of memory", t->path);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return explain(why, PIPEPOLL_ESYSTEM,
                       "spool %s: is damaged, or no SQLite file; restore it, or move it and its "
                       "-wal away, which leaves the jobs in them to their service",
                       t->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return explain(why, PIPEPOLL_ESYSTEM,
                       "spool %s: in use by another process; stop that one, or choose another "
                       "state directory",
                       t->path);
    case SQLITE_READONLY:
        return explain(why, PIPEPOLL_ESYSTEM,
                       "spool %s: is read-only; pipepoll must be able to write to it", t->path);
    default:
        return tell_other(t, rc, why);
    }
}

/* --- open and close --- */

static int run(struct spool_table *t, const char *text)
{
    return sqlite3_exec(t->db, text, NULL, NULL, NULL);
}

/* The number in the first column of the first row. */
static int ask(struct spool_table *t, const char *text, int64_t *out)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(t->db, text, -1, &s, NULL);
    if (!rc)
        rc = sqlite3_step(s);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int check_content(struct spool_table *t)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(t->db, "PRAGMA quick_check(1)", -1, &s, NULL);
    if (!rc)
        rc = sqlite3_step(s);
    const char *found = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : "";
    if (rc == SQLITE_ROW && (!found || strcmp(found, "ok") != 0))
        rc = SQLITE_CORRUPT;
    sqlite3_finalize(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Ours, of our format; or empty. */
static int check_kind(struct spool_table *t, bool *is_empty, struct pipepoll_error *why)
{
    int64_t id, format, tables;
    int rc = ask(t, "PRAGMA application_id", &id);
    if (!rc)
        rc = ask(t, "PRAGMA user_version", &format);
    if (!rc)
        rc = ask(t, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc)
        return tell(t, rc, why);
    *is_empty = !id && !format && !tables;
    if (!*is_empty && id != APPLICATION_ID)
        return explain(why, PIPEPOLL_ESYSTEM,
                       "spool %s: is an SQLite file of another program; move it away, or choose "
                       "another state directory",
                       t->path);
    if (!*is_empty && format != FORMAT)
        return explain(why, PIPEPOLL_ESYSTEM,
                       "spool %s: was written by a later pipepoll (format %lld, this one knows "
                       "%d); run that one, or choose another state directory",
                       t->path, (long long)format, FORMAT);
    return tell(t, check_content(t), why);
}

/* It is written from here on, which proves that it gets to the disk. */
static int make_ready(struct spool_table *t, bool is_empty)
{
    char text[512];
    snprintf(text, sizeof text,
             "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = %d; BEGIN IMMEDIATE; "
             "%sPRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             LOG_KEPT,
             is_empty ? "CREATE TABLE jobs (number INTEGER PRIMARY KEY, found_ms INTEGER NOT "
                        "NULL, id ANY NOT NULL, key ANY NOT NULL, body ANY NOT NULL) STRICT; "
                      : "",
             APPLICATION_ID, FORMAT);
    int rc = run(t, text);
    if (!rc)
        sqlite3_db_config(t->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return rc;
}

/* Mode 0600 from the beginning: SQLite gives it to its other files. */
static int touch(struct spool_table *t, struct pipepoll_error *why)
{
    int fd = open(t->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return explain(why, PIPEPOLL_ESYSTEM, "spool %s: cannot be opened: %s", t->path,
                       strerror(errno));
    close(fd);
    return PIPEPOLL_OK;
}

/* A connection that is refused must leave the file as it was. */
static int connect(struct spool_table *t)
{
    int rc = sqlite3_open_v2(t->path, &t->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc)
        return rc;
    sqlite3_extended_result_codes(t->db, 1);
    sqlite3_busy_timeout(t->db, BUSY_MS);
    sqlite3_db_config(t->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return run(t, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
                  "PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL; "
                  "PRAGMA secure_delete = ON; PRAGMA locking_mode = EXCLUSIVE");
}

/* A table of another shape gives no statement: that is damage, for the format says otherwise. */
static int prepare_all(struct spool_table *t)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < STATEMENTS; i++)
        rc = sqlite3_prepare_v3(t->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &t->statements[i],
                                NULL);
    return rc == SQLITE_ERROR ? SQLITE_CORRUPT : rc;
}

int spool_table_open(struct spool_table **out, const char *path, struct pipepoll_error *why)
{
    struct spool_table *t = calloc(1, sizeof *t + strlen(path) + 1);
    if (!t)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    memcpy(t->path, path, strlen(path) + 1);
    bool is_empty = false;
    int r = touch(t, why);
    if (!r)
        r = tell(t, connect(t), why);
    if (!r)
        r = check_kind(t, &is_empty, why);
    if (!r)
        r = tell(t, make_ready(t, is_empty), why);
    if (!r)
        r = tell(t, prepare_all(t), why);
    if (r)
        spool_table_close(t);
    else
        *out = t;
    return r;
}

void spool_table_close(struct spool_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(t->statements[i]);
    sqlite3_close(t->db);
    free(t);
}

/* --- write --- */

static int put_text(sqlite3_stmt *s, int at, str text)
{
    const char *bytes = text.len ? text.ptr : ""; /* a null pointer would be NULL */
    return sqlite3_bind_text64(s, at, bytes, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static int step(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int put_job(sqlite3_stmt *s, const struct spool_job *job)
{
    int rc = sqlite3_bind_int64(s, 2, job->found_ms);
    if (!rc)
        rc = put_text(s, 3, job->id);
    if (!rc)
        rc = put_text(s, 4, job->key);
    return rc ? rc : put_text(s, 5, job->body);
}

static int write_one(struct spool_table *t, const struct spool_change *c)
{
    sqlite3_stmt *s = t->statements[c->is_end ? END : PUT];
    int rc = sqlite3_bind_int64(s, 1, (int64_t)c->job.number);
    if (!rc && !c->is_end)
        rc = put_job(s, &c->job);
    if (!rc)
        rc = step(s);
    sqlite3_clear_bindings(s);
    return rc;
}

static int write_all(struct spool_table *t, const struct list *changes)
{
    int rc = step(t->statements[BEGIN]);
    for (const struct list *n = changes->next; !rc && n != changes; n = n->next)
        rc = write_one(t, CONTAINER_OF(n, struct spool_change, link));
    return rc ? rc : step(t->statements[COMMIT]);
}

/* SQLite would go on in a file that somebody removed, and what it kept there would be gone. */
static bool is_gone(struct spool_table *t)
{
    int has_moved = 0;
    int rc = sqlite3_file_control(t->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    return rc == SQLITE_OK && has_moved;
}

int spool_table_write(struct spool_table *t, const struct list *changes, struct pipepoll_error *why)
{
    if (is_gone(t))
        return explain(why, PIPEPOLL_ESYSTEM,
                       "spool %s: was moved or removed while in use; put it back, or restart",
                       t->path);
    int r = tell(t, write_all(t, changes), why);
    if (!sqlite3_get_autocommit(t->db))
        run(t, "ROLLBACK");
    return r;
}

/* --- read --- */

static str text_of(sqlite3_stmt *s, int at)
{
    const char *bytes = sqlite3_column_blob(s, at); /* of TEXT the same bytes; first, says SQLite */
    return (str) { bytes, (size_t)sqlite3_column_bytes(s, at) };
}

int spool_table_read(struct spool_table *t, spool_job_fn *job, void *ctx,
                     struct pipepoll_error *why)
{
    sqlite3_stmt *s = t->statements[READ];
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const struct spool_job j = { .number = (uint64_t)sqlite3_column_int64(s, 0),
                                     .found_ms = sqlite3_column_int64(s, 1),
                                     .id = text_of(s, 2),
                                     .key = text_of(s, 3),
                                     .body = text_of(s, 4) };
        job(ctx, &j);
    }
    sqlite3_reset(s);
    return tell(t, rc, why);
}

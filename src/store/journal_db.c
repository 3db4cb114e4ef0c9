/* SPDX-License-Identifier: MIT */
/* WAL with synchronous=FULL: a commit is one append to the log and one sync of it, and readers in
 * other processes neither wait nor make anybody wait. A connection that is refused must leave the
 * file as it was, hence nothing is checkpointed at its close until it is ready. A new file is made
 * whole under another name, so that a file under ours never is half of one. */
#include "store/journal_db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/journal_header.h"
#include "store/journal_schema.h"

enum {
    BUSY_MS = 2000,      /* for a lock that another program holds */
    LOG_KEPT = 16 << 20, /* bytes of the log that stay allocated after a checkpoint */
    SQL_MAX = 2048
};

/* --- what is wrong, in words --- */

static int tell_full(const char *path, struct pipepoll_error *why)
{
    return explain(why, PIPEPOLL_ESYSTEM, "journal %s: the disk is full; free some space", path);
}

static int tell_other(sqlite3 *db, int rc, const char *path, struct pipepoll_error *why)
{
    bool is_systems = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
    int number = db && is_systems ? sqlite3_system_errno(db) : 0;
    if (number == ENOSPC || number == EDQUOT) /* SQLITE_FULL is said of plain writes alone */
        return tell_full(path, why);
    /* Of some calls SQLite keeps no errno, or a later one has overwritten it. */
    const char *more = number       ? strerror(number)
                       : is_systems ? "is the disk full, or failing?"
                                    : "";
    return explain(why, PIPEPOLL_ESYSTEM, "journal %s: %s%s%s", path, sqlite3_errstr(rc),
                   *more ? ": " : "", more);
}

int journal_db_told(sqlite3 *db, int rc, const char *path, struct pipepoll_error *why)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return PIPEPOLL_OK;
    case SQLITE_NOMEM:
        return explain(why, PIPEPOLL_ENOMEM, "journal %s: out of memory", path);
    case SQLITE_FULL:
        return tell_full(path, why);
    case SQLITE_NOTADB:
        return explain(
            why, PIPEPOLL_ESYSTEM,
            "journal %s: is not an SQLite file, or damaged in its header; restore it, or "
            "move it and its -wal away",
            path);
    case SQLITE_CORRUPT:
        return explain(why, PIPEPOLL_ESYSTEM,
                       "journal %s: is damaged; restore it, or move it and its -wal away, which "
                       "forgets the jobs in them",
                       path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return explain(why, PIPEPOLL_ESYSTEM, "journal %s: another program keeps it locked", path);
    case SQLITE_READONLY:
        return explain(why, PIPEPOLL_ESYSTEM,
                       "journal %s: is read-only; pipepoll must be able to write to it", path);
    default:
        return tell_other(db, rc, path, why);
    }
}

/* --- connections --- */

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* *out is to be closed after a failure too. */
static int connect(sqlite3 **out, const char *path, int flags)
{
    int rc = sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc)
        return rc;
    sqlite3_extended_result_codes(*out, 1);
    sqlite3_busy_timeout(*out, BUSY_MS);
    sqlite3_db_config(*out, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return run(*out, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
                     "PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL");
}

/* The first column of the first row. */
static int ask(sqlite3 *db, const char *sql, char *out, size_t size)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    out[0] = '\0';
    if (!rc)
        rc = sqlite3_step(s);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    snprintf(out, size, "%s", text ? text : "");
    sqlite3_finalize(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Its header once more, as SQLite sees it: the latest may be in the log alone. */
static int check_kind(sqlite3 *db, const char *path, struct pipepoll_error *why)
{
    char id[16], format[16];
    int rc = ask(db, "PRAGMA application_id", id, sizeof id);
    if (!rc)
        rc = ask(db, "PRAGMA user_version", format, sizeof format);
    if (rc)
        return journal_db_told(db, rc, path, why);
    return journal_header_judge(path, (uint32_t)strtol(id, NULL, 10),
                                (uint32_t)strtol(format, NULL, 10), why);
}

bool journal_db_is_old(sqlite3 *db)
{
    char format[16];
    return !ask(db, "PRAGMA user_version", format, sizeof format) &&
           strtol(format, NULL, 10) < JOURNAL_FORMAT;
}

static int check_content(sqlite3 *db, const char *path, struct pipepoll_error *why)
{
    char found[16];
    int rc = ask(db, "PRAGMA quick_check(1)", found, sizeof found);
    if (!rc && strcmp(found, "ok") != 0)
        rc = SQLITE_CORRUPT;
    return journal_db_told(db, rc, path, why);
}

static int open_as(sqlite3 **out, const char *path, int flags, struct pipepoll_error *why)
{
    sqlite3 *db = NULL;
    int r = journal_db_told(db, connect(&db, path, flags), path, why);
    if (!r)
        r = check_kind(db, path, why);
    if (!r && flags == SQLITE_OPEN_READWRITE)
        r = check_content(db, path, why);
    if (r)
        sqlite3_close(db);
    else
        *out = db;
    return r;
}

int journal_db_open(sqlite3 **out, const char *path, struct pipepoll_error *why)
{
    return open_as(out, path, SQLITE_OPEN_READWRITE, why);
}

int journal_db_open_reader(sqlite3 **out, const char *path, struct pipepoll_error *why)
{
    return open_as(out, path, SQLITE_OPEN_READONLY, why);
}

static int make_ready(sqlite3 *db)
{
    char mode[16], sql[SQL_MAX];
    if (sqlite3_db_readonly(db, "main"))
        return SQLITE_READONLY;
    int rc = ask(db, "PRAGMA journal_mode = WAL", mode, sizeof mode);
    if (!rc && strcmp(mode, "wal") != 0)
        rc = SQLITE_CANTOPEN;
    if (rc)
        return rc;
    snprintf(sql, sizeof sql,
             "PRAGMA journal_size_limit = %d; "
             "BEGIN IMMEDIATE; %sPRAGMA user_version = %d; COMMIT",
             LOG_KEPT, journal_db_is_old(db) ? JOURNAL_MIGRATION : "", JOURNAL_FORMAT);
    return run(db, sql);
}

int journal_db_make_ready(sqlite3 *db, const char *path, struct pipepoll_error *why)
{
    int rc = make_ready(db);
    if (!rc)
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return journal_db_told(db, rc, path, why);
}

/* --- a new file --- */

static int fill(const char *new, const char *path, struct pipepoll_error *why)
{
    char sql[SQL_MAX];
    sqlite3 *db = NULL;
    snprintf(sql, sizeof sql,
             "BEGIN; " JOURNAL_SCHEMA "PRAGMA application_id = %d; PRAGMA user_version = %d; "
             "COMMIT",
             JOURNAL_APPLICATION_ID, JOURNAL_FORMAT);
    int rc = connect(&db, new, SQLITE_OPEN_READWRITE);
    int r = journal_db_told(db, rc ? rc : run(db, sql), path, why);
    sqlite3_close(db);
    return r;
}

/* Of this one, or of one that was killed. */
static void clear(const char *path)
{
    static const char *const suffixes[] = { "", "-journal", "-wal", "-shm" };
    char *name;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (asprintf(&name, "%s%s", path, suffixes[i]) >= 0) {
            unlink(name);
            free(name);
        }
}

/* A name must survive a crash of the machine too. */
static int sync_folder_of(const char *path)
{
    char *folder = strdup(path);
    if (!folder)
        return -1;
    strrchr(folder, '/')[1] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    int r = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return r;
}

static int fail_to_make(const char *path, struct pipepoll_error *why)
{
    return explain(why, PIPEPOLL_ESYSTEM, "journal %s: cannot be made: %s", path, strerror(errno));
}

static int make(const char *new, const char *path, struct pipepoll_error *why)
{
    clear(new);
    int fd = open(new, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_to_make(path, why);
    close(fd); /* SQLite gives the mode of this one to its other files */
    int r = fill(new, path, why);
    if (!r && (rename(new, path) || sync_folder_of(path)))
        r = fail_to_make(path, why);
    if (r)
        clear(new);
    return r;
}

int journal_db_create(const char *path, struct pipepoll_error *why)
{
    char *new;
    if (asprintf(&new, "%s.new", path) < 0)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int r = make(new, path, why);
    free(new);
    return r;
}

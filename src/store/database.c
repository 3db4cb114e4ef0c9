/* SPDX-License-Identifier: MIT */
/* WAL with synchronous=FULL: a commit is one append to the log and one sync of it, and readers in
 * other processes neither wait nor make anybody wait. A connection that is refused must leave the
 * file as it was, hence nothing is checkpointed at its close until it is ready. */
#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

enum {
    BUSY_MS = 2000,      /* for a lock that another program holds */
    LOG_KEPT = 16 << 20, /* bytes of the log that stay allocated after a checkpoint */
    SQL_MAX = 2048
};

/* --- what is wrong, in words --- */

static int fail(const struct database *d, struct pipepoll_error *why, const char *trouble,
                const char *more)
{
    return explain(why, PIPEPOLL_ESYSTEM, "%s %s: %s%s", d->kind->name, d->path, trouble, more);
}

static int tell_full(const struct database *d, struct pipepoll_error *why)
{
    return fail(d, why, "the disk is full; free some space", "");
}

static int tell_other(const struct database *d, int rc, struct pipepoll_error *why)
{
    bool is_systems = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
    int number = d->connection && is_systems ? sqlite3_system_errno(d->connection) : 0;
    if (number == ENOSPC || number == EDQUOT) /* SQLITE_FULL is said of plain writes alone */
        return tell_full(d, why);
    /* Of some calls SQLite keeps no errno, or a later one has overwritten it. */
    const char *more = number       ? strerror(number)
                       : is_systems ? "is the disk full, or failing?"
                                    : "";
    return explain(why, PIPEPOLL_ESYSTEM, "%s %s: %s%s%s", d->kind->name, d->path,
                   sqlite3_errstr(rc), *more ? ": " : "", more);
}

int database_told(const struct database *d, int rc, struct pipepoll_error *why)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return PIPEPOLL_OK;
    case SQLITE_NOMEM:
        return explain(why, PIPEPOLL_ENOMEM, "%s %s: out of memory", d->kind->name, d->path);
    case SQLITE_FULL:
        return tell_full(d, why);
    case SQLITE_NOTADB:
        return fail(d, why, "is not an SQLite file, or damaged in its header; ",
                    "restore it, or move it and its -wal away");
    case SQLITE_CORRUPT:
        return fail(d, why, "is damaged; restore it, or move it and its -wal away, which ",
                    d->kind->loss);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fail(d, why, d->kind->busy, "");
    case SQLITE_READONLY:
        return fail(d, why, "is read-only; pipepoll must be able to write to it", "");
    default:
        return tell_other(d, rc, why);
    }
}

/* Layout: SQLite, "Database File Format", 1.3: user_version, and application_id. */
enum { FORMAT_AT = 60, APPLICATION_AT = 68 };
static const char magic[16] = "SQLite format 3";

static uint32_t u32_at(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

bool database_read_header(const unsigned char head[DATABASE_HEADER], size_t len,
                          uint32_t *application_id, uint32_t *format)
{
    *application_id = u32_at(head + APPLICATION_AT);
    *format = u32_at(head + FORMAT_AT);
    return len >= sizeof magic && memcmp(head, magic, sizeof magic) == 0;
}

int database_judge(const struct database_kind *kind, const char *path, uint32_t application_id,
                   uint32_t format, struct pipepoll_error *why)
{
    const char *found = application_id != kind->application_id
                            ? "is an SQLite file of another program"
                        : format == 0 ? "is damaged: its format is 0"
                                      : NULL;
    if (found)
        return explain(why, PIPEPOLL_ESYSTEM,
                       "%s %s: %s; move it away, or choose another state directory", kind->name,
                       path, found);
    if (format > kind->format)
        return explain(why, PIPEPOLL_ESYSTEM,
                       "%s %s: was written by a later pipepoll (format %u, this one knows %u); "
                       "run that one, or choose another state directory",
                       kind->name, path, format, kind->format);
    return PIPEPOLL_OK;
}

/* --- open and close --- */

int database_connect(struct database *d, enum database_access access)
{
    int flags = access == DATABASE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int rc = sqlite3_open_v2(d->path, &d->connection, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc)
        return rc;
    sqlite3_extended_result_codes(d->connection, 1);
    sqlite3_busy_timeout(d->connection, BUSY_MS);
    sqlite3_db_config(d->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return database_run(d, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
                           "PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL");
}

void database_close(struct database *d)
{
    sqlite3_finalize(d->begin);
    sqlite3_finalize(d->commit);
    sqlite3_close(d->connection);
    *d = (struct database) { 0 };
}

/* Its locks: os_unix.c, as the format's too. */
enum { LOCKS_AT = 0x40000000, LOCKS = 512 };

/* Empty, or with a header that is in the log alone: it is made by the first transaction. */
static int check_header(const struct database *d, int fd, struct pipepoll_error *why)
{
    unsigned char head[DATABASE_HEADER] = { 0 };
    uint32_t id = 0, format = 0;
    ssize_t n = pread(fd, head, sizeof head, 0);
    if (n && !database_read_header(head, n > 0 ? (size_t)n : 0, &id, &format))
        return database_told(d, SQLITE_NOTADB, why);
    return id || format ? database_judge(d->kind, d->path, id, format, why) : PIPEPOLL_OK;
}

/* Some of it is kept for root. */
static bool is_full(int fd)
{
    struct statvfs room;
    return fstatvfs(fd, &room) == 0 && room.f_blocks && !(geteuid() ? room.f_bavail : room.f_bfree);
}

int database_check_file(const struct database *d, bool *is_held, struct pipepoll_error *why)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCKS_AT, .l_len = LOCKS
    };
    int fd = open(d->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    *is_held = false;
    if (fd < 0)
        return errno == ENOENT ? PIPEPOLL_OK
                               : explain(why, PIPEPOLL_ESYSTEM, "%s %s: cannot be opened: %s",
                                         d->kind->name, d->path, strerror(errno));
    *is_held = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    int r = *is_held ? database_told(d, SQLITE_BUSY, why) : check_header(d, fd, why);
    if (!r && is_full(fd))
        r = tell_full(d, why);
    close(fd);
    return r;
}

int database_check_content(struct database *d)
{
    char found[16];
    int rc = database_ask(d, "PRAGMA quick_check(1)", found, sizeof found);
    return !rc && strcmp(found, "ok") != 0 ? SQLITE_CORRUPT : rc;
}

int database_make_ready(struct database *d, const char *sql)
{
    char mode[16], text[SQL_MAX];
    if (sqlite3_db_readonly(d->connection, "main"))
        return SQLITE_READONLY;
    int rc = database_ask(d, "PRAGMA journal_mode = WAL", mode, sizeof mode);
    if (!rc && strcmp(mode, "wal") != 0)
        rc = SQLITE_CANTOPEN;
    if (rc)
        return rc;
    snprintf(text, sizeof text, "PRAGMA journal_size_limit = %d; BEGIN IMMEDIATE; %s; COMMIT",
             LOG_KEPT, sql);
    rc = database_run(d, text);
    if (!rc)
        rc = database_prepare(d, "BEGIN IMMEDIATE", &d->begin);
    if (!rc)
        rc = database_prepare(d, "COMMIT", &d->commit);
    if (!rc)
        sqlite3_db_config(d->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return rc;
}

/* --- statements --- */

int database_run(struct database *d, const char *sql)
{
    return sqlite3_exec(d->connection, sql, NULL, NULL, NULL);
}

int database_ask(struct database *d, const char *sql, char *out, size_t size)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(d->connection, sql, -1, &s, NULL);
    out[0] = '\0';
    if (!rc)
        rc = sqlite3_step(s);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    snprintf(out, size, "%s", text ? text : "");
    sqlite3_finalize(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int database_ask_number(struct database *d, const char *sql, int64_t *out)
{
    char digits[24];
    int rc = database_ask(d, sql, digits, sizeof digits);
    *out = strtoll(digits, NULL, 10);
    return rc;
}

int database_prepare(struct database *d, const char *sql, sqlite3_stmt **out)
{
    int rc = sqlite3_prepare_v3(d->connection, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return rc == SQLITE_ERROR ? SQLITE_CORRUPT : rc;
}

static int step(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void database_put_text(struct database_parameters *p, int at, str text)
{
    const char *bytes = text.len ? text.ptr : ""; /* a null pointer would be NULL */
    if (p->rc)
        return;
    p->rc = str_find(text, '\0') < text.len
                ? sqlite3_bind_blob64(p->s, at + 1, bytes, text.len, SQLITE_STATIC)
                : sqlite3_bind_text64(p->s, at + 1, bytes, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void database_put_number(struct database_parameters *p, int at, int64_t number)
{
    if (!p->rc)
        p->rc = sqlite3_bind_int64(p->s, at + 1, number);
}

int database_execute(struct database_parameters *p)
{
    int rc = p->rc ? p->rc : step(p->s);
    sqlite3_clear_bindings(p->s);
    return rc;
}

str database_text(sqlite3_stmt *s, int column)
{
    /* Of TEXT a blob is the same bytes; SQLite wants it to be asked for before its length. */
    const char *bytes = sqlite3_column_blob(s, column);
    return (str) { bytes, (size_t)sqlite3_column_bytes(s, column) };
}

/* --- write --- */

/* SQLite would go on in a file that somebody removed, and what it kept there would be gone. */
static bool is_gone(struct database *d)
{
    int has_moved = 0;
    int rc = sqlite3_file_control(d->connection, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    return rc == SQLITE_OK && has_moved;
}

int database_write(struct database *d, int (*write)(void *ctx), void *ctx,
                   struct pipepoll_error *why)
{
    if (is_gone(d))
        return fail(d, why, "was moved or removed while in use; put it back, or restart", "");
    int rc = step(d->begin);
    if (!rc)
        rc = write(ctx);
    if (!rc)
        rc = step(d->commit);
    int r = database_told(d, rc, why); /* before SQLite forgets the errno */
    if (!sqlite3_get_autocommit(d->connection))
        database_run(d, "ROLLBACK");
    return r;
}

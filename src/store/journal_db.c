/* SPDX-License-Identifier: MIT */
/* A new file is made whole under another name, so that a file under ours never is half of one. One
 * of an earlier format gets the columns of the present one when it is first written to. */
#include "store/journal_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/journal_schema.h"

enum {
    APPLICATION_ID = 0x70697065, /* "pipe" */
    FORMAT = 2,                  /* with variables */
    SQL_MAX = 2048
};

/* Who writes to it holds the lock of its folder: whoever has the file is no pipepoll at work. */
const struct database_kind journal_kind = {
    "journal", "forgets the jobs in them",
    "another program keeps it locked, perhaps sqlite3 or a backup; let that end, or stop it",
    APPLICATION_ID, FORMAT
};

/* --- connections --- */

/* Its header once more, as SQLite sees it: the latest may be in the log alone. */
static int check_kind(struct database *d, struct pipepoll_error *why)
{
    int64_t id, format = 0;
    int rc = database_ask_number(d, "PRAGMA application_id", &id);
    if (!rc)
        rc = database_ask_number(d, "PRAGMA user_version", &format);
    return rc ? database_told(d, rc, why)
              : database_judge(d->kind, d->path, (uint32_t)id, (uint32_t)format, why);
}

bool journal_db_is_old(struct database *d)
{
    int64_t format;
    return !database_ask_number(d, "PRAGMA user_version", &format) && format < FORMAT;
}

static int open_as(struct database *out, const char *path, enum database_access access,
                   struct pipepoll_error *why)
{
    *out = (struct database) { .kind = &journal_kind, .path = path };
    int r = database_told(out, database_connect(out, access), why);
    if (!r)
        r = check_kind(out, why);
    if (!r && access == DATABASE_WRITE)
        r = database_told(out, database_check_content(out), why);
    if (r)
        database_close(out);
    return r;
}

int journal_db_open(struct database *out, const char *path, struct pipepoll_error *why)
{
    return open_as(out, path, DATABASE_WRITE, why);
}

int journal_db_open_reader(struct database *out, const char *path, struct pipepoll_error *why)
{
    return open_as(out, path, DATABASE_READ, why);
}

int journal_db_make_ready(struct database *d, struct pipepoll_error *why)
{
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "%sPRAGMA user_version = %d",
             journal_db_is_old(d) ? JOURNAL_MIGRATION : "", FORMAT);
    return database_told(d, database_make_ready(d, sql), why);
}

/* --- a new file --- */

static int fill(const char *new, const char *path, struct pipepoll_error *why)
{
    char sql[SQL_MAX];
    struct database d = { .kind = &journal_kind, .path = new };
    snprintf(sql, sizeof sql,
             "BEGIN; " JOURNAL_SCHEMA "PRAGMA application_id = %d; PRAGMA user_version = %d; "
             "COMMIT",
             APPLICATION_ID, FORMAT);
    int rc = database_connect(&d, DATABASE_WRITE);
    if (!rc)
        rc = database_run(&d, sql);
    d.path = path;
    int r = database_told(&d, rc, why);
    database_close(&d);
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

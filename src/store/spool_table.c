/* SPDX-License-Identifier: MIT */
/* The connection locks the file for as long as it lives, so that two processes cannot spool into
 * one file, whether or not they have journals. A file is made by one transaction: one that was cut
 * off leaves an empty database, which the next start fills. What is deleted is overwritten, for the
 * messages of custom jobs have nonces in them. */
#include "store/spool_table.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/database.h"

enum { APPLICATION_ID = 0x70697073 /* "pips" */, FORMAT = 1 };
static const struct database_kind spool_kind = { "spool",
                                                 "leaves the jobs in them to their service",
                                                 "in use by another process; stop that one, or "
                                                 "choose another state directory",
                                                 APPLICATION_ID, FORMAT };

enum { AT_NUMBER, AT_FOUND_MS, AT_ID, AT_KEY, AT_BODY };
enum statement { PUT, END, READ, STATEMENTS };
static const char *const sql[STATEMENTS] = {
    [PUT] = "INSERT OR REPLACE INTO jobs (number, found_ms, id, key, body) VALUES (?, ?, ?, ?, ?)",
    [END] = "DELETE FROM jobs WHERE number = ?",
    [READ] = "SELECT number, found_ms, id, key, body FROM jobs ORDER BY number",
};

struct spool_table {
    struct database db;
    sqlite3_stmt *statements[STATEMENTS];
    char path[];
};

/* --- open and close --- */

static int cannot_open(const char *path, struct pipepoll_error *why)
{
    return explain(why, PIPEPOLL_ESYSTEM, "spool %s: cannot be opened: %s", path, strerror(errno));
}

int spool_table_check(const char *folder, const char *path, bool *is_held,
                      struct pipepoll_error *why)
{
    const struct database d = { .kind = &spool_kind, .path = path };
    *is_held = false;
    if (access(path, F_OK) && access(folder, W_OK | X_OK))
        return cannot_open(path, why);
    return database_check_file(&d, is_held, why);
}

/* Mode 0600 from the beginning: SQLite gives it to its other files. */
static int touch(const struct spool_table *t, struct pipepoll_error *why)
{
    int fd = open(t->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return cannot_open(t->path, why);
    close(fd);
    return PIPEPOLL_OK;
}

static int connect_alone(struct database *d)
{
    int rc = database_connect(d, DATABASE_WRITE);
    return rc ? rc : database_run(d, "PRAGMA secure_delete = ON; PRAGMA locking_mode = EXCLUSIVE");
}

/* Ours, of our format; or empty. */
static int check(struct database *d, bool *is_empty, struct pipepoll_error *why)
{
    int64_t id, format = 0, tables = 0;
    int rc = database_ask_number(d, "PRAGMA application_id", &id);
    if (!rc)
        rc = database_ask_number(d, "PRAGMA user_version", &format);
    if (!rc)
        rc = database_ask_number(d, "SELECT count(*) FROM sqlite_schema", &tables);
    *is_empty = !rc && !id && !format && !tables;
    int r = database_told(d, rc, why);
    if (!r && !*is_empty)
        r = database_judge(d->kind, d->path, (uint32_t)id, (uint32_t)format, why);
    return r ? r : database_told(d, database_check_content(d), why);
}

static int make_ready(struct database *d, bool is_empty)
{
    char text[512];
    snprintf(text, sizeof text, "%sPRAGMA application_id = %d; PRAGMA user_version = %d",
             is_empty ? "CREATE TABLE jobs (number INTEGER PRIMARY KEY, found_ms INTEGER NOT "
                        "NULL, id ANY NOT NULL, key ANY NOT NULL, body ANY NOT NULL) STRICT; "
                      : "",
             APPLICATION_ID, FORMAT);
    return database_make_ready(d, text);
}

static int prepare_all(struct spool_table *t)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < STATEMENTS; i++)
        rc = database_prepare(&t->db, sql[i], &t->statements[i]);
    return rc;
}

int spool_table_open(struct spool_table **out, const char *path, struct pipepoll_error *why)
{
    struct spool_table *t = calloc(1, sizeof *t + strlen(path) + 1);
    if (!t)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    memcpy(t->path, path, strlen(path) + 1);
    t->db = (struct database) { .kind = &spool_kind, .path = t->path };
    bool is_empty = false;
    int r = touch(t, why);
    if (!r)
        r = database_told(&t->db, connect_alone(&t->db), why);
    if (!r)
        r = check(&t->db, &is_empty, why);
    if (!r)
        r = database_told(&t->db, make_ready(&t->db, is_empty), why);
    if (!r)
        r = database_told(&t->db, prepare_all(t), why);
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
    database_close(&t->db);
    free(t);
}

/* --- write --- */

static int write_one(struct spool_table *t, const struct spool_change *c)
{
    struct database_parameters p = { .s = t->statements[c->is_end ? END : PUT] };
    database_put_number(&p, AT_NUMBER, (int64_t)c->job.number);
    if (!c->is_end) {
        database_put_number(&p, AT_FOUND_MS, c->job.found_ms);
        database_put_text(&p, AT_ID, c->job.id);
        database_put_text(&p, AT_KEY, c->job.key);
        database_put_text(&p, AT_BODY, c->job.body);
    }
    return database_execute(&p);
}

struct batch {
    struct spool_table *table;
    const struct list *changes;
};

static int write_all(void *ctx)
{
    struct batch *b = ctx;
    int rc = SQLITE_OK;
    for (const struct list *n = b->changes->next; !rc && n != b->changes; n = n->next)
        rc = write_one(b->table, CONTAINER_OF(n, struct spool_change, link));
    return rc;
}

int spool_table_write(struct spool_table *t, const struct list *changes, struct pipepoll_error *why)
{
    struct batch batch = { t, changes };
    return database_write(&t->db, write_all, &batch, why);
}

/* --- read --- */

int spool_table_read(struct spool_table *t, spool_job_fn *job, void *ctx,
                     struct pipepoll_error *why)
{
    sqlite3_stmt *s = t->statements[READ];
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const struct spool_job j = { .number = (uint64_t)sqlite3_column_int64(s, AT_NUMBER),
                                     .found_ms = sqlite3_column_int64(s, AT_FOUND_MS),
                                     .id = database_text(s, AT_ID),
                                     .key = database_text(s, AT_KEY),
                                     .body = database_text(s, AT_BODY) };
        job(ctx, &j);
    }
    sqlite3_reset(s);
    return database_told(&t->db, rc, why);
}

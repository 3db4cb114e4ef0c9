/* SPDX-License-Identifier: MIT */
/* Texts go in by binding alone: as TEXT, or as BLOB when a NUL is in them. So people can ask with
 * sqlite3 for job_id = '...', and every byte comes out again. A note replaces the job's row, a job
 * that has ended stays as history until that is pruned; all within the transaction of the batch. */
#include "store/journal_table.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "base/log.h"
#include "store/journal_db.h"
#include "store/journal_schema.h"
#include "store/journal_variables.h"

enum {
    PRUNE_EVERY_MS = 60000, /* by age, when few jobs end */
    PRUNE_SHARE = 16        /* 1/16 of the history's jobs: so many end between two prunings */
};

#define NUMBER(name, type) AT_##name,
enum {
    JOURNAL_KEY_MAP(NUMBER) JOURNAL_NOTE_MAP(NUMBER) AT_first_noted_ms,
    AT_ended_ms,
    AT_outcome,
    AT_variables
};
enum { PARAMETER_variables = AT_first_noted_ms + 1 }; /* of a note, which has not ended */
enum { RESULT_NONE, RESULT_SUCCESS, RESULT_FAILURE };

#define NAME(name, type)      #name ", "
#define PARAMETER(name, type) "?, "
#define RENEWAL(name, type)   #name " = excluded." #name ", "

static const char put_sql[] =
    "INSERT INTO jobs VALUES (" JOURNAL_KEY_MAP(PARAMETER) JOURNAL_NOTE_MAP(
        PARAMETER) "?, NULL, NULL, ?) ON CONFLICT (target, region, job_id) DO UPDATE "
                   "SET " JOURNAL_NOTE_MAP(RENEWAL) "first_noted_ms = CASE WHEN ended_ms IS NULL "
                                                    "THEN first_noted_ms "
                                                    "ELSE excluded.first_noted_ms END, ended_ms = "
                                                    "NULL, outcome = NULL, "
                                                    "variables = excluded.variables";
static const char end_sql[] =
    "UPDATE jobs SET ended_ms = ?4, outcome = ?5, continuation_token = NULL, variables = NULL "
    "WHERE target = ?1 AND region = ?2 AND job_id = ?3 AND ended_ms IS NULL";
static const char prune_old_sql[] = "DELETE FROM jobs WHERE ended_ms < ?";
static const char prune_many_sql[] =
    "DELETE FROM jobs WHERE rowid IN (SELECT rowid FROM jobs WHERE ended_ms IS NOT NULL "
    "ORDER BY ended_ms DESC, rowid DESC LIMIT -1 OFFSET ?)";
#define READ_SQL(variables)                                                                        \
    "SELECT " JOURNAL_KEY_MAP(NAME) JOURNAL_NOTE_MAP(                                              \
        NAME) "first_noted_ms, ended_ms, outcome, " variables                                      \
              " FROM jobs WHERE ended_ms IS NULL OR NOT ?1 ORDER BY first_noted_ms, rowid"
static const char read_sql[] = READ_SQL("variables"), read_old_sql[] = READ_SQL("NULL");

enum statement { PUT, END, PRUNE_OLD, PRUNE_MANY, STATEMENTS };
static const char *const sql[STATEMENTS] = {
    [PUT] = put_sql,
    [END] = end_sql,
    [PRUNE_OLD] = prune_old_sql,
    [PRUNE_MANY] = prune_many_sql,
};

struct journal_table {
    struct database db;
    sqlite3_stmt *statements[STATEMENTS];
    struct journal_history history;
    int64_t pruned_ms;
    uint32_t ended; /* jobs, since then */
    char path[];
};

/* --- open and close --- */

static int prepare_all(struct journal_table *t)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < STATEMENTS; i++)
        rc = database_prepare(&t->db, sql[i], &t->statements[i]);
    return rc;
}

/* One of an earlier format has no shape for the statements yet: it must have that of its time. */
static int check_old(struct database *db)
{
    sqlite3_stmt *s = NULL;
    int rc = database_prepare(db, read_old_sql, &s);
    sqlite3_finalize(s);
    return rc;
}

int journal_table_open(struct journal_table **out, const char *path,
                       const struct journal_history *history, struct pipepoll_error *why)
{
    struct journal_table *t = calloc(1, sizeof *t + strlen(path) + 1);
    if (!t)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    memcpy(t->path, path, strlen(path) + 1);
    t->history = *history;
    int r = journal_db_open(&t->db, t->path, why);
    bool is_old = !r && journal_db_is_old(&t->db);
    if (!r)
        r = database_told(&t->db, is_old ? check_old(&t->db) : prepare_all(t), why);
    if (!r)
        r = journal_db_make_ready(&t->db, why);
    if (!r && is_old)
        r = database_told(&t->db, prepare_all(t), why);
    if (r)
        journal_table_close(t);
    else
        *out = t;
    return r;
}

void journal_table_close(struct journal_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(t->statements[i]);
    database_close(&t->db);
    free(t);
}

/* --- write --- */

static void put_success(struct database_parameters *p, const struct pipepoll_success *success)
{
    database_put_text(p, AT_summary, success->summary);
    database_put_text(p, AT_execution_id, success->execution_id);
    if (success->has_percent)
        database_put_number(p, AT_percent, success->percent_complete);
    const struct pipepoll_revision *revision = success->revision;
    if (!revision)
        return;
    database_put_text(p, AT_revision, revision->revision);
    database_put_text(p, AT_change_identifier, revision->change_identifier);
    database_put_text(p, AT_revision_summary, revision->summary);
    database_put_number(p, AT_revision_created_s, revision->created_s);
}

static void put_failure(struct database_parameters *p, const struct pipepoll_job_failure *failure)
{
    database_put_number(p, AT_failure_type, failure->type);
    database_put_text(p, AT_message, failure->message);
    database_put_text(p, AT_execution_id, failure->execution_id);
}

static void put_key(struct database_parameters *p, const struct journal_change *c)
{
    database_put_text(p, AT_target, c->target);
    database_put_text(p, AT_region, c->entry.region);
    database_put_text(p, AT_job_id, c->entry.job_id);
}

static int write_note(struct journal_table *t, const struct journal_change *c)
{
    struct database_parameters p = { .s = t->statements[PUT] };
    const struct pipepoll_journal_entry *e = &c->entry;
    put_key(&p, c);
    database_put_number(&p, AT_state, e->state);
    database_put_text(&p, AT_client_id, e->client_id);
    database_put_text(&p, AT_claim, e->claim);
    database_put_text(&p, AT_category, e->action_type.category);
    database_put_text(&p, AT_owner, e->action_type.owner);
    database_put_text(&p, AT_provider, e->action_type.provider);
    database_put_text(&p, AT_version, e->action_type.version);
    database_put_number(&p, AT_result,
                        e->success   ? RESULT_SUCCESS
                        : e->failure ? RESULT_FAILURE
                                     : RESULT_NONE);
    database_put_text(&p, AT_continuation_token, e->continuation_token);
    if (c->variables.len)
        database_put_text(&p, PARAMETER_variables, c->variables);
    if (e->success)
        put_success(&p, e->success);
    else if (e->failure)
        put_failure(&p, e->failure);
    database_put_number(&p, AT_last_noted_ms, c->at_ms);
    database_put_number(&p, AT_first_noted_ms, c->at_ms);
    return database_execute(&p);
}

static int write_end(struct journal_table *t, const struct journal_change *c)
{
    enum { AT_WHEN = AT_job_id + 1, AT_HOW };
    struct database_parameters p = { .s = t->statements[END] };
    put_key(&p, c);
    database_put_number(&p, AT_WHEN, c->at_ms);
    database_put_text(&p, AT_HOW, c->outcome);
    t->ended++;
    return database_execute(&p);
}

static bool must_prune(const struct journal_table *t, int64_t now_ms)
{
    bool is_time = now_ms < t->pruned_ms || now_ms - t->pruned_ms >= PRUNE_EVERY_MS;
    return is_time || t->ended > t->history.jobs / PRUNE_SHARE;
}

static int prune(struct journal_table *t, int64_t now_ms)
{
    struct database_parameters old = { .s = t->statements[PRUNE_OLD] };
    struct database_parameters many = { .s = t->statements[PRUNE_MANY] };
    database_put_number(&old, 0, now_ms - (int64_t)t->history.age_s * 1000);
    database_put_number(&many, 0, t->history.jobs);
    int rc = database_execute(&old);
    if (!rc)
        rc = database_execute(&many);
    if (rc)
        return rc;
    t->pruned_ms = now_ms; /* if the commit fails, the next time is soon enough */
    t->ended = 0;
    return SQLITE_OK;
}

struct batch {
    struct journal_table *table;
    const struct list *changes;
    int64_t now_ms;
};

static int write_all(void *ctx)
{
    struct batch *b = ctx;
    int rc = SQLITE_OK;
    for (const struct list *n = b->changes->next; !rc && n != b->changes; n = n->next) {
        const struct journal_change *c = CONTAINER_OF(n, struct journal_change, link);
        rc = c->is_end ? write_end(b->table, c) : write_note(b->table, c);
    }
    if (!rc && must_prune(b->table, b->now_ms))
        rc = prune(b->table, b->now_ms);
    return rc;
}

int journal_table_write(struct journal_table *t, const struct list *changes, int64_t now_ms,
                        struct pipepoll_error *why)
{
    struct batch batch = { t, changes, now_ms };
    return database_write(&t->db, write_all, &batch, why);
}

/* --- read --- */

static bool is_null(sqlite3_stmt *s, int at)
{
    return sqlite3_column_type(s, at) == SQLITE_NULL;
}

static void get_success(sqlite3_stmt *s, struct pipepoll_success *out,
                        struct pipepoll_revision *revision)
{
    *out = (struct pipepoll_success) {
        .size = sizeof *out,
        .summary = database_text(s, AT_summary),
        .execution_id = database_text(s, AT_execution_id),
        .revision = is_null(s, AT_revision) ? NULL : revision,
        .has_percent = !is_null(s, AT_percent),
        .percent_complete = (uint32_t)sqlite3_column_int64(s, AT_percent),
    };
    *revision = (struct pipepoll_revision) {
        .revision = database_text(s, AT_revision),
        .change_identifier = database_text(s, AT_change_identifier),
        .summary = database_text(s, AT_revision_summary),
        .created_s = sqlite3_column_int64(s, AT_revision_created_s),
    };
}

static void get_failure(sqlite3_stmt *s, struct pipepoll_job_failure *out)
{
    *out = (struct pipepoll_job_failure) {
        .size = sizeof *out,
        .type = (enum pipepoll_failure_type)sqlite3_column_int(s, AT_failure_type),
        .message = database_text(s, AT_message),
        .execution_id = database_text(s, AT_execution_id),
    };
}

static void get_entry(sqlite3_stmt *s, struct pipepoll_journal_entry *out)
{
    *out = (struct pipepoll_journal_entry) {
        .size = sizeof *out,
        .state = (enum pipepoll_journal_state)sqlite3_column_int(s, AT_state),
        .region = database_text(s, AT_region),
        .job_id = database_text(s, AT_job_id),
        .client_id = database_text(s, AT_client_id),
        .claim = database_text(s, AT_claim),
        .action_type = { .category = database_text(s, AT_category),
                         .owner = database_text(s, AT_owner),
                         .provider = database_text(s, AT_provider),
                         .version = database_text(s, AT_version) },
        .continuation_token = database_text(s, AT_continuation_token),
    };
}

/* In *block, to be freed. Empty: there are none. */
static int get_variables(sqlite3_stmt *s, struct pipepoll_success *out, void **block)
{
    str text = database_text(s, AT_variables), rest = text;
    struct pipepoll_variable v, *variables;
    size_t count = 0;
    while (journal_variables_next(&rest, &v))
        count++;
    if (rest.len)
        return SQLITE_CORRUPT;
    *block = variables = calloc(count ? count : 1, sizeof *variables);
    if (!variables)
        return SQLITE_NOMEM;
    for (size_t i = 0; i < count; i++)
        journal_variables_next(&text, &variables[i]);
    out->variables = count ? variables : NULL;
    out->variable_count = count;
    return SQLITE_OK;
}

/* SQLITE_CORRUPT: no note of ours left this. */
static int give_row(sqlite3_stmt *s, journal_row_fn *row, void *ctx)
{
    void *variables = NULL;
    struct pipepoll_journal_entry entry;
    struct pipepoll_success success;
    struct pipepoll_revision revision;
    struct pipepoll_job_failure failure;
    int result = sqlite3_column_int(s, AT_result), type = sqlite3_column_int(s, AT_failure_type);
    get_entry(s, &entry);
    get_success(s, &success, &revision);
    get_failure(s, &failure);
    entry.success = result == RESULT_SUCCESS ? &success : NULL;
    entry.failure = result == RESULT_FAILURE ? &failure : NULL;
    if (entry.state < PIPEPOLL_JOURNAL_CLAIMING || entry.state > PIPEPOLL_JOURNAL_REPORTING ||
        result < RESULT_NONE || result > RESULT_FAILURE || type < PIPEPOLL_FAILURE_JOB ||
        type > PIPEPOLL_FAILURE_SYSTEM_UNAVAILABLE)
        return SQLITE_CORRUPT;
    int rc = get_variables(s, &success, &variables);
    if (rc)
        return rc;
    const struct journal_row r = {
        .target = database_text(s, AT_target),
        .entry = &entry,
        .first_noted_ms = sqlite3_column_int64(s, AT_first_noted_ms),
        .last_noted_ms = sqlite3_column_int64(s, AT_last_noted_ms),
        .ended_ms = sqlite3_column_int64(s, AT_ended_ms),
        .outcome = database_text(s, AT_outcome),
    };
    row(ctx, &r);
    free(variables);
    return SQLITE_OK;
}

static int read_all(struct database *db, bool open_only, journal_row_fn *row, void *ctx)
{
    sqlite3_stmt *s = NULL;
    int rc = database_prepare(db, journal_db_is_old(db) ? read_old_sql : read_sql, &s);
    if (!rc)
        rc = sqlite3_bind_int(s, 1, open_only);
    while (!rc && (rc = sqlite3_step(s)) == SQLITE_ROW)
        rc = give_row(s, row, ctx);
    sqlite3_finalize(s);
    return rc;
}

int journal_table_read(const char *path, bool open_only, journal_row_fn *row, void *ctx,
                       struct pipepoll_error *why)
{
    struct database db;
    int r = journal_db_open_reader(&db, path, why);
    if (r)
        return r;
    r = database_told(&db, read_all(&db, open_only, row, ctx), why);
    database_close(&db);
    return r;
}

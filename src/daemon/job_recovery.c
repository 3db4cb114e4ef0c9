/* SPDX-License-Identifier: MIT */
/* Rows are copied one by one, each into a block of its own, and lie sorted by target and region, in
 * the journal's order within. Each loop marks the rows of its own targets alone. */
#include "daemon/job_recovery.h"

#include <stdlib.h>

struct row {
    str target;
    struct pipepoll_journal_entry entry;
    struct pipepoll_success success;
    struct pipepoll_revision revision;
    struct pipepoll_job_failure failure;
    size_t order;
    bool is_taken;
    struct pipepoll_variable variables[]; /* and all texts behind them */
};

struct job_recovery {
    struct row **rows;
    size_t count, cap;
    bool no_memory;
};

/* --- copies --- */

static size_t texts_of_result(const struct pipepoll_journal_entry *e)
{
    const struct pipepoll_success *s = e->success;
    const struct pipepoll_job_failure *f = e->failure;
    const struct pipepoll_revision *v = s ? s->revision : NULL;
    size_t len = e->continuation_token.len;
    if (s)
        len += s->summary.len + s->execution_id.len;
    for (size_t i = 0; s && i < s->variable_count; i++)
        len += s->variables[i].name.len + s->variables[i].value.len;
    if (v)
        len += v->revision.len + v->change_identifier.len + v->summary.len;
    if (f)
        len += f->message.len + f->execution_id.len;
    return len;
}

static size_t texts_of(const struct journal_row *in)
{
    const struct pipepoll_journal_entry *e = in->entry;
    const struct pipepoll_action_type *a = &e->action_type;
    return in->target.len + e->region.len + e->job_id.len + e->client_id.len + a->category.len +
           a->owner.len + a->provider.len + a->version.len + e->claim.len + texts_of_result(e);
}

static void copy_success(struct row *row, char **at, const struct pipepoll_success *s)
{
    row->success = *s;
    row->success.summary = str_keep(at, s->summary);
    row->success.execution_id = str_keep(at, s->execution_id);
    row->entry.success = &row->success;
    row->success.variables = row->variables;
    for (size_t i = 0; i < s->variable_count; i++) {
        row->variables[i].name = str_keep(at, s->variables[i].name);
        row->variables[i].value = str_keep(at, s->variables[i].value);
    }
    if (!s->revision)
        return;
    row->revision = *s->revision;
    row->revision.revision = str_keep(at, s->revision->revision);
    row->revision.change_identifier = str_keep(at, s->revision->change_identifier);
    row->revision.summary = str_keep(at, s->revision->summary);
    row->success.revision = &row->revision;
}

static void copy_failure(struct row *row, char **at, const struct pipepoll_job_failure *f)
{
    row->failure = *f;
    row->failure.message = str_keep(at, f->message);
    row->failure.execution_id = str_keep(at, f->execution_id);
    row->entry.failure = &row->failure;
}

static struct row *row_new(const struct journal_row *in)
{
    const struct pipepoll_journal_entry *e = in->entry;
    size_t variables = e->success ? e->success->variable_count : 0;
    struct row *row = calloc(1, sizeof *row + variables * sizeof *row->variables + texts_of(in));
    if (!row)
        return NULL;
    char *at = (char *)&row->variables[variables];
    row->target = str_keep(&at, in->target);
    row->entry = *e;
    row->entry.region = str_keep(&at, e->region);
    row->entry.job_id = str_keep(&at, e->job_id);
    row->entry.client_id = str_keep(&at, e->client_id);
    row->entry.action_type.category = str_keep(&at, e->action_type.category);
    row->entry.action_type.owner = str_keep(&at, e->action_type.owner);
    row->entry.action_type.provider = str_keep(&at, e->action_type.provider);
    row->entry.action_type.version = str_keep(&at, e->action_type.version);
    row->entry.claim = str_keep(&at, e->claim);
    row->entry.continuation_token = str_keep(&at, e->continuation_token);
    if (e->success)
        copy_success(row, &at, e->success);
    if (e->failure)
        copy_failure(row, &at, e->failure);
    return row;
}

/* --- reading --- */

static bool has_room(struct job_recovery *r)
{
    if (r->count < r->cap)
        return true;
    size_t cap = r->cap ? r->cap * 2 : 64;
    struct row **rows = realloc(r->rows, cap * sizeof(struct row *));
    if (!rows)
        return false;
    r->rows = rows;
    r->cap = cap;
    return true;
}

static void on_row(void *ctx, const struct journal_row *in)
{
    struct job_recovery *r = ctx;
    struct row *row = has_room(r) ? row_new(in) : NULL;
    if (!row) {
        r->no_memory = true;
        return;
    }
    row->order = r->count;
    r->rows[r->count++] = row;
}

static int compare_texts(str a, str b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_place(const struct row *row, str target, str region)
{
    int order = compare_texts(row->target, target);
    return order ? order : compare_texts(row->entry.region, region);
}

static int compare(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
    int order = compare_place(x, y->target, y->entry.region);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

int job_recovery_open(struct job_recovery **out, struct journal *journal,
                      struct pipepoll_error *why)
{
    struct job_recovery *r = calloc(1, sizeof *r);
    if (!r)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int result = journal_walk(journal, on_row, r, why);
    if (!result && r->no_memory)
        result = explain(why, PIPEPOLL_ENOMEM, "out of memory");
    if (result) {
        job_recovery_close(r);
        return result;
    }
    if (r->count)
        qsort(r->rows, r->count, sizeof(struct row *), compare);
    *out = r;
    return PIPEPOLL_OK;
}

void job_recovery_close(struct job_recovery *r)
{
    for (size_t i = 0; r && i < r->count; i++)
        free(r->rows[i]);
    if (r)
        free(r->rows);
    free(r);
}

/* --- taking --- */

size_t job_recovery_count(const struct job_recovery *r)
{
    return r->count;
}

static size_t find(const struct job_recovery *r, str target, str region)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_place(r->rows[middle], target, region) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void job_recovery_take(struct job_recovery *r, str target, str region,
                       bool (*take)(void *ctx, const struct pipepoll_journal_entry *entry),
                       void *ctx)
{
    for (size_t i = find(r, target, region);
         i < r->count && compare_place(r->rows[i], target, region) == 0; i++)
        if (!r->rows[i]->is_taken)
            r->rows[i]->is_taken = take(ctx, &r->rows[i]->entry);
}

void job_recovery_tell(const struct job_recovery *r, const struct log *log)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct row *row = r->rows[i];
        if (!row->is_taken)
            log_line(log, PIPEPOLL_WARNING,
                     "job %.*s of [target %.*s] in %.*s stays in the journal: no such target is "
                     "polled here with a handler",
                     STR_ARG(row->entry.job_id), STR_ARG(row->target), STR_ARG(row->entry.region));
    }
}

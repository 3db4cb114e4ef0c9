/* SPDX-License-Identifier: MIT */
/* The file, and what its writer (batch_writer.h) tells. A batch that fails is told as failed, and
 * written all the same when the disk works again: that helps a job which went on without its
 * note. */
#include "store/journal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/wall_clock.h"
#include "store/journal_db.h"
#include "store/journal_header.h"
#include "store/journal_queue.h"
#include "store/journal_table.h"
#include "store/state_dir.h"

/* Under the mutex. */
static bool is_well(const struct journal *j)
{
    size_t half = (size_t)j->options.max_jobs * JOURNAL_NOTES_PER_JOB / 2;
    return batch_writer_is_well(&j->writer) && j->notes <= half &&
           j->bytes <= JOURNAL_BYTES_MAX / 2;
}

static void tell_recovery(struct journal *j)
{
    if (!j->said_no || !is_well(j))
        return;
    j->said_no = false;
    for (struct list *n = j->users.next; n != &j->users; n = n->next)
        journal_user_recover(CONTAINER_OF(n, struct journal_user, link));
}

/* --- of the writer --- */

static int64_t oldest_at_ms(const struct list *queue)
{
    return list_empty(queue) ? 0 : CONTAINER_OF(queue->next, struct journal_change, link)->at_ms;
}

static void on_taken(void *ctx, const struct list *batch)
{
    struct journal *j = ctx;
    j->writing_at_ms = oldest_at_ms(batch);
}

static void on_kept(struct journal *j, const struct list *batch)
{
    j->stats.batches++;
    for (const struct list *n = batch->next; n != batch; n = n->next) {
        struct journal_change *c = CONTAINER_OF(n, struct journal_change, link);
        if (!c->is_end)
            journal_user_tell(c->user, c->ticket, PIPEPOLL_OK);
        journal_account(j, c, false);
        journal_user_leave(c->user);
        j->stats.changes++;
    }
}

static void on_failed(struct journal *j, const struct list *batch, int status)
{
    j->stats.failures++;
    for (const struct list *n = batch->next; n != batch; n = n->next) {
        struct journal_change *c = CONTAINER_OF(n, struct journal_change, link);
        if (!c->is_end && !c->was_told)
            journal_user_tell(c->user, c->ticket, status);
        c->was_told = true;
    }
}

static void on_written(void *ctx, const struct list *batch, int status)
{
    struct journal *j = ctx;
    j->writing_at_ms = 0;
    j->said_no = j->said_no || status;
    if (status)
        on_failed(j, batch, status);
    else
        on_kept(j, batch);
    tell_recovery(j);
}

static uint64_t size_of(const char *path, const char *suffix)
{
    char name[PATH_MAX];
    struct stat st;
    int len = snprintf(name, sizeof name, "%s%s", path, suffix);
    bool fits = len > 0 && (size_t)len < sizeof name;
    return fits && stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void note_size(struct journal *j)
{
    uint64_t bytes = size_of(j->path, "") + size_of(j->path, "-wal");
    uv_mutex_lock(&j->writer.mutex);
    j->stats.file_bytes = bytes;
    uv_mutex_unlock(&j->writer.mutex);
}

static int write_batch(void *ctx, const struct list *batch, struct pipepoll_error *why)
{
    struct journal *j = ctx;
    int r = journal_table_write(j->table, batch, j->options.now_ms(), why);
    note_size(j);
    return r;
}

static void finish(void *ctx)
{
    struct journal *j = ctx;
    journal_table_close(j->table);
    state_dir_close(&j->dir);
}

static void free_change(struct list *link)
{
    free(CONTAINER_OF(link, struct journal_change, link));
}

/* --- open and close --- */

static int open_table(struct journal *j, struct pipepoll_error *why)
{
    const struct journal_history history = { j->options.history_jobs, j->options.history_s };
    bool exists;
    int r = journal_header_check(j->path, &exists, why);
    if (!r && !exists)
        r = journal_db_create(j->path, why);
    return r ? r : journal_table_open(&j->table, j->path, &history, why);
}

static int start(struct journal *j, struct pipepoll_error *why)
{
    j->writer = (struct batch_writer) { .name = "journal",
                                        .path = j->path,
                                        .retry_ms = j->options.retry_ms,
                                        .log = j->options.log,
                                        .ctx = j,
                                        .write = write_batch,
                                        .taken = on_taken,
                                        .written = on_written,
                                        .finish = finish,
                                        .free_change = free_change };
    if (batch_writer_init(&j->writer))
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    note_size(j);
    int r = batch_writer_start(&j->writer, why);
    if (r)
        batch_writer_deinit(&j->writer);
    return r;
}

int journal_open(struct journal **out, const struct journal_options *o, struct pipepoll_error *why)
{
    struct journal *j = calloc(1, sizeof *j);
    if (!j)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    j->options = *o;
    if (!o->now_ms)
        j->options.now_ms = wall_clock_ms;
    list_init(&j->users);
    int r = state_dir_open(&j->dir, o->state_dir, why);
    if (r) {
        free(j);
        return r;
    }
    j->path = state_dir_file(j->dir.path, JOURNAL_FILE);
    r = j->path ? open_table(j, why) : explain(why, PIPEPOLL_ENOMEM, "out of memory");
    if (!r)
        r = start(j, why);
    if (!r) {
        *out = j;
        return PIPEPOLL_OK;
    }
    journal_table_close(j->table);
    state_dir_close(&j->dir);
    free(j->path);
    free(j);
    return r;
}

bool journal_close(struct journal *j, uint32_t most_ms)
{
    struct batch_writer *w = &j->writer;
    uint64_t end_ms = batch_writer_now_ms() + most_ms;
    uv_mutex_lock(&w->mutex);
    batch_writer_close(w);
    for (uint64_t now_ms; !w->has_ended && (now_ms = batch_writer_now_ms()) < end_ms;)
        uv_cond_timedwait(&w->changed, &w->mutex, (end_ms - now_ms) * 1000000);
    bool ended = w->has_ended;
    uv_mutex_unlock(&w->mutex);
    if (!ended)
        return false;
    uv_thread_join(&w->thread);
    for (struct list *n = w->queue.next; n != &w->queue; n = n->next)
        journal_user_leave(CONTAINER_OF(n, struct journal_change, link)->user);
    batch_writer_deinit(w);
    free(j->path);
    free(j);
    return true;
}

/* --- questions --- */

bool journal_is_well(struct journal *j)
{
    uv_mutex_lock(&j->writer.mutex);
    bool well = is_well(j);
    j->said_no = j->said_no || !well;
    uv_mutex_unlock(&j->writer.mutex);
    return well;
}

void journal_stats(struct journal *j, struct journal_stats *out)
{
    uv_mutex_lock(&j->writer.mutex);
    *out = j->stats;
    out->waiting = j->notes + j->ends;
    int64_t at_ms = j->writing_at_ms ? j->writing_at_ms : oldest_at_ms(&j->writer.queue);
    int64_t lag_ms = at_ms ? j->options.now_ms() - at_ms : 0;
    out->lag_ms = lag_ms > 0 ? lag_ms : 0;
    uv_mutex_unlock(&j->writer.mutex);
}

int journal_walk(struct journal *j, journal_row_fn *row, void *ctx, struct pipepoll_error *why)
{
    return journal_table_read(j->path, true, row, ctx, why);
}

int journal_check(const char *state_dir, bool *is_held, struct pipepoll_error *why)
{
    int r = state_dir_check(state_dir, is_held, why);
    char *real = r ? NULL : realpath(state_dir, NULL);
    if (!real) /* refused, or to be made */
        return r;
    char *path = state_dir_file(real, JOURNAL_FILE);
    bool exists;
    r = path ? journal_header_check(path, &exists, why)
             : explain(why, PIPEPOLL_ENOMEM, "out of memory");
    free(path);
    free(real);
    return r;
}

int journal_read(const char *state_dir, journal_row_fn *row, void *ctx, struct pipepoll_error *why)
{
    char *path;
    int r = state_dir_find(&path, state_dir, JOURNAL_FILE, why);
    if (r)
        return r;
    r = journal_table_read(path, false, row, ctx, why);
    free(path);
    return r;
}

/* SPDX-License-Identifier: MIT */
/* The file, and the thread that writes it.
 *
 * The thread takes all that waits as one batch, so batches grow with the load and with the time
 * that a sync takes. A batch that fails is told as failed, and goes back to the head of the queue:
 * the disk gets it later, which helps a job that went on without its note. */
#include "store/journal.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <uv.h>

#include "store/journal_db.h"
#include "store/journal_header.h"
#include "store/journal_queue.h"
#include "store/journal_table.h"
#include "store/state_dir.h"

enum { HANG_MS = 5000, LOG_EVERY_MS = 60000 };

static uint64_t steady_ms(void)
{
    return uv_hrtime() / 1000000;
}

static int64_t system_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Under the mutex. */
static bool is_well(const struct journal *j)
{
    bool hangs = j->writing_since_ms && steady_ms() - j->writing_since_ms >= HANG_MS;
    size_t half = (size_t)j->options.max_jobs * JOURNAL_NOTES_PER_JOB / 2;
    return !j->failing && !hangs && j->notes <= half && j->bytes <= JOURNAL_BYTES_MAX / 2;
}

static void tell_recovery(struct journal *j)
{
    if (!j->said_no || !is_well(j))
        return;
    j->said_no = false;
    for (struct list *n = j->users.next; n != &j->users; n = n->next)
        journal_user_recover(CONTAINER_OF(n, struct journal_user, link));
}

static void free_all(struct list *changes)
{
    for (struct list *n; (n = list_pop_first(changes)) != NULL;)
        free(CONTAINER_OF(n, struct journal_change, link));
}

/* --- the thread --- */

/* Wait for something to write; after a failure, for the time of the next attempt. */
static void wait_for_work(struct journal *j)
{
    uint64_t next_ms = j->failing ? steady_ms() + j->options.retry_ms : 0;
    while (!j->closing) {
        uint64_t now_ms = steady_ms();
        if (now_ms < next_ms)
            uv_cond_timedwait(&j->changed, &j->mutex, (next_ms - now_ms) * 1000000);
        else if (list_empty(&j->queue))
            uv_cond_wait(&j->changed, &j->mutex);
        else
            return;
    }
}

static int64_t oldest_at_ms(const struct list *queue)
{
    return list_empty(queue) ? 0 : CONTAINER_OF(queue->next, struct journal_change, link)->at_ms;
}

/* false: nothing is left to do. */
static bool take(struct journal *j, struct list *batch)
{
    uv_mutex_lock(&j->mutex);
    wait_for_work(j);
    bool any = !list_empty(&j->queue) && !j->gave_up;
    j->gave_up = j->closing;
    if (any)
        list_move_all(batch, &j->queue);
    j->writing_since_ms = any ? steady_ms() : 0;
    j->writing_at_ms = oldest_at_ms(batch);
    uv_mutex_unlock(&j->mutex);
    return any;
}

/* What is done with stays in the batch, to be freed outside the mutex. */
static void on_kept(struct journal *j, struct list *batch)
{
    j->stats.batches++;
    for (struct list *n = batch->next; n != batch; n = n->next) {
        struct journal_change *c = CONTAINER_OF(n, struct journal_change, link);
        if (!c->is_end)
            journal_user_tell(c->user, c->ticket, PIPEPOLL_OK);
        journal_account(j, c, false);
        journal_user_leave(c->user);
        j->stats.changes++;
    }
}

static void on_failed(struct journal *j, struct list *batch, int status)
{
    j->stats.failures++;
    for (struct list *n = batch->next; n != batch; n = n->next) {
        struct journal_change *c = CONTAINER_OF(n, struct journal_change, link);
        if (!c->is_end && !c->was_told)
            journal_user_tell(c->user, c->ticket, status);
        c->was_told = true;
    }
    list_move_all(batch, &j->queue);
    list_move_all(&j->queue, batch);
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
    uv_mutex_lock(&j->mutex);
    j->stats.file_bytes = bytes;
    uv_mutex_unlock(&j->mutex);
}

static void finish(struct journal *j, struct list *batch, int status)
{
    uv_mutex_lock(&j->mutex);
    j->writing_since_ms = 0;
    j->writing_at_ms = 0;
    j->failing = status != PIPEPOLL_OK;
    j->said_no = j->said_no || j->failing;
    if (status)
        on_failed(j, batch, status);
    else
        on_kept(j, batch);
    tell_recovery(j);
    uv_mutex_unlock(&j->mutex);
    free_all(batch);
}

static void log_outcome(struct journal *j, int status, uint64_t took_ms, const char *why)
{
    uint64_t now_ms = steady_ms();
    if (!status && j->failures)
        log_line(&j->options.log, PIPEPOLL_INFO,
                 "journal %s: is written again, after %llu failures", j->path,
                 (unsigned long long)j->failures);
    else if (!status && took_ms >= HANG_MS)
        log_line(&j->options.log, PIPEPOLL_WARNING, "journal %s: a write took %llu ms", j->path,
                 (unsigned long long)took_ms);
    j->failures = status ? j->failures + 1 : 0;
    if (!status || (j->failures > 1 && now_ms - j->logged_ms < LOG_EVERY_MS))
        return;
    j->logged_ms = now_ms;
    log_line(&j->options.log, PIPEPOLL_ERROR,
             "%s; no jobs are asked for until it is written again, tried every %u ms", why,
             j->options.retry_ms);
}

static void work(void *arg)
{
    struct journal *j = arg;
    struct list batch;
    list_init(&batch);
    note_size(j);
    while (take(j, &batch)) {
        struct pipepoll_error why;
        uint64_t since_ms = steady_ms();
        int r = journal_table_write(j->table, &batch, j->options.now_ms(), &why);
        log_outcome(j, r, steady_ms() - since_ms, r ? why.text : "");
        note_size(j);
        finish(j, &batch, r);
    }
    journal_table_close(j->table);
    state_dir_close(&j->dir);
    uv_mutex_lock(&j->mutex);
    j->ended = true;
    uv_cond_broadcast(&j->changed);
    uv_mutex_unlock(&j->mutex);
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

/* Signals are for the threads of loops. */
static int start_thread(struct journal *j)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = uv_thread_create(&j->thread, work, j);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static int start(struct journal *j, struct pipepoll_error *why)
{
    if (uv_mutex_init(&j->mutex))
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int r = uv_cond_init(&j->changed);
    if (!r && (r = start_thread(j)) != 0)
        uv_cond_destroy(&j->changed);
    if (!r)
        return PIPEPOLL_OK;
    uv_mutex_destroy(&j->mutex);
    return explain(why, PIPEPOLL_ESYSTEM, "journal %s: no thread could be started: %s", j->path,
                   uv_strerror(r));
}

int journal_open(struct journal **out, const struct journal_options *o, struct pipepoll_error *why)
{
    struct journal *j = calloc(1, sizeof *j);
    if (!j)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    j->options = *o;
    if (!o->now_ms)
        j->options.now_ms = system_ms;
    list_init(&j->queue);
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
    uint64_t end_ms = steady_ms() + most_ms;
    uv_mutex_lock(&j->mutex);
    j->closing = true;
    uv_cond_broadcast(&j->changed);
    for (uint64_t now_ms; !j->ended && (now_ms = steady_ms()) < end_ms;)
        uv_cond_timedwait(&j->changed, &j->mutex, (end_ms - now_ms) * 1000000);
    bool ended = j->ended;
    uv_mutex_unlock(&j->mutex);
    if (!ended)
        return false;
    uv_thread_join(&j->thread);
    for (struct list *n = j->queue.next; n != &j->queue; n = n->next)
        journal_user_leave(CONTAINER_OF(n, struct journal_change, link)->user);
    free_all(&j->queue);
    uv_cond_destroy(&j->changed);
    uv_mutex_destroy(&j->mutex);
    free(j->path);
    free(j);
    return true;
}

/* --- questions --- */

bool journal_is_well(struct journal *j)
{
    uv_mutex_lock(&j->mutex);
    bool well = is_well(j);
    j->said_no = j->said_no || !well;
    uv_mutex_unlock(&j->mutex);
    return well;
}

void journal_stats(struct journal *j, struct journal_stats *out)
{
    uv_mutex_lock(&j->mutex);
    *out = j->stats;
    out->waiting = j->notes + j->ends;
    int64_t at_ms = j->writing_at_ms ? j->writing_at_ms : oldest_at_ms(&j->queue);
    int64_t lag_ms = at_ms ? j->options.now_ms() - at_ms : 0;
    out->lag_ms = lag_ms > 0 ? lag_ms : 0;
    uv_mutex_unlock(&j->mutex);
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

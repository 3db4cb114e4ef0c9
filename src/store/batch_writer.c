/* SPDX-License-Identifier: MIT */
/* Batches grow with the load and with the time that a sync takes. One that fails goes back to the
 * head of the queue. No lock is held during a write, so a disk that hangs holds up nobody else. */
#include "store/batch_writer.h"

#include <pthread.h>
#include <signal.h>

enum { HANG_MS = 5000, LOG_EVERY_MS = 60000 };

int batch_writer_init(struct batch_writer *w)
{
    list_init(&w->queue);
    if (uv_mutex_init(&w->mutex))
        return PIPEPOLL_ENOMEM;
    if (!uv_cond_init(&w->changed))
        return PIPEPOLL_OK;
    uv_mutex_destroy(&w->mutex);
    return PIPEPOLL_ENOMEM;
}

static void free_all(struct batch_writer *w, struct list *changes)
{
    for (struct list *n; (n = list_pop_first(changes)) != NULL;)
        w->free_change(n);
}

void batch_writer_deinit(struct batch_writer *w)
{
    free_all(w, &w->queue);
    uv_cond_destroy(&w->changed);
    uv_mutex_destroy(&w->mutex);
}

void batch_writer_add(struct batch_writer *w, struct list *link)
{
    list_put_last(&w->queue, link);
    uv_cond_broadcast(&w->changed);
}

bool batch_writer_is_well(const struct batch_writer *w)
{
    return !w->failing &&
           !(w->writing_since_ms && batch_writer_now_ms() - w->writing_since_ms >= HANG_MS);
}

void batch_writer_close(struct batch_writer *w)
{
    w->closing = true;
    uv_cond_broadcast(&w->changed);
}

/* --- the thread --- */

/* Wait for something to write; after a failure, for the time of the next attempt. */
static void wait_for_work(struct batch_writer *w)
{
    uint64_t next_ms = w->failing ? batch_writer_now_ms() + w->retry_ms : 0;
    while (!w->closing) {
        uint64_t now_ms = batch_writer_now_ms();
        if (now_ms < next_ms)
            uv_cond_timedwait(&w->changed, &w->mutex, (next_ms - now_ms) * 1000000);
        else if (list_empty(&w->queue))
            uv_cond_wait(&w->changed, &w->mutex);
        else
            return;
    }
}

/* false: nothing is left to do. */
static bool take(struct batch_writer *w, struct list *batch)
{
    uv_mutex_lock(&w->mutex);
    wait_for_work(w);
    bool any = !list_empty(&w->queue) && !w->gave_up;
    w->gave_up = w->closing;
    if (any) {
        list_move_all(batch, &w->queue);
        w->writing_since_ms = batch_writer_now_ms();
        w->taken(w->ctx, batch);
    }
    uv_mutex_unlock(&w->mutex);
    return any;
}

/* What is done with is freed outside the mutex. */
static void end_batch(struct batch_writer *w, struct list *batch, int status)
{
    uv_mutex_lock(&w->mutex);
    w->writing_since_ms = 0;
    w->failing = status != PIPEPOLL_OK;
    w->written(w->ctx, batch, status);
    if (status) {
        list_move_all(batch, &w->queue);
        list_move_all(&w->queue, batch);
    }
    uv_mutex_unlock(&w->mutex);
    free_all(w, batch);
}

static void log_outcome(struct batch_writer *w, int status, uint64_t took_ms, const char *why)
{
    uint64_t now_ms = batch_writer_now_ms();
    if (!status && w->failures)
        log_line(&w->log, PIPEPOLL_INFO, "%s %s: is written again, after %llu failures", w->name,
                 w->path, (unsigned long long)w->failures);
    else if (!status && took_ms >= HANG_MS)
        log_line(&w->log, PIPEPOLL_WARNING, "%s %s: a write took %llu ms", w->name, w->path,
                 (unsigned long long)took_ms);
    w->failures = status ? w->failures + 1 : 0;
    if (!status || (w->failures > 1 && now_ms - w->logged_ms < LOG_EVERY_MS))
        return;
    w->logged_ms = now_ms;
    log_line(&w->log, PIPEPOLL_ERROR,
             "%s; no jobs are asked for until it is written again, tried every %u ms", why,
             w->retry_ms);
}

static void work(void *arg)
{
    struct batch_writer *w = arg;
    struct list batch;
    list_init(&batch);
    while (take(w, &batch)) {
        struct pipepoll_error why;
        uint64_t since_ms = batch_writer_now_ms();
        int r = w->write(w->ctx, &batch, &why);
        log_outcome(w, r, batch_writer_now_ms() - since_ms, r ? why.text : "");
        end_batch(w, &batch, r);
    }
    if (w->finish)
        w->finish(w->ctx);
    uv_mutex_lock(&w->mutex);
    w->has_ended = true;
    uv_cond_broadcast(&w->changed);
    if (w->ended)
        w->ended(w->ctx); /* under the mutex: whoever is told so cannot free it before it is left */
    uv_mutex_unlock(&w->mutex);
}

/* Signals are for the threads of loops. */
int batch_writer_start(struct batch_writer *w, struct pipepoll_error *why)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = uv_thread_create(&w->thread, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r ? explain(why, PIPEPOLL_ESYSTEM, "%s %s: no thread could be started: %s", w->name,
                       w->path, uv_strerror(r))
             : PIPEPOLL_OK;
}

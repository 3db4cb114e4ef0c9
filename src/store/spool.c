/* SPDX-License-Identifier: MIT */
/* The thread takes all that waits as one batch, so batches grow with the load and with the time
 * that a sync takes; one that fails goes back to the head of the queue. A put that is still in the
 * queue is found by its number, so that its forget takes it out: with an engine that is quick,
 * little gets to the disk. How many jobs there are only the loop counts. */
#include "store/spool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#include "base/table.h"
#include "store/spool_table.h"
#include "store/state_dir.h"

enum { HANG_MS = 5000, LOG_EVERY_MS = 60000 };

struct queued {
    struct table_node node; /* in spool.puts, while it is a put in the queue */
    struct spool_change change;
};

struct spool {
    struct spool_options options;
    struct spool_table *table; /* the thread's, once that runs */
    char *path;
    bool has_async, has_thread;
    uv_thread_t thread;
    uv_async_t async;

    uv_mutex_t mutex; /* of all below */
    uv_cond_t changed;
    struct list queue;         /* of spool_change */
    struct table puts;         /* of these, by number */
    uint64_t writing_since_ms; /* 0: nothing is being written */
    uint64_t durable;          /* to be told; 0: nothing is */
    bool failing, closing, gave_up, ended;

    uint64_t told; /* the loop's */
    size_t jobs;
    bool said_no;
    struct spool_events events;
    void (*closed)(void *ctx);
    void *closed_ctx;

    uint64_t failures, logged_ms; /* the thread's: in a row; the last line about them */
};

static uint64_t steady_ms(void)
{
    return uv_hrtime() / 1000000;
}

static struct queued *queued_of(struct list *link)
{
    return CONTAINER_OF(link, struct queued, change.link);
}

/* A nonce may be in it. */
static void queued_free(struct queued *q)
{
    if (q)
        explicit_bzero(q, q->change.size);
    free(q);
}

static void free_all(struct list *changes)
{
    for (struct list *n; (n = list_pop_first(changes)) != NULL;)
        queued_free(queued_of(n));
}

/* --- the thread --- */

static void wait_for_work(struct spool *s)
{
    uint64_t next_ms = s->failing ? steady_ms() + s->options.retry_ms : 0;
    while (!s->closing) {
        uint64_t now_ms = steady_ms();
        if (now_ms < next_ms)
            uv_cond_timedwait(&s->changed, &s->mutex, (next_ms - now_ms) * 1000000);
        else if (list_empty(&s->queue))
            uv_cond_wait(&s->changed, &s->mutex);
        else
            return;
    }
}

/* false: nothing is left to do. */
static bool take(struct spool *s, struct list *batch)
{
    uv_mutex_lock(&s->mutex);
    wait_for_work(s);
    bool any = !list_empty(&s->queue) && !s->gave_up;
    s->gave_up = s->closing;
    if (any)
        list_move_all(batch, &s->queue);
    for (struct list *n = batch->next; n != batch; n = n->next)
        table_remove(&s->puts, &queued_of(n)->node);
    s->writing_since_ms = any ? steady_ms() : 0;
    uv_mutex_unlock(&s->mutex);
    return any;
}

static uint64_t last_put(const struct list *batch)
{
    for (const struct list *n = batch->prev; n != batch; n = n->prev) {
        const struct spool_change *c = CONTAINER_OF(n, struct spool_change, link);
        if (!c->is_end)
            return c->job.number;
    }
    return 0;
}

static void finish(struct spool *s, struct list *batch, int status)
{
    uint64_t number = last_put(batch);
    uv_mutex_lock(&s->mutex);
    s->writing_since_ms = 0;
    s->failing = status != PIPEPOLL_OK;
    if (status) {
        list_move_all(batch, &s->queue);
        list_move_all(&s->queue, batch);
    } else if (number > s->durable) {
        s->durable = number;
    }
    uv_mutex_unlock(&s->mutex);
    uv_async_send(&s->async);
    free_all(batch);
}

static void log_outcome(struct spool *s, int status, uint64_t took_ms, const char *why)
{
    uint64_t now_ms = steady_ms();
    if (!status && s->failures)
        log_line(&s->options.log, PIPEPOLL_INFO, "spool %s: is written again, after %llu failures",
                 s->path, (unsigned long long)s->failures);
    else if (!status && took_ms >= HANG_MS)
        log_line(&s->options.log, PIPEPOLL_WARNING, "spool %s: a write took %llu ms", s->path,
                 (unsigned long long)took_ms);
    s->failures = status ? s->failures + 1 : 0;
    if (!status || (s->failures > 1 && now_ms - s->logged_ms < LOG_EVERY_MS))
        return;
    s->logged_ms = now_ms;
    log_line(&s->options.log, PIPEPOLL_ERROR,
             "%s; no jobs are asked for until it is written again, tried every %u ms", why,
             s->options.retry_ms);
}

static void work(void *arg)
{
    struct spool *s = arg;
    struct list batch;
    list_init(&batch);
    while (take(s, &batch)) {
        struct pipepoll_error why;
        uint64_t since_ms = steady_ms();
        int r = spool_table_write(s->table, &batch, &why);
        log_outcome(s, r, steady_ms() - since_ms, r ? why.text : "");
        finish(s, &batch, r);
    }
    uv_mutex_lock(&s->mutex);
    s->ended = true;
    uv_async_send(&s->async); /* before the loop can see that */
    uv_mutex_unlock(&s->mutex);
}

/* --- the loop --- */

static void spool_free(struct spool *s)
{
    uv_cond_destroy(&s->changed);
    uv_mutex_destroy(&s->mutex);
    free_all(&s->queue);
    table_deinit(&s->puts);
    spool_table_close(s->table);
    free(s->path);
    free(s);
}

static void on_closed(uv_handle_t *handle)
{
    struct spool *s = CONTAINER_OF((uv_async_t *)handle, struct spool, async);
    void (*closed)(void *ctx) = s->closed;
    void *ctx = s->closed_ctx;
    if (s->has_thread)
        uv_thread_join(&s->thread);
    spool_free(s);
    if (closed)
        closed(ctx);
}

static void on_async(uv_async_t *async)
{
    struct spool *s = CONTAINER_OF(async, struct spool, async);
    uv_mutex_lock(&s->mutex);
    uint64_t durable = s->durable;
    bool ended = s->ended;
    uv_mutex_unlock(&s->mutex);
    if (durable > s->told) {
        s->told = durable;
        s->events.durable(s->events.ctx, durable);
    }
    if (ended)
        uv_close((uv_handle_t *)async, on_closed);
    else if (s->said_no && spool_is_well(s))
        s->events.room(s->events.ctx);
}

bool spool_is_well(struct spool *s)
{
    uv_mutex_lock(&s->mutex);
    bool hangs = s->writing_since_ms && steady_ms() - s->writing_since_ms >= HANG_MS;
    bool well = !s->failing && !hangs && s->jobs < s->options.max_jobs;
    uv_mutex_unlock(&s->mutex);
    s->said_no = !well;
    return well;
}

static struct queued *queued_new(const struct spool_job *job)
{
    size_t size = sizeof(struct queued) + job->id.len + job->key.len + job->body.len;
    struct queued *q = calloc(1, size);
    if (!q)
        return NULL;
    char *at = (char *)(q + 1);
    q->change.size = size;
    q->change.job = *job;
    q->change.job.id = str_keep(&at, job->id);
    q->change.job.key = str_keep(&at, job->key);
    q->change.job.body = str_keep(&at, job->body);
    return q;
}

static uint64_t hash_of(const struct spool *s, uint64_t number)
{
    return table_hash(s->puts.seed, (str) { (const char *)&number, sizeof number });
}

bool spool_put(struct spool *s, const struct spool_job *job)
{
    struct queued *q = s->jobs < s->options.max_jobs ? queued_new(job) : NULL;
    s->said_no = s->said_no || !q;
    if (!q)
        return false;
    s->jobs++;
    uv_mutex_lock(&s->mutex);
    list_put_last(&s->queue, &q->change.link);
    table_put(&s->puts, &q->node, hash_of(s, job->number));
    uv_cond_broadcast(&s->changed);
    uv_mutex_unlock(&s->mutex);
    return true;
}

/* The put of this number that is not written yet, out of the queue; NULL: there is none. */
static struct queued *take_back(struct spool *s, uint64_t number)
{
    struct table_node *n = table_first(&s->puts, hash_of(s, number));
    for (; n; n = table_next(n)) {
        struct queued *q = CONTAINER_OF(n, struct queued, node);
        if (q->change.job.number != number)
            continue;
        table_remove(&s->puts, &q->node);
        list_remove(&q->change.link);
        return q;
    }
    return NULL;
}

void spool_forget(struct spool *s, uint64_t number)
{
    struct queued *end = queued_new(&(struct spool_job) { .number = number });
    s->jobs -= s->jobs > 0;
    uv_mutex_lock(&s->mutex);
    struct queued *put = take_back(s, number);
    if (!put && end) { /* without memory it comes again after the next start */
        end->change.is_end = true;
        list_put_last(&s->queue, &end->change.link);
        uv_cond_broadcast(&s->changed);
        end = NULL;
    }
    uv_mutex_unlock(&s->mutex);
    queued_free(end);
    queued_free(put);
    if (s->said_no)
        uv_async_send(&s->async); /* there may be room */
}

/* --- open and close --- */

static int spool_new(struct spool **out, const struct spool_options *o, struct pipepoll_error *why)
{
    struct spool *s = calloc(1, sizeof *s);
    bool has_mutex = s && !uv_mutex_init(&s->mutex);
    if (!has_mutex || uv_cond_init(&s->changed)) {
        if (has_mutex)
            uv_mutex_destroy(&s->mutex);
        free(s);
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    }
    s->options = *o;
    list_init(&s->queue);
    table_init(&s->puts, (struct alloc) { 0 }, uv_hrtime());
    *out = s;
    return PIPEPOLL_OK;
}

int spool_open(struct spool **out, const struct spool_options *o, struct pipepoll_error *why)
{
    struct spool *s = NULL;
    int r = spool_new(&s, o, why);
    if (r)
        return r;
    r = state_dir_make(o->state_dir, why);
    if (!r && !(s->path = state_dir_file(o->state_dir, SPOOL_FILE)))
        r = explain(why, PIPEPOLL_ENOMEM, "out of memory");
    if (!r)
        r = spool_table_open(&s->table, s->path, why);
    if (r)
        spool_free(s);
    else
        *out = s;
    return r;
}

int spool_check(const char *state_dir, bool *is_held, struct pipepoll_error *why)
{
    bool is_there;
    *is_held = false;
    int r = state_dir_check_place(state_dir, &is_there, why);
    if (r || !is_there)
        return r;
    char *path = state_dir_file(state_dir, SPOOL_FILE);
    r = path ? spool_table_check(path, is_held, why)
             : explain(why, PIPEPOLL_ENOMEM, "out of memory");
    free(path);
    return r;
}

struct walk {
    struct spool *spool;
    spool_job_fn *job;
    void *ctx;
};

static void on_row(void *ctx, const struct spool_job *job)
{
    struct walk *walk = ctx;
    walk->spool->jobs++;
    walk->job(walk->ctx, job);
}

int spool_walk(struct spool *s, spool_job_fn *job, void *ctx, struct pipepoll_error *why)
{
    struct walk walk = { s, job, ctx };
    s->jobs = 0;
    return spool_table_read(s->table, on_row, &walk, why);
}

/* Signals are for the threads of loops. */
static int start_thread(struct spool *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = uv_thread_create(&s->thread, work, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int spool_start(struct spool *s, struct uv_loop_s *loop, const struct spool_events *events,
                struct pipepoll_error *why)
{
    s->events = *events;
    int r = uv_async_init(loop, &s->async, on_async);
    s->has_async = !r;
    if (!r)
        r = start_thread(s);
    s->has_thread = !r;
    return r ? explain(why, PIPEPOLL_ESYSTEM, "spool %s: no thread could be started: %s", s->path,
                       uv_strerror(r))
             : PIPEPOLL_OK;
}

void spool_close(struct spool *s, void (*closed)(void *ctx), void *ctx)
{
    s->closed = closed;
    s->closed_ctx = ctx;
    uv_mutex_lock(&s->mutex);
    s->closing = true;
    uv_cond_broadcast(&s->changed);
    uv_mutex_unlock(&s->mutex);
    if (s->has_thread)
        return; /* which tells when it has ended */
    if (s->has_async) {
        uv_close((uv_handle_t *)&s->async, on_closed);
        return;
    }
    spool_free(s);
    if (closed)
        closed(ctx);
}

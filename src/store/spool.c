/* SPDX-License-Identifier: MIT */
/* A put that is still in the queue of the writer (batch_writer.h) is found by its number, so that
 * its forget takes it out: with an engine that is quick, little gets to the disk. How many jobs
 * there are only the loop counts. The thread closes the file too, for SQLite syncs at that. */
#include "store/spool.h"

#include <stdlib.h>
#include <uv.h>

#include "base/table.h"
#include "store/batch_writer.h"
#include "store/spool_table.h"
#include "store/state_dir.h"

struct queued {
    struct table_node node; /* in spool.puts, while it is a put in the queue */
    struct spool_change change;
};

struct spool {
    struct spool_options options;
    struct spool_table *table; /* the thread's, once that runs */
    char *path;
    bool has_async, has_thread;
    uv_async_t async;
    uv_timer_t deadline; /* of the close */

    struct batch_writer writer; /* of spool_change; its mutex is that of all below */
    struct table puts;          /* those in its queue, by number */
    uint64_t durable;           /* to be told; 0: nothing is */
    bool is_left;               /* the loop hears no more of the thread */

    uint64_t told; /* the loop's */
    size_t jobs;
    bool said_no;
    struct spool_events events;
    spool_closed_fn *closed;
    void *closed_ctx;
};

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

static void free_change(struct list *link)
{
    queued_free(queued_of(link));
}

/* --- of the writer --- */

static void on_taken(void *ctx, const struct list *batch)
{
    struct spool *s = ctx;
    for (struct list *n = batch->next; n != batch; n = n->next)
        table_remove(&s->puts, &queued_of(n)->node);
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

/* Under the mutex. */
static void wake_loop(struct spool *s)
{
    if (!s->is_left)
        uv_async_send(&s->async);
}

static void on_written(void *ctx, const struct list *batch, int status)
{
    struct spool *s = ctx;
    uint64_t number = last_put(batch);
    if (!status && number > s->durable)
        s->durable = number;
    wake_loop(s);
}

static void on_ended(void *ctx)
{
    wake_loop(ctx);
}

static void finish(void *ctx)
{
    struct spool *s = ctx;
    spool_table_close(s->table);
    s->table = NULL;
}

static int write_batch(void *ctx, const struct list *batch, struct pipepoll_error *why)
{
    struct spool *s = ctx;
    return spool_table_write(s->table, batch, why);
}

/* --- the loop --- */

static void spool_free(struct spool *s)
{
    batch_writer_deinit(&s->writer);
    table_deinit(&s->puts);
    spool_table_close(s->table);
    free(s->path);
    free(s);
}

static void on_closed(uv_handle_t *handle)
{
    struct spool *s = CONTAINER_OF((uv_async_t *)handle, struct spool, async);
    spool_closed_fn *closed = s->closed;
    void *ctx = s->closed_ctx;
    bool is_left = s->is_left;
    if (!is_left && s->has_thread)
        uv_thread_join(&s->writer.thread);
    if (!is_left)
        spool_free(s);
    if (closed)
        closed(ctx, !is_left);
}

static void on_deadline_closed(uv_handle_t *deadline)
{
    struct spool *s = CONTAINER_OF((uv_timer_t *)deadline, struct spool, deadline);
    uv_close((uv_handle_t *)&s->async, on_closed);
}

static void close_handles(struct spool *s)
{
    if (!uv_is_closing((uv_handle_t *)&s->deadline))
        uv_close((uv_handle_t *)&s->deadline, on_deadline_closed);
}

static void on_deadline(uv_timer_t *deadline)
{
    struct spool *s = CONTAINER_OF(deadline, struct spool, deadline);
    uv_mutex_lock(&s->writer.mutex);
    bool ended = s->writer.has_ended;
    s->is_left = !ended;
    uv_mutex_unlock(&s->writer.mutex);
    if (!ended)
        log_line(&s->options.log, PIPEPOLL_WARNING, "spool %s: the disk hangs: it is left behind",
                 s->path);
    close_handles(s);
}

static void on_async(uv_async_t *async)
{
    struct spool *s = CONTAINER_OF(async, struct spool, async);
    uv_mutex_lock(&s->writer.mutex);
    uint64_t durable = s->durable;
    bool ended = s->writer.has_ended;
    uv_mutex_unlock(&s->writer.mutex);
    if (durable > s->told) {
        s->told = durable;
        s->events.durable(s->events.ctx, durable);
    }
    if (ended)
        close_handles(s);
    else if (s->said_no && spool_is_well(s))
        s->events.room(s->events.ctx);
}

bool spool_is_well(struct spool *s)
{
    uv_mutex_lock(&s->writer.mutex);
    bool well = batch_writer_is_well(&s->writer) && s->jobs < s->options.max_jobs;
    uv_mutex_unlock(&s->writer.mutex);
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
    uv_mutex_lock(&s->writer.mutex);
    batch_writer_add(&s->writer, &q->change.link);
    table_put(&s->puts, &q->node, hash_of(s, job->number));
    uv_mutex_unlock(&s->writer.mutex);
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
    uv_mutex_lock(&s->writer.mutex);
    struct queued *put = take_back(s, number);
    if (!put && end) { /* without memory it comes again after the next start */
        end->change.is_end = true;
        batch_writer_add(&s->writer, &end->change.link);
        end = NULL;
    }
    uv_mutex_unlock(&s->writer.mutex);
    queued_free(end);
    queued_free(put);
    if (s->said_no)
        uv_async_send(&s->async); /* there may be room */
}

/* --- open and close --- */

static void init_writer(struct spool *s)
{
    s->writer = (struct batch_writer) { .name = "spool",
                                        .path = s->path,
                                        .retry_ms = s->options.retry_ms,
                                        .log = s->options.log,
                                        .ctx = s,
                                        .write = write_batch,
                                        .taken = on_taken,
                                        .written = on_written,
                                        .ended = on_ended,
                                        .finish = finish,
                                        .free_change = free_change };
}

static int spool_new(struct spool **out, const struct spool_options *o, struct pipepoll_error *why)
{
    struct spool *s = calloc(1, sizeof *s);
    char *path = state_dir_file(o->state_dir, SPOOL_FILE);
    if (s) {
        s->options = *o;
        s->path = path;
        init_writer(s);
    }
    if (!s || !path || batch_writer_init(&s->writer)) {
        free(path);
        free(s);
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    }
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
    r = path ? spool_table_check(state_dir, path, is_held, why)
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

int spool_start(struct spool *s, struct uv_loop_s *loop, const struct spool_events *events,
                struct pipepoll_error *why)
{
    s->events = *events;
    int r = uv_async_init(loop, &s->async, on_async);
    s->has_async = !r;
    if (!r)
        uv_timer_init(loop, &s->deadline);
    r = r ? explain(why, PIPEPOLL_ESYSTEM, "spool %s: %s", s->path, uv_strerror(r))
          : batch_writer_start(&s->writer, why);
    s->has_thread = !r;
    return r;
}

void spool_close(struct spool *s, uint32_t most_ms, spool_closed_fn *closed, void *ctx)
{
    s->closed = closed;
    s->closed_ctx = ctx;
    uv_mutex_lock(&s->writer.mutex);
    batch_writer_close(&s->writer);
    uv_mutex_unlock(&s->writer.mutex);
    if (s->has_thread) { /* which tells when it has ended */
        uv_timer_start(&s->deadline, on_deadline, most_ms, 0);
        return;
    }
    if (s->has_async) {
        close_handles(s);
        return;
    }
    spool_free(s);
    if (closed)
        closed(ctx, true);
}

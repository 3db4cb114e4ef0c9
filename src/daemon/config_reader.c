/* SPDX-License-Identifier: MIT */
/* The thread ends when it has rung the loop, which then waits for it. Who closes meanwhile and the
 * thread meet under the mutex: whatever the thread does for others it does while it holds it, and
 * not when it finds the reader closed. Then the last of the two to leave frees the reader; a thread
 * that hangs in a read never does. */
#include "daemon/config_reader.h"

#include <stdlib.h>

#include "daemon/leave.h"

struct config_reader {
    struct config_reader_options options;
    uv_thread_t thread;
    uv_async_t read; /* the loop's */
    uv_mutex_t mutex;
    bool closed, reading;      /* under the mutex */
    bool left;                 /* closed, and out of the loop; under the mutex */
    bool read_untold;          /* handed over, and done() not called yet; as `got` */
    struct config_reading got; /* the thread's while `reading`, the loop's after it */
};

static void reader_free(struct config_reader *r)
{
    uv_mutex_destroy(&r->mutex);
    free(r);
}

static void hand_over(struct config_reader *r)
{
    struct config_reading *got = &r->got;
    if (!got->result)
        got->result = r->options.prepare(r->options.ctx, &got->config);
    if (got->result)
        config_deinit(&got->config);
    r->read_untold = true;
    uv_async_send(&r->read);
}

static void work(void *arg)
{
    struct config_reader *r = arg;
    r->got.result = config_load(&r->got.config, r->options.path, &r->got.diagnostics);
    uv_mutex_lock(&r->mutex);
    bool left = r->left;
    if (r->closed)
        config_deinit(&r->got.config);
    else
        hand_over(r);
    r->reading = false;
    uv_mutex_unlock(&r->mutex);
    if (left)
        reader_free(r);
}

static void on_read(uv_async_t *read)
{
    struct config_reader *r = read->data;
    uv_thread_join(&r->thread);
    r->read_untold = false;
    r->options.done(r->options.ctx, &r->got);
}

int config_reader_open(struct config_reader **out, const struct config_reader_options *o)
{
    struct config_reader *r = calloc(1, sizeof *r);
    if (!r)
        return PIPEPOLL_ENOMEM;
    r->options = *o;
    r->read.data = r;
    if (uv_mutex_init(&r->mutex) == 0) {
        if (uv_async_init(o->loop, &r->read, on_read) == 0) {
            *out = r;
            return PIPEPOLL_OK;
        }
        uv_mutex_destroy(&r->mutex);
    }
    free(r);
    return PIPEPOLL_ESYSTEM;
}

int config_reader_start(struct config_reader *r)
{
    r->got = (struct config_reading) { .result = PIPEPOLL_OK };
    r->reading = true; /* before there is a thread that says that it is not */
    int failed = uv_thread_create(&r->thread, work, r);
    if (failed)
        r->reading = false;
    return failed;
}

static void on_closed(uv_handle_t *read)
{
    struct config_reader *r = read->data;
    uv_mutex_lock(&r->mutex);
    bool reading = r->reading;
    r->left = true;
    uv_mutex_unlock(&r->mutex);
    if (reading)
        return;
    if (r->read_untold) {
        uv_thread_join(&r->thread);
        config_deinit(&r->got.config);
    }
    reader_free(r);
}

void config_reader_close(struct config_reader *r)
{
    uv_mutex_lock(&r->mutex);
    r->closed = true;
    bool reading = r->reading;
    uv_mutex_unlock(&r->mutex);
    if (reading)
        leave_behind();
    uv_close((uv_handle_t *)&r->read, on_closed);
}

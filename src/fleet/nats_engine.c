/* SPDX-License-Identifier: MIT */
/* The loop's side: what is asked for is put on the desk, what happened is taken from it.
 *
 * Closing waits for the thread by a timer, never by a join: a thread that hangs (in the resolver,
 * in cnats) is left behind with all that it uses, and frees it should it ever end. Whoever leaves
 * last frees: the flags for that are under the desk's mutex. */
#include "fleet/nats_engine.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "fleet/nats_core.h"
#include "fleet/nats_options.h"
#include "fleet/nats_order.h"

struct nats_engine {
    struct engine face;
    struct nats_options *options;
    struct engine_events events;
    struct nats_desk desk;
    struct nats_core *core;
    uv_thread_t thread;
    uv_async_t async;
    uv_timer_t deadline;
    int handles; /* not closed yet */
    bool is_closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
    /* Under the desk's mutex. */
    bool thread_ended, loop_left;
};

static struct nats_engine *engine_of(struct engine *self)
{
    return CONTAINER_OF(self, struct nats_engine, face);
}

static void free_engine(struct nats_engine *e)
{
    nats_desk_deinit(&e->desk);
    free(e->options);
    free(e);
}

/* --- the thread --- */

static void work(void *arg)
{
    struct nats_engine *e = arg;
    nats_core_run(e->core);
    uv_mutex_lock(&e->desk.mutex);
    e->thread_ended = true;
    bool is_last = e->loop_left;
    if (e->desk.async)
        uv_async_send(e->desk.async);
    uv_mutex_unlock(&e->desk.mutex);
    if (is_last)
        free_engine(e);
}

/* Signals are for the threads of loops; those that cnats starts inherit this. */
static int start_thread(struct nats_engine *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = uv_thread_create(&e->thread, work, e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

/* --- events --- */

static void tell_seen(struct nats_engine *e, struct nats_note *n)
{
    uv_mutex_lock(&e->desk.mutex);
    bool is_current = e->desk.watches[n->log].generation == n->generation;
    uv_mutex_unlock(&e->desk.mutex);
    if (is_current)
        e->events.seen(e->events.ctx, n->log, n->key, n->body, n->sequence);
}

static void tell_caught_up(struct nats_engine *e, const struct nats_caught_up *c)
{
    uv_mutex_lock(&e->desk.mutex);
    bool is_current = e->desk.watches[c->log].generation == c->generation;
    uv_mutex_unlock(&e->desk.mutex);
    if (is_current)
        e->events.caught_up(e->events.ctx, c->log);
}

/* It may be settled inside, and be gone. */
static void tell_pulled(struct nats_engine *e, struct engine_delivery *d)
{
    struct nats_note *n = d->note;
    d->note = NULL;
    e->events.pulled(e->events.ctx, d, d->key, n->body, d->delivered);
    nats_note_free(n);
}

static void tell(struct nats_engine *e, struct nats_event *event)
{
    switch (event->kind) {
    case NATS_STATE: {
        const struct nats_state *s = CONTAINER_OF(event, struct nats_state, event);
        e->events.state(e->events.ctx, s->state, str_of(s->why));
        return;
    }
    case NATS_WRITTEN: {
        const struct nats_write *w = CONTAINER_OF(event, struct nats_write, event);
        e->events.written(e->events.ctx, w->ticket, w->result);
        return;
    }
    case NATS_SEEN:
        tell_seen(e, CONTAINER_OF(event, struct nats_note, event));
        return;
    case NATS_CAUGHT_UP:
        tell_caught_up(e, CONTAINER_OF(event, struct nats_caught_up, event));
        return;
    case NATS_PULLED:
        tell_pulled(e, CONTAINER_OF(event, struct engine_delivery, event));
        return;
    }
}

static void leave(struct nats_engine *e);

static void on_async(uv_async_t *async)
{
    struct nats_engine *e = CONTAINER_OF(async, struct nats_engine, async);
    struct list events, *n;
    list_init(&events);
    nats_desk_take(&e->desk, &events);
    while ((n = list_pop_first(&events)) != NULL) {
        struct nats_event *event = CONTAINER_OF(n, struct nats_event, link);
        enum nats_event_kind kind = event->kind;
        if (!e->is_closing)
            tell(e, event);
        if (kind != NATS_PULLED)
            nats_event_free(&e->desk, event);
    }
    uv_mutex_lock(&e->desk.mutex);
    bool ended = e->thread_ended;
    uv_mutex_unlock(&e->desk.mutex);
    if (ended && e->is_closing)
        leave(e);
}

/* --- what is asked for --- */

static bool engine_write(struct engine *self, const struct engine_message *m)
{
    struct nats_engine *e = engine_of(self);
    return !e->is_closing && nats_order_write(&e->desk, e->options->fleet, m);
}

static void engine_watch(struct engine *self, enum engine_log log, str prefix)
{
    bool ok = !prefix.len || engine_is_key(prefix, false);
    nats_order_watch(&engine_of(self)->desk, log, ok, ok ? prefix : STR(""));
}

static void engine_unwatch(struct engine *self, enum engine_log log)
{
    nats_order_watch(&engine_of(self)->desk, log, false, STR(""));
}

static void engine_remove(struct engine *self, enum engine_log log, str key)
{
    struct nats_engine *e = engine_of(self);
    nats_order_remove(&e->desk, e->options->fleet, log, key);
}

static bool engine_pull(struct engine *self, str filter, unsigned count)
{
    return nats_order_pull(&engine_of(self)->desk, filter, count);
}

static void engine_done(struct engine *self, struct engine_delivery *d)
{
    nats_order_settle(&engine_of(self)->desk, d, NATS_DONE, 0);
}

static void engine_give_back(struct engine *self, struct engine_delivery *d, uint32_t after_ms)
{
    nats_order_settle(&engine_of(self)->desk, d, NATS_GIVEN_BACK, after_ms);
}

static void engine_hold(struct engine *self, struct engine_delivery *d)
{
    nats_order_settle(&engine_of(self)->desk, d, NATS_UNSETTLED, 0);
}

static void engine_stats(struct engine *self, struct engine_stats *out)
{
    struct nats_engine *e = engine_of(self);
    uv_mutex_lock(&e->desk.mutex);
    *out = e->desk.stats;
    uv_mutex_unlock(&e->desk.mutex);
}

/* --- open and close --- */

/* false: the thread is still at work, and all that is shared is its own from now on. */
static bool take_back(struct nats_engine *e)
{
    uv_thread_t thread = e->thread;
    uv_mutex_lock(&e->desk.mutex);
    bool ended = e->thread_ended;
    e->loop_left = true;
    uv_mutex_unlock(&e->desk.mutex);
    if (ended)
        uv_thread_join(&thread);
    else
        pthread_detach(thread);
    return ended;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct nats_engine *e = handle->data;
    if (--e->handles)
        return;
    void (*closed)(void *ctx) = e->closed;
    void *ctx = e->closed_ctx;
    if (take_back(e))
        free_engine(e);
    if (closed)
        closed(ctx);
}

static void leave(struct nats_engine *e)
{
    if (uv_is_closing((uv_handle_t *)&e->async))
        return;
    uv_mutex_lock(&e->desk.mutex);
    e->desk.async = NULL;
    uv_mutex_unlock(&e->desk.mutex);
    uv_close((uv_handle_t *)&e->async, on_handle_closed);
    uv_close((uv_handle_t *)&e->deadline, on_handle_closed);
}

static void on_deadline(uv_timer_t *timer)
{
    leave(CONTAINER_OF(timer, struct nats_engine, deadline));
}

/* The thread has most of the time to send; the rest is for its connection to close. */
static void engine_close(struct engine *self, uint32_t most_ms, void (*closed)(void *ctx),
                         void *ctx)
{
    struct nats_engine *e = engine_of(self);
    e->is_closing = true;
    e->closed = closed;
    e->closed_ctx = ctx;
    uv_mutex_lock(&e->desk.mutex);
    e->desk.is_closing = true;
    e->desk.close_by_ms = nats_now_ms() + most_ms - most_ms / 4;
    uv_mutex_unlock(&e->desk.mutex);
    uv_update_time(e->deadline.loop);
    uv_timer_start(&e->deadline, on_deadline, most_ms, 0);
    nats_desk_wake(&e->desk);
}

static const struct engine face = {
    .write = engine_write,
    .watch = engine_watch,
    .unwatch = engine_unwatch,
    .remove = engine_remove,
    .pull = engine_pull,
    .done = engine_done,
    .give_back = engine_give_back,
    .hold = engine_hold,
    .stats = engine_stats,
    .close = engine_close,
};

static void on_not_opened(uv_handle_t *handle)
{
    struct nats_engine *e = handle->data;
    if (--e->handles == 0)
        free_engine(e);
}

static int open_handles(struct nats_engine *e, struct uv_loop_s *loop)
{
    int r = uv_async_init(loop, &e->async, on_async);
    if (r)
        return r;
    uv_timer_init(loop, &e->deadline);
    e->async.data = e->deadline.data = e;
    e->desk.async = &e->async;
    e->handles = 2;
    return 0;
}

static int start(struct nats_engine *e, struct uv_loop_s *loop, struct pipepoll_error *why)
{
    e->core = nats_core_new(&e->desk, e->options);
    if (!e->core)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    int r = open_handles(e, loop);
    if (!r && (r = start_thread(e)) == 0)
        return PIPEPOLL_OK;
    free(e->core);
    return explain(why, PIPEPOLL_ESYSTEM, "the engine's thread could not be started: %s",
                   uv_strerror(r));
}

int nats_engine_open(struct engine **out, struct uv_loop_s *loop, const struct nats_options *o,
                     const struct engine_events *events, struct pipepoll_error *why)
{
    int r = nats_options_check(o, why);
    if (r)
        return r;
    struct nats_engine *e = calloc(1, sizeof *e);
    if (!e || nats_desk_init(&e->desk)) {
        free(e);
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    }
    e->face = face;
    e->events = *events;
    e->options = nats_options_copy(o);
    r = e->options ? start(e, loop, why) : explain(why, PIPEPOLL_ENOMEM, "out of memory");
    if (!r) {
        *out = &e->face;
        return PIPEPOLL_OK;
    }
    if (!e->handles) {
        free_engine(e);
        return r;
    }
    uv_close((uv_handle_t *)&e->async, on_not_opened);
    uv_close((uv_handle_t *)&e->deadline, on_not_opened);
    return r;
}

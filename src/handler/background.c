/* SPDX-License-Identifier: MIT */
/* One thread, one queue. Loop and thread meet under the mutex. What the thread has done it puts
 * into a list and rings the loop, under the mutex too, so that nobody rings a bell that is closed.
 * Nothing here waits for the thread: the last of the two to leave frees what they share, and a
 * thread that hangs in a call for ever only keeps that. */
#include "handler/background.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <uv.h>

struct background {
    uv_loop_t *loop;
    uv_async_t bell;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct list queued, ran; /* under the mutex, as are the next two */
    bool closing;            /* nobody rings any more, and the thread is to end */
    unsigned shared_by;      /* loop, thread */
    unsigned holds;
    bool wants_close, bell_closed;
    void (*closed)(void *ctx);
    void *ctx;
};

static struct background_work *work_of(struct list *link)
{
    return CONTAINER_OF(link, struct background_work, link);
}

/* The mutex is held, and is not afterwards. */
static void leave(struct background *b)
{
    bool last = --b->shared_by == 0;
    pthread_mutex_unlock(&b->mutex);
    if (!last)
        return;
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->mutex);
    free(b);
}

/* --- the thread --- */

/* Under the mutex, but for the work itself. */
static void run_one(struct background *b, struct background_work *w)
{
    w->state = BACKGROUND_RUNNING;
    bool wanted = !w->abandoned;
    pthread_mutex_unlock(&b->mutex);
    if (wanted)
        w->run(w);
    pthread_mutex_lock(&b->mutex);
    w->state = BACKGROUND_RAN;
    if (!w->abandoned) {
        list_put_last(&b->ran, &w->link);
        uv_async_send(&b->bell);
        return;
    }
    pthread_mutex_unlock(&b->mutex);
    w->end(w);
    pthread_mutex_lock(&b->mutex);
}

static void *work(void *arg)
{
    struct background *b = arg;
    pthread_mutex_lock(&b->mutex);
    for (;;) {
        struct list *next = list_pop_first(&b->queued);
        if (next)
            run_one(b, work_of(next));
        else if (b->closing)
            break;
        else
            pthread_cond_wait(&b->wake, &b->mutex);
    }
    leave(b);
    return NULL;
}

/* With every signal blocked: they are for the loop's thread. */
static int start_thread(struct background *b)
{
    sigset_t every, before;
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes))
        return PIPEPOLL_ENOMEM;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    int r = pthread_create(&thread, &attributes, work, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return r ? PIPEPOLL_ESYSTEM : PIPEPOLL_OK;
}

/* --- the loop --- */

static void on_bell(uv_async_t *bell)
{
    struct background *b = bell->data;
    struct list *next;
    pthread_mutex_lock(&b->mutex);
    while ((next = list_pop_first(&b->ran))) {
        struct background_work *w = work_of(next);
        pthread_mutex_unlock(&b->mutex);
        w->done(w);
        w->end(w);
        pthread_mutex_lock(&b->mutex);
    }
    pthread_mutex_unlock(&b->mutex);
}

static void close_if_free(struct background *b)
{
    if (b->holds || !b->bell_closed)
        return;
    void (*closed)(void *ctx) = b->closed;
    void *ctx = b->ctx;
    pthread_mutex_lock(&b->mutex);
    leave(b);
    if (closed)
        closed(ctx);
}

static void on_bell_closed(uv_handle_t *bell)
{
    struct background *b = bell->data;
    b->bell_closed = true;
    close_if_free(b);
}

static void on_unborn(uv_handle_t *bell)
{
    struct background *b = bell->data;
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->mutex);
    free(b);
}

int background_open(struct background **out, struct uv_loop_s *loop)
{
    struct background *b = calloc(1, sizeof *b);
    if (!b)
        return PIPEPOLL_ENOMEM;
    if (uv_async_init(loop, &b->bell, on_bell)) {
        free(b);
        return PIPEPOLL_ESYSTEM;
    }
    b->loop = loop;
    b->bell.data = b;
    b->shared_by = 2;
    list_init(&b->queued);
    list_init(&b->ran);
    pthread_mutex_init(&b->mutex, NULL);
    pthread_cond_init(&b->wake, NULL);
    int r = start_thread(b);
    if (r) {
        uv_close((uv_handle_t *)&b->bell, on_unborn);
        return r;
    }
    *out = b;
    return PIPEPOLL_OK;
}

void background_start(struct background *b, struct background_work *w)
{
    w->background = b;
    w->state = BACKGROUND_QUEUED;
    w->abandoned = false;
    list_init(&w->link);
    pthread_mutex_lock(&b->mutex);
    list_put_last(&b->queued, &w->link);
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->mutex);
}

/* The thread ends it whatever its state, for that may block too. */
void background_abandon(struct background_work *w)
{
    struct background *b = w->background;
    pthread_mutex_lock(&b->mutex);
    w->abandoned = true;
    if (w->state == BACKGROUND_RAN) {
        list_remove(&w->link);
        list_put_last(&b->queued, &w->link);
        pthread_cond_signal(&b->wake);
    }
    pthread_mutex_unlock(&b->mutex);
}

void background_hold(struct background *b)
{
    b->holds++;
}

void background_release(struct background *b)
{
    if (!--b->holds && b->wants_close)
        close_if_free(b);
}

struct uv_loop_s *background_loop(const struct background *b)
{
    return b->loop;
}

void background_close(struct background *b, void (*closed)(void *ctx), void *ctx)
{
    b->wants_close = true;
    b->closed = closed;
    b->ctx = ctx;
    pthread_mutex_lock(&b->mutex);
    b->closing = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->mutex);
    uv_close((uv_handle_t *)&b->bell, on_bell_closed);
}

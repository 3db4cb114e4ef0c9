/* SPDX-License-Identifier: MIT */
/* A loop is reached by its one uv_async: what is wanted of it stands in its member, under the mutex
 * of all, since libuv makes one call of several sends. loop_threads_each() waits until all have
 * answered: whatever it hands over needs no lock, and no copy that outlives the call. A loop that
 * has not begun when the time is over is not asked any more, so it finds nothing later.
 *
 * A loop that waits for events and one that hangs look alike from outside. So each of several has a
 * timer that wakes it, and stores the time: its beat, which any thread may look at. */
#include "daemon/loop_threads.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

#include "base/log.h"
#include "daemon/leave.h"
#include "daemon/steady.h"

enum { HAS_LEFT = -1 }; /* in place of a beat */

struct member {
    struct loop_threads *loop_threads;
    uint32_t index;
    uv_loop_t loop;
    uv_async_t call;
    uv_timer_t beat;
    _Atomic int64_t beat_ms; /* when it turned last */
    uv_thread_t thread;
    bool asked, nudged, leaving; /* under the mutex */
    bool left;                   /* nothing of ours is in the loop any more */
    bool hangs;                  /* but something of the library */
};

struct loop_threads {
    struct loop_threads_options options;
    uv_mutex_t mutex;
    uv_cond_t answered;
    uint32_t awaited;                  /* loops that have not answered; under the mutex */
    void (*fn)(void *ctx, uint32_t i); /* what `asked` asks for; stays while one is awaited */
    void *fn_ctx;
    uint32_t gone; /* threads at their end; under the mutex */
    uv_async_t home;
    bool told; /* left() was called */
    struct member members[];
};

static bool is_alone(const struct loop_threads *threads)
{
    return threads->options.loops == 1;
}

int64_t loop_threads_silent_ms(const struct loop_threads *threads, uint32_t i)
{
    if (is_alone(threads))
        return 0;
    int64_t beat_ms = threads->members[i].beat_ms, silent_ms = steady_ms() - beat_ms;
    return beat_ms == HAS_LEFT || silent_ms < 0 ? 0 : silent_ms;
}

/* --- on a loop's own thread --- */

static void on_beat(uv_timer_t *beat)
{
    struct member *m = beat->data;
    m->beat_ms = steady_ms();
}

static bool take(struct member *m, bool *flag)
{
    uv_mutex_lock(&m->loop_threads->mutex);
    bool was = *flag;
    *flag = false;
    uv_mutex_unlock(&m->loop_threads->mutex);
    return was;
}

static void answer(struct member *m)
{
    struct loop_threads *threads = m->loop_threads;
    threads->fn(threads->fn_ctx, m->index);
    uv_mutex_lock(&threads->mutex);
    threads->awaited--;
    uv_cond_signal(&threads->answered);
    uv_mutex_unlock(&threads->mutex);
}

/* What is asked is taken last, for it is not withdrawn any more then. */
static void on_call(uv_async_t *call)
{
    struct member *m = call->data;
    struct loop_threads *threads = m->loop_threads;
    if (take(m, &m->nudged) && threads->options.nudged)
        threads->options.nudged(threads->options.ctx, m->index);
    if (take(m, &m->asked))
        answer(m);
}

static void work(void *arg)
{
    struct member *m = arg;
    struct loop_threads *threads = m->loop_threads;
    m->hangs = !leave_loop(&m->loop, &m->left);
    uv_mutex_lock(&threads->mutex);
    threads->gone++;
    uv_mutex_unlock(&threads->mutex);
    loop_threads_report(threads);
}

static void on_call_closed(uv_handle_t *call)
{
    struct member *m = call->data;
    m->left = true;
}

static void on_beat_closed(uv_handle_t *beat)
{
    struct member *m = beat->data;
    m->beat_ms = HAS_LEFT;
    uv_close((uv_handle_t *)&m->call, on_call_closed);
}

void loop_threads_leave(struct loop_threads *threads, uint32_t i)
{
    if (is_alone(threads)) {
        threads->options.left(threads->options.ctx);
        return;
    }
    struct member *m = &threads->members[i];
    uv_mutex_lock(&threads->mutex);
    m->leaving = true;
    uv_mutex_unlock(&threads->mutex);
    uv_close((uv_handle_t *)&m->beat, on_beat_closed);
}

/* --- at home --- */

static void join(struct loop_threads *threads, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        uv_thread_join(&threads->members[i].thread);
}

static void on_home(uv_async_t *home)
{
    struct loop_threads *threads = home->data;
    uv_mutex_lock(&threads->mutex);
    bool all_gone = threads->gone == threads->options.loops;
    uv_mutex_unlock(&threads->mutex);
    bool tell = all_gone && !threads->told;
    if (threads->options.reported)
        threads->options.reported(threads->options.ctx);
    if (!tell)
        return;
    threads->told = true;
    join(threads, threads->options.loops);
    threads->options.left(threads->options.ctx);
}

struct uv_loop_s *loop_threads_loop(struct loop_threads *threads, uint32_t i)
{
    return is_alone(threads) ? threads->options.home : &threads->members[i].loop;
}

/* libuv's own send is safe on any thread, but not to a loop that is no more. */
static void call(struct member *m, bool ask)
{
    struct loop_threads *threads = m->loop_threads;
    uv_mutex_lock(&threads->mutex);
    m->asked = m->asked || ask;
    m->nudged = m->nudged || !ask;
    if (!m->leaving)
        uv_async_send(&m->call);
    uv_mutex_unlock(&threads->mutex);
}

/* Under the mutex. true: somebody was asked in vain. */
static bool withdraw(struct loop_threads *threads)
{
    uint32_t before = threads->awaited;
    for (uint32_t i = 0; i < threads->options.loops; i++) {
        threads->awaited -= threads->members[i].asked;
        threads->members[i].asked = false;
    }
    return threads->awaited < before;
}

/* The first `count` loops, with so much time to begin; UINT64_MAX: as long as it takes. */
static bool each(struct loop_threads *threads, uint32_t count, uint64_t within_ns,
                 void (*fn)(void *ctx, uint32_t i), void *ctx)
{
    bool all = true, over = within_ns == UINT64_MAX;
    uv_mutex_lock(&threads->mutex);
    threads->fn = fn;
    threads->fn_ctx = ctx;
    threads->awaited = count;
    uv_mutex_unlock(&threads->mutex);
    uint64_t begun_ns = uv_hrtime();
    for (uint32_t i = 0; i < count; i++)
        call(&threads->members[i], true);
    uv_mutex_lock(&threads->mutex);
    while (threads->awaited) {
        uint64_t passed_ns = uv_hrtime() - begun_ns;
        if (!over && passed_ns < within_ns) {
            uv_cond_timedwait(&threads->answered, &threads->mutex, within_ns - passed_ns);
        } else if (!over) {
            over = true;
            all = !withdraw(threads);
        } else {
            uv_cond_wait(&threads->answered, &threads->mutex);
        }
    }
    uv_mutex_unlock(&threads->mutex);
    return all;
}

void loop_threads_each(struct loop_threads *threads, void (*fn)(void *ctx, uint32_t i))
{
    if (is_alone(threads))
        fn(threads->options.ctx, 0);
    else
        each(threads, threads->options.loops, UINT64_MAX, fn, threads->options.ctx);
}

bool loop_threads_try_each(struct loop_threads *threads, void (*fn)(void *ctx, uint32_t i),
                           uint32_t within_ms)
{
    if (!is_alone(threads))
        return each(threads, threads->options.loops, (uint64_t)within_ms * 1000000, fn,
                    threads->options.ctx);
    fn(threads->options.ctx, 0);
    return true;
}

void loop_threads_nudge(struct loop_threads *threads, uint32_t i)
{
    if (!is_alone(threads))
        call(&threads->members[i], false);
}

void loop_threads_report(struct loop_threads *threads)
{
    if (!is_alone(threads))
        uv_async_send(&threads->home);
}

/* --- the beginning and the end --- */

static void start_beat(struct member *m)
{
    uv_timer_init(&m->loop, &m->beat);
    m->beat.data = m;
    m->beat_ms = steady_ms();
    uv_timer_start(&m->beat, on_beat, LOOP_THREADS_BEAT_MS, LOOP_THREADS_BEAT_MS);
}

static int member_start(struct member *m)
{
    int r = uv_loop_init(&m->loop);
    if (r)
        return r;
    r = uv_async_init(&m->loop, &m->call, on_call);
    if (!r) {
        m->call.data = m;
        start_beat(m);
        r = uv_thread_create(&m->thread, work, m);
        if (!r)
            return 0;
        uv_close((uv_handle_t *)&m->beat, NULL);
        uv_close((uv_handle_t *)&m->call, NULL);
        uv_run(&m->loop, UV_RUN_DEFAULT);
    }
    uv_loop_close(&m->loop);
    return r;
}

static void on_home_closed(uv_handle_t *home)
{
    struct loop_threads *threads = home->data;
    bool hangs = false;
    for (uint32_t i = 0; i < threads->options.loops; i++)
        hangs = hangs || threads->members[i].hangs;
    uv_cond_destroy(&threads->answered);
    uv_mutex_destroy(&threads->mutex);
    if (!hangs) /* a thread that hangs will look for its loop in here */
        free(threads);
}

static void leave_member(void *ctx, uint32_t i)
{
    loop_threads_leave(ctx, i);
}

static int start_threads(struct loop_threads *threads, uint32_t count, struct pipepoll_error *why)
{
    for (uint32_t i = 0; i < count; i++) {
        threads->members[i].loop_threads = threads;
        threads->members[i].index = i;
        int r = member_start(&threads->members[i]);
        if (!r)
            continue;
        each(threads, i, UINT64_MAX, leave_member, threads);
        join(threads, i);
        return explain(why, PIPEPOLL_ESYSTEM, "no thread for loop %u: %s", i + 1, uv_strerror(r));
    }
    return PIPEPOLL_OK;
}

/* What several need; nothing is left behind on failure. */
static int init_shared(struct loop_threads *threads)
{
    if (uv_mutex_init(&threads->mutex))
        return PIPEPOLL_ESYSTEM;
    if (uv_cond_init(&threads->answered) == 0) {
        threads->home.data = threads;
        if (uv_async_init(threads->options.home, &threads->home, on_home) == 0)
            return PIPEPOLL_OK;
        uv_cond_destroy(&threads->answered);
    }
    uv_mutex_destroy(&threads->mutex);
    return PIPEPOLL_ESYSTEM;
}

int loop_threads_open(struct loop_threads **out, const struct loop_threads_options *o,
                      struct pipepoll_error *why)
{
    uint32_t members = o->loops == 1 ? 0 : o->loops;
    struct loop_threads *threads = calloc(1, sizeof *threads + members * sizeof *threads->members);
    if (!threads)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    threads->options = *o;
    if (members && init_shared(threads)) {
        free(threads);
        return explain(why, PIPEPOLL_ESYSTEM, "no means to talk between threads");
    }
    int r = start_threads(threads, members, why);
    if (r)
        uv_close((uv_handle_t *)&threads->home, on_home_closed);
    else
        *out = threads;
    return r;
}

void loop_threads_close(struct loop_threads *threads)
{
    if (is_alone(threads))
        free(threads);
    else
        uv_close((uv_handle_t *)&threads->home, on_home_closed);
}

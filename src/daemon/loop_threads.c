/* A loop is reached by its one uv_async: what is wanted of it stands in its member, under the mutex
 * of all, since libuv makes one call of several sends. loop_threads_each() waits on a semaphore:
 * whatever it hands over needs no lock, and no copy that outlives the call. */
#include "daemon/loop_threads.h"

#include <stdlib.h>
#include <uv.h>

#include "base/log.h"
#include "daemon/leave.h"

struct member {
    struct loop_threads *loop_threads;
    uint32_t index;
    uv_loop_t loop;
    uv_async_t call;
    uv_thread_t thread;
    bool asked, nudged, leaving; /* under the mutex */
    bool left;                   /* nothing of ours is in the loop any more */
    bool hangs;                  /* but something of the library */
};

struct loop_threads {
    struct loop_threads_options options;
    uv_mutex_t mutex;
    uv_sem_t answered;
    void (*fn)(void *ctx, uint32_t i); /* what `asked` asks for; under the mutex */
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

/* --- on a loop's own thread --- */

static void on_call(uv_async_t *call)
{
    struct member *m = call->data;
    struct loop_threads *threads = m->loop_threads;
    uv_mutex_lock(&threads->mutex);
    bool asked = m->asked, nudged = m->nudged;
    void (*fn)(void *ctx, uint32_t i) = threads->fn;
    void *fn_ctx = threads->fn_ctx;
    m->asked = m->nudged = false;
    uv_mutex_unlock(&threads->mutex);
    if (nudged && threads->options.nudged)
        threads->options.nudged(threads->options.ctx, m->index);
    if (!asked)
        return;
    fn(fn_ctx, m->index);
    uv_sem_post(&threads->answered);
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
    uv_close((uv_handle_t *)&m->call, on_call_closed);
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

/* The first `count` loops. */
static void each(struct loop_threads *threads, uint32_t count, void (*fn)(void *ctx, uint32_t i),
                 void *ctx)
{
    uv_mutex_lock(&threads->mutex);
    threads->fn = fn;
    threads->fn_ctx = ctx;
    uv_mutex_unlock(&threads->mutex);
    for (uint32_t i = 0; i < count; i++)
        call(&threads->members[i], true);
    for (uint32_t i = 0; i < count; i++)
        uv_sem_wait(&threads->answered);
}

void loop_threads_each(struct loop_threads *threads, void (*fn)(void *ctx, uint32_t i))
{
    if (is_alone(threads))
        fn(threads->options.ctx, 0);
    else
        each(threads, threads->options.loops, fn, threads->options.ctx);
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

static int member_start(struct member *m)
{
    int r = uv_loop_init(&m->loop);
    if (r)
        return r;
    r = uv_async_init(&m->loop, &m->call, on_call);
    if (!r) {
        m->call.data = m;
        r = uv_thread_create(&m->thread, work, m);
        if (!r)
            return 0;
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
    uv_sem_destroy(&threads->answered);
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
        each(threads, i, leave_member, threads);
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
    if (uv_sem_init(&threads->answered, 0) == 0) {
        threads->home.data = threads;
        if (uv_async_init(threads->options.home, &threads->home, on_home) == 0)
            return PIPEPOLL_OK;
        uv_sem_destroy(&threads->answered);
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

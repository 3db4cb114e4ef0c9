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

static bool is_alone(const struct loop_threads *c)
{
    return c->options.loops == 1;
}

/* --- on a loop's own thread --- */

static void on_call(uv_async_t *call)
{
    struct member *m = call->data;
    struct loop_threads *c = m->loop_threads;
    uv_mutex_lock(&c->mutex);
    bool asked = m->asked, nudged = m->nudged;
    void (*fn)(void *ctx, uint32_t i) = c->fn;
    void *fn_ctx = c->fn_ctx;
    m->asked = m->nudged = false;
    uv_mutex_unlock(&c->mutex);
    if (nudged && c->options.nudged)
        c->options.nudged(c->options.ctx, m->index);
    if (!asked)
        return;
    fn(fn_ctx, m->index);
    uv_sem_post(&c->answered);
}

static void work(void *arg)
{
    struct member *m = arg;
    struct loop_threads *c = m->loop_threads;
    m->hangs = !leave_loop(&m->loop, &m->left);
    uv_mutex_lock(&c->mutex);
    c->gone++;
    uv_mutex_unlock(&c->mutex);
    loop_threads_report(c);
}

static void on_call_closed(uv_handle_t *call)
{
    struct member *m = call->data;
    m->left = true;
}

void loop_threads_leave(struct loop_threads *c, uint32_t i)
{
    if (is_alone(c)) {
        c->options.left(c->options.ctx);
        return;
    }
    struct member *m = &c->members[i];
    uv_mutex_lock(&c->mutex);
    m->leaving = true;
    uv_mutex_unlock(&c->mutex);
    uv_close((uv_handle_t *)&m->call, on_call_closed);
}

/* --- at home --- */

static void join(struct loop_threads *c, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        uv_thread_join(&c->members[i].thread);
}

static void on_home(uv_async_t *home)
{
    struct loop_threads *c = home->data;
    uv_mutex_lock(&c->mutex);
    bool all_gone = c->gone == c->options.loops;
    uv_mutex_unlock(&c->mutex);
    bool tell = all_gone && !c->told;
    if (c->options.reported)
        c->options.reported(c->options.ctx);
    if (!tell)
        return;
    c->told = true;
    join(c, c->options.loops);
    c->options.left(c->options.ctx);
}

struct uv_loop_s *loop_threads_loop(struct loop_threads *c, uint32_t i)
{
    return is_alone(c) ? c->options.home : &c->members[i].loop;
}

/* libuv's own send is safe on any thread, but not to a loop that is no more. */
static void call(struct member *m, bool ask)
{
    struct loop_threads *c = m->loop_threads;
    uv_mutex_lock(&c->mutex);
    m->asked = m->asked || ask;
    m->nudged = m->nudged || !ask;
    if (!m->leaving)
        uv_async_send(&m->call);
    uv_mutex_unlock(&c->mutex);
}

/* The first `count` loops. */
static void each(struct loop_threads *c, uint32_t count, void (*fn)(void *ctx, uint32_t i),
                 void *ctx)
{
    uv_mutex_lock(&c->mutex);
    c->fn = fn;
    c->fn_ctx = ctx;
    uv_mutex_unlock(&c->mutex);
    for (uint32_t i = 0; i < count; i++)
        call(&c->members[i], true);
    for (uint32_t i = 0; i < count; i++)
        uv_sem_wait(&c->answered);
}

void loop_threads_each(struct loop_threads *c, void (*fn)(void *ctx, uint32_t i))
{
    if (is_alone(c))
        fn(c->options.ctx, 0);
    else
        each(c, c->options.loops, fn, c->options.ctx);
}

void loop_threads_nudge(struct loop_threads *c, uint32_t i)
{
    if (!is_alone(c))
        call(&c->members[i], false);
}

void loop_threads_report(struct loop_threads *c)
{
    if (!is_alone(c))
        uv_async_send(&c->home);
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
    struct loop_threads *c = home->data;
    bool hangs = false;
    for (uint32_t i = 0; i < c->options.loops; i++)
        hangs = hangs || c->members[i].hangs;
    uv_sem_destroy(&c->answered);
    uv_mutex_destroy(&c->mutex);
    if (!hangs) /* a thread that hangs will look for its loop in here */
        free(c);
}

static void leave_member(void *ctx, uint32_t i)
{
    loop_threads_leave(ctx, i);
}

static int start_threads(struct loop_threads *c, uint32_t count, struct pipepoll_error *why)
{
    for (uint32_t i = 0; i < count; i++) {
        c->members[i].loop_threads = c;
        c->members[i].index = i;
        int r = member_start(&c->members[i]);
        if (!r)
            continue;
        each(c, i, leave_member, c);
        join(c, i);
        return explain(why, PIPEPOLL_ESYSTEM, "no thread for loop %u: %s", i + 1, uv_strerror(r));
    }
    return PIPEPOLL_OK;
}

/* What several need; nothing is left behind on failure. */
static int init_shared(struct loop_threads *c)
{
    if (uv_mutex_init(&c->mutex))
        return PIPEPOLL_ESYSTEM;
    if (uv_sem_init(&c->answered, 0) == 0) {
        c->home.data = c;
        if (uv_async_init(c->options.home, &c->home, on_home) == 0)
            return PIPEPOLL_OK;
        uv_sem_destroy(&c->answered);
    }
    uv_mutex_destroy(&c->mutex);
    return PIPEPOLL_ESYSTEM;
}

int loop_threads_open(struct loop_threads **out, const struct loop_threads_options *o,
                      struct pipepoll_error *why)
{
    uint32_t members = o->loops == 1 ? 0 : o->loops;
    struct loop_threads *c = calloc(1, sizeof *c + members * sizeof *c->members);
    if (!c)
        return explain(why, PIPEPOLL_ENOMEM, "out of memory");
    c->options = *o;
    if (members && init_shared(c)) {
        free(c);
        return explain(why, PIPEPOLL_ESYSTEM, "no means to talk between threads");
    }
    int r = start_threads(c, members, why);
    if (r)
        uv_close((uv_handle_t *)&c->home, on_home_closed);
    else
        *out = c;
    return r;
}

void loop_threads_close(struct loop_threads *c)
{
    if (is_alone(c))
        free(c);
    else
        uv_close((uv_handle_t *)&c->home, on_home_closed);
}

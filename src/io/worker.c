/* SPDX-License-Identifier: MIT */
/* One queue and one set of detached threads for the process, under one mutex, which nobody holds
 * for longer than it takes to move a job.
 *
 * How many threads: WIDTH jobs run side by side. One that takes longer than stuck_ns counts no
 * more, so another may begin beside it; jobs that hang cost the others that much delay, and a
 * thread each, up to the share of their class. Hence there is always one thread more than are at
 * work: it waits for the instant at which the next job may begin. Threads without work end after a
 * while.
 *
 * A thread cannot be stopped, so nobody waits for one: at its end a job that was abandoned is freed
 * by the thread, and the process may end before that. After fork() the child has none of them, and
 * begins anew. */
#include "io/worker.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <uv.h>

#include "io/timers.h"

enum {
    WIDTH = 8,
    STACK_SIZE = 1 << 20, /* address space only; name services of the system want some */
};
static const uint64_t stuck_ns = 100000000;
static const uint64_t idle_ns = 10000000000; /* then a thread ends */

static const unsigned shares[WORKER_CLASSES] = {
    [WORKER_NAME_KNOWN] = 8, [WORKER_NAME_NEW] = 64, [WORKER_FILE] = 16,
    [WORKER_PROGRAM] = 32,   [WORKER_NAME_SLOW] = 8, /* together WORKER_THREADS_MAX */
};

enum { FREE, QUEUED, FOLLOWING, RUNNING, DONE };

struct worker {
    uv_async_t async;
    struct timers *timers;
    struct list done; /* jobs; under the mutex */
    struct alloc alloc;
    void (*closed)(void *ctx);
    void *ctx;
};

/* A thread at work, on its own stack. */
struct member {
    struct list link;
    uint64_t since_ns;
};

/* All under the mutex. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t news;
    struct list queues[WORKER_CLASSES];
    unsigned busy[WORKER_CLASSES];
    struct list at_work; /* members, the last to begin last */
    unsigned threads, working;
    struct table keys; /* the first job of each key; the others follow it */
} all = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* --- once, and after fork() --- */

static void all_init(void)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&all.news, &attributes);
    pthread_condattr_destroy(&attributes);
    for (int c = 0; c < WORKER_CLASSES; c++) {
        list_init(&all.queues[c]);
        all.busy[c] = 0;
    }
    list_init(&all.at_work);
    all.threads = all.working = 0;
    table_init(&all.keys, (struct alloc) { 0 }, timers_random_seed());
}

static void lock(void)
{
    pthread_mutex_lock(&all.mutex);
}

static void unlock(void)
{
    pthread_mutex_unlock(&all.mutex);
}

/* Jobs of the parent's loops stay the parent's: their copies here are nobody's. */
static void on_forked(void)
{
    pthread_mutex_init(&all.mutex, NULL);
    table_deinit(&all.keys);
    all_init();
}

static void init_once(void)
{
    all_init();
    pthread_atfork(lock, unlock, on_forked);
}

/* --- keys --- */

static uint64_t hash_of(const struct worker_job *j)
{
    return table_hash(all.keys.seed, j->key);
}

static struct worker_job *find_same(const struct worker_job *j, uint64_t hash)
{
    for (struct table_node *n = table_first(&all.keys, hash); n; n = table_next(n)) {
        struct worker_job *other = CONTAINER_OF(n, struct worker_job, node);
        if (other->kind == j->kind && str_eq(other->key, j->key))
            return other;
    }
    return NULL;
}

static void enqueue(struct worker_job *j)
{
    struct worker_job *same = NULL;
    if (j->key.len) {
        uint64_t hash = hash_of(j);
        same = find_same(j, hash);
        if (!same)
            table_put(&all.keys, &j->node, hash);
    }
    j->state = same ? FOLLOWING : QUEUED;
    list_put_last(same ? &same->followers : &all.queues[j->class], &j->link);
}

/* The next in line of j's key takes its place. */
static void pass_on(struct worker_job *j)
{
    if (!j->key.len)
        return;
    table_remove(&all.keys, &j->node);
    struct list *first = list_pop_first(&j->followers);
    if (!first)
        return;
    struct worker_job *next = CONTAINER_OF(first, struct worker_job, link);
    list_move_all(&next->followers, &j->followers);
    enqueue(next);
}

/* --- threads --- */

static void *work(void *unused);

/* 0 or a positive errno. The thread shall get none of the embedder's signals. */
static int start_thread(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t every, before;
    int r = pthread_attr_init(&attributes);
    if (r)
        return r;
    sigfillset(&every);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    r = pthread_create(&thread, &attributes, work, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    all.threads += !r;
    return r;
}

static bool has_work(void)
{
    for (int c = 0; c < WORKER_CLASSES; c++)
        if (!list_empty(&all.queues[c]) && all.busy[c] < shares[c])
            return true;
    return false;
}

/* Somebody shall look at what is queued: who is not at work, or a new thread. 0 or a positive
 * errno. */
static int rouse(void)
{
    if (all.threads > all.working)
        return pthread_cond_signal(&all.news);
    return all.threads < WORKER_THREADS_MAX ? start_thread() : 0;
}

/* When may a job begin? An instant past: now. */
static uint64_t next_opening_ns(uint64_t now_ns)
{
    struct list *l = &all.at_work;
    for (int i = 0; i < WIDTH; i++) {
        l = l->prev;
        if (l == &all.at_work)
            return now_ns;
    }
    return CONTAINER_OF(l, struct member, link)->since_ns + stuck_ns;
}

static struct worker_job *take(void)
{
    for (int c = 0; c < WORKER_CLASSES; c++) {
        struct list *l = all.busy[c] < shares[c] ? list_pop_first(&all.queues[c]) : NULL;
        if (l)
            return CONTAINER_OF(l, struct worker_job, link);
    }
    return NULL;
}

static void wait_until(uint64_t due_ns)
{
    struct timespec due = { (time_t)(due_ns / 1000000000), (long)(due_ns % 1000000000) };
    pthread_cond_timedwait(&all.news, &all.mutex, &due);
}

/* NULL: there was nothing to do for long. What was queued meanwhile may count on this thread,
 * however late it wakes, as after a stop of the whole process. */
static struct worker_job *await_job(void)
{
    uint64_t now_ns = timers_now_ns(), end_ns = now_ns + idle_ns;
    for (;; now_ns = timers_now_ns()) {
        bool has = has_work();
        if (!has && now_ns >= end_ns)
            return NULL;
        uint64_t opening_ns = has ? next_opening_ns(now_ns) : end_ns;
        if (opening_ns <= now_ns)
            return take();
        wait_until(opening_ns);
    }
}

/* --- the end of a job --- */

/* To its loop, or into `orphans`. */
static void hand_back(struct worker_job *j, struct list *orphans)
{
    j->state = DONE;
    list_put_last(j->worker ? &j->worker->done : orphans, &j->link);
    if (j->worker)
        uv_async_send(&j->worker->async);
}

static void finish(struct worker_job *j, struct list *orphans)
{
    for (struct list *l; j->kind->share && (l = list_pop_first(&j->followers)) != NULL;) {
        struct worker_job *follower = CONTAINER_OF(l, struct worker_job, link);
        j->kind->share(follower, j);
        hand_back(follower, orphans);
    }
    pass_on(j);
    hand_back(j, orphans);
}

static void end_all(struct list *jobs)
{
    for (struct list *l; (l = list_pop_first(jobs)) != NULL;) {
        struct worker_job *j = CONTAINER_OF(l, struct worker_job, link);
        j->kind->end(j);
    }
}

static void work_at(struct worker_job *j)
{
    struct member me = { .since_ns = timers_now_ns() };
    struct list orphans;
    list_init(&orphans);
    list_put_last(&all.at_work, &me.link);
    all.busy[j->class]++;
    all.working++;
    j->state = RUNNING;
    if (has_work())
        rouse(); /* to begin with the next when this one hangs */
    unlock();
    j->kind->run(j);
    lock();
    list_remove(&me.link);
    all.busy[j->class]--;
    all.working--;
    finish(j, &orphans);
    unlock();
    end_all(&orphans);
    lock();
}

static void *work(void *unused)
{
    lock();
    for (struct worker_job *j; (j = await_job()) != NULL;)
        work_at(j);
    if (!--all.threads && !all.keys.count)
        table_deinit(&all.keys);
    unlock();
    return NULL;
}

/* --- the loop's side --- */

static bool is_over(uint64_t since_ns)
{
    enum { SLICE_NS = 1000000 };
    return timers_now_ns() - since_ns > SLICE_NS;
}

/* Many may be done by the time the loop turns: what is left after a slice waits for the next. */
static void on_async(uv_async_t *async)
{
    struct worker *w = CONTAINER_OF(async, struct worker, async);
    uint64_t since_ns = timers_now_ns();
    while (!is_over(since_ns)) {
        lock();
        struct list *l = list_pop_first(&w->done);
        unlock();
        if (!l)
            return;
        struct worker_job *j = CONTAINER_OF(l, struct worker_job, link);
        j->worker = NULL;
        j->kind->done(j); /* may start and abandon others, and close the worker */
        j->kind->end(j);
    }
    if (!uv_is_closing((uv_handle_t *)async))
        uv_async_send(async);
}

int worker_open(struct worker **out, struct uv_loop_s *loop, struct timers *timers,
                const struct alloc *alloc)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_once);
    struct worker *w = alloc_new(alloc, sizeof *w);
    if (!w)
        return PIPEPOLL_ENOMEM;
    w->timers = timers;
    w->alloc = *alloc;
    list_init(&w->done);
    if (uv_async_init(loop, &w->async, on_async)) {
        alloc_free(alloc, w, sizeof *w);
        return PIPEPOLL_ESYSTEM;
    }
    uv_unref((uv_handle_t *)&w->async);
    *out = w;
    return 0;
}

struct timers *worker_timers(const struct worker *w)
{
    return w->timers;
}

struct uv_loop_s *worker_loop(const struct worker *w)
{
    return w->async.loop;
}

static void on_closed(uv_handle_t *handle)
{
    struct worker *w = CONTAINER_OF((uv_async_t *)handle, struct worker, async);
    void (*closed)(void *ctx) = w->closed;
    void *ctx = w->ctx;
    struct alloc alloc = w->alloc;
    alloc_free(&alloc, w, sizeof *w);
    if (closed)
        closed(ctx);
}

void worker_close(struct worker *w, void (*closed)(void *ctx), void *ctx)
{
    w->closed = closed;
    w->ctx = ctx;
    uv_close((uv_handle_t *)&w->async, on_closed);
}

static void withdraw(struct worker_job *j)
{
    list_remove(&j->link);
    if (j->state == QUEUED)
        pass_on(j);
    j->state = FREE;
    j->worker = NULL;
}

int worker_start(struct worker *w, struct worker_job *j)
{
    j->worker = w;
    list_init(&j->followers);
    lock();
    enqueue(j);
    int r = has_work() ? rouse() : 0;
    bool is_lost = r && !all.threads;
    if (is_lost)
        withdraw(j);
    unlock();
    return is_lost ? r : 0;
}

void worker_abandon(struct worker_job *j)
{
    lock();
    bool is_running = j->state == RUNNING;
    if (is_running)
        j->worker = NULL;
    else
        withdraw(j);
    unlock();
    if (!is_running)
        j->kind->end(j);
}

bool worker_has_begun(const struct worker_job *j)
{
    lock();
    bool begun = j->state == RUNNING || j->state == DONE;
    unlock();
    return begun;
}

/* SPDX-License-Identifier: MIT */
/* Tried instead of computed: descriptors may be inherited, and a limit of the user or of the
 * control group counts what other processes have. */
#include "daemon/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "config/limits.h"

enum { POOL_DEFAULT = 4, POOL_MAX = 1024 }; /* libuv's */

static int check_descriptors(struct pipepoll_error *why)
{
    enum { OTHER = 12, NEEDED = 2 * LIMITS_LOOP_DESCRIPTORS + OTHER };
    int opened[NEEDED], count = 0, error = 0;
    for (; !error && count < NEEDED; count++) {
        opened[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        error = opened[count] < 0 ? errno : 0;
    }
    int got = error ? count - 1 : count;
    for (int i = 0; i < got; i++)
        close(opened[i]);
    if (!error)
        return PIPEPOLL_OK;
    return explain(why, PIPEPOLL_ESYSTEM,
                   "only %d more descriptors can be opened, and a loop needs %d: %s; raise the "
                   "limit (ulimit -n, LimitNOFILE=; it is %llu)",
                   got, NEEDED, uv_strerror(uv_translate_sys_error(error)),
                   (unsigned long long)limits_descriptors());
}

/* --- threads --- */

static int pool_size(void)
{
    const char *wish = getenv("UV_THREADPOOL_SIZE");
    int size = wish ? atoi(wish) : POOL_DEFAULT;
    return size < 1 ? 1 : size > POOL_MAX ? POOL_MAX : size;
}

static void wait_for(void *arg)
{
    uv_sem_wait(arg);
}

/* How many of so many threads there can be at the same time. */
static int try_threads(int wanted, int *error)
{
    uv_thread_t *threads = calloc((size_t)wanted, sizeof *threads);
    uv_sem_t gate;
    int got = 0;
    *error = threads && uv_sem_init(&gate, 0) == 0 ? 0 : UV_ENOMEM;
    if (*error) {
        free(threads);
        return 0;
    }
    while (got < wanted && !*error) {
        *error = uv_thread_create(&threads[got], wait_for, &gate);
        got += !*error;
    }
    for (int i = 0; i < got; i++)
        uv_sem_post(&gate);
    for (int i = 0; i < got; i++)
        uv_thread_join(&threads[i]);
    uv_sem_destroy(&gate);
    free(threads);
    return got;
}

static void do_nothing(uv_work_t *work)
{
}

static void did_nothing(uv_work_t *work, int status)
{
}

/* The pool starts all its threads with its first task. */
static int start_pool(void)
{
    uv_loop_t loop;
    uv_work_t task;
    int r = uv_loop_init(&loop);
    if (r)
        return r;
    r = uv_queue_work(&loop, &task, do_nothing, did_nothing);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return r;
}

static int check_threads(struct pipepoll_error *why)
{
    int error, wanted = pool_size(), got = try_threads(wanted, &error);
    if (!error)
        error = start_pool();
    if (!error)
        return PIPEPOLL_OK;
    return explain(why, PIPEPOLL_ESYSTEM,
                   "only %d of %d threads can be started: %s; raise the limit of processes "
                   "(ulimit -u, TasksMax=, pids.max), or set UV_THREADPOOL_SIZE lower",
                   got, wanted, uv_strerror(error));
}

int preflight_check(struct pipepoll_error *why)
{
    int r = check_descriptors(why);
    return r ? r : check_threads(why);
}

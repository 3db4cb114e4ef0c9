/* Tried instead of computed: descriptors may be inherited, and a limit of the user or of the
 * control group counts what other processes have. */
#include "config/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"

enum {
    /* Programs that we start inherit the limit, and some still close every number below it. */
    RAISE_MAX = 1 << 20,
    LOOP_DESCRIPTORS = 4,   /* its epoll, eventfd and signal pipe */
    OTHER_DESCRIPTORS = 24, /* standard ones, libuv's own, a file or program of keys, look-ups */
    POOL_DEFAULT = 4,
    POOL_MAX = 1024
};

void limits_raise(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l))
        return;
    rlim_t most = l.rlim_max == RLIM_INFINITY || l.rlim_max > RAISE_MAX ? RAISE_MAX : l.rlim_max;
    if (l.rlim_cur == RLIM_INFINITY || l.rlim_cur >= most)
        return;
    l.rlim_cur = most;
    setrlimit(RLIMIT_NOFILE, &l);
}

uint64_t limits_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return l.rlim_cur;
}

uint64_t limits_descriptors_needed(size_t connections, uint32_t loops)
{
    struct pipepoll_footprint each = pipepoll_footprint();
    uint64_t of_loops = LOOP_DESCRIPTORS * (loops == 1 ? 1 : loops + UINT64_C(1));
    return ((uint64_t)connections * each.descriptors_per_16 + 15) / 16 +
           (uint64_t)each.fixed_descriptors * loops + of_loops + OTHER_DESCRIPTORS;
}

static int check_descriptors(struct pipepoll_error *why)
{
    enum { NEEDED = 2 * LOOP_DESCRIPTORS + OTHER_DESCRIPTORS / 2 };
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

/* How many of so many threads can be had at the same time. */
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
    (void)work;
}

static void did_nothing(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
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

int limits_check(struct pipepoll_error *why)
{
    int r = check_descriptors(why);
    return r ? r : check_threads(why);
}

/* SPDX-License-Identifier: MIT */
/* Blocking work on threads: who waits for whom, and who frees what. A job here ends when the test
 * lets it. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

#include "io/timers.h"
#include "io/worker.h"
#include "lib/check.h"
#include "lib/moved_clock.h"

enum { JOBS_MAX = 128 };

static const uint64_t ns_per_ms = 1000000;

/* --- jobs whose steps are counted --- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static unsigned begun, running, most_running, ended, told;
static bool gate_open;

struct job {
    struct worker_job job; /* first */
    bool waits;            /* for the gate */
    unsigned slow_to_tell_ms;
    int found; /* by run(), or shared */
    int *result;
    char key[16];
};

static void run(struct worker_job *base)
{
    struct job *j = (struct job *)base;
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    pthread_mutex_lock(&mutex);
    begun++;
    if (++running > most_running)
        most_running = running;
    pthread_cond_broadcast(&news);
    while (j->waits && !gate_open)
        pthread_cond_wait(&news, &mutex);
    running--;
    pthread_mutex_unlock(&mutex);
    j->found = sigismember(&set, SIGTERM) && sigismember(&set, SIGCHLD) ? 42 : 0;
}

static void done(struct worker_job *base)
{
    struct job *j = (struct job *)base;
    told++;
    uv_sleep(j->slow_to_tell_ms);
    if (j->result)
        *j->result = j->found;
}

static void end(struct worker_job *base)
{
    pthread_mutex_lock(&mutex);
    ended++;
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&mutex);
    free(base);
}

static void share(struct worker_job *to, const struct worker_job *from)
{
    ((struct job *)to)->found = ((const struct job *)from)->found + 1;
}

static const struct worker_kind one_after_the_other = { run, done, end, NULL };
static const struct worker_kind shared = { run, done, end, share };

static struct job *job_new(enum worker_class class, const char *key, bool waits)
{
    struct job *j = calloc(1, sizeof *j);
    assert_non_null(j);
    snprintf(j->key, sizeof j->key, "%s", key);
    j->waits = waits;
    j->job =
        (struct worker_job) { .kind = &one_after_the_other, .class = class, .key = str_of(j->key) };
    return j;
}

/* --- a loop that gives them away --- */

struct world {
    uv_loop_t loop;
    struct worker *worker;
    unsigned closed;
};

static void world_open(struct world *w)
{
    *w = (struct world) { 0 };
    begun = ended = told = most_running = 0;
    gate_open = false;
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(worker_open(&w->worker, &w->loop, NULL, &(struct alloc) { 0 }), 0);
}

static void count_call(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void world_close(struct world *w)
{
    worker_close(w->worker, count_call, &w->closed);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closed, 1);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static struct worker_job *give(struct world *w, struct job *j)
{
    assert_int_equal(worker_start(w->worker, &j->job), 0);
    return &j->job;
}

static struct worker_job *give_hanging(struct world *w, enum worker_class class)
{
    return give(w, job_new(class, "", true));
}

static void await(const unsigned *count, unsigned n)
{
    pthread_mutex_lock(&mutex);
    while (*count < n)
        pthread_cond_wait(&news, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void open_gate(void)
{
    pthread_mutex_lock(&mutex);
    gate_open = true;
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&mutex);
}

static void run_until_told(struct world *w, unsigned n)
{
    uv_timer_t hold; /* jobs do not */
    uv_timer_init(&w->loop, &hold);
    uv_timer_start(&hold, (uv_timer_cb)abort, 20000, 0);
    while (told < n)
        uv_run(&w->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&hold, NULL);
    uv_run(&w->loop, UV_RUN_NOWAIT);
}

/* --- tests --- */

static void a_job_runs_without_signals_and_comes_back(void **state)
{
    struct world w;
    world_open(&w);
    struct job *j = job_new(WORKER_FILE, "", false);
    int result = 0;
    j->result = &result;
    give(&w, j);
    assert_int_equal(told, 0);
    run_until_told(&w, 1);
    assert_int_equal(result, 42);
    assert_int_equal(ended, 1);
    world_close(&w);
}

static void a_job_holds_neither_the_loop_nor_its_end(void **state)
{
    struct world w;
    world_open(&w);
    struct worker_job *j = give_hanging(&w, WORKER_FILE);
    await(&begun, 1);
    assert_true(worker_has_begun(j));
    assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
    worker_abandon(j);
    world_close(&w);
    assert_int_equal(ended, 0);
    open_gate(); /* the thread frees it, the loop being gone */
    await(&ended, 1);
    assert_int_equal(told, 0);
}

static void what_has_not_begun_is_freed_at_once(void **state)
{
    struct world w;
    world_open(&w);
    give(&w, job_new(WORKER_FILE, "key", true));
    await(&begun, 1);
    struct worker_job *second = give(&w, job_new(WORKER_FILE, "key", true));
    give(&w, job_new(WORKER_FILE, "key", false));
    assert_false(worker_has_begun(second));
    worker_abandon(second);
    assert_int_equal(ended, 1);
    open_gate();
    run_until_told(&w, 2);
    world_close(&w);
    assert_int_equal(begun, 2);
    assert_int_equal(ended, 3);
}

static void what_is_done_and_not_told_can_be_abandoned(void **state)
{
    struct world w;
    world_open(&w);
    struct worker_job *j = give(&w, job_new(WORKER_FILE, "key", false));
    give(&w, job_new(WORKER_FILE, "key", false));
    await(&begun, 2); /* so that the first is done */
    worker_abandon(j);
    run_until_told(&w, 1);
    assert_int_equal(ended, 2);
    world_close(&w);
}

static void equal_keys_run_one_after_the_other(void **state)
{
    struct world w;
    world_open(&w);
    for (int i = 0; i < 5; i++)
        give(&w, job_new(WORKER_FILE, "same", true));
    give(&w, job_new(WORKER_FILE, "other", true));
    await(&begun, 2);
    open_gate();
    run_until_told(&w, 6);
    assert_int_equal(most_running, 2);
    world_close(&w);
}

static void equal_keys_can_share_what_was_found(void **state)
{
    struct world a, b;
    int results[3] = { 0 };
    world_open(&a);
    world_open(&b);
    for (int i = 0; i < 3; i++) {
        struct job *j = job_new(i ? WORKER_NAME_SLOW : WORKER_NAME_NEW, "name", true);
        j->job.kind = &shared;
        j->result = &results[i];
        give(i == 2 ? &b : &a, j);
    }
    await(&begun, 1);
    open_gate();
    run_until_told(&a, 2);
    run_until_told(&b, 3);
    assert_int_equal(begun, 1);
    assert_int_equal(results[0], 42);
    assert_int_equal(results[1], 43);
    assert_int_equal(results[2], 43); /* of another loop */
    world_close(&a);
    world_close(&b);
}

static void whoever_asks_first_may_go_before_the_others_are_told(void **state)
{
    struct world w;
    int result = 0;
    world_open(&w);
    struct job *first = job_new(WORKER_NAME_NEW, "name", true), *second = job_new(0, "name", true);
    first->job.kind = second->job.kind = &shared;
    second->result = &result;
    give(&w, first);
    await(&begun, 1);
    give(&w, second);
    worker_abandon(&first->job);
    open_gate();
    run_until_told(&w, 1);
    assert_int_equal(result, 43);
    world_close(&w);
    await(&ended, 2);
}

/* Eight hang, and then some; the last one gets through in a moment. */
static void jobs_that_hang_hold_up_no_other(void **state)
{
    enum { HANGING = 20 };
    struct world w;
    int result = 0;
    struct worker_job *hanging[HANGING];
    world_open(&w);
    for (int i = 0; i < HANGING; i++)
        hanging[i] = give_hanging(&w, WORKER_NAME_NEW);
    uint64_t before_ns = timers_now_ns();
    struct job *j = job_new(WORKER_NAME_NEW, "", false);
    j->result = &result;
    give(&w, j);
    run_until_told(&w, 1);
    assert_int_equal(result, 42);
    assert_true(timers_now_ns() - before_ns < 3000 * ns_per_ms);
    for (int i = 0; i < HANGING; i++)
        worker_abandon(hanging[i]);
    world_close(&w);
    open_gate();
    await(&ended, HANGING + 1);
}

static unsigned threads_now(void)
{
    unsigned count = 0;
    uv_fs_t dir;
    uv_dirent_t entry;
    uv_fs_scandir(NULL, &dir, "/proc/self/task", 0, NULL);
    while (uv_fs_scandir_next(&dir, &entry) != UV_EOF)
        count++;
    uv_fs_req_cleanup(&dir);
    return count;
}

static void threads_are_few_while_nothing_hangs(void **state)
{
    struct world w;
    unsigned before = threads_now();
    if (!before) {
        print_message("skipped: no /proc\n");
        skip();
    }
    world_open(&w);
    for (int i = 0; i < JOBS_MAX; i++)
        give(&w, job_new(WORKER_NAME_NEW, "", false));
    run_until_told(&w, JOBS_MAX);
    assert_in_range(threads_now(), 1, before + 9);
    world_close(&w);
}

/* A class has its share of the threads and no more, so that the others have theirs. */
static void a_class_that_hangs_leaves_the_others_their_threads(void **state)
{
    enum { SHARE = 8, MORE = 3 };
    struct world w;
    struct worker_job *hanging[SHARE + MORE];
    world_open(&w);
    for (int i = 0; i < SHARE + MORE; i++)
        hanging[i] = give_hanging(&w, WORKER_NAME_SLOW);
    await(&begun, SHARE);
    for (int i = 0; i < WORKER_CLASSES; i++)
        if (i != WORKER_NAME_SLOW)
            give(&w, job_new((enum worker_class)i, "", false));
    run_until_told(&w, WORKER_CLASSES - 1);
    assert_int_equal(begun, SHARE + WORKER_CLASSES - 1);
    for (int i = 0; i < SHARE + MORE; i++)
        worker_abandon(hanging[i]);
    world_close(&w);
    open_gate();
    await(&ended, SHARE + MORE + WORKER_CLASSES - 1);
}

/* In a process of its own, where no thread was started yet and none is to be had. */
static bool try_without_threads(void)
{
    struct world w;
    world_open(&w);
    struct job *j = job_new(WORKER_FILE, "key", false);
    bool stayed = worker_start(w.worker, &j->job) == EAGAIN && !worker_has_begun(&j->job);
    free(j);
    world_close(&w);
    return stayed;
}

static bool threads_are_refused;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
                          void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *),
                          void *arg)
{
    return threads_are_refused ? EAGAIN : __real_pthread_create(thread, attr, main, arg);
}

/* Written by the child: a checker of memory that counts what the parent's threads held has its own
   exit status. */
static bool is_well_in_child(bool (*child_main)(void))
{
    int ends[2];
    bool is_well = false;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        is_well = child_main();
        _exit(write(ends[1], &is_well, sizeof is_well) < 0);
    }
    close(ends[1]);
    bool has_written = read(ends[0], &is_well, sizeof is_well) == sizeof is_well;
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return has_written && is_well;
}

static void what_is_done_at_once_is_told_some_at_each_turn(void **state)
{
    enum { JOBS = 6, SLOW_MS = 2 };
    struct world w;
    uv_timer_t hold; /* jobs do not */
    world_open(&w);
    uv_timer_init(&w.loop, &hold);
    uv_timer_start(&hold, (uv_timer_cb)abort, 20000, 0);
    for (int i = 0; i < JOBS; i++) {
        struct job *j = job_new(WORKER_FILE, "", false);
        j->slow_to_tell_ms = SLOW_MS;
        give(&w, j);
    }
    await(&begun, JOBS);
    for (unsigned before = 0; told < JOBS; before = told) {
        uv_run(&w.loop, UV_RUN_NOWAIT);
        assert_in_range(told - before, 0, 1);
    }
    uv_close((uv_handle_t *)&hold, NULL);
    world_close(&w);
}

static void without_a_thread_the_job_stays_its_owners(void **state)
{
    threads_are_refused = true;
    assert_true(is_well_in_child(try_without_threads));
    threads_are_refused = false;
}

static bool work_in_child(void)
{
    struct world w;
    world_open(&w);
    give(&w, job_new(WORKER_FILE, "key", false));
    alarm(20);
    run_until_told(&w, 1);
    world_close(&w);
    return true;
}

/* As after a stop of the process: the time of an idle thread is over when it wakes, and by then
 * something was queued that counts on it. */
static void a_thread_that_wakes_late_takes_what_was_queued(void **state)
{
    struct world w;
    world_open(&w);
    give(&w, job_new(WORKER_FILE, "", false));
    run_until_told(&w, 1);
    moved_ms += 12000;
    give(&w, job_new(WORKER_FILE, "", false));
    run_until_told(&w, 2);
    world_close(&w);
}

static void after_a_fork_the_child_has_threads_of_its_own(void **state)
{
    struct world w;
    world_open(&w);
    struct worker_job *j = give(&w, job_new(WORKER_FILE, "key", true));
    await(&begun, 1);
    assert_true(is_well_in_child(work_in_child));
    worker_abandon(j);
    world_close(&w);
    open_gate();
    await(&ended, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_thread_the_job_stays_its_owners),
        cmocka_unit_test(a_job_runs_without_signals_and_comes_back),
        cmocka_unit_test(a_job_holds_neither_the_loop_nor_its_end),
        cmocka_unit_test(what_has_not_begun_is_freed_at_once),
        cmocka_unit_test(what_is_done_and_not_told_can_be_abandoned),
        cmocka_unit_test(what_is_done_at_once_is_told_some_at_each_turn),
        cmocka_unit_test(equal_keys_run_one_after_the_other),
        cmocka_unit_test(equal_keys_can_share_what_was_found),
        cmocka_unit_test(whoever_asks_first_may_go_before_the_others_are_told),
        cmocka_unit_test(threads_are_few_while_nothing_hangs),
        cmocka_unit_test(jobs_that_hang_hold_up_no_other),
        cmocka_unit_test(a_class_that_hangs_leaves_the_others_their_threads),
        cmocka_unit_test(a_thread_that_wakes_late_takes_what_was_queued),
        cmocka_unit_test(after_a_fork_the_child_has_threads_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

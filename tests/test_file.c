/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "io/file.h"
#include "io/worker.h"
#include "lib/check.h"
#include "lib/descriptors.h"

#define CANARY "canary/secret/that/must/not/stay"

static char folder[] = "/tmp/test_file.XXXXXX";

/* --- what the reading gets from libc, watched --- */

static _Atomic unsigned allocations, fail_at; /* which of them gets none; 0: all get it */
static _Atomic unsigned unwiped;              /* blocks given back with the canary in them */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static unsigned reads, hang_at; /* which read() hangs; 0: none */
static int thread_error;        /* instead of a thread */
static bool hurries;            /* deadlines come at once */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);
void __real_free(void *ptr);
void __wrap_free(void *ptr);
ssize_t __real_read(int fd, void *at, size_t size);
ssize_t __wrap_read(int fd, void *at, size_t size);
int __real_worker_start(struct worker *w, struct worker_job *j);
int __wrap_worker_start(struct worker *w, struct worker_job *j);
void __real_timer_set(struct timer *timer, uint64_t due_ns);
void __wrap_timer_set(struct timer *timer, uint64_t due_ns);

static bool may_have_memory(void)
{
    return ++allocations != fail_at;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_have_memory() ? __real_calloc(count, size) : NULL;
}

/* Zeroed, so that the search below reads nothing undefined. */
void *__wrap_malloc(size_t size)
{
    return may_have_memory() ? __real_calloc(1, size) : NULL;
}

void __wrap_free(void *ptr)
{
    if (ptr && memmem(ptr, malloc_usable_size(ptr), CANARY, strlen(CANARY)))
        unwiped++;
    __real_free(ptr);
}

void *__wrap_realloc(void *old, size_t size)
{
    void *new = __real_calloc(1, size);
    if (new &&old) {
        size_t old_size = malloc_usable_size(old);
        memcpy(new, old, old_size < size ? old_size : size);
        __wrap_free(old);
    }
    return new;
}

ssize_t __wrap_read(int fd, void *at, size_t size)
{
    ssize_t got = __real_read(fd, at, size);
    pthread_mutex_lock(&mutex);
    unsigned n = ++reads;
    pthread_cond_broadcast(&news);
    while (n == hang_at)
        pthread_cond_wait(&news, &mutex);
    pthread_mutex_unlock(&mutex);
    return got;
}

int __wrap_worker_start(struct worker *w, struct worker_job *j)
{
    return thread_error ? thread_error : __real_worker_start(w, j);
}

void __wrap_timer_set(struct timer *timer, uint64_t due_ns)
{
    __real_timer_set(timer, hurries ? timers_now_ns() : due_ns);
}

static void let_read_hang(unsigned n)
{
    pthread_mutex_lock(&mutex);
    reads = 0;
    hang_at = n;
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&mutex);
}

static void await_read(unsigned n)
{
    pthread_mutex_lock(&mutex);
    while (reads < n)
        pthread_cond_wait(&news, &mutex);
    pthread_mutex_unlock(&mutex);
}

/* --- a reading and what came of it --- */

struct reader {
    struct file_read read;
    uv_loop_t loop;
    struct timers *timers;
    struct worker *worker;
    unsigned dones, restarts;
    const char *path;
    int error;
    size_t len;
    char last;
    char text[128]; /* the beginning */
};

static int start(struct reader *r)
{
    return file_read_start(&r->read, r->worker, r->path);
}

static void on_done(struct file_read *read, int error, str text)
{
    struct reader *r = (struct reader *)read;
    r->dones++;
    r->error = error;
    r->len = text.len;
    if (text.len) {
        r->last = text.ptr[text.len - 1];
        memcpy(r->text, text.ptr, text.len < sizeof r->text ? text.len : sizeof r->text);
    }
    if (r->restarts && r->restarts--)
        assert_int_equal(start(r), 0);
}

static void open_reader(struct reader *r, const char *path)
{
    static const struct alloc plain = { 0 };
    memset(r, 0, sizeof *r);
    allocations = fail_at = unwiped = 0;
    let_read_hang(0);
    r->read.on_done = on_done;
    r->path = path;
    assert_int_equal(uv_loop_init(&r->loop), 0);
    assert_int_equal(timers_open(&r->timers, &r->loop, &plain), 0);
    assert_int_equal(worker_open(&r->worker, &r->loop, r->timers, &plain), 0);
    allocations = 0;
}

static void close_reader(struct reader *r)
{
    worker_close(r->worker, NULL, NULL);
    timers_close(r->timers, NULL, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    assert_int_equal(unwiped, 0);
}

static void run_until_done(struct reader *r, unsigned dones)
{
    while (r->dones < dones)
        uv_run(&r->loop, UV_RUN_ONCE);
}

static void read_whole(struct reader *r, const char *path)
{
    open_reader(r, path);
    assert_int_equal(start(r), 0);
    assert_int_equal(r->dones, 0);
    run_until_done(r, 1);
    close_reader(r);
    assert_int_equal(r->dones, 1);
}

/* The path of a file of the test with this content; in memory that the next call uses again. */
static const char *file_with(const void *content, size_t len)
{
    static char path[sizeof folder + 8];
    snprintf(path, sizeof path, "%s/file", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, len, f), len);
    fclose(f);
    return path;
}

/* --- tests --- */

static void a_file_comes_whole(void **state)
{
    struct reader r;
    read_whole(&r, file_with("one\0two\n", 8));
    assert_int_equal(r.error, 0);
    assert_int_equal(r.len, 8);
    assert_memory_equal(r.text, "one\0two\n", 8);
    read_whole(&r, file_with("", 0));
    assert_int_equal(r.error, 0);
    assert_int_equal(r.len, 0);
}

static void a_file_that_tells_no_size_comes_whole(void **state)
{
    if (access("/proc/self/smaps", R_OK)) {
        print_message("skipped: no /proc\n");
        skip();
    }
    struct reader r;
    read_whole(&r, "/proc/self/smaps");
    assert_int_equal(r.error, 0);
    assert_true(r.len > 10000);
    assert_non_null(memchr("0123456789abcdef", r.text[0], 16)); /* an address */
    assert_int_equal(r.last, '\n');
}

static void the_size_has_a_limit(void **state)
{
    struct reader r;
    const char *path = file_with("", 0);
    assert_int_equal(truncate(path, FILE_SIZE_MAX), 0);
    read_whole(&r, path);
    assert_int_equal(r.error, 0);
    assert_int_equal(r.len, FILE_SIZE_MAX);
    assert_int_equal(truncate(path, FILE_SIZE_MAX + 1), 0);
    read_whole(&r, path);
    assert_int_equal(r.error, EFBIG);
    assert_int_equal(r.len, 0);
    assert_int_equal(allocations, 1); /* was not even read */
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
    struct reader r;
    char path[sizeof folder + 8];
    snprintf(path, sizeof path, "%s/none", folder);
    read_whole(&r, path);
    assert_int_equal(r.error, ENOENT);
    read_whole(&r, folder);
    assert_int_equal(r.error, EISDIR);
    snprintf(path, sizeof path, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    read_whole(&r, path); /* nobody will ever write to it */
    assert_int_equal(r.error, EINVAL);
    read_whole(&r, "/dev/zero");
    assert_int_equal(r.error, EINVAL);
}

static bool is_open_to_all(const char *path, mode_t mode)
{
    struct reader r;
    assert_int_equal(chmod(path, mode), 0);
    read_whole(&r, path);
    assert_int_equal(r.error, 0);
    return r.read.open_to_all;
}

static void it_is_told_of_a_file_that_everybody_may_write_it(void **state)
{
    const char *path = file_with("x", 1);
    assert_true(is_open_to_all(path, 0666));
    assert_false(is_open_to_all(path, 0664));
    assert_int_equal(chmod(path, 0600), 0);
}

static void a_folder_that_we_may_not_search_is_told_as_such(void **state)
{
    struct reader r;
    char path[sizeof folder + 16];
    if (geteuid() == 0 && seteuid(65534))
        skip();
    snprintf(path, sizeof path, "%s/none", folder); /* the folder is its owner's alone */
    read_whole(&r, path);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(r.error, EACCES);
    assert_string_equal(file_problem(&r.read, r.error),
                        "a folder of its path is closed to this user");
    assert_string_equal(file_problem(&(struct file_read) { .private = NULL }, EACCES),
                        "Permission denied");
}

static void no_descriptor_stays_open(void **state)
{
    struct reader r;
    descriptors_settle();
    read_whole(&r, file_with("x", 1));
    read_whole(&r, folder);
    read_whole(&r, "/dev/zero");
    descriptors_settle();
}

static void memory_is_wiped_before_it_is_given_back(void **state)
{
    struct reader r;
    read_whole(&r, file_with(CANARY, strlen(CANARY)));
    assert_memory_equal(r.text, CANARY, strlen(CANARY));
    assert_int_equal(allocations, 2); /* the reading and its text: both were looked at */
}

static void a_reading_may_start_again_from_on_done(void **state)
{
    struct reader r;
    open_reader(&r, file_with("x", 1));
    r.restarts = 3;
    assert_int_equal(start(&r), 0);
    run_until_done(&r, 4);
    close_reader(&r);
    assert_int_equal(r.dones, 4);
    assert_int_equal(r.error, 0);
}

static void each_allocation_may_fail(void **state)
{
    struct reader r;
    descriptors_settle();
    open_reader(&r, file_with("x", 1));
    fail_at = 1;
    assert_int_equal(start(&r), PIPEPOLL_ENOMEM);
    close_reader(&r);
    assert_int_equal(r.dones, 0);
    open_reader(&r, r.path);
    fail_at = 2;
    assert_int_equal(start(&r), 0);
    run_until_done(&r, 1);
    close_reader(&r);
    assert_int_equal(r.dones, 1);
    assert_int_equal(r.error, ENOMEM);
    descriptors_settle();
}

/* --- an owner that goes --- */

static void an_owner_and_its_loop_may_go_while_a_read_hangs(void **state)
{
    enum { READ = 1, READ_END = 2 };
    descriptors_settle();
    for (unsigned step = READ; step <= READ_END; step++) {
        struct reader r;
        open_reader(&r, file_with(CANARY, strlen(CANARY)));
        let_read_hang(step);
        assert_int_equal(start(&r), 0);
        await_read(step);
        file_read_forget(&r.read);
        memset(&r.read, 0xdd, sizeof r.read); /* it may be freed at once */
        close_reader(&r);
        assert_int_equal(r.dones, 0);
        let_read_hang(0);
        descriptors_settle();
        assert_int_equal(unwiped, 0);
    }
}

static void a_read_that_hangs_ends_by_its_deadline(void **state)
{
    struct reader r;
    descriptors_settle();
    open_reader(&r, file_with("x", 1));
    let_read_hang(1);
    assert_int_equal(start(&r), 0);
    await_read(1);
    hurries = true;
    timer_set(&r.read.deadline, timers_now_ns());
    run_until_done(&r, 1);
    hurries = false;
    assert_int_equal(r.error, ETIMEDOUT);
    assert_int_equal(r.read.stamp.error, ETIMEDOUT);
    assert_true(file_error_passes(r.error));
    assert_non_null(strstr(file_strerror(r.error), "within 10 s"));
    close_reader(&r);
    let_read_hang(0);
    descriptors_settle();
}

static void a_file_that_hangs_occupies_one_thread_only(void **state)
{
    struct reader r, other = { 0 };
    open_reader(&r, file_with("x", 1));
    let_read_hang(1);
    assert_int_equal(start(&r), 0);
    await_read(1);
    other.read.on_done = on_done;
    assert_int_equal(file_read_start(&other.read, r.worker, r.path), 0);
    assert_false(worker_has_begun(other.read.private));
    let_read_hang(0);
    while (!r.dones || !other.dones)
        uv_run(&r.loop, UV_RUN_ONCE);
    close_reader(&r);
}

/* --- what becomes of a text on the thread --- */

struct made {
    _Atomic unsigned users;
    pthread_t thread;
    size_t len;
};

static _Atomic unsigned makes, alive;
static bool makes_nothing;

static void *make(str text)
{
    struct made *m = makes_nothing ? NULL : __real_calloc(1, sizeof *m);
    makes++;
    if (!m)
        return NULL;
    alive++;
    *m = (struct made) { .users = 1, .thread = pthread_self(), .len = text.len };
    return m;
}

static void *ref(void *made)
{
    ((struct made *)made)->users++;
    return made;
}

static void unref(void *made)
{
    if (--((struct made *)made)->users)
        return;
    alive--;
    __real_free(made);
}

static const struct file_maker maker = { 'm', make, ref, unref };

static void open_maker(struct reader *r, const char *path)
{
    open_reader(r, path);
    r->read.maker = &maker;
    makes = alive = 0;
    makes_nothing = false;
}

static void a_text_becomes_something_on_the_thread(void **state)
{
    struct reader r;
    open_maker(&r, file_with(CANARY, strlen(CANARY)));
    assert_int_equal(start(&r), 0);
    run_until_done(&r, 1);
    assert_int_equal(r.error, 0);
    assert_int_equal(r.len, 0);
    const struct made *m = r.read.made;
    assert_int_equal(m->len, strlen(CANARY));
    assert_false(pthread_equal(m->thread, pthread_self()));
    unref(r.read.made);
    assert_int_equal(alive, 0);
    close_reader(&r);
}

static void one_reading_serves_all_who_want_the_same_of_a_path(void **state)
{
    enum { OTHERS = 3 };
    struct reader r, others[OTHERS] = { 0 };
    unsigned dones = 0;
    open_maker(&r, file_with("x", 1));
    let_read_hang(1);
    assert_int_equal(start(&r), 0);
    await_read(1);
    for (unsigned i = 0; i < OTHERS; i++) {
        others[i].read.on_done = on_done;
        others[i].read.maker = &maker;
        assert_int_equal(file_read_start(&others[i].read, r.worker, r.path), 0);
    }
    file_read_forget(&others[0].read);
    let_read_hang(0);
    while (dones < OTHERS) {
        uv_run(&r.loop, UV_RUN_ONCE);
        dones = r.dones + others[1].dones + others[2].dones;
    }
    assert_int_equal(makes, 1);
    assert_int_equal(others[0].dones, 0);
    assert_ptr_equal(others[1].read.made, r.read.made);
    assert_ptr_equal(others[2].read.made, r.read.made);
    assert_true(file_stamp_eq(&others[2].read.stamp, &r.read.stamp));
    for (unsigned i = 1; i < OTHERS; i++)
        unref(others[i].read.made);
    assert_int_equal(alive, 1);
    unref(r.read.made);
    assert_int_equal(alive, 0);
    close_reader(&r);
}

static void what_nobody_waits_for_any_more_is_let_go(void **state)
{
    struct reader r;
    open_maker(&r, file_with("x", 1));
    let_read_hang(1);
    assert_int_equal(start(&r), 0);
    await_read(1);
    file_read_forget(&r.read);
    let_read_hang(0);
    while (!makes || alive)
        sched_yield();
    close_reader(&r);
}

static void a_text_that_nothing_could_be_made_of_is_want_of_memory(void **state)
{
    struct reader r;
    open_maker(&r, file_with(CANARY, strlen(CANARY)));
    makes_nothing = true;
    assert_int_equal(start(&r), 0);
    run_until_done(&r, 1);
    assert_int_equal(r.error, ENOMEM);
    assert_null(r.read.made);
    close_reader(&r);
    open_maker(&r, "/nonexistent");
    assert_int_equal(start(&r), 0);
    run_until_done(&r, 1);
    assert_int_equal(r.error, ENOENT);
    assert_null(r.read.made);
    assert_int_equal(makes, 0);
    close_reader(&r);
}

static void no_thread_is_told_from_the_loop(void **state)
{
    struct reader r;
    open_reader(&r, file_with("x", 1));
    thread_error = EAGAIN;
    assert_int_equal(start(&r), 0);
    assert_int_equal(r.dones, 0);
    run_until_done(&r, 1);
    assert_int_equal(r.error, EAGAIN);
    assert_true(file_error_passes(r.error));
    assert_int_equal(start(&r), 0);
    file_read_forget(&r.read);
    thread_error = 0;
    close_reader(&r);
    assert_int_equal(r.dones, 1);
}

static void no_descriptor_is_told_by_name(void **state)
{
    struct reader r;
    struct rlimit limit, none;
    open_reader(&r, file_with("x", 1));
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    assert_int_equal(start(&r), 0);
    run_until_done(&r, 1);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(r.error, EMFILE);
    assert_string_equal(file_strerror(r.error), strerror(EMFILE));
    assert_true(file_error_passes(r.error));
    assert_false(file_error_passes(EACCES));
    close_reader(&r);
}

static void an_idle_one_can_be_forgotten(void **state)
{
    struct file_read idle = { 0 };
    file_read_forget(&idle);
    struct reader r;
    read_whole(&r, file_with("x", 1));
    file_read_forget(&r.read);
}

/* --- looks --- */

struct looker {
    struct file_look look;
    struct file_stamp stamp;
    unsigned dones;
};

static void on_look(struct file_look *look, const struct file_stamp *stamp)
{
    struct looker *l = (struct looker *)look;
    l->stamp = *stamp;
    l->dones++;
}

static struct file_stamp look_at(struct reader *r)
{
    struct looker l = { .look.on_done = on_look };
    assert_int_equal(file_look_start(&l.look, r->worker, r->path), 0);
    while (!l.dones)
        uv_run(&r->loop, UV_RUN_ONCE);
    return l.stamp;
}

static struct file_stamp read_stamp(struct reader *r)
{
    assert_int_equal(start(r), 0);
    run_until_done(r, r->dones + 1);
    return r->read.stamp;
}

static void a_look_tells_whether_a_file_is_still_what_was_read(void **state)
{
    struct reader r;
    struct file_stamp read, now;
    open_reader(&r, file_with("keys", 4));
    read = read_stamp(&r);
    now = look_at(&r);
    assert_int_equal(read.error, 0);
    assert_true(file_stamp_eq(&read, &now));
    file_with("longer keys", 11);
    now = look_at(&r);
    assert_false(file_stamp_eq(&read, &now));
    read = read_stamp(&r);
    assert_true(file_stamp_eq(&read, &now));
    unlink(r.path);
    now = look_at(&r);
    assert_int_equal(now.error, ENOENT);
    assert_false(file_stamp_eq(&read, &now));
    read = read_stamp(&r);
    assert_true(file_stamp_eq(&read, &now));
    close_reader(&r);
}

static void what_cannot_be_read_is_not_taken_for_changed(void **state)
{
    struct reader r;
    open_reader(&r, folder); /* a directory */
    struct file_stamp read = read_stamp(&r), now = look_at(&r);
    assert_int_equal(r.error, EISDIR);
    assert_true(file_stamp_eq(&read, &now));
    close_reader(&r);
}

static void a_look_may_be_forgotten_and_has_a_deadline(void **state)
{
    struct reader r;
    struct looker l = { .look.on_done = on_look };
    open_reader(&r, file_with("x", 1));
    file_look_forget(&l.look);
    assert_int_equal(file_look_start(&l.look, r.worker, r.path), 0);
    file_look_forget(&l.look);
    assert_int_equal(l.dones, 0);
    fail_at = allocations + 1;
    assert_int_equal(file_look_start(&l.look, r.worker, r.path), PIPEPOLL_ENOMEM);
    let_read_hang(1);
    assert_int_equal(start(&r), 0); /* the look waits for this to end */
    await_read(1);
    assert_int_equal(file_look_start(&l.look, r.worker, r.path), 0);
    hurries = true;
    timer_set(&l.look.deadline, timers_now_ns());
    while (!l.dones)
        uv_run(&r.loop, UV_RUN_ONCE);
    hurries = false;
    assert_int_equal(l.stamp.error, ETIMEDOUT);
    let_read_hang(0);
    run_until_done(&r, 1);
    close_reader(&r);
}

static int set_up(void **state)
{
    descriptors_note(state);
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    char path[sizeof folder + 8];
    const char *const names[] = { "file", "fifo" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_comes_whole),
        cmocka_unit_test(a_file_that_tells_no_size_comes_whole),
        cmocka_unit_test(the_size_has_a_limit),
        cmocka_unit_test(what_is_no_file_is_refused_without_waiting),
        cmocka_unit_test(it_is_told_of_a_file_that_everybody_may_write_it),
        cmocka_unit_test(a_folder_that_we_may_not_search_is_told_as_such),
        cmocka_unit_test(no_descriptor_stays_open),
        cmocka_unit_test(memory_is_wiped_before_it_is_given_back),
        cmocka_unit_test(a_reading_may_start_again_from_on_done),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(an_owner_and_its_loop_may_go_while_a_read_hangs),
        cmocka_unit_test(a_read_that_hangs_ends_by_its_deadline),
        cmocka_unit_test(a_file_that_hangs_occupies_one_thread_only),
        cmocka_unit_test(a_text_becomes_something_on_the_thread),
        cmocka_unit_test(one_reading_serves_all_who_want_the_same_of_a_path),
        cmocka_unit_test(what_nobody_waits_for_any_more_is_let_go),
        cmocka_unit_test(a_text_that_nothing_could_be_made_of_is_want_of_memory),
        cmocka_unit_test(no_thread_is_told_from_the_loop),
        cmocka_unit_test(no_descriptor_is_told_by_name),
        cmocka_unit_test(an_idle_one_can_be_forgotten),
        cmocka_unit_test(a_look_tells_whether_a_file_is_still_what_was_read),
        cmocka_unit_test(what_cannot_be_read_is_not_taken_for_changed),
        cmocka_unit_test(a_look_may_be_forgotten_and_has_a_deadline),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

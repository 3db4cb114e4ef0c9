/* SPDX-License-Identifier: MIT */
/* A config file read on a thread: who is called where, and who is not once the reader is closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config_reader.h"
#include "daemon/leave.h"

/* How libuv's threads begin here. */
static enum { AT_ONCE, OVER_BEFORE_THAT_IS_KNOWN, NEVER } threads_begin;
static unsigned left_behind;

struct thread {
    uv_thread_cb entry;
    void *arg;
};

static void *run_thread(void *arg)
{
    struct thread t = *(struct thread *)arg;
    free(arg);
    t.entry(t.arg);
    return NULL;
}

/* Instead of libuv's. */
int uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *arg)
{
    if (threads_begin == NEVER)
        return UV_EAGAIN;
    struct thread *t = malloc(sizeof *t);
    *t = (struct thread) { entry, arg };
    int failed = pthread_create(thread, NULL, run_thread, t);
    assert_int_equal(failed, 0);
    if (threads_begin == OVER_BEFORE_THAT_IS_KNOWN)
        pthread_join(*thread, NULL);
    return 0;
}

int uv_thread_join(uv_thread_t *thread)
{
    return threads_begin == OVER_BEFORE_THAT_IS_KNOWN ? 0 : pthread_join(*thread, NULL);
}

void leave_behind(void)
{
    left_behind++;
}

static const char good[] = "[target a]\nregions = us-east-1\ncategory = Build\nprovider = A\n"
                           "version = 1\n";

struct fixture {
    uv_loop_t loop;
    struct config_reader *reader;
    char path[64];
    uv_thread_t home, prepared_on;
    int prepare_result;
    unsigned prepared, done;
    struct config_reading *got;
};

static int prepare(void *ctx, struct config *config)
{
    struct fixture *f = ctx;
    assert_int_equal(config->plan.count, 1);
    f->prepared++;
    f->prepared_on = uv_thread_self();
    return f->prepare_result;
}

static void done(void *ctx, struct config_reading *got)
{
    struct fixture *f = ctx;
    uv_thread_t here = uv_thread_self();
    assert_true(uv_thread_equal(&here, &f->home));
    f->done++;
    f->got = got;
    uv_stop(&f->loop);
}

static void set_up(struct fixture *f)
{
    threads_begin = AT_ONCE;
    left_behind = 0;
    *f = (struct fixture) { .path = "/tmp/config_reader.XXXXXX", .home = uv_thread_self() };
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    uv_loop_init(&f->loop);
    const struct config_reader_options o = {
        .loop = &f->loop, .path = f->path, .prepare = prepare, .done = done, .ctx = f
    };
    assert_int_equal(config_reader_open(&f->reader, &o), 0);
}

static void tear_down(struct fixture *f)
{
    config_reader_close(f->reader);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    unlink(f->path);
}

static void write_file(const struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void read_file(struct fixture *f)
{
    assert_int_equal(config_reader_start(f->reader), 0);
    uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void what_is_read_is_prepared_on_the_thread_and_handed_over_on_the_loop(void **state)
{
    struct fixture f;
    set_up(&f);
    write_file(&f, good);
    for (unsigned n = 1; n <= 2; n++) {
        read_file(&f);
        assert_int_equal(f.done, n);
        assert_int_equal(f.prepared, n);
        assert_false(uv_thread_equal(&f.prepared_on, &f.home));
        assert_int_equal(f.got->result, 0);
        config_deinit(&f.got->config);
    }
    tear_down(&f);
}

static void a_file_with_errors_is_handed_over_with_them_and_not_prepared(void **state)
{
    struct fixture f;
    set_up(&f);
    write_file(&f, "[target a]\nregions = us-east-1\n");
    read_file(&f);
    assert_int_equal(f.got->result, PIPEPOLL_EINVAL);
    assert_true(f.got->diagnostics.errors > 0);
    assert_int_equal(f.prepared, 0);
    tear_down(&f);
}

static void what_could_not_be_prepared_is_freed(void **state)
{
    struct fixture f;
    set_up(&f);
    write_file(&f, good);
    f.prepare_result = PIPEPOLL_ENOMEM;
    read_file(&f);
    assert_int_equal(f.got->result, PIPEPOLL_ENOMEM);
    assert_null(f.got->config.plan.targets);
    tear_down(&f);
}

static void what_was_read_when_the_reader_is_closed_is_freed(void **state)
{
    struct fixture f;
    set_up(&f);
    write_file(&f, good);
    assert_int_equal(config_reader_start(f.reader), 0);
    while (!*(volatile unsigned *)&f.prepared)
        uv_sleep(1); /* the loop does not turn, and learns of nothing */
    tear_down(&f);
    assert_int_equal(f.done, 0);
}

static void a_thread_that_is_over_before_its_start_is_known_is_not_left_behind(void **state)
{
    struct fixture f;
    set_up(&f);
    write_file(&f, good);
    threads_begin = OVER_BEFORE_THAT_IS_KNOWN;
    assert_int_equal(config_reader_start(f.reader), 0);
    assert_int_equal(f.prepared, 1);
    tear_down(&f);
    assert_int_equal(left_behind, 0);
}

static void without_a_thread_nothing_is_read_and_nothing_left_behind(void **state)
{
    struct fixture f;
    set_up(&f);
    write_file(&f, good);
    threads_begin = NEVER;
    assert_int_equal(config_reader_start(f.reader), UV_EAGAIN);
    threads_begin = AT_ONCE;
    read_file(&f);
    assert_int_equal(f.done, 1);
    config_deinit(&f.got->config);
    threads_begin = NEVER;
    assert_int_equal(config_reader_start(f.reader), UV_EAGAIN);
    tear_down(&f);
    assert_int_equal(left_behind, 0);
}

/* It reads a pipe to which nobody writes before the reader is closed. */
static void a_reader_is_closed_while_its_thread_hangs(void **state)
{
    static struct fixture f; /* the thread may look at it after the test */
    set_up(&f);
    unlink(f.path);
    assert_int_equal(mkfifo(f.path, 0600), 0);
    int end = open(f.path, O_RDWR);
    assert_int_equal(config_reader_start(f.reader), 0);
    tear_down(&f);
    assert_int_equal(f.done, 0);
    assert_int_equal(f.prepared, 0);
    assert_int_equal(left_behind, 1);
    close(end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_prepared_on_the_thread_and_handed_over_on_the_loop),
        cmocka_unit_test(a_file_with_errors_is_handed_over_with_them_and_not_prepared),
        cmocka_unit_test(what_could_not_be_prepared_is_freed),
        cmocka_unit_test(what_was_read_when_the_reader_is_closed_is_freed),
        cmocka_unit_test(a_thread_that_is_over_before_its_start_is_known_is_not_left_behind),
        cmocka_unit_test(without_a_thread_nothing_is_read_and_nothing_left_behind),
        cmocka_unit_test(a_reader_is_closed_while_its_thread_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

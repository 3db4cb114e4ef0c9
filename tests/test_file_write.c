/* SPDX-License-Identifier: MIT */
/* A file that is replaced: whole, or not at all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "io/file_write.h"
#include "io/worker.h"
#include "lib/check.h"

static char folder[] = "/tmp/test_file_write.XXXXXX";
static char path[128], link_path[128];

struct writer {
    struct file_write write;
    struct file_read read;
    uv_loop_t loop;
    struct timers *timers;
    struct worker *worker;
    struct file_stamp stamp;
    unsigned dones;
    int error;
    char text[64];
};

static void on_written(struct file_write *write, int error)
{
    struct writer *w = (struct writer *)write;
    w->error = error;
    w->dones++;
}

static void on_read(struct file_read *read, int error, str text)
{
    struct writer *w = CONTAINER_OF(read, struct writer, read);
    w->stamp = read->stamp;
    snprintf(w->text, sizeof w->text, "%.*s", STR_ARG(text));
    w->dones++;
}

static void wait_for(struct writer *w, unsigned dones)
{
    while (w->dones < dones)
        uv_run(&w->loop, UV_RUN_ONCE);
    w->dones = 0;
}

static void read_file(struct writer *w)
{
    w->read.on_done = on_read;
    assert_int_equal(file_read_start(&w->read, w->worker, path), 0);
    wait_for(w, 1);
}

static void open_writer(struct writer *w, const char *text)
{
    static const struct alloc plain = { 0 };
    memset(w, 0, sizeof *w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(timers_open(&w->timers, &w->loop, &plain), 0);
    assert_int_equal(worker_open(&w->worker, &w->loop, w->timers, &plain), 0);
    w->write.on_done = on_written;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    read_file(w);
}

static void close_writer(struct writer *w)
{
    timers_hold_loop(w->timers, false); /* else the loop would last until the deadline */
    worker_close(w->worker, NULL, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    timers_close(w->timers, NULL, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static int write_file(struct writer *w, const char *to, const char *text)
{
    assert_int_equal(file_write_start(&w->write, w->worker, to, str_of(text), &w->stamp), 0);
    wait_for(w, 1);
    return w->error;
}

static void it_is_replaced_and_ours_alone(void **state)
{
    struct writer w;
    struct stat st;
    open_writer(&w, "old");
    chmod(path, 0644);
    read_file(&w);
    assert_int_equal(write_file(&w, path, "new"), 0);
    read_file(&w);
    assert_string_equal(w.text, "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close_writer(&w);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing lies beside it */
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void what_it_links_to_is_replaced_not_the_link(void **state)
{
    struct writer w;
    struct stat st;
    open_writer(&w, "old");
    assert_int_equal(symlink(path, link_path), 0);
    assert_int_equal(write_file(&w, link_path, "new"), 0);
    assert_int_equal(lstat(link_path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    unlink(link_path);
    read_file(&w);
    assert_string_equal(w.text, "new");
    close_writer(&w);
}

static void what_changed_since_it_was_read_is_let_be(void **state)
{
    struct writer w;
    open_writer(&w, "old");
    FILE *f = fopen(path, "w");
    fputs("by a person", f);
    fclose(f);
    assert_int_equal(write_file(&w, path, "new"), ESTALE);
    read_file(&w);
    assert_string_equal(w.text, "by a person");
    unlink(path);
    assert_int_equal(write_file(&w, path, "new"), ENOENT);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(write_file(&w, "/nonexistent/file", "new"), ENOENT);
    close_writer(&w);
}

static void nobody_need_wait(void **state)
{
    struct writer w;
    open_writer(&w, "old");
    file_write_forget(&w.write);
    assert_int_equal(file_write_start(&w.write, w.worker, path, STR("new"), &w.stamp), 0);
    file_write_forget(&w.write);
    assert_int_equal(w.dones, 0);
    close_writer(&w);
    assert_int_equal(w.dones, 0);
}

static int set_up(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(link_path, sizeof link_path, "%s/link", folder);
    return 0;
}

/* What was abandoned may still be written while this runs, and then keeps its folder. */
static int tear_down(void **state)
{
    unlink(path);
    rmdir(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_replaced_and_ours_alone),
        cmocka_unit_test(what_it_links_to_is_replaced_not_the_link),
        cmocka_unit_test(what_changed_since_it_was_read_is_let_be),
        cmocka_unit_test(nobody_need_wait),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

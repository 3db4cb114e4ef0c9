#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "io/file.h"
#include "lib/check.h"

#define CANARY "canary/secret/that/must/not/stay"

static char folder[] = "/tmp/test_file.XXXXXX";

/* --- the room that the reading allocates in --- */

struct ledger {
    size_t bytes;     /* not given back */
    unsigned calls;   /* that asked for memory */
    unsigned fail_at; /* which of them gets none; 0: all get it */
    unsigned unwiped; /* blocks given back with the canary in them */
};

static void *ledger_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct ledger *l = ctx;
    if (ptr && memmem(ptr, old_size, CANARY, strlen(CANARY)))
        l->unwiped++;
    if (new_size && ++l->calls == l->fail_at)
        return NULL;
    l->bytes += new_size - old_size;
    if (new_size)
        return realloc(ptr, new_size);
    free(ptr);
    return NULL;
}

/* --- a reading and what came of it --- */

struct reader {
    struct file_read read;
    uv_loop_t loop;
    struct ledger ledger;
    struct alloc alloc;
    unsigned dones, restarts;
    const char *path;
    int error;
    size_t len;
    char last;
    char text[128]; /* the beginning */
};

static int start(struct reader *r)
{
    return file_read_start(&r->read, &r->loop, &r->alloc, r->path);
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
    memset(r, 0, sizeof *r);
    r->read.on_done = on_done;
    r->path = path;
    r->alloc = (struct alloc) { ledger_resize, &r->ledger };
    assert_int_equal(uv_loop_init(&r->loop), 0);
}

static void close_reader(struct reader *r)
{
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    assert_int_equal(r->ledger.bytes, 0);
    assert_int_equal(r->ledger.unwiped, 0);
}

static void read_whole(struct reader *r, const char *path)
{
    open_reader(r, path);
    assert_int_equal(start(r), 0);
    assert_int_equal(r->dones, 0);
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

static unsigned open_fds(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
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
    assert_true(r.ledger.calls == 1); /* was not even read */
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

static int read_distrusting(struct reader *r, const char *path, mode_t mode)
{
    assert_int_equal(chmod(path, mode), 0);
    open_reader(r, path);
    r->read.distrusts = true;
    assert_int_equal(start(r), 0);
    close_reader(r);
    return r->error;
}

static void a_file_that_everybody_may_write_can_be_refused(void **state)
{
    struct reader r;
    const char *path = file_with("x", 1);
    assert_int_equal(read_distrusting(&r, path, 0666), EPERM);
    assert_int_equal(read_distrusting(&r, path, 0664), 0);
    assert_int_equal(chmod(path, 0666), 0);
    read_whole(&r, path);
    assert_int_equal(r.error, 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static void a_file_in_a_folder_that_we_may_not_search_is_not_there(void **state)
{
    struct reader r;
    char path[sizeof folder + 16];
    if (geteuid() == 0 && seteuid(65534))
        skip();
    snprintf(path, sizeof path, "%s/none", folder); /* the folder is its owner's alone */
    read_whole(&r, path);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(r.error, ENOENT);
}

static void no_descriptor_stays_open(void **state)
{
    struct reader r;
    unsigned before = open_fds();
    read_whole(&r, file_with("x", 1));
    read_whole(&r, folder);
    read_whole(&r, "/dev/zero");
    assert_int_equal(open_fds(), before);
}

/* The ledger looks for the canary in each block that comes back. */
static void memory_is_wiped_before_it_is_given_back(void **state)
{
    struct reader r;
    read_whole(&r, file_with(CANARY, strlen(CANARY)));
    assert_memory_equal(r.text, CANARY, strlen(CANARY));
    assert_int_equal(r.ledger.calls, 2); /* the reading and its text: both were looked at */
}

static void a_reading_may_start_again_from_on_done(void **state)
{
    struct reader r;
    open_reader(&r, file_with("x", 1));
    r.restarts = 3;
    assert_int_equal(start(&r), 0);
    close_reader(&r);
    assert_int_equal(r.dones, 4);
    assert_int_equal(r.error, 0);
}

static void each_allocation_may_fail(void **state)
{
    struct reader r;
    unsigned before = open_fds();
    open_reader(&r, file_with("x", 1));
    r.ledger.fail_at = 1;
    assert_int_equal(start(&r), PIPEPOLL_ENOMEM);
    close_reader(&r);
    assert_int_equal(r.dones, 0);
    open_reader(&r, r.path);
    r.ledger.fail_at = 2;
    assert_int_equal(start(&r), 0);
    close_reader(&r);
    assert_int_equal(r.dones, 1);
    assert_int_equal(r.error, ENOMEM);
    assert_int_equal(open_fds(), before);
}

/* --- an owner that goes --- */

static void wait_in_the_pool(uv_work_t *work)
{
    uv_sem_wait(work->data);
}

static void on_waited(uv_work_t *work, int status)
{
}

/* The pool has one thread here. Work that blocks it, queued behind step n, keeps step n + 1 from
 * running, so that the owner goes while that step waits. */
static void forget_before_step(struct reader *r, unsigned step)
{
    uv_sem_t go;
    uv_work_t work = { .data = &go };
    uv_sem_init(&go, 0);
    if (step == 0) {
        uv_queue_work(&r->loop, &work, wait_in_the_pool, on_waited);
        assert_int_equal(start(r), 0);
    } else {
        assert_int_equal(start(r), 0);
        for (unsigned i = 1; i < step; i++)
            uv_run(&r->loop, UV_RUN_ONCE);
        uv_queue_work(&r->loop, &work, wait_in_the_pool, on_waited);
        uv_run(&r->loop, UV_RUN_ONCE);
    }
    file_read_forget(&r->read);
    memset(&r->read, 0xdd, sizeof r->read); /* it may be freed at once */
    uv_sem_post(&go);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_sem_destroy(&go);
}

static void an_owner_may_go_before_any_step(void **state)
{
    enum { OPEN, FSTAT, READ, READ_END, CLOSE, STEPS };
    unsigned before = open_fds();
    for (unsigned step = 0; step < STEPS; step++) {
        struct reader r;
        open_reader(&r, file_with(CANARY, strlen(CANARY)));
        forget_before_step(&r, step);
        close_reader(&r);
        assert_int_equal(r.dones, 0);
        assert_int_equal(open_fds(), before);
    }
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
    assert_int_equal(file_look_start(&l.look, &r->loop, &r->alloc, r->path), 0);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(l.dones, 1);
    return l.stamp;
}

static struct file_stamp read_stamp(struct reader *r)
{
    assert_int_equal(start(r), 0);
    uv_run(&r->loop, UV_RUN_DEFAULT);
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
    assert_int_equal(r.ledger.bytes, 0);
    uv_loop_close(&r.loop);
}

static void what_cannot_be_read_is_not_taken_for_changed(void **state)
{
    struct reader r;
    open_reader(&r, folder); /* a directory */
    struct file_stamp read = read_stamp(&r), now = look_at(&r);
    assert_int_equal(r.error, EISDIR);
    assert_true(file_stamp_eq(&read, &now));
    uv_loop_close(&r.loop);
}

static void a_look_may_be_forgotten(void **state)
{
    struct reader r;
    struct looker l = { .look.on_done = on_look };
    open_reader(&r, file_with("x", 1));
    file_look_forget(&l.look);
    assert_int_equal(file_look_start(&l.look, &r.loop, &r.alloc, r.path), 0);
    file_look_forget(&l.look);
    uv_run(&r.loop, UV_RUN_DEFAULT);
    assert_int_equal(l.dones, 0);
    assert_int_equal(r.ledger.bytes, 0);
    r.ledger.fail_at = r.ledger.calls + 1;
    assert_int_equal(file_look_start(&l.look, &r.loop, &r.alloc, r.path), PIPEPOLL_ENOMEM);
    assert_int_equal(uv_loop_close(&r.loop), 0);
}

static int set_up(void **state)
{
    setenv("UV_THREADPOOL_SIZE", "1", 1); /* read when the first loop uses the pool */
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
        cmocka_unit_test(a_file_that_everybody_may_write_can_be_refused),
        cmocka_unit_test(a_file_in_a_folder_that_we_may_not_search_is_not_there),
        cmocka_unit_test(no_descriptor_stays_open),
        cmocka_unit_test(memory_is_wiped_before_it_is_given_back),
        cmocka_unit_test(a_reading_may_start_again_from_on_done),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(an_owner_may_go_before_any_step),
        cmocka_unit_test(an_idle_one_can_be_forgotten),
        cmocka_unit_test(a_look_tells_whether_a_file_is_still_what_was_read),
        cmocka_unit_test(what_cannot_be_read_is_not_taken_for_changed),
        cmocka_unit_test(a_look_may_be_forgotten),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

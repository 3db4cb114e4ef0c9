/* SPDX-License-Identifier: MIT */
/* The spool: what was told as durable is there again after a crash at any operation of the disk,
 * what was forgotten is not, and a disk that fails holds up nobody. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "base/list.h"
#include "lib/faulty_disk.h"
#include "lib/folder_sql.h"
#include "lib/freed_memory.h"
#include "store/spool.h"

enum { MANY = 200, SHORT_MS = 30 };

struct world {
    uv_loop_t loop;
    struct spool *spool;
    uint64_t durable;
    unsigned rooms, closed;
    bool is_gone;
    int told; /* a descriptor for numbers that are durable; -1: none */
};

static void on_durable(void *ctx, uint64_t up_to)
{
    struct world *w = ctx;
    assert_true(up_to > w->durable);
    w->durable = up_to;
    if (w->told >= 0)
        assert_int_equal(write(w->told, &up_to, sizeof up_to), sizeof up_to);
}

static void on_room(void *ctx)
{
    ((struct world *)ctx)->rooms++;
}

static void on_closed(void *ctx, bool is_gone)
{
    struct world *w = ctx;
    w->closed++;
    w->is_gone = is_gone;
}

static struct spool_options options(uint32_t max_jobs)
{
    return (
        struct spool_options) { .state_dir = folder.state, .max_jobs = max_jobs, .retry_ms = 5 };
}

static void world_open(struct world *w, uint32_t max_jobs)
{
    const struct spool_options o = options(max_jobs);
    const struct spool_events events = { on_durable, on_room, w };
    struct pipepoll_error why;
    *w = (struct world) { .told = -1 };
    uv_loop_init(&w->loop);
    if (spool_open(&w->spool, &o, &why))
        fail_msg("%s", why.text);
    assert_int_equal(spool_start(w->spool, &w->loop, &events, &why), 0);
}

static void turn_until_durable(struct world *w, uint64_t number)
{
    while (w->durable < number)
        uv_run(&w->loop, UV_RUN_ONCE);
}

static void world_close(struct world *w)
{
    spool_close(w->spool, PATIENT_MS, on_closed, w);
    assert_int_equal(w->closed, 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closed, 1);
    assert_true(w->is_gone);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static bool put(struct world *w, uint64_t number)
{
    char id[32], body[96];
    snprintf(id, sizeof id, "job-%llu", (unsigned long long)number);
    snprintf(body, sizeof body, "{\"v\":1,\"jobId\":\"%s\",\"nonce\":\"hush\"}", id);
    const struct spool_job job = { number, 1000 + (int64_t)number, str_of(id), STR("r.o.c.p.1"),
                                   str_of(body) };
    return spool_put(w->spool, &job);
}

/* --- what is there --- */

struct rows {
    unsigned count;
    uint64_t numbers[MANY];
};

static void add_row(void *ctx, const struct spool_job *job)
{
    struct rows *rows = ctx;
    char id[32];
    snprintf(id, sizeof id, "job-%llu", (unsigned long long)job->number);
    assert_str_equal(job->id, id);
    assert_str_equal(job->key, "r.o.c.p.1");
    assert_int_equal(job->found_ms, 1000 + (int64_t)job->number);
    assert_non_null(memmem(job->body.ptr, job->body.len, id, strlen(id)));
    assert_true(rows->count < MANY);
    assert_true(!rows->count || rows->numbers[rows->count - 1] < job->number);
    rows->numbers[rows->count++] = job->number;
}

static struct rows read_rows(void)
{
    const struct spool_options o = options(10);
    struct spool *s;
    struct rows rows = { 0 };
    struct pipepoll_error why;
    if (spool_open(&s, &o, &why))
        fail_msg("%s", why.text);
    assert_int_equal(spool_walk(s, add_row, &rows, NULL), 0);
    spool_close(s, 0, NULL, NULL);
    return rows;
}

static void what_is_put_is_there_again_in_its_order(void **state)
{
    struct world w;
    struct stat st;
    world_open(&w, MANY);
    for (uint64_t i = 1; i <= 100; i++)
        assert_true(put(&w, i));
    turn_until_durable(&w, 100);
    spool_forget(w.spool, 7);
    world_close(&w);
    struct rows rows = read_rows();
    assert_int_equal(rows.count, 99);
    assert_int_equal(rows.numbers[5], 6);
    assert_int_equal(rows.numbers[6], 8);
    snprintf(folder.file, sizeof folder.file, "%s/%s", folder.state, SPOOL_FILE);
    assert_int_equal(stat(folder.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_waits_at_the_end_is_written(void **state)
{
    struct world w;
    world_open(&w, MANY);
    for (uint64_t i = 1; i <= 50; i++)
        assert_true(put(&w, i));
    world_close(&w);
    assert_int_equal(read_rows().count, 50);
}

static void what_was_forgotten_is_gone_and_its_nonce_too(void **state)
{
    static char bytes[1 << 20];
    struct world w;
    world_open(&w, MANY);
    for (uint64_t i = 1; i <= 50; i++)
        put(&w, i);
    turn_until_durable(&w, 50);
    for (uint64_t i = 1; i <= 50; i++)
        spool_forget(w.spool, i);
    world_close(&w);
    assert_int_equal(read_rows().count, 0);
    snprintf(folder.file, sizeof folder.file, "%s/%s", folder.state, SPOOL_FILE);
    int fd = open(folder.file, O_RDONLY);
    ssize_t len = read(fd, bytes, sizeof bytes);
    close(fd);
    assert_true(len > 0);
    assert_null(memmem(bytes, (size_t)len, "hush", 4));
}

static void a_full_spool_says_so_and_tells_when_there_is_room(void **state)
{
    struct world w;
    world_open(&w, 3);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_true(spool_is_well(w.spool));
        assert_true(put(&w, i));
    }
    assert_false(spool_is_well(w.spool));
    assert_false(put(&w, 4));
    turn_until_durable(&w, 3);
    assert_int_equal(w.rooms, 0);
    spool_forget(w.spool, 2);
    while (!w.rooms)
        uv_run(&w.loop, UV_RUN_ONCE);
    assert_true(spool_is_well(w.spool));
    assert_true(put(&w, 4));
    turn_until_durable(&w, 4);
    world_close(&w);
    assert_int_equal(read_rows().count, 3);
}

static void more_than_it_may_hold_is_told_of_an_earlier_run_and_then_it_is_full(void **state)
{
    struct world w;
    struct spool_options o = options(2);
    struct rows rows = { 0 };
    world_open(&w, 5);
    for (uint64_t i = 1; i <= 5; i++)
        put(&w, i);
    world_close(&w);
    assert_int_equal(spool_open(&w.spool, &o, NULL), 0);
    assert_int_equal(spool_walk(w.spool, add_row, &rows, NULL), 0);
    assert_int_equal(rows.count, 5);
    assert_false(spool_is_well(w.spool));
    spool_close(w.spool, 0, NULL, NULL);
}

static void what_is_written_or_forgotten_leaves_no_copy(void **state)
{
    struct spool_job job = { .number = 1, .id = STR("job"), .key = STR("r"), .body = STR(CANARY) };
    struct world w;
    world_open(&w, MANY);
    assert_true(spool_put(w.spool, &job));
    turn_until_durable(&w, 1);
    job.number = 2;
    assert_true(spool_put(w.spool, &job));
    spool_forget(w.spool, 2);
    world_close(&w);
    assert_int_equal(freed_with_canary, 0);
}

/* --- the disk --- */

struct bad_disk {
    struct faulty_disk disk;
    _Atomic bool fails;
};

static enum disk_act fail_while_bad(struct faulty_disk *self, int number)
{
    return CONTAINER_OF(self, struct bad_disk, disk)->fails ? DISK_FULL : DISK_WORKS;
}

static void a_disk_that_fails_is_told_and_tried_until_it_works(void **state)
{
    static struct bad_disk bad = { .disk = { .ask = fail_while_bad, .skips_sync = true } };
    struct world w;
    faulty_disk_install(&bad.disk);
    world_open(&w, MANY);
    put(&w, 1);
    turn_until_durable(&w, 1);
    bad.fails = true;
    put(&w, 2);
    while (spool_is_well(w.spool))
        uv_run(&w.loop, UV_RUN_ONCE);
    assert_int_equal(w.durable, 1);
    spool_forget(w.spool, 1);
    bad.fails = false;
    turn_until_durable(&w, 2);
    while (!w.rooms)
        uv_run(&w.loop, UV_RUN_ONCE);
    assert_true(spool_is_well(w.spool));
    world_close(&w);
    struct rows rows = read_rows();
    faulty_disk_remove();
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.numbers[0], 2);
}

struct watched_disk {
    struct faulty_disk disk;
    pthread_t loop;
    _Atomic unsigned on_loop, elsewhere; /* operations */
};

static enum disk_act watch(struct faulty_disk *self, int number)
{
    struct watched_disk *d = CONTAINER_OF(self, struct watched_disk, disk);
    if (pthread_equal(pthread_self(), d->loop))
        d->on_loop++;
    else
        d->elsewhere++;
    return DISK_WORKS;
}

static void the_loop_does_not_wait_for_the_disk_at_the_end_either(void **state)
{
    static struct watched_disk watched = { .disk = { .ask = watch, .skips_sync = true } };
    struct world w;
    watched.loop = pthread_self();
    faulty_disk_install(&watched.disk);
    world_open(&w, MANY);
    put(&w, 1);
    turn_until_durable(&w, 1);
    watched.on_loop = watched.elsewhere = 0;
    world_close(&w);
    faulty_disk_remove();
    assert_int_equal(watched.on_loop, 0);
    assert_true(watched.elsewhere > 0); /* the log was moved into the file */
}

struct shut_disk {
    struct faulty_disk disk;
    pthread_mutex_t gate;
};

static enum disk_act wait_at_gate(struct faulty_disk *self, int number)
{
    struct shut_disk *d = CONTAINER_OF(self, struct shut_disk, disk);
    pthread_mutex_lock(&d->gate);
    pthread_mutex_unlock(&d->gate);
    return DISK_WORKS;
}

static void a_disk_that_hangs_is_left_behind_at_the_end(void **state)
{
    static struct shut_disk shut = { .disk = { .ask = wait_at_gate, .skips_sync = true },
                                     .gate = PTHREAD_MUTEX_INITIALIZER };
    static struct world w; /* the spool stays */
    faulty_disk_install(&shut.disk);
    world_open(&w, MANY);
    pthread_mutex_lock(&shut.gate);
    put(&w, 1);
    spool_close(w.spool, SHORT_MS, on_closed, &w);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(w.closed, 1);
    assert_false(w.is_gone);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    pthread_mutex_unlock(&shut.gate);
    assert_int_equal(read_rows().count, 1); /* opened when the thread has let go of it */
    faulty_disk_remove();
}

struct cut_disk {
    struct faulty_disk disk;
    int at;
};

static enum disk_act cut_at(struct faulty_disk *self, int number)
{
    return number == CONTAINER_OF(self, struct cut_disk, disk)->at ? DISK_CUT : DISK_WORKS;
}

/* Puts and forgets until the power goes, and tells what was durable. */
static void run_until_cut(int at, int told)
{
    static struct cut_disk cut = { .disk = { .ask = cut_at } };
    struct world w;
    cut.at = at;
    faulty_disk_install(&cut.disk);
    world_open(&w, MANY);
    w.told = told;
    for (uint64_t i = 1; i <= 20; i++) {
        put(&w, i);
        turn_until_durable(&w, i);
        if (i > 5)
            spool_forget(w.spool, i - 5);
    }
    world_close(&w);
    _exit(7);
}

/* -> was it cut? */
static bool crash_at(int at)
{
    int ends[2], status;
    uint64_t number, durable = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (!child)
        run_until_cut(at, ends[1]);
    close(ends[1]);
    while (read(ends[0], &number, sizeof number) == sizeof number)
        durable = number;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 7);
    struct rows rows = read_rows();
    for (uint64_t i = durable > 4 ? durable - 4 : 1; i <= durable; i++) {
        unsigned k = 0;
        while (k < rows.count && rows.numbers[k] != i)
            k++;
        if (k == rows.count)
            fail_msg("cut at %d: %llu was durable, and %llu is gone", at,
                     (unsigned long long)durable, (unsigned long long)i);
    }
    return WIFSIGNALED(status);
}

static void what_was_durable_survives_a_cut_of_power_at_each_operation(void **state)
{
    int cuts = 0;
    for (int at = 0; at < 400; at++) {
        struct folder before = folder;
        folder_make(&folder);
        bool was_cut = crash_at(at);
        folder_remove(&folder);
        folder = before;
        cuts += was_cut;
        if (!was_cut)
            break;
    }
    assert_in_range(cuts, 30, 399);
}

/* --- files that are refused --- */

static void assert_refused(const char *word)
{
    const struct spool_options o = options(10);
    struct spool *s;
    struct pipepoll_error why;
    assert_int_equal(spool_open(&s, &o, &why), PIPEPOLL_ESYSTEM);
    if (!strstr(why.text, word))
        fail_msg("%s", why.text);
}

static void a_spool_in_use_is_refused(void **state)
{
    struct world w;
    world_open(&w, 10);
    assert_refused("in use by another process");
    put(&w, 1);
    turn_until_durable(&w, 1);
    world_close(&w);
}

static void a_file_of_others_is_refused_and_left_as_it_is(void **state)
{
    static char before[8192], after[8192];
    struct world w;
    world_open(&w, 10);
    put(&w, 1);
    world_close(&w);
    snprintf(folder.file, sizeof folder.file, "%s/%s", folder.state, SPOOL_FILE);
    folder_sql("PRAGMA user_version = 2");
    assert_refused("written by a later pipepoll (format 2, this one knows 1)");
    folder_sql("PRAGMA user_version = 1; PRAGMA application_id = 5; PRAGMA journal_mode = DELETE");
    int fd = open(folder.file, O_RDONLY);
    ssize_t len = read(fd, before, sizeof before);
    close(fd);
    assert_refused("another program");
    fd = open(folder.file, O_RDWR);
    assert_int_equal(read(fd, after, sizeof after), len);
    assert_memory_equal(before, after, (size_t)len);
    assert_int_equal(pwrite(fd, "nonsense, and more of it", 24, 0), 24);
    close(fd);
    assert_refused("is not an SQLite file, or damaged in its header");
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
    snprintf(folder.state, sizeof folder.state, "%s/not/there", folder.path);
    assert_refused("cannot be made");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(what_is_put_is_there_again_in_its_order),
        FOLDER_TEST(what_waits_at_the_end_is_written),
        FOLDER_TEST(what_was_forgotten_is_gone_and_its_nonce_too),
        FOLDER_TEST(a_full_spool_says_so_and_tells_when_there_is_room),
        FOLDER_TEST(more_than_it_may_hold_is_told_of_an_earlier_run_and_then_it_is_full),
        FOLDER_TEST(what_is_written_or_forgotten_leaves_no_copy),
        FOLDER_TEST(a_disk_that_fails_is_told_and_tried_until_it_works),
        FOLDER_TEST(the_loop_does_not_wait_for_the_disk_at_the_end_either),
        FOLDER_TEST(a_disk_that_hangs_is_left_behind_at_the_end),
        FOLDER_TEST(what_was_durable_survives_a_cut_of_power_at_each_operation),
        FOLDER_TEST(a_spool_in_use_is_refused),
        FOLDER_TEST(a_file_of_others_is_refused_and_left_as_it_is),
        FOLDER_TEST(a_folder_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Where jobs go: what a member found while the engine was away outlives it on the disk, and is the
 * first that its next start puts into the queue. */
#include "daemon/sinks.h"

#include "base/list.h"
#include "daemon/queue_sink.h"
#include "lib/journal_script.h"

struct fixture {
    uv_loop_t loop;
    struct engine engine;
    struct sink_listener listener;
    struct sink *sink;
    struct folder folder;
    unsigned confirmed, writes;
    char once[8][64], body[8][64];
    uint64_t tickets[8];
    bool closed;
};

static bool on_write(struct engine *self, const struct engine_message *m)
{
    struct fixture *f = CONTAINER_OF(self, struct fixture, engine);
    assert_true(f->writes < 8);
    f->tickets[f->writes] = m->ticket;
    str_copy(f->once[f->writes], sizeof f->once[0], m->once);
    str_copy(f->body[f->writes++], sizeof f->body[0], m->body);
    return true;
}

static void on_confirmed(struct sink_listener *self, uint64_t ticket)
{
    CONTAINER_OF(self, struct fixture, listener)->confirmed++;
}

static void on_lost(struct sink_listener *self, uint64_t ticket)
{
    fail_msg("lost: %d", (int)ticket);
}

static void on_room(struct sink_listener *self)
{
}

static void on_broken(struct sink_listener *self, const char *why)
{
    fail_msg("broken: %s", why);
}

static void on_closed(void *ctx)
{
    ((struct fixture *)ctx)->closed = true;
}

static bool encode(void *ctx, struct buf *key, struct buf *body, const struct record *job)
{
    buf_put(key, STR("k"));
    buf_put(body, job->job.job_id);
    return true;
}

static int64_t unix_ms(void)
{
    return 600000;
}

static int open_in(struct fixture *f, struct pipepoll_error *why)
{
    const struct queue_sink_options queue = {
        .loop = &f->loop, .engine = &f->engine, .most = 100, .encode = encode, .unix_ms = unix_ms
    };
    const struct sinks_options o = {
        .loop = &f->loop, .jobs = 1, .queue = &queue, .spool_dir = f->folder.state
    };
    f->closed = false;
    f->writes = f->confirmed = 0;
    int r = sinks_open(&f->sink, &o, why);
    if (!r)
        f->sink->listener = &f->listener;
    return r;
}

static void open_well(struct fixture *f)
{
    struct pipepoll_error why;
    if (open_in(f, &why))
        fail_msg("%s", why.text);
}

static void close_it(struct fixture *f)
{
    f->sink->close(f->sink, on_closed, f);
    while (!f->closed)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static void set_up(struct fixture *f)
{
    *f = (struct fixture) { .engine = { .write = on_write },
                            .listener = { on_room, on_broken, on_confirmed, on_lost } };
    folder_make(&f->folder);
    assert_int_equal(uv_loop_init(&f->loop), 0);
}

static void tear_down(struct fixture *f)
{
    while (uv_run(&f->loop, UV_RUN_DEFAULT))
        ;
    assert_int_equal(uv_loop_close(&f->loop), 0);
    folder_remove(&f->folder);
}

static void put_job(struct fixture *f, const char *id)
{
    struct record r = { .kind = RECORD_JOB, .unix_ms = 600000 };
    r.job.job_id = str_of(id);
    assert_true(f->sink->put(f->sink, &r, 1));
}

static void jobs_outlive_the_member_that_found_them(void **state)
{
    struct fixture f;
    set_up(&f);
    open_well(&f);
    put_job(&f, "j1");
    put_job(&f, "j2");
    close_it(&f); /* it waits for the disk */
    assert_int_equal(f.confirmed, 2);
    assert_int_equal(f.writes, 0);
    open_well(&f);
    put_job(&f, "j3");
    queue_sink_on_state(f.sink, ENGINE_READY);
    for (unsigned i = 0; i < 3; i++)
        queue_sink_on_written(f.sink, f.tickets[i], ENGINE_DONE);
    assert_int_equal(f.writes, 3);
    assert_string_equal(f.once[0], "08243666f926aa4e5b884b8ef1fc3b93:1");
    assert_string_equal(f.body[1], "j2");
    assert_string_equal(f.body[2], "j3");
    close_it(&f);
    open_well(&f); /* nothing is left */
    struct queue_sink_figures figures;
    queue_sink_figures(f.sink, &figures);
    assert_int_equal(figures.held, 0);
    close_it(&f);
    tear_down(&f);
}

static void a_spool_that_cannot_be_used_is_told(void **state)
{
    struct fixture f;
    struct pipepoll_error why = { .text = "" };
    set_up(&f);
    FILE *file = fopen(f.folder.state, "w"); /* in the place of the folder */
    assert_non_null(file);
    fclose(file);
    assert_int_equal(open_in(&f, &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, f.folder.state));
    tear_down(&f); /* nothing is left in the loop */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_outlive_the_member_that_found_them),
        cmocka_unit_test(a_spool_that_cannot_be_used_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The spool on the disk behind the face that the fleet's queue uses. */
#include "daemon/queue_spool.h"

#include "base/list.h"
#include "lib/journal_script.h"
#include "store/spool.h"

struct fixture {
    struct queue_spool_listener listener;
    uv_loop_t loop;
    struct queue_spool *spool;
    uint64_t durable, left[8];
    unsigned rooms, closed, rows;
};

static void on_durable(struct queue_spool_listener *self, uint64_t up_to)
{
    CONTAINER_OF(self, struct fixture, listener)->durable = up_to;
}

static void on_room(struct queue_spool_listener *self)
{
    CONTAINER_OF(self, struct fixture, listener)->rooms++;
}

static void on_closed(void *ctx)
{
    ((struct fixture *)ctx)->closed++;
}

static void add_row(void *ctx, const struct spool_job *job)
{
    struct fixture *f = ctx;
    assert_str_equal(job->id, "id");
    assert_str_equal(job->key, "key");
    assert_str_equal(job->body, "body");
    assert_int_equal(job->found_ms, 77);
    f->left[f->rows++] = job->number;
}

static void fixture_open(struct fixture *f)
{
    const struct spool_options o = { .state_dir = folder.state, .max_jobs = 3, .retry_ms = 5 };
    struct spool *disk;
    struct pipepoll_error why;
    *f = (struct fixture) { .listener = { on_durable, on_room } };
    uv_loop_init(&f->loop);
    assert_int_equal(spool_open(&disk, &o, &why), 0);
    assert_int_equal(spool_walk(disk, add_row, f, &why), 0);
    assert_int_equal(queue_spool_start(&f->spool, disk, &f->loop, &why), 0);
    f->spool->listener = &f->listener;
}

static void fixture_close(struct fixture *f)
{
    f->spool->close(f->spool, on_closed, f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->closed, 1);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static bool put(struct fixture *f, uint64_t number)
{
    const struct spooled_job job = { number, 77, STR("id"), STR("key"), STR("body") };
    return f->spool->put(f->spool, &job);
}

static void jobs_outlive_the_process_until_they_are_forgotten(void **state)
{
    struct fixture f;
    fixture_open(&f);
    assert_true(put(&f, 1) && put(&f, 2) && put(&f, 3));
    assert_false(put(&f, 4));
    assert_false(f.spool->is_well(f.spool));
    while (f.durable < 3)
        uv_run(&f.loop, UV_RUN_ONCE);
    f.spool->forget(f.spool, 2);
    while (!f.rooms)
        uv_run(&f.loop, UV_RUN_ONCE);
    assert_true(f.spool->is_well(f.spool));
    fixture_close(&f);
    fixture_open(&f);
    assert_int_equal(f.rows, 2);
    assert_int_equal(f.left[0], 1);
    assert_int_equal(f.left[1], 3);
    assert_true(put(&f, 4));
    assert_false(put(&f, 5)); /* those that were left count */
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(jobs_outlive_the_process_until_they_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

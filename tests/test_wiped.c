/* SPDX-License-Identifier: MIT */
/* A job's nonce is what claims it: where the daemon kept one, none is left in memory that it gave
 * back. */
#include <unistd.h>
#include <uv.h>

#include "daemon/handover.h"
#include "daemon/held_job.h"
#include "daemon/line_sink.h"
#include "daemon/output.h"
#include "daemon/pending.h"
#include "daemon/record_queue.h"
#include "lib/freed_memory.h"

static const struct record found = { .kind = RECORD_JOB,
                                     .job = { .from = { .name = STR_INIT("build") },
                                              .job_id = STR_INIT("job"),
                                              .nonce = STR_INIT(CANARY) } };

static void nothing_was_found(void)
{
    assert_int_equal(freed_with_canary, 0);
}

static void a_copy_of_a_record_is_wiped(void **state)
{
    record_free(record_dup(&found));
    record_free(NULL);
    nothing_was_found();
}

static bool take(void *ctx, const struct record *r)
{
    return ++*(unsigned *)ctx && r->job.nonce.len;
}

static bool has_canary(const struct buf *b)
{
    return may_search() && memmem(b->at, b->cap, CANARY, strlen(CANARY));
}

static void a_queue_of_records_is_wiped_when_it_was_drained_and_at_its_end(void **state)
{
    struct record_queue q;
    unsigned taken = 0;
    assert_int_equal(record_queue_init(&q, 4, 4), PIPEPOLL_OK);
    assert_true(record_queue_put(&q, &found));
    record_queue_drain(&q, take, &taken);
    assert_int_equal(taken, 1);
    assert_false(has_canary(&q.draining) || has_canary(&q.filling));
    assert_true(record_queue_put(&q, &found));
    record_queue_deinit(&q);
    nothing_was_found();
}

static void a_job_for_the_queue_is_wiped(void **state)
{
    const struct spooled_job job = {
        .number = 1, .id = STR("job"), .key = STR("key"), .body = STR("{\"nonce\":\"" CANARY "\"}")
    };
    held_job_free(held_job_new(&job));
    nothing_was_found();
}

/* --- what goes to a reader --- */

static void on_room(struct sink_listener *l)
{
    (void)l;
}

static void on_ticket(struct sink_listener *l, uint64_t ticket)
{
    (void)l;
    (void)ticket;
}

static void on_broken(struct sink_listener *l, const char *why)
{
    (void)l;
    (void)why;
}

static void on_closed(void *ctx)
{
    *(bool *)ctx = true;
}

/* Some lines are written, then the reader takes nothing more, and they are given up. */
static void lines_of_jobs_are_wiped(void **state)
{
    enum { JOBS = 512 };
    struct sink_listener listener = {
        .room = on_room, .broken = on_broken, .confirmed = on_ticket, .lost = on_ticket
    };
    uv_loop_t loop;
    struct sink *sink;
    bool is_closed = false;
    char byte[512];
    int fds[2];
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(line_sink_open(&sink, &loop, fds[1], "stdout", JOBS), PIPEPOLL_OK);
    sink->listener = &listener;
    for (uint64_t i = 1; i <= JOBS / 2; i++)
        assert_true(sink->put(sink, &found, i));
    for (int i = 0; i < 10; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    assert_true(read(fds[0], byte, sizeof byte) > 0);
    sink->give_up(sink);
    close(fds[0]); /* a write that waits for the reader ends */
    sink->close(sink, on_closed, &is_closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(is_closed);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(fds[1]);
    nothing_was_found();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_of_a_record_is_wiped),
        cmocka_unit_test(a_queue_of_records_is_wiped_when_it_was_drained_and_at_its_end),
        cmocka_unit_test(a_job_for_the_queue_is_wiped),
        cmocka_unit_test(lines_of_jobs_are_wiped),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* How busy a loop is: work counts, waiting does not. The time is an argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

#include "daemon/loop_stats.h"

enum { WORK_NS = 3000000, WAIT_NS = 10000000 };

static uint64_t now_ns, idle_ns;

uint64_t __wrap_uv_hrtime(void);
uint64_t __wrap_uv_metrics_idle_time(uv_loop_t *loop);

uint64_t __wrap_uv_hrtime(void)
{
    return now_ns;
}

uint64_t __wrap_uv_metrics_idle_time(uv_loop_t *loop)
{
    return idle_ns;
}

struct fixture {
    uv_loop_t loop;
    struct loop_stats loop_stats;
    uv_async_t async;
    unsigned loop_stats_left;
    bool closed;
};

static void on_closed(void *ctx)
{
    ((struct fixture *)ctx)->closed = true;
}

static void fixture_open(struct fixture *f)
{
    *f = (struct fixture) { .closed = false };
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(loop_stats_open(&f->loop_stats, &f->loop), 0);
}

static void fixture_close(struct fixture *f)
{
    loop_stats_close(&f->loop_stats, on_closed, f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

/* A turn is over when the next one begins, so the last one is not counted. */
static void on_async(uv_async_t *async)
{
    struct fixture *f = async->data;
    now_ns += WAIT_NS + f->loop_stats_left * WORK_NS;
    idle_ns += WAIT_NS;
    if (--f->loop_stats_left)
        uv_async_send(async);
    else
        uv_close((uv_handle_t *)async, NULL);
}

/* Turns that wait, and work so many times WORK_NS: n, n - 1, ... 1. */
static void run_turns(struct fixture *f, unsigned n)
{
    f->loop_stats_left = n;
    f->async.data = f;
    uv_async_init(&f->loop, &f->async, on_async);
    uv_async_send(&f->async);
    uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void work_in_a_callback_of_a_descriptor_is_seen(void **state)
{
    struct fixture f;
    fixture_open(&f);
    run_turns(&f, 4);
    assert_int_equal(f.loop_stats.longest_ns, 4 * WORK_NS);
    assert_in_range(f.loop_stats.count, 4, 5);
    loop_stats_restart(&f.loop_stats);
    assert_int_equal(f.loop_stats.longest_ns, 0);
    fixture_close(&f);
}

static void waiting_is_not_busy(void **state)
{
    struct fixture f;
    fixture_open(&f);
    run_turns(&f, 3);
    assert_int_equal(f.loop_stats.busy_ns, f.loop_stats.count > 3 ? 6 * WORK_NS : 5 * WORK_NS);
    fixture_close(&f);
}

static void it_does_not_keep_the_loop_alive(void **state)
{
    struct fixture f;
    fixture_open(&f);
    assert_false(uv_loop_alive(&f.loop));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_in_a_callback_of_a_descriptor_is_seen),
        cmocka_unit_test(waiting_is_not_busy),
        cmocka_unit_test(it_does_not_keep_the_loop_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

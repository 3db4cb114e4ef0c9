/* How busy a loop is: work counts, waiting does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

#include "cli/turns.h"

enum { WORK_NS = 3000000, WAIT_MS = 10 };

struct fixture {
    uv_loop_t loop;
    struct turns turns;
    uv_timer_t timer;
    uv_async_t async;
    unsigned rings;
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
    assert_int_equal(turns_open(&f->turns, &f->loop), 0);
}

static void fixture_close(struct fixture *f)
{
    turns_close(&f->turns, on_closed, f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct fixture *f = timer->data;
    if (--f->rings == 0)
        uv_close((uv_handle_t *)timer, NULL);
}

/* So many turns that wait. A turn is over when the next one begins. */
static void start_timer(struct fixture *f, unsigned rings)
{
    f->rings = rings;
    f->timer.data = f;
    uv_timer_init(&f->loop, &f->timer);
    uv_timer_start(&f->timer, on_timer, WAIT_MS, WAIT_MS);
}

static void on_async(uv_async_t *async)
{
    uint64_t begin_ns = uv_hrtime();
    while (uv_hrtime() - begin_ns < WORK_NS)
        ;
    uv_close((uv_handle_t *)async, NULL);
}

static void work_in_a_callback_of_a_descriptor_is_seen(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    uv_async_init(&f.loop, &f.async, on_async);
    uv_async_send(&f.async);
    start_timer(&f, 1);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_true(f.turns.longest_ns >= WORK_NS);
    assert_true(f.turns.busy_ns >= f.turns.longest_ns);
    turns_restart(&f.turns);
    assert_int_equal(f.turns.longest_ns, 0);
    fixture_close(&f);
}

/* However slow the machine is: what was waited for is no part of what was busy. */
static void waiting_is_not_busy(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    start_timer(&f, 3);
    uint64_t begin_ns = uv_hrtime();
    turns_restart(&f.turns);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    uint64_t all_ns = uv_hrtime() - begin_ns, idle_ns = uv_metrics_idle_time(&f.loop);
    assert_true(f.turns.count >= 3);
    assert_true(idle_ns > 0);
    assert_true(f.turns.busy_ns <= all_ns - idle_ns);
    fixture_close(&f);
}

static void it_does_not_keep_the_loop_alive(void **state)
{
    (void)state;
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

/* SPDX-License-Identifier: MIT */
#include <uv.h>

#include "base/list.h"
#include "io/timers.h"
#include "lib/check.h"

struct bell {
    struct timer timer;
    unsigned rings, loop_stats_limit;
    uint64_t again_ns; /* set itself to this when it fires; 0: do not */
    uint64_t rang_ns;
};

static void on_ring(struct timer *a)
{
    struct bell *b = CONTAINER_OF(a, struct bell, timer);
    b->rang_ns = timers_now_ns();
    b->rings++;
    if (b->again_ns)
        timer_set(a, b->again_ns);
}

static void timers_fire_in_order_and_never_early(void **state)
{
    uv_loop_t loop;
    struct timers *timers;
    struct bell late = { 0 }, soon = { 0 }, off = { 0 };
    uv_loop_init(&loop);
    assert_int_equal(timers_open(&timers, &loop, &(struct alloc) { 0 }), 0);
    timer_init(&late.timer, timers, on_ring);
    timer_init(&soon.timer, timers, on_ring);
    timer_init(&off.timer, timers, on_ring);
    uint64_t now_ns = timers_now_ns();
    timer_set(&late.timer, now_ns + 4000000);
    timer_set(&soon.timer, now_ns + 2000000);
    timer_set(&off.timer, now_ns + 1000000);
    timer_set(&off.timer, TIMER_OFF);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(soon.rings + late.rings, 2);
    assert_int_equal(off.rings, 0);
    assert_true(soon.rang_ns >= now_ns + 2000000 && late.rang_ns >= now_ns + 4000000);
    assert_true(soon.rang_ns < late.rang_ns);
    timer_deinit(&late.timer);
    timer_deinit(&soon.timer);
    timer_deinit(&off.timer);
    timers_close(timers, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* Rounded up, and to no more than the next millisecond: below one there is one. */
static void a_timer_of_less_than_a_millisecond_fires(void **state)
{
    uv_loop_t loop;
    struct timers *timers;
    struct bell soon = { 0 }, limit = { 0 };
    uv_loop_init(&loop);
    timers_open(&timers, &loop, &(struct alloc) { 0 });
    timer_init(&soon.timer, timers, on_ring);
    timer_init(&limit.timer, timers, on_ring);
    uint64_t now_ns = timers_now_ns();
    timer_set(&limit.timer, now_ns + 10000000000);
    timer_set(&soon.timer, now_ns + 700000);
    while (!soon.rings && !limit.rings)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(soon.rings, 1);
    assert_int_equal(limit.rings, 0);
    assert_true(soon.rang_ns >= now_ns + 700000);
    timer_deinit(&soon.timer);
    timer_deinit(&limit.timer);
    timers_close(timers, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* In one pass, as long as that is short: a turn for each would cost more. */
static void timers_that_are_due_together_fire_in_one_turn(void **state)
{
    enum { MANY = 8 };
    uv_loop_t loop;
    struct timers *timers;
    struct bell bells[MANY] = { 0 };
    unsigned rings = 0;
    uv_loop_init(&loop);
    timers_open(&timers, &loop, &(struct alloc) { 0 });
    uint64_t now_ns = timers_now_ns();
    for (size_t i = 0; i < MANY; i++) {
        timer_init(&bells[i].timer, timers, on_ring);
        timer_set(&bells[i].timer, now_ns);
    }
    while (!bells[0].rings)
        uv_run(&loop, UV_RUN_ONCE);
    for (size_t i = 0; i < MANY; i++) {
        rings += bells[i].rings;
        timer_deinit(&bells[i].timer);
    }
    assert_true(rings > 2); /* but for a machine that stood still meanwhile, all */
    timers_close(timers, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void count_turn(uv_check_t *check)
{
    ++*(unsigned *)check->data;
}

/* libuv 1.44 would run such a timer for ever within one turn. */
static void a_timer_that_sets_itself_to_now_does_not_starve_the_loop(void **state)
{
    uv_loop_t loop;
    struct timers *timers;
    struct bell eager = { .again_ns = 1 };
    uv_check_t check;
    unsigned loop_stats = 0;
    uv_loop_init(&loop);
    timers_open(&timers, &loop, &(struct alloc) { 0 });
    timer_init(&eager.timer, timers, on_ring);
    uv_check_init(&loop, &check);
    check.data = &loop_stats;
    uv_check_start(&check, count_turn);
    timer_set(&eager.timer, 1);
    while (eager.rings < 5)
        uv_run(&loop, UV_RUN_ONCE);
    assert_true(loop_stats >=
                2); /* the loop turns: libuv may fire timers twice in a turn, no more */
    timer_deinit(&eager.timer);
    timers_close(timers, NULL, NULL);
    uv_close((uv_handle_t *)&check, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_timer_need_not_keep_the_loop_alive(void **state)
{
    uv_loop_t loop;
    struct timers *timers;
    struct bell far = { 0 };
    uv_loop_init(&loop);
    timers_open(&timers, &loop, &(struct alloc) { 0 });
    timer_init(&far.timer, timers, on_ring);
    timer_set(&far.timer, timers_now_ns() + 3600ull * 1000000000);
    timers_hold_loop(timers, false);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0); /* returns at once */
    assert_int_equal(far.rings, 0);
    timer_deinit(&far.timer);
    timers_close(timers, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_and_never_early),
        cmocka_unit_test(a_timer_of_less_than_a_millisecond_fires),
        cmocka_unit_test(timers_that_are_due_together_fire_in_one_turn),
        cmocka_unit_test(a_timer_that_sets_itself_to_now_does_not_starve_the_loop),
        cmocka_unit_test(a_timer_need_not_keep_the_loop_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

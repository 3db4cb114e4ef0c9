#include <uv.h>

#include "base/list.h"
#include "io/timers.h"
#include "lib/check.h"

struct bell {
    struct alarm alarm;
    unsigned rings, loop_stats_limit;
    uint64_t again_ns; /* set itself to this when it rings; 0: do not */
    uint64_t rang_ns;
};

static void on_ring(struct alarm *a)
{
    struct bell *b = CONTAINER_OF(a, struct bell, alarm);
    b->rang_ns = wake_now_ns();
    b->rings++;
    if (b->again_ns)
        alarm_set(a, b->again_ns);
}

static void alarms_ring_in_order_and_never_early(void **state)
{
    uv_loop_t loop;
    struct wake *w;
    struct bell late = { 0 }, soon = { 0 }, off = { 0 };
    uv_loop_init(&loop);
    assert_int_equal(wake_open(&w, &loop, &(struct alloc) { 0 }), 0);
    alarm_init(&late.alarm, w, on_ring);
    alarm_init(&soon.alarm, w, on_ring);
    alarm_init(&off.alarm, w, on_ring);
    uint64_t now_ns = wake_now_ns();
    alarm_set(&late.alarm, now_ns + 4000000);
    alarm_set(&soon.alarm, now_ns + 2000000);
    alarm_set(&off.alarm, now_ns + 1000000);
    alarm_set(&off.alarm, ALARM_OFF);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(soon.rings + late.rings, 2);
    assert_int_equal(off.rings, 0);
    assert_true(soon.rang_ns >= now_ns + 2000000 && late.rang_ns >= now_ns + 4000000);
    assert_true(soon.rang_ns < late.rang_ns);
    alarm_deinit(&late.alarm);
    alarm_deinit(&soon.alarm);
    alarm_deinit(&off.alarm);
    wake_close(w, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* Rounded up, and to no more than the next millisecond: below one there is one. */
static void an_alarm_of_less_than_a_millisecond_rings(void **state)
{
    uv_loop_t loop;
    struct wake *w;
    struct bell soon = { 0 }, limit = { 0 };
    uv_loop_init(&loop);
    wake_open(&w, &loop, &(struct alloc) { 0 });
    alarm_init(&soon.alarm, w, on_ring);
    alarm_init(&limit.alarm, w, on_ring);
    uint64_t now_ns = wake_now_ns();
    alarm_set(&limit.alarm, now_ns + 10000000000);
    alarm_set(&soon.alarm, now_ns + 700000);
    while (!soon.rings && !limit.rings)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(soon.rings, 1);
    assert_int_equal(limit.rings, 0);
    assert_true(soon.rang_ns >= now_ns + 700000);
    alarm_deinit(&soon.alarm);
    alarm_deinit(&limit.alarm);
    wake_close(w, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* In one pass, as long as that is short: a turn for each would cost more. */
static void alarms_that_are_due_together_ring_in_one_turn(void **state)
{
    enum { MANY = 8 };
    uv_loop_t loop;
    struct wake *w;
    struct bell bells[MANY] = { 0 };
    unsigned rings = 0;
    uv_loop_init(&loop);
    wake_open(&w, &loop, &(struct alloc) { 0 });
    uint64_t now_ns = wake_now_ns();
    for (size_t i = 0; i < MANY; i++) {
        alarm_init(&bells[i].alarm, w, on_ring);
        alarm_set(&bells[i].alarm, now_ns);
    }
    while (!bells[0].rings)
        uv_run(&loop, UV_RUN_ONCE);
    for (size_t i = 0; i < MANY; i++) {
        rings += bells[i].rings;
        alarm_deinit(&bells[i].alarm);
    }
    assert_true(rings > 2); /* but for a machine that stood still meanwhile, all */
    wake_close(w, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void count_turn(uv_check_t *check)
{
    ++*(unsigned *)check->data;
}

/* libuv 1.44 would run such a timer for ever within one turn. */
static void an_alarm_that_sets_itself_to_now_does_not_starve_the_loop(void **state)
{
    uv_loop_t loop;
    struct wake *w;
    struct bell eager = { .again_ns = 1 };
    uv_check_t check;
    unsigned loop_stats = 0;
    uv_loop_init(&loop);
    wake_open(&w, &loop, &(struct alloc) { 0 });
    alarm_init(&eager.alarm, w, on_ring);
    uv_check_init(&loop, &check);
    check.data = &loop_stats;
    uv_check_start(&check, count_turn);
    alarm_set(&eager.alarm, 1);
    while (eager.rings < 5)
        uv_run(&loop, UV_RUN_ONCE);
    assert_true(loop_stats >=
                2); /* the loop turns: libuv may ring timers twice in a turn, no more */
    alarm_deinit(&eager.alarm);
    wake_close(w, NULL, NULL);
    uv_close((uv_handle_t *)&check, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void an_alarm_need_not_keep_the_loop_alive(void **state)
{
    uv_loop_t loop;
    struct wake *w;
    struct bell far = { 0 };
    uv_loop_init(&loop);
    wake_open(&w, &loop, &(struct alloc) { 0 });
    alarm_init(&far.alarm, w, on_ring);
    alarm_set(&far.alarm, wake_now_ns() + 3600ull * 1000000000);
    wake_hold_loop(w, false);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0); /* returns at once */
    assert_int_equal(far.rings, 0);
    alarm_deinit(&far.alarm);
    wake_close(w, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alarms_ring_in_order_and_never_early),
        cmocka_unit_test(an_alarm_of_less_than_a_millisecond_rings),
        cmocka_unit_test(alarms_that_are_due_together_ring_in_one_turn),
        cmocka_unit_test(an_alarm_that_sets_itself_to_now_does_not_starve_the_loop),
        cmocka_unit_test(an_alarm_need_not_keep_the_loop_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

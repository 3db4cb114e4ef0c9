/* SPDX-License-Identifier: MIT */
/* Loops on threads of their own: who runs where, who waits for whom, and how all ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uv.h>

#include "daemon/loop_threads.h"

enum { LOOPS_MOST = 8 };

/* What a loop saw; written on its thread, read when it stands still. */
struct seen {
    uv_thread_t thread;
    unsigned calls, nudges;
};

struct fixture {
    uv_loop_t home;
    uv_timer_t timer; /* on loop 0, in one test */
    struct loop_threads *loop_threads;
    uint32_t loops;
    uv_thread_t home_thread;
    struct seen seen[LOOPS_MOST];
    unsigned reports;
    void (*in_turn)(void *ctx, uint32_t i); /* when it is nudged; may be NULL */
    uv_sem_t release;
    bool left, stays; /* stays: left() does not close the loop threads */
};

/* The program is linked with --wrap of it. */
static uint32_t joined;

int __real_uv_thread_join(uv_thread_t *thread);
int __wrap_uv_thread_join(uv_thread_t *thread);
int __wrap_uv_thread_join(uv_thread_t *thread)
{
    joined++;
    return __real_uv_thread_join(thread);
}

static bool is_home(const struct fixture *f)
{
    uv_thread_t here = uv_thread_self();
    return uv_thread_equal(&here, &f->home_thread);
}

static void on_left(void *ctx)
{
    struct fixture *f = ctx;
    assert_true(is_home(f));
    assert_false(f->left);
    f->left = true;
    if (!f->stays)
        loop_threads_close(f->loop_threads);
}

static void leave(void *ctx, uint32_t i)
{
    struct fixture *f = ctx;
    loop_threads_leave(f->loop_threads, i);
}

static void on_nudged(void *ctx, uint32_t i)
{
    struct fixture *f = ctx;
    f->seen[i].nudges++;
    if (f->in_turn)
        f->in_turn(f, i);
    loop_threads_report(f->loop_threads);
}

static void on_reported(void *ctx)
{
    ((struct fixture *)ctx)->reports++;
}

static void fixture_open(struct fixture *f, uint32_t loops)
{
    *f = (struct fixture) { .loops = loops, .home_thread = uv_thread_self() };
    const struct loop_threads_options o = { .home = &f->home,
                                            .loops = loops,
                                            .nudged = on_nudged,
                                            .reported = on_reported,
                                            .left = on_left,
                                            .ctx = f };
    assert_int_equal(uv_loop_init(&f->home), 0);
    assert_int_equal(loop_threads_open(&f->loop_threads, &o, NULL), 0);
}

static void fixture_close(struct fixture *f)
{
    loop_threads_each(f->loop_threads, leave);
    uv_run(&f->home, UV_RUN_DEFAULT);
    assert_true(f->left);
    assert_int_equal(uv_loop_close(&f->home), 0);
}

static void note(void *ctx, uint32_t i)
{
    struct fixture *f = ctx;
    f->seen[i].calls++;
    f->seen[i].thread = uv_thread_self();
}

static void a_lone_loop_is_the_home_loop_on_its_thread(void **state)
{
    struct fixture f;
    fixture_open(&f, 1);
    assert_ptr_equal(loop_threads_loop(f.loop_threads, 0), &f.home);
    loop_threads_each(f.loop_threads, note);
    assert_int_equal(f.seen[0].calls, 1);
    assert_true(uv_thread_equal(&f.seen[0].thread, &f.home_thread));
    assert_false(uv_loop_alive(&f.home));
    fixture_close(&f);
}

static void several_loops_have_a_thread_each(void **state)
{
    struct fixture f;
    fixture_open(&f, 3);
    loop_threads_each(f.loop_threads, note);
    loop_threads_each(f.loop_threads, note);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(f.seen[i].calls, 2);
        assert_false(uv_thread_equal(&f.seen[i].thread, &f.home_thread));
        assert_false(uv_thread_equal(&f.seen[i].thread, &f.seen[(i + 1) % 3].thread));
        assert_ptr_not_equal(loop_threads_loop(f.loop_threads, i), &f.home);
    }
    fixture_close(&f);
}

static void each_thread_is_joined(void **state)
{
    struct fixture f;
    fixture_open(&f, LOOPS_MOST);
    joined = 0;
    fixture_close(&f);
    assert_int_equal(joined, LOOPS_MOST);
}

static void a_nudge_reaches_its_loop_and_a_report_home(void **state)
{
    struct fixture f;
    fixture_open(&f, 2);
    loop_threads_nudge(f.loop_threads, 1);
    while (f.reports == 0)
        uv_run(&f.home, UV_RUN_ONCE);
    loop_threads_each(f.loop_threads, note);
    assert_int_equal(f.seen[0].nudges, 0);
    assert_int_equal(f.seen[1].nudges, 1);
    fixture_close(&f);
}

static void hang(void *ctx, uint32_t i)
{
    struct fixture *f = ctx;
    if (i == 0)
        uv_sem_wait(&f->release);
}

/* Only a loop that stands still gets so far. */
enum { SILENCE_MS = LOOP_THREADS_BEAT_MS + 200 };

static void a_loop_that_hangs_is_silent_and_nobody_waits_for_it(void **state)
{
    struct fixture f;
    fixture_open(&f, 2);
    assert_int_equal(uv_sem_init(&f.release, 0), 0);
    f.in_turn = hang;
    loop_threads_nudge(f.loop_threads, 0);
    loop_threads_nudge(f.loop_threads, 1);
    while (loop_threads_silent_ms(f.loop_threads, 0) < SILENCE_MS ||
           loop_threads_silent_ms(f.loop_threads, 1) >= SILENCE_MS)
        uv_sleep(1);
    uv_sem_post(&f.release);
    while (loop_threads_silent_ms(f.loop_threads, 0) >= SILENCE_MS)
        uv_sleep(1);
    fixture_close(&f);
    uv_sem_destroy(&f.release);
}

static void a_loop_that_hangs_is_not_waited_for_and_finds_nothing_later(void **state)
{
    struct fixture f;
    fixture_open(&f, 2);
    assert_int_equal(uv_sem_init(&f.release, 0), 0);
    assert_true(loop_threads_try_each(f.loop_threads, note, 60000));
    f.in_turn = hang;
    loop_threads_nudge(f.loop_threads, 0);
    while (loop_threads_try_each(f.loop_threads, note, 20))
        ;
    unsigned calls = f.seen[0].calls;
    assert_false(loop_threads_try_each(f.loop_threads, note, 20));
    uv_sem_post(&f.release);
    while (f.reports == 0)
        uv_run(&f.home, UV_RUN_ONCE);
    assert_int_equal(f.seen[0].calls, calls);
    f.in_turn = NULL;
    loop_threads_each(f.loop_threads, note);
    assert_int_equal(f.seen[0].calls, calls + 1);
    fixture_close(&f);
    uv_sem_destroy(&f.release);
}

static void a_lone_loop_and_one_that_has_left_are_not_silent(void **state)
{
    struct fixture f;
    fixture_open(&f, 1);
    assert_int_equal(loop_threads_silent_ms(f.loop_threads, 0), 0);
    fixture_close(&f);
    fixture_open(&f, 2);
    f.stays = true;
    loop_threads_each(f.loop_threads, leave);
    while (!f.left)
        uv_run(&f.home, UV_RUN_ONCE);
    uv_sleep(2);
    assert_int_equal(loop_threads_silent_ms(f.loop_threads, 0), 0);
    loop_threads_close(f.loop_threads);
    uv_run(&f.home, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f.home), 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct fixture *f = timer->data;
    f->seen[0].calls++;
    uv_close((uv_handle_t *)timer, NULL);
    loop_threads_leave(f->loop_threads, 0);
}

static void start_timer(void *ctx, uint32_t i)
{
    struct fixture *f = ctx;
    if (i != 0) {
        loop_threads_leave(f->loop_threads, i);
        return;
    }
    uv_timer_init(loop_threads_loop(f->loop_threads, 0), &f->timer);
    f->timer.data = f;
    uv_timer_start(&f->timer, on_timer, 1, 0);
}

static void work_on_a_loop_is_finished_before_it_leaves(void **state)
{
    struct fixture f;
    fixture_open(&f, 2);
    loop_threads_each(f.loop_threads, start_timer);
    uv_run(&f.home, UV_RUN_DEFAULT);
    assert_true(f.left);
    assert_int_equal(f.seen[0].calls, 1);
    assert_int_equal(uv_loop_close(&f.home), 0);
}

static void never(uv_timer_t *timer)
{
}

/* As a library may whose thread hangs. */
static void leave_with_a_handle(void *ctx, uint32_t i)
{
    static uv_timer_t hangs[2];
    struct fixture *f = ctx;
    uv_timer_init(loop_threads_loop(f->loop_threads, i), &hangs[i]);
    uv_timer_start(&hangs[i], never, 3600000, 0);
    loop_threads_leave(f->loop_threads, i);
}

static void what_hangs_in_a_loop_is_left_behind(void **state)
{
    static struct loop_threads *stays; /* so that nobody takes it for a leak */
    struct fixture f;
    fixture_open(&f, 2);
    stays = f.loop_threads;
    loop_threads_each(f.loop_threads, leave_with_a_handle);
    uv_run(&f.home, UV_RUN_DEFAULT);
    assert_true(f.left && stays);
    assert_int_equal(uv_loop_close(&f.home), 0);
}

static void leave_but_the_last(void *ctx, uint32_t i)
{
    struct fixture *f = ctx;
    if (i + 1 < f->loops)
        loop_threads_leave(f->loop_threads, i);
}

static void nudging_a_loop_that_has_left_does_nothing(void **state)
{
    struct fixture f = { .loops = 2, .home_thread = uv_thread_self() };
    const struct loop_threads_options o = {
        .home = &f.home, .loops = 2, .nudged = leave, .left = on_left, .ctx = &f
    };
    assert_int_equal(uv_loop_init(&f.home), 0);
    assert_int_equal(loop_threads_open(&f.loop_threads, &o, NULL), 0);
    loop_threads_each(f.loop_threads, leave_but_the_last);
    uv_run(&f.home, UV_RUN_NOWAIT);
    loop_threads_nudge(f.loop_threads, 0);
    assert_false(f.left);
    loop_threads_nudge(f.loop_threads, 1);
    uv_run(&f.home, UV_RUN_DEFAULT);
    assert_true(f.left);
    assert_int_equal(uv_loop_close(&f.home), 0);
}

static void left_is_told_once_however_long_the_loop_threads_stays(void **state)
{
    struct fixture f;
    fixture_open(&f, 2);
    f.stays = true;
    loop_threads_each(f.loop_threads, leave);
    while (!f.left)
        uv_run(&f.home, UV_RUN_ONCE);
    unsigned before = f.reports;
    loop_threads_report(f.loop_threads);
    while (f.reports == before)
        uv_run(&f.home, UV_RUN_ONCE);
    loop_threads_close(f.loop_threads);
    uv_run(&f.home, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f.home), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lone_loop_is_the_home_loop_on_its_thread),
        cmocka_unit_test(several_loops_have_a_thread_each),
        cmocka_unit_test(each_thread_is_joined),
        cmocka_unit_test(a_nudge_reaches_its_loop_and_a_report_home),
        cmocka_unit_test(a_loop_that_hangs_is_silent_and_nobody_waits_for_it),
        cmocka_unit_test(a_loop_that_hangs_is_not_waited_for_and_finds_nothing_later),
        cmocka_unit_test(a_lone_loop_and_one_that_has_left_are_not_silent),
        cmocka_unit_test(work_on_a_loop_is_finished_before_it_leaves),
        cmocka_unit_test(what_hangs_in_a_loop_is_left_behind),
        cmocka_unit_test(left_is_told_once_however_long_the_loop_threads_stays),
        cmocka_unit_test(nudging_a_loop_that_has_left_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

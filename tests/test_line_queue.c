/* The queue between a polling thread and the output: what goes in comes out, in order, and its room
 * is what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "daemon/line_queue.h"

/* Takes lines until it has `most`, and notes them, a blank after each. */
struct taker {
    char text[256];
    size_t count, most;
};

static bool take(void *ctx, str line)
{
    struct taker *t = ctx;
    if (t->count == t->most)
        return false;
    t->count++;
    size_t len = strlen(t->text);
    snprintf(t->text + len, sizeof t->text - len, "%.*s ", STR_ARG(line));
    return true;
}

static void lines_come_out_whole_and_in_order(void **state)
{
    (void)state;
    struct line_queue r;
    struct taker t = { .most = 10 };
    assert_int_equal(line_queue_init(&r, 64, 16), 0);
    assert_true(line_queue_is_empty(&r));
    assert_true(line_queue_put(&r, STR("one")));
    assert_true(line_queue_put_extra(&r, STR("two")));
    assert_true(line_queue_put(&r, STR("three")));
    assert_false(line_queue_is_empty(&r));
    assert_true(line_queue_drain(&r, take, &t));
    assert_string_equal(t.text, "one two three ");
    assert_true(line_queue_is_empty(&r));
    line_queue_deinit(&r);
}

static void room_is_what_lines_still_fit_into(void **state)
{
    (void)state;
    struct line_queue r;
    assert_int_equal(line_queue_init(&r, 10, 5), 0);
    assert_int_equal(line_queue_room(&r), 10);
    assert_true(line_queue_put(&r, STR("1234")));
    assert_int_equal(line_queue_room(&r), 5);
    assert_false(line_queue_put(&r, STR("12345")));
    assert_true(line_queue_put(&r, STR("1234")));
    assert_int_equal(line_queue_room(&r), 0);
    assert_false(line_queue_put(&r, STR("")));
    line_queue_deinit(&r);
}

static void extra_lines_take_no_room_that_was_promised(void **state)
{
    (void)state;
    struct line_queue r;
    assert_int_equal(line_queue_init(&r, 10, 5), 0);
    assert_true(line_queue_put_extra(&r, STR("1234")));
    assert_false(line_queue_put_extra(&r, STR("")));
    assert_int_equal(line_queue_room(&r), 10);
    assert_true(line_queue_put(&r, STR("123456789")));
    struct taker t = { .most = 10 };
    line_queue_drain(&r, take, &t);
    assert_int_equal(line_queue_room(&r), 10);
    assert_true(line_queue_put_extra(&r, STR("1234")));
    line_queue_deinit(&r);
}

static void a_refused_line_stays_the_next_one(void **state)
{
    (void)state;
    struct line_queue r;
    struct taker t = { .most = 1 };
    assert_int_equal(line_queue_init(&r, 64, 16), 0);
    line_queue_put(&r, STR("one"));
    line_queue_put(&r, STR("two"));
    assert_true(line_queue_drain(&r, take, &t));
    assert_string_equal(t.text, "one ");
    assert_false(line_queue_is_empty(&r));
    line_queue_put(&r, STR("three"));
    t.most = 10;
    line_queue_drain(&r, take, &t);
    assert_string_equal(t.text, "one two three ");
    assert_true(line_queue_is_empty(&r));
    line_queue_deinit(&r);
}

static void a_stuck_output_leaves_no_room_but_loses_nothing(void **state)
{
    (void)state;
    struct line_queue r;
    struct taker t = { .most = 0 };
    assert_int_equal(line_queue_init(&r, 4, 4), 0);
    assert_true(line_queue_put(&r, STR("one")));
    assert_true(line_queue_drain(&r, take, &t));
    assert_int_equal(line_queue_room(&r), 4);
    assert_true(line_queue_put(&r, STR("two")));
    assert_false(line_queue_drain(&r, take, &t));
    assert_int_equal(line_queue_room(&r), 0);
    t.most = 10;
    assert_true(line_queue_drain(&r, take, &t));
    assert_string_equal(t.text, "one two ");
    assert_int_equal(line_queue_room(&r), 4);
    line_queue_deinit(&r);
}

static void the_backlog_is_all_that_nobody_has_taken_yet(void **state)
{
    (void)state;
    struct line_queue r;
    struct taker t = { .most = 1 };
    assert_int_equal(line_queue_init(&r, 64, 16), 0);
    assert_int_equal(line_queue_backlog(&r), 0);
    line_queue_put(&r, STR("one"));
    line_queue_put(&r, STR("two"));
    line_queue_put_extra(&r, STR("three"));
    assert_int_equal(line_queue_backlog(&r), 14);
    line_queue_drain(&r, take, &t);
    assert_int_equal(line_queue_backlog(&r), 10);
    line_queue_put(&r, STR("four"));
    assert_int_equal(line_queue_backlog(&r), 15);
    t.most = 2;
    assert_true(line_queue_drain(&r, take, &t)); /* no more room, but less backlog */
    assert_int_equal(line_queue_backlog(&r), 11);
    t.most = 10;
    line_queue_drain(&r, take, &t);
    assert_int_equal(line_queue_backlog(&r), 0);
    line_queue_deinit(&r);
}

enum { LINES = 20000 };

static void put_numbers(void *arg)
{
    struct line_queue *r = arg;
    char text[16];
    for (int i = 0; i < LINES;) {
        int len = snprintf(text, sizeof text, "%d", i);
        i += line_queue_put(r, (str) { text, (size_t)len });
    }
}

struct counter {
    int next;
    bool in_order;
};

static bool count(void *ctx, str line)
{
    struct counter *c = ctx;
    char text[16];
    int len = snprintf(text, sizeof text, "%d", c->next++);
    c->in_order = c->in_order && str_eq(line, (str) { text, (size_t)len });
    return true;
}

static void two_threads_lose_and_mix_nothing(void **state)
{
    (void)state;
    struct line_queue r;
    struct counter c = { .in_order = true };
    uv_thread_t thread;
    assert_int_equal(line_queue_init(&r, 256, 0), 0);
    assert_int_equal(uv_thread_create(&thread, put_numbers, &r), 0);
    while (c.next < LINES)
        line_queue_drain(&r, count, &c);
    uv_thread_join(&thread);
    assert_true(c.in_order);
    assert_true(line_queue_is_empty(&r));
    line_queue_deinit(&r);
}

static void ending_a_zeroed_one_is_fine(void **state)
{
    (void)state;
    struct line_queue r = { .size = 0 };
    line_queue_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_whole_and_in_order),
        cmocka_unit_test(room_is_what_lines_still_fit_into),
        cmocka_unit_test(extra_lines_take_no_room_that_was_promised),
        cmocka_unit_test(a_refused_line_stays_the_next_one),
        cmocka_unit_test(a_stuck_output_leaves_no_room_but_loses_nothing),
        cmocka_unit_test(the_backlog_is_all_that_nobody_has_taken_yet),
        cmocka_unit_test(two_threads_lose_and_mix_nothing),
        cmocka_unit_test(ending_a_zeroed_one_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

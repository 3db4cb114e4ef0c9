/* SPDX-License-Identifier: MIT */
/* The queue between a polling thread and the sink: what goes in comes out, in order, and its
 * room is what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "daemon/record_queue.h"

/* Takes records until it has `most`, and notes their names, a blank after each. */
struct taker {
    char text[256];
    size_t count, most;
};

static str name_of(const struct record *r)
{
    return r->kind == RECORD_JOB ? r->job.job_id : r->health.from.name;
}

static bool take(void *ctx, const struct record *r)
{
    struct taker *t = ctx;
    if (t->count == t->most)
        return false;
    t->count++;
    size_t len = strlen(t->text);
    snprintf(t->text + len, sizeof t->text - len, "%.*s ", STR_ARG(name_of(r)));
    return true;
}

static bool put_job(struct record_queue *q, const char *id)
{
    const struct record r = { .kind = RECORD_JOB, .job = { .job_id = str_of(id) } };
    return record_queue_put(q, &r);
}

static bool put_health(struct record_queue *q, const char *name)
{
    const struct record r = { .kind = RECORD_HEALTH,
                              .health = { .from = { .name = str_of(name) } } };
    return record_queue_put(q, &r);
}

static bool put_long_job(struct record_queue *q)
{
    static char text[RECORD_ID_MAX + 1];
    memset(text, 'x', RECORD_ID_MAX);
    const struct record r = { .kind = RECORD_JOB,
                              .job = { .client_id = str_of(text), .job_id = str_of(text) } };
    return record_queue_put(q, &r);
}

static void records_come_out_whole_and_in_order(void **state)
{
    struct record_queue q;
    struct taker t = { .most = 10 };
    assert_int_equal(record_queue_init(&q, 4, 1), 0);
    assert_true(record_queue_is_empty(&q));
    assert_true(put_job(&q, "one"));
    assert_true(put_health(&q, "two"));
    assert_true(put_job(&q, "three"));
    assert_false(record_queue_is_empty(&q));
    assert_true(record_queue_drain(&q, take, &t));
    assert_string_equal(t.text, "one two three ");
    assert_true(record_queue_is_empty(&q));
    record_queue_deinit(&q);
}

static void as_many_jobs_are_taken_as_the_credit_says_however_long_they_are(void **state)
{
    struct record_queue q;
    assert_int_equal(record_queue_init(&q, 5, 1), 0);
    assert_int_equal(record_queue_credit(&q), 5);
    for (size_t credit = 5; credit; credit = record_queue_credit(&q))
        for (size_t i = 0; i < credit; i++)
            assert_true(put_long_job(&q));
    while (put_long_job(&q))
        continue;
    assert_int_equal(record_queue_credit(&q), 0);
    struct taker t = { .most = 1000 };
    record_queue_drain(&q, take, &t);
    assert_true(t.count >= 5);
    assert_int_equal(record_queue_credit(&q), 5);
    record_queue_deinit(&q);
}

static void other_records_take_no_room_that_was_promised_to_jobs(void **state)
{
    struct record_queue q;
    size_t others = 0;
    assert_int_equal(record_queue_init(&q, 5, 2), 0);
    while (put_health(&q, "web"))
        others++;
    assert_true(others >= 2);
    assert_int_equal(record_queue_credit(&q), 5);
    for (int i = 0; i < 5; i++)
        assert_true(put_long_job(&q));
    struct taker t = { .most = 1000 };
    record_queue_drain(&q, take, &t);
    assert_int_equal(t.count, others + 5);
    assert_true(put_health(&q, "web"));
    record_queue_deinit(&q);
}

static void a_refused_record_stays_the_next_one(void **state)
{
    struct record_queue q;
    struct taker t = { .most = 1 };
    assert_int_equal(record_queue_init(&q, 4, 1), 0);
    put_job(&q, "one");
    put_job(&q, "two");
    assert_true(record_queue_drain(&q, take, &t));
    assert_string_equal(t.text, "one ");
    assert_false(record_queue_is_empty(&q));
    put_job(&q, "three");
    assert_false(record_queue_drain(&q, take, &t)); /* no more room, and no less backlog */
    t.most = 10;
    record_queue_drain(&q, take, &t);
    assert_string_equal(t.text, "one two three ");
    assert_true(record_queue_is_empty(&q));
    record_queue_deinit(&q);
}

static void the_backlog_is_all_that_nobody_has_taken_yet(void **state)
{
    struct record_queue q;
    struct taker t = { .most = 1 };
    assert_int_equal(record_queue_init(&q, 4, 1), 0);
    assert_int_equal(record_queue_backlog(&q), 0);
    put_job(&q, "one");
    size_t one = record_queue_backlog(&q);
    assert_true(one > 0);
    put_job(&q, "two");
    put_health(&q, "web");
    size_t all = record_queue_backlog(&q);
    assert_true(all > 2 * one);
    record_queue_drain(&q, take, &t);
    assert_int_equal(record_queue_backlog(&q), all - one);
    put_job(&q, "six");
    assert_int_equal(record_queue_backlog(&q), all);
    t.most = 10;
    record_queue_drain(&q, take, &t);
    assert_int_equal(record_queue_backlog(&q), 0);
    record_queue_deinit(&q);
}

enum { RECORDS = 20000 };

static void put_numbers(void *arg)
{
    struct record_queue *q = arg;
    char text[16];
    for (int i = 0; i < RECORDS;) {
        snprintf(text, sizeof text, "%d", i);
        i += put_job(q, text);
    }
}

struct counter {
    int next;
    bool in_order;
};

static bool count(void *ctx, const struct record *r)
{
    struct counter *c = ctx;
    char text[16];
    int len = snprintf(text, sizeof text, "%d", c->next++);
    c->in_order = c->in_order && str_eq(r->job.job_id, (str) { text, (size_t)len });
    return true;
}

static void two_threads_lose_and_mix_nothing(void **state)
{
    struct record_queue q;
    struct counter c = { .in_order = true };
    uv_thread_t thread;
    assert_int_equal(record_queue_init(&q, 2, 0), 0);
    assert_int_equal(uv_thread_create(&thread, put_numbers, &q), 0);
    while (c.next < RECORDS)
        record_queue_drain(&q, count, &c);
    uv_thread_join(&thread);
    assert_true(c.in_order);
    assert_true(record_queue_is_empty(&q));
    record_queue_deinit(&q);
}

static void ending_a_zeroed_one_is_fine(void **state)
{
    struct record_queue q = { .held = 0 };
    record_queue_deinit(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_whole_and_in_order),
        cmocka_unit_test(as_many_jobs_are_taken_as_the_credit_says_however_long_they_are),
        cmocka_unit_test(other_records_take_no_room_that_was_promised_to_jobs),
        cmocka_unit_test(a_refused_record_stays_the_next_one),
        cmocka_unit_test(the_backlog_is_all_that_nobody_has_taken_yet),
        cmocka_unit_test(two_threads_lose_and_mix_nothing),
        cmocka_unit_test(ending_a_zeroed_one_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Targets of a poller, brought from one plan to the next: one at each turn of the loop here, since
 * slices of no time are asked for. Nothing is polled: first polls are hours away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/list.h"
#include "config/config.h"
#include "daemon/job_handler.h"
#include "daemon/target_change.h"

#define SECTION(name, provider)                                                                    \
    "[target " name "]\nregions = us-east-1\ncategory = Build\nprovider = " provider               \
    "\nversion = 1\ninterval = 23h\nendpoint-url = http://127.0.0.1:9\n"

static const char three[] = SECTION("a", "A") SECTION("b", "B") SECTION("c", "C");
static const char others[] = SECTION("other", "A")
    SECTION("b", "B") "max-batch-size = 1\n" SECTION("d", "D") SECTION("e", "E");

struct fixture {
    uv_loop_t loop;
    struct pipepoll_sink sink;
    struct logger logger;
    struct target_set set;
    struct target_change change;
    struct config none, before, after;
    size_t removed;
    bool done, change_closed, poller_closed;
};

static void deliver(struct pipepoll_sink *sink, struct pipepoll_target *from,
                    const struct pipepoll_answer *answer)
{
    (void)sink, (void)from, (void)answer;
}

static void removed(struct pipepoll_sink *sink, struct pipepoll_target *from)
{
    CONTAINER_OF(sink, struct fixture, sink)->removed++;
    target_set_removed(target_set_of(from));
}

static void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

static struct config config_of(const char *text)
{
    struct config config;
    struct diagnostics c = { .file = STR("c.ini") };
    char *copy = strdup(text);
    assert_non_null(copy);
    assert_int_equal(config_parse(&config, copy, strlen(text), NULL, &c), 0);
    return config;
}

static void set_up(struct fixture *f)
{
    struct pipepoll_options o = PIPEPOLL_OPTIONS_INIT;
    *f = (struct fixture) { .sink = {
                                .size = sizeof f->sink, .deliver = deliver, .removed = removed } };
    f->set.log = &f->logger;
    f->before = config_of(three);
    f->after = config_of(others);
    o.sink = &f->sink;
    uv_loop_init(&f->loop);
    assert_int_equal(
        pipepoll_credentials_static(&o.credentials, STR("AKID"), STR("secret"), STR(""), NULL), 0);
    assert_int_equal(pipepoll_open(&f->set.poller, &f->loop, &o, NULL), 0);
    pipepoll_credentials_unref(o.credentials);
    target_change_open(&f->change, &f->loop, &f->set, set_flag, &f->done);
    f->change.slice_ns = 0;
}

static void tear_down(struct fixture *f)
{
    target_change_close(&f->change, set_flag, &f->change_closed);
    pipepoll_close(f->set.poller, set_flag, &f->poller_closed);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->change_closed && f->poller_closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    config_deinit(&f->before);
    config_deinit(&f->after);
}

static size_t targets(const struct fixture *f)
{
    struct pipepoll_stats stats = { .size = sizeof stats };
    pipepoll_stats(f->set.poller, &stats);
    return stats.targets;
}

static void start(struct fixture *f, const struct config *old, const struct config *new)
{
    f->done = false;
    target_change_start(&f->change, &old->plan, &new->plan);
}

static unsigned turns_until_done(struct fixture *f)
{
    unsigned turns = 0;
    for (; !f->done; turns++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    return turns;
}

static void targets_come_some_at_each_turn(void **state)
{
    struct fixture f;
    set_up(&f);
    start(&f, &f.none, &f.before);
    assert_int_equal(targets(&f), 0);
    for (size_t i = 1; i <= 3; i++) {
        assert_false(f.done);
        uv_run(&f.loop, UV_RUN_NOWAIT);
        assert_int_equal(targets(&f), i);
    }
    assert_int_equal(turns_until_done(&f), 1);
    assert_int_equal(f.change.added, 3);
    assert_int_equal(f.set.count[HEALTH_WELL], 3);
    tear_down(&f);
    assert_int_equal(f.removed, 3);
}

/* "a" goes on by another name, "b" is replaced, "c" goes, "d" and "e" come. */
static void each_target_is_kept_replaced_removed_or_added_once(void **state)
{
    struct fixture f;
    set_up(&f);
    start(&f, &f.none, &f.before);
    turns_until_done(&f);
    start(&f, &f.before, &f.after);
    assert_int_equal(turns_until_done(&f), 6);
    assert_int_equal(f.change.kept, 1);
    assert_int_equal(f.change.removed, 2);
    assert_int_equal(f.change.added, 3);
    assert_int_equal(f.set.count[HEALTH_WELL], 4);
    const struct plan_target *a = &f.after.plan.targets[0];
    assert_string_equal(target_set_of(a->live)->name, "other");
    assert_ptr_equal(target_set_of(a->live)->plan, a);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_int_equal(targets(&f), 4);
    assert_int_equal(f.removed, 2);
    tear_down(&f);
}

/* "b" and "c" are taken away; a handler waits for a follow-up job of "b". */
static void what_a_handler_waits_for_is_polled_until_it_has_come(void **state)
{
    struct fixture f;
    struct job_handler handler = { .running = 1 };
    set_up(&f);
    start(&f, &f.none, &f.before);
    turns_until_done(&f);
    struct target_set_entry *b = target_set_of(f.before.plan.targets[1].live);
    b->handler = &handler;
    target_set_hold(b);
    target_set_wait_began(b);
    start(&f, &f.before, &f.after);
    turns_until_done(&f);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_int_equal(f.removed, 1);
    assert_int_equal(targets(&f), 5);
    assert_int_equal(f.set.count[HEALTH_WELL], 4);
    assert_true(target_set_is_worked(b));
    assert_null(b->handler); /* no other job is for it */
    target_set_wait_ended(b);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_int_equal(f.removed, 2);
    assert_int_equal(targets(&f), 4);
    assert_null(b->live);
    target_set_release(b);
    tear_down(&f);
}

static void a_change_that_is_stopped_leaves_nothing_behind(void **state)
{
    struct fixture f;
    set_up(&f);
    start(&f, &f.none, &f.before);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_int_equal(targets(&f), 1);
    tear_down(&f);
    assert_int_equal(f.removed, 1);
    assert_false(f.done);
}

static void what_is_left_of_a_stopped_change_of_plans_goes_with_the_poller(void **state)
{
    struct fixture f;
    set_up(&f);
    start(&f, &f.none, &f.before);
    turns_until_done(&f);
    start(&f, &f.before, &f.after);
    for (int i = 0; i < 3; i++)
        uv_run(&f.loop, UV_RUN_NOWAIT);
    tear_down(&f);
    assert_int_equal(f.removed, 4); /* three, and the second "b" */
}

/* It is what a change meets whose addition failed: out of memory then, but not now. */
static void what_was_not_added_is_added_by_the_next_change(void **state)
{
    struct fixture f;
    set_up(&f);
    struct config again = config_of(three);
    start(&f, &f.none, &f.before);
    turns_until_done(&f);
    target_set_remove(&f.set, &f.before.plan.targets[1]);
    f.before.plan.targets[1].live = NULL;
    start(&f, &f.before, &again);
    turns_until_done(&f);
    assert_int_equal(f.change.added, 1);
    assert_int_equal(f.change.kept, 2);
    assert_int_equal(f.set.count[HEALTH_WELL], 3);
    assert_non_null(again.plan.targets[1].live);
    tear_down(&f);
    config_deinit(&again);
}

static void targets_are_counted_by_their_health_until_they_are_removed(void **state)
{
    struct fixture f;
    const struct pipepoll_failure denied = { .status = PIPEPOLL_EDENIED, .code = STR("Denied") };
    set_up(&f);
    start(&f, &f.none, &f.before);
    turns_until_done(&f);
    struct target_set_entry *a = target_set_of(f.before.plan.targets[0].live);
    struct target_set_entry *c = target_set_of(f.before.plan.targets[2].live);
    assert_true(target_set_failed(a, &denied, 1) && target_set_failed(c, &denied, 1));
    assert_int_equal(f.set.count[HEALTH_ILL], 2);
    assert_int_equal(f.set.count[HEALTH_WELL], 1);
    start(&f, &f.before, &f.after);
    turns_until_done(&f);
    assert_int_equal(f.set.count[HEALTH_ILL], 1);
    assert_true(target_set_answered(a));
    assert_int_equal(f.set.count[HEALTH_ILL], 0);
    assert_int_equal(f.set.count[HEALTH_WELL], 4);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_come_some_at_each_turn),
        cmocka_unit_test(each_target_is_kept_replaced_removed_or_added_once),
        cmocka_unit_test(what_a_handler_waits_for_is_polled_until_it_has_come),
        cmocka_unit_test(a_change_that_is_stopped_leaves_nothing_behind),
        cmocka_unit_test(what_is_left_of_a_stopped_change_of_plans_goes_with_the_poller),
        cmocka_unit_test(what_was_not_added_is_added_by_the_next_change),
        cmocka_unit_test(targets_are_counted_by_their_health_until_they_are_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Names to addresses, with the system's resolver played and a clock put forward by the test. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include <uv.h>

#include "io/resolver.h"
#include "lib/check.h"
#include "lib/clock.h"
#include "lib/names.h"

/* --- a loop with a resolver, and questions to it --- */

struct world {
    uv_loop_t loop;
    struct timers *timers;
    struct worker *worker;
    struct resolver *resolver;
    unsigned closed, answers;
};

struct question {
    struct resolver_query q;
    struct world *world;
    struct resolver_name *name;
    char text[RESOLVER_TEXT_SIZE], problem[128];
    unsigned answers;
    struct question *forgets; /* another, when it is answered */
};

static const struct alloc plain = { 0 };

static void world_open_with(struct world *w, const struct alloc *alloc, uint32_t limit_ms)
{
    *w = (struct world) { 0 };
    names_reset();
    uv_loop_init(&w->loop);
    assert_int_equal(timers_open(&w->timers, &w->loop, &plain), 0);
    timers_hold_loop(w->timers, true); /* what is looked up in the background does not */
    assert_int_equal(worker_open(&w->worker, &w->loop, w->timers, &plain), 0);
    struct resolver_options o = { w->worker, w->timers, *alloc, limit_ms };
    assert_int_equal(resolver_open(&w->resolver, &o), 0);
}

static void world_open(struct world *w)
{
    world_open_with(w, &plain, 20000);
}

static void count_call(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void world_close(struct world *w)
{
    resolver_close(w->resolver);
    worker_close(w->worker, count_call, &w->closed);
    timers_close(w->timers, count_call, &w->closed);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closed, 2);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void on_done(struct resolver_query *query, const char *problem)
{
    struct question *q = CONTAINER_OF(query, struct question, q);
    resolver_addresses(q->name, q->text);
    snprintf(q->problem, sizeof q->problem, "%s", problem ? problem : "");
    q->answers++;
    q->world->answers++;
    if (q->forgets)
        resolver_forget(&q->forgets->q);
    uv_stop(&q->world->loop);
}

/* true: answered at once. Each question holds its name until let_go(). */
static bool ask(struct world *w, struct question *q, const char *host)
{
    q->world = w;
    q->q.on_done = on_done;
    q->answers = 0;
    resolver_release(q->name);
    q->name = resolver_hold(w->resolver, str_of(host));
    bool at_once = resolver_ask(q->name, &q->q);
    if (at_once)
        resolver_addresses(q->name, q->text);
    return at_once;
}

static void let_go(struct question *q)
{
    resolver_release(q->name);
    q->name = NULL;
}

static void run_until_answered(struct world *w, unsigned answers)
{
    while (w->answers < answers)
        uv_run(&w->loop, UV_RUN_ONCE);
}

static void await_answer(struct world *w, struct question *q)
{
    while (!q->answers)
        uv_run(&w->loop, UV_RUN_ONCE);
}

static void ask_and_wait(struct world *w, struct question *q, const char *host)
{
    assert_false(ask(w, q, host));
    await_answer(w, q);
}

/* What was looked up in the background has come. */
static void settle(struct world *w, struct question *q)
{
    char before[sizeof q->text];
    snprintf(before, sizeof before, "%s", q->text);
    do
        uv_run(&w->loop, UV_RUN_ONCE);
    while (strcmp(resolver_addresses(q->name, q->text), before) == 0);
}

static struct address address(const char *text)
{
    struct address a;
    assert_true(address_read(&a, str_of(text)));
    return a;
}

/* --- what it does --- */

static void literals_and_localhost_need_no_look_up(void **state)
{
    static const struct {
        const char *host, *addresses;
    } cases[] = {
        { "192.0.2.1", "192.0.2.1" },
        { "localhost", "127.0.0.1,[::1]" },
        { "LocalHost", "127.0.0.1,[::1]" },
    };
    struct world w;
    struct question q = { 0 };
    world_open(&w);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(ask(&w, &q, cases[i].host));
        assert_string_equal(q.text, cases[i].addresses);
        resolver_distrust(q.name);
        slept_s += 2 * RESOLVER_STALE_MS / 1000;
        assert_true(ask(&w, &q, cases[i].host));
        struct address other = address("192.0.2.9");
        assert_true(resolver_leads_to(q.name, &other));
    }
    assert_int_equal(names_asked(NULL), 0);
    let_go(&q);
    world_close(&w);
}

static void questions_for_one_name_are_one_look_up(void **state)
{
    struct world w;
    struct question a = { 0 }, b = { 0 }, other = { 0 };
    world_open(&w);
    names_hang("one.test");
    names_hang("two.test");
    assert_false(ask(&w, &a, "one.test"));
    assert_false(ask(&w, &b, "ONE.test"));
    assert_false(ask(&w, &other, "two.test"));
    names_await(NULL, 2);
    names_say("one.test", "192.0.2.1 2001:db8::1 192.0.2.2");
    run_until_answered(&w, 2);
    assert_string_equal(a.text, "192.0.2.1,[2001:db8::1],192.0.2.2");
    assert_string_equal(b.text, a.text);
    assert_int_equal(other.answers, 0);
    names_say("two.test", "192.0.2.9");
    await_answer(&w, &other);
    assert_string_equal(other.text, "192.0.2.9");
    assert_int_equal(names_asked(NULL), 2);
    let_go(&a);
    let_go(&b);
    let_go(&other);
    world_close(&w);
}

static void names_are_found_by_all_their_letters(void **state)
{
    struct world w;
    world_open(&w);
    struct resolver_name *a = resolver_hold(w.resolver, STR("a-long-name-1.test"));
    struct resolver_name *b = resolver_hold(w.resolver, STR("a-long-name-2.test"));
    assert_ptr_equal(resolver_hold(w.resolver, STR("A-Long-Name-1.TEST")), a);
    assert_ptr_not_equal(a, b);
    resolver_release(a);
    resolver_release(a);
    resolver_release(b);
    world_close(&w);
}

static void an_answer_is_renewed_in_the_background(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w);
    names_say("one.test", "192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    names_say("one.test", "192.0.2.2");
    slept_s += RESOLVER_RECHECK_MS / 1000 - 5;
    assert_true(ask(&w, &q, "one.test"));
    assert_int_equal(names_asked("one.test"), 1);
    slept_s += 6;
    assert_true(ask(&w, &q, "one.test"));
    assert_string_equal(q.text, "192.0.2.1");
    assert_true(ask(&w, &q, "one.test")); /* no second look-up beside the first */
    settle(&w, &q);
    assert_string_equal(q.text, "192.0.2.2");
    assert_int_equal(names_asked("one.test"), 2);
    let_go(&q);
    world_close(&w);
}

static void old_addresses_wait_for_a_look_up_and_serve_when_it_fails(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w);
    names_say("one.test", "192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    slept_s += RESOLVER_FRESH_MS / 1000 + 1;
    names_fail("one.test", EAI_AGAIN, 0);
    ask_and_wait(&w, &q, "one.test");
    assert_string_equal(q.problem, "");
    assert_string_equal(q.text, "192.0.2.1");
    assert_true(ask(&w, &q, "one.test")); /* not each time: the service has just failed */
    assert_int_equal(names_asked("one.test"), 2);
    slept_s += RESOLVER_STALE_MS / 1000 + 1;
    ask_and_wait(&w, &q, "one.test");
    assert_string_equal(q.problem, gai_strerror(EAI_AGAIN));
    let_go(&q);
    world_close(&w);
}

static void old_addresses_serve_soon_when_a_look_up_hangs(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w);
    names_say("one.test", "192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    slept_s += RESOLVER_FRESH_MS / 1000 + 1;
    names_hang("one.test");
    uint64_t before_ns = timers_now_ns();
    ask_and_wait(&w, &q, "one.test");
    uint64_t waited_ms = (timers_now_ns() - before_ns) / 1000000;
    assert_in_range(waited_ms, RESOLVER_PATIENCE_MS, 10 * RESOLVER_PATIENCE_MS);
    assert_string_equal(q.text, "192.0.2.1");
    assert_string_equal(q.problem, "");
    assert_true(ask(&w, &q, "one.test")); /* it is known to hang */
    names_say("one.test", "192.0.2.2");
    settle(&w, &q);
    assert_string_equal(q.text, "192.0.2.2");
    assert_int_equal(names_asked("one.test"), 2);
    let_go(&q);
    world_close(&w);
}

static void a_name_that_is_no_more_is_soon_forgotten(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w);
    names_say("one.test", "192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    names_fail("one.test", EAI_NONAME, 0);
    slept_s += RESOLVER_FRESH_MS / 1000 + 1;
    ask_and_wait(&w, &q, "one.test");
    assert_string_equal(q.text, "192.0.2.1");
    slept_s += RESOLVER_GONE_MS / 1000;
    ask_and_wait(&w, &q, "one.test");
    assert_string_equal(q.problem, gai_strerror(EAI_NONAME));
    let_go(&q);
    world_close(&w);
}

static void after_distrust_the_next_question_waits_for_a_look_up(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w);
    names_say("one.test", "192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    resolver_distrust(q.name);
    names_say("one.test", "192.0.2.2");
    ask_and_wait(&w, &q, "one.test");
    assert_string_equal(q.text, "192.0.2.2");
    assert_true(ask(&w, &q, "one.test"));
    resolver_distrust(q.name);
    names_fail("one.test", EAI_AGAIN, 0); /* better an old address than none */
    ask_and_wait(&w, &q, "one.test");
    assert_string_equal(q.text, "192.0.2.2");
    let_go(&q);
    world_close(&w);
}

static void a_name_without_an_address_of_use_is_a_failure(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w);
    names_say("one.test", "fe80::1");
    ask_and_wait(&w, &q, "one.test");
    assert_string_equal(q.text, "");
    assert_string_equal(q.problem, "it has no address");
    names_say("one.test", "fe80::1 192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    assert_string_equal(q.text, "192.0.2.1");
    let_go(&q);
    world_close(&w);
}

static void addresses_beyond_the_limit_are_left_out(void **state)
{
    struct world w;
    struct question q = { 0 };
    char list[512] = "", want[512] = "";
    for (int i = 0; i < LOOK_UP_ADDRESSES_MAX + 4; i++) {
        size_t len = strlen(list), want_len = strlen(want);
        snprintf(list + len, sizeof list - len, "%s192.0.2.%d", i ? " " : "", i);
        if (i < LOOK_UP_ADDRESSES_MAX)
            snprintf(want + want_len, sizeof want - want_len, "%s192.0.2.%d", i ? "," : "", i);
    }
    world_open(&w);
    names_say("one.test", list);
    ask_and_wait(&w, &q, "one.test");
    assert_string_equal(q.text, want);
    let_go(&q);
    world_close(&w);
}

/* Look-ups are shared within the process: what hangs until after the end of its test has a name
 * that no other test asks for. */
static void a_forgotten_question_is_not_answered(void **state)
{
    struct world w;
    struct question a = { 0 }, b = { 0 }, c = { 0 };
    world_open(&w);
    names_hang("forgotten.test");
    resolver_forget(&a.q); /* it does not wait */
    assert_false(ask(&w, &a, "forgotten.test"));
    assert_false(ask(&w, &b, "forgotten.test"));
    assert_false(ask(&w, &c, "forgotten.test"));
    resolver_forget(&a.q);
    b.forgets = &c;
    names_say("forgotten.test", "192.0.2.1");
    await_answer(&w, &b);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_int_equal(a.answers, 0);
    assert_int_equal(b.answers, 1);
    assert_int_equal(c.answers, 0);
    let_go(&a);
    let_go(&b);
    let_go(&c);
    world_close(&w);
}

/* --- a limit of its own --- */

static void a_question_is_answered_within_its_limit(void **state)
{
    struct world w;
    struct question q = { 0 }, late = { 0 };
    world_open_with(&w, &plain, 20);
    names_hang("slow.test");
    ask_and_wait(&w, &q, "slow.test");
    assert_string_equal(q.problem, "the name look-up took longer than 0.02 s");
    assert_false(ask(&w, &late, "slow.test")); /* the look-up goes on, and serves the next one */
    names_say("slow.test", "192.0.2.1");
    while (strcmp(late.text, "192.0.2.1") != 0) {
        assert_string_equal(late.text, "");
        late.answers = 0;
        if (!late.q.waits && ask(&w, &late, "slow.test"))
            break;
        await_answer(&w, &late);
    }
    assert_string_equal(late.text, "192.0.2.1");
    assert_int_equal(names_asked("slow.test"), 1);
    let_go(&q);
    let_go(&late);
    world_close(&w);
}

static void old_addresses_serve_within_a_limit_that_is_short(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open_with(&w, &plain, 20);
    names_say("one.test", "192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    slept_s += RESOLVER_FRESH_MS / 1000 + 1;
    names_hang("one.test");
    uint64_t before_ns = timers_now_ns();
    ask_and_wait(&w, &q, "one.test");
    assert_true(timers_now_ns() - before_ns < RESOLVER_PATIENCE_MS * UINT64_C(1000000));
    assert_string_equal(q.text, "192.0.2.1");
    names_say("one.test", "192.0.2.2");
    settle(&w, &q);
    let_go(&q);
    world_close(&w);
}

static void names_that_hang_hold_up_no_other(void **state)
{
    enum { HANGING = 12 };
    struct world w;
    struct question hanging[HANGING], q = { 0 };
    memset(hanging, 0, sizeof hanging);
    world_open(&w);
    for (int i = 0; i < HANGING; i++) {
        char host[32];
        snprintf(host, sizeof host, "hangs-%d.test", i);
        names_hang(host);
        assert_false(ask(&w, &hanging[i], host));
    }
    names_say("one.test", "192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    assert_int_equal(w.answers, 1);
    for (int i = 0; i < HANGING; i++) {
        resolver_forget(&hanging[i].q);
        let_go(&hanging[i]);
    }
    let_go(&q);
    world_close(&w); /* waits for none of them */
    for (int i = 0; i < HANGING; i++) {
        char host[32];
        snprintf(host, sizeof host, "hangs-%d.test", i);
        names_say(host, "192.0.2.1");
    }
}

static void who_waits_can_be_refused(void **state)
{
    struct world w;
    struct question q = { 0 }, known = { 0 };
    world_open(&w);
    names_say("known.test", "192.0.2.1");
    ask_and_wait(&w, &known, "known.test");
    names_hang("refused.test");
    assert_false(ask(&w, &q, "refused.test"));
    resolver_stop_waiting(w.resolver);
    assert_int_equal(q.answers, 0); /* from the loop */
    await_answer(&w, &q);
    assert_non_null(strstr(q.problem, "being closed"));
    ask_and_wait(&w, &q, "refused.test");
    assert_non_null(strstr(q.problem, "being closed"));
    assert_true(ask(&w, &known, "known.test"));
    let_go(&q);
    let_go(&known);
    world_close(&w);
    names_say("refused.test", "");
}

/* --- names that move --- */

static void leave_on(struct world *w, struct question *q, const char *addresses)
{
    struct address any = address("192.0.2.99");
    names_say("one.test", addresses);
    slept_s += RESOLVER_RECHECK_MS / 1000 + 1;
    unsigned asked = names_asked("one.test");
    resolver_leads_to(q->name, &any); /* a request comes */
    names_await("one.test", asked + 1);
    settle(w, q);
}

static void a_connection_is_left_when_its_name_has_moved(void **state)
{
    struct world w;
    struct question q = { 0 };
    struct address a = address("192.0.2.1"), b = address("192.0.2.2");
    world_open(&w);
    names_say("one.test", "192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    assert_true(resolver_leads_to(q.name, &a));
    leave_on(&w, &q, "192.0.2.2 192.0.2.1");
    assert_true(resolver_leads_to(q.name, &a)); /* one more is no move */
    leave_on(&w, &q, "192.0.2.2");
    assert_false(resolver_leads_to(q.name, &a));
    assert_true(resolver_leads_to(q.name, &b));
    let_go(&q);
    world_close(&w);
}

static void a_failed_look_up_ends_no_connection(void **state)
{
    struct world w;
    struct question q = { 0 };
    struct address a = address("192.0.2.1");
    world_open(&w);
    names_say("one.test", "192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    slept_s += RESOLVER_FRESH_MS / 1000 + 1;
    names_fail("one.test", EAI_AGAIN, 0);
    ask_and_wait(&w, &q, "one.test");
    assert_true(resolver_leads_to(q.name, &a));
    let_go(&q);
    world_close(&w);
}

/* As large services have it: each look-up finds another of their hosts. */
static void a_name_served_by_many_in_turn_keeps_its_connections(void **state)
{
    struct world w;
    struct question q = { 0 };
    struct address a = address("192.0.2.1");
    world_open(&w);
    names_say("one.test", "192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    leave_on(&w, &q, "192.0.2.2");
    leave_on(&w, &q, "192.0.2.3");
    assert_false(resolver_leads_to(q.name, &a));
    leave_on(&w, &q, "192.0.2.4");
    assert_true(resolver_leads_to(q.name, &a));
    slept_s += 300; /* it no longer changes: so it did move */
    assert_false(resolver_leads_to(q.name, &a));
    let_go(&q);
    world_close(&w);
}

/* --- what the machine lacks --- */

static void no_descriptor_is_told_by_name(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w);
    names_fail("one.test", EAI_AGAIN, EMFILE);
    ask_and_wait(&w, &q, "one.test");
    assert_string_equal(q.problem, strerror(EMFILE));
    names_fail("two.test", EAI_SYSTEM, EACCES);
    ask_and_wait(&w, &q, "two.test");
    assert_string_equal(q.problem, strerror(EACCES));
    names_fail("three.test", EAI_AGAIN, 0);
    ask_and_wait(&w, &q, "three.test");
    assert_string_equal(q.problem, gai_strerror(EAI_AGAIN));
    let_go(&q);
    world_close(&w);
}

static int thread_error;

int __real_worker_start(struct worker *w, struct worker_job *j);
int __wrap_worker_start(struct worker *w, struct worker_job *j);

int __wrap_worker_start(struct worker *w, struct worker_job *j)
{
    return thread_error ? thread_error : __real_worker_start(w, j);
}

static void no_thread_is_told_and_tried_again(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w);
    thread_error = EAGAIN;
    names_say("one.test", "192.0.2.1");
    assert_false(ask(&w, &q, "one.test"));
    assert_int_equal(q.answers, 0);
    await_answer(&w, &q);
    assert_non_null(strstr(q.problem, "no thread could be started"));
    thread_error = 0;
    ask_and_wait(&w, &q, "one.test");
    assert_string_equal(q.text, "192.0.2.1");
    let_go(&q);
    world_close(&w);
}

static void *resize_unless_told(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    if (!new_size)
        free(ptr);
    return new_size && !*(bool *)ctx ? realloc(ptr, new_size) : NULL;
}

static void lack_of_memory_gives_no_name(void **state)
{
    struct world w;
    bool fails = false;
    const struct alloc alloc = { resize_unless_told, &fails };
    world_open_with(&w, &alloc, 0);
    fails = true;
    assert_null(resolver_hold(w.resolver, STR("one.test")));
    resolver_release(NULL);
    world_close(&w);
}

static void names_without_a_holder_are_remembered_but_not_all(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w);
    names_say("one.test", "192.0.2.1");
    ask_and_wait(&w, &q, "one.test");
    let_go(&q);
    assert_true(ask(&w, &q, "one.test"));
    let_go(&q);
    for (int i = 0; i < RESOLVER_UNUSED_MAX; i++) {
        char host[32];
        snprintf(host, sizeof host, "192.0.2.%d", i);
        resolver_release(resolver_hold(w.resolver, str_of(host)));
    }
    assert_false(ask(&w, &q, "one.test"));
    await_answer(&w, &q);
    let_go(&q);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_and_localhost_need_no_look_up),
        cmocka_unit_test(questions_for_one_name_are_one_look_up),
        cmocka_unit_test(names_are_found_by_all_their_letters),
        cmocka_unit_test(an_answer_is_renewed_in_the_background),
        cmocka_unit_test(old_addresses_wait_for_a_look_up_and_serve_when_it_fails),
        cmocka_unit_test(old_addresses_serve_soon_when_a_look_up_hangs),
        cmocka_unit_test(a_name_that_is_no_more_is_soon_forgotten),
        cmocka_unit_test(after_distrust_the_next_question_waits_for_a_look_up),
        cmocka_unit_test(a_name_without_an_address_of_use_is_a_failure),
        cmocka_unit_test(addresses_beyond_the_limit_are_left_out),
        cmocka_unit_test(a_forgotten_question_is_not_answered),
        cmocka_unit_test(a_question_is_answered_within_its_limit),
        cmocka_unit_test(old_addresses_serve_within_a_limit_that_is_short),
        cmocka_unit_test(names_that_hang_hold_up_no_other),
        cmocka_unit_test(who_waits_can_be_refused),
        cmocka_unit_test(a_connection_is_left_when_its_name_has_moved),
        cmocka_unit_test(a_failed_look_up_ends_no_connection),
        cmocka_unit_test(a_name_served_by_many_in_turn_keeps_its_connections),
        cmocka_unit_test(no_descriptor_is_told_by_name),
        cmocka_unit_test(no_thread_is_told_and_tried_again),
        cmocka_unit_test(lack_of_memory_gives_no_name),
        cmocka_unit_test(names_without_a_holder_are_remembered_but_not_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

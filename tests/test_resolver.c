/* Names to addresses, with libuv's look-ups answered by the test and a clock put forward by it. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include <uv.h>

#include "io/resolver.h"
#include "lib/check.h"
#include "lib/clock.h"

/* --- libuv, as far as the resolver sees it --- */

enum { LOOK_UPS_MAX = 8, FOUND_MAX = 20 };

static struct {
    uv_getaddrinfo_t *request;
    uv_getaddrinfo_cb cb;
    char name[64];
    bool was_cancelled;
} look_ups[LOOK_UPS_MAX];
static unsigned look_up_count, freed;
static int refusal; /* what uv_getaddrinfo() returns */

int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb cb,
                   const char *node, const char *service, const struct addrinfo *hints)
{
    if (refusal)
        return refusal;
    assert_true(look_up_count < LOOK_UPS_MAX);
    look_ups[look_up_count].request = request;
    look_ups[look_up_count].cb = cb;
    look_ups[look_up_count].was_cancelled = false;
    snprintf(look_ups[look_up_count++].name, 64, "%s", node);
    return 0;
}

void uv_freeaddrinfo(struct addrinfo *found)
{
    freed += found != NULL;
}

int uv_cancel(uv_req_t *request)
{
    for (unsigned i = 0; i < look_up_count; i++)
        if ((uv_req_t *)look_ups[i].request == request)
            look_ups[i].was_cancelled = true;
    return UV_EBUSY;
}

static void fail_look_up(unsigned i, int status)
{
    look_ups[i].cb(look_ups[i].request, status, NULL);
}

/* addresses: a list by blanks. */
static void answer_look_up(unsigned i, const char *addresses)
{
    struct addrinfo found[FOUND_MAX] = { 0 };
    struct sockaddr_storage at[FOUND_MAX] = { 0 };
    char list[512];
    int n = 0;
    snprintf(list, sizeof list, "%s", addresses);
    for (char *rest = list, *one; (one = strsep(&rest, " ")) != NULL; n++) {
        found[n].ai_addr = (struct sockaddr *)&at[n];
        if (uv_ip4_addr(one, 0, (struct sockaddr_in *)&at[n]))
            assert_int_equal(uv_ip6_addr(one, 0, (struct sockaddr_in6 *)&at[n]), 0);
        if (n)
            found[n - 1].ai_next = &found[n];
    }
    look_ups[i].cb(look_ups[i].request, 0, found);
}

/* --- a loop with a resolver, and questions to it --- */

struct world {
    uv_loop_t loop;
    struct wake *wake;
    struct resolver *resolver;
    unsigned closed;
};

struct question {
    struct resolver_query q;
    char text[RESOLVER_TEXT_SIZE], detail[64];
    unsigned answers;
    struct question *forgets; /* another, when it is answered */
    struct world *closes;     /* its resolver, likewise */
};

static const struct alloc plain = { 0 };

static void world_open(struct world *w, const struct alloc *alloc)
{
    *w = (struct world) { 0 };
    look_up_count = freed = 0;
    refusal = 0;
    uv_loop_init(&w->loop);
    assert_int_equal(wake_open(&w->wake, &w->loop, &plain), 0);
    assert_int_equal(resolver_open(&w->resolver, &w->loop, w->wake, alloc), 0);
}

static void count_call(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void world_end(struct world *w)
{
    assert_int_equal(w->closed, 1);
    wake_close(w->wake, count_call, &w->closed);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closed, 2);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void world_close(struct world *w)
{
    resolver_close(w->resolver, count_call, &w->closed);
    world_end(w);
}

static void on_done(struct resolver_query *query, str addresses, const char *detail)
{
    struct question *q = CONTAINER_OF(query, struct question, q);
    snprintf(q->text, sizeof q->text, "%.*s", STR_ARG(addresses));
    snprintf(q->detail, sizeof q->detail, "%s", detail);
    q->answers++;
    if (q->forgets)
        resolver_forget(&q->forgets->q);
    if (q->closes)
        resolver_close(q->closes->resolver, count_call, &q->closes->closed);
}

static bool ask(struct world *w, struct question *q, const char *host)
{
    q->q.on_done = on_done;
    q->answers = 0;
    return resolver_ask(w->resolver, &q->q, str_of(host), q->text);
}

static void ask_and_answer(struct world *w, struct question *q, const char *host,
                           const char *addresses)
{
    assert_false(ask(w, q, host));
    answer_look_up(look_up_count - 1, addresses);
    assert_int_equal(q->answers, 1);
}

/* --- what it does --- */

static void literals_and_localhost_need_no_look_up(void **state)
{
    static const struct {
        const char *host, *addresses;
    } cases[] = {
        { "192.0.2.1", "192.0.2.1" },
        { "[2001:db8::1]", "[2001:db8::1]" },
        { "localhost", "127.0.0.1,[::1]" },
        { "LocalHost", "127.0.0.1,[::1]" },
    };
    struct world w;
    struct question q = { 0 };
    world_open(&w, &plain);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(ask(&w, &q, cases[i].host));
        assert_string_equal(q.text, cases[i].addresses);
    }
    assert_int_equal(look_up_count, 0);
    world_close(&w);
}

static void questions_for_one_name_are_one_look_up(void **state)
{
    struct world w;
    struct question a = { 0 }, b = { 0 }, other = { 0 };
    world_open(&w, &plain);
    assert_false(ask(&w, &a, "one.test"));
    assert_false(ask(&w, &b, "ONE.test"));
    assert_false(ask(&w, &other, "two.test"));
    assert_int_equal(look_up_count, 2);
    answer_look_up(0, "192.0.2.1 2001:db8::1 192.0.2.2");
    assert_string_equal(a.text, "192.0.2.1,[2001:db8::1],192.0.2.2");
    assert_string_equal(b.text, a.text);
    assert_int_equal(other.answers, 0);
    answer_look_up(1, "192.0.2.9");
    assert_string_equal(other.text, "192.0.2.9");
    assert_int_equal(freed, 2);
    world_close(&w);
}

static void an_answer_is_renewed_in_the_background(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w, &plain);
    ask_and_answer(&w, &q, "one.test", "192.0.2.1");
    slept_s += RESOLVER_FRESH_MS / 1000 - 10;
    assert_true(ask(&w, &q, "one.test"));
    assert_int_equal(look_up_count, 1);
    slept_s += 11;
    assert_true(ask(&w, &q, "one.test"));
    assert_string_equal(q.text, "192.0.2.1");
    assert_true(ask(&w, &q, "one.test")); /* no second look-up beside the first */
    assert_int_equal(look_up_count, 2);
    answer_look_up(1, "192.0.2.2");
    assert_true(ask(&w, &q, "one.test"));
    assert_string_equal(q.text, "192.0.2.2");
    assert_int_equal(look_up_count, 2);
    world_close(&w);
}

static void when_a_renewal_fails_the_old_answer_serves_until_it_is_stale(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w, &plain);
    ask_and_answer(&w, &q, "one.test", "192.0.2.1");
    slept_s += RESOLVER_STALE_MS / 1000 - 10;
    assert_true(ask(&w, &q, "one.test"));
    fail_look_up(1, UV_EAI_AGAIN);
    assert_true(ask(&w, &q, "one.test"));
    assert_string_equal(q.text, "192.0.2.1");
    fail_look_up(2, UV_EAI_AGAIN);
    slept_s += 11;
    assert_false(ask(&w, &q, "one.test"));
    fail_look_up(3, UV_EAI_AGAIN);
    assert_int_equal(q.answers, 1);
    assert_string_equal(q.text, "");
    assert_string_equal(q.detail, uv_strerror(UV_EAI_AGAIN));
    world_close(&w);
}

static void after_distrust_the_next_question_waits_for_a_look_up(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w, &plain);
    ask_and_answer(&w, &q, "one.test", "192.0.2.1");
    resolver_distrust(w.resolver, STR("unknown.test"));
    resolver_distrust(w.resolver, STR("one.test"));
    ask_and_answer(&w, &q, "one.test", "192.0.2.2");
    assert_string_equal(q.text, "192.0.2.2");
    assert_true(ask(&w, &q, "one.test"));
    resolver_distrust(w.resolver, STR("one.test"));
    assert_false(ask(&w, &q, "one.test"));
    fail_look_up(look_up_count - 1, UV_EAI_AGAIN); /* better an old address than none */
    assert_string_equal(q.text, "192.0.2.2");
    world_close(&w);
}

static void a_name_without_an_address_of_use_is_a_failure(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w, &plain);
    ask_and_answer(&w, &q, "one.test", "fe80::1");
    assert_string_equal(q.text, "");
    assert_string_equal(q.detail, "it has no address");
    ask_and_answer(&w, &q, "one.test", "fe80::1 192.0.2.1");
    assert_string_equal(q.text, "192.0.2.1");
    world_close(&w);
}

static void addresses_beyond_the_limit_are_left_out(void **state)
{
    struct world w;
    struct question q = { 0 };
    char list[512] = "", want[512] = "";
    for (int i = 0; i < FOUND_MAX; i++) {
        size_t len = strlen(list), want_len = strlen(want);
        snprintf(list + len, sizeof list - len, "%s192.0.2.%d", i ? " " : "", i);
        if (i < RESOLVER_ADDRESSES_MAX)
            snprintf(want + want_len, sizeof want - want_len, "%s192.0.2.%d", i ? "," : "", i);
    }
    world_open(&w, &plain);
    ask_and_answer(&w, &q, "one.test", list);
    assert_string_equal(q.text, want);
    world_close(&w);
}

static void a_forgotten_question_is_not_answered(void **state)
{
    struct world w;
    struct question a = { 0 }, b = { 0 }, c = { 0 };
    world_open(&w, &plain);
    resolver_forget(&a.q); /* it does not wait */
    assert_false(ask(&w, &a, "one.test"));
    assert_false(ask(&w, &b, "one.test"));
    assert_false(ask(&w, &c, "one.test"));
    resolver_forget(&a.q);
    b.forgets = &c;
    answer_look_up(0, "192.0.2.1");
    assert_int_equal(a.answers, 0);
    assert_int_equal(b.answers, 1);
    assert_int_equal(c.answers, 0);
    world_close(&w);
}

static void a_look_up_that_cannot_start_is_told_from_the_loop(void **state)
{
    struct world w;
    struct question q = { 0 }, forgotten = { 0 };
    world_open(&w, &plain);
    refusal = UV_ENAMETOOLONG;
    assert_false(ask(&w, &q, "one.test"));
    assert_false(ask(&w, &forgotten, "one.test"));
    assert_int_equal(q.answers, 0);
    resolver_forget(&forgotten.q);
    uv_run(&w.loop, UV_RUN_ONCE);
    assert_int_equal(q.answers, 1);
    assert_int_equal(forgotten.answers, 0);
    assert_string_equal(q.text, "");
    assert_string_equal(q.detail, uv_strerror(UV_ENAMETOOLONG));
    world_close(&w);
}

static void *resize_unless_told(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    if (!new_size)
        free(ptr);
    return new_size && !*(bool *)ctx ? realloc(ptr, new_size) : NULL;
}

static void lack_of_memory_is_told_from_the_loop(void **state)
{
    struct world w;
    struct question q = { 0 };
    bool fails = false;
    const struct alloc alloc = { resize_unless_told, &fails };
    world_open(&w, &alloc);
    fails = true;
    assert_false(ask(&w, &q, "one.test"));
    uv_run(&w.loop, UV_RUN_ONCE);
    assert_string_equal(q.detail, "out of memory");
    world_close(&w);
}

static void an_answer_may_close_the_resolver(void **state)
{
    struct world w;
    struct question known = { 0 }, q = { .closes = &w };
    world_open(&w, &plain);
    ask_and_answer(&w, &known, "known.test", "192.0.2.1");
    ask_and_answer(&w, &q, "one.test", "192.0.2.2");
    assert_string_equal(q.text, "192.0.2.2");
    world_end(&w);
}

static void closing_outlives_a_look_up_that_runs(void **state)
{
    struct world w;
    struct question q = { 0 };
    world_open(&w, &plain);
    assert_false(ask(&w, &q, "one.test"));
    resolver_forget(&q.q);
    resolver_close(w.resolver, count_call, &w.closed);
    assert_true(look_ups[0].was_cancelled);
    assert_int_equal(w.closed, 0);
    fail_look_up(0, UV_ECANCELED);
    assert_int_equal(q.answers, 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_and_localhost_need_no_look_up),
        cmocka_unit_test(questions_for_one_name_are_one_look_up),
        cmocka_unit_test(an_answer_is_renewed_in_the_background),
        cmocka_unit_test(when_a_renewal_fails_the_old_answer_serves_until_it_is_stale),
        cmocka_unit_test(after_distrust_the_next_question_waits_for_a_look_up),
        cmocka_unit_test(a_name_without_an_address_of_use_is_a_failure),
        cmocka_unit_test(addresses_beyond_the_limit_are_left_out),
        cmocka_unit_test(a_forgotten_question_is_not_answered),
        cmocka_unit_test(a_look_up_that_cannot_start_is_told_from_the_loop),
        cmocka_unit_test(lack_of_memory_is_told_from_the_loop),
        cmocka_unit_test(an_answer_may_close_the_resolver),
        cmocka_unit_test(closing_outlives_a_look_up_that_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Which way connections go: by names, by proxies, and what is told of it. */
#include <netdb.h>
#include <stdlib.h>

#include "io/pool.h"
#include "lib/clock.h"
#include "lib/names.h"
#include "lib/wire.h"

static const struct server_reply answers[] = { OK_REPLY };

/* A pool to the scripted server under another name: service.test is this machine. */
static void go_by_name(struct wire *w, const char *name)
{
    char url[128];
    names_reset();
    names_say("service.test", "127.0.0.1");
    snprintf(url, sizeof url, "http://%s:%s", name, server_port(&w->server));
    wire_go_to(w, &(struct pool_options) { .url = str_of(url) });
}

static void exchange(struct wire *w, struct probe *p, uint32_t timeout_ms)
{
    probe_start(w, p, timeout_ms);
    run_until_done(w, 1);
}

static void finish(struct wire *w, struct probe *p)
{
    wire_close(w);
}

static void assert_detail(const struct probe *p, const char *part)
{
    if (!strstr(p->detail, part))
        print_error("\"%s\" lacks \"%s\"\n", p->detail, part);
    assert_non_null(strstr(p->detail, part));
}

static void a_name_is_looked_up_once_for_all_connections(void **state)
{
    enum { COUNT = 8 };
    struct wire w;
    struct probe probes[COUNT] = { 0 };
    wire_open(&w, answers, 1);
    go_by_name(&w, "service.test");
    assert_int_equal(pool_report(w.pool)->address[0], '\0');
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++)
            probe_start(&w, &probes[i], 3000);
        run_until_done(&w, COUNT);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(probes[i].x.fault, FAULT_NONE);
        server_drop_idle(&w.server, SERVER_CLOSE);
        uv_run(&w.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(names_asked(NULL), 1);
    assert_string_equal(pool_report(w.pool)->address, "127.0.0.1");
    assert_true(pool_report(w.pool)->connect_us > 0);
    assert_int_equal(pool_report(w.pool)->tls_us, 0);
    assert_string_equal(pool_report(w.pool)->tls_version, "");
    wire_close(&w);
}

static void the_wait_for_a_name_is_reported(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, answers, 1);
    go_by_name(&w, "service.test");
    exchange(&w, &p, 3000);
    assert_true(pool_report(w.pool)->lookup_us > 0);
    server_drop_idle(&w.server, SERVER_CLOSE);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    exchange(&w, &p, 3000);
    assert_int_equal(pool_report(w.pool)->lookup_us, 0); /* it was known */
    finish(&w, &p);
}

static void a_literal_is_not_looked_up(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, answers, 1);
    go_by_name(&w, "127.0.0.1");
    exchange(&w, &p, 3000);
    go_by_name(&w, "localhost");
    exchange(&w, &p, 3000);
    assert_int_equal(p.x.fault, FAULT_NONE);
    assert_int_equal(names_asked(NULL), 0);
    finish(&w, &p);
}

static void an_unknown_name_is_named(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, answers, 1);
    wire_go_to(&w, &(struct pool_options) { .url = STR("https://nonexistent.invalid/") });
    exchange(&w, &p, 60000);
    assert_int_equal(p.x.fault, FAULT_UNREACHABLE);
    assert_detail(&p, "could not resolve host nonexistent.invalid: ");
    finish(&w, &p);
}

/* That the name was looked up has nothing to do with it. */
static void silence_after_a_look_up_is_not_blamed_on_the_name(void **state)
{
    static const struct server_reply silence = { STR_INIT(""), SERVER_HANG, 0 };
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, &silence, 1);
    go_by_name(&w, "service.test");
    names_say("service.test", "127.0.0.1");
    exchange(&w, &p, 200);
    assert_int_equal(p.x.fault, FAULT_TIMED_OUT);
    assert_int_equal(p.x.cause, fault_cause(FAULT_TIMED_OUT));
    finish(&w, &p);
}

static void the_deadline_holds_while_a_name_is_looked_up(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, answers, 1);
    go_by_name(&w, "slow-1.test");
    names_hang("slow-1.test");
    exchange(&w, &p, 20);
    assert_int_equal(p.x.fault, FAULT_TIMED_OUT);
    assert_detail(&p, "could not resolve host slow-1.test: the name look-up took longer than ");
    exchange(&w, &p, 20); /* waits for the same look-up */
    assert_int_equal(p.x.fault, FAULT_TIMED_OUT);
    names_await("slow-1.test", 1);
    finish(&w, &p); /* waits for no look-up */
    assert_int_equal(names_asked(NULL), 1);
    names_fail("slow-1.test", EAI_AGAIN, 0);
}

static void reopen(struct wire *w, uint32_t connect_timeout_ms, const char *proxy)
{
    pool_close(w->pool);
    transport_close(w->transport, NULL, NULL);
    struct transport_options o = { .loop = &w->loop,
                                   .timers = w->timers,
                                   .trust_store = w->trust_store,
                                   .connect_timeout_ms = connect_timeout_ms,
                                   .proxies = { .http = str_of(proxy) } };
    assert_int_equal(transport_open(&w->transport, &o, NULL), 0);
    struct pool_options to_server = { .url = str_of(w->server.url) };
    assert_int_equal(pool_open(&w->pool, w->transport, &to_server), 0);
}

static void the_connect_timeout_covers_the_look_up(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, answers, 1);
    reopen(&w, 30, "");
    go_by_name(&w, "slow-2.test");
    names_hang("slow-2.test");
    exchange(&w, &p, 60000);
    assert_int_equal(p.x.fault, FAULT_UNREACHABLE);
    assert_string_equal(p.detail,
                        "could not resolve host slow-2.test: the name look-up took longer "
                        "than 0.03 s");
    finish(&w, &p);
    names_say("slow-2.test", "127.0.0.1");
}

static void what_waits_for_a_name_can_be_ended(void **state)
{
    struct wire w;
    struct probe p = { 0 }, later = { 0 };
    wire_open(&w, answers, 1);
    go_by_name(&w, "slow-3.test");
    names_hang("slow-3.test");
    probe_start(&w, &p, 60000);
    transport_stop_waiting(w.transport);
    run_until_done(&w, 1);
    assert_int_equal(p.x.fault, FAULT_UNREACHABLE);
    assert_detail(&p, "slow-3.test: names are no longer looked up");
    exchange(&w, &later, 60000);
    assert_int_equal(later.x.fault, FAULT_UNREACHABLE);
    finish(&w, &p);
    names_say("slow-3.test", "127.0.0.1");
}

static bool is_known(struct wire *w, const char *addresses)
{
    char known[RESOLVER_TEXT_SIZE];
    resolver_addresses(w->pool->route.hops[0].name, known);
    for (char *comma; (comma = strchr(known, ',')) != NULL;)
        *comma = ' ';
    return strcmp(known, addresses) == 0;
}

static void go_elsewhere(struct wire *w, struct probe *p, const char *addresses)
{
    unsigned asked = names_asked("service.test");
    names_say("service.test", addresses);
    slept_s += RESOLVER_RECHECK_MS / 1000 + 1;
    exchange(w, p, 3000); /* asks in the background */
    names_await("service.test", asked + 1);
    while (!is_known(w, addresses))
        uv_run(&w->loop, UV_RUN_ONCE);
}

static void a_connection_is_used_until_its_name_has_moved(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, answers, 1);
    timers_hold_loop(w.timers, true); /* what is looked up in the background does not */
    go_by_name(&w, "service.test");
    exchange(&w, &p, 3000);
    go_elsewhere(&w, &p, "127.0.0.1 127.0.0.2");
    go_elsewhere(&w, &p, "127.0.0.1");
    exchange(&w, &p, 3000);
    assert_int_equal(w.server.connections, 1);
    go_elsewhere(&w, &p, "127.0.0.2");
    assert_int_equal(w.server.connections, 1);
    exchange(&w, &p, 3000);
    assert_int_equal(p.x.fault, FAULT_UNREACHABLE); /* nobody listens there */
    assert_int_equal(w.server.connections, 1);
    finish(&w, &p);
}

static void after_a_failure_to_connect_the_name_is_looked_up_again(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, answers, 1);
    go_by_name(&w, "service.test");
    exchange(&w, &p, 3000);
    assert_int_equal(names_asked(NULL), 1);
    uv_close((uv_handle_t *)&w.server.listener, NULL);
    server_drop_idle(&w.server, SERVER_CLOSE);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    exchange(&w, &p, 3000);
    assert_int_equal(p.x.fault, FAULT_UNREACHABLE);
    assert_int_equal(names_asked(NULL), 1);
    exchange(&w, &p, 3000);
    assert_int_equal(names_asked(NULL), 2);
    server_open(&w.server, &w.loop, play, &w); /* for wire_close() */
    finish(&w, &p);
}

/* --- proxies --- */

#define TUNNEL_REPLY                                                                               \
    {                                                                                              \
        STR_INIT("HTTP/1.1 200 Connection established\r\n\r\n"), SERVER_KEEP, 0                    \
    }

static char first_seen[4096]; /* the proxy's part of a conversation */

static struct server_reply keep_first(struct server *s, const struct server_request *rq)
{
    if (rq->number == 1)
        snprintf(first_seen, sizeof first_seen, "%.*s", STR_ARG(rq->head));
    return play(s, rq);
}

static void a_proxy_makes_a_tunnel_even_for_http(void **state)
{
    static const struct server_reply script[] = { TUNNEL_REPLY, OK_REPLY };
    struct wire w;
    struct probe p = { 0 };
    wire_open_behind(&w, script, 2, "http://user:secret@");
    w.server.answer = keep_first;
    wire_go_to(&w, &(struct pool_options) { .url = STR("http://service.test:81/a/") });
    names_reset();
    exchange(&w, &p, 3000);
    assert_int_equal(p.x.fault, FAULT_NONE);
    assert_int_equal(p.x.http_status, 200);
    exchange(&w, &p, 3000);
    assert_int_equal(w.server.connections, 1);
    assert_non_null(strstr(first_seen, "CONNECT service.test:81 HTTP/1.1\r\n"));
    assert_non_null(strstr(first_seen, "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"));
    assert_null(strstr(first_seen, "Content-Type")); /* the request is not for the proxy */
    assert_non_null(strstr(w.seen, "POST /a/ HTTP/1.1\r\n"));
    assert_null(strstr(w.seen, "Proxy-Authorization"));
    assert_int_equal(names_asked(NULL), 0); /* the proxy does that */
    char plain[64];
    snprintf(plain, sizeof plain, "http://127.0.0.1:%.5s", server_port(&w.server));
    assert_memory_equal(pool_report(w.pool)->proxy, plain, strcspn(plain + 8, "/") + 8);
    assert_null(strstr(pool_report(w.pool)->proxy, "secret"));
    finish(&w, &p);
}

static void the_last_at_sign_ends_a_proxys_password(void **state)
{
    static const struct server_reply script[] = { TUNNEL_REPLY, OK_REPLY };
    struct wire w;
    struct probe p = { 0 };
    wire_open_behind(&w, script, 2, "http://user:p@ss@");
    w.server.answer = keep_first;
    wire_go_to(&w, &(struct pool_options) { .url = STR("http://service.test:81/a/") });
    exchange(&w, &p, 3000);
    assert_int_equal(p.x.http_status, 200);
    assert_non_null(strstr(first_seen, "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n"));
    assert_null(strstr(pool_report(w.pool)->proxy, "ss@"));
    finish(&w, &p);
}

static void assert_refusal(struct server_reply refusal, const char *part)
{
    struct wire w;
    struct probe p = { 0 };
    wire_open_behind(&w, &refusal, 1, "http://user:secret@");
    wire_go_to(&w, &(struct pool_options) { .url = STR("https://service.test/") });
    exchange(&w, &p, 3000);
    assert_int_equal(p.x.fault, FAULT_UNREACHABLE);
    assert_int_equal(p.x.http_status, 0);
    assert_detail(&p, "the proxy http://127.0.0.1:");
    assert_detail(&p, part);
    assert_null(strstr(p.detail, "secret"));
    finish(&w, &p);
}

static void a_proxy_that_refuses_is_named_without_its_password(void **state)
{
    assert_refusal((struct server_reply) { STR("HTTP/1.1 407 Proxy Authentication Required\r\n"
                                               "Proxy-Authenticate: Basic realm=\"x\"\r\n"
                                               "Content-Length: 0\r\n\r\n"),
                                           SERVER_KEEP, 0 },
                   "does not accept the user and password in its URL (status 407)");
    assert_refusal((struct server_reply) { STR("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n"
                                               "no"),
                                           SERVER_KEEP, 0 },
                   "(status 403)");
    assert_refusal((struct server_reply) { STR(""), SERVER_CLOSE, 0 }, "by the proxy");
}

static void assert_bad_proxy(const char *proxy, const char *part)
{
    struct wire w;
    struct probe p = { 0 };
    names_reset();
    wire_open(&w, answers, 1);
    reopen(&w, 5000, proxy);
    exchange(&w, &p, 3000);
    assert_int_equal(p.x.fault, FAULT_UNREACHABLE);
    assert_detail(&p, part);
    assert_null(strstr(p.detail, "secret"));
    assert_int_equal(w.server.connections, 0);
    finish(&w, &p);
}

/* Which names are looked up, and by us alone: the scripted server understands no SOCKS. */
static void assert_asked_by_socks(const char *scheme, unsigned asked_for_origin)
{
    struct wire w;
    struct probe p = { 0 };
    char proxy[64];
    names_reset();
    names_say("proxy.test", "127.0.0.1");
    names_say("service.test", "127.0.0.1");
    wire_open(&w, answers, 1);
    snprintf(proxy, sizeof proxy, "%s://proxy.test:%.5s", scheme, server_port(&w.server));
    proxy[strcspn(proxy + 10, "/") + 10] = '\0';
    reopen(&w, 5000, proxy);
    wire_go_to(&w, &(struct pool_options) { .url = STR("http://service.test/") });
    exchange(&w, &p, 100);
    assert_int_not_equal(p.x.fault, FAULT_NONE);
    assert_int_equal(w.server.connections, 1);
    assert_int_equal(names_asked("proxy.test"), 1);
    assert_int_equal(names_asked("service.test"), asked_for_origin);
    assert_int_equal(names_asked(NULL), 1 + asked_for_origin);
    finish(&w, &p);
}

static void a_socks_proxy_gets_the_origins_address_if_its_scheme_says_so(void **state)
{
    assert_asked_by_socks("socks4", 1);
    assert_asked_by_socks("socks5", 1);
    assert_asked_by_socks("socks4a", 0);
    assert_asked_by_socks("socks5h", 0);
}

static void an_origin_that_no_name_leads_to_is_not_taken_for_the_proxy(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    names_reset();
    names_say("proxy.test", "127.0.0.1");
    wire_open(&w, answers, 1);
    reopen(&w, 5000, "socks5://proxy.test:1");
    wire_go_to(&w, &(struct pool_options) { .url = STR("http://service.test/") });
    exchange(&w, &p, 3000);
    assert_detail(&p, "could not resolve host service.test: ");
    finish(&w, &p);
}

static void a_proxy_that_cannot_be_used_is_named_without_its_password(void **state)
{
    assert_bad_proxy("http://user:secret@127.0.0.1:1", "by the proxy http://127.0.0.1:1");
    assert_bad_proxy("gopher://user:secret@127.0.0.1:1", "gopher://127.0.0.1:1");
    assert_bad_proxy("http://user:secret@[bad", "proxy");
    assert_bad_proxy("http://user:secret@nonexistent.invalid:3128",
                     "could not resolve the proxy nonexistent.invalid: ");
}

static void the_environment_is_not_read_behind_our_back(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    wire_open(&w, answers, 1);
    exchange(&w, &p, 3000);
    assert_int_equal(p.x.fault, FAULT_NONE);
    finish(&w, &p);
    setenv("no_proxy", "*", 1);
    wire_open_behind(&w, answers, 1, "http://");
    wire_go_to(&w, &(struct pool_options) { .url = STR("http://service.test/") });
    exchange(&w, &p, 3000);
    assert_non_null(strstr(pool_report(w.pool)->proxy, "127.0.0.1"));
    assert_int_equal(w.server.connections, 1);
    finish(&w, &p);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    unsetenv("no_proxy");
}

static void a_proxy_stays_when_the_environment_changes(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    wire_open_behind(&w, answers, 1, "http://");
    memset(w.proxy, 'x', sizeof w.proxy);
    wire_go_to(&w, &(struct pool_options) { .url = STR("http://service.test/") });
    exchange(&w, &p, 3000);
    assert_int_equal(w.server.connections, 1);
    finish(&w, &p);
}

static void a_direct_pool_goes_by_no_proxy(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    wire_open_behind(&w, answers, 1, "http://");
    wire_go_to(&w, &(struct pool_options) { .url = str_of(w.server.url), .direct = true });
    exchange(&w, &p, 3000);
    assert_int_equal(p.x.fault, FAULT_NONE);
    assert_non_null(strstr(w.seen, "POST / "));
    assert_string_equal(pool_report(w.pool)->proxy, "");
    finish(&w, &p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_looked_up_once_for_all_connections),
        cmocka_unit_test(the_wait_for_a_name_is_reported),
        cmocka_unit_test(a_literal_is_not_looked_up),
        cmocka_unit_test(an_unknown_name_is_named),
        cmocka_unit_test(silence_after_a_look_up_is_not_blamed_on_the_name),
        cmocka_unit_test(the_deadline_holds_while_a_name_is_looked_up),
        cmocka_unit_test(the_connect_timeout_covers_the_look_up),
        cmocka_unit_test(what_waits_for_a_name_can_be_ended),
        cmocka_unit_test(a_connection_is_used_until_its_name_has_moved),
        cmocka_unit_test(a_socks_proxy_gets_the_origins_address_if_its_scheme_says_so),
        cmocka_unit_test(an_origin_that_no_name_leads_to_is_not_taken_for_the_proxy),
        cmocka_unit_test(after_a_failure_to_connect_the_name_is_looked_up_again),
        cmocka_unit_test(a_proxy_makes_a_tunnel_even_for_http),
        cmocka_unit_test(the_last_at_sign_ends_a_proxys_password),
        cmocka_unit_test(a_proxy_that_refuses_is_named_without_its_password),
        cmocka_unit_test(a_proxy_that_cannot_be_used_is_named_without_its_password),
        cmocka_unit_test(the_environment_is_not_read_behind_our_back),
        cmocka_unit_test(a_proxy_stays_when_the_environment_changes),
        cmocka_unit_test(a_direct_pool_goes_by_no_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

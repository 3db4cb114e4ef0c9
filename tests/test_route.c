/* Which way connections go: by names, by proxies, and what is told of it. */
#include <dlfcn.h>
#include <stdlib.h>

#include "lib/wire.h"

/* --- names: service.test is this machine, slow.test too but not before we say so --- */

typedef int look_up(uv_loop_t *, uv_getaddrinfo_t *, uv_getaddrinfo_cb, const char *, const char *,
                    const struct addrinfo *);

static unsigned look_ups;
static uv_getaddrinfo_t *slow_request;
static uv_getaddrinfo_cb slow_cb;

int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb cb,
                   const char *node, const char *service, const struct addrinfo *hints)
{
    look_up *real;
    *(void **)&real = dlsym(RTLD_NEXT, "uv_getaddrinfo");
    look_ups++;
    if (strcmp(node, "slow.test") == 0) {
        slow_request = request;
        slow_cb = cb;
        return 0;
    }
    return real(loop, request, cb, strcmp(node, "service.test") ? node : "127.0.0.1", service,
                hints);
}

static const struct server_reply answers[] = { OK_REPLY };

/* A pool to the scripted server under another name. */
static void go_by_name(struct wire *w, const char *name)
{
    char url[128];
    snprintf(url, sizeof url, "http://%s:%s", name, server_port(&w->server));
    wire_go_to(w, &(struct pool_options) { .url = str_of(url) });
    look_ups = 0;
}

static void exchange(struct wire *w, struct probe *p, uint32_t timeout_ms)
{
    probe_start(w, p, timeout_ms);
    run_until_done(w, 1);
}

static void finish(struct wire *w, struct probe *p)
{
    transfer_deinit(&p->x, w->transport);
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
    assert_int_equal(look_ups, 1);
    assert_string_equal(pool_report(w.pool)->address, "127.0.0.1");
    assert_true(pool_report(w.pool)->connect_us > 0);
    assert_int_equal(pool_report(w.pool)->tls_us, 0);
    assert_string_equal(pool_report(w.pool)->tls_version, "");
    for (int i = 0; i < COUNT; i++)
        transfer_deinit(&probes[i].x, w.transport);
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
    assert_int_equal(look_ups, 0);
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

static void the_deadline_holds_while_a_name_is_looked_up(void **state)
{
    static const struct addrinfo *const nothing = NULL;
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, answers, 1);
    go_by_name(&w, "slow.test");
    exchange(&w, &p, 20);
    assert_int_equal(p.x.fault, FAULT_TIMED_OUT);
    assert_detail(&p, "no address of the host in time");
    exchange(&w, &p, 20); /* waits for the same look-up */
    assert_int_equal(p.x.fault, FAULT_TIMED_OUT);
    assert_int_equal(look_ups, 1);
    slow_cb(slow_request, UV_EAI_AGAIN, (struct addrinfo *)nothing);
    finish(&w, &p);
}

static void after_a_failure_to_connect_the_name_is_looked_up_again(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, answers, 1);
    go_by_name(&w, "service.test");
    exchange(&w, &p, 3000);
    assert_int_equal(look_ups, 1);
    uv_close((uv_handle_t *)&w.server.listener, NULL);
    server_drop_idle(&w.server, SERVER_CLOSE);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    exchange(&w, &p, 3000);
    assert_int_equal(p.x.fault, FAULT_UNREACHABLE);
    assert_int_equal(look_ups, 1);
    exchange(&w, &p, 3000);
    assert_int_equal(look_ups, 2);
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
    look_ups = 0;
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
    assert_int_equal(look_ups, 0); /* the proxy does that */
    char plain[64];
    snprintf(plain, sizeof plain, "http://127.0.0.1:%.5s", server_port(&w.server));
    assert_memory_equal(pool_report(w.pool)->proxy, plain, strcspn(plain + 8, "/") + 8);
    assert_null(strstr(pool_report(w.pool)->proxy, "secret"));
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
                   "(status 407)");
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
    wire_open(&w, answers, 1);
    pool_close(w.pool);
    transport_close(w.transport, NULL, NULL);
    struct transport_options o = { .loop = &w.loop,
                                   .wake = w.wake,
                                   .trust = w.trust,
                                   .connect_timeout_ms = 5000,
                                   .proxies = { .http = str_of(proxy) } };
    assert_int_equal(transport_open(&w.transport, &o, NULL), 0);
    struct pool_options to_server = { .url = str_of(w.server.url) };
    assert_int_equal(pool_open(&w.pool, w.transport, &to_server), 0);
    exchange(&w, &p, 3000);
    assert_int_equal(p.x.fault, FAULT_UNREACHABLE);
    assert_detail(&p, part);
    assert_null(strstr(p.detail, "secret"));
    assert_int_equal(w.server.connections, 0);
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
        cmocka_unit_test(the_deadline_holds_while_a_name_is_looked_up),
        cmocka_unit_test(after_a_failure_to_connect_the_name_is_looked_up_again),
        cmocka_unit_test(a_proxy_makes_a_tunnel_even_for_http),
        cmocka_unit_test(a_proxy_that_refuses_is_named_without_its_password),
        cmocka_unit_test(a_proxy_that_cannot_be_used_is_named_without_its_password),
        cmocka_unit_test(the_environment_is_not_read_behind_our_back),
        cmocka_unit_test(a_proxy_stays_when_the_environment_changes),
        cmocka_unit_test(a_direct_pool_goes_by_no_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/transport.h"
#include "io/trust.h"
#include "lib/check.h"
#include "lib/server.h"

static const struct alloc plain = { 0 };

/* Every test runs twice: over lanes, and over libcurl's own transfers, which HTTP/2 goes by.
 * (Without TLS there is no ALPN, so both speak HTTP/1.1 here.) */
static bool by_streams;

/* A loop with a transport, a scripted server and a pool to it. */
struct world {
    uv_loop_t loop;
    struct wake *wake;
    struct trust *trust;
    struct transport *transport;
    struct server server;
    struct pool *pool;
    const struct server_reply
        *script; /* reply to request n is script[n - 1], the last one on and on */
    unsigned script_len;
    char seen[4096]; /* the last request */
    unsigned done;
};

static struct server_reply play(struct server *s, const struct server_request *rq)
{
    struct world *w = s->ctx;
    snprintf(w->seen, sizeof w->seen, "%.*s%.*s", STR_ARG(rq->head), STR_ARG(rq->body));
    unsigned n = rq->number <= w->script_len ? rq->number : w->script_len;
    return w->script[n - 1];
}

static void world_open(struct world *w, const struct server_reply *script, unsigned script_len)
{
    *w = (struct world) { .script = script, .script_len = script_len };
    uv_loop_init(&w->loop);
    assert_int_equal(wake_open(&w->wake, &w->loop, &plain), 0);
    assert_int_equal(trust_new(&w->trust, (str) { 0 }, NULL), 0);
    struct transport_options o = { .loop = &w->loop,
                                   .wake = w->wake,
                                   .trust = w->trust,
                                   .connect_timeout_ms = 5000,
                                   .http2 = by_streams };
    assert_int_equal(transport_open(&w->transport, &o, NULL), 0);
    server_open(&w->server, &w->loop, play, w);
    assert_int_equal(pool_open(&w->pool, w->transport, str_of(w->server.url)), 0);
}

static void count_call(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void world_close(struct world *w)
{
    unsigned closed = 0;
    pool_close(w->pool);
    server_close(&w->server);
    transport_close(w->transport, count_call, &closed);
    while (!closed)
        uv_run(&w->loop, UV_RUN_ONCE);
    wake_close(w->wake, count_call, &closed);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(closed, 2);
    trust_free(w->trust);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

struct probe {
    struct transfer x;
    struct wanted_header wanted[2];
    char head[256];
    struct world *world;
    unsigned times_done;
};

static void on_done(struct transfer *x)
{
    struct probe *p = CONTAINER_OF(x, struct probe, x);
    p->times_done++;
    p->world->done++;
}

static void probe_start(struct world *w, struct probe *p, uint32_t timeout_ms)
{
    p->world = w;
    p->wanted[0].name = STR("x-amzn-requestid");
    p->wanted[1].name = STR("Date");
    p->x.head_len = (size_t)snprintf(p->head, sizeof p->head,
                                     "Host: example.com\r\nContent-Type: application/x\r\n");
    p->x.head = p->head;
    p->x.body = STR("{\"a\":1}");
    p->x.wanted = p->wanted;
    p->x.wanted_count = 2;
    p->x.timeout_ms = timeout_ms;
    p->x.on_done = on_done;
    assert_int_equal(transfer_start(&p->x, w->pool), 0);
}

static void run_until_done(struct world *w, unsigned count)
{
    for (count += w->done; w->done < count;)
        uv_run(&w->loop, UV_RUN_ONCE);
}

/* One transfer against a script of one reply. */
static void exchange(struct world *w, struct probe *p, struct server_reply reply,
                     uint32_t timeout_ms)
{
    static struct server_reply script;
    script = reply;
    *p = (struct probe) { 0 };
    world_open(w, &script, 1);
    probe_start(w, p, timeout_ms);
    assert_int_equal(p->times_done, 0); /* never from inside the start */
    run_until_done(w, 1);
}

static void finish(struct world *w, struct probe *p)
{
    assert_int_equal(p->times_done, 1);
    transfer_deinit(&p->x, w->transport);
    world_close(w);
}

static void assert_fault(struct server_reply reply, enum fault fault, int status)
{
    struct world w;
    struct probe p;
    exchange(&w, &p, reply, 3000);
    if (p.x.fault != fault)
        print_error("%s: %s\n", fault_text(p.x.fault), p.x.detail);
    assert_int_equal(p.x.fault, fault);
    assert_int_equal(p.x.http_status, status);
    assert_non_null(p.x.detail);
    finish(&w, &p);
}

#define OK_REPLY                                                                                   \
    {                                                                                              \
        SERVER_OK("2", "", "{}"), SERVER_KEEP, 0                                                   \
    }

static void the_request_has_the_callers_headers_and_body_and_little_else(void **state)
{
    struct world w;
    struct probe p;
    exchange(&w, &p, (struct server_reply)OK_REPLY, 3000);
    assert_string_equal(w.seen, "POST / HTTP/1.1\r\n"
                                "Host: example.com\r\n"
                                "Content-Type: application/x\r\n"
                                "Content-Length: 7\r\n\r\n"
                                "{\"a\":1}");
    finish(&w, &p);
}

static void the_answer_brings_status_body_and_wanted_headers(void **state)
{
    struct world w;
    struct probe p;
    exchange(&w, &p,
             (struct server_reply) {
                 STR("HTTP/1.1 400 Bad Request\r\nX-Amzn-RequestId:  abc \r\nX-Other: x\r\n"
                     "Content-Length: 5\r\n\r\nhello"),
                 SERVER_KEEP, 1 },
             3000);
    assert_int_equal(p.x.fault, FAULT_NONE);
    assert_int_equal(p.x.http_status, 400);
    assert_str_equal(((str) { p.x.answer, p.x.answer_len }), "hello");
    assert_str_equal(p.wanted[0].value, "abc");
    assert_int_equal(p.wanted[1].value.len, 0);
    finish(&w, &p);
}

static void an_interim_answer_is_passed_over(void **state)
{
    struct world w;
    struct probe p;
    exchange(&w, &p,
             (struct server_reply) {
                 STR("HTTP/1.1 100 Continue\r\nx-amzn-RequestId: no\r\n\r\n"
                     "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 2\r\n\r\n{}"),
                 SERVER_KEEP, 0 },
             3000);
    assert_int_equal(p.x.http_status, 200);
    assert_int_equal(p.wanted[0].value.len, 0);
    assert_str_equal(p.wanted[1].value, "today");
    finish(&w, &p);
}

static void a_redirect_is_not_followed(void **state)
{
    assert_fault(
        (struct server_reply) { STR("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                                    "Content-Length: 0\r\n\r\n"),
                                SERVER_KEEP, 0 },
        FAULT_NONE, 302);
}

static void broken_connections_are_told_apart_from_broken_answers(void **state)
{
    assert_fault((struct server_reply) { STR(""), SERVER_CLOSE, 0 }, FAULT_UNREACHABLE, 0);
    assert_fault((struct server_reply) { STR(""), SERVER_RESET, 0 }, FAULT_UNREACHABLE, 0);
    assert_fault((struct server_reply) { STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
                                         SERVER_CLOSE, 0 },
                 FAULT_UNREACHABLE, 200);
    assert_fault((struct server_reply) { STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                             "2\r\n{}\r\n"),
                                         SERVER_CLOSE, 0 },
                 FAULT_UNREACHABLE, 200);
    assert_fault((struct server_reply) { STR("SSH-2.0-OpenSSH\r\n\r\n"), SERVER_CLOSE, 0 },
                 FAULT_GARBLED, 0);
}

static void an_endless_answer_is_cut_off(void **state)
{
    static char body[TRANSFER_ANSWER_MAX + 200];
    memset(body, 'x', sizeof body);
    static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
    memcpy(body, head, sizeof head - 1);
    assert_fault((struct server_reply) { { body, sizeof body }, SERVER_HANG, 60000 }, FAULT_GARBLED,
                 200);
}

static void endless_headers_are_cut_off(void **state)
{
    static char head[TRANSFER_HEADERS_MAX + 4096];
    size_t len = (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n");
    while (len < TRANSFER_HEADERS_MAX + 1000)
        len += (size_t)snprintf(head + len, sizeof head - len, "X-Long-%zu: %0900d\r\n", len, 0);
    assert_fault((struct server_reply) { { head, len }, SERVER_HANG, 8000 }, FAULT_GARBLED, 200);
    len = (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < TRANSFER_HEADER_LINES_MAX + 9; i++)
        len += (size_t)snprintf(head + len, sizeof head - len, "X-%d: 1\r\n", i);
    assert_fault((struct server_reply) { { head, len }, SERVER_HANG, 0 }, FAULT_GARBLED, 200);
}

static void no_answer_ends_at_the_deadline(void **state)
{
    struct world w;
    struct probe p;
    uint64_t start_ns = wake_now_ns();
    exchange(&w, &p, (struct server_reply) { STR("HTTP/1.1 200"), SERVER_HANG, 0 }, 30);
    assert_int_equal(p.x.fault, FAULT_TIMED_OUT);
    assert_true(wake_now_ns() - start_ns >= 30 * 1000000);
    finish(&w, &p);
}

/* libuv looks at timers before sockets, so after a long pause all deadlines have passed although
 * the answers are there. */
static void a_late_loop_still_takes_an_answer_that_came_in_time(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    struct world w;
    struct probe first = { 0 }, p = { 0 };
    world_open(&w, script, 1);
    probe_start(&w, &first, 3000); /* opens the connection */
    run_until_done(&w, 1);
    probe_start(&w, &p, 20);
    while (w.server.requests < 2)
        uv_run(&w.loop, UV_RUN_NOWAIT);
    for (uint64_t end_ns = wake_now_ns() + 30 * 1000000; wake_now_ns() < end_ns;)
        ; /* somebody's slow callback */
    if (!p.times_done)
        run_until_done(&w, 1);
    assert_int_equal(p.x.fault, FAULT_NONE);
    transfer_deinit(&first.x, w.transport);
    finish(&w, &p);
}

static void nobody_there_is_unreachable(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    struct world w;
    struct probe p = { 0 };
    world_open(&w, script, 1);
    pool_close(w.pool);
    assert_int_equal(pool_open(&w.pool, w.transport, STR("http://127.0.0.1:1/")), 0);
    probe_start(&w, &p, 3000);
    assert_int_equal(p.times_done, 0);
    run_until_done(&w, 1);
    assert_int_equal(p.x.fault, FAULT_UNREACHABLE);
    finish(&w, &p);
}

/* Starts the next one from inside on_done(), as the poller does. */
static void on_done_again(struct transfer *x)
{
    struct probe *p = CONTAINER_OF(x, struct probe, x);
    on_done(x);
    if (p->times_done < 50) {
        probe_start(p->world, p, 3000);
        x->on_done = on_done_again;
    }
}

static void a_connection_is_used_again(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    struct world w;
    struct probe p = { 0 };
    world_open(&w, script, 1);
    probe_start(&w, &p, 3000);
    p.x.on_done = on_done_again;
    run_until_done(&w, 50);
    assert_int_equal(w.server.connections, 1);
    assert_int_equal(w.server.requests, 50);
    assert_int_equal(transport_connections(w.transport), 1);
    transfer_deinit(&p.x, w.transport);
    world_close(&w);
}

static void a_connection_is_not_used_again_after_the_service_failed(void **state)
{
    static const struct server_reply script[] = {
        { STR_INIT("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), SERVER_KEEP, 0 }, OK_REPLY
    };
    struct world w;
    struct probe p = { 0 };
    world_open(&w, script, 2);
    for (int i = 0; i < 3; i++) {
        probe_start(&w, &p, 3000);
        run_until_done(&w, 1);
        assert_int_equal(p.x.http_status, i ? 200 : 503);
    }
    assert_int_equal(w.server.connections, 2);
    transfer_deinit(&p.x, w.transport);
    world_close(&w);
}

static void assert_not_used_again(struct server_reply first)
{
    struct server_reply script[] = { first, OK_REPLY };
    struct world w;
    struct probe p = { 0 };
    world_open(&w, script, 2);
    for (int i = 0; i < 3; i++) {
        probe_start(&w, &p, 3000);
        run_until_done(&w, 1);
        assert_int_equal(p.x.fault, FAULT_NONE);
        assert_str_equal(((str) { p.x.answer, p.x.answer_len }), "{}");
    }
    assert_int_equal(w.server.connections, 2);
    transfer_deinit(&p.x, w.transport);
    world_close(&w);
}

static void a_connection_is_not_used_again_when_the_answer_says_so(void **state)
{
    assert_not_used_again(
        (struct server_reply) { SERVER_OK("2", "Connection: close\r\n", "{}"), SERVER_KEEP, 0 });
    assert_not_used_again((struct server_reply) {
        STR("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"), SERVER_KEEP, 0 });
}

/* The next answer on such a connection would be another's. */
static void a_connection_is_not_used_again_after_more_than_the_answer(void **state)
{
    if (by_streams)
        return; /* libcurl 7.88 drops the excess and keeps the connection */
    assert_not_used_again((struct server_reply) {
        SERVER_OK("2", "", "{}HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"), SERVER_KEEP, 0 });
}

enum { MANY = 60 };

static void run_many(struct world *w, struct probe *probes, enum fault fault)
{
    for (int i = 0; i < MANY; i++)
        probe_start(w, &probes[i], 3000);
    run_until_done(w, MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(probes[i].x.fault, fault);
}

static void the_pool_survives_the_end_of_all_its_connections(enum server_end how)
{
    static const struct server_reply script[] = { OK_REPLY };
    static struct probe probes[MANY];
    struct world w;
    memset(probes, 0, sizeof probes);
    world_open(&w, script, 1);
    run_many(&w, probes, FAULT_NONE);
    assert_true(by_streams || w.server.connections == MANY); /* streams may wait for one another */
    for (int i = 0; i < 3; i++) {
        server_drop_idle(&w.server, how);
        uv_run(&w.loop, UV_RUN_NOWAIT);
        run_many(&w, probes, FAULT_NONE);
    }
    for (int i = 0; i < MANY; i++)
        transfer_deinit(&probes[i].x, w.transport);
    world_close(&w);
}

/* libcurl 7.88.1 fails the next request after a reset of six or more connections in one multi. */
static void a_reset_of_all_idle_connections_fails_nothing(void **state)
{
    the_pool_survives_the_end_of_all_its_connections(SERVER_RESET);
}

static void an_end_of_all_idle_connections_fails_nothing(void **state)
{
    the_pool_survives_the_end_of_all_its_connections(SERVER_CLOSE);
}

static unsigned count_descriptors(bool without_cloexec)
{
    unsigned n = 0;
    for (int fd = 3; fd < 512; fd++) {
        int flags = fcntl(fd, F_GETFD);
        n += flags >= 0 && (!without_cloexec || !(flags & FD_CLOEXEC));
    }
    return n;
}

static void connections_are_closed_on_exec_and_at_the_end(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    struct world w;
    struct probe p = { 0 };
    unsigned before = count_descriptors(false);
    world_open(&w, script, 1);
    unsigned inheritable = count_descriptors(true);
    probe_start(&w, &p, 3000);
    run_until_done(&w, 1);
    /* Two are libcurl's own wake-up pair: no data goes over it, and it cannot be had from
     * outside. */
    assert_true(count_descriptors(true) <= inheritable + 2);
    finish(&w, &p);
    assert_int_equal(count_descriptors(false), before);
}

static void a_missing_bundle_is_named(void **state)
{
    struct trust *t = NULL;
    struct pipepoll_error why;
    assert_int_equal(trust_new(&t, STR("/nowhere/ca.pem"), &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, "/nowhere/ca.pem"));
    assert_int_equal(trust_new(&t, STR("/dev/null"), &why), PIPEPOLL_ESYSTEM);
    assert_non_null(strstr(why.text, "no certificate"));
    assert_null(t);
}

int main(void)
{
    /* What the machine says of proxies and bundles is not what is tested here. */
    static const char *const names[] = { "http_proxy", "HTTPS_PROXY", "https_proxy",
                                         "ALL_PROXY",  "all_proxy",   "SSL_CERT_FILE" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_has_the_callers_headers_and_body_and_little_else),
        cmocka_unit_test(the_answer_brings_status_body_and_wanted_headers),
        cmocka_unit_test(an_interim_answer_is_passed_over),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(broken_connections_are_told_apart_from_broken_answers),
        cmocka_unit_test(an_endless_answer_is_cut_off),
        cmocka_unit_test(endless_headers_are_cut_off),
        cmocka_unit_test(no_answer_ends_at_the_deadline),
        cmocka_unit_test(a_late_loop_still_takes_an_answer_that_came_in_time),
        cmocka_unit_test(nobody_there_is_unreachable),
        cmocka_unit_test(a_connection_is_used_again),
        cmocka_unit_test(a_connection_is_not_used_again_after_the_service_failed),
        cmocka_unit_test(a_connection_is_not_used_again_when_the_answer_says_so),
        cmocka_unit_test(a_connection_is_not_used_again_after_more_than_the_answer),
        cmocka_unit_test(a_reset_of_all_idle_connections_fails_nothing),
        cmocka_unit_test(an_end_of_all_idle_connections_fails_nothing),
        cmocka_unit_test(connections_are_closed_on_exec_and_at_the_end),
        cmocka_unit_test(a_missing_bundle_is_named),
    };
    int failed = cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
    by_streams = true;
    return failed + cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/pool.h"
#include "lib/clock.h"
#include "lib/wire.h"

/* One transfer against a script of one reply. */
static void exchange(struct wire *w, struct probe *p, struct server_reply reply,
                     uint32_t timeout_ms)
{
    static struct server_reply script;
    script = reply;
    *p = (struct probe) { 0 };
    wire_open(w, &script, 1);
    probe_start(w, p, timeout_ms);
    assert_int_equal(p->times_done, 0); /* never from inside the start */
    run_until_done(w, 1);
}

static void finish(struct wire *w, struct probe *p)
{
    assert_int_equal(p->times_done, 1);
    wire_close(w);
}

static void assert_fault(struct server_reply reply, enum fault fault, int status)
{
    struct wire w;
    struct probe p;
    exchange(&w, &p, reply, 3000);
    if (p.x.fault != fault)
        print_error("%s: %s\n", fault_text(p.x.fault), p.detail);
    assert_int_equal(p.x.fault, fault);
    assert_int_equal(p.x.http_status, status);

    finish(&w, &p);
}

static void the_request_has_the_callers_headers_and_body_and_little_else(void **state)
{
    struct wire w;
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
    struct wire w;
    struct probe p;
    exchange(&w, &p,
             (struct server_reply) {
                 STR("HTTP/1.1 400 Bad Request\r\nX-Amzn-RequestId:  abc \r\nX-Other: x\r\n"
                     "Content-Length: 5\r\n\r\nhello"),
                 SERVER_KEEP, 1 },
             3000);
    assert_int_equal(p.x.fault, FAULT_NONE);
    assert_int_equal(p.x.http_status, 400);
    assert_str_equal(p.answer, "hello");
    assert_str_equal(p.wanted[0], "abc");
    assert_int_equal(p.wanted[1].len, 0);
    finish(&w, &p);
}

static void an_interim_answer_is_passed_over(void **state)
{
    struct wire w;
    struct probe p;
    exchange(&w, &p,
             (struct server_reply) {
                 STR("HTTP/1.1 100 Continue\r\nx-amzn-RequestId: no\r\n\r\n"
                     "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 2\r\n\r\n{}"),
                 SERVER_KEEP, 0 },
             3000);
    assert_int_equal(p.x.http_status, 200);
    assert_int_equal(p.wanted[0].len, 0);
    assert_str_equal(p.wanted[1], "today");
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
                 FAULT_MALFORMED, 0);
}

static void an_endless_answer_is_cut_off(void **state)
{
    static char body[TRANSFER_ANSWER_MAX + 200];
    memset(body, 'x', sizeof body);
    static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
    memcpy(body, head, sizeof head - 1);
    assert_fault((struct server_reply) { { body, sizeof body }, SERVER_HANG, 60000 },
                 FAULT_MALFORMED, 200);
}

static void endless_headers_are_cut_off(void **state)
{
    static char head[TRANSFER_HEADERS_MAX + 4096];
    size_t len = (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n");
    while (len < TRANSFER_HEADERS_MAX + 1000)
        len += (size_t)snprintf(head + len, sizeof head - len, "X-Long-%zu: %0900d\r\n", len, 0);
    assert_fault((struct server_reply) { { head, len }, SERVER_HANG, 8000 }, FAULT_MALFORMED, 200);
    len = (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < TRANSFER_HEADER_LINES_MAX + 9; i++)
        len += (size_t)snprintf(head + len, sizeof head - len, "X-%d: 1\r\n", i);
    assert_fault((struct server_reply) { { head, len }, SERVER_HANG, 0 }, FAULT_MALFORMED, 200);
}

static void no_answer_ends_at_the_deadline(void **state)
{
    struct wire w;
    struct probe p;
    uint64_t start_ns = timers_now_ns();
    exchange(&w, &p, (struct server_reply) { STR("HTTP/1.1 200"), SERVER_HANG, 0 }, 30);
    assert_int_equal(p.x.fault, FAULT_TIMED_OUT);
    assert_true(timers_now_ns() - start_ns >= 30 * 1000000);
    finish(&w, &p);
}

/* libuv looks at timers before sockets, so after a long pause all deadlines have passed although
 * the answers are there. */
static void a_late_loop_still_takes_an_answer_that_came_in_time(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    struct wire w;
    struct probe first = { 0 }, p = { 0 };
    wire_open(&w, script, 1);
    probe_start(&w, &first, 3000); /* opens the connection */
    run_until_done(&w, 1);
    probe_start(&w, &p, 20);
    while (w.server.requests < 2)
        uv_run(&w.loop, UV_RUN_NOWAIT);
    for (uint64_t end_ns = timers_now_ns() + 30 * 1000000; timers_now_ns() < end_ns;)
        ; /* somebody's slow callback */
    if (!p.times_done)
        run_until_done(&w, 1);
    assert_int_equal(p.x.fault, FAULT_NONE);
    finish(&w, &p);
}

static void nobody_there_is_unreachable(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, script, 1);
    wire_go_to(&w, &(struct pool_options) { .url = STR("http://127.0.0.1:1/") });
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
        probe_start(p->wire, p, 3000);
        x->on_done = on_done_again;
    }
}

static void a_connection_is_used_again(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, script, 1);
    probe_start(&w, &p, 3000);
    p.x.on_done = on_done_again;
    run_until_done(&w, 50);
    assert_int_equal(w.server.connections, 1);
    assert_int_equal(w.server.requests, 50);
    assert_int_equal(transport_counts(w.transport).made, 1);
    wire_close(&w);
}

static void a_connection_is_not_used_again_after_the_service_failed(void **state)
{
    static const struct server_reply script[] = {
        { STR_INIT("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), SERVER_KEEP, 0 }, OK_REPLY
    };
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, script, 2);
    for (int i = 0; i < 3; i++) {
        probe_start(&w, &p, 3000);
        run_until_done(&w, 1);
        assert_int_equal(p.x.http_status, i ? 200 : 503);
    }
    assert_int_equal(w.server.connections, 2);
    wire_close(&w);
}

static void assert_not_used_again(struct server_reply first)
{
    struct server_reply script[] = { first, OK_REPLY };
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, script, 2);
    for (int i = 0; i < 3; i++) {
        probe_start(&w, &p, 3000);
        run_until_done(&w, 1);
        assert_int_equal(p.x.fault, FAULT_NONE);
        assert_str_equal(p.answer, "{}");
    }
    assert_int_equal(w.server.connections, 2);
    wire_close(&w);
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
    assert_not_used_again((struct server_reply) {
        SERVER_OK("2", "", "{}HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"), SERVER_KEEP, 0 });
}

enum { MANY = 60 };

static void run_many(struct wire *w, struct probe *probes, enum fault fault)
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
    struct wire w;
    memset(probes, 0, sizeof probes);
    wire_open(&w, script, 1);
    run_many(&w, probes, FAULT_NONE);
    assert_in_range(w.server.connections, 6, MANY); /* they are opened a few at a time */
    for (int i = 0; i < 3; i++) {
        server_drop_idle(&w.server, how);
        uv_run(&w.loop, UV_RUN_NOWAIT);
        run_many(&w, probes, FAULT_NONE);
    }
    wire_close(&w);
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

/* --- requests of another kind --- */

static void start_special(struct wire *w, struct probe *p, const char *method, const char *path)
{
    p->x.method = str_of(method);
    p->x.path = str_of(path);
    p->x.body = (str) { 0 };
    p->x.head = STR("Host: example.com\r\n");
    assert_int_equal(transfer_start(&p->x, w->pool), 0);
    run_until_done(w, 1);
    assert_int_equal(p->x.fault, FAULT_NONE);
}

static void a_transfer_may_have_its_own_method_and_path(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, script, 1);
    probe_start(&w, &p, 3000);
    run_until_done(&w, 1);
    start_special(&w, &p, "GET", "/latest/meta-data?x=1");
    assert_string_equal(w.seen, "GET /latest/meta-data?x=1 HTTP/1.1\r\nHost: example.com\r\n\r\n");
    start_special(&w, &p, "PUT", "/latest/api/token");
    assert_string_equal(w.seen, "PUT /latest/api/token HTTP/1.1\r\nHost: example.com\r\n"
                                "Content-Length: 0\r\n\r\n");
    start_special(&w, &p, "GET", "");
    assert_string_equal(w.seen, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    p.x.method = (str) { 0 };
    probe_start(&w, &p, 3000);
    run_until_done(&w, 1);
    assert_non_null(strstr(w.seen, "POST / HTTP/1.1\r\n"));
    assert_non_null(strstr(w.seen, "Content-Length: 7\r\n\r\n{\"a\":1}"));
    assert_int_equal(w.server.connections, 1);
    wire_close(&w);
}

static void a_pool_without_a_path_asks_for_the_root(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, script, 1);
    str url = str_of(w.server.url);
    wire_go_to(&w, &(struct pool_options) { .url = { url.ptr, url.len - 1 } });
    probe_start(&w, &p, 3000);
    run_until_done(&w, 1);
    assert_non_null(strstr(w.seen, "POST / HTTP/1.1\r\n"));
    finish(&w, &p);
}

static void a_path_that_would_end_the_request_line_is_refused(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    static const char *const paths[] = { "/a b", "/a\r\nX: y", "/\xc3\xa4", "/\x7f" };
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, script, 1);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        p.x.path = str_of(paths[i]);
        assert_int_equal(transfer_start(&p.x, w.pool), PIPEPOLL_EINVAL);
    }
    wire_close(&w);
}

static void a_hurried_transfer_ends_at_once(void **state)
{
    static const struct server_reply script[] = { { STR_INIT(""), SERVER_HANG, 0 } };
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, script, 1);
    transfer_abort(&p.x); /* not in flight */
    probe_start(&w, &p, 3600 * 1000);
    while (!w.server.requests)
        uv_run(&w.loop, UV_RUN_ONCE);
    transfer_abort(&p.x);
    assert_int_equal(p.times_done, 0);
    run_until_done(&w, 1);
    assert_int_equal(p.x.fault, FAULT_TIMED_OUT);
    transfer_abort(&p.x);
    finish(&w, &p);
}

static bool holds(const char *memory, size_t size, const char *text)
{
    return memory && memmem(memory, size, text, strlen(text));
}

static bool any_buffer_holds(const struct wire *w, const char *text)
{
    return holds(w->transport->send_bytes, SEND_CAPACITY, text) ||
           holds(w->transport->receive_bytes, RECEIVE_CAPACITY, text);
}

/* The second request goes by a connection that is open, and so by the buffer. */
static void a_wiped_transfer_leaves_nothing_behind(void **state)
{
    static const struct server_reply reply = { SERVER_OK("8", "Date: secret\r\n", "\"secret\""),
                                               SERVER_KEEP, 0 };
    struct wire w;
    struct probe p;
    exchange(&w, &p, reply, 3000);
    probe_start(&w, &p, 3000);
    run_until_done(&w, 1);
    assert_str_equal(p.answer, "\"secret\"");
    assert_true(any_buffer_holds(&w, "secret"));
    assert_true(any_buffer_holds(&w, "{\"a\":1}"));
    transfer_wipe(&p.x);
    assert_false(any_buffer_holds(&w, "secret"));
    assert_false(any_buffer_holds(&w, "{\"a\":1}"));
    wire_close(&w);
    struct transfer unused = { 0 };
    transfer_wipe(&unused);
}

/* --- large requests --- */

static struct server_reply count_body(struct server *s, const struct server_request *rq)
{
    struct wire *w = s->ctx;
    size_t right = 0;
    while (right < rq->body.len && rq->body.ptr[right] == (char)('a' + right % 23))
        right++;
    snprintf(w->seen, sizeof w->seen, "%zu of %zu", right, rq->body.len);
    return (struct server_reply)OK_REPLY;
}

static char large_body[TRANSFER_BODY_MAX + 1];

static void send_large(struct wire *w, struct probe *p, size_t len)
{
    for (size_t i = 0; i < sizeof large_body; i++)
        large_body[i] = (char)('a' + i % 23);
    probe_prepare(w, p, 5000);
    p->x.body = (str) { large_body, len };
    assert_int_equal(transfer_start(&p->x, w->pool), 0);
}

/* On a new connection and on one that was used, and a small one follows. */
static void assert_large_requests_go(bool tls)
{
    static const struct server_reply ok = OK_REPLY;
    const struct wire_setup setup = { &ok, 1, .tls = tls };
    struct wire w;
    struct probe p = { 0 };
    wire_open_as(&w, &setup);
    w.server.answer = count_body;
    for (unsigned i = 0; i < 2; i++) {
        send_large(&w, &p, TRANSFER_BODY_MAX);
        run_until_done(&w, 1);
        assert_int_equal(p.x.fault, FAULT_NONE);
        assert_string_equal(w.seen, "262144 of 262144");
        assert_true(wire_held < TRANSFER_BODY_MAX); /* nothing of it is kept */
    }
    w.server.answer = play;
    probe_start(&w, &p, 3000);
    run_until_done(&w, 1);
    assert_int_equal(w.server.connections, 1);
    wire_close(&w);
}

static void a_request_of_256_kib_goes_whole_and_leaves_no_memory_behind(void **state)
{
    assert_large_requests_go(false);
    assert_large_requests_go(true);
}

static void a_larger_one_is_refused(void **state)
{
    static const struct server_reply ok = OK_REPLY;
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, &ok, 1);
    probe_prepare(&w, &p, 3000);
    p.x.body = (str) { large_body, TRANSFER_BODY_MAX + 1 };
    assert_int_equal(transfer_start(&p.x, w.pool), PIPEPOLL_ESYSTEM);
    wire_close(&w);
}

static struct server_reply refuse_early(struct server *s, const struct server_request *rq)
{
    fail_msg("a request whose end never came was answered");
    return (struct server_reply) { 0 };
}

/* The peer ends the connection in the middle of the request: at each of these bytes. */
static void a_large_request_that_is_cut_fails_once(void **state)
{
    static const struct server_reply ok = OK_REPLY;
    for (size_t at = 1; at < TRANSFER_BODY_MAX; at += 50001) {
        struct wire w;
        struct probe p = { 0 };
        wire_open(&w, &ok, 1);
        w.server.answer = refuse_early;
        w.server.cut = (struct server_cut) { SIZE_MAX, at, SERVER_RESET };
        send_large(&w, &p, TRANSFER_BODY_MAX);
        run_until_done(&w, 1);
        assert_int_equal(p.x.fault, FAULT_UNREACHABLE);
        finish(&w, &p);
    }
}

/* --- connections that are in doubt --- */

enum { FEW = 8 };

static void start_few(struct wire *w, struct probe *probes, int from)
{
    for (int i = from; i < FEW; i++)
        probe_start(w, &probes[i], 3000);
}

static struct probe few[FEW];

static void start_the_others(struct transfer *x)
{
    struct probe *p = CONTAINER_OF(x, struct probe, x);
    on_done(x);
    start_few(p->wire, few, 1);
}

/* A connection that was used just now is not looked at before it is used again. The first to
 * break makes the others be looked at, before the loop has told of their end. On a machine that is
 * slow, one transfer may end before another begins, and leave it its connection. */
static void one_broken_connection_casts_doubt_on_all(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    struct wire w;
    memset(few, 0, sizeof few);
    wire_open(&w, script, 1);
    start_few(&w, few, 0);
    run_until_done(&w, FEW);
    unsigned opened = w.server.connections;
    assert_in_range(opened, 2, FEW);
    server_drop_idle(&w.server, SERVER_RESET);
    probe_start(&w, &few[0], 3000);
    few[0].x.on_done = start_the_others;
    run_until_done(&w, FEW);
    assert_int_equal(few[0].x.fault, FAULT_UNREACHABLE);
    for (int i = 1; i < FEW; i++)
        assert_int_equal(few[i].x.fault, FAULT_NONE);
    assert_in_range(w.server.connections, opened + 1, opened + FEW - 1);
    wire_close(&w);
}

/* The path may be dead, which no socket tells. */
static void after_silence_on_a_used_connection_the_next_is_new(void **state)
{
    static const struct server_reply script[] = {
        OK_REPLY, OK_REPLY, { STR_INIT(""), SERVER_HANG, 0 }, OK_REPLY
    };
    struct wire w;
    struct probe a = { 0 }, b = { 0 };
    wire_open(&w, script, 4);
    probe_start(&w, &a, 3000);
    probe_start(&w, &b, 3000);
    run_until_done(&w, 2);
    unsigned before = w.server.connections;
    probe_start(&w, &a, 20);
    run_until_done(&w, 1);
    assert_int_equal(a.x.fault, FAULT_TIMED_OUT);
    assert_int_equal(w.server.connections, before);
    probe_start(&w, &a, 3000);
    run_until_done(&w, 1);
    assert_int_equal(a.x.fault, FAULT_NONE);
    assert_int_equal(w.server.connections, before + 1);
    wire_close(&w);
}

static void no_connection_outlives_a_sleep_of_the_machine(void **state)
{
    static const struct server_reply script[] = { OK_REPLY };
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, script, 1);
    for (unsigned i = 1; i <= 3; i++) {
        slept_s += 120;
        probe_start(&w, &p, 3000);
        run_until_done(&w, 1);
        assert_int_equal(p.x.fault, FAULT_NONE);
        assert_int_equal(w.server.connections, i);
    }
    wire_close(&w);
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
    struct wire w;
    struct probe p = { 0 };
    unsigned before = count_descriptors(false);
    wire_open(&w, script, 1);
    unsigned inheritable = count_descriptors(true);
    probe_start(&w, &p, 3000);
    run_until_done(&w, 1);
    /* Two are libcurl's own wake-up pair: no data goes over it, and it cannot be had from
     * outside. */
    assert_true(count_descriptors(true) <= inheritable + 2);
    finish(&w, &p);
    assert_int_equal(count_descriptors(false), before);
}

int main(void)
{
    unsetenv("SSL_CERT_FILE"); /* what the machine says of it is not what is tested here */
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
        cmocka_unit_test(a_transfer_may_have_its_own_method_and_path),
        cmocka_unit_test(a_pool_without_a_path_asks_for_the_root),
        cmocka_unit_test(a_path_that_would_end_the_request_line_is_refused),
        cmocka_unit_test(a_hurried_transfer_ends_at_once),
        cmocka_unit_test(a_wiped_transfer_leaves_nothing_behind),
        cmocka_unit_test(a_request_of_256_kib_goes_whole_and_leaves_no_memory_behind),
        cmocka_unit_test(a_larger_one_is_refused),
        cmocka_unit_test(a_large_request_that_is_cut_fails_once),
        cmocka_unit_test(one_broken_connection_casts_doubt_on_all),
        cmocka_unit_test(after_silence_on_a_used_connection_the_next_is_new),
        cmocka_unit_test(no_connection_outlives_a_sleep_of_the_machine),
        cmocka_unit_test(connections_are_closed_on_exec_and_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

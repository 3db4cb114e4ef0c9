/* SPDX-License-Identifier: MIT */
/* What becomes of an answer when its connection breaks: by reset, end or silence, after it, in the
 * middle of it and before it, plain and by TLS. Time is ours (lib/moved_clock.h), so that silence
 * costs nothing. */
#include <stdio.h>

#include "io/h1_connection.h"
#include "lib/moved_clock.h"
#include "lib/wire.h"

static const struct server_reply whole_then_reset = { SERVER_OK("2", "", "{}"), SERVER_RESET, 0 };

static void open_as(struct wire *w, const struct server_reply *script, bool tls)
{
    const struct wire_setup setup = { script, 1, .tls = tls };
    wire_open_as(w, &setup);
}

/* --- whole answers --- */

enum { MANY = 160 };

static void many_answers_followed_by_a_reset(bool tls)
{
    static struct probe probes[MANY];
    struct wire w;
    memset(probes, 0, sizeof probes);
    open_as(&w, &whole_then_reset, tls);
    for (int i = 0; i < MANY; i++)
        probe_start(&w, &probes[i], 30000);
    run_until_done(&w, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(probes[i].x.fault, FAULT_NONE);
        assert_str_equal(probes[i].answer, "{}");
    }
    wire_close(&w);
}

static void a_whole_answer_is_taken_although_a_reset_follows(void **state)
{
    many_answers_followed_by_a_reset(false);
}

static void a_whole_answer_by_tls_is_taken_although_a_reset_follows(void **state)
{
    many_answers_followed_by_a_reset(true);
}

/* The loop sees bytes, end and error in one event. */
static void it_is_taken_when_the_reset_came_before_the_loop_looked(void **state)
{
    for (int tls = 0; tls < 2; tls++) {
        struct wire w;
        struct probe p = { 0 };
        open_as(&w, &whole_then_reset, tls);
        for (int i = 0; i < 20; i++) {
            probe_start(&w, &p, 3000);
            run_until_done(&w, 1);
            assert_int_equal(p.x.fault, FAULT_NONE);
        }
        wire_close(&w);
    }
}

static void one(struct wire *w, struct probe *p, struct server_reply reply, bool tls)
{
    static struct server_reply script;
    script = reply;
    *p = (struct probe) { 0 };
    open_as(w, &script, tls);
    probe_start(w, p, 3000);
    run_until_done(w, 1);
}

static void end(struct wire *w, struct probe *p)
{
    assert_int_equal(p->times_done, 1);
    wire_close(w);
}

static void assert_answered(struct server_reply reply, int status, const char *body)
{
    for (int tls = 0; tls < 2; tls++) {
        struct wire w;
        struct probe p;
        one(&w, &p, reply, tls);
        assert_string_equal(p.detail, "");
        assert_int_equal(p.x.fault, FAULT_NONE);
        assert_int_equal(p.x.http_status, status);
        assert_str_equal(p.answer, body);
        end(&w, &p);
    }
}

static void assert_broken(struct server_reply reply, bool tls)
{
    struct wire w;
    struct probe p;
    one(&w, &p, reply, tls);
    assert_int_equal(p.x.fault, FAULT_UNREACHABLE);
    assert_true(strlen(p.detail) > 0);
    end(&w, &p);
}

static void a_refusal_keeps_its_text_although_a_reset_follows(void **state)
{
    assert_answered(
        (struct server_reply) {
            STR("HTTP/1.1 400 Bad Request\r\nContent-Length: 19\r\n\r\n{\"message\":\"too x\"}"),
            SERVER_RESET, 0 },
        400, "{\"message\":\"too x\"}");
}

#define ENDLESS "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

static void without_a_length_the_end_of_the_connection_is_the_end_of_the_body(void **state)
{
    assert_answered((struct server_reply) { STR(ENDLESS "all of it"), SERVER_CLOSE, 0 }, 200,
                    "all of it");
}

static void without_a_length_a_reset_is_no_end_of_the_body(void **state)
{
    assert_broken((struct server_reply) { STR(ENDLESS "half of"), SERVER_RESET, 0 }, false);
    assert_broken((struct server_reply) { STR(ENDLESS "half of"), SERVER_RESET, 0 }, true);
}

static void without_a_length_tls_needs_a_close_notify(void **state)
{
    assert_broken((struct server_reply) { STR(ENDLESS "half of"), SERVER_CUT, 0 }, true);
}

/* --- requests that the server does not read --- */

/* More than a socket takes at once, so that the answer comes while some of it is unsent. */
static void an_early_answer_is_read_while_the_request_is_still_unsent(void **state)
{
    static const struct server_reply refusal = {
        STR_INIT("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!"), SERVER_RESET, 0
    };
    for (int tls = 0; tls < 2; tls++) {
        struct wire w;
        struct probe p = { 0 };
        open_as(&w, &refusal, tls);
        probe_start(&w, &p, 3000);
        while (!w.server.requests)
            uv_run(&w.loop, UV_RUN_NOWAIT);
        /* As if most of the request had not been taken: the next event tries to send it. */
        char rest[4000] = { 0 };
        assert_true(transfer_keep_rest(&p.x, (str) { rest, sizeof rest }));
        run_until_done(&w, 1);
        assert_int_equal(p.x.fault, FAULT_NONE);
        assert_int_equal(p.x.http_status, 413);
        assert_str_equal(p.answer, "no!");
        end(&w, &p);
    }
}

/* --- every byte --- */

enum { LIMIT_MS = 4000 }; /* within the connect timeout */

/* Turns until nothing moves any more. */
static void run_until_still(struct wire *w, const struct probe *p)
{
    for (int still = 0; !p->times_done && still < 4;) {
        size_t moved = w->server.bytes_sent + w->server.bytes_received;
        uv_run(&w->loop, UV_RUN_NOWAIT);
        still = moved == w->server.bytes_sent + w->server.bytes_received ? still + 1 : 0;
    }
}

/* One exchange on a new connection, which ends at once or by its deadline. Returns what its bytes
 * came to. */
static struct server_cut exchange_cut(struct wire *w, struct probe *p, struct server_cut cut)
{
    static const uint64_t leaps_ms[] = { LIMIT_MS / 2, LIMIT_MS / 2 + 50, 50 };
    w->server.cut = cut;
    w->server.bytes_sent = w->server.bytes_received = 0;
    p->times_done = 0;
    probe_start(w, p, LIMIT_MS);
    run_until_still(w, p);
    for (size_t i = 0; i < 3 && !p->times_done; i++) {
        moved_ms += leaps_ms[i];
        run_until_still(w, p);
    }
    assert_int_equal(p->times_done, 1);
    return (struct server_cut) { w->server.bytes_sent, w->server.bytes_received, SERVER_KEEP };
}

static const struct server_cut nowhere = { SIZE_MAX, SIZE_MAX, SERVER_KEEP };

/* A cut of the connection is told at once, silence by the deadline. */
static void cut_at(struct wire *w, struct probe *p, struct server_cut cut, bool whole)
{
    exchange_cut(w, p, cut);
    enum fault fault = cut.end == SERVER_HANG ? FAULT_TIMED_OUT : FAULT_UNREACHABLE;
    if (p->x.fault != (whole ? FAULT_NONE : fault))
        print_error("sent %zd, received %zd, end %d: %s, %s\n", (ssize_t)cut.sent,
                    (ssize_t)cut.received, cut.end, fault_text(p->x.fault), p->detail);
    assert_int_equal(p->x.fault, whole ? FAULT_NONE : fault);
}

/* The answer says that its connection closes, so each exchange makes its own. */
static void cut_every_byte(bool tls, enum server_end how)
{
    static const struct server_reply reply = { SERVER_OK("2", "Connection: close\r\n", "{}"),
                                               SERVER_HANG, 0 };
    struct wire w;
    struct probe p = { 0 };
    open_as(&w, &reply, tls);
    struct server_cut all = exchange_cut(&w, &p, nowhere);
    assert_int_equal(p.x.fault, FAULT_NONE);
    for (size_t n = 0; n <= all.sent; n++)
        cut_at(&w, &p, (struct server_cut) { n, SIZE_MAX, how }, n == all.sent);
    for (size_t n = 0; n < all.received; n++)
        cut_at(&w, &p, (struct server_cut) { SIZE_MAX, n, how }, false);
    wire_close(&w);
}

static void every_byte_may_be_the_last_before_an_end(void **state)
{
    cut_every_byte(false, SERVER_CUT);
}

static void every_byte_may_be_the_last_before_a_reset(void **state)
{
    cut_every_byte(false, SERVER_RESET);
}

static void every_byte_may_be_the_last_before_silence(void **state)
{
    cut_every_byte(false, SERVER_HANG);
}

static void every_byte_of_tls_may_be_the_last_before_an_end(void **state)
{
    cut_every_byte(true, SERVER_CUT);
}

static void every_byte_of_tls_may_be_the_last_before_a_reset(void **state)
{
    cut_every_byte(true, SERVER_RESET);
}

static void every_byte_of_tls_may_be_the_last_before_silence(void **state)
{
    cut_every_byte(true, SERVER_HANG);
}

int main(void)
{
    unsetenv("SSL_CERT_FILE"); /* what the machine says of it is not what is tested here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_answer_is_taken_although_a_reset_follows),
        cmocka_unit_test(a_whole_answer_by_tls_is_taken_although_a_reset_follows),
        cmocka_unit_test(it_is_taken_when_the_reset_came_before_the_loop_looked),
        cmocka_unit_test(a_refusal_keeps_its_text_although_a_reset_follows),
        cmocka_unit_test(without_a_length_the_end_of_the_connection_is_the_end_of_the_body),
        cmocka_unit_test(without_a_length_a_reset_is_no_end_of_the_body),
        cmocka_unit_test(without_a_length_tls_needs_a_close_notify),
        cmocka_unit_test(an_early_answer_is_read_while_the_request_is_still_unsent),
        cmocka_unit_test(every_byte_may_be_the_last_before_an_end),
        cmocka_unit_test(every_byte_may_be_the_last_before_a_reset),
        cmocka_unit_test(every_byte_may_be_the_last_before_silence),
        cmocka_unit_test(every_byte_of_tls_may_be_the_last_before_an_end),
        cmocka_unit_test(every_byte_of_tls_may_be_the_last_before_a_reset),
        cmocka_unit_test(every_byte_of_tls_may_be_the_last_before_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

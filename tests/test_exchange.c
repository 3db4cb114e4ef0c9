/* SPDX-License-Identifier: MIT */
#include "credentials/exchange.h"

#include <stdio.h>

#include "lib/check.h"
#include "lib/stage.h"

static struct exchange x;
static unsigned ended;
static uv_loop_t *loop;

/* The answer is gone afterwards: a copy stands in for it. */
static void on_done(struct exchange *e)
{
    assert_ptr_equal(e, &x);
    ended++;
    uv_stop(loop);
    static char copy[EXCHANGE_ANSWER_MAX + 1];
    assert_true(e->answer_len <= sizeof copy);
    if (e->answer_len)
        memcpy(copy, e->answer, e->answer_len);
    e->answer = e->answer ? copy : NULL;
}

static void open_to(struct stage *s, str url)
{
    loop = &s->loop;
    ended = 0;
    assert_int_equal(exchange_open(&x, &s->host, url, EXCHANGE_DIRECT), 0);
    x.on_done = on_done;
    x.timeout_ms = 5000;
    x.attempts = 3;
}

static void run(void)
{
    unsigned before = ended;
    exchange_start(&x);
    assert_int_equal(ended, before); /* never from inside the start */
    while (ended == before)
        uv_run(loop, UV_RUN_ONCE);
    assert_int_equal(ended, before + 1);
}

static void a_get_has_a_host_and_no_body(void **state)
{
    struct stage *s = *state;
    STAGE_PLAY(s, { .headers = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", .body = "{\"a\":1}" });
    s->now_s = 784111780;
    open_to(s, str_of(s->server.url));
    x.method = STR("GET");
    exchange_put_header(&x, STR("X-One"), STR("1"));
    run();
    assert_int_equal(x.fault, FAULT_NONE);
    assert_int_equal(x.http_status, 200);
    assert_int_equal(x.date_s, 784111777);
    struct json j;
    assert_int_equal(exchange_json(&x, &j, "the test", NULL), 0);
    assert_true(json_is(&j, json_first(&j, JSON_ROOT), STR("a")));
    stage_assert_asked(s, 1, "GET / HTTP/1.1\r\nHost: 127.0.0.1:");
    stage_assert_asked(s, 1, "\r\nUser-Agent: pipepoll/" PIPEPOLL_VERSION "\r\n");
    stage_assert_asked(s, 1, "\r\nX-One: 1\r\n");
    assert_null(strstr(s->request[0], "Content-Length"));
    exchange_close(&x);
}

static void a_date_that_is_days_off_or_of_a_cache_is_not_believed(void **state)
{
    static const struct {
        const char *headers;
        int64_t now_s, date_s;
    } rows[] = {
        { "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 784111777 + 86400, 784111777 },
        { "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 784111777 + 86500, 0 },
        { "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 784111777 - 86500, 0 },
        { "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nAge: 0\r\n", 784111777, 0 },
        { "Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n", 784111777, 0 },
    };
    struct stage *s = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        STAGE_PLAY(s, { .headers = rows[i].headers, .body = "{}" });
        s->now_s = rows[i].now_s;
        open_to(s, str_of(s->server.url));
        run();
        assert_int_equal(x.date_s, rows[i].date_s);
        exchange_close(&x);
    }
}

static void what_no_service_answers_with_is_told(void **state)
{
    static const struct {
        int status;
        const char *headers, *found;
    } rows[] = {
        { 302, "Location: https://elsewhere.example/login\r\n",
          "HTTP 302 leads elsewhere, to 'https://elsewhere.example/login'" },
        { 304, "", "HTTP 304 is no status" },
        { 204, "", "HTTP 204: an answer without a body" },
        { 200, "Content-Encoding: gzip\r\n", "compressed (gzip), which was not asked for" },
        { 400, "Content-Encoding: br\r\n", "compressed (br), which was not asked for" },
    };
    struct stage *s = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        STAGE_PLAY(s, { .status = rows[i].status, .headers = rows[i].headers, .body = "" });
        open_to(s, str_of(s->server.url));
        x.attempts = 1;
        run();
        assert_int_not_equal(x.fault, FAULT_NONE);
        assert_non_null(strstr(x.message.text, rows[i].found));
        exchange_close(&x);
    }
}

static void a_url_without_a_path_asks_for_the_root(void **state)
{
    struct stage *s = *state;
    char url[128];
    STAGE_PLAY(s, { .body = "{}" });
    snprintf(url, sizeof url, "%.*s?a=b", (int)strlen(s->server.url) - 1, s->server.url);
    open_to(s, str_of(url));
    run();
    stage_assert_asked(s, 1, "POST /?a=b HTTP/1.1\r\nHost: 127.0.0.1:");
    exchange_close(&x);
}

static void one_exchange_serves_many_requests(void **state)
{
    struct stage *s = *state;
    STAGE_PLAY(s, { .status = 500 }, { .body = "one" }, { .status = 404, .body = "two" });
    open_to(s, str_of(s->server.url));
    buf_put(&x.body, STR("first"));
    run();
    assert_int_equal(x.fault, FAULT_NONE);
    exchange_begin(&x);
    assert_null(x.answer);
    buf_put(&x.path, STR("/second"));
    run();
    assert_int_equal(x.fault, FAULT_REFUSED);
    assert_int_equal(x.http_status, 404);
    assert_string_equal(x.message.text, "two");
    assert_int_equal(s->requests, 3);
    stage_assert_asked(s, 2, "\r\n\r\nfirst"); /* the whole request again */
    stage_assert_asked(s, 3, "POST /second HTTP/1.1\r\n");
    exchange_close(&x);
}

static void codes_that_pass_by_name_are_tried_again(void **state)
{
    struct stage *s = *state;
    static const char *const passing[] = { "Odd", NULL };
    STAGE_PLAY(s, { .status = 400, .headers = "x-amzn-ErrorType: Odd\r\n" },
               { .status = 400, .headers = "x-amzn-ErrorType: Even\r\n" });
    open_to(s, str_of(s->server.url));
    x.passing = passing;
    run();
    assert_int_equal(s->requests, 2);
    assert_str_equal(x.code, "Even");
    exchange_close(&x);
}

static void a_code_that_is_the_secret_is_masked(void **state)
{
    struct stage *s = *state;
    STAGE_PLAY(s, { .status = 400, .headers = "x-amzn-ErrorType: No-" STAGE_CANARY "\r\n" });
    open_to(s, str_of(s->server.url));
    x.secret = STR(STAGE_CANARY);
    run();
    struct pipepoll_error why;
    exchange_explain(&x, "the test", "", &why);
    assert_null(strstr(why.text, STAGE_CANARY));
    assert_non_null(strstr(why.text, "the test: No-***"));
    exchange_close(&x);
}

static enum pipepoll_cause cause_of(struct stage *s, str url, enum exchange_way way)
{
    struct pipepoll_error why;
    loop = &s->loop;
    assert_int_equal(exchange_open(&x, &s->host, url, way), 0);
    x.on_done = on_done;
    x.timeout_ms = 5000;
    x.attempts = 1;
    run();
    exchange_explain(&x, "the test", "", &why);
    exchange_close(&x);
    return why.cause;
}

/* A way that fails is no matter of the source, but where the source is beside this machine. */
static void the_cause_is_the_way_or_the_source(void **state)
{
    struct stage *s = *state;
    str nobody = STR("http://127.0.0.1:1");
    assert_int_equal(cause_of(s, nobody, EXCHANGE_BY_RULES), PIPEPOLL_CAUSE_UNREACHABLE);
    assert_int_equal(cause_of(s, nobody, EXCHANGE_DIRECT), PIPEPOLL_CAUSE_SOURCE);
    STAGE_PLAY(s, { .status = 400, .headers = "x-amzn-ErrorType: AccessDenied\r\n" });
    assert_int_equal(cause_of(s, str_of(s->server.url), EXCHANGE_BY_RULES), PIPEPOLL_CAUSE_SOURCE);
}

/* No turn of the loop may wait: the next attempt would be seconds away. */
static void a_stop_does_not_wait_for_the_back_off(void **state)
{
    struct stage *s = *state;
    STAGE_PLAY(s, { .status = 429, .headers = "x-amz-retry-after: 60000\r\n" });
    open_to(s, str_of(s->server.url));
    exchange_start(&x);
    while (x.state != EXCHANGE_IN_FLIGHT)
        uv_run(loop, UV_RUN_ONCE);
    while (x.state == EXCHANGE_IN_FLIGHT)
        uv_run(loop, UV_RUN_ONCE);
    assert_int_equal(x.state, EXCHANGE_WAITING);
    exchange_stop(&x);
    for (int loop_stats = 0; loop_stats < 3 && !ended; loop_stats++)
        uv_run(loop, UV_RUN_NOWAIT);
    assert_int_equal(ended, 1);
    assert_string_equal(x.message.text, "it was stopped");
    exchange_begin(&x);
    run();
    assert_int_equal(x.fault, FAULT_TIMED_OUT); /* and nothing is asked any more */
    assert_int_equal(s->requests, 1);
    exchange_close(&x);
}

static char long_reply[EXCHANGE_ANSWER_MAX + 128];
static size_t long_reply_len;

static struct server_reply answer_long(struct server *server, const struct server_request *rq)
{
    struct stage *s = server->ctx;
    s->requests++;
    return (struct server_reply) { { long_reply, long_reply_len }, SERVER_KEEP, 0 };
}

static void assert_length(struct stage *s, size_t body, enum fault fault)
{
    int head = snprintf(long_reply, sizeof long_reply,
                        "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body);
    memset(long_reply + head, ' ', body);
    long_reply_len = (size_t)head + body;
    open_to(s, str_of(s->server.url));
    x.attempts = 1;
    run();
    assert_int_equal(x.fault, fault);
    exchange_close(&x);
}

static void an_answer_has_64_kib_at_most(void **state)
{
    struct stage *s = *state;
    s->server.answer = answer_long;
    assert_length(s, EXCHANGE_ANSWER_MAX, FAULT_NONE);
    assert_length(s, EXCHANGE_ANSWER_MAX + 1, FAULT_MALFORMED);
    s->server.answer = stage_answer;
}

static void what_does_not_fit_is_told(void **state)
{
    struct stage *s = *state;
    static char text[EXCHANGE_BODY_SIZE + 1];
    struct pipepoll_error why;
    memset(text, 'x', sizeof text);
    STAGE_PLAY(s, { .body = "{}" });
    open_to(s, str_of(s->server.url));
    buf_put(&x.body, (str) { text, sizeof text });
    run();
    assert_int_equal(exchange_explain(&x, "the test", "", &why), PIPEPOLL_EREFUSED);
    assert_string_equal(why.text, "the test: the request is longer than pipepoll can send");
    assert_int_equal(s->requests, 0);
    exchange_close(&x);
}

static void too_much_json_is_told(void **state)
{
    struct stage *s = *state;
    char body[4 * EXCHANGE_TOKENS], *at = body;
    struct pipepoll_error why;
    struct json j;
    at += snprintf(at, 16, "{\"a\":[0");
    for (int i = 0; i < EXCHANGE_TOKENS; i++)
        at += snprintf(at, 4, ",0");
    snprintf(at, 4, "]}");
    STAGE_PLAY(s, { .body = body });
    open_to(s, str_of(s->server.url));
    run();
    assert_int_equal(exchange_json(&x, &j, "the test", &why), PIPEPOLL_EPROTO);
    assert_string_equal(why.text, "the test answered with more JSON than expected");
    exchange_close(&x);
}

static void an_untouched_one_can_be_closed(void **state)
{
    struct exchange untouched = { 0 };
    exchange_close(&untouched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_has_a_host_and_no_body),
        cmocka_unit_test(a_date_that_is_days_off_or_of_a_cache_is_not_believed),
        cmocka_unit_test(what_no_service_answers_with_is_told),
        cmocka_unit_test(a_url_without_a_path_asks_for_the_root),
        cmocka_unit_test(one_exchange_serves_many_requests),
        cmocka_unit_test(codes_that_pass_by_name_are_tried_again),
        cmocka_unit_test(a_code_that_is_the_secret_is_masked),
        cmocka_unit_test(the_cause_is_the_way_or_the_source),
        cmocka_unit_test(a_stop_does_not_wait_for_the_back_off),
        cmocka_unit_test(an_answer_has_64_kib_at_most),
        cmocka_unit_test(what_does_not_fit_is_told),
        cmocka_unit_test(too_much_json_is_told),
        cmocka_unit_test(an_untouched_one_can_be_closed),
    };
    return cmocka_run_group_tests(tests, stage_open, stage_close);
}

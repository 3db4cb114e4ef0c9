/* SPDX-License-Identifier: MIT */
#include "handler/http_client.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "lib/alone.h"
#include "lib/check.h"
#include "lib/server.h"
#include "lib/tls_server.h"

enum { LONG_MS = 20000, SHORT_MS = 60, CALLS = 6 };

#define CANARY "canary/secret"

/* One client, and a server that gives one reply to everything. */
struct world {
    uv_loop_t loop;
    struct server server;
    struct http_client *client;
    struct server_reply reply;
    struct http_call calls[CALLS];
    unsigned dones, closeds;
    char asked[8192], answer[4096], problem[300], type[64], location[300];
    struct http_call last; /* its numbers */
    bool closes_at_done;
};

static struct server_reply answer(struct server *s, const struct server_request *rq)
{
    struct world *w = s->ctx;
    snprintf(w->asked, sizeof w->asked, "%.*s%.*s", STR_ARG(rq->head), STR_ARG(rq->body));
    return w->reply;
}

static void on_closed(void *ctx)
{
    struct world *w = ctx;
    w->closeds++;
}

static void end_calls(struct world *w)
{
    for (size_t i = 0; i < CALLS; i++)
        http_call_deinit(&w->calls[i]);
    http_client_close(w->client, on_closed, w);
    w->client = NULL;
}

static struct world *world; /* of the test that runs */

static void on_done(struct http_call *c)
{
    struct world *w = world;
    w->dones++;
    uv_stop(&w->loop); /* or it would wait for more, after a timer */
    w->last = *c;
    snprintf(w->problem, sizeof w->problem, "%s", c->problem ? c->problem : "");
    snprintf(w->answer, sizeof w->answer, "%.*s",
             (int)(c->answer_len < 4000 ? c->answer_len : 4000), c->answer ? c->answer : "");
    snprintf(w->type, sizeof w->type, "%.*s", STR_ARG(c->content_type));
    snprintf(w->location, sizeof w->location, "%.*s", STR_ARG(c->location));
    if (w->closes_at_done)
        end_calls(w);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&w->loop);
    server_open(&w->server, &w->loop, answer, w);
    *state = world = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->client)
        end_calls(w);
    server_close(&w->server);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closeds, 1);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    return 0;
}

static void open_to(struct world *w, const char *path, const struct http_client_options *more)
{
    char url[200];
    struct http_client_options o = more ? *more : (struct http_client_options) { 0 };
    struct pipepoll_error why;
    size_t slash = strlen(w->server.url) - 1; /* at its end */
    snprintf(url, sizeof url, "%.*s%s", (int)slash, w->server.url, path);
    o.url = url;
    if (http_client_open(&w->client, &w->loop, &o, &why))
        fail_msg("%s", why.text);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(http_call_init(&w->calls[i], w->client), 0);
}

static struct http_call *begin(struct world *w, size_t i)
{
    struct http_call *c = &w->calls[i];
    http_call_begin(c);
    c->on_done = on_done;
    c->timeout_ms = LONG_MS;
    return c;
}

static void await(struct world *w, unsigned dones)
{
    while (w->dones < dones)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(w->dones, dones);
}

static void run(struct world *w, struct http_call *c)
{
    unsigned before = w->dones;
    http_call_start(c);
    assert_int_equal(w->dones, before); /* never from inside the start */
    await(w, before + 1);
}

static void say(struct world *w, str bytes, enum server_end end)
{
    w->reply = (struct server_reply) { .bytes = bytes, .end = end };
}

static void check_says(const char *text, const char *wanted)
{
    if (!strstr(text, wanted))
        fail_msg("\"%s\" does not say \"%s\"", text, wanted);
}

/* --- what is sent, and what comes --- */

static void a_post_has_its_headers_and_body(void **state)
{
    struct world *w = *state;
    open_to(w, "/hook?a=b", NULL);
    say(w, (str)SERVER_OK("4", "Content-Type: text/plain\r\n", "done"), SERVER_KEEP);
    struct http_call *c = begin(w, 0);
    http_call_put_header(c, "X-One", STR("1"));
    c->body = STR("{\"a\":1}");
    run(w, c);
    assert_null(w->last.problem);
    assert_int_equal(w->last.status, 200);
    assert_string_equal(w->answer, "done");
    assert_string_equal(w->type, "text/plain");
    check_says(w->asked, "POST /hook?a=b HTTP/1.1\r\nHost: 127.0.0.1:");
    check_says(w->asked, "\r\nUser-Agent: pipepoll/" PIPEPOLL_VERSION "\r\nX-One: 1\r\n");
    check_says(w->asked, "\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
}

static void a_url_without_a_path_means_its_root(void **state)
{
    struct world *w = *state;
    open_to(w, "?token", NULL);
    say(w, (str)SERVER_OK("0", "", ""), SERVER_KEEP);
    struct http_call *c = begin(w, 0);
    c->method = STR("GET");
    run(w, c);
    check_says(w->asked, "GET /?token HTTP/1.1\r\n");
    assert_null(strstr(w->asked, "Content-Length"));
}

static void a_connection_is_used_again(void **state)
{
    struct world *w = *state;
    open_to(w, "/", NULL);
    say(w, (str)SERVER_OK("2", "", "ok"), SERVER_KEEP);
    for (unsigned i = 0; i < 3; i++)
        run(w, begin(w, i % 2));
    assert_int_equal(w->server.requests, 3);
    assert_int_equal(w->server.connections, 1);
}

static void no_more_connections_than_allowed(void **state)
{
    struct world *w = *state;
    const struct http_client_options o = { .max_connections = 2 };
    open_to(w, "/", &o);
    say(w, (str)SERVER_OK("2", "", "ok"), SERVER_KEEP);
    for (size_t i = 0; i < CALLS; i++)
        http_call_start(begin(w, i));
    await(w, CALLS);
    assert_int_equal(w->server.requests, CALLS);
    assert_int_equal(w->server.connections, 2);
}

static void redirects_are_not_followed(void **state)
{
    struct world *w = *state;
    open_to(w, "/", NULL);
    say(w, STR("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"),
        SERVER_KEEP);
    run(w, begin(w, 0));
    assert_null(w->last.problem);
    assert_int_equal(w->last.status, 302);
    assert_string_equal(w->location, "/elsewhere");
    assert_int_equal(w->server.requests, 1);
}

static void an_interim_answer_is_none(void **state)
{
    struct world *w = *state;
    open_to(w, "/", NULL);
    say(w, STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok"),
        SERVER_KEEP);
    w->reply.piece = 5;
    run(w, begin(w, 0));
    assert_int_equal(w->last.status, 202);
    assert_string_equal(w->answer, "ok");
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    static const struct {
        const char *value;
        uint64_t least_ms, most_ms;
    } rows[] = { { "7", 7000, 7000 },
                 { "", 0, 0 },
                 { "soon", 0, 0 },
                 { "-3", 0, 0 },
                 { "99999999999999999999", 0, 0 },
                 { "Sun, 06 Nov 1994 08:49:37 GMT", 0, 0 } };
    struct world *w = *state;
    open_to(w, "/", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "HTTP/1.1 503 No\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", rows[i].value);
        say(w, str_of(text), SERVER_KEEP);
        run(w, begin(w, 0));
        assert_int_equal(w->last.status, 503);
        assert_true(w->last.retry_after_ms >= rows[i].least_ms);
        assert_true(w->last.retry_after_ms <= rows[i].most_ms);
    }
}

static void retry_after_a_date_to_come(void **state)
{
    struct world *w = *state;
    char text[256], date[64];
    time_t then = time(NULL) + 100;
    struct tm tm;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
    snprintf(text, sizeof text, "HTTP/1.1 429 No\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
             date);
    open_to(w, "/", NULL);
    say(w, str_of(text), SERVER_KEEP);
    run(w, begin(w, 0));
    assert_true(w->last.retry_after_ms > 80000 && w->last.retry_after_ms <= 100000);
}

/* --- what goes wrong --- */

static void a_broken_answer_is_a_problem(void **state)
{
    static const struct {
        str bytes;
        enum server_end end;
        const char *says;
    } rows[] = {
        { STR_INIT(""), SERVER_CLOSE, "ended without an answer" },
        { STR_INIT(""), SERVER_RESET, "" },
        { STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), SERVER_CLOSE,
          "in the middle of the answer" },
        { STR_INIT("SSH-2.0-OpenSSH_9.2\r\n"), SERVER_KEEP, "" },
        { STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
          SERVER_KEEP, "" },
        { STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"), SERVER_KEEP,
          "" },
    };
    struct world *w = *state;
    open_to(w, "/", NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        say(w, rows[i].bytes, rows[i].end);
        run(w, begin(w, 0));
        assert_non_null(w->last.problem);
        assert_true(w->problem[0] != '\0');
        check_says(w->problem, rows[i].says);
    }
    assert_int_equal(w->server.requests, sizeof rows / sizeof *rows); /* none was sent twice */
}

static void a_call_has_a_deadline(void **state)
{
    struct world *w = *state;
    open_to(w, "/", NULL);
    say(w, STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), SERVER_HANG);
    struct http_call *c = begin(w, 0);
    c->timeout_ms = SHORT_MS;
    run(w, c);
    assert_non_null(w->last.problem);
}

static void a_call_that_is_stopped_ends_soon(void **state)
{
    struct world *w = *state;
    open_to(w, "/", NULL);
    say(w, STR(""), SERVER_HANG);
    http_call_start(begin(w, 0));
    while (!w->server.requests)
        uv_run(&w->loop, UV_RUN_ONCE);
    http_call_stop(&w->calls[0]);
    assert_int_equal(w->dones, 0);
    await(w, 1);
    assert_non_null(w->last.problem);
    http_call_stop(&w->calls[0]); /* fine */
}

static void an_answer_is_bounded(void **state)
{
    enum { HEAD = 64, BODY = HTTP_CLIENT_ANSWER_MAX + 1, HUGE_BODY = TRANSFER_ANSWER_MAX + 1 };
    static const size_t sizes[] = { BODY, HUGE_BODY };
    struct world *w = *state;
    char *text = malloc(HEAD + HUGE_BODY);
    open_to(w, "/", NULL);
    for (size_t i = 0; i < 2; i++) {
        int head = snprintf(text, HEAD, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizes[i]);
        memset(text + head, 'x', sizes[i]);
        say(w, (str) { text, (size_t)head + sizes[i] }, SERVER_KEEP);
        run(w, begin(w, 0));
        assert_true(w->last.is_too_long);
        assert_int_equal(w->last.status, 200);
        check_says(w->problem, "longer than 256 KiB");
    }
    free(text);
}

static void nobody_there_is_a_problem(void **state)
{
    struct world *w = *state;
    const struct http_client_options o = { .url = "http://127.0.0.1:1/" };
    assert_int_equal(http_client_open(&w->client, &w->loop, &o, NULL), 0);
    assert_int_equal(http_call_init(&w->calls[0], w->client), 0);
    run(w, begin(w, 0));
    assert_int_equal(w->last.status, 0);
    check_says(w->problem, "127.0.0.1");
}

static void what_cannot_be_sent_is_told_from_the_loop(void **state)
{
    struct world *w = *state;
    char *large = calloc(1, HTTP_CLIENT_BODY_MAX + 1);
    open_to(w, "/", NULL);
    struct http_call *c = begin(w, 0);
    http_call_put_header(c, "X-One", STR("1\r\nX-Two: 2"));
    run(w, c);
    check_says(w->problem, "control characters");
    c = begin(w, 0);
    c->target = STR("/a b");
    run(w, c);
    check_says(w->problem, "no URL may have");
    c = begin(w, 0);
    c->body = (str) { large, HTTP_CLIENT_BODY_MAX + 1 };
    run(w, c);
    check_says(w->problem, "longer than 256 KiB");
    assert_true(w->last.is_unsendable);
    assert_int_equal(w->server.connections, 0);
    free(large);
}

static void a_url_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = { "",
                                       "ftp://host/",
                                       "host/path",
                                       "http://",
                                       "http:///path",
                                       "https://user:" CANARY "@host/",
                                       "http://host/#there",
                                       "http://host/a b",
                                       "http://[::1/" };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct http_client_options o = { .url = bad[i] };
        struct pipepoll_error why;
        assert_int_equal(http_client_open(&w->client, &w->loop, &o, &why), PIPEPOLL_EINVAL);
        assert_null(strstr(why.text, CANARY));
        assert_null(w->client);
    }
    w->closeds = 1;
}

/* --- TLS --- */

/* The system's would take long to read, and say the same. */
static void put_another_root(const char *path)
{
    tls_server_free(tls_server_new(path));
}

static void tls_is_verified_by_the_bundle_of_the_options(void **state)
{
    struct world *w = *state;
    char path[] = "/tmp/pipepoll-test-XXXXXX";
    close(mkstemp(path));
    server_use_tls(&w->server, path);
    say(w, (str)SERVER_OK("2", "", "ok"), SERVER_KEEP);
    open_to(w, "/", &(struct http_client_options) { .ca_bundle = path });
    run(w, begin(w, 0));
    assert_null(w->last.problem);
    assert_string_equal(w->answer, "ok");
    unlink(path);
}

static void a_server_that_nobody_vouches_for_is_not_told_anything(void **state)
{
    struct world *w = *state;
    char path[] = "/tmp/pipepoll-test-XXXXXX";
    close(mkstemp(path));
    server_use_tls(&w->server, path);
    put_another_root(path);
    open_to(w, "/", &(struct http_client_options) { .ca_bundle = path });
    unlink(path);
    run(w, begin(w, 0));
    assert_non_null(w->last.problem);
    assert_int_equal(w->server.requests, 0);
}

static void a_bundle_that_is_not_there_is_named(void **state)
{
    struct world *w = *state;
    const struct http_client_options o = { .url = "https://localhost/", .ca_bundle = "/nowhere" };
    struct pipepoll_error why;
    assert_int_equal(http_client_open(&w->client, &w->loop, &o, &why), PIPEPOLL_ESYSTEM);
    check_says(why.text, "/nowhere");
    w->closeds = 1;
}

static void a_proxy_of_the_environment_is_used(void **state)
{
    static const char *const proxies[] = { "http://127.0.0.1:1", "https://127.0.0.1:1" };
    struct world *w = *state;
    char path[] = "/tmp/pipepoll-test-XXXXXX";
    close(mkstemp(path));
    put_another_root(path);
    for (size_t i = 0; i < 2; i++) {
        setenv("http_proxy", proxies[i], 1);
        open_to(w, "/", &(struct http_client_options) { .ca_bundle = path });
        unsetenv("http_proxy");
        run(w, begin(w, 0));
        check_says(w->problem, proxies[i]);
        end_calls(w);
    }
    unlink(path);
    w->closeds--; /* the first one's is to come as well, before the loop ends */
    assert_int_equal(w->server.connections, 0);
}

/* --- the end --- */

static void a_client_may_be_closed_in_on_done(void **state)
{
    struct world *w = *state;
    open_to(w, "/", NULL);
    say(w, (str)SERVER_OK("2", "", "ok"), SERVER_KEEP);
    w->closes_at_done = true;
    run(w, begin(w, 0));
    assert_null(w->client);
}

static bool holds(const void *at, size_t size)
{
    return memmem(at, size, CANARY, sizeof CANARY - 1);
}

static void what_was_sent_is_forgotten(void **state)
{
    struct world *w = *state;
    open_to(w, "/", NULL);
    say(w, (str)SERVER_OK("13", "", CANARY), SERVER_KEEP);
    struct http_call *c = begin(w, 0);
    http_call_put_header(c, "Authorization", STR("Bearer " CANARY));
    run(w, c);
    assert_string_equal(w->answer, CANARY);
    assert_true(holds(c, sizeof *c));
    http_call_begin(c);
    assert_false(holds(c, sizeof *c));
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_post_has_its_headers_and_body),
        ROW(a_url_without_a_path_means_its_root),
        ROW(a_connection_is_used_again),
        ROW(no_more_connections_than_allowed),
        ROW(redirects_are_not_followed),
        ROW(an_interim_answer_is_none),
        ROW(retry_after_is_seconds_or_a_date),
        ROW(retry_after_a_date_to_come),
        ROW(a_broken_answer_is_a_problem),
        ROW(a_call_has_a_deadline),
        ROW(a_call_that_is_stopped_ends_soon),
        ROW(an_answer_is_bounded),
        ROW(nobody_there_is_a_problem),
        ROW(what_cannot_be_sent_is_told_from_the_loop),
        ROW(a_url_that_is_none_is_refused),
        ROW(tls_is_verified_by_the_bundle_of_the_options),
        ROW(a_server_that_nobody_vouches_for_is_not_told_anything),
        ROW(a_bundle_that_is_not_there_is_named),
        ROW(a_proxy_of_the_environment_is_used),
        ROW(a_client_may_be_closed_in_on_done),
        ROW(what_was_sent_is_forgotten),
    };
    alone();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

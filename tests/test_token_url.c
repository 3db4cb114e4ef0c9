/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>

#include <uv.h>

#include "base/buf.h"
#include "handler/token_source.h"
#include "lib/alone.h"
#include "lib/check.h"
#include "lib/program_file.h"
#include "lib/server.h"
#include "lib/token_answer.h"

enum { LONG_MS = 20000, SHORT_MS = 200 };

#define TOKEN  "canary-token-0123456789"
#define BEARER "canary-bearer-0123456789"

struct world {
    uv_loop_t loop;
    struct server server;
    struct server_reply reply;
    char asked[4096], url[200];
    bool echoes; /* the token is the last part of the path */
    char echo[1024];
    struct token_source *source;
    struct token_source_options options;
    unsigned closeds;
};

static struct server_reply echo(struct world *w, str head)
{
    const char *path = memchr(head.ptr, '/', head.len);
    size_t len = strcspn(path, " ");
    snprintf(w->echo, sizeof w->echo, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%.*s",
             len - strlen("/token/"), (int)(len - strlen("/token/")), path + strlen("/token/"));
    return (struct server_reply) { .bytes = str_of(w->echo) };
}

static struct server_reply answer(struct server *s, const struct server_request *rq)
{
    struct world *w = s->ctx;
    snprintf(w->asked, sizeof w->asked, "%.*s", STR_ARG(rq->head));
    return w->echoes ? echo(w, rq->head) : w->reply;
}

static void on_closed(void *ctx)
{
    struct world *w = ctx;
    w->closeds++;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&w->loop);
    server_open(&w->server, &w->loop, answer, w);
    snprintf(w->url, sizeof w->url, "%stoken/{clientId}", w->server.url);
    w->options.url = w->url;
    w->options.timeout_ms = LONG_MS;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->source)
        token_source_close(w->source, on_closed, w);
    server_close(&w->server);
    while (uv_run(&w->loop, UV_RUN_DEFAULT)) {
    }
    assert_int_equal(w->closeds, 1);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    return 0;
}

static void open_source(struct world *w)
{
    struct pipepoll_error why;
    if (token_source_open(&w->source, &w->loop, &w->options, &why))
        fail_msg("%s", why.text);
}

/* Kept until the next one. */
static void say(struct world *w, const char *status, const char *body)
{
    static char text[2048];
    snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status,
             strlen(body), body);
    w->reply = (struct server_reply) { .bytes = str_of(text) };
}

static void ask(struct world *w, struct answer *a, const char *client_id, bool refresh)
{
    a->lookup.on_done = on_done;
    token_source_get(w->source, &a->lookup, str_of(client_id), refresh);
}

/* Not by UV_RUN_ONCE, which would wait for more after a timer. */
static void await(struct world *w, const struct answer *a)
{
    while (!a->count)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_int_equal(a->count, 1);
    if (strstr(a->why, "canary"))
        fail_msg("a secret is told: %s", a->why);
}

static struct answer get(struct world *w, const char *client_id, bool refresh)
{
    struct answer a = { 0 };
    ask(w, &a, client_id, refresh);
    await(w, &a);
    return a;
}

static void check_found(struct world *w, const char *client_id, const char *token)
{
    struct answer a = get(w, client_id, false);
    if (a.found != TOKEN_FOUND)
        fail_msg("%d: %s", a.found, a.why);
    assert_string_equal(a.token, token);
}

static void check_unavailable(struct world *w, const char *says)
{
    struct answer a = get(w, "client", false);
    assert_int_equal(a.found, TOKEN_UNAVAILABLE);
    assert_string_equal(a.token, "");
    if (!strstr(a.why, says))
        fail_msg("\"%s\" does not say \"%s\"", a.why, says);
}

static void check_asked(const struct world *w, const char *text)
{
    if (!strstr(w->asked, text))
        fail_msg("\"%s\" is not in %s", text, w->asked);
}

static void a_token_comes_as_text_or_json(void **state)
{
    struct world *w = *state;
    open_source(w);
    say(w, "200 OK", "  " TOKEN "\r\n");
    check_found(w, "text", TOKEN);
    check_asked(w, "GET /token/text HTTP/1.1\r\nHost: 127.0.0.1:");
    assert_null(strstr(w->asked, "Authorization"));
    say(w, "200 OK", "\n{\"other\": [1], \"clientToken\": \"canary-\\u0041\"}");
    check_found(w, "json", "canary-A");
}

static void a_client_id_is_percent_encoded(void **state)
{
    struct world *w = *state;
    w->echoes = true;
    open_source(w);
    check_found(w, "a/../b?c=d&e#f%41\xc3\xa9", "a%2F..%2Fb%3Fc%3Dd%26e%23f%2541%C3%A9");
    check_asked(w, "GET /token/a%2F..%2Fb%3Fc%3Dd%26e%23f%2541%C3%A9 HTTP/1.1\r\n");
}

static void a_client_id_may_stand_in_the_query(void **state)
{
    struct world *w = *state;
    snprintf(w->url, sizeof w->url, "%s?a={clientId}&b={clientId}", w->server.url);
    open_source(w);
    say(w, "200 OK", TOKEN);
    check_found(w, "x&y", TOKEN);
    check_asked(w, "GET /?a=x%26y&b=x%26y HTTP/1.1\r\n");
}

static void what_is_no_client_id_is_not_asked_for(void **state)
{
    static const char *const none[] = { "", ".", "..", "a b", "a\nb", "-x" };
    struct world *w = *state;
    open_source(w);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(get(w, none[i], false).found, TOKEN_UNKNOWN);
    assert_int_equal(w->server.requests, 0);
}

static void what_is_known_is_not_asked_again(void **state)
{
    struct world *w = *state;
    open_source(w);
    say(w, "200 OK", TOKEN);
    check_found(w, "a", TOKEN);
    say(w, "200 OK", "canary-other");
    check_found(w, "a", TOKEN);
    assert_int_equal(w->server.requests, 1);
    assert_string_equal(get(w, "a", true).token, "canary-other");
    assert_int_equal(w->server.requests, 2);
    assert_int_equal(w->server.connections, 1);
}

static void an_unknown_client_id_is_remembered(void **state)
{
    struct world *w = *state;
    open_source(w);
    say(w, "404 Not Found", "<html>");
    assert_int_equal(get(w, "a", false).found, TOKEN_UNKNOWN);
    assert_int_equal(get(w, "a", false).found, TOKEN_UNKNOWN);
    assert_int_equal(w->server.requests, 1);
    say(w, "200 OK", TOKEN);
    assert_int_equal(get(w, "a", true).found, TOKEN_FOUND);
}

static void all_else_is_unavailable_and_not_remembered(void **state)
{
    static const struct {
        const char *status, *body, *says;
    } rows[] = { { "500 Oh", TOKEN, "it answered 500" },
                 { "401 No", TOKEN, "it answered 401" },
                 { "302 Found\r\nLocation: /" TOKEN, "", "it answered 302" },
                 { "204 None", "", "it answered 204" },
                 { "200 OK", "", "something that is no token" },
                 { "200 OK", TOKEN " " TOKEN, "something that is no token" },
                 { "200 OK", "{\"token\": \"" TOKEN "\"}", "something that is no token" },
                 { "200 OK", "{\"clientToken\": 7}", "something that is no token" },
                 { "200 OK", "{\"clientToken\": \"" TOKEN "\\n\"}", "something that is no token" },
                 { "200 OK", "{\"clientToken\": \"" TOKEN, "something that is no token" } };
    struct world *w = *state;
    open_source(w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        say(w, rows[i].status, rows[i].body);
        check_unavailable(w, rows[i].says);
    }
    assert_int_equal(w->server.requests, sizeof rows / sizeof *rows);
    say(w, "200 OK", TOKEN);
    check_found(w, "client", TOKEN);
}

static void broken_answers_are_unavailable(void **state)
{
    struct world *w = *state;
    w->options.timeout_ms = SHORT_MS;
    open_source(w);
    w->reply = (struct server_reply) { .bytes = STR(TOKEN "\r\n"), .end = SERVER_CLOSE };
    check_unavailable(w, "127.0.0.1");
    w->reply = (struct server_reply) { .bytes = STR(""), .end = SERVER_RESET };
    check_unavailable(w, "127.0.0.1");
    w->reply = (struct server_reply) { .bytes = STR("HTTP/1.1 200 OK\r\n"), .end = SERVER_HANG };
    check_unavailable(w, "127.0.0.1");
    assert_int_equal(w->server.requests, 3);
}

static void a_long_client_id_does_not_fit_the_url(void **state)
{
    char id[256];
    struct world *w = *state;
    struct answer a = { 0 };
    memset(id, '/', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    snprintf(w->url, sizeof w->url, "%s", w->server.url);
    for (int i = 0; i < 8; i++)
        strcat(w->url, "{clientId}");
    open_source(w);
    ask(w, &a, id, false);
    await(w, &a);
    assert_int_equal(a.found, TOKEN_UNAVAILABLE);
    assert_int_equal(w->server.requests, 0);
}

static void a_bearer_token_is_read_for_each_get(void **state)
{
    struct world *w = *state;
    w->options.bearer_file = program_write("bearer", BEARER "\n");
    open_source(w);
    say(w, "200 OK", TOKEN);
    check_found(w, "a", TOKEN);
    check_asked(w, "\r\nAuthorization: Bearer " BEARER "\r\n");
    program_write("bearer", "another");
    check_found(w, "b", TOKEN);
    check_asked(w, "\r\nAuthorization: Bearer another\r\n");
    program_write("bearer", "\n");
    check_unavailable(w, "/bearer holds no bearer token");
    program_write("bearer", BEARER "\r\nX-More: 1");
    check_unavailable(w, "control characters");
    unlink(program_path("bearer"));
    check_unavailable(w, "/bearer: ");
    assert_int_equal(w->server.requests, 2);
}

static void no_more_gets_at_once_than_allowed(void **state)
{
    static const char *const ids[] = { "a", "b", "c", "d", "d" };
    struct world *w = *state;
    struct answer a[5] = { 0 };
    w->options.max_runs = 2;
    w->options.timeout_ms = SHORT_MS;
    open_source(w);
    w->reply = (struct server_reply) { .bytes = STR(""), .end = SERVER_HANG };
    for (size_t i = 0; i < 2; i++)
        ask(w, &a[i], ids[i], false);
    await(w, &a[1]);
    assert_int_equal(w->server.requests, 2);
    for (size_t i = 2; i < 5; i++)
        ask(w, &a[i], ids[i], false);
    await(w, &a[4]);
    assert_int_equal(a[3].count, 1);
    assert_int_equal(w->server.requests, 4); /* the last two were one question */
}

static void a_get_that_ends_makes_room_for_one(void **state)
{
    static const char *const ids[] = { "a", "b", "c", "d" };
    struct world *w = *state;
    struct answer a[4] = { 0 };
    w->options.max_runs = 1;
    w->options.timeout_ms = SHORT_MS;
    open_source(w);
    w->reply = (struct server_reply) { .bytes = STR(""), .end = SERVER_HANG };
    for (size_t i = 0; i < 4; i++)
        ask(w, &a[i], ids[i], false);
    for (unsigned i = 0; i < 4; i++) {
        await(w, &a[i]);
        assert_int_equal(w->server.requests, i + 1);
    }
}

static void a_close_forgets_who_waits(void **state)
{
    struct world *w = *state;
    struct answer a[3] = { 0 };
    w->options.max_runs = 2;
    open_source(w);
    w->reply = (struct server_reply) { .bytes = STR(""), .end = SERVER_HANG };
    for (size_t i = 0; i < 3; i++)
        ask(w, &a[i], (const char *[]) { "a", "b", "c" }[i], false);
    while (w->server.requests < 2)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    token_source_close(w->source, on_closed, w);
    w->source = NULL;
    while (!w->closeds)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_int_equal(a[0].count + a[1].count + a[2].count, 0);
}

static void a_close_does_not_wait_for_the_file(void **state)
{
    struct world *w = *state;
    struct answer a = { 0 };
    w->options.bearer_file = program_write("bearer", BEARER);
    open_source(w);
    ask(w, &a, "a", false);
    token_source_close(w->source, on_closed, w);
    w->source = NULL;
    while (!w->closeds)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_int_equal(a.count, 0);
}

static void a_url_needs_a_place_for_the_client_id(void **state)
{
    static const char *const bad[] = { "http://host.example/", "http://{clientId}.example/",
                                       "host.example/{clientId}" };
    struct world *w = *state;
    struct pipepoll_error why;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        w->options.url = bad[i];
        assert_int_equal(token_source_open(&w->source, &w->loop, &w->options, &why),
                         PIPEPOLL_EINVAL);
        assert_non_null(strstr(why.text, "URL"));
        assert_null(w->source);
    }
    w->options.url = w->url;
    w->options.file = "x";
    assert_int_equal(token_source_open(&w->source, &w->loop, &w->options, &why), PIPEPOLL_EINVAL);
    w->closeds = 1;
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_token_comes_as_text_or_json),
        ROW(a_client_id_is_percent_encoded),
        ROW(a_client_id_may_stand_in_the_query),
        ROW(what_is_no_client_id_is_not_asked_for),
        ROW(what_is_known_is_not_asked_again),
        ROW(an_unknown_client_id_is_remembered),
        ROW(all_else_is_unavailable_and_not_remembered),
        ROW(broken_answers_are_unavailable),
        ROW(a_long_client_id_does_not_fit_the_url),
        ROW(a_bearer_token_is_read_for_each_get),
        ROW(no_more_gets_at_once_than_allowed),
        ROW(a_get_that_ends_makes_room_for_one),
        ROW(a_close_forgets_who_waits),
        ROW(a_close_does_not_wait_for_the_file),
        ROW(a_url_needs_a_place_for_the_client_id),
    };
    alone();
    return cmocka_run_group_tests(tests, program_folder_make, program_folder_remove);
}

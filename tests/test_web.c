/* SPDX-License-Identifier: MIT */
/* What the web module answers of a status that is made up: to whom, by which paths, in which words,
 * and how often it makes what it answers with. The clients are plain sockets, and the loop turns
 * between their reads; the second of the events passes when a test says so. */
#include "daemon/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <uv.h>

#include "base/buf.h"
#include "base/socket_address.h"
#include "config/http_token.h"
#include "daemon/web_bodies.h"
#include "lib/check.h"
#include "lib/status_world.h"
#include "status/metrics.h"
#include "status/page.h"
#include "status/status_json.h"

#define SECRET       "canary-0123456789abcdef"
#define OTHER_SECRET "canary-fedcba9876543210"

enum { LIMIT_MS = 20000, PROVIDERS = 4, REGIONS = 3, ANSWER_MAX = 1 << 20 };

struct world {
    uv_loop_t loop;
    uv_timer_t limit;
    struct web *web;
    struct status status;
    unsigned asked; /* for the status */
    struct socket_address address;
    bool closed;
    char answer[ANSWER_MAX]; /* of the last question, with its head */
    int code;
    str body;
};

/* --- what is counted, and the second ---------------------------------------------------------- */

static struct made {
    unsigned metrics, events, pages, json;
} made;

char *__real_metrics_text(const struct status *s, enum metrics_format format, size_t *len);
char *__wrap_metrics_text(const struct status *s, enum metrics_format format, size_t *len);
char *__real_page_event(const struct status *s, str query, size_t *len);
char *__wrap_page_event(const struct status *s, str query, size_t *len);
char *__real_page_html(const struct status *s, str query, size_t *len);
char *__wrap_page_html(const struct status *s, str query, size_t *len);
char *__real_status_json(const struct status *s, size_t *len);
char *__wrap_status_json(const struct status *s, size_t *len);

char *__wrap_metrics_text(const struct status *s, enum metrics_format format, size_t *len)
{
    made.metrics++;
    return __real_metrics_text(s, format, len);
}

char *__wrap_page_event(const struct status *s, str query, size_t *len)
{
    made.events++;
    return __real_page_event(s, query, len);
}

char *__wrap_page_html(const struct status *s, str query, size_t *len)
{
    made.pages++;
    return __real_page_html(s, query, len);
}

char *__wrap_status_json(const struct status *s, size_t *len)
{
    made.json++;
    return __real_status_json(s, len);
}

static unsigned made_in_all(void)
{
    return made.metrics + made.events + made.pages + made.json;
}

static uv_timer_t *second;
static uv_timer_cb on_second;

int __real_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t ms, uint64_t repeat_ms);
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t ms, uint64_t repeat_ms);

/* What repeats is the second, which passes when second_passes(). */
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t ms, uint64_t repeat_ms)
{
    if (!repeat_ms)
        return __real_uv_timer_start(timer, cb, ms, 0);
    second = timer;
    on_second = cb;
    return 0;
}

static void second_passes(void)
{
    on_second(second);
}

/* --- the world -------------------------------------------------------------------------------- */

static void on_limit(uv_timer_t *timer)
{
    fail_msg("nothing happened for %d ms", LIMIT_MS);
}

static const struct status *on_status(void *ctx)
{
    struct world *w = ctx;
    w->asked++;
    return &w->status;
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed = true;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->limit);
    uv_timer_start(&w->limit, on_limit, LIMIT_MS, 0);
    status_world_fill(&w->status, PROVIDERS, REGIONS, 0);
    made = (struct made) { 0 };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->web)
        web_close(w->web, on_closed, w);
    uv_close((uv_handle_t *)&w->limit, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_true(w->closed || !w->web);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    status_deinit(&w->status);
    free(w);
    return 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

static void open_web(struct world *w, const struct http_config *config)
{
    const struct web_options o = {
        .loop = &w->loop, .config = config, .status = on_status, .ctx = w
    };
    struct pipepoll_error why;
    assert_int_equal(web_open(&w->web, &o, &why), PIPEPOLL_OK);
    str url = str_of(web_url(w->web));
    assert_true(str_starts(url, STR("http://")));
    assert_true(socket_address_read(&w->address, str_skip(url, STR("http://").len)));
}

static struct world *opened(void **state)
{
    static char listen[] = "127.0.0.1:0";
    struct world *w = *state;
    open_web(w, &(struct http_config) { .listen = listen, .is_local = true });
    return w;
}

/* A connection on which that was sent. */
static int say(struct world *w, const char *request)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &w->address.at.any, w->address.len), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    return fd;
}

/* All that comes, to the end of the stream. */
static void hear_all(struct world *w, int fd)
{
    size_t len = 0;
    ssize_t n;
    while ((n = recv(fd, w->answer + len, ANSWER_MAX - len - 1, MSG_DONTWAIT)) != 0) {
        len += n > 0 ? (size_t)n : 0;
        assert_true(len < ANSWER_MAX - 1);
        assert_true(n > 0 || errno == EAGAIN);
        uv_run(&w->loop, UV_RUN_NOWAIT);
    }
    close(fd);
    w->answer[len] = '\0';
}

/* Turn the loop until so many bytes of this kind have come. */
static void hear_some(struct world *w, int fd, const char *text, unsigned count)
{
    size_t len = 0;
    for (unsigned found = 0; found < count; uv_run(&w->loop, UV_RUN_NOWAIT)) {
        ssize_t n = recv(fd, w->answer + len, ANSWER_MAX - len - 1, MSG_DONTWAIT);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        len += n > 0 ? (size_t)n : 0;
        w->answer[len] = '\0';
        found = 0;
        for (const char *at = w->answer; (at = strstr(at, text)); at++)
            found++;
    }
}

static void ask(struct world *w, const char *method, const char *path, const char *headers)
{
    char request[1024];
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\n%sConnection: close\r\n\r\n", method, path,
             headers);
    hear_all(w, say(w, request));
    const char *body = strstr(w->answer, "\r\n\r\n");
    assert_non_null(body);
    w->code = atoi(w->answer + 9);
    w->body = str_of(body + 4);
}

static void get(struct world *w, const char *path)
{
    ask(w, "GET", path, "Host: 127.0.0.1\r\n");
}

static bool has(const struct world *w, const char *text)
{
    return strstr(w->answer, text);
}

/* --- what it answers ------------------------------------------------------------------------- */

static void it_is_alive_while_its_loops_turn(void **state)
{
    struct world *w = opened(state);
    get(w, "/healthz");
    assert_int_equal(w->code, 200);
    assert_str_equal(w->body, "ok\n");
    w->status.loops[1].silent_ms = STATUS_HANGS_MS + 1000;
    get(w, "/healthz");
    assert_int_equal(w->code, 503);
    assert_true(str_starts(w->body, STR("loop 1 ")));
}

static void it_is_ready_while_it_polls_and_says_why_it_is_not(void **state)
{
    struct world *w = opened(state);
    get(w, "/readyz");
    assert_int_equal(w->code, 200);
    assert_true(has(w, "failing: denied: profile team-a"));
    memset(w->status.states, 0, sizeof w->status.states);
    w->status.states[STATUS_FAILING] = 12;
    get(w, "/readyz");
    assert_int_equal(w->code, 503);
    assert_true(has(w, "none of 12 targets is polled"));
    w->status.phase = STATUS_STARTING;
    get(w, "/readyz");
    assert_int_equal(w->code, 503);
    w->status.phase = STATUS_ENDING;
    get(w, "/readyz");
    assert_int_equal(w->code, 503);
    assert_true(has(w, "ending: "));
    get(w, "/healthz");
    assert_int_equal(w->code, 200);
}

static void each_path_has_its_type(void **state)
{
    static const char *const paths[][3] = {
        { "/", "text/html; charset=utf-8", "<!DOCTYPE html>" },
        { "/?region=us-east-1", "text/html; charset=utf-8", "<!DOCTYPE html>" },
        { "/metrics", "text/plain; version=0.0.4", "# TYPE pipepoll_polls_total counter" },
        { "/status.json", "application/json", "{\"format\":1," },
        { "/healthz", "text/plain; charset=utf-8", "ok\n" },
    };
    struct world *w = opened(state);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char type[128];
        get(w, paths[i][0]);
        assert_int_equal(w->code, 200);
        snprintf(type, sizeof type, "Content-Type: %s", paths[i][1]);
        assert_true(has(w, type));
        assert_non_null(memmem(w->body.ptr, w->body.len, paths[i][2], strlen(paths[i][2])));
        assert_true(has(w, "Cache-Control: no-store\r\n"));
        assert_true(has(w, "Content-Security-Policy: default-src 'none'"));
        ask(w, "HEAD", paths[i][0], "Host: localhost\r\n");
        assert_int_equal(w->code, 200);
        assert_int_equal(w->body.len, 0);
    }
}

static void what_is_not_there_and_what_may_not_be_done_is_told(void **state)
{
    struct world *w = opened(state);
    get(w, "/metrics/");
    assert_int_equal(w->code, 404);
    assert_true(has(w, "there are /, /metrics, "));
    ask(w, "POST", "/metrics", "Host: localhost\r\nContent-Length: 0\r\n");
    assert_int_equal(w->code, 405);
    assert_true(has(w, "Allow: GET, HEAD\r\n"));
    assert_int_equal(w->asked, 0);
}

/* --- who may ask ----------------------------------------------------------------------------- */

static void only_names_of_this_machine_are_answered(void **state)
{
    static const char *const refused[] = { "", "Host: evil.example\r\n", "Host: 128.0.0.1\r\n",
                                           "Host: 127.0.0.1.evil.example\r\n",
                                           "Host: localhost.evil.example\r\n" };
    static const char *const taken[] = { "Host: 127.0.0.1:80\r\n", "Host: LOCALHOST\r\n",
                                         "Host: [::1]:9464\r\n", "Host: 127.9.9.9\r\n" };
    struct world *w = opened(state);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        ask(w, "GET", "/healthz", refused[i]);
        assert_int_equal(w->code, *refused[i] ? 403 : 400);
    }
    assert_int_equal(w->asked, 0);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        ask(w, "GET", "/healthz", taken[i]);
        assert_int_equal(w->code, 200);
    }
}

static struct http_token token_of(const char *secret)
{
    struct http_token token = { .len = strlen(secret) };
    memcpy(token.bytes, secret, token.len);
    return token;
}

static void ask_with(struct world *w, const char *authorization)
{
    char headers[256];
    snprintf(headers, sizeof headers, "Host: far.example\r\nAuthorization: %s\r\n", authorization);
    ask(w, "GET", "/status.json", headers);
}

static struct world *opened_with_token(void **state)
{
    static char listen[] = "127.0.0.1:0"; /* as if it were every address */
    struct http_token token = token_of(SECRET);
    open_web(*state, &(struct http_config) { .listen = listen, .token = &token });
    return *state;
}

static void who_is_elsewhere_needs_the_secret(void **state)
{
    static const char *const wrong[] = {
        "", "Bearer", "Bearer " SECRET "x", "Bearer canary-01", ("Basic " SECRET), SECRET
    };
    struct world *w = opened_with_token(state);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ask_with(w, wrong[i]);
        assert_int_equal(w->code, 401);
        assert_true(has(w, "WWW-Authenticate: Bearer "));
        assert_false(has(w, SECRET));
    }
    assert_int_equal(w->asked, 0);
    ask_with(w, "Bearer " SECRET);
    assert_int_equal(w->code, 200);
    assert_false(has(w, SECRET));
}

static void another_secret_takes_the_place_of_the_one_before(void **state)
{
    struct world *w = opened_with_token(state);
    struct http_token same = token_of(SECRET), other = token_of(OTHER_SECRET);
    int stream = say(w, "GET /events HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                        "Authorization: Bearer " SECRET "\r\n\r\n");
    hear_some(w, stream, "data: {", 1);
    assert_false(web_set_token(w->web, &same));
    ask_with(w, "Bearer " SECRET);
    assert_int_equal(w->code, 200);
    assert_true(web_set_token(w->web, &other));
    hear_all(w, stream);
    assert_string_equal(w->answer + strlen(w->answer) - 5, "0\r\n\r\n"); /* the last chunk */
    ask_with(w, "Bearer " SECRET);
    assert_int_equal(w->code, 401);
    ask_with(w, "Bearer " OTHER_SECRET);
    assert_int_equal(w->code, 200);
}

static void where_none_was_needed_none_is(void **state)
{
    struct http_token token = token_of(SECRET);
    struct world *w = opened(state);
    assert_false(web_set_token(w->web, &token));
    get(w, "/healthz");
    assert_int_equal(w->code, 200);
}

/* --- how often it makes what it answers with -------------------------------------------------- */

static void each_body_is_made_once_of_a_status(void **state)
{
    struct world *w = opened(state);
    for (int i = 0; i < 3; i++) {
        get(w, "/metrics");
        get(w, "/status.json");
        get(w, "/");
        get(w, "/?region=us-east-1");
        ask(w, "HEAD", "/metrics", "Host: localhost\r\n");
        ask(w, "GET", "/metrics", "Host: localhost\r\nAccept: application/openmetrics-text\r\n");
        assert_true(has(w, "# EOF\n"));
    }
    assert_int_equal(made.metrics, 2); /* each format */
    assert_int_equal(made.json, 1);
    assert_int_equal(made.pages, 2); /* each query */
    w->status.serial++;
    w->status.targets[0].jobs = 4711;
    get(w, "/status.json");
    assert_true(has(w, "4711"));
    assert_int_equal(made.json, 2);
    assert_int_equal(made.metrics, 2);
}

static void ever_new_questions_are_answered_and_not_kept(void **state)
{
    struct world *w = opened(state);
    char path[32];
    for (int i = 0; i < 3 * WEB_BODIES_MAX; i++) {
        snprintf(path, sizeof path, "/?%d", i);
        get(w, path);
        assert_int_equal(w->code, 200);
    }
    assert_int_equal(made.pages, 3 * WEB_BODIES_MAX);
    get(w, "/?0");
    assert_int_equal(made.pages, 3 * WEB_BODIES_MAX);
    get(w, path);
    assert_int_equal(made.pages, 3 * WEB_BODIES_MAX + 1);
}

static void listeners_share_an_event_and_without_them_none_is_made(void **state)
{
    static const char all[] = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const char some[] = "GET /events?region=us-east-1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct world *w = opened(state);
    int a = say(w, all), b = say(w, all), c = say(w, some);
    hear_some(w, a, "data: {", 1);
    hear_some(w, b, "data: {", 1);
    hear_some(w, c, "data: {", 1);
    assert_int_equal(made.events, 2);
    for (unsigned i = 1; i <= 5; i++) {
        w->status.serial++;
        second_passes();
        hear_some(w, a, "data: {", 1);
        hear_some(w, b, "data: {", 1);
        hear_some(w, c, "data: {", 1);
        assert_int_equal(made.events, 2 + 2 * i);
    }
    close(a);
    close(b);
    close(c);
    do { /* until it has noticed */
        w->asked = 0;
        second_passes();
        for (int i = 0; i < 10; i++)
            uv_run(&w->loop, UV_RUN_NOWAIT);
    } while (w->asked);
    unsigned before = made_in_all();
    for (int i = 0; i < 5; i++) {
        w->status.serial++;
        second_passes();
    }
    assert_int_equal(made_in_all(), before);
    assert_int_equal(w->asked, 0);
}

static void what_nobody_asks_for_any_more_is_forgotten(void **state)
{
    struct world *w = opened(state);
    get(w, "/metrics");
    second_passes();
    get(w, "/metrics");
    assert_int_equal(made.metrics, 1);
    second_passes();
    second_passes();
    get(w, "/metrics");
    assert_int_equal(made.metrics, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_alive_while_its_loops_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_ready_while_it_polls_and_says_why_it_is_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_path_has_its_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_there_and_what_may_not_be_done_is_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_names_of_this_machine_are_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_elsewhere_needs_the_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_secret_takes_the_place_of_the_one_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(where_none_was_needed_none_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_body_is_made_once_of_a_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ever_new_questions_are_answered_and_not_kept, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(listeners_share_an_event_and_without_them_none_is_made,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_asks_for_any_more_is_forgotten, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

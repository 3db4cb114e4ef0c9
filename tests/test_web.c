/* What the web module answers of a status that is made up: to whom, by which paths, and in which
 * words. The clients are plain sockets, and the loop turns between their reads. */
#include "daemon/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "base/buf.h"
#include "base/socket_address.h"
#include "lib/check.h"
#include "lib/status_world.h"

#define SECRET "canary-0123456789abcdef"

enum { LIMIT_MS = 20000, PROVIDERS = 4, REGIONS = 3, ANSWER_MAX = 1 << 20 };

struct world {
    uv_loop_t loop;
    uv_timer_t limit;
    struct web *web;
    struct status status;
    unsigned asked; /* for the status */
    struct socket_address address;
    bool closed;
    char token_file[64];
    char answer[ANSWER_MAX]; /* of the last question, with its head */
    int code;
    str body;
};

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
    if (w->token_file[0])
        unlink(w->token_file);
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

/* The whole answer, to the end of the stream. */
static void hear(struct world *w, int fd)
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
    const char *body = strstr(w->answer, "\r\n\r\n");
    assert_non_null(body);
    w->code = atoi(w->answer + 9);
    w->body = str_of(body + 4);
}

static void ask(struct world *w, const char *method, const char *path, const char *headers)
{
    char request[1024];
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\n%sConnection: close\r\n\r\n", method, path,
             headers);
    hear(w, say(w, request));
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

static void write_token(struct world *w, const char *token)
{
    snprintf(w->token_file, sizeof w->token_file, "/tmp/web_token.XXXXXX");
    int fd = mkstemp(w->token_file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, token, strlen(token)), strlen(token));
    close(fd);
}

static void ask_with(struct world *w, const char *authorization)
{
    char headers[256];
    snprintf(headers, sizeof headers, "Host: far.example\r\nAuthorization: %s\r\n", authorization);
    ask(w, "GET", "/status.json", headers);
}

static void who_is_elsewhere_needs_the_secret(void **state)
{
    static char listen[] = "127.0.0.1:0"; /* as if it were every address */
    static const char *const wrong[] = {
        "", "Bearer", "Bearer " SECRET "x", "Bearer canary-01", "Basic " SECRET, SECRET
    };
    struct world *w = *state;
    write_token(w, SECRET "\n");
    open_web(w, &(struct http_config) { .listen = listen, .token_file = w->token_file });
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

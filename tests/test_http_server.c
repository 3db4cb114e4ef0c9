/* SPDX-License-Identifier: MIT */
#include "http/http_server.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <uv.h>

#include "base/buf.h"
#include "http/http_body.h"
#include "lib/check.h"
#include "lib/watched_memory.h"

enum { LIMIT_MS = 20000, SHORT_MS = 60, BODY_MAX = 262144, CLIENTS = 200 };

struct client {
    uv_tcp_t tcp;
    struct buf got; /* the beginning */
    size_t got_len; /* of all */
    bool is_up, has_ended;
    char room[8192];
};

struct world {
    uv_loop_t loop;
    uv_timer_t limit;
    uv_prepare_t turns;
    struct http_server *server;
    struct http_server_options options;
    unsigned answers, answers_in_turn, most_in_turn, turn_count;
    bool closed, close_in_answer;
    uint32_t close_deadline_ms;
    size_t reply_len;         /* 0: what was asked is echoed */
    struct http_body *shared; /* not NULL: this, instead */
    size_t last_body_len;
};

static void on_limit(uv_timer_t *timer)
{
    fail_msg("nothing happened for %d ms", LIMIT_MS);
}

static void on_turn(uv_prepare_t *turns)
{
    struct world *w = turns->data;
    w->answers_in_turn = 0;
    w->turn_count++;
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed = true;
}

static char *filled(size_t len)
{
    char *bytes = malloc(len);
    assert_non_null(bytes);
    memset(bytes, 'x', len);
    return bytes;
}

static const struct http_header safety[] = { { "X-Content-Type-Options", "nosniff" } };

static void on_answer(void *ctx, const struct http_request *request, struct http_reply *reply)
{
    struct world *w = ctx;
    w->answers++;
    if (++w->answers_in_turn > w->most_in_turn)
        w->most_in_turn = w->answers_in_turn;
    w->last_body_len = request->body.len;
    str asked = http_request_header(request, "x-aSKED");
    reply->status = 200;
    reply->content_type = "text/plain";
    reply->close = str_eq(request->query, STR("close"));
    reply->is_stream = str_eq(request->path, STR("/stream"));
    reply->headers = safety;
    reply->header_count = 1;
    if (w->shared) {
        reply->shared = http_body_ref(w->shared);
    } else if (w->reply_len) {
        reply->body = filled(w->reply_len);
        reply->len = w->reply_len;
    } else {
        str shown = request->body.len < 64 ? request->body : STR("much");
        reply->body = malloc(1024);
        assert_non_null(reply->body);
        reply->len = (size_t)snprintf(reply->body, 1024, "%.*s %.*s ?%.*s [%.*s] {%.*s}",
                                      STR_ARG(request->method), STR_ARG(request->path),
                                      STR_ARG(request->query), STR_ARG(asked), STR_ARG(shown));
    }
    if (w->close_in_answer)
        http_server_close(w->server, w->close_deadline_ms, on_closed, w);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->limit);
    uv_prepare_init(&w->loop, &w->turns);
    w->turns.data = w;
    uv_timer_start(&w->limit, on_limit, LIMIT_MS, 0);
    uv_prepare_start(&w->turns, on_turn);
    w->options = (struct http_server_options) {
        .address = "127.0.0.1:0", .max_body_bytes = BODY_MAX, .answer = on_answer, .ctx = w
    };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->server)
        http_server_close(w->server, 0, on_closed, w);
    uv_close((uv_handle_t *)&w->limit, NULL);
    uv_close((uv_handle_t *)&w->turns, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_true(w->closed || !w->server);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    return 0;
}

static struct world *opened(void **state)
{
    struct world *w = *state;
    struct pipepoll_error why;
    assert_int_equal(http_server_open(&w->server, &w->loop, &w->options, &why), 0);
    return w;
}

/* --- clients on the same loop ---------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    static char scratch[65536];
    *out = uv_buf_init(scratch, sizeof scratch);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct client *c = stream->data;
    if (n < 0) {
        c->has_ended = true;
        uv_read_stop(stream);
        return;
    }
    size_t room = c->got.cap - c->got.len, len = (size_t)n < room ? (size_t)n : room;
    buf_put(&c->got, (str) { bytes->base, len });
    c->got_len += (size_t)n;
}

static void on_connect(uv_connect_t *connect, int status)
{
    struct client *c = connect->data;
    c->is_up = status == 0;
    free(connect);
}

static uint16_t port_of(const struct world *w)
{
    return (uint16_t)strtoul(strrchr(http_server_url(w->server), ':') + 1, NULL, 10);
}

static struct client *client_without_reading(struct world *w)
{
    struct client *c = calloc(1, sizeof *c);
    uv_connect_t *connect = calloc(1, sizeof *connect);
    struct sockaddr_in at;
    assert_true(c && connect);
    c->got = BUF_ON(c->room);
    c->tcp.data = connect->data = c;
    uv_ip4_addr("127.0.0.1", port_of(w), &at);
    uv_tcp_init(&w->loop, &c->tcp);
    assert_int_equal(uv_tcp_connect(connect, &c->tcp, (struct sockaddr *)&at, on_connect), 0);
    while (!c->is_up)
        uv_run(&w->loop, UV_RUN_ONCE);
    return c;
}

static struct client *client_new(struct world *w)
{
    struct client *c = client_without_reading(w);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    return c;
}

static void on_client_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void client_free(struct client *c)
{
    uv_close((uv_handle_t *)&c->tcp, on_client_closed);
}

static void on_written(uv_write_t *write, int status)
{
    free(write->data);
    free(write);
}

static void say(struct client *c, str text)
{
    uv_write_t *write = calloc(1, sizeof *write);
    char *copy = malloc(text.len);
    assert_true(write && copy);
    memcpy(copy, text.ptr, text.len);
    write->data = copy;
    uv_buf_t bytes = uv_buf_init(copy, (unsigned)text.len);
    uv_write(write, (uv_stream_t *)&c->tcp, &bytes, 1, on_written);
}

static void say_filled(struct client *c, size_t len)
{
    char *bytes = filled(len);
    say(c, (str) { bytes, len });
    free(bytes);
}

static unsigned count_of(const struct client *c, const char *text)
{
    unsigned count = 0;
    const char *at = c->got.at, *end = c->got.at + c->got.len;
    while ((at = memmem(at, (size_t)(end - at), text, strlen(text))) && ++count)
        at++;
    return count;
}

static bool has(const struct client *c, const char *text)
{
    return count_of(c, text) > 0;
}

#define until(w, condition)                                                                        \
    while (!(condition))                                                                           \
    uv_run(&(w)->loop, UV_RUN_ONCE)

static const str simple = STR_INIT("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");

/* --- requests and replies -------------------------------------------------------------------- */

static void a_request_arrives_as_it_was_sent(void **state)
{
    struct world *w = opened(state);
    struct client *c = client_new(w);
    say(c, STR("PUT /a%20b/../c?d=e%2F&f HTTP/1.1\r\nHost: h\r\nX-Asked:  two words \r\n"
               "Content-Length: 5\r\n\r\nhello"));
    until(w, has(c, "}"));
    assert_true(has(c, "HTTP/1.1 200 "));
    assert_true(has(c, "Content-Type: text/plain\r\n"));
    assert_true(has(c, "X-Content-Type-Options: nosniff\r\n"));
    assert_true(has(c, "PUT /a%20b/../c ?d=e%2F&f [two words] {hello}"));
    assert_false(has(c, "Connection: close"));
    say(c, STR("GET /?close HTTP/1.1\r\nHost: h\r\n\r\n"));
    until(w, c->has_ended);
    assert_true(has(c, "Connection: close\r\n"));
    assert_true(has(c, "GET / ?close [] {}"));
    client_free(c);
}

static void pipelined_requests_are_answered_some_in_a_turn(void **state)
{
    enum { REQUESTS = 300 };
    static char room[REQUESTS * 40];
    struct buf all = BUF_ON(room);
    struct world *w = opened(state);
    struct client *c = client_new(w);
    for (int i = 0; i < REQUESTS; i++)
        buf_put(&all, simple);
    say(c, buf_str(&all));
    until(w, w->answers == REQUESTS);
    assert_true(w->most_in_turn > 0 && w->most_in_turn <= 32);
    client_free(c);
}

static void without_a_limit_for_bodies_none_is_taken(void **state)
{
    struct world *w = *state;
    w->options.max_body_bytes = 0;
    opened(state);
    struct client *c = client_new(w);
    say(c, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"));
    until(w, c->has_ended);
    assert_true(has(c, " 413 "));
    client_free(c);
}

static void what_is_no_http_is_refused(void **state)
{
    struct world *w = opened(state);
    const str bad[] = { STR("\r\n\r\n\r\n \x01\x02 garbage\r\n\r\n"),
                        STR("GET / HTTP/1.1\r\n\r\n"), /* no Host */
                        STR("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n") };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct client *c = client_new(w);
        say(c, bad[i]);
        until(w, c->has_ended);
        assert_false(has(c, " 200 "));
        client_free(c);
    }
    assert_int_equal(w->answers, 0);
}

/* --- what is too large ----------------------------------------------------------------------- */

static void say_head(struct client *c, size_t len, const char *more)
{
    char head[256];
    struct buf b = BUF_ON(head);
    buf_printf(&b, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n%s\r\n", len, more);
    say(c, buf_str(&b));
}

static void a_body_is_taken_up_to_the_limit(void **state)
{
    struct world *w = opened(state);
    struct client *c = client_new(w);
    say_head(c, BODY_MAX, "");
    say_filled(c, BODY_MAX);
    until(w, has(c, "{much}"));
    assert_int_equal(w->last_body_len, BODY_MAX);
    say_head(c, BODY_MAX + 1, "");
    say_filled(c, BODY_MAX + 1);
    until(w, c->has_ended);
    assert_true(has(c, "HTTP/1.1 413 "));
    assert_int_equal(w->answers, 1);
    client_free(c);
}

static void a_body_in_chunks_has_the_same_limit(void **state)
{
    struct world *w = opened(state);
    struct client *c = client_new(w);
    const str head =
        STR("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n40000\r\n");
    say(c, head);
    say_filled(c, BODY_MAX);
    say(c, STR("\r\n0\r\n\r\n"));
    until(w, has(c, "{much}"));
    assert_int_equal(w->last_body_len, BODY_MAX);
    say(c, head);
    say_filled(c, BODY_MAX);
    say(c, STR("\r\n1\r\nx\r\n0\r\n\r\n"));
    until(w, c->has_ended);
    assert_true(has(c, "HTTP/1.1 413 "));
    assert_int_equal(w->answers, 1);
    client_free(c);
}

static void an_endless_body_is_cut_off(void **state)
{
    struct world *w = *state;
    w->options.timeout_ms = 2 * LIMIT_MS;
    opened(state);
    struct client *c = client_new(w);
    say(c, STR("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n"));
    for (int i = 0; i < 16; i++)
        say_filled(c, 128 * 1024);
    until(w, c->has_ended);
    assert_int_equal(w->answers, 0);
    client_free(c);
}

static void who_asks_first_is_told_before_the_body(void **state)
{
    struct world *w = opened(state);
    struct client *c = client_new(w), *large = client_new(w);
    say_head(c, BODY_MAX, "Expect: 100-continue\r\n");
    until(w, has(c, "100 Continue"));
    say_filled(c, BODY_MAX);
    until(w, has(c, "{much}"));
    say_head(c, BODY_MAX + 1, "Expect: 100-continue\r\n");
    until(w, c->has_ended);
    assert_true(has(c, "HTTP/1.1 413 "));
    assert_int_equal(count_of(c, "100 Continue"), 1);
    say_head(large, (size_t)1 << 40, "");
    until(w, large->has_ended);
    assert_true(has(large, "HTTP/1.1 413 "));
    client_free(c);
    client_free(large);
}

static void a_head_has_a_limit(void **state)
{
    struct world *w = opened(state);
    struct client *line = client_new(w), *header = client_new(w);
    say(line, STR("GET /"));
    say_filled(line, 20000);
    say(header, STR("GET / HTTP/1.1\r\nHost: h\r\nX: "));
    say_filled(header, 20000);
    until(w, line->has_ended && header->has_ended);
    assert_true(has(line, "HTTP/1.1 414 "));
    assert_true(has(header, "HTTP/1.1 431 "));
    assert_int_equal(w->answers, 0);
    client_free(line);
    client_free(header);
}

/* --- slow clients ---------------------------------------------------------------------------- */

struct dripping {
    uv_timer_t timer;
    struct client *client;
};

static void drip(uv_timer_t *timer)
{
    struct dripping *d = timer->data;
    if (d->client->has_ended)
        uv_timer_stop(timer);
    else
        say(d->client, STR("x"));
}

static void drip_until_cut(struct world *w, struct client *c)
{
    struct dripping d = { .client = c };
    uv_timer_init(&w->loop, &d.timer);
    d.timer.data = &d;
    uv_timer_start(&d.timer, drip, 0, 5);
    until(w, c->has_ended);
    uv_close((uv_handle_t *)&d.timer, NULL);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    client_free(c);
}

static void who_never_comes_to_an_end_is_cut(void **state)
{
    struct world *w = *state;
    w->options.timeout_ms = SHORT_MS;
    opened(state);
    struct client *silent = client_new(w);
    uint64_t since_ms = uv_now(&w->loop);
    until(w, silent->has_ended);
    assert_true(uv_now(&w->loop) - since_ms + 2 >= SHORT_MS);
    client_free(silent);

    struct client *head = client_new(w);
    say(head, STR("GET / HTTP/1.1\r\nHost: h\r\nX: "));
    drip_until_cut(w, head);
    struct client *body = client_new(w);
    say_head(body, BODY_MAX, "");
    drip_until_cut(w, body);
    assert_int_equal(w->answers, 0);
}

static void who_uses_the_connection_keeps_it(void **state)
{
    struct world *w = *state;
    w->options.timeout_ms = 10 * SHORT_MS; /* it may be a busy machine */
    opened(state);
    struct client *c = client_new(w);
    uint64_t since_ms = uv_now(&w->loop);
    for (unsigned n = 1; uv_now(&w->loop) - since_ms < 15 * SHORT_MS; n++) {
        say(c, simple);
        until(w, w->answers == n);
    }
    assert_false(c->has_ended);
    client_free(c);
}

static void who_does_not_read_is_cut(void **state)
{
    struct world *w = *state;
    w->options.timeout_ms = SHORT_MS;
    w->reply_len = 16 << 20;
    opened(state);
    struct client *c = client_without_reading(w);
    say(c, simple);
    until(w, w->answers == 1);
    struct client *other = client_new(w); /* goes after it, so it is cut after it */
    until(w, other->has_ended);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    until(w, c->has_ended);
    client_free(c);
    client_free(other);
}

/* --- many clients ---------------------------------------------------------------------------- */

static void on_pause_end(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* Of the loop: who turns in circles has very many. */
static unsigned turns_within(struct world *w, uint64_t ms)
{
    bool is_over = false;
    uv_timer_t pause = { .data = &is_over };
    unsigned before = w->turn_count;
    uv_timer_init(&w->loop, &pause);
    uv_timer_start(&pause, on_pause_end, ms, 0);
    until(w, is_over);
    uv_close((uv_handle_t *)&pause, NULL);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    return w->turn_count - before;
}

static void many_are_served(void **state)
{
    struct world *w = *state;
    struct client *clients[CLIENTS];
    w->options.max_connections = CLIENTS;
    opened(state);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = client_new(w);
    for (unsigned round = 1; round <= 3; round++) {
        for (int i = 0; i < CLIENTS; i++)
            say(clients[i], simple);
        until(w, w->answers == round * CLIENTS);
    }
    for (int i = 0; i < CLIENTS; i++)
        client_free(clients[i]);
}

static void too_many_wait_until_others_end(void **state)
{
    enum { MOST = 4, ALL = 20 };
    struct world *w = *state;
    struct client *clients[ALL];
    w->options.max_connections = MOST;
    opened(state);
    for (int i = 0; i < ALL; i++) {
        clients[i] = client_new(w);
        say(clients[i], simple);
    }
    until(w, w->answers == MOST);
    assert_true(turns_within(w, SHORT_MS) < 20);
    assert_int_equal(w->answers, MOST);
    for (int i = 0; i < MOST; i++)
        client_free(clients[i]);
    until(w, w->answers == 2 * MOST);
    for (int i = MOST; i < ALL; i++)
        say(clients[i], STR("GET /?close HTTP/1.1\r\nHost: h\r\n\r\n"));
    until(w, w->answers == 2 * ALL - MOST);
    for (int i = MOST; i < ALL; i++)
        client_free(clients[i]);
}

static void without_descriptors_it_waits(void **state)
{
    if (under_valgrind())
        return; /* it takes the connection, and drops it: the plain build shows it */
    struct world *w = opened(state);
    struct rlimit limit, none;
    struct client *c = client_new(w);
    say(c, simple);
    until(w, w->answers == 1);
    getrlimit(RLIMIT_NOFILE, &limit);
    int next = socket(AF_INET, SOCK_STREAM, 0);
    none = (struct rlimit) { (rlim_t)next + 1, limit.rlim_max };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port_of(w)) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(connect(next, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(send(next, simple.ptr, simple.len, 0), simple.len);
    assert_true(turns_within(w, 150) < 20);
    say(c, simple); /* others go on */
    until(w, w->answers == 2);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    until(w, w->answers == 3);
    close(next);
    client_free(c);
}

/* --- its end --------------------------------------------------------------------------------- */

static void close_and_wait(struct world *w, uint32_t deadline_ms)
{
    http_server_close(w->server, deadline_ms, on_closed, w);
    http_server_close(w->server, deadline_ms, NULL, NULL);
    until(w, w->closed);
    w->server = NULL;
}

static void its_end_waits_for_no_client(void **state)
{
    struct world *w = opened(state);
    struct client *idle = client_new(w), *half = client_new(w), *body = client_new(w);
    say(half, STR("GET / HTTP/1.1\r\nHo"));
    say_head(body, BODY_MAX, "");
    say_filled(body, BODY_MAX / 2);
    say(idle, simple);
    until(w, has(idle, "}"));
    uint64_t since_ms = uv_now(&w->loop);
    close_and_wait(w, LIMIT_MS);
    assert_true(uv_now(&w->loop) - since_ms < LIMIT_MS / 2);
    until(w, idle->has_ended && half->has_ended && body->has_ended);
    assert_int_equal(w->answers, 1);
    client_free(idle);
    client_free(half);
    client_free(body);
}

static void a_reply_under_way_is_finished(void **state)
{
    struct world *w = *state;
    w->close_in_answer = true;
    w->close_deadline_ms = LIMIT_MS;
    w->reply_len = 4 << 20;
    opened(state);
    struct client *c = client_new(w);
    say(c, simple);
    until(w, w->closed);
    until(w, c->has_ended);
    assert_true(has(c, "HTTP/1.1 200 "));
    assert_true(c->got_len > w->reply_len);
    client_free(c);
    w->server = NULL;
}

static void nor_longer_than_its_deadline_for_a_reply(void **state)
{
    struct world *w = *state;
    w->reply_len = 16 << 20;
    opened(state);
    struct client *c = client_without_reading(w);
    say(c, simple);
    until(w, w->answers == 1);
    uint64_t since_ms = uv_now(&w->loop);
    close_and_wait(w, SHORT_MS);
    uint64_t took_ms = uv_now(&w->loop) - since_ms;
    assert_true(took_ms + 2 >= SHORT_MS && took_ms < LIMIT_MS / 2);
    client_free(c);
}

static void without_a_deadline_it_ends_at_once(void **state)
{
    struct world *w = *state;
    w->close_in_answer = true;
    opened(state);
    struct client *c = client_new(w);
    say(c, simple);
    until(w, w->closed && c->has_ended);
    client_free(c);
    w->server = NULL;
}

/* --- bodies that are shared ------------------------------------------------------------------ */

static void a_shared_body_lives_as_long_as_its_last_reader(void **state)
{
    enum { LEN = 16 << 20 };
    struct world *w = opened(state);
    struct http_body *body = w->shared = http_body_new(filled(LEN), LEN);
    assert_non_null(body);
    struct client *slow = client_without_reading(w), *fast = client_new(w), *stream;
    say(slow, simple);
    say(fast, simple);
    stream = client_new(w);
    say(stream, STR("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
    until(w, w->answers == 3 && fast->got_len > LEN && stream->got_len > LEN);
    client_free(fast);
    client_free(stream);
    until(w, body->references == 2); /* ours, and that of the slow one */
    w->shared = http_body_unref(body);
    uv_read_start((uv_stream_t *)&slow->tcp, on_alloc, on_read);
    until(w, slow->got_len > LEN);
    client_free(slow);
}

/* --- streams --------------------------------------------------------------------------------- */

static const str streamed = STR_INIT("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");

static struct client *stream_new(struct world *w)
{
    struct client *c = client_new(w);
    uint32_t before = http_server_streams(w->server);
    say(c, streamed);
    until(w, has(c, "GET /stream"));
    assert_int_equal(http_server_streams(w->server), before + 1);
    return c;
}

/* Of the query "none" nobody is told anything. */
static struct http_body *copy(void *ctx, str query)
{
    const str *piece = ctx;
    if (str_eq(query, STR("none")))
        return NULL;
    return http_body_new(memcpy(filled(piece->len), piece->ptr, piece->len), piece->len);
}

static void push_bytes(struct world *w, str piece)
{
    http_server_push(w->server, copy, &piece);
}

static void push(struct world *w, const char *text)
{
    push_bytes(w, str_of(text));
}

static void stop_timer(uv_timer_t *timer)
{
    uv_timer_stop(timer);
}

static void wait_ms(struct world *w, uint64_t ms)
{
    uv_timer_t timer;
    uv_timer_init(&w->loop, &timer);
    uv_update_time(&w->loop); /* one that is due before the loop waits ends no wait */
    uv_timer_start(&timer, stop_timer, ms, 0);
    until(w, !uv_is_active((uv_handle_t *)&timer));
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&w->loop, UV_RUN_NOWAIT);
}

static void a_stream_goes_on_with_each_piece(void **state)
{
    struct world *w = *state;
    w->options.timeout_ms = SHORT_MS;
    opened(state);
    push(w, "nobody hears");
    struct client *a = stream_new(w), *b = stream_new(w);
    push(w, "one");
    until(w, has(a, "one") && has(b, "one"));
    wait_ms(w, 3 * SHORT_MS);
    assert_false(a->has_ended); /* nothing to send is no delay of the client's */
    client_free(a);
    do {
        push(w, "two");
        uv_run(&w->loop, UV_RUN_ONCE);
    } while (http_server_streams(w->server) > 1 || !has(b, "two"));
    assert_false(b->has_ended);
    client_free(b);
}

static void who_reads_slowly_misses_some(void **state)
{
    enum { PIECE = 200000, PIECES = 200 };
    struct world *w = opened(state);
    struct client *c = stream_new(w);
    char *piece = filled(PIECE);
    uv_read_stop((uv_stream_t *)&c->tcp);
    for (int i = 0; i < PIECES; i++) {
        push_bytes(w, (str) { piece, PIECE });
        wait_ms(w, 1);
    }
    free(piece);
    push(w, "the last");
    http_server_close(w->server, LIMIT_MS, on_closed, w);
    w->server = NULL;
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    until(w, c->has_ended);
    assert_in_range(c->got_len, PIECE, PIECES * PIECE / 2);
    client_free(c);
}

static void who_does_not_read_its_stream_is_cut(void **state)
{
    enum { PIECE = 16 << 20 };
    struct world *w = *state;
    w->options.timeout_ms = SHORT_MS;
    opened(state);
    struct client *c = stream_new(w);
    char *piece = filled(PIECE);
    uv_read_stop((uv_stream_t *)&c->tcp);
    push_bytes(w, (str) { piece, PIECE });
    free(piece);
    until(w, !http_server_streams(w->server));
    client_free(c);
}

static void a_stream_that_closes_the_server_ends_with_it(void **state)
{
    struct world *w = opened(state);
    w->close_in_answer = true;
    w->close_deadline_ms = LIMIT_MS;
    struct client *c = client_new(w);
    say(c, streamed);
    until(w, c->has_ended && w->closed);
    assert_true(has(c, "GET /stream"));
    w->server = NULL;
    client_free(c);
}

static void streams_are_few_and_end_with_the_server(void **state)
{
    struct world *w = *state;
    w->options.max_streams = 2;
    opened(state);
    struct client *a = stream_new(w), *b = stream_new(w), *c = client_new(w);
    say(c, streamed);
    until(w, has(c, " 503 "));
    say(c, STR("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
    until(w, has(c, " 200 "));
    assert_int_equal(http_server_streams(w->server), 2);
    push(w, "farewell");
    http_server_close(w->server, LIMIT_MS, on_closed, w);
    w->server = NULL;
    until(w, a->has_ended && b->has_ended && c->has_ended);
    assert_true(has(a, "farewell\r\n0\r\n\r\n") && has(b, "farewell\r\n0\r\n\r\n"));
    client_free(a);
    client_free(b);
    client_free(c);
}

/* --- where it listens ------------------------------------------------------------------------ */

static void an_address_is_literal(void **state)
{
    struct world *w = *state;
    struct pipepoll_error why;
    const char *bad[] = { "",
                          "localhost:80",
                          "127.0.0.1",
                          "127.0.0.1:",
                          "127.0.0.1:x",
                          "127.0.0.1:65536",
                          "127.0.0.1:000080",
                          "::1:80",
                          "[127.0.0.1]:80",
                          "[::1:80",
                          "unix:",
                          "1.2.3:80" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        w->options.address = bad[i];
        assert_int_equal(http_server_open(&w->server, &w->loop, &w->options, &why),
                         PIPEPOLL_EINVAL);
        assert_non_null(strstr(why.text, bad[i]));
    }
    w->options.address = "unix:/no/such/folder/socket";
    assert_int_equal(http_server_open(&w->server, &w->loop, &w->options, &why), PIPEPOLL_ESYSTEM);
    w->options.address = "127.0.0.1:0";
    opened(state);
    w->options.address = http_server_url(w->server) + strlen("http://");
    struct http_server *second;
    assert_int_equal(http_server_open(&second, &w->loop, &w->options, &why), PIPEPOLL_ESYSTEM);
}

static int connect_to(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    strcpy(at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int r = connect(fd, (struct sockaddr *)&at, sizeof at);
    if (r)
        close(fd);
    return r ? -1 : fd;
}

static void leave_behind(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    strcpy(at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd);
}

static void a_file_can_be_its_address(void **state)
{
    struct world *w = *state;
    struct pipepoll_error why;
    struct stat file;
    struct http_server *second;
    char folder[] = "/tmp/http-XXXXXX", address[64], answer[256];
    assert_non_null(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/socket", folder);
    const char *path = address + strlen("unix:");
    leave_behind(path); /* by somebody who is dead */
    w->options.address = address;
    opened(state);
    assert_string_equal(http_server_url(w->server), address);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    assert_int_equal(http_server_open(&second, &w->loop, &w->options, &why), PIPEPOLL_ESYSTEM);
    int fd = connect_to(path);
    assert_int_equal(send(fd, simple.ptr, simple.len, 0), simple.len);
    until(w, w->answers == 1);
    ssize_t n = -1;
    until(w, (n = recv(fd, answer, sizeof answer, 0)) > 0);
    assert_non_null(memmem(answer, (size_t)n, " 200 ", 5));
    close(fd);
    close_and_wait(w, 0);
    assert_int_equal(stat(path, &file), -1);
    FILE *other = fopen(path, "w");
    assert_non_null(other);
    fclose(other);
    assert_int_equal(http_server_open(&second, &w->loop, &w->options, &why), PIPEPOLL_ESYSTEM);
    assert_int_equal(unlink(path), 0); /* it is somebody's */
    rmdir(folder);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_request_arrives_as_it_was_sent),
        ROW(pipelined_requests_are_answered_some_in_a_turn),
        ROW(without_a_limit_for_bodies_none_is_taken),
        ROW(what_is_no_http_is_refused),
        ROW(a_body_is_taken_up_to_the_limit),
        ROW(a_body_in_chunks_has_the_same_limit),
        ROW(an_endless_body_is_cut_off),
        ROW(who_asks_first_is_told_before_the_body),
        ROW(a_head_has_a_limit),
        ROW(who_never_comes_to_an_end_is_cut),
        ROW(who_uses_the_connection_keeps_it),
        ROW(who_does_not_read_is_cut),
        ROW(many_are_served),
        ROW(too_many_wait_until_others_end),
        ROW(without_descriptors_it_waits),
        ROW(its_end_waits_for_no_client),
        ROW(a_reply_under_way_is_finished),
        ROW(nor_longer_than_its_deadline_for_a_reply),
        ROW(without_a_deadline_it_ends_at_once),
        ROW(a_shared_body_lives_as_long_as_its_last_reader),
        ROW(a_stream_goes_on_with_each_piece),
        ROW(who_reads_slowly_misses_some),
        ROW(who_does_not_read_its_stream_is_cut),
        ROW(a_stream_that_closes_the_server_ends_with_it),
        ROW(streams_are_few_and_end_with_the_server),
        ROW(an_address_is_literal),
        ROW(a_file_can_be_its_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

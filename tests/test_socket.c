/* SPDX-License-Identifier: MIT */
/* What libcurl does to its sockets behind our back: closed without a word, numbers that come again,
 * orders that come too late; and that nothing waits for it. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "io/socket.h"
#include "lib/black_hole.h"
#include "lib/moved_clock.h"
#include "lib/names.h"
#include "lib/wire.h"

/* --- the set by itself --- */

enum { WATCHERS = 100 };

struct seen {
    struct socket_watcher watcher;
    unsigned times;
    int bits;
};

struct bench {
    uv_loop_t loop;
    uv_idle_t hold; /* the loop, which the set does not */
    struct sockets *sockets;
    struct socket_opener opener;
    struct seen seen;
    unsigned closed;
};

static uint64_t each_ms;

static void on_seen(struct socket_watcher *w, curl_socket_t fd, int bits)
{
    struct seen *s = CONTAINER_OF(w, struct seen, watcher);
    s->times++;
    s->bits = bits;
    moved_ms += each_ms;
}

static void on_idle(uv_idle_t *idle)
{
}

static void bench_open(struct bench *b)
{
    static const struct alloc plain = { wire_resize, NULL };
    *b = (struct bench) { 0 };
    each_ms = 0;
    uv_loop_init(&b->loop);
    uv_idle_init(&b->loop, &b->hold);
    uv_idle_start(&b->hold, on_idle);
    assert_int_equal(sockets_open(&b->sockets, &b->loop, &plain), 0);
    b->opener.sockets = b->sockets;
    b->seen.watcher = (struct socket_watcher) { .sockets = b->sockets, .ready = on_seen };
}

static void bench_close(struct bench *b)
{
    sockets_close(b->sockets, count_call, &b->closed);
    uv_close((uv_handle_t *)&b->hold, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(b->closed, 1);
    assert_int_equal(uv_loop_close(&b->loop), 0);
}

static void turn(struct bench *b)
{
    uv_run(&b->loop, UV_RUN_NOWAIT);
}

/* One that is ready for reading: a datagram to itself. */
static int open_ready(struct bench *b)
{
    struct curl_sockaddr how = { .family = AF_INET, .socktype = SOCK_DGRAM };
    int fd = sockets_on_open(&b->opener, CURLSOCKTYPE_IPCXN, &how);
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&at, len), 1);
    return fd;
}

static void order(struct bench *b, int fd, int what)
{
    sockets_on_curl(NULL, fd, what, &b->seen.watcher, NULL);
}

static void what_is_ordered_is_told_until_it_is_revoked(void **state)
{
    struct bench b;
    bench_open(&b);
    int fd = open_ready(&b);
    turn(&b);
    assert_int_equal(b.seen.times, 0);
    order(&b, fd, CURL_POLL_IN);
    turn(&b);
    assert_int_equal(b.seen.times, 1);
    assert_int_equal(b.seen.bits, CURL_CSELECT_IN);
    order(&b, fd, CURL_POLL_INOUT);
    turn(&b);
    assert_int_equal(b.seen.bits, CURL_CSELECT_IN | CURL_CSELECT_OUT);
    order(&b, fd, CURL_POLL_REMOVE);
    turn(&b);
    assert_int_equal(b.seen.times, 2);
    assert_int_equal(sockets_on_close(b.sockets, fd), 0);
    bench_close(&b);
}

static void nothing_is_told_after_its_watcher_left(void **state)
{
    struct bench b;
    bench_open(&b);
    int first = open_ready(&b), second = open_ready(&b);
    order(&b, first, CURL_POLL_IN);
    order(&b, second, CURL_POLL_IN);
    sockets_leave(&b.seen.watcher);
    turn(&b);
    assert_int_equal(b.seen.times, 0);
    sockets_on_close(b.sockets, first);
    sockets_on_close(b.sockets, second);
    bench_close(&b);
}

static void on_embedders(uv_poll_t *handle, int status, int events)
{
    ++*(unsigned *)handle->data;
}

/* libcurl closes a socket by a plain close(), and the embedder gets the number. */
static void a_late_order_does_nothing_to_the_embedders_descriptor(void **state)
{
    struct bench b;
    uv_poll_t theirs;
    unsigned told = 0;
    int pair[2];
    bench_open(&b);
    int fd = open_ready(&b);
    order(&b, fd, CURL_POLL_IN);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(dup2(pair[0], fd), fd); /* closes it, and it is another's */
    uv_poll_init(&b.loop, &theirs, fd);
    theirs.data = &told;
    uv_poll_start(&theirs, UV_READABLE, on_embedders);
    turn(&b);
    order(&b, fd, CURL_POLL_REMOVE);
    assert_int_equal(write(pair[1], "x", 1), 1);
    turn(&b);
    assert_int_equal(told, 1);
    assert_int_equal(b.seen.times, 0);
    uv_close((uv_handle_t *)&theirs, NULL);
    turn(&b);
    close(fd);
    close(pair[0]);
    close(pair[1]);
    bench_close(&b);
}

/* libcurl thinks that it gets the events of this number already, and does not ask again. */
static void a_number_that_comes_again_is_watched_as_before(void **state)
{
    struct bench b;
    bench_open(&b);
    int fd = open_ready(&b);
    order(&b, fd, CURL_POLL_IN);
    close(fd);
    assert_int_equal(open_ready(&b), fd);
    turn(&b);
    assert_int_equal(b.seen.times, 1);
    sockets_on_close(b.sockets, fd);
    bench_close(&b);
}

static bool is_ready(const struct bench *b)
{
    struct pollfd set = { .fd = uv_backend_fd(&b->loop), .events = POLLIN };
    return poll(&set, 1, 0) == 1;
}

/* A child of fork() has it still, so the kernel tells of it for ever. */
static void a_closed_socket_that_lives_on_elsewhere_is_got_rid_of(void **state)
{
    struct bench b;
    bench_open(&b);
    int other = open_ready(&b), fd = open_ready(&b), copy = dup(fd);
    order(&b, fd, CURL_POLL_IN);
    close(fd);
    assert_int_equal(open_ready(&b), fd); /* the number has a new generation */
    sockets_on_close(b.sockets, fd);
    turn(&b);
    turn(&b);
    assert_int_equal(b.seen.times, 0);
    assert_false(is_ready(&b));
    order(&b, other, CURL_POLL_IN);
    turn(&b);
    assert_int_equal(b.seen.times, 1);
    sockets_on_close(b.sockets, other);
    close(copy);
    bench_close(&b);
}

/* The set knows it still, and for what it was watched then. */
static void a_copy_under_the_number_of_a_closed_one_is_watched_as_ordered(void **state)
{
    struct bench b;
    char byte;
    bench_open(&b);
    int fd = open_ready(&b), copy = dup(fd);
    assert_int_equal(read(fd, &byte, 1), 1);
    order(&b, fd, CURL_POLL_IN);
    close(fd);
    order(&b, fd, CURL_POLL_REMOVE);
    assert_int_equal(sockets_duplicate(b.sockets, copy, &b.opener), fd);
    order(&b, fd, CURL_POLL_OUT);
    turn(&b);
    assert_int_equal(b.seen.bits, CURL_CSELECT_OUT);
    sockets_on_close(b.sockets, fd);
    close(copy);
    bench_close(&b);
}

/* --- turns --- */

static void a_turn_is_short_and_everybody_has_one(void **state)
{
    static struct seen many[WATCHERS];
    int fds[WATCHERS];
    struct bench b;
    bench_open(&b);
    memset(many, 0, sizeof many);
    for (int i = 0; i < WATCHERS; i++) {
        many[i].watcher = (struct socket_watcher) { .sockets = b.sockets, .ready = on_seen };
        fds[i] = open_ready(&b);
        sockets_watch(b.sockets, fds[i], &many[i].watcher, CURL_POLL_IN);
    }
    each_ms = 1;
    for (unsigned loop_stats = 0; loop_stats < 2 * WATCHERS; loop_stats++) {
        uint64_t begin_ms = moved_ms;
        turn(&b);
        assert_true(moved_ms - begin_ms <= 4);
    }
    for (int i = 0; i < WATCHERS; i++) {
        assert_true(many[i].times > 0);
        sockets_leave(&many[i].watcher);
        sockets_on_close(b.sockets, fds[i]);
    }
    bench_close(&b);
}

/* --- with libcurl --- */

static void go_to(struct wire *w, const char *host, unsigned port)
{
    char url[96];
    snprintf(url, sizeof url, "http://%s:%u/", host, port);
    wire_go_to(w, &(struct pool_options) { .url = str_of(url) });
}

static unsigned port_of(const struct wire *w)
{
    return (unsigned)atoi(server_port(&w->server));
}

static const struct server_reply closing = { SERVER_OK("2", "Connection: close\r\n", "{}"),
                                             SERVER_CLOSE, 0 };

static void nothing_waits_for_a_connect_that_never_ends(void **state)
{
    struct black_hole hole;
    struct wire w;
    struct probe p = { 0 };
    wire_open(&w, &closing, 1);
    assert_true(black_hole_open(&hole, "127.0.0.1", 0));
    go_to(&w, "127.0.0.1", hole.port);
    probe_start(&w, &p, 2000);
    for (int i = 0; i < 5; i++)
        uv_run(&w.loop, UV_RUN_NOWAIT);
    moved_ms += 2000;
    run_until_done(&w, 1);
    assert_int_equal(p.x.fault, FAULT_TIMED_OUT);
    wire_close(&w);
    black_hole_close(&hole);
}

/* The loser is closed while it still connects. */
static void nothing_waits_for_the_loser_of_a_race(void **state)
{
    struct black_hole hole;
    struct wire w;
    struct probe p = { 0 };
    names_reset();
    names_say("race.test", "::1 127.0.0.1");
    wire_open(&w, &closing, 1);
    if (!black_hole_open(&hole, "::1", port_of(&w))) {
        wire_close(&w);
        skip(); /* no IPv6 here */
    }
    go_to(&w, "race.test", port_of(&w));
    for (int i = 0; i < 4; i++) {
        probe_start(&w, &p, 30000);
        run_until_done(&w, 1); /* libcurl gives each family 200 ms */
        assert_int_equal(p.x.fault, FAULT_NONE);
    }
    wire_close(&w);
    black_hole_close(&hole);
}

/* All but one refuse at once, or have no route so that connect() itself fails, which is a matter of
 * microseconds; one timer of libcurl's would be more than a second. */
static void dead_addresses_of_a_name_cost_no_time(void **state)
{
    struct wire w;
    struct probe p = { 0 };
    names_reset();
    names_say("dead.test", "127.0.0.2 224.0.0.1 224.0.0.2 224.0.0.3 127.0.0.3 127.0.0.1");
    wire_open(&w, &closing, 1);
    go_to(&w, "dead.test", port_of(&w));
    uint64_t start_ns = timers_now_ns();
    for (int i = 0; i < 40; i++) {
        probe_start(&w, &p, 30000);
        run_until_done(&w, 1);
        assert_int_equal(p.x.fault, FAULT_NONE);
    }
    assert_true(timers_now_ns() - start_ns < 2000000000);
    wire_close(&w);
}

int main(void)
{
    unsetenv("SSL_CERT_FILE"); /* what the machine says of it is not what is tested here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_ordered_is_told_until_it_is_revoked),
        cmocka_unit_test(nothing_is_told_after_its_watcher_left),
        cmocka_unit_test(a_late_order_does_nothing_to_the_embedders_descriptor),
        cmocka_unit_test(a_number_that_comes_again_is_watched_as_before),
        cmocka_unit_test(a_closed_socket_that_lives_on_elsewhere_is_got_rid_of),
        cmocka_unit_test(a_copy_under_the_number_of_a_closed_one_is_watched_as_ordered),
        cmocka_unit_test(a_turn_is_short_and_everybody_has_one),
        cmocka_unit_test(nothing_waits_for_a_connect_that_never_ends),
        cmocka_unit_test(nothing_waits_for_the_loser_of_a_race),
        cmocka_unit_test(dead_addresses_of_a_name_cost_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

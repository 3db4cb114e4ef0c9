/* SPDX-License-Identifier: MIT */
/* The line writer, on a real loop and real descriptors; nothing waits for time to pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "daemon/output.h"

struct fixture {
    uv_loop_t loop;
    struct output *output;
    int fds[2];
    int error;
    unsigned rooms, lost;
    char last_lost[64];
    char written_tags[256], lost_tags[256]; /* each with a blank; none as 0 */
    bool closed;
};

static void on_room(void *ctx)
{
    ((struct fixture *)ctx)->rooms++;
}

static void append_tag(char *text, size_t size, uint64_t tag)
{
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%llu ", (unsigned long long)tag);
}

static void on_written(void *ctx, uint64_t tag)
{
    struct fixture *f = ctx;
    append_tag(f->written_tags, sizeof f->written_tags, tag);
}

static void on_broken(void *ctx, int error)
{
    struct fixture *f = ctx;
    assert_int_equal(f->error, 0);
    f->error = error;
}

static void on_lost(void *ctx, str line, uint64_t tag)
{
    struct fixture *f = ctx;
    assert_int_not_equal(f->error, 0);
    f->lost++;
    append_tag(f->lost_tags, sizeof f->lost_tags, tag);
    snprintf(f->last_lost, sizeof f->last_lost, "%.*s", STR_ARG(line));
}

static void on_closed(void *ctx)
{
    ((struct fixture *)ctx)->closed = true;
}

static void fixture_open(struct fixture *f, int fd, size_t size)
{
    struct output_options o = { .fd = fd,
                                .size = size,
                                .extra_size = 16,
                                .room = on_room,
                                .broken = on_broken,
                                .written = on_written,
                                .lost = on_lost,
                                .ctx = f };
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(output_open(&f->output, &f->loop, &o), 0);
}

static void fixture_close(struct fixture *f)
{
    output_close(f->output, on_closed, f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void open_pipe(struct fixture *f, size_t size)
{
    assert_int_equal(pipe(f->fds), 0);
    fixture_open(f, f->fds[1], size);
}

/* All that is in the pipe, NUL-terminated. */
static void read_some(int fd, char *text, size_t size)
{
    ssize_t n = read(fd, text, size - 1);
    assert_true(n >= 0);
    text[n] = '\0';
}

static void lines_come_out_in_order(void **state)
{
    struct fixture f = { 0 };
    char text[256];
    open_pipe(&f, 128);
    for (int i = 0; i < 10; i++) {
        char line[16];
        snprintf(line, sizeof line, "line %d", i);
        assert_true(output_put(f.output, str_of(line), 0));
    }
    fixture_close(&f);
    read_some(f.fds[0], text, sizeof text);
    assert_string_equal(text, "line 0\nline 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\n"
                              "line 8\nline 9\n");
    assert_int_equal(f.error, 0);
    close(f.fds[0]);
    close(f.fds[1]);
}

/* What a pipe takes whole at most: in packet mode each write is one, and longer ones are cut. */
static void each_write_to_a_pipe_is_whole_lines(void **state)
{
    enum { LINES = 200 };
    struct fixture f = { 0 };
    char packet[PIPE_BUF + 1], line[80];
    unsigned lines = 0;
    assert_int_equal(pipe2(f.fds, O_DIRECT), 0);
    fixture_open(&f, f.fds[1], LINES * sizeof line);
    memset(line, 'x', sizeof line);
    for (int i = 0; i < LINES; i++)
        assert_true(output_put(f.output, (str) { line, sizeof line - 2 }, 0));
    fixture_close(&f);
    close(f.fds[1]);
    for (ssize_t n; (n = read(f.fds[0], packet, sizeof packet)) > 0;) {
        assert_int_equal(packet[n - 1], '\n');
        for (ssize_t i = 0; i < n; i++)
            lines += packet[i] == '\n';
    }
    assert_int_equal(lines, LINES);
    close(f.fds[0]);
}

static void a_full_queue_takes_nothing_until_there_is_room(void **state)
{
    struct fixture f = { 0 };
    open_pipe(&f, 10);
    assert_int_equal(output_writable(f.output), 10);
    assert_true(output_put(f.output, STR("being"), 0));     /* goes into the other buffer at once */
    assert_true(output_put(f.output, STR("123456789"), 0)); /* 10 with its end */
    assert_int_equal(output_writable(f.output), 0);
    assert_false(output_put(f.output, STR(""), 0));
    while (f.rooms == 0)
        uv_run(&f.loop, UV_RUN_ONCE);
    assert_int_equal(output_writable(f.output), 10);
    assert_true(output_put(f.output, STR("last"), 0));
    fixture_close(&f);
    char text[64];
    read_some(f.fds[0], text, sizeof text);
    assert_string_equal(text, "being\n123456789\nlast\n");
    close(f.fds[0]);
    close(f.fds[1]);
}

static void an_extra_line_takes_no_room_that_was_promised(void **state)
{
    struct fixture f = { 0 };
    open_pipe(&f, 10);
    assert_true(output_put(f.output, STR("being"), 0));
    assert_true(output_put_extra(f.output, STR("extra 8901234"))); /* 14 of 16 */
    assert_false(output_put_extra(f.output, STR("xx")));
    assert_int_equal(output_writable(f.output), 10);
    assert_true(output_put(f.output, STR("123456789"), 0));
    fixture_close(&f);
    char text[64];
    read_some(f.fds[0], text, sizeof text);
    assert_string_equal(text, "being\nextra 8901234\n123456789\n");
    close(f.fds[0]);
    close(f.fds[1]);
}

static void a_reader_that_leaves_is_noticed_before_the_next_line(void **state)
{
    struct fixture f = { 0 };
    open_pipe(&f, 128);
    close(f.fds[0]);
    while (!f.error)
        uv_run(&f.loop, UV_RUN_ONCE);
    assert_int_equal(f.error, UV_EPIPE);
    assert_int_equal(f.lost, 0);
    assert_int_equal(output_writable(f.output), 0);
    assert_true(output_put(f.output, STR("late"), 0));
    assert_int_equal(f.lost, 1);
    assert_string_equal(f.last_lost, "late");
    fixture_close(&f);
    close(f.fds[1]);
}

static void a_reader_that_leaves_after_a_line_came_out_takes_nothing_with_it(void **state)
{
    struct fixture f = { 0 };
    open_pipe(&f, 128);
    assert_true(output_put(f.output, STR("heard"), 0));
    while (f.rooms == 0)
        uv_run(&f.loop, UV_RUN_ONCE);
    close(f.fds[0]);
    while (f.error == 0)
        uv_run(&f.loop, UV_RUN_ONCE);
    assert_int_equal(f.error, UV_EPIPE);
    assert_int_equal(f.lost, 0);
    fixture_close(&f);
    close(f.fds[1]);
}

static void every_line_that_a_full_device_refuses_is_handed_back(void **state)
{
    struct fixture f = { 0 };
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    fixture_open(&f, fd, 128);
    assert_true(output_put(f.output, STR("one"), 0));
    assert_true(output_put(f.output, STR("two"), 0));
    assert_true(output_put(f.output, STR("three"), 0));
    fixture_close(&f);
    assert_int_equal(f.error, UV_ENOSPC);
    assert_int_equal(f.lost, 3);
    assert_string_equal(f.last_lost, "three");
    close(fd);
}

static void an_output_given_up_hands_back_what_waits_and_what_comes(void **state)
{
    enum { LONG = 200000 };
    static char line[LONG];
    struct fixture f = { 0 };
    memset(line, 'z', sizeof line);
    open_pipe(&f, LONG + 1);
    assert_int_equal(output_backlog(f.output), 0);
    assert_true(
        output_put(f.output, (str) { line, sizeof line }, 0)); /* more than the pipe holds */
    assert_true(output_put(f.output, STR("two"), 0));
    assert_int_equal(output_backlog(f.output), LONG + 1 + 4);
    f.error = UV_ECANCELED; /* on_lost() asks for one */
    output_give_up(f.output);
    assert_int_equal(f.lost, 2);
    assert_string_equal(f.last_lost, "two");
    assert_true(output_put(f.output, STR("three"), 0));
    assert_int_equal(f.lost, 3);
    assert_int_equal(output_writable(f.output), 0);
    output_give_up(f.output);
    assert_int_equal(f.lost, 3);
    close(f.fds[0]); /* lets the write go */
    fixture_close(&f);
    close(f.fds[1]);
}

static void await_in_pipe(struct fixture *f, int wanted)
{
    for (int in_pipe = 0; in_pipe != wanted;
         assert_int_equal(ioctl(f->fds[0], FIONREAD, &in_pipe), 0))
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* Not even those of the write that waits, although it began while there was some room. */
static void no_line_is_given_up_that_is_in_the_pipe(void **state)
{
    enum { PAGE = 4096, LINE = 64, LINES = 101 };
    struct fixture f = { 0 };
    char text[PAGE + 1], line[LINE];
    open_pipe(&f, LINE * LINES);
    assert_int_equal(fcntl(f.fds[1], F_SETPIPE_SZ, PAGE), PAGE);
    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof line, "line %058d", i);
        assert_true(output_put(f.output, str_of(line), 0));
    }
    await_in_pipe(&f, LINE); /* the first by itself; the others do not fit beside it */
    while (f.rooms < 1)
        uv_run(&f.loop, UV_RUN_ONCE);
    read_some(f.fds[0], text, LINE + 1);
    await_in_pipe(&f, PAGE); /* as many as go in whole */
    while (f.rooms < 2)
        uv_run(&f.loop, UV_RUN_ONCE);
    f.error = UV_ECANCELED;
    output_give_up(f.output);
    assert_int_equal(f.lost, LINES - 1 - PAGE / LINE);
    assert_string_equal(f.last_lost, line);
    close(f.fds[0]); /* lets the write go */
    f.error = 0;
    fixture_close(&f);
    close(f.fds[1]);
}

/* The reader takes part of a long line and leaves: the whole line is reported. */
static void a_line_cut_by_a_reader_that_leaves_is_handed_back_whole(void **state)
{
    enum { LONG = 200000 };
    static char line[LONG];
    char text[5000];
    struct fixture f = { 0 };
    memset(line, 'x', sizeof line);
    memcpy(line, "begin", 5);
    open_pipe(&f, LONG + 100);
    assert_int_equal(fcntl(f.fds[1], F_SETFL, O_NONBLOCK),
                     0); /* so that writes come out in parts */
    assert_true(output_put(f.output, STR("short"), 0));
    assert_true(output_put(f.output, (str) { line, sizeof line }, 0));
    for (int in_pipe = 0; in_pipe <= 11; assert_int_equal(ioctl(f.fds[0], FIONREAD, &in_pipe), 0))
        uv_run(&f.loop, UV_RUN_NOWAIT);
    read_some(f.fds[0], text, sizeof text);
    assert_memory_equal(text, "short\nbegin", 11);
    close(f.fds[0]);
    while (!f.error)
        uv_run(&f.loop, UV_RUN_ONCE);
    assert_int_equal(output_backlog(f.output), 0);
    fixture_close(&f);
    assert_int_equal(f.error, UV_EPIPE);
    assert_int_equal(f.lost, 1);
    assert_memory_equal(f.last_lost, "begin", 5);
    close(f.fds[1]);
}

static void a_descriptor_made_non_blocking_by_others_is_waited_for(void **state)
{
    enum { LONG = 200000 };
    static char line[LONG], text[LONG + 2];
    struct fixture f = { 0 };
    size_t got = 0;
    memset(line, 'y', sizeof line);
    open_pipe(&f, LONG + 1);
    assert_int_equal(fcntl(f.fds[1], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(f.fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_true(output_put(f.output, (str) { line, sizeof line }, 0));
    while (got < LONG + 1) {
        uv_run(&f.loop, UV_RUN_NOWAIT);
        ssize_t n = read(f.fds[0], text + got, sizeof text - got);
        got += n > 0 ? (size_t)n : 0;
    }
    assert_memory_equal(text, line, LONG);
    assert_int_equal(text[LONG], '\n');
    fixture_close(&f);
    assert_int_equal(f.error, 0);
    close(f.fds[0]);
    close(f.fds[1]);
}

static void a_tag_comes_back_when_its_line_is_out_and_not_before(void **state)
{
    enum { LONG = 200000 };
    static char line[LONG], text[LONG + 100];
    struct fixture f = { 0 };
    size_t got = 0;
    memset(line, 'y', sizeof line);
    open_pipe(&f, LONG + 100);
    assert_int_equal(fcntl(f.fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_true(output_put(f.output, STR("one"), 11));
    assert_true(output_put(f.output, STR("untagged"), 0));
    assert_true(output_put_extra(f.output, STR("extra")));
    assert_true(output_put(f.output, (str) { line, sizeof line }, 12)); /* more than it holds */
    assert_true(output_put(f.output, STR("last"), 13));
    while (f.rooms < 2)
        uv_run(&f.loop, UV_RUN_ONCE);
    assert_string_equal(f.written_tags, "11 ");
    while (got < LONG + 25) {
        uv_run(&f.loop, UV_RUN_NOWAIT);
        ssize_t n = read(f.fds[0], text + got, sizeof text - got);
        got += n > 0 ? (size_t)n : 0;
    }
    fixture_close(&f);
    assert_string_equal(f.written_tags, "11 12 13 ");
    assert_string_equal(f.lost_tags, "");
    close(f.fds[0]);
    close(f.fds[1]);
}

static void each_tag_comes_back_once_whatever_becomes_of_its_line(void **state)
{
    enum { LONG = 200000 };
    static char line[LONG];
    struct fixture f = { 0 };
    memset(line, 'z', sizeof line);
    open_pipe(&f, LONG + 100);
    assert_true(output_put(f.output, STR("out"), 1));
    while (f.rooms < 1)
        uv_run(&f.loop, UV_RUN_ONCE);
    assert_true(output_put(f.output, (str) { line, sizeof line }, 2));
    assert_true(output_put(f.output, STR("untagged"), 0));
    assert_true(output_put(f.output, STR("three"), 3));
    f.error = UV_ECANCELED;
    output_give_up(f.output);
    assert_true(output_put(f.output, STR("four"), 4));
    assert_string_equal(f.written_tags, "1 ");
    assert_string_equal(f.lost_tags, "2 0 3 4 ");
    close(f.fds[0]); /* lets the write go */
    f.error = 0;
    fixture_close(&f);
    assert_string_equal(f.written_tags, "1 ");
    assert_string_equal(f.lost_tags, "2 0 3 4 ");
    close(f.fds[1]);
}

static void the_descriptor_stays_blocking_for_those_who_share_it(void **state)
{
    struct fixture f = { 0 };
    open_pipe(&f, 16);
    assert_int_equal(fcntl(f.fds[1], F_GETFL) & O_NONBLOCK, 0);
    fixture_close(&f);
    close(f.fds[0]);
    close(f.fds[1]);
}

static void a_peer_that_only_ends_its_own_sending_is_no_reader_gone(void **state)
{
    struct fixture f = { 0 };
    char text[16];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, f.fds), 0);
    assert_int_equal(shutdown(f.fds[0], SHUT_WR), 0);
    fixture_open(&f, f.fds[1], 16);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_true(output_put(f.output, STR("heard"), 0));
    fixture_close(&f);
    read_some(f.fds[0], text, sizeof text);
    assert_string_equal(text, "heard\n");
    assert_int_equal(f.error, 0);
    close(f.fds[0]);
    close(f.fds[1]);
}

static void a_peer_that_ends_its_own_sending_while_there_is_no_room_has_all(void **state)
{
    enum { LONG = 2000000 };
    static char line[LONG], text[LONG + 1];
    struct fixture f = { 0 };
    size_t got = 0;
    memset(line, 'z', sizeof line);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, f.fds), 0);
    fixture_open(&f, f.fds[1], LONG + 1);
    assert_true(output_put(f.output, (str) { line, sizeof line }, 0));
    while (f.loop.active_reqs.count > 0) /* then it waits for room */
        uv_run(&f.loop, UV_RUN_ONCE);
    assert_int_equal(shutdown(f.fds[0], SHUT_WR), 0);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    while (got < LONG + 1) {
        ssize_t n = read(f.fds[0], text + got, sizeof text - got);
        got += n > 0 ? (size_t)n : 0;
        if (n > 0)
            continue;
        assert_true(uv_loop_alive(&f.loop));
        uv_run(&f.loop, UV_RUN_ONCE);
    }
    assert_memory_equal(text, line, LONG);
    fixture_close(&f);
    assert_int_equal(f.error, 0);
    close(f.fds[0]);
    close(f.fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_in_order),
        cmocka_unit_test(each_write_to_a_pipe_is_whole_lines),
        cmocka_unit_test(a_full_queue_takes_nothing_until_there_is_room),
        cmocka_unit_test(an_extra_line_takes_no_room_that_was_promised),
        cmocka_unit_test(a_reader_that_leaves_is_noticed_before_the_next_line),
        cmocka_unit_test(a_reader_that_leaves_after_a_line_came_out_takes_nothing_with_it),
        cmocka_unit_test(every_line_that_a_full_device_refuses_is_handed_back),
        cmocka_unit_test(an_output_given_up_hands_back_what_waits_and_what_comes),
        cmocka_unit_test(no_line_is_given_up_that_is_in_the_pipe),
        cmocka_unit_test(a_line_cut_by_a_reader_that_leaves_is_handed_back_whole),
        cmocka_unit_test(a_descriptor_made_non_blocking_by_others_is_waited_for),
        cmocka_unit_test(a_tag_comes_back_when_its_line_is_out_and_not_before),
        cmocka_unit_test(each_tag_comes_back_once_whatever_becomes_of_its_line),
        cmocka_unit_test(the_descriptor_stays_blocking_for_those_who_share_it),
        cmocka_unit_test(a_peer_that_only_ends_its_own_sending_is_no_reader_gone),
        cmocka_unit_test(a_peer_that_ends_its_own_sending_while_there_is_no_room_has_all),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}

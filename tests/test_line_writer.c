/* SPDX-License-Identifier: MIT */
/* Lines to descriptors that are full, broken or not read: whoever puts one never waits, what has no
 * room is counted in its place, and the end comes. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "daemon/line_writer.h"
#include "lib/check.h"

enum { SIZE = 64, PATIENT_MS = 20000, SHORT_MS = 30 };

static void put_gap(void *ctx, struct buf *out, uint64_t count)
{
    buf_printf(out, "(%llu)", (unsigned long long)count);
}

static struct line_writer *open_on(int fd)
{
    const struct line_writer_options o = { .fd = fd, .size = SIZE, .gap = put_gap };
    struct line_writer *w;
    assert_int_equal(line_writer_open(&w, &o), 0);
    return w;
}

/* A pipe into which nothing fits; how many bytes of blanks it holds. */
static size_t open_full_pipe(int ends[2])
{
    char blanks[4096];
    size_t count = 0;
    memset(blanks, ' ', sizeof blanks);
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    for (size_t size = sizeof blanks; size; size /= 2)
        for (ssize_t n; (n = write(ends[1], blanks, size)) > 0;)
            count += (size_t)n;
    fcntl(ends[1], F_SETFL, 0);
    return count;
}

static void discard(int fd, size_t count)
{
    char text[4096];
    while (count) {
        ssize_t n = read(fd, text, count < sizeof text ? count : sizeof text);
        assert_true(n > 0);
        count -= (size_t)n;
    }
}

static str rest_of(int fd, char *text, size_t size)
{
    size_t len = 0;
    for (ssize_t n; (n = read(fd, text + len, size - len)) > 0;)
        len += (size_t)n;
    return (str) { text, len };
}

static void lines_come_out_in_order(void **state)
{
    int ends[2];
    char text[256];
    assert_int_equal(pipe(ends), 0);
    struct line_writer *w = open_on(ends[1]);
    line_writer_put(w, STR("one\n"));
    line_writer_put(w, STR("two\nthree\n"));
    assert_true(line_writer_close(w, PATIENT_MS, PATIENT_MS));
    close(ends[1]);
    assert_str_equal(rest_of(ends[0], text, sizeof text), "one\ntwo\nthree\n");
    close(ends[0]);
}

/* The first line is out of the queue, in the write that hangs: wait until the thread has taken it,
 * for what the queue holds is to be exact. */
static struct line_writer *open_stuck(int ends[2], size_t *blanks)
{
    *blanks = open_full_pipe(ends);
    struct line_writer *w = open_on(ends[1]);
    line_writer_put(w, STR("stuck\n"));
    return w;
}

static void what_has_no_room_is_counted_in_its_place(void **state)
{
    int ends[2];
    size_t blanks;
    char text[4096];
    struct line_writer *w = open_stuck(ends, &blanks);
    for (int i = 0; i < 100; i++) /* 10 bytes each, of which no more than two queues fit */
        line_writer_put(w, STR("123456789\n"));
    discard(ends[0], blanks);
    while (line_writer_backlog(w))
        uv_sleep(1);
    line_writer_put(w, STR("after\n"));
    assert_true(line_writer_close(w, PATIENT_MS, PATIENT_MS));
    close(ends[1]);
    str all = rest_of(ends[0], text, sizeof text);
    close(ends[0]);
    text[all.len] = '\0';
    size_t taken = 0, gap = 0;
    char *at = text;
    assert_memory_equal(at, "stuck\n", 6);
    for (at += 6; memcmp(at, "123456789\n", 10) == 0; at += 10)
        taken++;
    assert_true(taken >= (SIZE - 6) / 10 && taken <= 2 * (SIZE / 10));
    assert_int_equal(sscanf(at, "(%zu)\n", &gap), 1);
    assert_int_equal(taken + gap, 100);
    assert_string_equal(strchr(at, '\n'), "\nafter\n");
}

static void what_must_be_kept_is(void **state)
{
    int ends[2];
    size_t blanks, kept = 0;
    char text[8192];
    struct line_writer *w = open_stuck(ends, &blanks);
    for (int i = 0; i < 100; i++)
        line_writer_put(w, STR("left out?\n"));
    for (int i = 0; i < 100; i++)
        line_writer_keep(w, STR("a job's!!\n"));
    discard(ends[0], blanks);
    assert_true(line_writer_close(w, PATIENT_MS, PATIENT_MS));
    close(ends[1]);
    str all = rest_of(ends[0], text, sizeof text - 1);
    close(ends[0]);
    text[all.len] = '\0';
    for (const char *at = text; (at = strstr(at, "a job's!!\n")); at++)
        kept++;
    assert_int_equal(kept, 100);
    assert_non_null(strstr(text, "("));
}

static void a_reader_that_never_comes_does_not_hold_up_the_end(void **state)
{
    int ends[2];
    size_t blanks;
    static struct line_writer *volatile w; /* known to the end, or it would count as lost */
    w = open_stuck(ends, &blanks);
    assert_false(line_writer_close(w, SHORT_MS, PATIENT_MS));
    close(ends[0]); /* frees the thread; it and w stay behind until the process ends */
}

static void a_reader_that_goes_on_is_waited_for(void **state)
{
    int ends[2];
    char text[64];
    size_t blanks;
    struct line_writer *w = open_stuck(ends, &blanks);
    discard(ends[0], blanks);
    assert_true(line_writer_close(w, PATIENT_MS, PATIENT_MS));
    close(ends[1]);
    assert_str_equal(rest_of(ends[0], text, sizeof text), "stuck\n");
    close(ends[0]);
}

static void a_flush_waits_for_what_was_put_and_no_longer(void **state)
{
    int ends[2];
    size_t blanks;
    struct line_writer *w = open_stuck(ends, &blanks);
    line_writer_flush(w, SHORT_MS, PATIENT_MS);
    assert_int_equal(line_writer_backlog(w), strlen("stuck\n"));
    discard(ends[0], blanks);
    line_writer_flush(w, PATIENT_MS, PATIENT_MS);
    assert_int_equal(line_writer_backlog(w), 0);
    assert_true(line_writer_close(w, PATIENT_MS, PATIENT_MS));
    close(ends[0]);
    close(ends[1]);
}

static void a_descriptor_that_cannot_be_written_ends_as_well(void **state)
{
    int full = open("/dev/full", O_WRONLY), unwritable = open("/dev/null", O_RDONLY);
    int fds[] = { full, unwritable, -1 };
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        struct line_writer *w = open_on(fds[i]);
        for (int n = 0; n < 1000; n++)
            line_writer_put(w, STR("123456789\n"));
        assert_true(line_writer_close(w, PATIENT_MS, PATIENT_MS));
    }
    close(full);
    close(unwritable);
}

static void a_descriptor_that_does_not_block_is_waited_for(void **state)
{
    int ends[2];
    char text[64];
    size_t blanks = open_full_pipe(ends);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    struct line_writer *w = open_on(ends[1]);
    line_writer_put(w, STR("late\n"));
    discard(ends[0], blanks);
    assert_true(line_writer_close(w, PATIENT_MS, PATIENT_MS));
    close(ends[1]);
    assert_str_equal(rest_of(ends[0], text, sizeof text), "late\n");
    close(ends[0]);
}

static void a_line_longer_than_the_queue_is_counted_and_does_not_stop_others(void **state)
{
    int ends[2];
    char text[256], line[2 * SIZE];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    assert_int_equal(pipe(ends), 0);
    struct line_writer *w = open_on(ends[1]);
    line_writer_put(w, (str) { line, sizeof line });
    discard(ends[0], strlen("(1)\n"));
    line_writer_put(w, STR("next\n"));
    assert_true(line_writer_close(w, PATIENT_MS, PATIENT_MS));
    close(ends[1]);
    assert_str_equal(rest_of(ends[0], text, sizeof text), "next\n");
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_in_order),
        cmocka_unit_test(what_has_no_room_is_counted_in_its_place),
        cmocka_unit_test(what_must_be_kept_is),
        cmocka_unit_test(a_reader_that_never_comes_does_not_hold_up_the_end),
        cmocka_unit_test(a_reader_that_goes_on_is_waited_for),
        cmocka_unit_test(a_flush_waits_for_what_was_put_and_no_longer),
        cmocka_unit_test(a_descriptor_that_cannot_be_written_ends_as_well),
        cmocka_unit_test(a_descriptor_that_does_not_block_is_waited_for),
        cmocka_unit_test(a_line_longer_than_the_queue_is_counted_and_does_not_stop_others),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What the service manager is told: the words, the address, the beats; and that nothing is lost
 * while it does not read. */
#include "daemon/notify.h"

#include "lib/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Linked with --wrap=sendto. */
static size_t sent;
ssize_t __real_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len);
ssize_t __wrap_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len);
ssize_t __wrap_sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len)
{
    sent++;
    return __real_sendto(fd, bytes, len, flags, to, to_len);
}

/* --- words --- */

static const char *text_of(const struct notify_message *m)
{
    static char text[NOTIFY_MESSAGE_MAX + 1];
    struct buf out = { .at = text, .cap = NOTIFY_MESSAGE_MAX };
    notify_message_put(&out, m);
    assert_false(out.overflow);
    text[out.len] = '\0';
    return text;
}

static void each_message_is_as_sd_notify_has_it(void **state)
{
    assert_string_equal(
        text_of(&(struct notify_message) { .state = NOTIFY_READY, .status = STR("polling") }),
        "READY=1\nSTATUS=polling\n");
    assert_string_equal(text_of(&(struct notify_message) { .state = NOTIFY_RELOADING,
                                                           .monotonic_us = 1234567890123 }),
                        "RELOADING=1\nMONOTONIC_USEC=1234567890123\n");
    assert_string_equal(text_of(&(struct notify_message) { .state = NOTIFY_STOPPING,
                                                           .extend_us = 5000000,
                                                           .beat = true,
                                                           .status = STR("waiting") }),
                        "STOPPING=1\nEXTEND_TIMEOUT_USEC=5000000\nWATCHDOG=1\nSTATUS=waiting\n");
    assert_string_equal(text_of(&(struct notify_message) { .beat = true }), "WATCHDOG=1\n");
    assert_string_equal(text_of(&(struct notify_message) { .beat = false }), "");
}

static void a_status_cannot_say_more_than_a_status(void **state)
{
    assert_string_equal(text_of(&(struct notify_message) { .status = STR("a\nREADY=1\r\x1b[m") }),
                        "STATUS=a READY=1  [m\n");
}

static void a_status_is_cut_at_a_character(void **state)
{
    char long_one[1000];
    for (size_t i = 0; i < sizeof long_one; i++)
        long_one[i] = "\xc3\xa9"[i % 2];
    for (size_t odd = 0; odd < 2; odd++) {
        str status = { long_one + 2 - odd, sizeof long_one - 2 };
        const char *text = text_of(&(struct notify_message) { .status = status });
        size_t len = strlen(text);
        assert_in_range(len, 400, 408);
        assert_int_equal((unsigned char)text[len - 2], 0xa9);
    }
}

/* --- what it says to us --- */

static void a_path_and_an_abstract_name_are_addresses(void **state)
{
    struct sockaddr_un a;
    socklen_t len;
    const size_t before = offsetof(struct sockaddr_un, sun_path);
    assert_true(notify_address(STR("/run/n"), &a, &len));
    assert_string_equal(a.sun_path, "/run/n");
    assert_int_equal(len, before + 7);
    assert_true(notify_address(STR("@n/1"), &a, &len));
    assert_memory_equal(a.sun_path, "\0n/1", 4);
    assert_int_equal(len, before + 4);
}

static void what_is_no_address_is_refused(void **state)
{
    struct sockaddr_un a;
    socklen_t len;
    char text[200] = "/";
    memset(text + 1, 'x', sizeof text - 1);
    assert_false(notify_address(STR("run/n"), &a, &len));
    assert_false(notify_address(STR("vsock:2:1"), &a, &len));
    assert_false(notify_address(STR("@"), &a, &len));
    assert_false(notify_address(STR(""), &a, &len));
    assert_false(notify_address((str) { text, sizeof a.sun_path }, &a, &len));
    assert_true(notify_address((str) { text, sizeof a.sun_path - 1 }, &a, &len));
}

struct variables {
    const char *us, *pid;
};

static const char *get(void *ctx, const char *name)
{
    const struct variables *v = ctx;
    return strcmp(name, "WATCHDOG_USEC") == 0 ? v->us : v->pid;
}

static uint64_t beat_us(const char *us, const char *pid)
{
    struct variables v = { us, pid };
    return notify_beat_us(&(struct environment) { get, &v }, 42);
}

static void a_beat_is_due_at_half_the_time_and_only_from_who_is_watched(void **state)
{
    assert_int_equal(beat_us("30000000", "42"), 15000000);
    assert_int_equal(beat_us("30000000", NULL), 15000000);
    assert_int_equal(beat_us("30000000", "43"), 0);
    assert_int_equal(beat_us("30000000", "x"), 0);
    assert_int_equal(beat_us(NULL, "42"), 0);
    assert_int_equal(beat_us("30s", "42"), 0);
    assert_int_equal(beat_us("-1", "42"), 0);
    assert_int_equal(beat_us("99999999999999999999", "42"), 0);
}

/* --- the socket --- */

static int listen_at(const char *address)
{
    struct sockaddr_un a;
    socklen_t len;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(notify_address(str_of(address), &a, &len));
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    return fd;
}

static const char *next(int fd)
{
    static char text[NOTIFY_MESSAGE_MAX + 1];
    ssize_t got = recv(fd, text, NOTIFY_MESSAGE_MAX, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

/* At an abstract name of this process. */
static int open_both(struct notify *n)
{
    char name[64];
    snprintf(name, sizeof name, "@pipepoll-test-notify-%ld", (long)getpid());
    setenv("NOTIFY_SOCKET", name, 1);
    int fd = listen_at(name);
    assert_int_equal(notify_init(n, NULL), PIPEPOLL_OK);
    return fd;
}

static void programs_that_we_start_do_not_inherit_it(void **state)
{
    struct notify n;
    char pid[32];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    setenv("WATCHDOG_USEC", "2000000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    int fd = open_both(&n);
    assert_int_equal(n.beat_us, 1000000);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    notify_send(&n, &(struct notify_message) { .state = NOTIFY_READY });
    assert_string_equal(next(fd), "READY=1\n");
    notify_deinit(&n);
    sent = 0;
    notify_send(&n, &(struct notify_message) { .state = NOTIFY_STOPPING });
    assert_int_equal(sent, 0);
    close(fd);
}

static void without_a_socket_nothing_is_sent(void **state)
{
    struct notify n;
    setenv("WATCHDOG_USEC", "2000000", 1);
    assert_int_equal(notify_init(&n, NULL), PIPEPOLL_OK);
    assert_false(notify_is_wanted(&n));
    assert_int_equal(n.beat_us, 0);
    sent = 0;
    notify_send(&n, &(struct notify_message) { .state = NOTIFY_READY });
    assert_int_equal(sent, 0);
    notify_deinit(&n);
}

static void an_address_that_is_none_is_told(void **state)
{
    struct notify n;
    struct pipepoll_error why;
    setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
    assert_int_equal(notify_init(&n, &why), PIPEPOLL_EINVAL);
    assert_non_null(strstr(why.text, "NOTIFY_SOCKET=vsock:2:1"));
    assert_false(notify_is_wanted(&n));
    assert_null(getenv("NOTIFY_SOCKET"));
}

/* More than the kernel queues for a socket that nobody reads. */
static void fill(struct notify *n)
{
    while (sendto(n->fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&n->to, n->to_len) == 1)
        ;
}

static void what_is_said_once_waits_for_room_and_keeps_its_order(void **state)
{
    struct notify n;
    int fd = open_both(&n);
    fill(&n);
    notify_send(&n, &(struct notify_message) { .state = NOTIFY_RELOADING, .monotonic_us = 7 });
    notify_send(&n, &(struct notify_message) { .beat = true });
    notify_send(&n, &(struct notify_message) { .state = NOTIFY_READY });
    while (strcmp(next(fd), "x") == 0)
        ;
    notify_send(&n, &(struct notify_message) { .beat = true });
    assert_string_equal(next(fd), "RELOADING=1\nMONOTONIC_USEC=7\n");
    assert_string_equal(next(fd), "READY=1\n");
    assert_string_equal(next(fd), "WATCHDOG=1\n");
    assert_string_equal(next(fd), "");
    notify_deinit(&n);
    close(fd);
}

static void what_waits_is_bounded_and_ends_with_the_newest(void **state)
{
    struct notify n;
    int fd = open_both(&n);
    fill(&n);
    for (int i = 0; i < 100; i++)
        notify_send(&n, &(struct notify_message) { .state = NOTIFY_READY });
    notify_send(&n, &(struct notify_message) { .state = NOTIFY_STOPPING });
    assert_int_equal(n.waiting_count, NOTIFY_WAITING_MAX);
    while (strcmp(next(fd), "x") == 0)
        ;
    notify_send(&n, &(struct notify_message) { .beat = true });
    size_t count = 0;
    while (strcmp(next(fd), "STOPPING=1\n") != 0)
        assert_true(++count < NOTIFY_WAITING_MAX);
    notify_deinit(&n);
    close(fd);
}

static void a_manager_that_is_gone_is_no_failure(void **state)
{
    struct notify n;
    close(open_both(&n));
    notify_send(&n, &(struct notify_message) { .state = NOTIFY_READY });
    assert_int_equal(n.waiting_count, 0);
    notify_deinit(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_is_as_sd_notify_has_it),
        cmocka_unit_test(a_status_cannot_say_more_than_a_status),
        cmocka_unit_test(a_status_is_cut_at_a_character),
        cmocka_unit_test(a_path_and_an_abstract_name_are_addresses),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(a_beat_is_due_at_half_the_time_and_only_from_who_is_watched),
        cmocka_unit_test(programs_that_we_start_do_not_inherit_it),
        cmocka_unit_test(without_a_socket_nothing_is_sent),
        cmocka_unit_test(an_address_that_is_none_is_told),
        cmocka_unit_test(what_is_said_once_waits_for_room_and_keeps_its_order),
        cmocka_unit_test(what_waits_is_bounded_and_ends_with_the_newest),
        cmocka_unit_test(a_manager_that_is_gone_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

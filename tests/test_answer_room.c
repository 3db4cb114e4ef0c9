/* SPDX-License-Identifier: MIT */
/* Answers are read one after the other in the same memory, and none leaves anything to the next. */
#include <stdio.h>

#include "io/answer_room.h"
#include "io/transfer.h"
#include "lib/check.h"
#include "lib/watched_memory.h"

#define SECRET "a secret of the service"

static const char *const secrets[] = { SECRET, NULL };
static struct watched_memory memory;
static bool is_scarce; /* there is no memory any more */

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    return is_scarce && new_size ? NULL : watched_resize(ctx, ptr, old_size, new_size);
}

static const struct alloc watched = { resize, &memory };

/* What transfer.c asks of the transport. */
const struct alloc *transport_alloc(const struct transport *tp)
{
    return &watched;
}

struct timers *transport_timers(const struct transport *tp)
{
    return NULL;
}

static int begin(void **state)
{
    static struct answer_rooms rooms;
    memory = (struct watched_memory) { .secrets = secrets };
    is_scarce = false;
    *state = &rooms;
    answer_rooms_init(&rooms, &watched);
    return answer_rooms_add(&rooms);
}

static int end(void **state)
{
    answer_rooms_remove(*state);
    return watched_held(&memory) || memory.leaks;
}

static void one_room_serves_answers_that_come_one_after_the_other(void **state)
{
    struct answer_room *first = answer_room_take(*state);
    answer_room_give(first);
    size_t held = watched_held(&memory);
    for (int i = 0; i < 10; i++) {
        assert_ptr_equal(answer_room_take(*state), first);
        answer_room_give(first);
    }
    assert_int_equal(watched_held(&memory), held);
}

static void the_one_that_was_used_last_is_used_next(void **state)
{
    assert_int_equal(answer_rooms_add(*state), 0);
    struct answer_room *a = answer_room_take(*state), *b = answer_room_take(*state);
    assert_ptr_not_equal(a, b);
    answer_room_give(a);
    answer_room_give(b);
    assert_ptr_equal(answer_room_take(*state), b);
    answer_room_give(b);
    answer_rooms_remove(*state);
}

static void a_body_grows_to_what_an_answer_may_be(void **state)
{
    static char piece[1000];
    struct answer_room *room = answer_room_take(*state);
    for (size_t len = 0; len < TRANSFER_ANSWER_MAX; len += sizeof piece) {
        memset(piece, (int)('a' + len / sizeof piece % 26), sizeof piece);
        assert_true(answer_room_put(room, (str) { piece, sizeof piece }));
        assert_int_equal(room->body_len, len + sizeof piece);
    }
    for (size_t i = 0; i < room->body_len; i++)
        assert_int_equal(room->body[i], (int)('a' + i / sizeof piece % 26));
    answer_room_give(room);
}

static void the_memory_of_a_large_body_goes_and_that_of_a_small_one_stays(void **state)
{
    static char large[100000];
    struct answer_room *room = answer_room_take(*state);
    size_t without = watched_held(&memory);
    assert_true(answer_room_put(room, (str) { large, sizeof large }));
    answer_room_give(room);
    assert_in_range(watched_held(&memory), 1, without);
    without = watched_held(&memory);
    room = answer_room_take(*state);
    assert_true(answer_room_put(room, (str) { large, 16 << 10 }));
    answer_room_give(room);
    assert_int_equal(watched_held(&memory), without + (16 << 10));
}

/* Under valgrind nothing is searched. */
static bool holds_secrets(void)
{
    return under_valgrind() || watched_blocks_with(&memory, secrets) > 0;
}

/* As it is read from the network: a body, a wanted header, a line that is held. */
static void read_secrets(struct transfer *x, struct answer_room *room)
{
    size_t used;
    transfer_begin_answer(x, room);
    assert_int_equal(http1_feed(&room->http,
                                STR("HTTP/1.1 200 OK\r\nDate: " SECRET "\r\nContent-Length: 40\r\n"
                                    "\r\n" SECRET),
                                &used),
                     HTTP1_MORE);
    assert_str_equal(x->values[0], SECRET);
    assert_str_equal(((str) { room->body, room->body_len }), SECRET);
    snprintf(room->http.held, sizeof room->http.held, "%s", SECRET);
}

static const struct wanted_header date = { .name = STR_INIT("date") };

static void nothing_of_an_answer_is_left(void **state)
{
    struct transfer x = { .wanted = &date, .wanted_count = 1 };
    struct answer_room *room = answer_room_take(*state);
    read_secrets(&x, room);
    assert_true(holds_secrets());
    for (int i = 0; i < 100; i++) /* growing moves what was there */
        assert_true(answer_room_put(room, STR(SECRET)));
    answer_room_give(room);
    assert_int_equal(watched_blocks_with(&memory, secrets), 0);
    assert_int_equal(memory.leaks, 0);
}

static void assert_forgotten(struct answer_rooms *rooms, str bytes)
{
    struct transfer x = { .wanted = &date, .wanted_count = 1 };
    struct answer_room *room = answer_room_take(rooms);
    size_t used;
    transfer_begin_answer(&x, room);
    http1_feed(&room->http, bytes, &used);
    assert_true(holds_secrets());
    answer_room_give(room);
    assert_int_equal(watched_blocks_with(&memory, secrets), 0);
}

static void nothing_is_left_of_one_that_is_no_answer_or_an_interim_one(void **state)
{
    assert_forgotten(*state, STR("HTTP/1.1 200 OK\r\n" SECRET "\r\n"));
    assert_forgotten(*state, STR(SECRET "\r\n"));
    assert_forgotten(*state, STR("HTTP/1.1 200 OK\r\nContent-Length: " SECRET "\r\nX: y\r\n"));
    assert_forgotten(*state, STR("HTTP/1.1 103 Early\r\nX: 12345\r\nDate: " SECRET "\r\n\r\n"
                                 "HTTP/1.1 200 OK\r\nX: 1\r\nDate: " SECRET "\r\n"));
}

static void an_interim_head_leaves_nothing_to_the_next(void **state)
{
    struct transfer x = { .wanted = &date, .wanted_count = 1 };
    struct answer_room *room = answer_room_take(*state);
    size_t used;
    transfer_begin_answer(&x, room);
    http1_feed(&room->http,
               STR("HTTP/1.1 103 Early\r\nDate: " SECRET "\r\n\r\nHTTP/1.1 200 OK\r\n"), &used);
    memset(room->http.held, 0, sizeof room->http.held);
    assert_int_equal(watched_blocks_with(&memory, secrets), 0);
    assert_int_equal(x.values[0].len, 0);
    answer_room_give(room);
}

/* It ends before a head of its own begins. */
static void no_answer_has_the_values_of_the_one_before_it(void **state)
{
    struct transfer x = { .wanted = &date, .wanted_count = 1 };
    struct answer_room *room = answer_room_take(*state);
    size_t used;
    read_secrets(&x, room);
    answer_room_give(room);
    assert_ptr_equal(answer_room_take(*state), room);
    transfer_begin_answer(&x, room);
    assert_int_equal(http1_feed(&room->http, STR("SSH-2.0-x\r\n"), &used), HTTP1_BAD);
    assert_int_equal(x.values[0].len, 0);
    assert_int_equal(room->body_len, 0);
    answer_room_give(room);
}

enum { MANY = 40 };

static void rooms_go_with_their_connections(void **state)
{
    struct answer_room *lent[MANY];
    size_t one = watched_held(&memory);
    for (int i = 1; i < MANY; i++)
        assert_int_equal(answer_rooms_add(*state), 0);
    for (int i = 0; i < MANY; i++)
        lent[i] = answer_room_take(*state);
    for (int i = 1; i < MANY; i++)
        answer_rooms_remove(*state); /* of which the answers are still being told */
    assert_int_equal(watched_held(&memory), MANY * one);
    assert_int_equal(answer_rooms_add(*state), 0); /* one connection is opened anew meanwhile */
    assert_int_equal(watched_held(&memory), MANY * one);
    for (int i = 0; i < MANY; i++)
        answer_room_give(lent[i]);
    assert_int_equal(watched_held(&memory), 2 * one);
    answer_rooms_remove(*state);
    assert_int_equal(watched_held(&memory), one);
}

static void small_answers_can_be_read_when_memory_has_run_out(void **state)
{
    static char large[40000];
    struct answer_room *room = answer_room_take(*state);
    assert_true(answer_room_put(room, (str) { large, sizeof large }));
    answer_room_give(room);
    is_scarce = true;
    room = answer_room_take(*state);
    assert_true(answer_room_put(room, STR("{\"jobs\":[]}")));
    assert_false(answer_room_put(room, (str) { large, sizeof large }));
    assert_str_equal(((str) { room->body, room->body_len }), "{\"jobs\":[]}");
    answer_room_give(room);
    assert_int_equal(answer_rooms_add(*state), PIPEPOLL_ENOMEM);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        ROW(one_room_serves_answers_that_come_one_after_the_other),
        ROW(the_one_that_was_used_last_is_used_next),
        ROW(a_body_grows_to_what_an_answer_may_be),
        ROW(the_memory_of_a_large_body_goes_and_that_of_a_small_one_stays),
        ROW(nothing_of_an_answer_is_left),
        ROW(nothing_is_left_of_one_that_is_no_answer_or_an_interim_one),
        ROW(an_interim_head_leaves_nothing_to_the_next),
        ROW(no_answer_has_the_values_of_the_one_before_it),
        ROW(rooms_go_with_their_connections),
        ROW(small_answers_can_be_read_when_memory_has_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

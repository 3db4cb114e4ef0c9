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
    return answer_rooms_init(&rooms, &watched);
}

static int end(void **state)
{
    answer_rooms_deinit(*state);
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
    struct answer_room *a = answer_room_take(*state), *b = answer_room_take(*state);
    assert_ptr_not_equal(a, b);
    answer_room_give(a);
    answer_room_give(b);
    assert_ptr_equal(answer_room_take(*state), b);
    answer_room_give(b);
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
    assert_str_equal(transfer_value(x, 0), SECRET);
    assert_str_equal(((str) { room->body, room->body_len }), SECRET);
    snprintf(room->http.held, sizeof room->http.held, "%s", SECRET);
}

static void nothing_of_an_answer_is_left(void **state)
{
    static const struct wanted_header date = { .name = STR_INIT("date") };
    struct transfer x = { .wanted = &date, .wanted_count = 1 };
    struct answer_room *room = answer_room_take(*state);
    read_secrets(&x, room);
    assert_true(watched_blocks_with(&memory, secrets) > 0);
    /* Growing moves what was there, */
    for (int i = 0; i < 100; i++)
        assert_true(answer_room_put(room, STR(SECRET)));
    answer_room_give(room);
    assert_int_equal(watched_blocks_with(&memory, secrets), 0);
    /* and the next one begins empty. */
    assert_ptr_equal(answer_room_take(*state), room);
    assert_int_equal(room->body_len, 0);
    answer_room_give(room);
    assert_int_equal(memory.leaks, 0);
}

static void not_all_rooms_of_a_rush_are_kept(void **state)
{
    enum { RUSH = 100, KEPT_AT_MOST = 20 };
    struct answer_room *rush[RUSH];
    size_t one = watched_held(&memory);
    for (int i = 0; i < RUSH; i++)
        rush[i] = answer_room_take(*state);
    for (int i = 0; i < RUSH; i++)
        answer_room_give(rush[i]);
    assert_in_range(watched_held(&memory), one, KEPT_AT_MOST * one);
}

static void one_answer_can_be_read_when_memory_has_run_out(void **state)
{
    is_scarce = true;
    struct answer_room *room = answer_room_take(*state);
    assert_non_null(room);
    assert_null(answer_room_take(*state));
    assert_true(answer_room_put(room, STR("{\"jobs\":[]}")));
    static char large[4000];
    assert_false(answer_room_put(room, (str) { large, sizeof large }));
    assert_str_equal(((str) { room->body, room->body_len }), "{\"jobs\":[]}");
    answer_room_give(room);
}

static void without_memory_there_is_no_first_one(void **state)
{
    struct answer_rooms rooms;
    is_scarce = true;
    assert_int_equal(answer_rooms_init(&rooms, &watched), PIPEPOLL_ENOMEM);
    answer_rooms_deinit(&rooms);
    answer_rooms_deinit(&(struct answer_rooms) { 0 });
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
        ROW(not_all_rooms_of_a_rush_are_kept),
        ROW(one_answer_can_be_read_when_memory_has_run_out),
        ROW(without_memory_there_is_no_first_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Any bytes as what a server sends. However the network cuts them, the verdict is the same. The
 * first byte says where it does. */
#include "fuzz/fuzz.h"
#include "io/answer_room.h"
#include "io/transfer.h"

/* What transfer.c asks of the transport. */
static const struct alloc plain = { 0 };

const struct alloc *transport_alloc(const struct transport *tp)
{
    (void)tp;
    return &plain;
}

struct timers *transport_timers(const struct transport *tp)
{
    (void)tp;
    return NULL;
}

static const struct wanted_header wants[2] = { { .name = STR_INIT("date") },
                                               { .name = STR_INIT("location"), .cut_at = 8 } };

struct reading {
    struct answer_rooms rooms;
    struct answer_room *room;
    struct transfer x;
    enum http1_result result;
    size_t used;
};

static void feed(struct reading *r, const uint8_t *data, size_t size)
{
    if (r->result != HTTP1_MORE || !size)
        return;
    char *piece = copy_of(data, size);
    size_t used = 0;
    r->result = http1_feed(&r->room->http, (str) { piece, size }, &used);
    check(used <= size && (r->result != HTTP1_MORE || used == size));
    r->used += used;
    free(piece);
}

static void read_in_two(struct reading *r, const uint8_t *data, size_t size, size_t cut)
{
    *r = (struct reading) { .x = { .wanted = wants, .wanted_count = 2 } };
    answer_rooms_init(&r->rooms, &plain);
    if (answer_rooms_add(&r->rooms))
        abort();
    r->room = answer_room_take(&r->rooms);
    transfer_begin_answer(&r->x, r->room);
    feed(r, data, cut);
    feed(r, data + cut, size - cut);
    if (r->result == HTTP1_MORE)
        r->result = http1_feed_end(&r->room->http);
}

static void check_reading(const struct reading *r)
{
    const char *problem = http1_problem(&r->room->http);
    if (r->result == HTTP1_BAD)
        for (check(*problem != '\0'); *problem; problem++)
            check(*problem >= ' ' && *problem <= '~');
    if (r->result == HTTP1_DONE)
        check(r->x.http_status >= 200 && r->x.http_status <= 999);
    for (size_t i = 0; i < 2; i++)
        check_inside(r->room->wanted[i], (str) { r->room->values, sizeof r->room->values });
    check(r->room->wanted[1].len <= 8);
}

static void check_equal(const struct reading *a, const struct reading *b)
{
    check(a->result == b->result);
    if (a->result == HTTP1_BAD)
        return;
    check(a->used == b->used && a->x.http_status == b->x.http_status);
    check(str_eq((str) { a->room->body, a->room->body_len },
                 (str) { b->room->body, b->room->body_len }));
    check(str_eq(a->room->wanted[0], b->room->wanted[0]));
    if (a->result == HTTP1_DONE)
        check(http1_keeps_alive(&a->room->http) == http1_keeps_alive(&b->room->http));
}

static void end(struct reading *r)
{
    answer_room_give(r->room);
    answer_rooms_remove(&r->rooms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading whole, cut; /* too large for a stack that a sanitizer pads */
    if (!size)
        return 0;
    read_in_two(&whole, data + 1, size - 1, 0);
    read_in_two(&cut, data + 1, size - 1, size > 1 ? data[0] % (size - 1) : 0);
    check_reading(&whole);
    check_reading(&cut);
    check_equal(&whole, &cut);
    end(&whole);
    end(&cut);
    return 0;
}

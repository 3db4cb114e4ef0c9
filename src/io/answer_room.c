/* SPDX-License-Identifier: MIT */
/* The free rooms are a stack, of which few are kept: as a rule one answer comes whole before the
 * next one begins, so that one room serves all. A body's memory doubles up to what an answer may
 * be, and goes when that was much. */
#include "io/answer_room.h"

enum {
    ROOMS_KEPT = 16,
    BODY_FIRST = 512,
    BODY_KEPT = 16 << 10 /* bytes of a body's memory that stay for the next */
};

static struct answer_room *room_new(struct answer_rooms *rooms)
{
    struct answer_room *room = alloc_new(&rooms->alloc, sizeof *room);
    if (!room)
        return NULL;
    room->home = rooms;
    list_init(&room->link);
    return room;
}

static void free_body(struct answer_room *room)
{
    alloc_free(&room->home->alloc, room->body, room->body_cap);
    room->body = NULL;
    room->body_cap = 0;
}

static void room_free(struct answer_room *room)
{
    free_body(room);
    alloc_free(&room->home->alloc, room, sizeof *room);
}

static void keep(struct answer_room *room)
{
    list_put_first(&room->home->free, &room->link);
    room->home->free_count++;
}

/* Not by realloc(): what it leaves behind may hold secrets. */
static bool make_space(struct answer_room *room, size_t len)
{
    if (len <= room->body_cap)
        return true;
    size_t cap = room->body_cap ? room->body_cap : BODY_FIRST;
    while (cap < len)
        cap *= 2;
    char *more = alloc_resize(&room->home->alloc, NULL, 0, cap);
    if (!more)
        return false;
    if (room->body_len) {
        memcpy(more, room->body, room->body_len);
        explicit_bzero(room->body, room->body_len);
    }
    free_body(room);
    room->body = more;
    room->body_cap = cap;
    return true;
}

int answer_rooms_init(struct answer_rooms *rooms, const struct alloc *alloc)
{
    *rooms = (struct answer_rooms) { .alloc = *alloc };
    list_init(&rooms->free);
    struct answer_room *first = room_new(rooms);
    if (!first)
        return PIPEPOLL_ENOMEM;
    keep(first);
    return make_space(first, BODY_FIRST) ? 0 : PIPEPOLL_ENOMEM;
}

void answer_rooms_deinit(struct answer_rooms *rooms)
{
    for (; rooms->free_count; rooms->free_count--)
        room_free(CONTAINER_OF(list_pop_first(&rooms->free), struct answer_room, link));
}

struct answer_room *answer_room_take(struct answer_rooms *rooms)
{
    if (!rooms->free_count)
        return room_new(rooms);
    rooms->free_count--;
    return CONTAINER_OF(list_pop_first(&rooms->free), struct answer_room, link);
}

bool answer_room_put(struct answer_room *room, str piece)
{
    if (!make_space(room, room->body_len + piece.len))
        return false;
    memcpy(room->body + room->body_len, piece.ptr, piece.len);
    room->body_len += piece.len;
    return true;
}

void answer_room_give(struct answer_room *room)
{
    if (room->body_len)
        explicit_bzero(room->body, room->body_len);
    explicit_bzero(room->values, room->values_len);
    explicit_bzero(room->http.held, sizeof room->http.held);
    room->body_len = room->values_len = 0;
    if (room->body_cap > BODY_KEPT)
        free_body(room);
    if (room->home->free_count < ROOMS_KEPT)
        keep(room);
    else
        room_free(room);
}

/* SPDX-License-Identifier: MIT */
/* The free rooms are a stack: as a rule one answer comes whole before the next one begins, so that
 * one room serves all. A body's memory doubles up to what an answer may be, and goes when that was
 * much. */
#include "io/answer_room.h"

#include <assert.h>

enum { BODY_KEPT = 16 << 10 /* bytes of a body's memory that stay for the next */ };

void answer_rooms_init(struct answer_rooms *rooms, const struct alloc *alloc)
{
    *rooms = (struct answer_rooms) { .alloc = *alloc };
    list_init(&rooms->free);
}

static void free_body(struct answer_room *room)
{
    if (room->body != room->first_body)
        alloc_free(&room->home->alloc, room->body, room->body_cap);
    room->body = room->first_body;
    room->body_cap = sizeof room->first_body;
}

static void room_free(struct answer_room *room)
{
    free_body(room);
    alloc_free(&room->home->alloc, room, sizeof *room);
}

int answer_rooms_add(struct answer_rooms *rooms)
{
    if (rooms->excess) {
        rooms->excess--;
        return 0;
    }
    struct answer_room *room = alloc_new(&rooms->alloc, sizeof *room);
    if (!room)
        return PIPEPOLL_ENOMEM;
    room->home = rooms;
    room->body = room->first_body;
    room->body_cap = sizeof room->first_body;
    list_put_last(&rooms->free, &room->link);
    return 0;
}

void answer_rooms_remove(struct answer_rooms *rooms)
{
    struct list *coldest = rooms->free.prev;
    if (list_empty(&rooms->free)) {
        rooms->excess++;
        return;
    }
    list_remove(coldest);
    room_free(CONTAINER_OF(coldest, struct answer_room, link));
}

struct answer_room *answer_room_take(struct answer_rooms *rooms)
{
    assert(!list_empty(&rooms->free));
    return CONTAINER_OF(list_pop_first(&rooms->free), struct answer_room, link);
}

void answer_room_forget_values(struct answer_room *room)
{
    explicit_bzero(room->values, room->values_len);
    room->values_len = 0;
    memset(room->wanted, 0, sizeof room->wanted);
    memset(room->is_truncated, 0, sizeof room->is_truncated);
}

/* Not by realloc(): what it leaves behind may hold secrets. */
static bool make_space(struct answer_room *room, size_t len)
{
    size_t cap = room->body_cap;
    if (len <= cap)
        return true;
    while (cap < len)
        cap *= 2;
    char *more = alloc_resize(&room->home->alloc, NULL, 0, cap);
    if (!more)
        return false;
    memcpy(more, room->body, room->body_len);
    explicit_bzero(room->body, room->body_len);
    free_body(room);
    room->body = more;
    room->body_cap = cap;
    return true;
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
    struct answer_rooms *rooms = room->home;
    explicit_bzero(room->body, room->body_len);
    room->body_len = 0;
    answer_room_forget_values(room);
    http1_wipe(&room->http);
    if (room->body_cap > BODY_KEPT)
        free_body(room);
    if (rooms->excess) {
        rooms->excess--;
        room_free(room);
    } else {
        list_put_first(&rooms->free, &room->link);
    }
}

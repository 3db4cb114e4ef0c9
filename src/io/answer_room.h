/* SPDX-License-Identifier: MIT */
/* Where an answer is read: its parser, the values of wanted headers, the body. A transfer borrows
 * one from the first byte of its answer until its on_done() has returned. Of many in flight, those
 * that are being answered so use the same memory one after the other, which the caches keep.
 * Private to io/. */
#ifndef IO_ANSWER_ROOM_H
#define IO_ANSWER_ROOM_H

#include "io/http1.h"

enum { ANSWER_VALUES_SIZE = 512 };

struct answer_room {
    struct answer_rooms *home;
    struct list link; /* among the free ones */
    struct http1 http;
    str wanted[TRANSFER_WANTED_MAX]; /* slices of values */
    bool is_truncated[TRANSFER_WANTED_MAX];
    size_t values_len;
    char values[ANSWER_VALUES_SIZE]; /* a value that does not fit counts as not sent */
    char *body;
    size_t body_len, body_cap;
};

/* Those of one transport. */
struct answer_rooms {
    struct alloc alloc;
    struct list free; /* the one that was used last comes first */
    unsigned free_count;
};

/* One is there from the start, with memory for a small body: so that answers can be read when there
 * is no memory any more. PIPEPOLL_ENOMEM: deinit it all the same. */
int answer_rooms_init(struct answer_rooms *rooms, const struct alloc *alloc);
void answer_rooms_deinit(struct answer_rooms *rooms); /* fine on a zeroed one */

/* An empty one; NULL: out of memory. */
struct answer_room *answer_room_take(struct answer_rooms *rooms);
/* Append to the body; false: out of memory. */
bool answer_room_put(struct answer_room *room, str piece);
/* Wipe what it holds, and give it back. */
void answer_room_give(struct answer_room *room);

#endif

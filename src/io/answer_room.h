/* SPDX-License-Identifier: MIT */
/* Where an answer is read: its parser, the values of wanted headers, the body. A transfer borrows
 * one from the first byte of its answer until its on_done() has returned. Of many in flight, those
 * that are being answered so use the same memory one after the other, which the caches keep. There
 * are as many as connections: whatever comes when there is no memory any more, it can be read.
 * Private to io/. */
#ifndef IO_ANSWER_ROOM_H
#define IO_ANSWER_ROOM_H

#include "io/http1.h"

enum {
    ANSWER_VALUES_SIZE = 512,
    ANSWER_BODY_FIRST = 512 /* bytes of body that need no other memory */
};

struct answer_room {
    struct answer_rooms *home;
    struct list link; /* among the free ones */
    struct http1 http;
    str wanted[WANTED_HEADERS_MAX]; /* slices of values */
    bool is_truncated[WANTED_HEADERS_MAX];
    size_t values_len;
    char values[ANSWER_VALUES_SIZE]; /* a value that does not fit counts as not sent */
    char *body;
    size_t body_len, body_cap;
    char first_body[ANSWER_BODY_FIRST];
};

/* Those of one transport. */
struct answer_rooms {
    struct alloc alloc;
    struct list free; /* the one that was used last comes first */
    unsigned excess;  /* so many of those that are lent are not needed any more */
};

void answer_rooms_init(struct answer_rooms *rooms, const struct alloc *alloc);

/* For a connection more: PIPEPOLL_ENOMEM; and for one less, though its room may still be lent. */
int answer_rooms_add(struct answer_rooms *rooms);
void answer_rooms_remove(struct answer_rooms *rooms);

/* An empty one, at most one for each connection. */
struct answer_room *answer_room_take(struct answer_rooms *rooms);
/* A head begins: wipe what there was of another. */
void answer_room_forget_values(struct answer_room *room);
/* Append to the body; false: out of memory. */
bool answer_room_put(struct answer_room *room, str piece);
/* Wipe what it holds, and give it back. */
void answer_room_give(struct answer_room *room);

#endif

/* SPDX-License-Identifier: MIT */
/* A transfer beside the connection it goes by: its limits, its answer, its deadline and its end.
 * Private to io/. */
#ifndef IO_TRANSFER_H
#define IO_TRANSFER_H

#include "io/transport.h"

/* Forget the last answer and arm the deadline. expire() ends the transfer by transfer_end(): with
 * FAULT_TIMED_OUT, unless the connection knows of something worse. PIPEPOLL_ENOMEM. */
int transfer_begin(struct transfer *x, struct transport *tp, void (*expire)(struct transfer *x));
/* Undo that: the transfer did not start. */
void transfer_abandon(struct transfer *x);
/* The request, to be sent later: all of it, or a rest that was put together already. It is wiped
 * when it is forgotten, and at the end. false: out of memory. */
bool transfer_keep_request(struct transfer *x, str path);
bool transfer_keep_rest(struct transfer *x, str rest);
void transfer_forget_request(struct transfer *x);
/* Ring expire() from the loop as soon as it turns. */
void transfer_expire_soon(struct transfer *x);

/* Does the request tell the length of a body, be it 0? */
static inline bool transfer_has_body(const struct transfer *x)
{
    return x->body.len || !x->method.len || str_eq(x->method, STR("POST")) ||
           str_eq(x->method, STR("PUT"));
}

/* Its first bytes are there, and are to be read in this room, which is given back at the end. */
void transfer_begin_answer(struct transfer *x, struct answer_room *room);
/* A head begins (another may follow one of 1xx). */
void transfer_put_status(struct transfer *x, int status);
/* Count a piece of a head; false: the limits are passed. */
bool transfer_count_head(struct transfer *x, size_t bytes, size_t lines);
/* A header of this name begins: the index of the wanted one, its value empty, or
 * WANTED_HEADERS_MAX. The last one counts. */
size_t transfer_wanted(struct transfer *x, str name);
/* Append to a wanted header's value; one that does not fit counts as not sent. */
void transfer_put_value(struct transfer *x, size_t wanted, str piece);
/* Append to the body; false: the limit is passed, or out of memory. */
bool transfer_put_body(struct transfer *x, str piece);

/* Tell the owner, who may start x again, free it, or close the pool. detail: static, or the
 * connection's for as long as on_done() runs. What the limits found wins over fault. */
void transfer_end(struct transfer *x, enum fault fault, const char *detail);

#endif

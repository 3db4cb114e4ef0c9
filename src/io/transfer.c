/* SPDX-License-Identifier: MIT */
/* The connection hands over head and body piece by piece. A limit that is passed sets x->fault,
 * which transfer_end() does not replace. Wanted headers share memory of a fixed size; a new head
 * empties it, a repeated header does not give its part back. */
#include "io/transfer.h"

#include "io/answer_room.h"

static const uint64_t ns_per_ms = 1000000;

/* When the loop was late, the answer may lie in the socket already: libuv fires timers before it
 * looks at sockets. So the deadline takes one more turn of the loop before it ends a transfer. */
static void on_deadline(struct timer *deadline)
{
    struct transfer *x = CONTAINER_OF(deadline, struct transfer, deadline);
    if (x->overdue) {
        x->expire(x);
        return;
    }
    x->overdue = true;
    timer_set(deadline, timers_now_ns());
}

static const str none[WANTED_HEADERS_MAX];

int transfer_begin(struct transfer *x, struct transport *tp, void (*expire)(struct transfer *x))
{
    x->fault = FAULT_NONE;
    x->http_status = 0;
    x->answer = NULL;
    x->answer_len = x->head_bytes = x->head_lines = 0;
    x->overdue = x->is_sent = false;
    x->detail = "";
    x->cause = PIPEPOLL_CAUSE_UNKNOWN;
    x->subject = STR("");
    x->transport = tp;
    x->h1 = NULL;
    x->expire = expire;
    x->room = NULL;
    x->values = none;
    list_init(&x->wait_link);
    int r = timer_init(&x->deadline, transport_timers(tp), on_deadline);
    if (!r)
        timer_set(&x->deadline, timers_now_ns() + x->timeout_ms * ns_per_ms);
    return r;
}

void transfer_abandon(struct transfer *x)
{
    timer_deinit(&x->deadline);
    transfer_forget_request(x);
}

static bool make_unsent(struct transfer *x, size_t size)
{
    transfer_forget_request(x);
    char *room = alloc_resize(transport_alloc(x->transport), NULL, 0, size);
    x->unsent = (struct buf) { .at = room, .cap = room ? size : 0 };
    return room;
}

bool transfer_keep_request(struct transfer *x, str path)
{
    if (!make_unsent(x, http1_request_max(x, path)))
        return false;
    http1_put_request(&x->unsent, x, path);
    return true;
}

bool transfer_keep_rest(struct transfer *x, str rest)
{
    if (!make_unsent(x, rest.len))
        return false;
    buf_put(&x->unsent, rest);
    return true;
}

void transfer_forget_request(struct transfer *x)
{
    if (!x->unsent.cap)
        return;
    explicit_bzero(x->unsent.at, x->unsent.cap);
    alloc_free(transport_alloc(x->transport), x->unsent.at, x->unsent.cap);
    x->unsent = (struct buf) { 0 };
    x->unsent_from = 0;
}

void transfer_expire_soon(struct transfer *x)
{
    x->overdue = true;
    timer_set(&x->deadline, timers_now_ns());
}

void transfer_abort(struct transfer *x)
{
    if (x->deadline.timers)
        transfer_expire_soon(x);
}

void transfer_put_status(struct transfer *x, int status)
{
    answer_room_forget_values(x->room);
    x->http_status = status;
}

bool transfer_count_head(struct transfer *x, size_t bytes, size_t lines)
{
    x->head_bytes += bytes;
    x->head_lines += lines;
    if (x->head_bytes <= TRANSFER_HEADERS_MAX && x->head_lines <= TRANSFER_HEADER_LINES_MAX)
        return true;
    x->fault = FAULT_MALFORMED;
    x->detail = "the head of the answer is longer than allowed";
    return false;
}

size_t transfer_wanted(struct transfer *x, str name)
{
    for (size_t i = 0; i < x->wanted_count; i++) {
        if (!str_eq_nocase(x->wanted[i].name, name))
            continue;
        x->room->wanted[i] = (str) { NULL, 0 };
        x->room->is_truncated[i] = false;
        return i;
    }
    return WANTED_HEADERS_MAX;
}

void transfer_put_value(struct transfer *x, size_t wanted, str piece)
{
    struct answer_room *room = x->room;
    str *value = &room->wanted[wanted];
    char *at = room->values + room->values_len;
    size_t cut_at = x->wanted[wanted].cut_at;
    if (cut_at && piece.len > cut_at - value->len)
        piece.len = cut_at - value->len;
    if (room->is_truncated[wanted] || piece.len > sizeof room->values - room->values_len) {
        *value = (str) { NULL, 0 };
        room->is_truncated[wanted] = true;
        return;
    }
    memcpy(at, piece.ptr, piece.len);
    room->values_len += piece.len;
    if (!value->len)
        value->ptr = at;
    value->len += piece.len;
}

bool transfer_put_body(struct transfer *x, str piece)
{
    if (piece.len > TRANSFER_ANSWER_MAX - x->room->body_len) {
        x->fault = FAULT_MALFORMED;
        x->detail = "the answer is longer than allowed";
        return false;
    }
    if (!answer_room_put(x->room, piece)) {
        x->fault = FAULT_OUT_OF_MEMORY;
        x->detail = "out of memory";
        return false;
    }
    return true;
}

void transfer_begin_answer(struct transfer *x, struct answer_room *room)
{
    x->room = room;
    x->values = room->wanted;
    http1_begin(&room->http, x);
}

/* What it leaves behind may be gone when its owner was told, but for the room. */
void transfer_end(struct transfer *x, enum fault fault, const char *detail)
{
    struct answer_room *room = x->room;
    if (!x->fault) {
        x->fault = fault;
        x->detail = detail;
    }
    if (!x->cause)
        x->cause = fault_cause(x->fault);
    if (room) {
        x->answer = room->body;
        x->answer_len = room->body_len;
    }
    transfer_abandon(x);
    x->on_done(x);
    if (room)
        answer_room_give(room);
}

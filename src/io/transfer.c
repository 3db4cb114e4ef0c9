/* SPDX-License-Identifier: MIT */
/* The connection hands over head and body piece by piece. A limit that is passed sets x->fault,
 * which transfer_end() does not replace. Wanted headers share one room of fixed size in the
 * transfer; a new head empties it, a repeated header does not give its part back. The body's
 * room doubles up to TRANSFER_ANSWER_MAX and stays for the next transfer. */
#include "io/transfer.h"

#include "io/http1.h"

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

static void forget_head(struct transfer *x)
{
    x->values_len = 0;
    for (size_t i = 0; i < x->wanted_count; i++)
        x->wanted[i].value = (str) { NULL, 0 };
}

int transfer_begin(struct transfer *x, struct transport *tp, void (*expire)(struct transfer *x))
{
    x->fault = FAULT_NONE;
    x->http_status = 0;
    x->answer_len = x->head_bytes = x->head_lines = 0;
    x->overdue = x->is_sent = false;
    x->detail = "";
    x->cause = PIPEPOLL_CAUSE_UNKNOWN;
    x->subject = STR("");
    x->transport = tp;
    x->h1 = NULL;
    x->expire = expire;
    list_init(&x->wait_link);
    forget_head(x);
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
    forget_head(x);
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

struct wanted_header *transfer_wanted(struct transfer *x, str name)
{
    for (size_t i = 0; i < x->wanted_count; i++) {
        struct wanted_header *wanted = &x->wanted[i];
        if (!str_eq_nocase(wanted->name, name))
            continue;
        wanted->value = (str) { NULL, 0 };
        wanted->truncated = false;
        return wanted;
    }
    return NULL;
}

void transfer_put_value(struct transfer *x, struct wanted_header *wanted, str piece)
{
    char *at = x->values + x->values_len;
    if (wanted->cut_at && piece.len > wanted->cut_at - wanted->value.len)
        piece.len = wanted->cut_at - wanted->value.len;
    if (wanted->truncated || piece.len > sizeof x->values - x->values_len) {
        wanted->value = (str) { NULL, 0 };
        wanted->truncated = true;
        return;
    }
    memcpy(at, piece.ptr, piece.len);
    x->values_len += piece.len;
    if (!wanted->value.len)
        wanted->value.ptr = at;
    wanted->value.len += piece.len;
}

/* Not by realloc(): what it leaves behind may hold secrets. */
static bool make_space(struct transfer *x, size_t len)
{
    if (len <= x->answer_cap)
        return true;
    size_t cap = x->answer_cap ? x->answer_cap : TRANSFER_ANSWER_FIRST;
    while (cap < len)
        cap *= 2;
    const struct alloc *alloc = transport_alloc(x->transport);
    char *more = alloc_resize(alloc, NULL, 0, cap);
    if (!more)
        return false;
    if (x->answer_cap) {
        memcpy(more, x->answer, x->answer_len);
        explicit_bzero(x->answer, x->answer_cap);
        alloc_free(alloc, x->answer, x->answer_cap);
    }
    x->answer = more;
    x->answer_cap = cap;
    return true;
}

bool transfer_put_body(struct transfer *x, str piece)
{
    if (piece.len > TRANSFER_ANSWER_MAX - x->answer_len) {
        x->fault = FAULT_MALFORMED;
        x->detail = "the answer is longer than allowed";
        return false;
    }
    if (!make_space(x, x->answer_len + piece.len)) {
        x->fault = FAULT_OUT_OF_MEMORY;
        x->detail = "out of memory";
        return false;
    }
    memcpy(x->answer + x->answer_len, piece.ptr, piece.len);
    x->answer_len += piece.len;
    return true;
}

void transfer_end(struct transfer *x, enum fault fault, const char *detail)
{
    if (!x->fault) {
        x->fault = fault;
        x->detail = detail;
    }
    if (!x->cause)
        x->cause = fault_cause(x->fault);
    transfer_abandon(x);
    x->on_done(x);
}

/* A service may quote a secret in its error message. */
void transfer_deinit(struct transfer *x, struct transport *tp)
{
    if (x->answer_cap)
        explicit_bzero(x->answer, x->answer_cap);
    x->answer = alloc_free(transport_alloc(tp), x->answer, x->answer_cap);
    x->answer_cap = 0;
}

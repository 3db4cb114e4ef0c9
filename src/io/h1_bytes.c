/* SPDX-License-Identifier: MIT */
/* The bytes of a connection: a request out, an answer in.
 *
 * An error of the socket is no answer: a server may send a whole one and then reset the connection,
 * or answer before it has read the request. So whatever the socket tells, and whatever sending has
 * met, all that came is read first; and after an error the end of the bytes is a cut, not the end
 * of a body without a length. */
#include "io/h1_connection.h"

static struct transport *transport_of(const struct h1_connection *h1)
{
    return h1->connection.transport;
}

/* Returns the problem, or NULL. */
static const char *watch(struct h1_connection *h1)
{
    return connection_watch(&h1->connection, h1->x->unsent.len > 0);
}

/* Returns the problem. */
static const char *lack_memory(struct h1_connection *h1)
{
    h1->connection.fault = FAULT_OUT_OF_MEMORY;
    return fault_text(FAULT_OUT_OF_MEMORY);
}

/* As much as the socket takes: TLS takes a record at a time. Returns the problem, or NULL. */
static const char *send_unsent(struct h1_connection *h1)
{
    struct transfer *x = h1->x;
    enum io_status status = IO_OK;
    while (status == IO_OK && x->unsent_from < x->unsent.len) {
        size_t sent = 0;
        status =
            connection_send(&h1->connection, str_skip(buf_str(&x->unsent), x->unsent_from), &sent);
        x->unsent_from += sent;
    }
    if (status == IO_ERROR)
        return h1->connection.error;
    if (status == IO_OK)
        transfer_forget_request(x);
    return watch(h1);
}

/* Put the request together and send it: as a rule in one piece, that is in one TLS record. */
static const char *send_at_once(struct h1_connection *h1)
{
    struct transfer *x = h1->x;
    struct buf out = { .at = transport_of(h1)->send_bytes, .cap = SEND_CAPACITY };
    http1_put_request(&out, x, h1->connection.pool->path);
    size_t sent = 0;
    if (connection_send(&h1->connection, buf_str(&out), &sent) == IO_ERROR)
        return h1->connection.error;
    if (sent == out.len)
        return NULL;
    return transfer_keep_rest(x, str_skip(buf_str(&out), sent)) ? watch(h1) : lack_memory(h1);
}

const char *h1_connection_send(struct h1_connection *h1)
{
    struct transfer *x = h1->x;
    str path = h1->connection.pool->path;
    x->is_sent = true;
    if (!x->unsent.len && http1_request_max(x, path) <= SEND_CAPACITY)
        return send_at_once(h1);
    return x->unsent.len || transfer_keep_request(x, path) ? send_unsent(h1) : lack_memory(h1);
}

/* Of the answer: has it begun, is it whole? */
static struct http1 *parser_of(const struct h1_connection *h1)
{
    return h1->x->room ? &h1->x->room->http : NULL;
}

static bool is_whole(const struct h1_connection *h1)
{
    return parser_of(h1) && parser_of(h1)->done;
}

/* What follows a whole answer was not asked for: the connection cannot be trusted with another. */
static void take_bytes(struct h1_connection *h1, str bytes, bool *ended)
{
    size_t used = 0;
    if (!h1->x->room)
        transfer_begin_answer(h1->x, answer_room_take(&transport_of(h1)->rooms));
    if (!is_whole(h1) && http1_feed(parser_of(h1), bytes, &used) == HTTP1_BAD)
        h1->malformed = true;
    if (used < bytes.len)
        *ended = true;
}

/* Read until there is a whole answer, or nothing left: TLS may hold bytes that no event will
 * announce. IO_OK: the answer is whole. */
static enum io_status receive(struct h1_connection *h1, bool *ended)
{
    struct connection *c = &h1->connection;
    char *room = transport_of(h1)->receive_bytes;
    while (!*ended && !h1->malformed) {
        size_t n = 0;
        enum io_status status = connection_receive(c, room, RECEIVE_CAPACITY, &n);
        if (status == IO_END)
            *ended = true;
        if (status)
            return status;
        take_bytes(h1, (str) { room, n }, ended);
        if (is_whole(h1) && !connection_has_pending(c))
            break;
    }
    return IO_OK;
}

/* The bytes have ended. Only without an error before, and by TLS only if the peer said so, is that
 * the end of an answer without a length. */
static bool ended_cleanly(const struct h1_connection *h1)
{
    return !h1->broken && connection_ended_cleanly(&h1->connection);
}

static bool ends_here(const struct h1_connection *h1)
{
    return parser_of(h1) && ended_cleanly(h1) && http1_feed_end(parser_of(h1)) == HTTP1_DONE;
}

/* true: there was no memory, and that is told. */
static bool tell_want_of_memory(struct h1_connection *h1)
{
    enum fault fault = h1->connection.fault;
    if (fault == FAULT_OUT_OF_MEMORY) {
        h1->connection.cause = fault_cause(fault);
        h1_connection_fail(h1, fault, fault_text(fault));
    }
    return fault == FAULT_OUT_OF_MEMORY;
}

static void tell_cut(struct h1_connection *h1)
{
    const char *problem = h1->x->room ? "the connection ended in the middle of the answer"
                                      : "the connection ended without an answer";
    char text[ROUTE_PROBLEM_SIZE];
    if (!tell_want_of_memory(h1))
        h1_connection_fail(h1, FAULT_UNREACHABLE,
                           h1_connection_blame(h1, h1->problem ? h1->problem : problem, text));
}

static void tell_error(struct h1_connection *h1)
{
    char text[ROUTE_PROBLEM_SIZE];
    const char *problem = h1->problem ? h1->problem : h1->connection.error;
    if (!tell_want_of_memory(h1))
        h1_connection_fail(h1, h1->connection.fault, h1_connection_blame(h1, problem, text));
}

/* true: there may be more, and the connection lives. */
static bool on_answer(struct h1_connection *h1)
{
    bool ended = false;
    bool failed = receive(h1, &ended) == IO_ERROR;
    if (h1->malformed)
        h1_connection_fail(h1, FAULT_MALFORMED, http1_problem(parser_of(h1)));
    else if (is_whole(h1) || (ended && ends_here(h1)))
        h1_connection_finish(h1, ended || failed || h1->broken);
    else if (ended || (!failed && h1->broken))
        tell_cut(h1);
    else if (failed)
        tell_error(h1);
    else
        return true;
    return false;
}

/* What sending has met ends the transfer, unless there is an answer. */
void h1_connection_on_unsendable(struct h1_connection *h1, const char *problem)
{
    h1->problem = problem;
    h1->broken = true;
    on_answer(h1);
}

/* Idle: session tickets may come, and then nothing is left to read. All else is the end, and what
 * ended this one may have ended others, of which the loop has not told yet. */
static void on_idle_bytes(struct h1_connection *h1)
{
    size_t n;
    struct connection *c = &h1->connection;
    enum io_status status =
        connection_receive(c, transport_of(h1)->receive_bytes, RECEIVE_CAPACITY, &n);
    if (!h1->broken && status == IO_AGAIN)
        return;
    c->pool->doubt_ns = timers_age_ns();
    h1_connection_close(h1);
}

/* Reads first: a server may answer before it has read the whole request, and then end the
 * connection. */
void h1_connection_on_ready(struct connection *c, int bits)
{
    struct h1_connection *h1 = CONTAINER_OF(c, struct h1_connection, connection);
    if (bits & CURL_CSELECT_ERR)
        h1->broken = true;
    if (!h1->x) {
        on_idle_bytes(h1);
        return;
    }
    if (h1->problem)
        return; /* on_expire() is on its way */
    if ((bits & CURL_CSELECT_IN) && !on_answer(h1))
        return;
    const char *problem = h1->x->unsent.len ? send_unsent(h1) : NULL;
    if (problem)
        h1_connection_on_unsendable(h1, problem);
}

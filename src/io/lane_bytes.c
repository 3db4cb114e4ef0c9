/* The bytes of a lane: a request out, an answer in.
 *
 * An error of the socket is no answer: a server may send a whole one and then reset the connection,
 * or answer before it has read the request. So whatever the socket tells, and whatever sending has
 * met, all that came is read first; and after an error the end of the bytes is a cut, not the end
 * of a body without a length.
 */
#include "io/lane.h"

static struct transport *transport_of(const struct lane *lane)
{
    return lane->connection.pool->transport;
}

/* Returns the problem, or NULL. */
static const char *watch(struct lane *lane)
{
    return connection_watch(&lane->connection, lane->unsent.len > 0);
}

/* Empty room for what is to be sent by and by. Returns the problem, or NULL. */
static const char *make_unsent(struct lane *lane, size_t size)
{
    const struct alloc *alloc = &transport_of(lane)->o.alloc;
    buf_reset(&lane->unsent);
    lane->unsent_from = 0;
    if (size <= lane->unsent.cap)
        return NULL;
    char *more = alloc_resize(alloc, lane->unsent.at, lane->unsent.cap, size);
    if (!more) {
        lane->connection.fault = FAULT_OUT_OF_MEMORY;
        return fault_text(FAULT_OUT_OF_MEMORY);
    }
    lane->unsent.at = more;
    lane->unsent.cap = size;
    return NULL;
}

/* All is sent. Room for a large request is not kept: few are. */
static void forget_unsent(struct lane *lane)
{
    explicit_bzero(lane->unsent.at, lane->unsent.len);
    buf_reset(&lane->unsent);
    if (lane->unsent.cap <= SEND_ROOM)
        return;
    alloc_free(&transport_of(lane)->o.alloc, lane->unsent.at, lane->unsent.cap);
    lane->unsent = (struct buf) { 0 };
}

/* Returns the problem, or NULL. */
static const char *keep_unsent(struct lane *lane, str rest)
{
    const char *problem = make_unsent(lane, rest.len);
    if (problem)
        return problem;
    buf_put(&lane->unsent, rest);
    return watch(lane);
}

/* As much as the socket takes: TLS takes a record at a time. Returns the problem, or NULL. */
static const char *send_rest(struct lane *lane)
{
    enum io_status status = IO_OK;
    while (status == IO_OK && lane->unsent_from < lane->unsent.len) {
        size_t sent = 0;
        status = connection_send(&lane->connection,
                                 str_skip(buf_str(&lane->unsent), lane->unsent_from), &sent);
        lane->unsent_from += sent;
    }
    if (status == IO_ERROR)
        return lane->connection.error;
    if (status == IO_OK)
        forget_unsent(lane);
    return watch(lane);
}

/* In memory of its own, from which it goes out as the socket takes it. */
static const char *send_large(struct lane *lane, size_t size)
{
    const char *problem = make_unsent(lane, size);
    if (problem)
        return problem;
    http1_put_request(&lane->unsent, lane->x, lane->connection.pool->path);
    return send_rest(lane);
}

/* Put the request together and send it: as a rule in one piece, that is in one TLS record. */
const char *lane_send(struct lane *lane)
{
    struct transport *tp = transport_of(lane);
    struct transfer *x = lane->x;
    str path = lane->connection.pool->path;
    size_t size = http1_request_max(x, path);
    http1_begin(&lane->http, x);
    if (size > SEND_ROOM)
        return send_large(lane, size);
    struct buf out = { .at = tp->send_room, .cap = SEND_ROOM };
    http1_put_request(&out, x, path);
    size_t sent = 0;
    if (connection_send(&lane->connection, buf_str(&out), &sent) == IO_ERROR)
        return lane->connection.error;
    return sent < out.len ? keep_unsent(lane, str_skip(buf_str(&out), sent)) : NULL;
}

/* What follows a whole answer was not asked for: the connection cannot be trusted with another. */
static void take_bytes(struct lane *lane, str bytes, bool *ended)
{
    size_t used = 0;
    if (!lane->http.done && http1_feed(&lane->http, bytes, &used) == HTTP1_BAD)
        lane->malformed = true;
    if (used < bytes.len)
        *ended = true;
}

/* Read until there is a whole answer, or nothing left: TLS may hold bytes that no event will
 * announce. IO_OK: the answer is whole. */
static enum io_status receive(struct lane *lane, bool *ended)
{
    struct connection *c = &lane->connection;
    char *room = transport_of(lane)->receive_room;
    while (!*ended && !lane->malformed) {
        size_t n = 0;
        enum io_status status = connection_receive(c, room, RECEIVE_ROOM, &n);
        if (status == IO_END)
            *ended = true;
        if (status)
            return status;
        take_bytes(lane, (str) { room, n }, ended);
        if (lane->http.done && !connection_has_pending(c))
            break;
    }
    return IO_OK;
}

/* The bytes have ended. Only without an error before, and by TLS only if the peer said so, is that
 * the end of an answer without a length. */
static bool ended_cleanly(const struct lane *lane)
{
    return !lane->broken && connection_ended_cleanly(&lane->connection);
}

static void tell_cut(struct lane *lane)
{
    const char *problem = lane->http.any ? "the connection ended in the middle of the answer"
                                         : "the connection ended without an answer";
    char text[ROUTE_PROBLEM_SIZE];
    lane_fail(lane, FAULT_UNREACHABLE,
              lane_blame(lane, lane->problem ? lane->problem : problem, text));
}

static void tell_error(struct lane *lane)
{
    char text[ROUTE_PROBLEM_SIZE];
    const char *problem = lane->problem ? lane->problem : lane->connection.error;
    enum fault fault = lane->connection.fault;
    if (fault == FAULT_OUT_OF_MEMORY)
        lane_fail(lane, fault, fault_text(fault));
    else
        lane_fail(lane, fault, lane_blame(lane, problem, text));
}

/* true: there may be more, and the lane lives. */
static bool on_answer(struct lane *lane)
{
    bool ended = false;
    bool failed = receive(lane, &ended) == IO_ERROR;
    if (lane->malformed)
        lane_fail(lane, FAULT_MALFORMED, http1_problem(&lane->http));
    else if (lane->http.done ||
             (ended && ended_cleanly(lane) && http1_feed_end(&lane->http) == HTTP1_DONE))
        lane_finish(lane, ended || failed || lane->broken);
    else if (ended || (!failed && lane->broken))
        tell_cut(lane);
    else if (failed)
        tell_error(lane);
    else
        return true;
    return false;
}

/* What sending has met ends the transfer, unless there is an answer. */
void lane_on_unsendable(struct lane *lane, const char *problem)
{
    lane->problem = problem;
    lane->broken = true;
    on_answer(lane);
}

/* Idle: session tickets may come, and then nothing is left to read. All else is the end, and what
 * ended this one may have ended others, of which the loop has not told yet. */
static void on_idle_bytes(struct lane *lane)
{
    size_t n;
    struct connection *c = &lane->connection;
    enum io_status status =
        connection_receive(c, transport_of(lane)->receive_room, RECEIVE_ROOM, &n);
    if (!lane->broken && status == IO_AGAIN)
        return;
    c->pool->doubt_ns = timers_age_ns();
    lane_close(lane);
}

/* Reads first: a server may answer before it has read the whole request, and then end the
 * connection. */
void lane_on_ready(struct connection *c, int bits)
{
    struct lane *lane = CONTAINER_OF(c, struct lane, connection);
    if (bits & CURL_CSELECT_ERR)
        lane->broken = true;
    if (!lane->x) {
        on_idle_bytes(lane);
        return;
    }
    if (lane->problem)
        return; /* on_expire() is on its way */
    if ((bits & CURL_CSELECT_IN) && !on_answer(lane))
        return;
    const char *problem = lane->unsent.len ? send_rest(lane) : NULL;
    if (problem)
        lane_on_unsendable(lane, problem);
}

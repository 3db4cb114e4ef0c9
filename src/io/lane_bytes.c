/* The bytes of a lane: a request out, an answer in.
 *
 * An error of the socket is no answer: a server may send a whole one and then reset the connection,
 * or answer before it has read the request. So whatever the socket tells, and whatever sending has
 * met, all that came is read first; and after an error the end of the bytes is a cut, not the end
 * of a body without a length.
 */
#include "io/curl_fault.h"
#include "io/lane.h"
#include "io/trust.h"

const char *lane_error(const struct lane *lane, CURLcode code)
{
    return lane->error[0] ? lane->error : curl_easy_strerror(code);
}

static const char *unsendable(struct lane *lane, CURLcode code)
{
    const char *error = lane_error(lane, code);
    lane->starved = code == CURLE_OUT_OF_MEMORY || trust_lacks_memory(error, 0);
    return error;
}

/* Returns the problem, or NULL. */
const char *lane_watch(struct lane *lane)
{
    int what = lane->unsent.len ? CURL_POLL_INOUT : CURL_POLL_IN;
    bool watched = sockets_watch(lane->pool->transport->sockets, lane->fd, &lane->watcher, what);
    return watched ? NULL : "the system refused to watch the connection";
}

/* Empty room for what is to be sent by and by. Returns the problem, or NULL. */
static const char *make_unsent(struct lane *lane, size_t size)
{
    const struct alloc *alloc = &lane->pool->transport->o.alloc;
    buf_reset(&lane->unsent);
    lane->unsent_from = 0;
    if (size <= lane->unsent.cap)
        return NULL;
    char *more = alloc_resize(alloc, lane->unsent.at, lane->unsent.cap, size);
    lane->starved = !more;
    if (!more)
        return fault_text(FAULT_OUT_OF_MEMORY);
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
    alloc_free(&lane->pool->transport->o.alloc, lane->unsent.at, lane->unsent.cap);
    lane->unsent = (struct buf) { 0 };
}

/* Returns the problem, or NULL. */
static const char *keep_unsent(struct lane *lane, str rest)
{
    const char *problem = make_unsent(lane, rest.len);
    if (problem)
        return problem;
    buf_put(&lane->unsent, rest);
    return lane_watch(lane);
}

/* Returns the problem, or NULL. */
static const char *send_rest(struct lane *lane)
{
    str rest = str_skip(buf_str(&lane->unsent), lane->unsent_from);
    size_t sent = 0;
    CURLcode code = curl_easy_send(lane->user.easy, rest.ptr, rest.len, &sent);
    lane->unsent_from += sent;
    if (lane->unsent_from == lane->unsent.len) {
        forget_unsent(lane);
        return lane_watch(lane);
    }
    return code && code != CURLE_AGAIN ? unsendable(lane, code) : NULL;
}

/* In memory of its own, from which it goes out as the socket takes it. */
static const char *send_large(struct lane *lane, size_t size)
{
    const char *problem = make_unsent(lane, size);
    if (problem)
        return problem;
    http1_put_request(&lane->unsent, lane->x, lane->pool->path);
    problem = send_rest(lane);
    return problem || !lane->unsent.len ? problem : lane_watch(lane);
}

/* Put the request together and send it: as a rule in one piece, that is in one TLS record. */
const char *lane_send(struct lane *lane)
{
    struct transport *tp = lane->pool->transport;
    struct transfer *x = lane->x;
    size_t size = http1_request_max(x, lane->pool->path);
    http1_begin(&lane->http, x);
    if (size > SEND_ROOM)
        return send_large(lane, size);
    struct buf out = { .at = tp->send_room, .cap = SEND_ROOM };
    http1_put_request(&out, x, lane->pool->path);
    size_t sent = 0;
    CURLcode code = curl_easy_send(lane->user.easy, out.at, out.len, &sent);
    if (code && code != CURLE_AGAIN)
        return unsendable(lane, code);
    return sent < out.len ? keep_unsent(lane, str_skip(buf_str(&out), sent)) : NULL;
}

/* What follows a whole answer was not asked for: the connection cannot be trusted with another. */
static void take_bytes(struct lane *lane, str bytes, bool *ended)
{
    size_t used = 0;
    if (!lane->http.done && http1_feed(&lane->http, bytes, &used) == HTTP1_BAD)
        lane->garbled = true;
    if (used < bytes.len)
        *ended = true;
}

/* Read until the socket is empty: TLS may hold a whole answer that no event will announce. */
static CURLcode receive(struct lane *lane, bool *ended)
{
    struct transport *tp = lane->pool->transport;
    while (!*ended && !lane->garbled) {
        size_t n = 0;
        CURLcode code = curl_easy_recv(lane->user.easy, tp->receive_room, RECEIVE_ROOM, &n);
        if (code)
            return code == CURLE_AGAIN ? CURLE_OK : code;
        if (n == 0)
            *ended = true;
        else
            take_bytes(lane, (str) { tp->receive_room, n }, ended);
    }
    return CURLE_OK;
}

/* The bytes have ended. Only without an error before, and by TLS only if the peer said so, is that
 * the end of an answer without a length. */
static bool ended_cleanly(const struct lane *lane)
{
    struct curl_tlssessioninfo *tls = NULL;
    curl_easy_getinfo(lane->user.easy, CURLINFO_TLS_SSL_PTR, &tls);
    return !lane->broken && (!tls || !tls->internals || trust_was_closed(tls->internals));
}

static void tell_cut(struct lane *lane)
{
    const char *problem = lane->http.any ? "the connection ended in the middle of the answer"
                                         : "the connection ended without an answer";
    char text[ROUTE_PROBLEM_SIZE];
    lane_fail(lane, FAULT_UNREACHABLE,
              lane_blame(lane, lane->problem ? lane->problem : problem, text));
}

static void tell_error(struct lane *lane, CURLcode code)
{
    char text[ROUTE_PROBLEM_SIZE];
    const char *problem = lane->problem ? lane->problem : unsendable(lane, code);
    lane_fail(lane, curl_fault(code), lane_blame(lane, problem, text));
}

/* true: there may be more, and the lane lives. */
static bool on_answer(struct lane *lane)
{
    bool ended = false;
    CURLcode code = receive(lane, &ended);
    if (lane->garbled)
        lane_fail(lane, FAULT_GARBLED, http1_problem(&lane->http));
    else if (lane->http.done ||
             (ended && ended_cleanly(lane) && http1_feed_end(&lane->http) == HTTP1_DONE))
        lane_finish(lane, ended || code || lane->broken);
    else if (ended || (!code && lane->broken))
        tell_cut(lane);
    else if (code)
        tell_error(lane, code);
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
    CURLcode code =
        curl_easy_recv(lane->user.easy, lane->pool->transport->receive_room, RECEIVE_ROOM, &n);
    if (!lane->broken && code == CURLE_AGAIN)
        return;
    lane->pool->doubt_ns = wake_age_ns();
    lane_close(lane);
}

/* Reads first: a server may answer before it has read the whole request, and then end the
 * connection. */
void lane_on_ready(struct socket_watcher *watcher, curl_socket_t fd, int bits)
{
    struct lane *lane = CONTAINER_OF(watcher, struct lane, watcher);
    (void)fd;
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

/* SPDX-License-Identifier: MIT */
/* The bytes of a connection: of the application, and below TLS those of the wire, which go by its
 * socket, or by libcurl's handle behind a proxy that is itself spoken to by TLS. */
#include <errno.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "io/connection.h"
#include "io/curl_fault.h"

/* --- the bytes of the wire --- */

static void put_error(struct connection *c, const char *error)
{
    struct buf out = BUF_ON(c->error);
    buf_put(&out, str_of(error));
    buf_cstr(&out);
}

static enum io_status refuse(struct connection *c, const char *what, int error)
{
    struct buf out = BUF_ON(c->error);
    bool starved = error == ENOMEM || error == ENOBUFS;
    c->fault = starved ? FAULT_OUT_OF_MEMORY : FAULT_UNREACHABLE;
    buf_printf(&out, "%s failed: %s", what, strerror(error));
    buf_cstr(&out);
    return IO_ERROR;
}

static enum io_status status_of(struct connection *c, CURLcode code)
{
    if (!code || code == CURLE_AGAIN)
        return code ? IO_AGAIN : IO_OK;
    c->fault = curl_fault(code);
    if (!c->error[0])
        put_error(c, curl_easy_strerror(code));
    return IO_ERROR;
}

static bool is_full_or_empty(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static enum io_status wire_send(void *connection, const char *bytes, size_t len, bool goes_on,
                                size_t *sent)
{
    struct connection *c = connection;
    *sent = 0;
    if (c->user.easy)
        return status_of(c, curl_easy_send(c->user.easy, bytes, len, sent));
    ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL | (goes_on ? MSG_MORE : 0));
    if (n < 0)
        return is_full_or_empty(errno) ? IO_AGAIN : refuse(c, "sending", errno);
    *sent = (size_t)n;
    return IO_OK;
}

static enum io_status wire_receive(void *connection, char *room, size_t size, size_t *received)
{
    struct connection *c = connection;
    enum io_status status = IO_OK;
    *received = 0;
    if (c->user.easy) {
        status = status_of(c, curl_easy_recv(c->user.easy, room, size, received));
        return !status && !*received ? IO_END : status;
    }
    ssize_t n = recv(c->fd, room, size, 0);
    if (n < 0)
        return is_full_or_empty(errno) ? IO_AGAIN : refuse(c, "receiving", errno);
    *received = (size_t)n;
    return n ? IO_OK : IO_END;
}

struct tls_carrier connection_wire(struct connection *c)
{
    return (struct tls_carrier) { c, wire_send, wire_receive };
}

/* --- the bytes of the application --- */

const char *connection_watch(struct connection *c, bool also_sending)
{
    int what = also_sending ? CURL_POLL_INOUT : CURL_POLL_IN;
    bool watched = sockets_watch(c->transport->sockets, c->fd, &c->watcher, what);
    if (!watched)
        c->fault = FAULT_UNREACHABLE;
    return watched ? NULL : "the system refused to watch the connection";
}

/* What TLS says of its error is more than what the wire has said. */
static enum io_status told(struct connection *c, enum io_status status)
{
    char text[ROUTE_PROBLEM_SIZE];
    const char *problem = status == IO_ERROR ? tls_problem(&c->tls, text, sizeof text) : NULL;
    if (!problem)
        return status;
    c->fault = c->tls.starved ? FAULT_OUT_OF_MEMORY : FAULT_UNREACHABLE;
    put_error(c, problem);
    return status;
}

enum io_status connection_send(struct connection *c, str bytes, size_t *sent)
{
    if (!c->tls.ssl)
        return wire_send(c, bytes.ptr, bytes.len, false, sent);
    return told(c, tls_send(&c->tls, bytes.ptr, bytes.len, sent));
}

enum io_status connection_receive(struct connection *c, char *room, size_t size, size_t *received)
{
    if (!c->tls.ssl)
        return wire_receive(c, room, size, received);
    return told(c, tls_receive(&c->tls, room, size, received));
}

bool connection_has_pending(const struct connection *c)
{
    return c->user.easy || (c->tls.ssl && tls_has_pending(&c->tls));
}

bool connection_ended_cleanly(const struct connection *c)
{
    return !c->tls.ssl || tls_was_closed(&c->tls);
}

void connection_keep_session(struct connection *c)
{
    if (c->tls.ssl)
        tls_keep_session(&c->tls, &c->pool->session);
}

bool connection_wants_certificate(const struct connection *c)
{
    return c->tls.wants_certificate;
}

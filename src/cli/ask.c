/* SPDX-License-Identifier: MIT */
/* A socket that does not block, and poll() for each step with what is left of the deadline. The
 * request asks for the connection to be closed, so that the end of the stream is the end of the
 * answer; Content-Length tells whether that came too early. */
#include "cli/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/screen.h"
#include "config/http_token.h"
#include "daemon/steady.h"

enum { REQUEST_MAX = HTTP_TOKEN_MAX + 1024, FIRST_SIZE = 4096, HEAD_MAX = 16384 };

struct asking {
    const struct ask *ask;
    struct pipepoll_error *why;
    struct socket_address address;
    int64_t deadline_ms;
    int fd;
    char *bytes; /* of the answer, with its head */
    size_t len, cap;
};

/* --- the request ----------------------------------------------------------------------------- */

static int put_token(struct buf *out, const struct asking *a)
{
    struct http_token token = { .len = 0 };
    int r = http_token_read(&token, a->ask->token_file, a->why) ? PIPEPOLL_EINVAL : PIPEPOLL_OK;
    buf_put(out, STR("Authorization: Bearer "));
    buf_put(out, (str) { token.bytes, token.len });
    buf_put(out, STR("\r\n"));
    explicit_bzero(&token, sizeof token);
    return r;
}

static int put_request(struct buf *out, const struct asking *a)
{
    int r = PIPEPOLL_OK;
    buf_printf(out, "GET %s HTTP/1.1\r\nHost: ", a->ask->path);
    if (socket_address_is_unix(&a->address))
        buf_put(out, STR("localhost"));
    else
        socket_address_put(out, &a->address);
    buf_put(out, STR("\r\nConnection: close\r\n"));
    if (a->ask->token_file)
        r = put_token(out, a);
    buf_put(out, STR("\r\n"));
    if (!r && out->overflow)
        r = explain(a->why, PIPEPOLL_EINVAL, "the path that is asked for is too long");
    return r;
}

/* --- the connection -------------------------------------------------------------------------- */

static int fail(const struct asking *a, int result, const char *what)
{
    char where[SOCKET_ADDRESS_MAX];
    struct buf b = BUF_ON(where);
    socket_address_put(&b, &a->address);
    return explain(a->why, result, "%.*s: %s", STR_ARG(buf_str(&b)), what);
}

static int fail_late(const struct asking *a)
{
    char what[64];
    struct buf b = BUF_ON(what);
    buf_printf(&b, "no answer within %u ms", a->ask->timeout_ms);
    return fail(a, PIPEPOLL_ETIMEDOUT, buf_cstr(&b));
}

/* 0: the socket is ready for it. */
static int wait_for(const struct asking *a, short events)
{
    struct pollfd p = { .fd = a->fd, .events = events };
    int ready;
    do {
        int64_t left_ms = a->deadline_ms - steady_ms();
        ready = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;
    } while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return fail(a, PIPEPOLL_ESYSTEM, strerror(errno));
    return ready ? PIPEPOLL_OK : fail_late(a);
}

static int fail_to_connect(const struct asking *a, int error)
{
    bool nobody = error == ECONNREFUSED || error == ENOENT;
    if (error == EACCES)
        return fail(a, PIPEPOLL_ETRANSPORT,
                    "permission denied: it is open to the user that runs pipepoll, and to root");
    return fail(a, PIPEPOLL_ETRANSPORT, nobody ? "nobody listens there" : strerror(error));
}

static int connect_to(struct asking *a)
{
    a->fd = socket(a->address.at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (a->fd < 0)
        return fail(a, PIPEPOLL_ESYSTEM, strerror(errno));
    if (connect(a->fd, &a->address.at.any, a->address.len) == 0)
        return PIPEPOLL_OK;
    if (errno == EAGAIN) /* of a unix socket: whoever listens takes nobody */
        return fail(a, PIPEPOLL_ETIMEDOUT, "its queue of connections is full");
    if (errno != EINPROGRESS)
        return fail_to_connect(a, errno);
    int error = 0, r = wait_for(a, POLLOUT);
    socklen_t len = sizeof error;
    if (!r && getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len))
        error = errno;
    return !r && error ? fail_to_connect(a, error) : r;
}

static int send_all(const struct asking *a, str bytes)
{
    while (bytes.len) {
        ssize_t sent = send(a->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return fail(a, PIPEPOLL_ETRANSPORT, strerror(errno));
        bytes = str_skip(bytes, sent > 0 ? (size_t)sent : 0);
        int r = bytes.len ? wait_for(a, POLLOUT) : PIPEPOLL_OK;
        if (r)
            return r;
    }
    return PIPEPOLL_OK;
}

static bool has_space(struct asking *a)
{
    if (a->len + 1 < a->cap)
        return true;
    size_t cap = a->cap ? 2 * a->cap : FIRST_SIZE;
    char *grown = realloc(a->bytes, cap);
    if (!grown)
        return false;
    a->bytes = grown;
    a->cap = cap;
    return true;
}

/* To the end of the stream. */
static int receive_all(struct asking *a)
{
    for (;;) {
        if (!has_space(a))
            return explain(a->why, PIPEPOLL_ENOMEM, "out of memory");
        ssize_t got = recv(a->fd, a->bytes + a->len, a->cap - a->len - 1, 0);
        if (got == 0)
            break;
        a->len += got > 0 ? (size_t)got : 0;
        if (a->len > ASK_BODY_MAX + HEAD_MAX)
            return fail(a, PIPEPOLL_EPROTO, "the answer is too long");
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return fail(a, PIPEPOLL_ETRANSPORT, strerror(errno));
        int r = got < 0 ? wait_for(a, POLLIN) : PIPEPOLL_OK;
        if (r)
            return r;
    }
    a->bytes[a->len] = '\0';
    return PIPEPOLL_OK;
}

/* --- the answer ------------------------------------------------------------------------------ */

/* SIZE_MAX: it does not say. */
static size_t announced_len(str head)
{
    static const str name = STR_INIT("Content-Length:");
    while (head.len) {
        str line = { head.ptr, str_find(head, '\n') };
        head = str_skip(head, line.len + (line.len < head.len));
        if (line.len > name.len && str_eq_nocase((str) { line.ptr, name.len }, name))
            return (size_t)strtoull(line.ptr + name.len, NULL, 10);
    }
    return SIZE_MAX;
}

/* The body moves to the beginning of what becomes the answer's. */
static int take_answer(struct ask_answer *out, struct asking *a)
{
    str version = STR("HTTP/1."), bytes = { a->bytes, a->len };
    const char *body = memmem(a->bytes, a->len, "\r\n\r\n", 4);
    unsigned long status = bytes.len > 9 ? strtoul(a->bytes + 9, NULL, 10) : 0;
    if (!str_starts(bytes, version) || !body || status < 200 || status > 599)
        return fail(a, PIPEPOLL_EPROTO, "what answers there is no HTTP server, or went away");
    size_t head_len = (size_t)(body - a->bytes) + 4, len = a->len - head_len;
    size_t announced = announced_len((str) { a->bytes, head_len });
    if (announced != SIZE_MAX && announced != len)
        return fail(a, PIPEPOLL_EPROTO, "the answer broke off");
    memmove(a->bytes, a->bytes + head_len, len + 1);
    *out = (struct ask_answer) { .status = (unsigned)status, .body = a->bytes, .len = len };
    a->bytes = NULL;
    return PIPEPOLL_OK;
}

static int exchange(struct asking *a)
{
    char text[REQUEST_MAX];
    struct buf request = BUF_ON(text);
    int r = put_request(&request, a);
    if (!r)
        r = connect_to(a);
    if (!r)
        r = send_all(a, buf_str(&request));
    explicit_bzero(text, sizeof text);
    return r ? r : receive_all(a);
}

int ask(struct ask_answer *out, const struct ask *asked, struct pipepoll_error *why)
{
    struct ask with_defaults = *asked;
    struct asking a = { .ask = &with_defaults, .why = why, .fd = -1 };
    if (!with_defaults.timeout_ms)
        with_defaults.timeout_ms = ASK_TIMEOUT_MS;
    a.deadline_ms = steady_ms() + with_defaults.timeout_ms;
    int r = ask_address_read(&a.address, asked->address, why);
    if (r)
        return r;
    r = exchange(&a);
    if (!r)
        r = take_answer(out, &a);
    if (a.fd >= 0)
        close(a.fd);
    free(a.bytes);
    return r;
}

str ask_answer_line(const struct ask_answer *answer)
{
    str body = { answer->body, answer->len };
    return str_trim((str) { body.ptr, str_find(body, '\n') });
}

int ask_refuse(const struct ask_answer *answer, const char *address, struct pipepoll_error *why)
{
    enum { SHOWN_COLUMNS = 80 };
    char text[SHOWN_COLUMNS * SCREEN_CHARACTER_MAX + 64];
    struct buf line = BUF_ON(text);
    str said = ask_answer_line(answer);
    buf_printf(&line, "%s", said.len ? ": " : "");
    screen_put(&line, said, SHOWN_COLUMNS);
    if (answer->status == 401)
        buf_put(&line, said.len ? STR("; it wants a token: --token-file")
                                : STR(": it wants a token: --token-file"));
    return explain(why, PIPEPOLL_EPROTO, "%.200s answers with %u%.*s", address, answer->status,
                   STR_ARG(buf_str(&line)));
}

/* --- the address ----------------------------------------------------------------------------- */

/* Of a port that the system picked nobody knows but who listens. */
static bool has_no_port(const struct socket_address *a)
{
    return (a->at.any.sa_family == AF_INET && !a->at.ipv4.sin_port) ||
           (a->at.any.sa_family == AF_INET6 && !a->at.ipv6.sin6_port);
}

int ask_address_read(struct socket_address *out, const char *text, struct pipepoll_error *why)
{
    const str http = STR("http://");
    str address = str_of(text);
    if (str_starts(address, http)) {
        address = str_skip(address, http.len);
        address.len -= address.len && address.ptr[address.len - 1] == '/';
    }
    if (!socket_address_read(out, address) || (address.ptr != text && socket_address_is_unix(out)))
        return explain(why, PIPEPOLL_EINVAL,
                       "\"%.200s\" is no address: it is one such as 127.0.0.1:9464, "
                       "http://127.0.0.1:9464/ or unix:/run/pipepoll/http",
                       text);
    if (has_no_port(out))
        return explain(why, PIPEPOLL_EINVAL,
                       "\"%.200s\" has port 0, where nobody can be asked: say which port it is",
                       text);
    return PIPEPOLL_OK;
}

/* SPDX-License-Identifier: MIT */
/* The socket listens when this returns: a port that the system picks is known by then, and who goes
 * to the URL at once waits in the backlog instead of being refused.
 *
 * A unix socket's file outlives a process that was killed. One that nobody listens on any more
 * refuses a connection, and is replaced; the attempt does not block, since a backlog that is full
 * answers at once as well. */
#include "http/http_listen.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/socket_address.h"

enum { BACKLOG = 128, SOCKET_MODE = 0600 };

static const str unix_scheme = STR_INIT("unix:");

static int new_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void unlink_if_abandoned(const struct socket_address *a)
{
    struct stat file;
    if (lstat(a->at.path.sun_path, &file) || !S_ISSOCK(file.st_mode))
        return;
    int fd = new_socket(AF_UNIX);
    if (fd < 0)
        return;
    if (connect(fd, &a->at.any, a->len) && errno == ECONNREFUSED)
        (void)unlink(a->at.path.sun_path);
    close(fd);
}

/* Returns -1 with errno. */
static int bind_and_listen(const struct socket_address *a)
{
    const int one = 1;
    bool is_path = socket_address_is_unix(a);
    if (is_path)
        unlink_if_abandoned(a);
    int fd = new_socket(a->at.any.sa_family);
    if (fd < 0)
        return -1;
    /* Linux makes the file with the mode of the socket: nobody can get in before it is set. */
    if ((is_path ? fchmod(fd, SOCKET_MODE)
                 : setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one)) ||
        bind(fd, &a->at.any, a->len) || listen(fd, BACKLOG)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static bool describe(struct http_listen *l)
{
    struct socket_address a = { .len = sizeof a.at };
    struct buf url = BUF_ON(l->url);
    if (getsockname(l->fd, &a.at.any, &a.len))
        return false;
    if (!socket_address_is_unix(&a))
        buf_put(&url, STR("http://"));
    socket_address_put(&url, &a);
    buf_cstr(&url);
    return !url.overflow;
}

int http_listen(struct http_listen *out, str address, struct pipepoll_error *why)
{
    struct socket_address a;
    if (!socket_address_read(&a, address))
        return explain(why, PIPEPOLL_EINVAL, "\"%.*s\" is not IP:PORT, nor unix:PATH",
                       STR_ARG(address));
    struct http_listen l = { .fd = bind_and_listen(&a) };
    if (l.fd < 0)
        return explain(why, PIPEPOLL_ESYSTEM, "cannot listen on %.*s: %s", STR_ARG(address),
                       strerror(errno));
    if (!describe(&l)) {
        close(l.fd);
        return explain(why, PIPEPOLL_ESYSTEM, "cannot tell where the socket listens");
    }
    *out = l;
    return PIPEPOLL_OK;
}

int http_listen_accept(const struct http_listen *l, struct sockaddr_storage *from, socklen_t *len)
{
    const int one = 1;
    int fd;
    do /* one that has gone already is none */
        fd = accept4(l->fd, (struct sockaddr *)from, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && (errno == ECONNABORTED || errno == EINTR));
    if (fd >= 0 && from->ss_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

void http_listen_unlink(const struct http_listen *l)
{
    if (str_starts(str_of(l->url), unix_scheme))
        (void)unlink(l->url + unix_scheme.len);
}

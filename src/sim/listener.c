/* SPDX-License-Identifier: MIT */
/* The socket listens before anybody is told of it: a port that the system picks is known by then,
 * and who goes to the URL at once waits in the backlog instead of being refused. Of a name's
 * addresses the first is taken, no other tried. */
#include "sim/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

enum { BACKLOG = 1024 };

/* "[::1]:80" and "127.0.0.1:80" to a host without brackets and a port. */
static bool split(struct buf *host, struct buf *port, str s)
{
    size_t colon = s.len;
    while (colon && s.ptr[colon - 1] != ':')
        colon--;
    if (colon < 2 || colon == s.len)
        return false;
    str h = { s.ptr, colon - 1 }, p = str_skip(s, colon);
    bool brackets = h.len > 2 && h.ptr[0] == '[' && h.ptr[h.len - 1] == ']';
    if (brackets)
        h = (str) { h.ptr + 1, h.len - 2 };
    else if (str_find(h, ':') < h.len)
        return false;
    for (size_t i = 0; i < p.len; i++)
        if (!ascii_is_digit(p.ptr[i]))
            return false;
    buf_put(host, h);
    buf_put(port, p);
    return true;
}

static int bind_and_listen(const struct addrinfo *a)
{
    int one = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, BACKLOG)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* A wildcard address is no address to go to: the loopback of its family is. */
static bool describe(struct listener *l, bool tls)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    char host[64];
    if (getsockname(l->fd, (struct sockaddr *)&at, &len))
        return false;
    l->ipv6 = at.ss_family == AF_INET6;
    l->port = ntohs(l->ipv6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                            : ((struct sockaddr_in *)&at)->sin_port);
    if (getnameinfo((struct sockaddr *)&at, len, host, sizeof host, NULL, 0, NI_NUMERICHOST))
        return false;
    str shown = str_of(host);
    if (str_eq(shown, STR("0.0.0.0")))
        shown = STR("127.0.0.1");
    if (str_eq(shown, STR("::")))
        shown = STR("::1");
    struct buf url = BUF_ON(l->url);
    buf_printf(&url, l->ipv6 ? "%s://[%.*s]:%u" : "%s://%.*s:%u", tls ? "https" : "http",
               STR_ARG(shown), l->port);
    buf_cstr(&url);
    return !url.overflow;
}

int listener_open(struct listener *out, str host_port, bool tls, struct pipepoll_error *why)
{
    char host_text[256], port_text[8];
    struct buf host = BUF_ON(host_text), port = BUF_ON(port_text);
    bool ok = split(&host, &port, host_port);
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *list = NULL;
    const char *host_cstr = buf_cstr(&host), *port_cstr = buf_cstr(&port);
    ok = ok && !host.overflow && !port.overflow && strtoul(port_cstr, NULL, 10) <= UINT16_MAX;
    if (!ok)
        return explain(why, PIPEPOLL_EINVAL, "\"%.*s\" is not HOST:PORT", STR_ARG(host_port));
    int r = getaddrinfo(host_cstr, port_cstr, &hints, &list);
    if (r)
        return explain(why, PIPEPOLL_ESYSTEM, "cannot listen on %.*s: %s", STR_ARG(host_port),
                       gai_strerror(r));
    struct listener l = { .fd = bind_and_listen(list) };
    freeaddrinfo(list);
    if (l.fd < 0)
        return explain(why, PIPEPOLL_ESYSTEM, "cannot listen on %.*s: %s", STR_ARG(host_port),
                       strerror(errno));
    if (!describe(&l, tls)) {
        close(l.fd);
        return explain(why, PIPEPOLL_ESYSTEM, "cannot tell where the socket listens");
    }
    *out = l;
    return 0;
}

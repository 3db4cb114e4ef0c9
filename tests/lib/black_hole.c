/* SPDX-License-Identifier: MIT */
#include "lib/black_hole.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t parse(union address *out, const char *text, unsigned port)
{
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        return sizeof out->v4;
    }
    inet_pton(AF_INET6, text, &out->v6.sin6_addr);
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons((uint16_t)port);
    return sizeof out->v6;
}

static bool listen_at(struct black_hole *h, const char *text, unsigned port, int backlog)
{
    union address at;
    socklen_t len = parse(&at, text, port);
    int on = 1;
    *h =
        (struct black_hole) { .listener = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    for (int i = 0; i < BLACK_HOLE_FILL; i++)
        h->fill[i] = -1;
    if (h->listener < 0)
        return false;
    if (at.any.sa_family == AF_INET6)
        setsockopt(h->listener, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(h->listener, &at.any, len) || listen(h->listener, backlog)) {
        black_hole_close(h);
        return false;
    }
    getsockname(h->listener, &at.any, &len);
    h->port = ntohs(at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port);
    return true;
}

bool mute_open(struct black_hole *h, const char *address, unsigned port)
{
    return listen_at(h, address, port, 64);
}

/* The queue of a backlog of 0 takes one; once it is full the rest never connects. */
bool black_hole_open(struct black_hole *h, const char *address, unsigned port)
{
    if (!listen_at(h, address, port, 0))
        return false;
    for (int i = 0; i < BLACK_HOLE_FILL; i++) {
        union address at;
        socklen_t len = parse(&at, address, h->port);
        int flags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
        h->fill[i] = socket(at.any.sa_family, flags, 0);
        connect(h->fill[i], &at.any, len);
    }
    return true;
}

void black_hole_close(struct black_hole *h)
{
    for (int i = 0; i < BLACK_HOLE_FILL; i++)
        if (h->fill[i] >= 0)
            close(h->fill[i]);
    if (h->listener >= 0)
        close(h->listener);
    h->listener = -1;
}

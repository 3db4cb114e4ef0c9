/* SPDX-License-Identifier: MIT */
/* Where a server listens, as people write it: "127.0.0.1:9464", "[::1]:9464", or a unix socket as
 * "unix:PATH" or an absolute path. Numbers only: nobody is asked for a name. Pure. */
#ifndef BASE_SOCKET_ADDRESS_H
#define BASE_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"

/* Room for the longest in words, its NUL included. */
enum { SOCKET_ADDRESS_MAX = sizeof(struct sockaddr_un) + 8 };

struct socket_address {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_un path;
    } at;
    socklen_t len;
};

/* false: it is none of these, or its path is too long for a socket. */
bool socket_address_read(struct socket_address *out, str text);

bool socket_address_is_unix(const struct socket_address *a);
/* Nobody reaches it from another machine: 127.0.0.0/8, ::1, a unix socket. */
bool socket_address_is_local(const struct socket_address *a);

/* As it is read: "127.0.0.1:9464", "[::1]:9464", "unix:/run/pipepoll.sock". */
void socket_address_put(struct buf *out, const struct socket_address *a);

#endif

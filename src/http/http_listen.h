/* SPDX-License-Identifier: MIT */
/* From an address to a listening socket, without asking anybody for a name. */
#ifndef HTTP_HTTP_LISTEN_H
#define HTTP_HTTP_LISTEN_H

#include <sys/socket.h>

#include "base/str.h"

enum { HTTP_URL_MAX = 128 };

struct http_listen {
    int fd; /* non-blocking; the taker closes it */
    /* "http://127.0.0.1:8080", the port that the system picked; "unix:PATH" for such a socket. */
    char url[HTTP_URL_MAX];
};

/* address: see base/socket_address.h; port 0 picks one. A unix socket has the mode 0600, and
 * replaces one there that nobody listens on any more, and nothing else.
 * PIPEPOLL_EINVAL: it is none of these; PIPEPOLL_ESYSTEM: cannot listen there. */
int http_listen(struct http_listen *out, str address, struct pipepoll_error *why);

/* The next connection, non-blocking, and where it is from. -1 with errno; EAGAIN: none waits. */
int http_listen_accept(const struct http_listen *l, struct sockaddr_storage *from, socklen_t *len);

/* No file is left of a unix socket. Does not close the descriptor. */
void http_listen_unlink(const struct http_listen *l);

#endif

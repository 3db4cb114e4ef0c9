/* SPDX-License-Identifier: MIT */
/* The connections of a server, each with a deadline: the next that is due comes first, for each is
 * set for the same time ahead. One that is to end is shut down, which wakes libmicrohttpd; it
 * closes the connection then. Times are of any steady clock. Private to the server. */
#ifndef HTTP_HTTP_CONNECTIONS_H
#define HTTP_HTTP_CONNECTIONS_H

#include <stdint.h>

#include "base/list.h"

struct http_connections {
    uint32_t timeout_ms;
    uint32_t count;
    struct list by_deadline; /* those that are shut down, and those without one, are not in it */
};

struct http_connection {
    struct list link; /* in by_deadline */
    uint64_t due_ms;
    int fd;
    bool is_replying, is_cut;
};

void http_connections_init(struct http_connections *all, uint32_t timeout_ms);

/* Of this socket, which stays its owner's. NULL: it could not be counted, and is shut down. */
struct http_connection *http_connection_new(struct http_connections *all, int fd, uint64_t now_ms);
void http_connection_free(struct http_connections *all, struct http_connection *c);

/* From now on; nothing for one that is cut. */
void http_connection_set_deadline(struct http_connections *all, struct http_connection *c,
                                  uint64_t now_ms);
void http_connection_drop_deadline(struct http_connection *c);
void http_connection_cut(struct http_connection *c);

/* When the first is due; UINT64_MAX: none is. */
uint64_t http_connections_due_ms(const struct http_connections *all);
/* Cut those that are due. Any? */
bool http_connections_cut_due(struct http_connections *all, uint64_t now_ms);
/* Cut those that are not in the middle of a reply. */
void http_connections_cut_idle(struct http_connections *all);

#endif

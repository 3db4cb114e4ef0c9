/* SPDX-License-Identifier: MIT */
/* A list in the order in which the deadlines were set is sorted. */
#include "http/http_connections.h"

#include <stdlib.h>
#include <sys/socket.h>

static struct http_connection *first_due(const struct http_connections *all)
{
    struct list *first = all->by_deadline.next;
    return list_empty(&all->by_deadline) ? NULL : CONTAINER_OF(first, struct http_connection, link);
}

void http_connections_init(struct http_connections *all, uint32_t timeout_ms)
{
    *all = (struct http_connections) { .timeout_ms = timeout_ms };
    list_init(&all->by_deadline);
}

struct http_connection *http_connection_new(struct http_connections *all, int fd, uint64_t now_ms)
{
    struct http_connection *c = calloc(1, sizeof *c);
    if (!c) {
        (void)shutdown(fd, SHUT_RDWR);
        return NULL;
    }
    c->fd = fd;
    list_init(&c->link);
    http_connection_set_deadline(all, c, now_ms);
    all->count++;
    return c;
}

void http_connection_free(struct http_connections *all, struct http_connection *c)
{
    list_remove(&c->link);
    free(c);
    all->count--;
}

void http_connection_set_deadline(struct http_connections *all, struct http_connection *c,
                                  uint64_t now_ms)
{
    if (c->is_cut)
        return;
    c->due_ms = now_ms + all->timeout_ms;
    list_remove(&c->link);
    list_put_last(&all->by_deadline, &c->link);
}

void http_connection_drop_deadline(struct http_connection *c)
{
    list_remove(&c->link);
}

void http_connection_cut(struct http_connection *c)
{
    c->is_cut = true;
    list_remove(&c->link);
    (void)shutdown(c->fd, SHUT_RDWR);
}

uint64_t http_connections_due_ms(const struct http_connections *all)
{
    const struct http_connection *first = first_due(all);
    return first ? first->due_ms : UINT64_MAX;
}

bool http_connections_cut_due(struct http_connections *all, uint64_t now_ms)
{
    bool any = false;
    while (http_connections_due_ms(all) <= now_ms) {
        http_connection_cut(first_due(all));
        any = true;
    }
    return any;
}

void http_connections_cut_idle(struct http_connections *all)
{
    struct list replying;
    struct http_connection *c;
    list_init(&replying);
    while ((c = first_due(all))) {
        list_remove(&c->link);
        if (c->is_replying)
            list_put_last(&replying, &c->link);
        else
            http_connection_cut(c);
    }
    list_move_all(&all->by_deadline, &replying);
}

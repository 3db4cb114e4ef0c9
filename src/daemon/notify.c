/* SPDX-License-Identifier: MIT */
/* A manager that does not read for a while fills its queue of datagrams, and what is lost then is
 * not asked for again: a READY that is lost is a start that fails. So messages that change the
 * state wait in order; all others are overtaken by the next. */
#include "daemon/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* false: there is no room. Any other failure is for good, and nobody listens then. */
static bool put_datagram(struct notify *n, str text)
{
    ssize_t sent = sendto(n->fd, text.ptr, text.len, MSG_DONTWAIT | MSG_NOSIGNAL,
                          (const struct sockaddr *)&n->to, n->to_len);
    return sent >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS);
}

static void send_waiting(struct notify *n)
{
    size_t sent = 0;
    while (sent < n->waiting_count &&
           put_datagram(n, (str) { n->waiting[sent].text, n->waiting[sent].len }))
        sent++;
    n->waiting_count -= sent;
    memmove(n->waiting, n->waiting + sent, n->waiting_count * sizeof *n->waiting);
}

/* The last place is for the newest state of all. */
static void keep(struct notify *n, str text)
{
    if (n->waiting_count == NOTIFY_WAITING_MAX)
        n->waiting_count--;
    struct notify_waiting *w = &n->waiting[n->waiting_count++];
    memcpy(w->text, text.ptr, text.len);
    w->len = text.len;
}

void notify_send(struct notify *n, const struct notify_message *m)
{
    char text[NOTIFY_MESSAGE_MAX];
    struct buf out = BUF_ON(text);
    if (!notify_is_wanted(n))
        return;
    notify_message_put(&out, m);
    send_waiting(n);
    if (!out.len || out.overflow)
        return;
    if ((n->waiting_count || !put_datagram(n, buf_str(&out))) && m->state != NOTIFY_SAME)
        keep(n, buf_str(&out));
}

bool notify_is_wanted(const struct notify *n)
{
    return n->fd >= 0;
}

static int open_socket(struct notify *n, str address, struct pipepoll_error *why)
{
    if (!notify_address(address, &n->to, &n->to_len))
        return explain(why, PIPEPOLL_EINVAL,
                       "NOTIFY_SOCKET=%.*s is neither a path nor @NAME: the service manager is not "
                       "told how we are",
                       STR_ARG(address));
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd < 0)
        return explain(why, PIPEPOLL_ESYSTEM,
                       "no socket to the service manager, which is not told how we are: %s",
                       strerror(errno));
    return PIPEPOLL_OK;
}

int notify_init(struct notify *n, struct pipepoll_error *why)
{
    static const char *const names[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID" };
    const struct environment e = { NULL, NULL };
    str address = environment_get(&e, names[0]);
    *n = (struct notify) { .fd = -1 };
    int r = address.len ? open_socket(n, address, why) : PIPEPOLL_OK;
    if (notify_is_wanted(n))
        n->beat_us = notify_beat_us(&e, getpid());
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    return r;
}

void notify_deinit(struct notify *n)
{
    if (notify_is_wanted(n))
        close(n->fd);
    n->fd = -1;
}

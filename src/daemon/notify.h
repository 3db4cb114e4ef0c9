/* SPDX-License-Identifier: MIT */
/* Tells the service manager how we are, over the socket that it gave us: sd_notify(3) without
 * libsystemd. Without such a socket all this does nothing. Sending never blocks: a message that
 * finds no room waits here, if it says what is said once, and is sent before the next one. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include "daemon/notify_message.h"
#include "pipepoll.h"

/* A start, some reloads and an end. */
enum { NOTIFY_WAITING_MAX = 8 };

struct notify {
    int fd; /* -1: nobody wants to be told */
    struct sockaddr_un to;
    socklen_t to_len;
    uint64_t beat_us; /* how often a beat is due; 0: none is wanted */
    struct notify_waiting {
        char text[NOTIFY_MESSAGE_MAX];
        size_t len;
    } waiting[NOTIFY_WAITING_MAX]; /* the oldest first */
    size_t waiting_count;
};

/* Take $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID out of the environment, for they are not
 * meant for the programs that we start: before there are threads that may look at it.
 * PIPEPOLL_EINVAL: the address is none; PIPEPOLL_ESYSTEM: no socket. Nothing is told then. */
int notify_init(struct notify *n, struct pipepoll_error *why);
void notify_deinit(struct notify *n);

bool notify_is_wanted(const struct notify *n);

/* Send it now. A message with a state is kept while there is no room for it, with none or a
 * beat alone it is dropped: a newer one follows. */
void notify_send(struct notify *n, const struct notify_message *m);

#endif

/* SPDX-License-Identifier: MIT */
/* What is said to the service manager, as sd_notify(3) documents it, and what it says in the
 * environment: pure. Whoever sends: notify.h. */
#ifndef DAEMON_NOTIFY_MESSAGE_H
#define DAEMON_NOTIFY_MESSAGE_H

#include <sys/socket.h>
#include <sys/un.h>

#include "base/environment.h"

enum { NOTIFY_MESSAGE_MAX = 512 }; /* bytes: a status is cut to what fits */

enum notify_state {
    NOTIFY_SAME, /* as before: with a status, or a beat */
    NOTIFY_READY,
    NOTIFY_RELOADING, /* READY follows when it has been done, or refused */
    NOTIFY_STOPPING
};

struct notify_message {
    enum notify_state state;
    bool beat;             /* we live, for WatchdogSec= */
    uint64_t monotonic_us; /* with NOTIFY_RELOADING: now, by CLOCK_MONOTONIC */
    uint64_t extend_us; /* TimeoutStopSec= shall not end sooner than that from now; 0: as it is */
    str status;         /* one line for `systemctl status`; empty: as before */
};

/* Control characters of the status become blanks; what is over 400 bytes of it is cut at a
 * character of UTF-8. Nothing is put for a message that says nothing. */
void notify_message_put(struct buf *out, const struct notify_message *m);

/* $NOTIFY_SOCKET: a path, or "@NAME" in the abstract namespace. false: it is neither, or too long
 * for an address. */
bool notify_address(str text, struct sockaddr_un *out, socklen_t *len);

/* How often a beat is due: half of $WATCHDOG_USEC, unless $WATCHDOG_PID says that somebody else is
 * watched. 0: no beats are wanted. */
uint64_t notify_beat_us(const struct environment *e, int64_t pid);

#endif

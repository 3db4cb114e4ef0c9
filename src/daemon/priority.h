/* SPDX-License-Identifier: MIT */
/* Priorities of log lines, for stderr that is systemd's journal: it takes them from the head of a
 * line, "<6>", as sd-daemon(3) has it. */
#ifndef DAEMON_PRIORITY_H
#define DAEMON_PRIORITY_H

#include <stdbool.h>

#include "base/str.h"
#include "pipepoll.h"

/* Is the descriptor the journal's, by $JOURNAL_STREAM? */
bool priority_is_wanted(int fd);

/* Does that variable, "DEVICE:INODE" in decimal, name this file? Pure. */
bool priority_names(str variable, uint64_t device, uint64_t inode);

/* syslog(3)'s: 3, 4, 6, 7. Pure. */
int priority_of(enum pipepoll_level level);

#endif

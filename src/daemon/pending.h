/* SPDX-License-Identifier: MIT */
/* Records for which the intake has no room: those without a ticket, of health and of credentials.
 * They wait until there is room, and go in the order in which they came; of each target and of each
 * source of credentials only the newest waits. Of one shard, on its thread. */
#ifndef DAEMON_PENDING_H
#define DAEMON_PENDING_H

#include "base/list.h"
#include "base/table.h"
#include "daemon/intake.h"
#include "daemon/logger.h"

/* Live targets bound the records of their health. Of the rest, the last of targets that are removed
 * and those of credentials, no more wait than these; what comes then is dropped and counted. */
enum { PENDING_OTHERS_MAX = 16384 };

struct pending {
    const struct intake *intake;
    const struct logger *log;
    struct list waiting; /* oldest first */
    struct table by_subject;
    size_t count, others;
    size_t dropped; /* and not told yet */
};

void pending_init(struct pending *p, const struct intake *intake, const struct logger *log);

/* Hand it to the intake, or keep a copy. */
void pending_put(struct pending *p, const struct record *what);

/* The intake may have room again. */
void pending_on_room(struct pending *p);

/* No more room will come than there is now: the rest is dropped, and the log says how much. Fine on
 * a zeroed one. */
void pending_give_up(struct pending *p);

#endif

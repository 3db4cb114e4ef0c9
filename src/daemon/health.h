/* SPDX-License-Identifier: MIT */
/* What `pipepoll run` tells of its targets' health: a record of each target to the sink, and in the
 * log a line for each cause, over all shards. */
#ifndef DAEMON_HEALTH_H
#define DAEMON_HEALTH_H

#include <uv.h>

#include "daemon/incidents.h"
#include "daemon/logger.h"
#include "daemon/pending.h"
#include "daemon/target_set.h"

/* Of all shards. */
struct health_board {
    uv_mutex_t mutex; /* of the incidents, and of each target's */
    struct incidents incidents;
    char *ca_bundle; /* the roots that are trusted; empty: the system's */
};

/* PIPEPOLL_ENOMEM. */
int health_board_init(struct health_board *b, str ca_bundle);
void health_board_deinit(struct health_board *b); /* fine on a zeroed one */

/* Log what is due, or with `last` all that was not told yet. Any thread. */
void health_board_tell(struct health_board *b, const struct logger *log, bool last);

/* Of one shard, on its thread. */
struct health_reporter {
    struct health_board *board;
    struct pending *pending; /* where its records go */
};

/* The health of a target is another one now; failure NULL: it is well again. */
void health_changed(struct health_reporter *r, struct pipepoll_target *from,
                    const struct pipepoll_failure *failure);
/* A target is removed, and its target_set_entry still there. Nothing, where it was well. */
void health_removed(struct health_reporter *r, struct pipepoll_target *from);

#endif

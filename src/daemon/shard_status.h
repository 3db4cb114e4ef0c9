/* SPDX-License-Identifier: MIT */
/* A shard's part of the status. On its loop's thread. */
#ifndef DAEMON_SHARD_STATUS_H
#define DAEMON_SHARD_STATUS_H

#include "daemon/shard.h"
#include "status/status.h"

/* Into a zeroed status whose now_ms is set. Of incidents only the indexes into the board's list are
 * filled in. What there is no memory for is left out. */
void shard_fill_status(struct shard *shard, struct status *out);

#endif

/* SPDX-License-Identifier: MIT */
/* How busy a loop is: how long its turns take, the wait for events left out. A turn that takes long
 * delays all else on the loop. */
#ifndef DAEMON_LOOP_STATS_H
#define DAEMON_LOOP_STATS_H

#include <uv.h>

#include "status/status.h"

struct loop_stats {
    uv_prepare_t prepare; /* does not keep the loop alive */
    uint64_t at_ns, idle_ns;
    uint64_t longest_ns, busy_ns, count; /* since loop_stats_restart() */
    struct status_durations turn_time;   /* on status_scale_turn; the same */
    void (*closed)(void *ctx);
    void *ctx;
};

/* The loop measures its idle time from now on. A UV_ error; close it in any case. */
int loop_stats_open(struct loop_stats *stats, uv_loop_t *loop);
/* Count from now on. */
void loop_stats_restart(struct loop_stats *stats);
void loop_stats_close(struct loop_stats *stats, void (*closed)(void *ctx), void *ctx);

#endif

/* SPDX-License-Identifier: MIT */
/* Where jobs go: the one sink of `pipepoll run`, of those that there are. */
#ifndef DAEMON_SINKS_H
#define DAEMON_SINKS_H

#include "daemon/sink.h"

struct uv_loop_s;
struct queue_sink_options;

struct sinks_options {
    struct uv_loop_s *loop;
    size_t jobs; /* that have room on their way, see shards_jobs() */
    /* Jobs go to this fleet's queue, and the rest to stdout; its lines are opened here. NULL: all
     * goes to stdout. */
    const struct queue_sink_options *queue;
    /* The state directory, where jobs are spooled on their way to the queue; what is in it since an
     * earlier run goes first. The queue's log is then called on any thread. NULL: in memory. */
    const char *spool_dir;
};

/* Blocks for the spool. PIPEPOLL_EINVAL: stdout is not open for writing; PIPEPOLL_ESYSTEM: the
 * spool cannot be used; PIPEPOLL_ENOMEM. The loop must turn then too. */
int sinks_open(struct sink **out, const struct sinks_options *o, struct pipepoll_error *why);

#endif

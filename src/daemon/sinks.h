/* SPDX-License-Identifier: MIT */
/* Where jobs go: the one sink of `pipepoll run`, of those that there are. */
#ifndef DAEMON_SINKS_H
#define DAEMON_SINKS_H

#include "daemon/sink.h"

struct uv_loop_s;

struct sinks_options {
    struct uv_loop_s *loop;
    size_t jobs; /* that have room on their way, see shards_jobs() */
};

/* Lines on stdout. PIPEPOLL_EINVAL: that is not open for writing; PIPEPOLL_ENOMEM. */
int sinks_open(struct sink **out, const struct sinks_options *o, struct pipepoll_error *why);

#endif

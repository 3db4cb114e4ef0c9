/* SPDX-License-Identifier: MIT */
/* The sink that writes each record as a line of JSON to a descriptor, such as stdout. */
#ifndef DAEMON_LINE_SINK_H
#define DAEMON_LINE_SINK_H

#include "daemon/sink.h"

struct uv_loop_s;

/* From so many bytes of lines on that wait for the reader it has no credit: what a pipe holds. What
 * polls in flight bring comes on top. */
enum { LINE_SINK_BACKLOG_MAX = 65536 };

/* With room for the lines of so many jobs, of the greatest length each, besides what is being
 * written and besides some lines of other records; memory is touched only as it fills. fd stays the
 * caller's; name is how messages call it, copied. A job is confirmed when write(2) has taken its
 * whole line. PIPEPOLL_EINVAL: fd is not open for writing; PIPEPOLL_ENOMEM. */
int line_sink_open(struct sink **out, struct uv_loop_s *loop, int fd, const char *name,
                   size_t jobs);

#endif

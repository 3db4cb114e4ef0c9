/* SPDX-License-Identifier: MIT */
/* What polls and what ends knows a sink by daemon/sink.h alone; which one it is is settled here. */
#include "daemon/sinks.h"

#include <unistd.h>

#include "base/log.h"
#include "daemon/line_sink.h"

int sinks_open(struct sink **out, const struct sinks_options *o, struct pipepoll_error *why)
{
    int r = line_sink_open(out, o->loop, STDOUT_FILENO, "stdout", o->jobs);
    return r == PIPEPOLL_EINVAL ? explain(why, r, "stdout is not open for writing") : r;
}

/* SPDX-License-Identifier: MIT */
/* What polls and what ends knows a sink by daemon/sink.h alone; which one it is is settled here. */
#include "daemon/sinks.h"

#include <unistd.h>

#include "base/log.h"
#include "daemon/line_sink.h"
#include "daemon/queue_sink.h"

static void ignore(void *ctx)
{
    (void)ctx;
}

static int open_queue(struct sink **out, const struct queue_sink_options *given, struct sink *lines)
{
    struct queue_sink_options o = *given;
    o.lines = lines;
    int r = queue_sink_open(out, &o);
    if (r)
        lines->close(lines, ignore, NULL);
    return r;
}

int sinks_open(struct sink **out, const struct sinks_options *o, struct pipepoll_error *why)
{
    struct sink *lines;
    int r = line_sink_open(&lines, o->loop, STDOUT_FILENO, "stdout", o->queue ? 1 : o->jobs);
    if (r)
        return r == PIPEPOLL_EINVAL ? explain(why, r, "stdout is not open for writing") : r;
    if (o->queue)
        return open_queue(out, o->queue, lines);
    *out = lines;
    return PIPEPOLL_OK;
}

/* Lines from one thread to the output of another: a bounded queue behind a mutex. Its room is the
 * credit of the thread that puts, so that a slow output is felt by each poller. One thread puts,
 * one other drains; who tells whom that there is something to do is not the line queue's affair. */
#ifndef DAEMON_LINE_QUEUE_H
#define DAEMON_LINE_QUEUE_H

#include <uv.h>

#include "base/buf.h"

struct line_queue {
    uv_mutex_t mutex; /* of the next three; nothing else is shared */
    struct buf filling;
    size_t held;  /* bytes that were put and not yet taken */
    size_t extra; /* bytes of `filling` that came by line_queue_put_extra() */
    size_t size, extra_size;
    struct buf draining;
    size_t drained; /* bytes of `draining` that are out */
};

/* Sizes as in struct output_options. PIPEPOLL_ENOMEM. */
int line_queue_init(struct line_queue *r, size_t size, size_t extra_size);
void line_queue_deinit(struct line_queue *r); /* no thread uses it any more; fine on a zeroed one */

/* For the thread that puts; as the functions of output.h with these names. */
size_t line_queue_room(struct line_queue *r);
size_t line_queue_backlog(struct line_queue *r);
bool line_queue_put(struct line_queue *r, str line);
bool line_queue_put_extra(struct line_queue *r, str line);

/* For the thread that drains: hand lines over, oldest first, until `take` refuses one or none is
 * left. true: there is more room, or less backlog. */
bool line_queue_drain(struct line_queue *r, bool (*take)(void *ctx, str line), void *ctx);
/* None is left, for now. */
bool line_queue_is_empty(struct line_queue *r);

#endif

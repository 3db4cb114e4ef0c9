/* Lines from one thread to the output of another: a bounded queue behind a mutex. Its room is the
 * credit of the thread that puts, so that a slow output is felt by each poller. One thread puts,
 * one other drains; who tells whom that there is something to do is not the relay's affair. */
#ifndef DAEMON_RELAY_H
#define DAEMON_RELAY_H

#include <uv.h>

#include "base/buf.h"

struct relay {
    uv_mutex_t mutex; /* of the next three; nothing else is shared */
    struct buf filling;
    size_t held;  /* bytes that were put and not yet taken */
    size_t extra; /* bytes of `filling` that came by relay_put_extra() */
    size_t size, extra_size;
    struct buf draining;
    size_t drained; /* bytes of `draining` that are out */
};

/* Sizes as in struct output_options. PIPEPOLL_ENOMEM. */
int relay_init(struct relay *r, size_t size, size_t extra_size);
void relay_deinit(struct relay *r); /* no thread uses it any more; fine on a zeroed one */

/* For the thread that puts; as the functions of output.h with these names. */
size_t relay_room(struct relay *r);
size_t relay_backlog(struct relay *r);
bool relay_put(struct relay *r, str line);
bool relay_put_extra(struct relay *r, str line);

/* For the thread that drains: hand lines over, oldest first, until `take` refuses one or none is
 * left. true: there is more room, or less backlog. */
bool relay_drain(struct relay *r, bool (*take)(void *ctx, str line), void *ctx);
/* None is left, for now. */
bool relay_is_empty(struct relay *r);

#endif

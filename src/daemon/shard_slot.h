/* SPDX-License-Identifier: MIT */
/* One of the shards, with what brings its records to the sink: the sink's own intake where it is
 * alone, else a queue to the home loop. Private to shards.c. */
#ifndef DAEMON_SHARD_SLOT_H
#define DAEMON_SHARD_SLOT_H

#include "daemon/record_queue.h"
#include "daemon/shards.h"

struct shard_slot {
    struct shards *all;
    uint32_t index;
    struct shard shard;
    struct record_queue queue; /* unused by a lone shard */
    _Atomic size_t unsettled;  /* jobs that it put, and that the sink is not done with */
    struct pipepoll_error why;
    int result; /* of the opening of the shard */
    size_t unhealthy, throttled;
    bool is_closing; /* on its loop */
};

static inline bool shards_is_alone(const struct shards *s)
{
    return s->options.loops == 1;
}

/* The i-th loop's share of the limits that the config has for all. */
struct shard_share shard_slot_share(const struct shards *s, uint32_t i);

/* All but changed, closed and ctx of its shard. PIPEPOLL_ENOMEM. */
int shard_slot_init(struct shards *s, uint32_t i);

/* At home: what came by its queue. false: there is no room. */
bool shard_slot_put_to_sink(struct shard_slot *p, const struct record *what);

#endif

/* SPDX-License-Identifier: MIT */
/* What a loop counts of its polls, for the status: by target, and by account and region, whose
 * counts stay when their targets go, so that sums never shrink. All on the loop's thread. */
#ifndef DAEMON_TALLY_H
#define DAEMON_TALLY_H

#include "base/list.h"
#include "base/table.h"
#include "config/identity_config.h"
#include "pipepoll.h"
#include "status/status.h"

/* The targets whose credentials the config names alike, in the same region. */
struct tally_region {
    struct list link;
    struct table_node node;
    uint64_t polls[STATUS_OUTCOMES], jobs;
    struct status_durations poll_time;
    size_t index; /* for whoever lists them, as is the next */
    bool is_described;
    char *region, *identity;
    char texts[];
};

/* Part of whoever stands for a target. */
struct tally_target {
    struct list link; /* in the tally's; NULL links: it is not counted */
    struct pipepoll_target *live;
    struct tally_region *region;
    uint64_t polls[STATUS_OUTCOMES], jobs;
    /* Unix time; 0: never. */
    int64_t added_ms, good_ms, job_ms, changed_ms;
    int64_t drained_ms; /* when the last poll began that left no job in the service */
};

struct tally {
    struct list targets, regions;
    struct table by_name;    /* regions, by identity and region */
    struct histogram pickup; /* microseconds, see struct status */
    struct status_durations pickup_time;
    uint64_t late_us_sum, late_us_max;
};

void tally_init(struct tally *t);
void tally_deinit(struct tally *t); /* its targets have gone; fine on a zeroed one */

/* It is polled from now on; `live` is kept and not looked at. PIPEPOLL_ENOMEM. */
int tally_add(struct tally *t, struct tally_target *target, struct pipepoll_target *live,
              str region, const struct identity_config *identity, int64_t now_ms);
/* It is polled no more; polls in flight still count for its region. */
void tally_remove(struct tally_target *target);

/* A poll has ended; now_ms: Unix time. */
void tally_poll(struct tally *t, struct tally_target *target, const struct pipepoll_poll *poll,
                int64_t now_ms);

#endif

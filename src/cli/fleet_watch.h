/* SPDX-License-Identifier: MIT */
/* One look at a fleet by somebody who is no member of it: connect, read the log of leases, and
 * perhaps ask a member to be drained. */
#ifndef CLI_FLEET_WATCH_H
#define CLI_FLEET_WATCH_H

#include "config/fleet_config.h"
#include "fleet/engine.h"
#include "fleet/roster.h"

struct fleet_watch_options {
    const struct fleet_config *config;
    uint32_t timeout_ms; /* for all of it */
    str member;          /* that is to be drained; empty: none, only look */
    bool is_end;         /* that it is to be drained no more */
    bool is_hasty;       /* do not wait until it is so */
};

enum fleet_watch_result {
    FLEET_WATCH_DONE,
    FLEET_WATCH_NO_MEMBER, /* nobody has this id; the roster knows who is there */
    FLEET_WATCH_LATE,      /* the member was asked, and has not said that it is so */
    FLEET_WATCH_FAILED     /* why */
};

struct fleet_watch {
    struct roster roster;
    struct engine_stats stats;
    uint64_t now_ns; /* when it ended, by the roster's clock */
    uint64_t began_ns;
    enum fleet_watch_result result;
    char why[300]; /* of FAILED: one line */
};

/* Blocks, on a loop of its own. Who has not beaten since is silent. fleet_watch_deinit() in any
 * case. */
void fleet_watch(struct fleet_watch *out, const struct fleet_watch_options *o);
void fleet_watch_deinit(struct fleet_watch *w);

#endif

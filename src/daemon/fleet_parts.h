/* SPDX-License-Identifier: MIT */
/* Private to fleet.c and fleet_*.c. */
#ifndef DAEMON_FLEET_PARTS_H
#define DAEMON_FLEET_PARTS_H

#include <uv.h>

#include "base/list.h"
#include "daemon/fleet.h"
#include "daemon/fleet_news.h"
#include "fleet/share.h"

struct fleet {
    struct fleet_options o;
    struct log log;
    struct engine *engine;
    enum engine_state engine_state;
    char trouble[256];
    struct lease *lease;
    struct table targets; /* by what they are */
    struct list ending;   /* of which the lease is to hear that no poll is in flight */
    uint64_t *gone; /* the same of those that are not in the poller any more; has room for all */
    size_t gone_count, gone_cap;
    struct beat_figures figures;
    struct fleet_news news;
    struct fleet_peer seen[FLEET_NEWS_PEERS]; /* of the last look */
    uint64_t told_ns, in_ns; /* when we looked last; since when we take our part, or 0 */
    uint64_t unheld_ns;      /* since when there are targets that nobody holds; 0: there are none */
    struct share *share;
    struct fleet_group *groups; /* by their numbers in share */
    size_t group_count, counted;
    uint32_t counts;
    uv_timer_t tick, budget, last;
    struct fleet_listener *listeners;
    void (*let_go)(void *ctx, struct fleet_target *t);
    void *let_go_ctx;
    void (*may_poll)(void *ctx);
    void *may_poll_ctx;
    bool is_leaving, is_closing;
    unsigned to_close;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

uint64_t fleet_now_ns(void); /* CLOCK_BOOTTIME */
/* The lease has had an input: let it do what is due, in the loop's next turn. */
void fleet_kick(struct fleet *f);

/* --- fleet_budget.c --- */

/* After the lease; the timer is initialised. PIPEPOLL_ENOMEM. */
int fleet_budget_open(struct fleet *f);
void fleet_budget_close(struct fleet *f);
/* The number of an account and region in `share`; SHARE_NONE: no memory. */
int fleet_budget_group(struct fleet *f, uint64_t hash);
/* A message of ENGINE_LEASES: what a beat says of throttling. */
void fleet_budget_hear(struct fleet *f, str key, str body);

/* --- fleet_targets.c --- */

void fleet_start_target(struct fleet *f, uint64_t hash, uint64_t epoch);
void fleet_stop_target(struct fleet *f, uint64_t hash);
/* Tell the lease whose polls have ended. */
void fleet_tell_ended(struct fleet *f);

/* --- fleet_tell.c --- */

/* What is new goes to the log; after each turn of the lease, and it looks now and then. */
void fleet_tell(struct fleet *f, uint64_t now_ns);

#endif

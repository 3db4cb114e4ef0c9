/* SPDX-License-Identifier: MIT */
/* Three `pipepoll run`, the members of a demo's fleet: children, with their files in its folder. On
 * the loop's thread. */
#ifndef SIM_DEMO_MEMBERS_H
#define SIM_DEMO_MEMBERS_H

#include "sim/demo_fleet_seen.h"
#include "sim/demo_run.h"
#include "sim/demo_servers.h"

struct demo_members;

struct demo_member {
    struct demo_members *all;
    char letter; /* its name, from 'a' */
    struct demo_run run;
    struct demo_folder folder; /* the demo's, with its own config file */
    bool is_killed;            /* by us, and not started again */
};

struct demo_members {
    struct demo_member at[DEMO_MEMBERS];
    /* Set before the start: as demo_run's. */
    void (*ended)(void *ctx, const struct demo_member *which, int64_t code, int signal);
    void *ctx;
};

/* Write their config files; the servers have their ports. ESYSTEM. */
int demo_members_write(struct demo_members *m, const struct demo_folder *folder,
                       const struct demo_servers *servers, const struct demo_options *o,
                       const struct demo_at *at, struct pipepoll_error *why);
/* One that does not run. ESYSTEM. */
int demo_members_start(struct demo_member *one, uv_loop_t *loop, struct pipepoll_error *why);
void demo_members_kill(struct demo_member *one);
bool demo_members_are_running(const struct demo_members *m); /* one of them, at least */
void demo_members_signal(struct demo_members *m, int number);
/* Kill them and wait for their death: the process ends now. */
void demo_members_end(struct demo_members *m);

#endif

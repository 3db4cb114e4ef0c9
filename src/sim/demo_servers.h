/* SPDX-License-Identifier: MIT */
/* Three NATS servers with JetStream, a cluster on loopback: children, with their files in a demo's
 * folder. On the loop's thread. */
#ifndef SIM_DEMO_SERVERS_H
#define SIM_DEMO_SERVERS_H

#include <uv.h>

#include "sim/demo_folder.h"

enum { DEMO_SERVERS = 3 };

struct demo_servers;

struct demo_server {
    struct demo_servers *all;
    uv_process_t process;
    char listen[32]; /* "127.0.0.1:PORT" */
    char route[32];
    bool is_running; /* until the loop has let go of it */
    bool is_killed;  /* by us */
};

struct demo_servers {
    char program[4096];
    struct demo_server at[DEMO_SERVERS];
    /* Set before the start. One has ended, and by itself unless it is_killed. */
    void (*ended)(void *ctx, const struct demo_server *which);
    void *ctx;
};

/* Look for the program, on PATH and in /usr/sbin. ESYSTEM: it is missing; says what to install. */
int demo_servers_find(struct demo_servers *s, struct pipepoll_error *why);
/* ESYSTEM: not all were started; those that were are to be killed. */
int demo_servers_start(struct demo_servers *s, uv_loop_t *loop, const struct demo_folder *folder,
                       struct pipepoll_error *why);
/* Do all of them listen by now? */
bool demo_servers_are_there(const struct demo_servers *s);
bool demo_servers_are_running(const struct demo_servers *s); /* one of them, at least */
void demo_servers_kill(struct demo_server *which);           /* nothing where it does not run */
void demo_servers_kill_all(struct demo_servers *s);
/* The same, and wait for their death: the process ends now. */
void demo_servers_end(struct demo_servers *s);

#endif

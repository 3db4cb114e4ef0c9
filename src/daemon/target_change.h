/* SPDX-License-Identifier: MIT */
/* The targets of a poller brought from one plan to the next, on its loop and while it polls: some
 * at each turn, so that no turn takes long however many there are. */
#ifndef DAEMON_TARGET_CHANGE_H
#define DAEMON_TARGET_CHANGE_H

#include <uv.h>

#include "daemon/target_set.h"

struct target_change {
    uv_idle_t idle; /* runs while a change is under way */
    struct target_set *set;
    struct plan_diff diff;
    struct credentials_cache credentials;
    uint64_t slice_ns;           /* of each turn; one target is done in any case */
    size_t added, removed, kept; /* by the change under way, or the last */
    void (*done)(void *ctx);
    void *ctx;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* done(ctx) comes from the loop after each change that is not stopped. */
void target_change_open(struct target_change *c, uv_loop_t *loop, struct target_set *set,
                        void (*done)(void *ctx), void *ctx);

/* Add what is new, remove what is gone; the rest notices nothing but perhaps a new name. What
 * cannot be added is logged, and tried again at the next change. The targets of both plans must
 * live until done(); not while a change is under way. */
void target_change_start(struct target_change *c, const struct plan *old, const struct plan *new);

/* A change under way ends where it is. closed(ctx) comes from the loop. */
void target_change_close(struct target_change *c, void (*closed)(void *ctx), void *ctx);

#endif

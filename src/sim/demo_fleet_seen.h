/* SPDX-License-Identifier: MIT */
/* Which member of a demo's fleet polled which target when, as the service sees it. Pure. */
#ifndef SIM_DEMO_FLEET_SEEN_H
#define SIM_DEMO_FLEET_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/demo_options.h"
#include "sim/sim.h"

enum { DEMO_MEMBERS = 3 };

/* Members tell themselves by this and a letter from 'a' in their User-Agent. */
#define DEMO_MEMBER_APP "demo-member-"

struct demo_seen {
    const struct demo_options *options;
    size_t targets;
    uint64_t (*polled_ns)[DEMO_MEMBERS]; /* the last poll; 0: none yet */
};

int demo_seen_init(struct demo_seen *s, const struct demo_options *o, struct pipepoll_error *why);
void demo_seen_deinit(struct demo_seen *s); /* fine on a zeroed one */

void demo_seen_note(struct demo_seen *s, const struct sim_served *what, uint64_t now_ns);

/* How many targets each has polled since then. true: each target was polled by one member alone,
 * and each member polled one. */
bool demo_seen_shares(const struct demo_seen *s, uint64_t since_ns, size_t shares[DEMO_MEMBERS]);

/* How many targets nobody but this one (DEMO_MEMBERS: nobody at all) has polled since then. */
size_t demo_seen_left(const struct demo_seen *s, uint64_t since_ns, size_t without);

#endif

/* SPDX-License-Identifier: MIT */
/* The fleet as one sees it who is no member: what the log of leases says of members and of who
 * polls what, for those who show it. Pure; time is an argument. Nothing is written, so nothing
 * changes by being looked at. */
#ifndef FLEET_ROSTER_H
#define FLEET_ROSTER_H

#include "base/table.h"
#include "fleet/beat.h"

struct roster_member {
    char id[BEAT_MEMBER_MAX + 1];
    bool has_beat; /* else somebody's claim or a request alone names it */
    bool is_alive; /* it has beaten since we look */
    uint64_t seen_ns;
    uint64_t incarnation, number; /* of its last beat, as all below */
    enum beat_state state;
    uint64_t held;
    struct beat_figures figures;
};

/* The last claim of a target, given back or not. */
struct roster_claim {
    struct table_node node; /* the target's hash */
    uint64_t epoch, incarnation;
    size_t member; /* index; it stays */
    bool is_free;
};

struct roster {
    struct roster_member *members; /* in the order they were heard of */
    size_t count, cap;
    struct table claims;
    bool is_caught_up;
};

/* An all-zero roster is an empty one. */
void roster_deinit(struct roster *r);

/* A message of the log. What no key or body of ours is, or of another version, is passed over.
 * PIPEPOLL_OK, or ENOMEM: it is as if the message had not come. */
int roster_seen(struct roster *r, str key, str body, uint64_t now_ns);
/* All that there was has been told: what beats from now on is alive. */
void roster_caught_up(struct roster *r);

/* NULL: nobody has this id. */
const struct roster_member *roster_find(const struct roster *r, str id);
/* Is it one that did not take its leave? */
bool roster_is_there(const struct roster_member *m);
/* Has each that is there beaten since we look? */
bool roster_is_complete(const struct roster *r);

/* How many take their part, and have beaten since we look; without the one of this id. */
size_t roster_active(const struct roster *r, str but);

const struct roster_claim *roster_claim(const struct roster *r, uint64_t target);
/* Who polls it by this claim; NULL: nobody, or one that was started anew since. */
const struct roster_member *roster_holder(const struct roster *r, const struct roster_claim *c);

#endif

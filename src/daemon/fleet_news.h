/* SPDX-License-Identifier: MIT */
/* What of a fleet is news to whoever reads this member's log: that it has joined, is cut off, has a
 * twin or is drained; who else came, left, died; and how many targets it polls, once that has
 * settled. It compares each look with the one before, so a burst of changes is one line. Lines
 * about others and about targets are few however much happens: what is not told at once is told,
 * summed up, with the next line. Pure but for the log: the time is an argument, and memory is
 * bounded. */
#ifndef DAEMON_FLEET_NEWS_H
#define DAEMON_FLEET_NEWS_H

#include "base/log.h"
#include "daemon/line_budget.h"
#include "fleet/beat.h"

enum {
    FLEET_NEWS_PEERS = 256, /* of more, those beyond are not told of */
    FLEET_NEWS_WHY = 320,
    FLEET_NEWS_SETTLED_MS = 1500, /* targets that did not change hands for so long are told of */
    FLEET_NEWS_AT_ONCE = 4,       /* lines of each of the two kinds, and then */
    FLEET_NEWS_EVERY_MS = 30000   /* one in so long */
};

enum fleet_peer_state {
    FLEET_PEER_WAITS,
    FLEET_PEER_ACTIVE,
    FLEET_PEER_DRAINED,
    FLEET_PEER_LEFT,
    FLEET_PEER_DEAD
};

/* Another member. */
struct fleet_peer {
    char id[BEAT_MEMBER_MAX + 1];
    enum fleet_peer_state state;
    uint64_t held, silent_ms;
};

/* How things stand at one moment. */
struct fleet_look {
    enum beat_state state;
    bool is_ready;        /* the servers answer */
    bool is_fenced;       /* polls nothing, for others may have its targets */
    bool is_duplicate;    /* another process has its name, and it stands back */
    bool has_twin;        /* another one does, and stands back */
    uint64_t log_losses;  /* how often the log of leases was found to be another one */
    size_t targets, held; /* targets: 0 where this member polls none */
    const struct fleet_peer *peers;
    size_t peer_count;
    int64_t now_ms; /* of any steady clock */
};

struct fleet_news {
    struct log log;
    const char *fleet, *member; /* their names */
    /* private */
    enum { FLEET_NEWS_JOINING, FLEET_NEWS_IN, FLEET_NEWS_DRAINED } told;
    bool is_cut_off, is_duplicate, has_twin;
    uint64_t log_losses;
    struct fleet_peer peers[FLEET_NEWS_PEERS]; /* as they were told */
    size_t peer_count;
    bool has_share;
    size_t told_held, told_targets, held;
    int64_t changed_ms;
    struct line_budget of_peers, of_share;
    char why[FLEET_NEWS_WHY]; /* what happened since the share was told */
};

/* n: zero but for log, fleet and member. */
void fleet_news_look(struct fleet_news *n, const struct fleet_look *look);

/* Keep one of each id: the one that was heard last, of `peers`, which has room for
 * FLEET_NEWS_PEERS. */
void fleet_news_put_peer(struct fleet_peer *peers, size_t *count, const struct fleet_peer *peer);

#endif

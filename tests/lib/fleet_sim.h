/* SPDX-License-Identifier: MIT */
/* A fleet in virtual time: members with the real leases, each with a clock of its own, share one
 * engine in memory and poll what they hold. Things go wrong; what must hold is watched with each
 * poll and twice a second. The first that does not is kept in `broken`.
 *
 * Always, but while the log was lost and that is not over:
 *          no poll by a superseded epoch after the newer epoch's first (with fast times: but for a
 *          member that was cut off, for as long as its fence takes); no epoch polled by two.
 * In calm: no target unpolled longer than stated, by what happened last; each polled by the member
 *          that it belongs to; none moved that belongs to whom it belonged before. */
#ifndef TESTS_FLEET_SIM_H
#define TESTS_FLEET_SIM_H

#include "fleet/lease.h"
#include "lib/fake_engine.h"

enum { FLEET_MEMBERS = 8, FLEET_TARGETS = 48, FLEET_CATALOGUES = 3, FLEET_EPOCHS = 64 };

struct fleet_poll {
    uint64_t epoch, serial;
    bool is_on, is_in_flight;
    bool is_refused; /* waits to be woken */
};

struct fleet_member {
    struct fleet_sim *sim;
    char id[24];
    struct fake_owner *owner;
    struct engine *engine;
    struct lease *lease; /* NULL: does not run */
    double rate;         /* of its clock */
    uint64_t born_ns, offset_ns, timer;
    struct fleet_poll polls[FLEET_TARGETS];
    int catalogue;
    bool is_fast, is_cut, is_stopped, is_drained, is_leaving;
    uint64_t stopped_ns, continued_ns;
    uint32_t index;
};

struct fleet_target {
    uint64_t hash, polled_ns;
    uint64_t epoch, epoch_ns; /* the highest polled, and its first poll */
    uint32_t poller;          /* the last */
    uint32_t moves;           /* changes of poller */
    uint32_t expected;        /* member, in calm; UINT32_MAX: none */
    uint64_t covered_ns;      /* since then somebody should poll it */
    struct {
        uint64_t epoch, process;
    } by[FLEET_EPOCHS]; /* who polled an epoch */
};

struct fleet_numbers {
    uint64_t polls, happened, joins, losses, moved, could_move, overlaps, fences, claims,
        lost_claims;
    uint64_t gap_ns[4]; /* the longest of each enum fleet_calm */
};

/* What came before the calm: how long targets may be unpolled after. */
enum fleet_calm { FLEET_CHANGE, FLEET_CRASH, FLEET_HEALED, FLEET_STEADY };

struct fleet_plan {
    uint64_t seed;
    bool is_fast, is_gentle; /* gentle: one thing at a time, on good lines */
    bool is_mixed;           /* each process is fast or not, at random */
    uint32_t members, targets;
    unsigned rounds;
    bool is_told; /* print what happens */
};

struct fleet_sim {
    struct fleet_plan plan;
    struct lease_times times;
    struct fake *fake;
    struct fleet_member members[FLEET_MEMBERS];
    struct fleet_target targets[FLEET_TARGETS];
    uint64_t catalogues[FLEET_CATALOGUES]; /* bit t: it has target t */
    struct fake_member line;
    uint64_t calm_ns; /* since then nothing happened; 0: it is not calm */
    enum fleet_calm calm;
    bool is_away, is_lost; /* lost: the log was, and not all may know */
    struct fleet_numbers numbers;
    char broken[256];
};

void fleet_sim_run(struct fleet_sim *s, const struct fleet_plan *plan);
void fleet_sim_end(struct fleet_sim *s);

/* --- fleet_member.c --- */
void fleet_start(struct fleet_member *m, int catalogue);
void fleet_crash(struct fleet_member *m);
void fleet_leave(struct fleet_member *m);
void fleet_stop(struct fleet_member *m);
void fleet_cont(struct fleet_member *m);
void fleet_cut(struct fleet_member *m, bool is_cut);
void fleet_drain(struct fleet_member *m, bool is_drained);
void fleet_reload(struct fleet_member *m, int catalogue);
/* Takes part: is there, and nothing is wrong with it. */
bool fleet_is_well(const struct fleet_member *m);

/* --- fleet_watch.c --- */
void fleet_polled(struct fleet_member *m, uint32_t target, uint64_t epoch);
void fleet_look(struct fleet_sim *s);
/* Epochs are counted anew. */
void fleet_forget_epochs(struct fleet_sim *s);
/* Something happened; calm from now on, of this kind. */
void fleet_calm(struct fleet_sim *s, enum fleet_calm kind);
void fleet_expect(struct fleet_sim *s);
/* The calm was long enough: all is where it belongs. */
void fleet_settled(struct fleet_sim *s);
void fleet_break(struct fleet_sim *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

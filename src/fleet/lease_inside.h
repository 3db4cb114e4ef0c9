/* SPDX-License-Identifier: MIT */
/* What the files of the lease share. Only for lease*.c. */
#ifndef FLEET_LEASE_INSIDE_H
#define FLEET_LEASE_INSIDE_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/rng.h"
#include "base/table.h"
#include "fleet/catalogue.h"
#include "fleet/lease.h"

#define LEASE_NO_ROOM_NS UINT64_C(5000000) /* after a full queue */

enum {
    LEASE_MEMBERS_MAX = 1024, /* incarnations known at once; those who are there must fit */
    LEASE_CATALOGUES_MAX = 64,
    LEASE_WRITES = 512,      /* on their way at once */
    LEASE_BEATS = 16,        /* beats of ours whose sending we remember */
    LEASE_BEATS_OF_LIFE = 4, /* that a member may miss */
    LEASE_PROOFS = 3,        /* beats of ours that must come back before another is dead */
    LEASE_BITS = 64
};

#define LEASE_SELF    UINT32_C(0) /* our slot */
#define LEASE_NOBODY  UINT32_MAX
#define LEASE_FOREIGN (UINT32_MAX - 1) /* a claim that we cannot read: it stays as it is */
#define LEASE_UNKNOWN (UINT32_MAX - 2) /* of one who found no place: until it is told again */
#define LEASE_HOUR_NS (UINT64_C(3600) * 1000000000)

/* A catalogue of the log. */
struct lease_catalogue {
    uint64_t digest;
    uint64_t *targets; /* count of them, once all parts are here */
    uint64_t *bits;    /* which of our targets are among them */
    bool *parts_here;
    size_t count, parts, parts_left, bit_words;
    bool is_complete;
    uint64_t named_ns; /* when somebody's beat named it last */
};

/* An incarnation of a member. */
struct lease_entry {
    struct table_node node; /* by incarnation */
    char id[BEAT_MEMBER_MAX + 1];
    uint64_t incarnation, hash;
    uint32_t slot;
    /* of its last beat */
    bool has_beat;
    enum beat_state state;
    uint64_t catalogue, held;
    uint64_t patience_ns; /* silent for so long, it may be dead */
    struct beat_figures figures;
    uint64_t sequence, seen_ns, backs; /* backs: of ours that had come back by then */
    /* its beats since this one say that it holds nothing and takes nothing; 0: they do not */
    uint64_t idle_sequence, idle_ns;
    bool is_idle_told;                       /* what it held was looked at since */
    bool is_dead, is_superseded, is_removed; /* removed: its beat, from the log */
    size_t claims;                           /* of our targets, by the log */
};

enum lease_holding {
    LEASE_IDLE,
    LEASE_CLAIMING,
    LEASE_HELD,   /* started */
    LEASE_ENDING, /* stopped; a poll may be in flight */
    LEASE_FREEING,
    LEASE_HOLDINGS
};

struct lease_target {
    uint64_t epoch, sequence; /* by the log: the highest, and of which message */
    uint64_t mine;            /* the epoch that we claim or hold */
    uint64_t retry_ns;        /* no claim and no giving back before */
    uint64_t cleaned;         /* epochs up to this one are not in the log any more */
    uint64_t watch;           /* the log is known for it once this watch has caught up */
    uint32_t holder;          /* slot, by the log */
    uint32_t desired, placed; /* slot; by which placement */
    uint32_t fence;           /* since how many fences it is held */
    uint32_t waits;           /* for a job of it, here */
    uint8_t holding;
    bool is_wanted;    /* is in the config */
    bool is_releasing; /* stopped for another's sake: to be given back whatever comes */
};

enum lease_write_kind { LEASE_WRITE_BEAT, LEASE_WRITE_CLAIM, LEASE_WRITE_FREE, LEASE_WRITE_OTHER };

struct lease_write {
    uint64_t ticket; /* 0: none is on its way */
    enum lease_write_kind kind;
    uint64_t target, epoch, sent_ns;
    uint32_t fence, next; /* next: of those that are free */
    bool is_last;         /* a beat that says bye, and that all is given back */
};

/* Who may be the desired owner. */
struct lease_candidate {
    uint64_t hash;
    const uint64_t *bits; /* NULL: it has all of ours */
    uint32_t slot;
};

struct lease {
    struct lease_config config;
    struct rng rng;
    char member[BEAT_MEMBER_MAX + 1];
    /* what another thread reads */
    _Atomic uint64_t ran_ns, fence_until_ns, strict_until_ns;
    _Atomic bool was_refused; /* somebody, who is to be told when he may */

    /* targets: hashes sorted, those that are not wanted any more included */
    uint64_t *hashes;
    struct lease_target *targets;
    size_t count, room, wanted;
    size_t holdings[LEASE_HOLDINGS];
    uint64_t digest; /* of those that are wanted */

    struct lease_entry *entries[LEASE_MEMBERS_MAX]; /* by slot */
    uint32_t entry_slots;
    uint64_t short_ns; /* since when somebody has no place there; 0: all have */
    uint32_t shorts;   /* how often the log was read again for that, in a row */
    struct table incarnations;
    struct lease_catalogue *catalogues[LEASE_CATALOGUES_MAX];

    struct lease_candidate candidates[LEASE_MEMBERS_MAX];
    uint32_t candidate_count, placement;
    bool is_placement_stale;
    size_t sweep_at, sweep_left;
    uint64_t retry_ns; /* the earliest of the targets' */

    /* the engine and the view */
    bool is_ready, is_watching, has_view, needs_watch;
    uint64_t watches, caught, watched_ns;
    uint32_t watch_doubts; /* in a row */
    uint64_t backs, back_ns, back_sent_ns, view_since_ns;
    uint64_t first_back_ns, own_sequence;
    uint64_t duplicate_until_ns; /* another process that beat as this member may be there */

    /* which log it is */
    uint64_t log_name, last_sequence, back_number; /* back: the last of our beats that came back */
    uint64_t log_losses;
    bool is_passing, is_log_seen; /* its name, in this pass of the watch */

    /* our beats */
    enum beat_state state;
    struct beat_figures figures;
    uint64_t beats, beat_due_ns, beat_sent_ns[LEASE_BEATS];
    uint64_t last_beat_ns;
    bool is_beat_wanted;
    uint64_t published_ns;
    size_t publish_part, publish_left;

    bool is_leaving, is_drained, is_gone, is_last_wanted, is_catalogue_told;
    uint64_t drain_sequence; /* of the message that said whether we are drained */
    bool is_fenced;
    uint32_t fence_count;
    uint64_t fenced_ns, acked_ns; /* acked: when the last acknowledged beat was sent */
    /* Acknowledged, after none was for so long that others may have taken what we hold: the first
     * and the last of these. They count once the view shows what happened meanwhile. */
    uint64_t doubted_ns, doubted_last_ns;

    struct lease_write writes[LEASE_WRITES];
    uint32_t free_write; /* LEASE_WRITES: none */
    uint64_t tickets;

    size_t clean_at, clean_owed;
    uint64_t clean_moves; /* moves at the last cleaning */
    uint64_t unreadable, claims, lost_claims, fences, moves;
};

static inline struct lease_entry *lease_self(const struct lease *l)
{
    return l->entries[LEASE_SELF];
}

/* No claim of it counts: it is dead, or a later process of its name is there. */
static inline bool lease_is_over(const struct lease_entry *e)
{
    return e->is_dead || e->is_superseded;
}

/* Does another process beat as this member? */
static inline bool lease_is_duplicate(const struct lease *l, uint64_t now_ns)
{
    return now_ns < l->duplicate_until_ns;
}

static inline uint64_t lease_beat_ns(const struct lease *l)
{
    return l->config.times.dead_ns / LEASE_BEATS_OF_LIFE;
}

/* --- lease.c --- */
void lease_move_fence(struct lease *l);
/* Stop, forget what we hold, and claim anew. */
void lease_fence(struct lease *l, uint64_t now_ns);

/* --- lease_log.c: is it the log that it was? --- */
void lease_log_pass(struct lease *l);                      /* the watch begins (again) */
void lease_log_number(struct lease *l, uint64_t sequence); /* of each message */
void lease_log_seen(struct lease *l, str body, uint64_t now_ns);
void lease_log_passed(struct lease *l, uint64_t now_ns); /* it has caught up */
void lease_log_name(struct lease *l);                    /* if it has no name yet */
/* A beat of ours is back. */
void lease_log_beat(struct lease *l, const struct beat *b, uint64_t sequence, uint64_t now_ns);

/* --- lease_entries.c: members --- */
int lease_entries_open(struct lease *l, uint64_t now_ns);
void lease_entries_close(struct lease *l);
/* NULL: there is no place for it, until the log is told again. */
struct lease_entry *lease_entry_of(struct lease *l, str id, uint64_t incarnation, uint64_t now_ns);
void lease_entry_drop(struct lease *l, struct lease_entry *e);
/* What the log's numbers said of them. */
void lease_entries_log_is_new(struct lease *l);
/* Is the log to be read again now, for somebody who had no place? */
bool lease_is_short(struct lease *l, uint64_t now_ns);

/* --- lease_view.c: what they are and do --- */
void lease_view_beat(struct lease *l, str id, str body, uint64_t sequence, uint64_t now_ns);
/* Find the dead. When to look again. */
uint64_t lease_view_tick(struct lease *l, uint64_t now_ns);
/* Forget, and have removed, what is long gone. */
void lease_view_clean(struct lease *l, uint64_t now_ns);
bool lease_is_fresh(const struct lease *l, uint64_t now_ns);
/* A claim of that message does not count any more. */
bool lease_is_void(const struct lease *l, const struct lease_entry *e, uint64_t sequence,
                   uint64_t now_ns);
bool lease_is_candidate(const struct lease_entry *e);
/* Of everybody who seems to be there a beat was seen since our view keeps up: who has died before
 * that is known to be dead. */
bool lease_knows_the_living(const struct lease *l);
/* Does an earlier process of this member still seem to be there? */
bool lease_has_forerunner(const struct lease *l);

/* --- lease_catalogues.c --- */
struct lease_catalogue *lease_catalogue_find(const struct lease *l, uint64_t digest);
void lease_catalogue_seen(struct lease *l, uint64_t digest, uint64_t part, str body,
                          uint64_t now_ns);
void lease_catalogues_mark(struct lease *l); /* our targets have changed */
void lease_catalogues_close(struct lease *l);
bool lease_is_published(const struct lease *l); /* ours is in the log */
void lease_publish(struct lease *l, uint64_t now_ns);
uint64_t lease_missing_catalogue(const struct lease *l);
void lease_catalogue_drop(struct lease *l, size_t i);
/* Ours is not in the log; what we know of the others' is still true. */
void lease_catalogues_log_is_new(struct lease *l);

/* --- lease_targets.c --- */
struct lease_target *lease_target_of(const struct lease *l, uint64_t hash);
void lease_hold(struct lease *l, struct lease_target *t, enum lease_holding holding);
void lease_set_holder(struct lease *l, struct lease_target *t, uint32_t slot);
/* Nobody holds any, as far as is known. */
void lease_targets_log_is_new(struct lease *l);

/* --- lease_claim.c: who is to have what --- */
void lease_claim_seen(struct lease *l, const struct beat_key *key, str body, uint64_t sequence,
                      uint64_t now_ns);
void lease_claim_written(struct lease *l, const struct lease_write *w, enum engine_result result,
                         uint64_t now_ns);
void lease_free_written(struct lease *l, const struct lease_write *w, enum engine_result result,
                        uint64_t now_ns);
void lease_sweep_all(struct lease *l);
/* A part of the sweep; false: it is done. */
bool lease_sweep(struct lease *l, uint64_t now_ns);
void lease_clean_epochs(struct lease *l);

/* --- lease_write.c --- */
void lease_writes_open(struct lease *l);
/* w: what it is about; the ticket is put there. false: not now. */
bool lease_write(struct lease *l, const struct lease_write *w, const struct beat_key *key, str body,
                 bool absent);
bool lease_write_take(struct lease *l, uint64_t ticket, struct lease_write *out);
void lease_beat(struct lease *l, uint64_t now_ns);

#endif

/* SPDX-License-Identifier: MIT */
/* When the credentials of one identity are fetched, and how long they serve: the policy of its
 * refresh. Pure: instants are of the monotonic clock, in ns, and rolls are random numbers that the
 * caller drew. Each event tells the caller what to do; when to call refresh_on_due() next is in
 * due_ns.
 *
 * A set is refreshed 15 minutes before it expires, +-20 %, or after half its life when that is less
 * than 30 minutes. It serves while that fails. 5 minutes before the end (or a sixth of a shorter
 * life) it counts as late, and what failed before is tried at once, however long its back-off. */
#ifndef CREDENTIALS_REFRESH_H
#define CREDENTIALS_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

#define REFRESH_NEVER UINT64_MAX

enum {
    REFRESH_ADVISORY_S = 900,  /* before expiry */
    REFRESH_MANDATORY_S = 300, /* before expiry */
    REFRESH_BACKOFF_BASE_MS = 50,
    REFRESH_BACKOFF_CAP_MS = 60000,
    REFRESH_PATIENCE = 3,      /* after this many failures in a row, ... */
    REFRESH_PATIENT_MS = 1000, /* ... the next fetch is at least this far away */
    REFRESH_LOOK_AGAIN_S = 60, /* at a set-up that somebody must change */
    REFRESH_FORCE_INTERVAL_S = 60
};

enum refresh_state {
    REFRESH_NONE,     /* there was no set yet */
    REFRESH_FRESH,    /* a set, good for a while */
    REFRESH_STALE,    /* a good set, to be replaced */
    REFRESH_LATE,     /* a good set that could not be replaced in time */
    REFRESH_OUTLIVED, /* the set has expired, and serves on while there is no other */
    REFRESH_EXPIRED   /* the set has expired and is of no use */
};

/* What there is to know of a set. */
struct refresh_set {
    uint64_t expires_ns;  /* REFRESH_NEVER: good for ever */
    bool outlives_expiry; /* better used than none: of a metadata service that has trouble itself */
    bool may_change;      /* fetching again can bring another set */
    bool is_same;         /* the one that there was, credentials and all */
};

struct refresh {
    uint64_t due_ns; /* call refresh_on_due() then; REFRESH_NEVER: nothing will happen by itself */
    enum refresh_state state;
    uint32_t failures; /* in a row */
    /* private */
    bool fetching;
    bool is_idle; /* nobody needs the set */
    bool refused; /* the service does not accept the set */
    struct refresh_set set;
    uint64_t stale_ns, late_ns; /* when the set becomes so */
    uint64_t fetch_ns;          /* the next fetch, when none is under way */
    uint64_t planned_ns;        /* the next fetch of a set that is accepted */
    uint64_t force_ns;          /* from when on a fetch may be forced */
};

/* No set, and a fetch due at once. */
void refresh_init(struct refresh *r);

/* Idle: nobody needs the set, so nothing is due; it does not age, but what a fetch under way brings
 * is taken. Not any more: it is as old as it is, and one that has expired is as if it had never
 * been; what is due since then is due now. */
void refresh_set_idle(struct refresh *r, bool is_idle, uint64_t now_ns);

/* due_ns has come; early or repeated calls do nothing. true: start a fetch, which ends in
 * refresh_on_fetched() or refresh_on_failed(). */
bool refresh_on_due(struct refresh *r, uint64_t now_ns);

/* A fetch ended with a set; or one came without a fetch. true: it is the current one from now on.
 * false: it has expired already, which counts as a failure, and what was the current set stays so
 * as refresh_has_set() tells. */
bool refresh_on_fetched(struct refresh *r, const struct refresh_set *set, uint64_t now_ns,
                        uint64_t roll);

/* A fetch ended with nothing. lasting: no use to ask again before the set-up changes. */
void refresh_on_failed(struct refresh *r, bool lasting, uint64_t now_ns, uint64_t roll);

/* The service does not accept the set. true: a fetch is under way, or due at once, that can bring
 * another. false: no other can come, or one was forced less than a minute ago; then the next is due
 * when the minute is over, and so on while the set stays the same and is not accepted. Either way
 * the set serves on until another event ends it. */
bool refresh_on_refused(struct refresh *r, uint64_t now_ns);
/* The service accepts the set after all. */
void refresh_on_accepted(struct refresh *r);

/* There is reason to think that a fetch now brings what it did not bring before: fetch at once,
 * whatever the back-off. false: no other set can come. */
bool refresh_now(struct refresh *r, uint64_t now_ns);

/* Is there a set to sign with? */
bool refresh_has_set(const struct refresh *r);
/* Does the set serve although it should have been replaced by now? */
bool refresh_is_degraded(const struct refresh *r);

#endif

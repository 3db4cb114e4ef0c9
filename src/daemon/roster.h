/* The targets a running poller has, brought from one plan to the next, and the health of each. */
#ifndef DAEMON_ROSTER_H
#define DAEMON_ROSTER_H

#include "base/list.h"
#include "config/keyring.h"
#include "config/plan.h"
#include "daemon/console.h"

struct roster {
    struct pipepoll *poller;
    const struct console *log;
    struct keyring keys;         /* while targets are added */
    size_t added, removed, kept; /* by the last roster_change() */
};

enum health {
    HEALTH_WELL,
    HEALTH_THROTTLED, /* polled as often as the service allows */
    HEALTH_ILL
};

struct incident;

/* Hangs on each pipepoll_target as its user pointer. */
struct roster_target {
    char *name;                     /* of its section, NUL-terminated */
    const struct plan_target *plan; /* NULL once it is removed */
    enum health health;
    int status; /* of the failure that made it so; PIPEPOLL_OK while well */
    char code[64];
    uint32_t failures; /* in a row */
    int64_t failing_since_ms;
    uint32_t answers;          /* in a row, of a throttled target */
    struct incident *incident; /* that it is in; its owner's, as the next two */
    char *owed;                /* an event that found no room yet; from malloc() */
    struct list owed_link;     /* of those; a node of its own or in no list */
};

/* Add what is new, remove what is gone; the rest notices nothing but perhaps a new name. `old` may
 * be thrown away afterwards. What cannot be added is logged, and tried again at the next change. */
void roster_change(struct roster *r, struct plan *old, struct plan *new);

struct roster_target *roster_of(const struct pipepoll_target *t);

/* Take note of a failed or an answered poll. true: the target's health, or its cause, is another
 * one now. What may pass is no change until ROSTER_FAILURES polls in a row failed, or those of
 * ROSTER_FAILING_MS: a few failed polls of many are no illness. A service that throttles refuses
 * some calls and answers others: a throttled target is well again after ROSTER_ANSWERS answers in a
 * row, any other after the first. now_ms: of a clock that is never set. */
enum { ROSTER_ANSWERS = 10, ROSTER_FAILURES = 5, ROSTER_FAILING_MS = 5000 };
bool roster_failed(struct roster_target *t, const struct pipepoll_failure *failure, int64_t now_ms);
bool roster_answered(struct roster_target *t);

/* How many of a plan's targets that are polled have this health. */
size_t roster_count(const struct plan *p, enum health health);

/* For the sink's removed(). */
void roster_removed(struct roster_target *t);

#endif

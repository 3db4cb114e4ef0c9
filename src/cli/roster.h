/* The targets a running poller has, brought from one plan to the next, and the health of each. */
#ifndef CLI_ROSTER_H
#define CLI_ROSTER_H

#include "base/log.h"
#include "cli/keyring.h"
#include "cli/plan.h"

struct roster {
    struct pipepoll *poller;
    struct log log;
    struct keyring keys;         /* while targets are added */
    size_t added, removed, kept; /* by the last roster_change() */
};

/* Hangs on each pipepoll_target as its user pointer. */
struct roster_target {
    char *name;       /* of its section, NUL-terminated */
    int status;       /* of the last failure; PIPEPOLL_OK while healthy */
    uint32_t answers; /* in a row since then, of a throttled target */
    char code[64];
};

/* Add what is new, remove what is gone; the rest notices nothing but perhaps a new name. `old` may
 * be thrown away afterwards. What cannot be added is logged, and tried again at the next change. */
void roster_change(struct roster *r, struct plan *old, struct plan *new);

struct roster_target *roster_of(const struct pipepoll_target *t);

/* Take note of a failed or an answered poll. true: the target's health is another one now. A
 * service that throttles refuses some calls and answers others: a throttled target is healthy again
 * after ROSTER_ANSWERS answers in a row, any other after the first. */
enum { ROSTER_ANSWERS = 10 };
bool roster_failed(struct roster_target *t, const struct pipepoll_failure *failure);
bool roster_answered(struct roster_target *t);

/* How many of a plan's targets that are polled are not healthy. */
size_t roster_unhealthy(const struct plan *p);

/* For the sink's removed(). */
void roster_removed(struct roster_target *t);

#endif

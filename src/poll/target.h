/* The state machine of one target: when is it polled next? Pure: now and rolls are arguments, and
 * each event returns the next due instant instead of arming anything. */
#ifndef POLL_TARGET_H
#define POLL_TARGET_H

#include <stdint.h>

#include "base/fault.h"
#include "base/heap.h"
#include "base/list.h"

#define TARGET_NEVER UINT64_MAX

/* A target that cannot work before its set-up changes is looked at again this often. */
enum { TARGET_LOOK_AGAIN_MS = 60000 };

enum target_state {
    TARGET_WAITING,   /* in the heap of due instants */
    TARGET_READY,     /* due; waits for a slot or for credit */
    TARGET_IN_FLIGHT, /* its poll is out */
    TARGET_REMOVED    /* ends with the answer in flight, or has ended */
};

struct share;

struct target {
    struct heap_node due_node; /* WAITING: in the schedule's heap */
    struct list ready_link;    /* READY: in its share's list */
    struct share *share;       /* the slots it competes for */
    uint64_t due_ns;
    enum target_state state;
    uint32_t interval_ms;
    uint32_t failures;      /* in a row */
    uint32_t reported_hash; /* of the last reported failure that waits for a change; 0: none */
};

void target_init(struct target *t, struct share *share, uint32_t interval_ms);

/* The first poll of a target added at now: anywhere in its first interval. */
uint64_t target_first_due(const struct target *t, uint64_t now_ns, uint64_t roll);

/* The three ends of a poll. The target must be IN_FLIGHT or REMOVED (then: TARGET_NEVER).
 * now is the instant that intervals count from: for an answer, the start of its poll.
 * full: as many jobs came as were asked for, so there may be more: at once again. */
uint64_t target_on_jobs(struct target *t, bool full, uint64_t now_ns, uint64_t roll);
uint64_t target_on_empty(struct target *t, uint64_t now_ns, uint64_t roll);
uint64_t target_on_fault(struct target *t, enum fault fault, uint32_t hint_ms, uint64_t now_ns,
                         uint64_t roll);

/* Is this failure news? Passing ones always are; one that waits for a change of the set-up only
 * when the fault or the service's code differs from the one told before. Remembers it as told. */
bool target_is_news(struct target *t, enum fault fault, struct pipepoll_str code);

#endif

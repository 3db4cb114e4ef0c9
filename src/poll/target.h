/* SPDX-License-Identifier: MIT */
/* The state machine of one target: when is it polled next? Pure: now and rolls are arguments, and
 * the end of a poll returns the next due instant instead of arming anything. */
#ifndef POLL_TARGET_H
#define POLL_TARGET_H

#include "base/fault.h"
#include "poll/budget.h"
#include "poll/pace.h"

#define TARGET_NEVER UINT64_MAX

enum {
    /* A target that cannot work before its set-up changes is looked at again this often. */
    TARGET_LOOK_AGAIN_MS = 60000,
    /* An account enables a region once, if ever. */
    TARGET_LOOK_SLOWLY_MS = 300000
};

enum target_state {
    TARGET_WAITING,   /* in the heap of due instants */
    TARGET_READY,     /* due; waits for a slot, a token or credit */
    TARGET_ASIDE,     /* due; whoever takes its jobs has no credit, though others may have some */
    TARGET_IN_FLIGHT, /* its poll is out */
    TARGET_PAUSED,    /* not to be polled; one that is paused in flight comes here at its end */
    TARGET_REMOVED    /* ends with the answer in flight, or has ended */
};

struct share;

struct target {
    struct heap_node due_node; /* WAITING: in the schedule's heap */
    struct list ready_link;    /* READY: in its share's list; ASIDE: in a taker's */
    struct share *share;       /* the slots it competes for */
    uint64_t due_ns;
    uint64_t emptied_ns; /* start of the last poll that left no job behind; TARGET_NEVER: none */
    enum target_state state;
    uint32_t interval_ms;   /* 0: the pace tells */
    struct pace pace;       /* of a target with a goal */
    uint32_t first_ms;      /* the first poll comes within this; 0: an interval. The owner's, set
                             * after init */
    uint32_t failures;      /* in a row */
    uint32_t reported_hash; /* of the last reported failure that waits for a change; 0: none */
    uint32_t retry_cost;    /* what the poll in flight cost the quota; 0: it came by plan */
    uint16_t max_retries;   /* polls that may come sooner than planned after one that failed:
                             * RETRY_MAX, or what the owner set after init */
    bool is_paused;         /* the schedule's: not to be polled */
    bool keeps_due;         /* it was put off by a stall, or has more jobs to fetch: not again */
    uint8_t taker;          /* ASIDE: whose credit it waits for; IN_FLIGHT: who takes its jobs */
    uint64_t early_ns;      /* after the next poll by plan the one after it comes sooner by this */
};

/* A time in which nothing could be polled: the process stood still, there was no credit, no
 * credentials. Shorter ones than TARGET_STALL_MS are none. */
struct stall {
    uint64_t end_ns, length_ns;
};
enum { TARGET_STALL_MS = 250 };

/* Polled at an interval, at least 1 ms; or by a goal, for which see poll/pace.h. */
void target_init(struct target *t, struct share *share, uint32_t interval_ms);
void target_init_goal(struct target *t, struct share *share, uint32_t goal_ms, uint32_t slowest_ms);

/* What passes between two polls by plan, at present. */
uint32_t target_interval_ms(const struct target *t);

/* The first poll of a target added at now: anywhere in its first interval, or within first_ms. */
uint64_t target_first_due(struct target *t, uint64_t now_ns, uint64_t roll);

/* Did the target become due within this stall, and long enough before its end that it must not be
 * polled together with all the others that did? */
bool target_missed(const struct target *t, const struct stall *stall);
/* When it is polled then, once a stall: all of them are spread over half an interval, or as long as
 * the stall was if that is less; and the polls after these so that their phases are again those of
 * before, or again spread over the whole interval. How long its next jobs waited teaches nothing.
 * due_ns remains what it was. */
uint64_t target_after_stall(struct target *t, const struct stall *stall);
/* Others are polled at about the same time as this one, and it shall part with them: the poll after
 * the next one comes up to an interval sooner. */
void target_scatter(struct target *t, uint64_t roll);

/* A pause is over: when it is polled next. As planned, where the pause ended before that instant
 * came; else as a new one is, what is known of earlier polls is forgotten but for the pace. */
uint64_t target_after_pause(struct target *t, uint64_t now_ns, uint64_t roll);

/* How a poll ended. */
struct poll_end {
    uint64_t started_ns, now_ns;
    uint64_t roll;    /* a random number the caller drew */
    enum fault fault; /* FAULT_NONE: answered, with so many jobs */
    uint32_t jobs;
    uint32_t hint_ms; /* with a fault: what the service asked to wait; 0: nothing */
    bool full;        /* as many jobs came as were asked for, so there may be more */
};

/* A poll ended: all of policy. The target must be IN_FLIGHT or REMOVED; budget is its share's and
 * learns from every end (NULL: none, and retries are free). Returns the instant of the next poll,
 * now or later; TARGET_NEVER for a REMOVED one. failures counts this poll when it failed.
 *
 * By plan polls follow each other by an interval, give or take a tenth, counted from start to
 * start; after a full answer the next is due at once. After a passing fault the next comes when the
 * back-off ends: sooner than planned when it is one of max_retries in a row and the quota pays for
 * it, else not before its interval either. Want of memory costs nothing: the back-off counts. */
uint64_t target_on_end(struct target *t, struct budget *budget, const struct poll_end *end);

/* Is this failure news? Passing ones always are; one that waits for a change of the set-up only
 * when the fault, its cause or the service's code is not the one told before. Remembers it as
 * told. */
bool target_is_news(struct target *t, enum fault fault, enum pipepoll_cause cause,
                    struct pipepoll_str code);

#endif

/* SPDX-License-Identifier: MIT */
/* Private to job_outbox.c and job_outbox_take.c. */
#ifndef DAEMON_JOB_OUTBOX_PARTS_H
#define DAEMON_JOB_OUTBOX_PARTS_H

#include <uv.h>

#include "base/list.h"
#include "base/table.h"
#include "daemon/job_outbox.h"

enum { OUTBOX_MARKS = 32, OUTBOX_ALL_AFTER_MS = 60000 };

enum outbox_state {
    OUTBOX_GATHERED, /* a result of ours: the engine is to be asked, perhaps again */
    OUTBOX_WRITING,  /* the same: the engine has not answered */
    OUTBOX_KEPT,     /* the same, and it has it, or never will */
    OUTBOX_CLAIMING, /* another's */
    OUTBOX_SENDING   /* the same: it is ours now */
};

struct outbox_entry {
    struct table_node by_id, by_ticket;
    struct job_outbox *outbox;
    enum outbox_state state;
    bool may_be_there, may_be_claimed; /* in the engine */
    bool is_settled;                   /* while it is being written: to be removed then */
    char member[BEAT_MEMBER_MAX + 1];
    struct list gathered;
    str job_id, body;
    size_t size; /* of the texts */
    char texts[];
};

/* How far we are with what a dead member left. */
struct outbox_mark {
    char member[BEAT_MEMBER_MAX + 1]; /* empty: a free place */
    uint64_t incarnation;
    uint64_t at_ms; /* when to look at its results next, by uv_now() */
    unsigned looks; /* since it is dead: the number of the attempt */
    unsigned empty; /* looks in a row that found nothing */
    bool is_self, is_there;
    bool is_stray; /* nobody has heard of it: its results alone name it */
};

struct job_outbox {
    struct job_outbox_options o;
    struct engine *engine;
    struct fleet_listener listener;
    uv_timer_t timer, gather_timer;
    struct list gathered;
    uint64_t gather_by_ms; /* when they are written, by uv_now() */
    struct table by_id, by_ticket;
    uint64_t last_ticket;
    struct outbox_mark marks[OUTBOX_MARKS];
    size_t mark_from;              /* the next of the lease's members that may have a place */
    struct outbox_mark *looked_at; /* whose results the engine is telling; NULL: nobody's */
    bool is_at_all;                /* or everybody's */
    uint64_t all_at_ms;            /* when to look at these next */
    bool is_any, is_full;          /* of this look: it found a result; some were too many for us */
    size_t taken, taken_bytes;     /* entries of others */
    bool is_draining;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* NULL: no memory. */
struct outbox_entry *outbox_entry_new(struct job_outbox *o, enum outbox_state state, str member,
                                      str job_id, str body);
void outbox_entry_free(struct outbox_entry *e);
struct outbox_entry *outbox_entry_find(const struct job_outbox *o, str job_id);
/* Out of the engine with it, and with its claims. */
void outbox_remove(struct job_outbox *o, const char *member, str job_id, bool may_be_claimed);
/* All of ours are written again: their log may be another one. */
void outbox_write_again(struct job_outbox *o);
/* Have it written, under a ticket of ours; false: no answer will come. */
bool outbox_entry_write(struct outbox_entry *e, struct engine_message *m);

/* --- job_outbox_take.c --- */

void outbox_on_timer(uv_timer_t *timer);
void outbox_on_engine(struct job_outbox *o, enum engine_state state);
void outbox_on_seen(struct job_outbox *o, str key, str body);
void outbox_on_lease_seen(struct job_outbox *o, str key);
void outbox_on_caught_up(struct job_outbox *o);
void outbox_on_claim(struct outbox_entry *e, enum engine_result result);

#endif

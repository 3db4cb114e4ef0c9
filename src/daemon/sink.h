/* SPDX-License-Identifier: MIT */
/* Where jobs go: what takes those that `pipepoll run` finds, and what is told of its targets. Lines
 * on stdout, and as equals of them whatever else is to have them (a program for each job, a ledger,
 * a queue of others').
 *
 * The bargain. A sink says by credit() how many jobs it takes for sure; no more are asked for than
 * that, so that those it cannot take stay in the service. A job that it took comes with a ticket,
 * and the sink says of each ticket once, in any order and whenever it knows, that it is done with
 * it, by sink_confirm(): written, committed, acknowledged by whoever it went to, worked off. Or
 * that it is not, by sink_lose(): then its giver, who keeps a copy of each job until then, names it
 * to the user. So no job is lost without a word, whatever becomes of the sink, and the end knows
 * what it waits for. Other records (health, credentials) have no ticket: one that finds no room is
 * kept by its giver, the newest of each target, a removed one included, and of each source of
 * credentials, and put again when there is room (daemon/pending.h).
 *
 * All on one loop's thread, the home loop's, however many loops poll. Nothing here blocks. What a
 * sink is put is borrowed until put() returns. A sink calls its listener whenever it likes but
 * inside credit(); inside put() all but room(). A listener calls put() and credit() alone, and
 * these not inside confirmed() and lost().
 *
 * How others fit. One that runs a program for each job, N at a time: capacity N, credit N less
 * those that run; it confirms when a program has ended and its result is out, and tells of room
 * then. One that publishes to a queue of others': put() copies and sends, an acknowledgement
 * confirms its ticket, in whatever order they come; away from its server it has no credit, and
 * tells of room when it is back; broken only when it can never be. One that commits in batches on a
 * thread of its own: put() adds to the batch, and what the thread reports home confirms the whole
 * of it. A sink may put what it was put into another whose listener it is, under that one's
 * tickets.
 *
 * A sink embeds struct sink, fills in its functions and gets itself back from `self` by
 * CONTAINER_OF(). */
#ifndef DAEMON_SINK_H
#define DAEMON_SINK_H

#include "base/list.h"
#include "daemon/record.h"

struct sink_listener {
    /* There is credit again, or room for another record. */
    void (*room)(struct sink_listener *self);
    /* Nothing can be taken any more, and why: once. Each ticket that is open is lost, and each that
     * comes. */
    void (*broken)(struct sink_listener *self, const char *why);
    void (*confirmed)(struct sink_listener *self, uint64_t ticket);
    void (*lost)(struct sink_listener *self, uint64_t ticket);
};

struct sink {
    /* What became of a job that it lost, for the log: "not written to stdout". */
    const char *undone;
    /* How many jobs it may have at once, unconfirmed: where several loops poll, each has its share
     * of these, for each must know its own credit. SIZE_MAX: its credit alone limits it. */
    size_t capacity;
    struct sink_listener *listener; /* the giver's, before the first put(); NULL: nobody */

    /* How many more jobs put() takes now. SIZE_MAX: any number. */
    size_t (*credit)(struct sink *self);
    /* Take it. false: there is no room now, and nothing was taken; so for a job without credit.
     * A record of a kind that is of no interest to it is taken and dropped. ticket: of a job,
     * never 0; 0 for others. */
    bool (*put)(struct sink *self, const struct record *what, uint64_t ticket);
    /* Bytes that wait in it; may be NULL. */
    size_t (*backlog)(struct sink *self);
    /* What it waits for, for whoever waits for it: "the reader of stdout to take 120 bytes";
     * nothing where it waits for nothing. */
    void (*put_awaited)(struct sink *self, struct buf *out);
    /* Now, for the process ends: lose, inside this call, every ticket whose job may not be done;
     * and those that are put later. */
    void (*give_up)(struct sink *self);
    /* Nothing is put any more: finish what there is, each ticket included, then closed(ctx),
     * perhaps inside this call, and the sink is gone. However long it takes: it is the caller
     * who has a deadline, and gives up. Not inside a call of the listener's. */
    void (*close)(struct sink *self, void (*closed)(void *ctx), void *ctx);
};

/* For sinks, to their listener. */
static inline void sink_tell_room(struct sink *s)
{
    if (s->listener)
        s->listener->room(s->listener);
}

static inline void sink_tell_broken(struct sink *s, const char *why)
{
    if (s->listener)
        s->listener->broken(s->listener, why);
}

static inline void sink_confirm(struct sink *s, uint64_t ticket)
{
    s->listener->confirmed(s->listener, ticket);
}

static inline void sink_lose(struct sink *s, uint64_t ticket)
{
    s->listener->lost(s->listener, ticket);
}

#endif

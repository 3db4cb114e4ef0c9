/* SPDX-License-Identifier: MIT */
/* The poller and its targets: what poller.c drives and pipepoll.c makes and ends. */
#ifndef CLIENT_POLLER_H
#define CLIENT_POLLER_H

#include "aws/user_agent.h"
#include "base/log.h"
#include "base/rng.h"
#include "client/call.h"
#include "io/trust_store.h"

/* Of who takes jobs. */
struct taker {
    struct pipepoll_sink *self;
    size_t (*credit)(struct pipepoll_sink *self); /* NULL: no limit */
    uint64_t jobs_on_order; /* what polls in flight may bring, when there is a limit */
};

struct pipepoll {
    struct pipepoll_options o;
    struct pipepoll_sink sink; /* what o.sink, which is called with, said when it was given */
    struct alloc alloc;
    struct log log;
    struct timers *timers;
    struct timer tick;
    struct trust_store *trust_store;
    struct transport *transport;
    struct call_context calls;
    struct schedule schedule;
    struct clients clients;
    /* Those that are polled; removed with a poll in flight; to be told so, then freed. */
    struct list targets, leaving, gone;
    struct list free_calls;
    struct list requests; /* calls that are no polls, from start to end */
    struct list woken;    /* targets that waited for credentials, to be polled soon */
    struct pipepoll_credentials *credentials; /* of targets without their own */
    struct environment environment;
    char user_agent[USER_AGENT_SIZE];
    struct rng rng;
    /* The first is the sink. A worker's sink passes the jobs of some targets on, to the embedder's:
     * pick() says before each poll which of them takes its jobs. NULL: the first. */
    struct taker takers[SCHEDULE_TAKERS];
    uint8_t (*pick)(struct pipepoll_sink *self, struct pipepoll_target *t);
    uint64_t max_lateness_ns;
    struct pipepoll_stats stats;
    uint32_t holders; /* a worker's jobs, which use the timers and clients: it ends after them */
    bool keeps_loop;  /* alive although nothing is in flight */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct pipepoll_target {
    struct target schedule; /* first poll, interval, back-off */
    struct pipepoll *poller;
    struct client *client;
    const struct operation *poll; /* that its action type wants */
    struct rng rng;   /* its own, so that what one meets with changes nothing for the others */
    uint64_t late_us; /* of the last poll that started */
    uint32_t batch, on_order; /* of the poll in flight: jobs asked for, and set aside from credit */
    uint32_t clock_refusals;  /* see verdict.h */
    bool is_polling;          /* a poll is out */
    bool tells_pause;         /* paused() comes at its end */
    struct list credentials_link; /* in its client's waiting, then in woken */
    uint32_t max_batch_size;
    uint32_t size;
    struct pipepoll_action_type action_type; /* slices of text */
    struct pipepoll_query_param query_param;
    struct list link; /* in targets, leaving or gone */
    void *user;
    char text[];
};

/* What the transport counts, into these. */
void poller_note_connections(const struct pipepoll *p, struct pipepoll_stats *out);

struct call_order {
    void *owner;
    void (*on_done)(struct transfer *x); /* from the loop; gives the call back */
    struct client *client;
    const struct operation *operation;
    const void *input;
};
/* Start a call for the one whose turn it is. A fault: it did not start, and nothing comes of it. */
enum fault poller_start_call(struct pipepoll *p, const struct call_order *order);
/* What the call of a poll or a request held is not needed any more. */
void poller_give_call(struct pipepoll *p, struct call *c);
/* A call ended: others may have waited for its slot. Last of all, for it may start or end them. */
void poller_tick_at_end(struct pipepoll *p);
/* Ring the tick as soon as the loop turns, for the loop lives that long. */
void poller_tick_soon(struct pipepoll *p);
/* No poll of t starts any more. Fine on one that was removed. */
void poller_remove(struct pipepoll_target *t);
/* Hold the loop or let it end, as the embedder wishes and polls in flight and requests demand. */
void poller_hold_loop(struct pipepoll *p);
/* The timer's: tell removed targets, end a poller that is done, else start what is due. */
void poller_on_tick(struct timer *tick);
/* What is much at once is done in slices of a millisecond. */
static inline bool poller_slice_is_over(uint64_t since_ns)
{
    return timers_now_ns() - since_ns > 1000000;
}
/* Of credentials, which targets must follow before they are polled. */
static inline bool poller_has_news(const struct pipepoll *p)
{
    return !list_empty(&p->clients.principals.news) || !list_empty(&p->clients.lagging);
}
/* The tick's: removed() of targets that are gone; and a step of a poller's end. */
void poller_tell_removed(struct pipepoll *p, uint64_t since_ns);
void poller_end_some(struct pipepoll *p, uint64_t since_ns);
/* Undo a start that failed half-way; the loop may still have to close a timer. */
void poller_abandon(struct pipepoll *p);
/* Leave the client and free; t is in no list and no schedule. */
void target_free(struct pipepoll_target *t);

#endif

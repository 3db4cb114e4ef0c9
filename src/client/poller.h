/* The poller and its targets: what poller.c drives and api.c makes and ends. */
#ifndef CLIENT_POLLER_H
#define CLIENT_POLLER_H

#include "aws/user_agent.h"
#include "base/log.h"
#include "base/rng.h"
#include "client/call.h"
#include "io/trust_store.h"

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
    uint64_t jobs_on_order; /* what polls in flight may bring, when the sink has a limit */
    uint64_t max_lateness_ns;
    struct pipepoll_stats stats;
    bool keeps_loop; /* alive although nothing is in flight */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct pipepoll_target {
    struct target schedule; /* first poll, interval, back-off */
    struct list link;       /* in targets, leaving or gone */
    struct list
        /* in its client's waiting, then in woken, while credentials are its trouble */
        credentials_link;
    struct pipepoll *poller;
    struct client *client;
    struct pipepoll_action_type action_type; /* slices of text */
    uint32_t max_batch_size;
    uint32_t batch, on_order; /* of the poll in flight: jobs asked for, and set aside from credit */
    uint32_t size;
    void *user;
    char text[];
};

/* A call for the one whose turn it is, or NULL: out of memory. */
struct call *poller_take_call(struct pipepoll *p);
/* What the call of a poll or a request held is not needed any more. NULL is fine. */
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
/* Undo a start that failed half-way; the loop may still have to close a timer. */
void poller_abandon(struct pipepoll *p);
/* Leave the client and free; t is in no list and no schedule. */
void target_free(struct pipepoll_target *t);

#endif

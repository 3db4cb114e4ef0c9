/* SPDX-License-Identifier: MIT */
/* Requests on a link, each with one answer: JetStream's own, a word of the server's, or none in
 * time. All are given the same time, so the oldest is the next to run out. The engine's thread
 * alone. */
#ifndef FLEET_NATS_ASK_H
#define FLEET_NATS_ASK_H

#include "aws/json.h"
#include "base/list.h"
#include "base/table.h"
#include "fleet/nats_event.h"

struct nats_link;
struct nats_post;

struct nats_answer {
    const struct nats_note *note; /* NULL: none came in time, or the connection is gone */
    bool is_refused;              /* we may not send to this subject */
    int status;                   /* 503: nobody is there who could answer; 0: a message */
    struct json *json;            /* of the message, if it is JSON; dies when the call returns */
    int code;                     /* JetStream's err_code; 0: it did what it was asked */
    str text;                     /* and what it says to it */
};

struct nats_ask {
    struct list link;
    struct table_node node;
    uint64_t id, deadline_ms;
    str subject; /* lies where the asker keeps it */
    /* Comes once, never from inside nats_ask_send(); the ask is the asker's again. */
    void (*on_answer)(void *ctx, struct nats_ask *ask, const struct nats_answer *a);
    void *ctx;
};

struct nats_asks {
    struct list waiting;
    struct table by_id;
    uint64_t last_id;
};

void nats_asks_init(struct nats_asks *asks);
void nats_asks_deinit(struct nats_asks *asks); /* none may wait */

/* on_answer and ctx are set. post->reply is filled in. false: it was not sent, and no answer
 * comes. */
bool nats_ask_send(struct nats_asks *asks, struct nats_ask *ask, struct nats_link *link,
                   struct nats_post *post, uint64_t now_ms);
/* It is no longer waited for; fine on one that is not. */
void nats_ask_forget(struct nats_asks *asks, struct nats_ask *ask);

/* Is this note an answer to any, even to one that is not waited for any more? `replies`: the link's
 * inbox and ".r." */
bool nats_asks_answer(struct nats_asks *asks, const struct nats_note *n, str replies);
/* We may not send to n's subject. false: that was no ask. */
bool nats_asks_refuse(struct nats_asks *asks, const struct nats_note *n);
void nats_asks_expire(struct nats_asks *asks, uint64_t now_ms); /* UINT64_MAX: all */
uint64_t nats_asks_next_ms(const struct nats_asks *asks);       /* UINT64_MAX: never */

#endif

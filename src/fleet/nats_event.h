/* SPDX-License-Identifier: MIT */
/* What passes between the engine's thread, its connection and the loop: nodes that are queued as
 * they are, so that nothing is allocated to tell something. */
#ifndef FLEET_NATS_EVENT_H
#define FLEET_NATS_EVENT_H

#include <stdint.h>

#include "base/list.h"
#include "fleet/engine.h"

enum nats_event_kind {
    NATS_STATE,     /* struct nats_state */
    NATS_WRITTEN,   /* struct nats_write */
    NATS_SEEN,      /* struct nats_note */
    NATS_CAUGHT_UP, /* struct nats_caught_up */
    NATS_PULLED     /* struct engine_delivery */
};

struct nats_event {
    struct list link;
    enum nats_event_kind kind;
    size_t bytes; /* what it counts in a queue */
};

/* A message that arrived, or a word of the server's about what we sent. */
struct nats_note {
    struct nats_event event;
    void *message; /* cnats' own, whose the texts are; freed with it */
    str subject, reply, body;
    int status;         /* of the protocol: 0 for a message; 100, 404, 408, 409, 503 */
    str description;    /* of the status */
    bool is_refusal;    /* none of that: we may not use `subject` */
    uint64_t last_seen; /* status 100: the consumer's last sequence; UINT64_MAX: not told */
    str stalled;        /* and where it waits for a word that we follow; empty: it does not */
    /* As an event: */
    enum engine_log log;
    uint64_t generation, sequence;
    str key;
};

/* NULL is fine. Any thread. */
void nats_note_free(struct nats_note *n); /* nats_note.c */

#endif

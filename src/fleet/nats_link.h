/* SPDX-License-Identifier: MIT */
/* One connection to one NATS server, from connect to close; the wall around cnats, of which only
 * its core is used: publish, subscribe, headers. JetStream's requests are ours (fleet/nats_ask.h),
 * so nothing here waits but connect and close, and send for as long as the socket is full (at most
 * NATS_WRITE_MS). It never connects again by itself: a connection that failed is closed, and
 * another opened.
 *
 * What arrives is queued, bounded: when the queue is full the socket is not read. All functions are
 * for one thread, the engine's; wake() comes on cnats' threads. */
#ifndef FLEET_NATS_LINK_H
#define FLEET_NATS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/nats_engine.h"
#include "fleet/nats_event.h"

enum { NATS_WRITE_MS = 2000, NATS_CONNECT_MS = 2000, NATS_PING_MS = 1000, NATS_INBOX_MAX = 64 };

struct nats_link;

struct nats_wake {
    void (*wake)(void *ctx); /* something arrived, or the connection is lost */
    void *ctx;
};

/* Would its files do, by themselves and together? Blocks on files alone. PIPEPOLL_ECREDENTIALS with
 * a line that names the option, the file and what to do; ENOMEM. */
int nats_link_check(const struct nats_options *o, struct pipepoll_error *why);

/* Blocks, for some NATS_CONNECT_MS and what the resolver takes. NULL: `why` has a line without the
 * server's name. Its one subscription at first is to "<inbox>.r.>". */
struct nats_link *nats_link_open(const struct nats_options *o, const char *server,
                                 const struct nats_wake *wake, struct pipepoll_error *why);
/* Blocks; what had arrived is dropped. NULL is fine. */
void nats_link_close(struct nats_link *l);

bool nats_link_is_up(struct nats_link *l);
/* "_INBOX." and a random word. */
str nats_link_inbox(const struct nats_link *l);

struct nats_post {
    const char *subject, *reply; /* reply: NULL for none */
    str body;
    const char *once, *stream; /* headers; NULL: none */
    bool absent;
};
/* false: the connection is lost, or there is no memory. */
bool nats_link_send(struct nats_link *l, const struct nats_post *p);

/* To a subject without '*' or '>'. Until the link is closed; at most NATS_SUBSCRIBED_MAX. The same
 * again: nothing happens. */
enum { NATS_SUBSCRIBED_MAX = 64 };
bool nats_link_subscribe(struct nats_link *l, const char *subject);

/* The next that arrived, the caller's to free; NULL: none. */
struct nats_note *nats_link_take(struct nats_link *l);

#endif

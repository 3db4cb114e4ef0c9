/* SPDX-License-Identifier: MIT */
/* What transport.c keeps and its connections use. Private to io/. */
#ifndef IO_POOL_H
#define IO_POOL_H

#include <curl/curl.h>

#include "io/answer_room.h"
#include "io/multi.h"
#include "io/opening.h"
#include "io/route.h"
#include "io/transport.h"

enum {
    SEND_CAPACITY = 24 << 10,
    RECEIVE_CAPACITY = 16 << 10
}; /* a session token may be 16 KiB long */

struct transport {
    struct transport_options o;
    struct sockets *sockets;
    struct worker *worker;
    struct resolver *resolver;
    struct transport_counts counts;
    struct list multis;  /* those with room for another user first */
    struct list resting; /* idle connections of all pools, the last used first */
    struct list leaving; /* connections that are to be closed, and when: */
    struct timer leave;
    struct list waiting; /* transfers without a connection */
    struct timer room;   /* there may be one for them now */
    struct opening opening;
    unsigned connections;     /* idle and busy */
    unsigned connections_max; /* no more than the options', and fewer after EMFILE */
    char *send_bytes;         /* a request is put together here and sent at once */
    char *receive_bytes;      /* what came, until it is parsed: at once as well */
    struct answer_rooms rooms;
    bool worker_closed;
    void (*closed)(void *ctx);
    void *ctx;
    char lack[128]; /* why there are no more descriptors, as a sentence */
    size_t size;    /* of this struct and the text */
    char text[];    /* of the proxies' rules, with passwords in it */
};

struct pool {
    struct transport *transport;
    struct route route;
    CURLSH *share; /* addresses, and a proxy's TLS sessions, over all multis of the pool */
    struct ssl_session_st *session; /* the last one with the origin; NULL: none yet */
    struct list idle;               /* the last used first, so that the others grow old */
    uint64_t doubt_ns; /* connections that have rested since before then are looked at before use */
    size_t url_size;
    bool insecure, is_tls;
    char *host;    /* of the origin, without brackets; libcurl's memory, as is: */
    char *tcp_url; /* "http://host:port/" of the origin, whatever its scheme */
    str path;
    char url[];
};

/* Can a transfer of the pool have a connection now: one that rests, a new one within the bound,
 * or one for which another pool's is closed? */
bool h1_connection_may_start(const struct pool *pool);
/* Let x, which has begun, go by such a connection. false: out of memory. */
bool h1_connection_start(struct transfer *x);
/* The one that has rested longest, of any pool. There must be one. */
void h1_connections_close_oldest(struct transport *tp);
/* All of them, soon; none is busy. The pool may go. */
void h1_connections_close_idle(struct pool *pool);
/* Close some of those that are to be closed, for a millisecond. true: none is left. */
bool h1_connections_leave(struct transport *tp);

/* A multi with room for one more user, who is counted; NULL: out of memory. */
struct multi *transport_take_multi(struct transport *tp);
/* One user less; the last one ends the multi. */
void transport_give_multi(struct transport *tp, struct multi *m);

/* May another connection begin to be opened now? If not, those that wait go on as soon as it
 * may. */
bool transport_may_open(struct transport *tp);
/* One begins to be opened; it is open, or never will be. */
void transport_opens(struct transport *tp);
void transport_opened(struct transport *tp);
/* A connection is open: count it. */
void transport_connected(struct transport *tp);
/* A connection went, or rests: a transfer that waits can go on. */
void transport_connection_freed(struct transport *tp);
/* x, which has no connection any more, met EMFILE or ENFILE: it waits, first of all, until there
 * is a descriptor for it. in_vain: it ends, since no other connection could have given one back. */
void transport_lacks_descriptors(struct transfer *x, int error, bool in_vain);

#endif

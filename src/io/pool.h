/* What transport.c keeps and its lanes use. Private to io/. */
#ifndef IO_POOL_H
#define IO_POOL_H

#include <curl/curl.h>

#include "io/multi.h"
#include "io/route.h"
#include "io/transport.h"

enum { SEND_ROOM = 16 << 10, RECEIVE_ROOM = 16 << 10 };

struct transport {
    struct transport_options o;
    struct sockets *sockets;
    struct worker *worker;
    struct resolver *resolver;
    uint64_t connections;
    char *send_room;    /* a request is put together here and sent at once */
    char *receive_room; /* what came, until it is parsed: at once as well */
    void (*closed)(void *ctx);
    void *ctx;
    size_t size; /* of this struct and the text */
    char text[]; /* of the proxies' rules, with passwords in it */
};

struct pool {
    struct transport *transport;
    struct route route;
    CURLSH *share;      /* addresses and TLS sessions, over all multis of the pool */
    struct list idle;   /* lanes; the last used first, so that the others grow old */
    struct list multis; /* those with room for another user first */
    uint64_t doubt_ns;  /* lanes that have rested since before then are looked at before use */
    size_t url_size;
    str path;
    char url[];
};

/* transfer_start(), by a lane that rests or a new one. */
int lane_start(struct transfer *x, struct pool *pool);
/* All of them; none is busy. */
void lanes_close_idle(struct pool *pool);

/* A handle with all options of a lane, or NULL. */
CURL *pool_new_easy(struct pool *pool);
/* A multi with room for one more user, who is counted; NULL: out of memory. */
struct multi *pool_take_multi(struct pool *pool);
/* One user less; the last one ends the multi. */
void pool_give_multi(struct pool *pool, struct multi *m);

#endif

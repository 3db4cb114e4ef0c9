/* What transport.c keeps and its two carriers use: lanes (HTTP/1.1) and streams (HTTP/2).
 * Private to io/. */
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
    struct resolver *resolver;
    uint64_t connections;
    char *send_room;    /* a request is put together here and sent at once */
    char *receive_room; /* what came, until it is parsed: at once as well */
    void (*closed)(void *ctx);
    void *ctx;
    size_t size; /* of this struct and the text */
    char text[]; /* of the proxies' rules, with passwords in it */
};

/* One way to carry the transfers of a pool. */
struct carrier {
    int (*start)(struct transfer *x, struct pool *pool);
    void (*close_idle)(struct pool *pool); /* all of them; none is busy */
    unsigned users_per_multi;
    bool multiplexes; /* by libcurl's own transfers */
};
extern const struct carrier carrier_lane, carrier_stream;

struct pool {
    struct transport *transport;
    const struct carrier *carrier;
    struct route route;
    CURLSH *share;      /* addresses and TLS sessions, over all multis of the pool */
    struct list idle;   /* lanes or streams; the last used first, so that the others grow old */
    struct list multis; /* those with room for another user first */
    unsigned busy;      /* streams in flight */
    uint64_t doubt_ns;  /* lanes that have rested since before then are looked at before use */
    uint64_t slept_ns;  /* how long the machine had slept, when a stream was last started */
    size_t url_size;
    str path;
    char url[];
};

/* A handle with all options that both carriers share, or NULL. */
CURL *pool_new_easy(struct pool *pool);
/* A multi with room for one more user, who is counted; NULL: out of memory. */
struct multi *pool_take_multi(struct pool *pool);
/* One user less; the last one ends the multi. */
void pool_give_multi(struct pool *pool, struct multi *m);

#endif

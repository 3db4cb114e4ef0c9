/* What transport.c sets up and transfer.c drives; private to io/. */
#ifndef IO_LANE_H
#define IO_LANE_H

#include <curl/curl.h>

#include "io/socket.h"
#include "io/transport.h"

enum { LANES_PER_MULTI = 5 };

/* One easy handle and, in practice, one connection. */
struct lane {
    CURL *easy;
    struct multi *multi;
    struct transfer *transfer; /* NULL: idle */
    struct list idle_link;
    struct curl_slist lines[TRANSFER_HEAD_LINES + 1]; /* nodes point into the transfer's head */
    bool fresh;         /* its last connection broke: the next transfer opens one */
    bool worn;          /* opened a connection: its handle is replaced before the next transfer */
    bool forbids_reuse; /* the service failed: this connection is not kept */
    char error[CURL_ERROR_SIZE];
};

struct multi {
    CURLM *curl;
    struct alarm timer; /* libcurl's own, and "look for results" */
    struct socket_watcher watcher;
    struct pool *pool;
    struct list pool_link;
    unsigned lane_count, busy;
    struct lane lanes[LANES_PER_MULTI];
};

struct pool {
    struct transport *transport;
    CURLSH *share;    /* names and TLS sessions, over all multis of the pool */
    struct list idle; /* lanes; the last used first, so that the others grow old */
    struct list multis;
    size_t url_size;
    char url[];
};

struct transport {
    struct transport_options o;
    struct sockets *sockets;
    uint64_t connections;
};

/* An idle lane of the pool, or a new one; it is in no list then. NULL: out of memory. */
struct lane *lane_take(struct pool *pool);
void lane_give(struct lane *lane);

/* transfer.c: what libcurl and the loop call. */
size_t transfer_on_header(char *line, size_t unit, size_t count, void *lane);
size_t transfer_on_body(char *bytes, size_t unit, size_t count, void *lane);
/* Tell the owners of what ended in m. The multi may be gone afterwards. */
void transfer_drain(struct multi *m);

#endif

/* SPDX-License-Identifier: MIT */
/* What virtual_network.c and virtual_kill.c know of the fake transport. */
#ifndef TESTS_VIRTUAL_CONNECTION_H
#define TESTS_VIRTUAL_CONNECTION_H

#include "lib/virtual.h"

struct transport {
    struct transport_options o;
    uint64_t connections;
    unsigned pools;
    struct timer closing;
    bool waits_no_more;
    void (*closed)(void *ctx);
    void *ctx;
};

struct pool {
    struct transport *transport;
    struct list idle; /* connections */
    struct pool_report report;
    unsigned busy;
    size_t url_len;
    char url[];
};

struct answer_room {
    str wanted[WANTED_HEADERS_MAX];
    size_t values_len, body_cap;
    char values[512];
    char *body;
};

struct h1_connection {
    struct list link; /* in flight, or idle */
    struct pool *pool;
    struct transfer *x;
    struct timer timer;
    void (*next)(struct h1_connection *c);
    uint64_t deadline_ns;
    uint64_t arrives_ns; /* TIMER_OFF: it has arrived, or never will */
    struct virtual_way way;
    struct virtual_request rq; /* its texts lie in room, as the transfer forgets them */
    char *room;
    size_t room_size;
    struct answer_room answer;
};

extern struct virtual_network {
    struct virtual_service *service;
    struct list in_flight; /* connections, of all transports */
    struct list orphans;   /* requests whose sender was killed */
    unsigned pools, flying;
} network;

/* Of all its texts; copy them there. */
size_t virtual_request_size(const struct virtual_request *rq);
void virtual_request_keep(struct virtual_request *rq, char *at);
/* virtual_network_end() calls this. */
void virtual_forget_orphans(void);
/* All timers of these, set or not, are gone; so are they. */
void virtual_forget_timers(struct timers *timers);

#endif

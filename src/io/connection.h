/* SPDX-License-Identifier: MIT */
/* One connection of a pool to its origin, and the bytes on it. libcurl opens the socket: addresses,
 * happy eyeballs, proxies; TLS is ours (io/tls.h). Private to io/. */
#ifndef IO_CONNECTION_H
#define IO_CONNECTION_H

#include "io/pool.h"
#include "io/tls.h"

enum { CONNECTION_PROBLEM_SIZE = CURL_ERROR_SIZE };

struct connection {
    struct pool *pool;
    /* From the loop, once: NULL, it is open; else why it is not, and `fault` and `cause` say more.
     * May close it. */
    void (*on_open)(struct connection *c, const char *problem);
    /* From the loop, while it is open: bytes may be received, or, when they were asked for, sent;
     * bits as of a socket_watcher. May close it. */
    void (*on_ready)(struct connection *c, int bits);

    uint64_t opened_ns; /* timers_age_ns(); 0: not open */
    enum fault fault;   /* of the last problem */
    enum pipepoll_cause cause;
    int lacks; /* EMFILE, ENFILE: no descriptor was available, which is the problem */

    /* private; what each transfer needs, side by side */
    int fd;
    struct transport *transport;
    struct socket_watcher watcher;
    struct tls tls;
    struct route_query way;
    /* what only opening and trouble need */
    struct multi_user user;
    struct socket_opener opener;
    struct timer limit; /* of the handshake */
    bool opening;       /* counted by the transport */
    bool overdue;       /* the limit has passed */
    uint64_t asked_ns, began_ns;
    char error[CONNECTION_PROBLEM_SIZE];
};

/* Of a zeroed one whose first three members are set. false: out of memory. */
bool connection_init(struct connection *c);
/* Whatever it does. The socket is closed. */
void connection_deinit(struct connection *c);

/* An open one that is deinited later, when the pool may have gone: no event comes any more. false:
 * it needs the pool until its end. */
bool connection_leave_pool(struct connection *c);

/* Begin to open it. Returns the problem, with `fault` and `cause`, or NULL: on_open() comes. */
const char *connection_open(struct connection *c);
/* What a caller is told that cannot wait any longer for it to open. Afterwards only deinit. */
const char *connection_lateness(struct connection *c, char text[ROUTE_PROBLEM_SIZE]);

/* Ask for events: bytes to receive always; also_sending: or when some can be sent. Returns the
 * problem, or NULL. */
const char *connection_watch(struct connection *c, bool also_sending);
/* After IO_ERROR c->error tells what happened, c->fault what it is. */
enum io_status connection_send(struct connection *c, str bytes, size_t *sent);
enum io_status connection_receive(struct connection *c, char *room, size_t size, size_t *received);
/* May there be bytes to receive without an event? */
bool connection_has_pending(const struct connection *c);
/* The bytes have ended: did the peer say that this is the end, as far as its protocol can? */
bool connection_ended_cleanly(const struct connection *c);
/* It served a request well: others may go on with its TLS session. */
void connection_keep_session(struct connection *c);
/* What is below TLS; private. */
struct tls_carrier connection_wire(struct connection *c);
/* Has the peer asked for a certificate of ours? */
bool connection_wants_certificate(const struct connection *c);

#endif

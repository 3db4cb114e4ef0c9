/* A lane: one connection for HTTP/1.1, idle or at work on one transfer. lane.c makes and ends lanes
 * and chooses among them, lane_bytes.c moves their bytes. Private to those two. */
#ifndef IO_LANE_H
#define IO_LANE_H

#include "io/connection.h"
#include "io/http1.h"
#include "io/transfer.h"

struct lane {
    struct connection connection; /* first */
    struct list idle_link;        /* of the pool's */
    struct list rest_link;        /* of the transport's */
    struct transfer *x;           /* NULL: idle */
    bool alone;                   /* there was no other when it began to connect */
    bool malformed;               /* what came is not HTTP, or past a limit */
    bool broken; /* the socket has an error: reading will meet it, or sending has */
    struct http1 http;
    struct buf unsent; /* of a request that the socket did not take at once */
    size_t unsent_from;
    uint64_t used_ns;    /* began or ended a transfer */
    const char *problem; /* in the start of x, or in sending: told unless there is an answer */
};

void lane_close(struct lane *lane);
/* End the transfer: with a fault, which the lane does not outlive; or with a whole answer, after
 * which it rests unless the connection has ended. detail may be the lane's own. */
void lane_fail(struct lane *lane, enum fault fault, const char *detail);
void lane_finish(struct lane *lane, bool ended);

/* Send the request of the lane's transfer; what the socket does not take goes out by and by.
 * Returns the problem, or NULL. */
const char *lane_send(struct lane *lane);
/* What sending has met ends the transfer, unless there is an answer. */
void lane_on_unsendable(struct lane *lane, const char *problem);
void lane_on_ready(struct connection *c, int bits);
/* The connection ended before its first answer, by error or without one: note why, and return that
 * or a better text in `text`. */
const char *lane_blame(struct lane *lane, const char *error, char text[ROUTE_PROBLEM_SIZE]);

#endif
